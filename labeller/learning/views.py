"""Pausing, resuming and cancelling the embedding of a project; asking for a full refit."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.learning import asking

ACTIONS = {"pause": runs.pause, "resume": runs.resume, "cancel": runs.cancel}


@require_POST
def embedding_action(request: HttpRequest, slug: str, action: str) -> HttpResponse:
    """One of ACTIONS on the run that the project learns from."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    if action not in ACTIONS:
        raise Http404("no such action")
    run = EmbeddingRun.in_use(project)
    if run is None:
        raise Http404("nothing has been embedded yet")
    ACTIONS[action](run)
    return redirect("insights:progress", slug)


@require_POST
def train(request: HttpRequest, slug: str) -> HttpResponse:
    """A full refit of the question that the form names, or of every one, as soon as a worker is free."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    key = request.POST.get("question")
    for question in [access.question(project, key)] if key else project.questions.all():
        asking.request_retrain(question)
    messages.info(request, _("A full refit was asked for; it is among the jobs below."))
    return redirect("insights:question", slug, key) if key else redirect("insights:progress", slug)
