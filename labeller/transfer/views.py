"""The page of a project's featuriser, and what is pressed there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import foretelling, tuning_forms


@require_safe
def featuriser(request: HttpRequest, slug: str) -> HttpResponse:
    """The network in use, what was tried of others, and the ways to a better one."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    # Each part of the page is a template of its own, and what it shows comes from the module that does the work.
    tunings = foretelling.shown(member.project)
    asked = tunings.question.question if tunings.question else None
    context = {
        "project": member.project,
        "role": member.role,
        "tuning": tunings,
        "tuning_form": tuning_forms.TuningForm(
            project=member.project, initial=tuning_forms.initial(tunings.policy, asked)
        ),
    }
    return render(request, "transfer/featuriser.html", context)
