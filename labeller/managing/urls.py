from django.urls import path

from labeller.insights import views as insights
from labeller.managing import class_views, deployment_views, project_views

app_name = "projects"
urlpatterns = [
    path("", insights.projects, name="list"),
    path("projects/new/", project_views.new, name="new"),
    path("projects/<slug:slug>/settings/", project_views.settings, name="settings"),
    path(
        "projects/<slug:slug>/questions/<slug:key>/settings/",
        project_views.question_settings,
        name="question_settings",
    ),
    path("projects/<slug:slug>/classes/", class_views.classes, name="classes"),
    path("projects/<slug:slug>/classes/<int:class_id>/", class_views.one, name="class"),
    path("projects/<slug:slug>/questions/<slug:key>/follow-up/", class_views.follow_up, name="follow_up"),
    path("projects/<slug:slug>/deployments/", deployment_views.deployments, name="deployments"),
    path("projects/<slug:slug>/deployments/<int:deployment_id>/", deployment_views.deployment, name="deployment"),
    path("projects/<slug:slug>/people/", project_views.people, name="people"),
]
