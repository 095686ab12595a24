"""The page of exports, and what is made there in the formats of others."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.exchange import making
from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.forms import ExportForm
from labeller.exchange.models import Export
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning.models import Head
from labeller.projects.models import Question


@require_safe
def exports(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be taken away."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    question = access.question(member.project, request.GET.get("question"))
    return render(request, "exchange/exports.html", _shown(member, question))


@require_POST
def make(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Have an export made in that format; 200 with what is wrong with the options."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    question = access.question(member.project, request.GET.get("question"))
    context = _shown(member, question, name, request.POST)
    found = next((each for each in context["formats"] if each.exporter.name == name), None)
    if found is None:
        raise Http404("no such format")
    if not found.is_valid():
        return render(request, "exchange/exports.html", context)
    making.ask(found.exporter, found.questions, found.options, member.person)
    return redirect(f"{reverse('exchange:exports', args=[slug])}?question={question.key}#made")


@require_POST
def remove(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    """Stop an export that is being made, or delete one."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    making.remove(get_object_or_404(Export, project=project, pk=export_id))
    return redirect(f"{reverse('exchange:exports', args=[slug])}#made")


@require_safe
def download(request: HttpRequest, slug: str, export_id: int) -> HttpResponseBase:
    """A whole export as a zip; 404 until it is."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    export = get_object_or_404(Export, project=project, pk=export_id, finished_at__isnull=False)
    try:
        return FileResponse(export.path.open("rb"), as_attachment=True, filename=f"{export.name}.zip")
    except FileNotFoundError as error:
        raise Http404("its file is not there any more") from error


def _shown(member: Member, question: Question, asked: str = "", data: Any = None) -> dict[str, Any]:
    """What the page shows; the form of the format that was asked for says what is wrong with `data`."""
    project = member.project
    questions = list(project.questions.order_by("position", "pk"))
    made = list(project.exports.select_related("job", "asked_by").order_by("-pk")[: making.KEPT + 10])
    counts = tallies.of(question)
    return {
        "project": project,
        "role": member.role,
        "question": question,
        "questions": questions,
        "n_labels": counts.answers,
        "n_pool": counts.samples,
        "head": Head.latest(question),
        "formats": [
            ExportForm(each, questions, question, data if each.name == asked else None)
            for each in EXPORTERS.values()
            if project.kind in each.kinds
        ],
        "made": [{"export": each, "title": EXPORTERS[each.format].title} for each in made if each.format in EXPORTERS],
        "is_making": any(each.finished_at is None and each.job and each.job.state in Job.OPEN for each in made),
    }
