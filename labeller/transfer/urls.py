from django.urls import path

from labeller.transfer import tuning_views, views

app_name = "transfer"
urlpatterns = [
    path("projects/<slug:slug>/featuriser/", views.featuriser, name="featuriser"),
    path("projects/<slug:slug>/featuriser/tune/", tuning_views.tune, name="tune"),
    path("projects/<slug:slug>/featuriser/tune/stop/", tuning_views.stop_tuning, name="stop_tuning"),
    path("projects/<slug:slug>/featuriser/tune/<int:pk>/use/", tuning_views.use_tuned, name="use_tuned"),
]
