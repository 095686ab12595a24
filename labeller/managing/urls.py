from django.urls import path

from labeller.managing import (
    class_views,
    copy_views,
    deployment_views,
    hidden_views,
    layout_views,
    project_views,
    removal_views,
    repeat_views,
)

app_name = "projects"
urlpatterns = [
    path("", project_views.all_of_person, name="list"),
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
    path("projects/<slug:slug>/tables/", layout_views.tables, name="tables"),
    path("projects/<slug:slug>/copies/", copy_views.copies, name="copies"),
    path("projects/<slug:slug>/copies/<int:sample_id>/", copy_views.copies_of, name="copies_of"),
    path("projects/<slug:slug>/repeated-boxes/", repeat_views.repeated, name="repeated"),
    path("projects/<slug:slug>/people/", project_views.people, name="people"),
    path("projects/<slug:slug>/hidden/", hidden_views.hidden, name="hidden"),
    path("projects/<slug:slug>/delete/", removal_views.project, name="remove"),
    path("projects/<slug:slug>/sources/<int:source_id>/delete/", removal_views.source, name="remove_source"),
    path("projects/<slug:slug>/questions/<slug:key>/delete/", removal_views.question, name="remove_question"),
    path("projects/<slug:slug>/classes/<int:class_id>/delete/", removal_views.label_class, name="remove_class"),
    path("people/<int:user_id>/delete/", removal_views.account, name="remove_account"),
    path("deletions/<int:job_id>/cancel/", removal_views.cancel, name="cancel_removal"),
]
