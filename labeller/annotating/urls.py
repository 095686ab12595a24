from django.urls import path

from labeller.annotating import views

app_name = "annotating"
urlpatterns = [
    path("projects/<slug:slug>/label/<slug:key>/", views.label, name="label"),
    path("projects/<slug:slug>/label/<slug:key>/next/", views.next_samples, name="next"),
    path("projects/<slug:slug>/label/<slug:key>/labels/", views.save, name="save"),
    path("projects/<slug:slug>/label/<slug:key>/classes/", views.classes, name="classes"),
]
