"""Rows about files that hold no samples, or that are lost to their samples."""

from typing import Any

from django.db import transaction

from labeller.messages import stored
from labeller.samples import names
from labeller.samples.models import File, Refusal, Source
from labeller.samples.scanning import Look
from labeller.samples.walking import Found
from tl_core.notices import Notice

PAGE = 500  # rows written in one transaction
PATH = 2000
DETAIL = 500  # characters of what exactly is wrong that a row has room for


def common(source: Source, found: Found) -> dict[str, Any]:
    """What the rows of a file that is taken and of a refusal have in common."""
    return {
        "project": source.project,
        "source": source,
        "path": found.path,
        "bytes": found.bytes,
        "modified_ns": found.modified_ns,
    }


def refusal(source: Source, found: Found, reason: str, detail: Notice | None, twin: File | None = None) -> Refusal:
    """A row, not stored yet; of a duplicate with the file that has its content."""
    return Refusal(reason=reason, detail=_kept(detail), twin=twin, **common(source, found))


def refused_row(source: Source, found: Found, number: int, reason: str, detail: Notice) -> Refusal:
    """Of a row of a table."""
    row = refusal(source, found, reason, detail)
    row.path, row.row = f"{row.path}:{number}"[-PATH:], number
    return row


def _kept(detail: Notice | None) -> str:
    return stored(detail.with_texts(names.plain), DETAIL) if detail else ""


def note_problems(source: Source, look: Look) -> None:
    """Refuse by name what the walk could not take, and forget refusals of which nothing is left; a page at a time."""
    settled, problems = sorted(look.settled), look.problems
    for start in range(0, len(settled), PAGE):
        Refusal.objects.filter(source=source, path__in=settled[start : start + PAGE]).delete()
    for start in range(0, len(problems), PAGE):
        page = problems[start : start + PAGE]
        with transaction.atomic():
            Refusal.objects.filter(source=source, path__in=[found.path for found in page]).delete()
            Refusal.objects.bulk_create(refusal(source, found, found.reason, found.detail) for found in page)


def note(file: File, reason: str, detail: Notice | None) -> None:
    """A file that was fine at import and isn't now: it keeps its samples, and the manager sees why no picture."""
    Refusal.objects.update_or_create(
        source=file.source,
        path=file.path,
        defaults={
            "project": file.project,
            "bytes": file.bytes,
            "modified_ns": file.modified_ns,
            "reason": reason,
            "detail": _kept(detail),
        },
    )
