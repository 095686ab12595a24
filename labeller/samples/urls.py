from django.urls import path

from labeller.samples import views

app_name = "samples"
urlpatterns = [
    path("samples/<int:sample_id>/<int:size>.jpg", views.image, name="image"),
    path("samples/<int:sample_id>/part-<int:size>.jpg", views.part, name="part"),
    path("projects/<slug:slug>/known/<int:source_id>/<slug:purpose>.csv", views.not_taken, name="not_taken"),
]
