from django.urls import path

from labeller.transfer import adapting_views, views

app_name = "transfer"
urlpatterns = [
    path("projects/<slug:slug>/featuriser/", views.featuriser, name="featuriser"),
    path("projects/<slug:slug>/featuriser/adapt/", adapting_views.adapt, name="adapt"),
    path("projects/<slug:slug>/featuriser/adapt/stop/", adapting_views.stop_adapting, name="stop_adapting"),
    path("projects/<slug:slug>/featuriser/adapt/<slug:way>/use/", adapting_views.use_adapted, name="use_adapted"),
]
