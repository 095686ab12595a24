"""Rows about files that are no samples, or whose samples have lost them."""

from typing import Any

from django.db import transaction

from labeller.messages import stored
from labeller.samples import names
from labeller.samples.models import Refusal, Sample, Source
from labeller.samples.scanning import Look
from labeller.samples.walking import Found
from tl_core.notices import Notice

PAGE = 500  # rows written in one transaction
DETAIL = 500  # characters of what exactly is wrong that a row has room for


def common(source: Source, found: Found) -> dict[str, Any]:
    """What a sample and a refusal have in common."""
    return {
        "project": source.project,
        "source": source,
        "path": found.path,
        "bytes": found.bytes,
        "modified_ns": found.modified_ns,
    }


def refusal(source: Source, found: Found, reason: str, detail: Notice | None, twin: Sample | None = None) -> Refusal:
    """A row, not stored yet; of a duplicate with the sample that has its content."""
    return Refusal(reason=reason, detail=_kept(detail), twin=twin, **common(source, found))


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


def note(sample: Sample, reason: str, detail: Notice | None) -> None:
    """A file that was fine at import and isn't now: it keeps its sample, and the manager sees why it has no picture."""
    Refusal.objects.update_or_create(
        source=sample.source,
        path=sample.path,
        defaults={
            "project": sample.project,
            "bytes": sample.bytes,
            "modified_ns": sample.modified_ns,
            "reason": reason,
            "detail": _kept(detail),
        },
    )
