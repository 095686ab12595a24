from django.urls import path

from labeller.transfer import adapting_views, network_views, tuning_views, vectors_views, views, vocabulary_views

app_name = "transfer"
urlpatterns = [
    path("projects/<slug:slug>/featuriser/", views.featuriser, name="featuriser"),
    path("projects/<slug:slug>/featuriser/adapt/", adapting_views.adapt, name="adapt"),
    path("projects/<slug:slug>/featuriser/adapt/stop/", adapting_views.stop_adapting, name="stop_adapting"),
    path("projects/<slug:slug>/featuriser/adapt/<slug:way>/use/", adapting_views.use_adapted, name="use_adapted"),
    path("projects/<slug:slug>/featuriser/adapt/<slug:way>/leave/", adapting_views.leave_adapted, name="leave_adapted"),
    path("projects/<slug:slug>/featuriser/advise/", views.advise, name="advise"),
    path("projects/<slug:slug>/featuriser/advise/stop/", views.stop_advising, name="stop_advising"),
    path("projects/<slug:slug>/featuriser/levels/", views.keep_levels, name="levels"),
    path("projects/<slug:slug>/featuriser/use/", views.use, name="use"),
    path("projects/<slug:slug>/featuriser/use/stop/", views.keep, name="keep"),
    path("projects/<slug:slug>/featuriser/questions/", views.compare_questions, name="compare_questions"),
    path("projects/<slug:slug>/featuriser/network/<slug:digest>/", network_views.use_network, name="use_network"),
    path("projects/<slug:slug>/featuriser/vectors/", vectors_views.train_vectors, name="train_vectors"),
    path("projects/<slug:slug>/featuriser/vectors/stop/", vectors_views.stop_vectors, name="stop_vectors"),
    path("networks/", network_views.networks, name="networks"),
    path("networks/pieces/<uuid:token>/<int:number>/", network_views.piece, name="network_piece"),
    path("networks/<slug:digest>/delete/", network_views.remove, name="remove_network"),
    path("projects/<slug:slug>/featuriser/tune/", tuning_views.tune, name="tune"),
    path("projects/<slug:slug>/featuriser/encoder/", tuning_views.tune_encoder, name="tune_encoder"),
    path("projects/<slug:slug>/featuriser/tune/stop/", tuning_views.stop_tuning, name="stop_tuning"),
    path("projects/<slug:slug>/featuriser/tune/<int:tuning_id>/use/", tuning_views.use_tuned, name="use_tuned"),
    path("projects/<slug:slug>/featuriser/vocabulary/", vocabulary_views.vocabulary, name="vocabulary"),
    path("projects/<slug:slug>/featuriser/vocabulary/look/", vocabulary_views.look_up, name="look_up"),
    path("projects/<slug:slug>/featuriser/vocabulary/stop/", vocabulary_views.stop_looking, name="stop_looking"),
]
