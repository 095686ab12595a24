"""Downloads."""

import csv
import itertools
import re
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.exchange import exporting, manifests
from labeller.learning.models import Head
from labeller.projects.models import Project, Question
from labeller.samples.cells import Echo, defuse
from labeller.samples.tables import DEFUSED

ROWS_IN_A_BLOCK = 200  # written to the client at once


def _stream(request: HttpRequest, rows: Iterator[tuple[Any, ...]], question: Question, kind: str) -> HttpResponseBase:
    """The rows as CSV, every value as it is; with `?for=spreadsheet`, as programs may have it that compute cells."""
    name = _name(request, question, kind)
    if _is_for_spreadsheets(request):
        rows = _defused(rows)
    response = StreamingHttpResponse(manifests.noted(_blocks(rows), name), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _is_for_spreadsheets(request: HttpRequest) -> bool:
    return request.GET.get("for") == "spreadsheet"


def _is_with_text(request: HttpRequest, question: Question) -> bool:
    """Whether what the texts say is to be in the rows, which others may not be allowed to read."""
    return question.project.kind == Project.Kind.TEXT and request.GET.get("with") == "text"


def _name(request: HttpRequest, question: Question, kind: str) -> str:
    """What the file is called."""
    variant = "-for-spreadsheets" if _is_for_spreadsheets(request) else ""
    variant = f"-with-text{variant}" if _is_with_text(request, question) else variant
    return re.sub("[^A-Za-z0-9._-]", "-", f"{question.project.slug}-{question.key}-{kind}{variant}.csv")


def _defused(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """No cell can start a formula; a column says so, for reading the file in again. The mark in front says UTF-8."""
    columns = next(rows)
    yield (f"\ufeff{columns[0]}", *columns[1:], DEFUSED)
    for row in rows:
        yield (*(defuse(cell) if isinstance(cell, str) else cell for cell in row), 1)


def _blocks(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[bytes, int]]:
    """What is written to the client at once, and of how many rows it is."""
    writer = csv.writer(Echo())
    while lines := [writer.writerow(row) for row in itertools.islice(rows, ROWS_IN_A_BLOCK)]:
        yield "".join(lines).encode(), len(lines)


def _question(request: HttpRequest, slug: str) -> Question:
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    return access.question(member.project, request.GET.get("question"))


@require_safe
def labels_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The labels that stand now, whatever is saved while they are read."""
    question = _question(request, slug)
    rows = exporting.label_rows(question, exporting.newest_label(question), with_text=_is_with_text(request, question))
    return _stream(request, rows, question, "labels")


@require_safe
def predictions_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Predictions of the latest head; 404 with the reason while there is none."""
    question = _question(request, slug)
    head = Head.latest(question)
    if head is None:
        raise Http404("no head yet: label samples of at least two classes first")
    rows = exporting.prediction_rows(question, head, with_text=_is_with_text(request, question))
    return _stream(request, rows, question, "predictions")


@require_safe
def deployments_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Where the cameras stood: to be joined with the other tables by `deployment`."""
    question = _question(request, slug)
    return _stream(request, exporting.deployment_rows(question.project), question, "deployments")


@require_safe
def manifest(request: HttpRequest, slug: str, kind: str) -> JsonResponse:
    """Rows and hash of the last whole download of that kind, to tell whether the file one has is whole."""
    found = manifests.read(_name(request, _question(request, slug), kind))
    if kind not in {"labels", "predictions", "deployments"} or found is None:
        raise Http404("nothing was downloaded whole yet")
    return JsonResponse(found)
