"""Downloads."""

import csv
import itertools
import re
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.exchange import services
from labeller.labels import selectors as labels
from labeller.projects.models import Question
from labeller.samples.cells import defuse
from labeller.samples.tables import DEFUSED

ROWS_IN_A_BLOCK = 200  # written to the client at once


class _Echo:
    """A file that hands back what is written, so that the CSV writer can stream."""

    def write(self, value: str) -> str:
        return value


def _stream(request: HttpRequest, rows: Iterator[tuple[Any, ...]], name: str) -> StreamingHttpResponse:
    """The rows as CSV, every value as it is; with `?for=spreadsheet`, as programs may have it that compute cells."""
    is_for_spreadsheets = request.GET.get("for") == "spreadsheet"
    if is_for_spreadsheets:
        rows = _defused(rows)
        name = f"{name}-for-spreadsheets"
    response = StreamingHttpResponse(_blocks(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{re.sub("[^A-Za-z0-9._-]", "-", name)}.csv"'
    return response


def _defused(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """No cell can start a formula; a column says so, for reading the file in again. The mark in front says UTF-8."""
    columns = next(rows)
    yield (f"\ufeff{columns[0]}", *columns[1:], DEFUSED)
    for row in rows:
        yield (*(defuse(cell) if isinstance(cell, str) else cell for cell in row), 1)


def _blocks(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    while lines := [writer.writerow(row) for row in itertools.islice(rows, ROWS_IN_A_BLOCK)]:
        yield "".join(lines)


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
        "n_labels": labels.answers(question).count() if question else 0,
        "n_pool": project.samples.count(),
        "head": services.latest_head(question) if question else None,
    }
    return render(request, "exchange/exports.html", context)


@require_safe
def labels_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    question = _question(request, slug)
    until = services.newest_label(question)
    rows = services.label_rows(question, until)
    return _stream(request, rows, f"{slug}-{question.key}-labels")


@require_safe
def predictions_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Predictions of the latest head; 404 with the reason while there is none."""
    question = _question(request, slug)
    head = services.latest_head(question)
    if head is None:
        raise Http404("no head yet: label samples of at least two classes first")
    return _stream(request, services.prediction_rows(question, head), f"{slug}-{question.key}-predictions")
