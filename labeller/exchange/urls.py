from django.urls import path

from labeller.exchange import export_views, import_views, views

app_name = "exchange"
urlpatterns = [
    path("projects/<slug:slug>/export/", export_views.exports, name="exports"),
    path("projects/<slug:slug>/export/labels.csv", views.labels_csv, name="labels_csv"),
    path("projects/<slug:slug>/export/predictions.csv", views.predictions_csv, name="predictions_csv"),
    path("projects/<slug:slug>/export/deployments.csv", views.deployments_csv, name="deployments_csv"),
    path("projects/<slug:slug>/export/<slug:kind>.manifest.json", views.manifest, name="manifest"),
    path("projects/<slug:slug>/export/make/<slug:name>/", export_views.make, name="make_export"),
    path("projects/<slug:slug>/export/<int:export_id>.zip", export_views.download, name="export"),
    path("projects/<slug:slug>/export/<int:export_id>/remove/", export_views.remove, name="remove_export"),
    path("projects/<slug:slug>/import/", import_views.imports, name="imports"),
    path("projects/<slug:slug>/import/<int:import_id>/", import_views.one, name="import"),
    path("projects/<slug:slug>/import/<int:import_id>/not-taken.csv", import_views.not_taken, name="import_list"),
]
