"""Every URL of the site; each app keeps its own."""

from django.urls import include, path

urlpatterns = [
    path("", include("labeller.operations.urls")),
    path("", include("labeller.accounts.urls")),
    path("", include("labeller.operations.project_urls")),
    path("", include("labeller.samples.urls")),
    path("", include("labeller.learning.urls")),
    path("", include("labeller.annotating.urls")),
    path("", include("labeller.insights.urls")),
    path("", include("labeller.exchange.urls")),
]
