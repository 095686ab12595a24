from django.urls import path

from labeller.insights import views as insights
from labeller.operations import project_views

app_name = "projects"
urlpatterns = [
    path("", insights.projects, name="list"),
    path("projects/new/", project_views.new, name="new"),
    path("projects/<slug:slug>/settings/", project_views.settings, name="settings"),
    path("projects/<slug:slug>/people/", project_views.people, name="people"),
]
