"""Every URL of the site; each app keeps its own."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

urlpatterns = [
    path("language/", login_not_required(require_POST(set_language)), name="set_language"),
    path("", include("labeller.operations.urls")),
    path("", include("labeller.accounts.urls")),
    path("", include("labeller.managing.urls")),
    path("", include("labeller.samples.urls")),
    path("", include("labeller.learning.urls")),
    path("", include("labeller.transfer.urls")),
    path("", include("labeller.annotating.urls")),
    path("", include("labeller.insights.urls")),
    path("", include("labeller.exchange.urls")),
]

handler400 = "labeller.operations.middleware.bad_request"
handler500 = "labeller.operations.middleware.server_error"
