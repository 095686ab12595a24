"""The page of a project's featuriser, and what is pressed there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import adapting


@require_safe
def featuriser(request: HttpRequest, slug: str) -> HttpResponse:
    """The network in use, what was tried of others, and the ways to a better one."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    # Each part of the page is a template of its own, and what it shows comes from the module that does the work.
    context = {"project": member.project, "role": member.role, "adapting": adapting.shown(member.project)}
    return render(request, "transfer/featuriser.html", context)
