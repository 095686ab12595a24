from django.urls import path

from labeller.insights import site_day_views, views

app_name = "insights"
urlpatterns = [
    path("projects/<slug:slug>/", views.progress, name="progress"),
    path("projects/<slug:slug>/questions/<slug:key>/", views.question, name="question"),
    path("projects/<slug:slug>/questions/<slug:key>/curve.json", views.curve, name="curve"),
    path("projects/<slug:slug>/questions/<slug:key>/site-days/", site_day_views.days, name="site_days"),
    path("projects/<slug:slug>/questions/<slug:key>/site-days.csv", site_day_views.days_csv, name="site_days_csv"),
    path(
        "projects/<slug:slug>/questions/<slug:key>/site-days/history.csv",
        site_day_views.history_csv,
        name="site_days_history",
    ),
    path("projects/<slug:slug>/refused/", views.refused_files, name="refused"),
    path("projects/<slug:slug>/refused.csv", views.refused_csv, name="refused_csv"),
    path(
        "projects/<slug:slug>/acceptances/<int:acceptance_id>/<slug:action>/",
        views.acceptance_action,
        name="acceptance",
    ),
]
