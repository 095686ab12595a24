from django.urls import path

from labeller.transfer import views

app_name = "transfer"
urlpatterns = [
    path("projects/<slug:slug>/featuriser/", views.featuriser, name="featuriser"),
    path("projects/<slug:slug>/featuriser/advise/", views.advise, name="advise"),
    path("projects/<slug:slug>/featuriser/advise/stop/", views.stop_advising, name="stop_advising"),
    path("projects/<slug:slug>/featuriser/use/", views.use, name="use"),
    path("projects/<slug:slug>/featuriser/use/stop/", views.keep, name="keep"),
]
