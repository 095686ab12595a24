"""Downloads."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from defusedcsv import csv
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.exchange import services
from labeller.labels import tallies
from labeller.projects.models import Question


class _Echo:
    """A file that hands back what is written, so that the CSV writer can stream."""

    def write(self, value: str) -> str:
        return value


def _cell(value: Any) -> Any:
    """The writer defuses =, +, -, @, | and %; a tab or a carriage return before them opens a formula as well."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("\t", "\r")) else value


def _stream(rows: Iterable[tuple[Any, ...]], name: str) -> StreamingHttpResponse:
    writer = csv.writer(_Echo())  # defused: a cell can't start a formula in a spreadsheet

    def lines() -> Iterator[str]:
        for row in rows:
            yield writer.writerow([_cell(value) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{re.sub("[^A-Za-z0-9._-]", "-", name)}"'
    return response


def _question(request: HttpRequest, slug: str) -> Question:
    project = access.project(request.user, slug, at_least=Role.MANAGER)
    question: Question = access.question(project, request.GET.get("question"))
    return question


@require_safe
def exports(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be taken away."""
    project = access.project(request.user, slug, at_least=Role.MANAGER)
    question = project.first_question
    context = {
        "project": project,
        "role": project.role,
        "n_labels": tallies.of(question).answers if question else 0,
        "n_pool": tallies.samples(project),
        "head": services.latest_head(question) if question else None,
    }
    return render(request, "exchange/exports.html", context)


@require_safe
def labels_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    question = _question(request, slug)
    return _stream(services.label_rows(question), f"{slug}-{question.key}-labels.csv")


@require_safe
def predictions_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Predictions of the latest head; 404 with the reason while there is none."""
    question = _question(request, slug)
    head = services.latest_head(question)
    if head is None:
        raise Http404("no head yet: label samples of at least two classes first")
    return _stream(services.prediction_rows(question, head), f"{slug}-{question.key}-predictions.csv")
