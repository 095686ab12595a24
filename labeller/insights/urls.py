from django.urls import path

from labeller.insights import views

app_name = "insights"
urlpatterns = [
    path("projects/<slug:slug>/", views.progress, name="progress"),
    path("projects/<slug:slug>/questions/<slug:key>/", views.question, name="question"),
    path("projects/<slug:slug>/questions/<slug:key>/curve.json", views.curve, name="curve"),
    path("projects/<slug:slug>/refused/", views.refused_files, name="refused"),
    path("projects/<slug:slug>/refused.csv", views.refused_csv, name="refused_csv"),
    path(
        "projects/<slug:slug>/acceptances/<int:acceptance_id>/<slug:action>/",
        views.acceptance_action,
        name="acceptance",
    ),
]
