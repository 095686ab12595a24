"""The page of words nobody has seen, and what is pressed there."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import vocabulary as looking
from labeller.transfer.forms import VectorsForm


@require_safe
def vocabulary(request: HttpRequest, slug: str) -> HttpResponse:
    """What word vectors know of a project's words."""
    member = access.of_texts(request.user, slug, at_least=Role.MANAGER)
    context = {"project": member.project, "role": member.role, "looking": looking.shown(member.project)}
    return render(request, "transfer/vocabulary.html", context)


@require_POST
def look_up(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the project's words looked up in the vectors that were chosen."""
    project = access.of_texts(request.user, slug, at_least=Role.MANAGER).project
    form = VectorsForm(request.POST, choices=looking.choices(project))
    if form.is_valid():
        looking.ask(project, form.cleaned_data["source"])
    else:
        messages.warning(request, _("These word vectors are not on this server any more: choose others."))
    return redirect("transfer:vocabulary", slug)


@require_POST
def stop_looking(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop; what was found before stays."""
    looking.cancel(access.of_texts(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:vocabulary", slug)
