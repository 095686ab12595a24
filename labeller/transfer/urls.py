from django.urls import path

from labeller.transfer import views

app_name = "transfer"
urlpatterns = [
    path("projects/<slug:slug>/featuriser/", views.featuriser, name="featuriser"),
]
