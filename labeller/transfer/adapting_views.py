"""What is pressed where ways to adapt without labels are shown."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import adapting
from labeller.transfer.models import AdaptingResult


@require_POST
def adapt(request: HttpRequest, slug: str) -> HttpResponse:
    """Have every way tried."""
    adapting.ask(access.of_photographs(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def stop_adapting(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop trying; what was found out before stays."""
    adapting.cancel(access.of_photographs(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def use_adapted(request: HttpRequest, slug: str, way: str) -> HttpResponse:
    """Change to what a way made, or put it beside the network; 404 where nothing was kept of it."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    result = get_object_or_404(AdaptingResult.objects.exclude(made=""), project=project, way=way)
    adapting.use(result)
    if result.is_beside:
        messages.info(request, _("It is being embedded beside what is in use; then each question weighs it anew."))
    return redirect("transfer:featuriser", slug)


@require_POST
def leave_adapted(request: HttpRequest, slug: str, way: str) -> HttpResponse:
    """Delete what a way put beside the network; 404 where it puts nothing there."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    adapting.leave(get_object_or_404(AdaptingResult.objects.exclude(made=""), project=project, way=way, is_beside=True))
    return redirect("transfer:featuriser", slug)
