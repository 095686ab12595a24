"""What became of the files that are no samples, in words and in lists."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import walking
from labeller.samples.models import Refusal, Source

REASONS = {
    "broken-bytes": gettext_noop("holds bytes that make no characters"),
    "cells": gettext_noop("a row with too few cells, or too many"),
    "crashed": gettext_noop("decoding it stopped the worker"),
    "duplicate": gettext_noop("same content as another file"),
    "empty": gettext_noop("empty file"),
    "encrypted": gettext_noop("encrypted"),
    "failed": gettext_noop("could not be looked at"),
    "json": gettext_noop("a line that is no JSON"),
    "leads-out": gettext_noop("leads out of its archive"),
    "link": gettext_noop("a link that is not followed"),
    "missing": gettext_noop("not there any more"),
    "name-too-long": gettext_noop("path too long to be stored"),
    "no-permission": gettext_noop("not readable: its permissions do not allow it"),
    "not-an-image": gettext_noop("not an image"),
    "not-a-text": gettext_noop("not a text"),
    "nul": gettext_noop("holds null characters"),
    "out-of-memory": gettext_noop("not enough memory to decode it"),
    "package-missing": gettext_noop("a package to read it is not installed"),
    "quotes": gettext_noop("a quotation mark that is never closed"),
    "scanned": gettext_noop("pictures of pages, without text"),
    "too-large": gettext_noop("too large"),
    "too-slow": gettext_noop("took too long to read"),
    "truncated": gettext_noop("ends before it is complete"),
    "unreadable": gettext_noop("damaged or not readable"),
    "unreadable-folder": gettext_noop("folder that cannot be listed"),
    "unsupported-format": gettext_noop("a format that is not supported"),
    "wrong-layout": gettext_noop("its columns are not as they are said to be"),
}
LEFT_OUT = {
    walking.HIDDEN: gettext_noop("hidden (the name begins with a dot)"),
    walking.LINKS: gettext_noop("links to folders that are taken in already"),
    walking.OWN: gettext_noop("folders with this program's own data"),
    walking.ABOUT: gettext_noop("about a data set, or its rows once more in another format"),
}
PAGE = 100  # refusals on one page
CHUNK = 2_000  # rows of a list read at once: an open read keeps others from saving
COLUMNS = ("path", "reason", "detail", "bytes", "folder")


def words(reason: str) -> str:
    """Why a file was refused, in the reader's language."""
    return _(REASONS[reason]) if reason in REASONS else reason


def counts(project: Project) -> dict[str, int]:
    """How many files were refused, by reason."""
    rows = Refusal.objects.filter(project=project).values_list("reason").annotate(n=Count("pk"))
    return dict(rows.order_by("reason"))


def examples(project: Project, reason: str, most: int = 5) -> list[dict[str, str]]:
    """A few of those refused for this reason, each with its sentence."""
    rows = Refusal.objects.filter(project=project, reason=reason).order_by("pk").values_list("path", "detail")
    return [{"path": path, "detail": sentence(detail)} for path, detail in rows[:most]]


def nothing_usable(project: Project) -> str:
    """One sentence, where files were found and none of them is a sample; else nothing."""
    if project.samples.exists() or not (found := counts(project)):
        return ""
    first = next(iter(examples(project, max(found, key=lambda reason: found[reason]), 1)), None)
    if first is None:  # looked at again just now
        return ""
    return _("None of the %(n)s files can be used: %(reasons)s. For example %(path)s: %(detail)s") % {
        "n": _number(sum(found.values())),
        "reasons": ", ".join(f"{_number(n)} × {words(reason)}" for reason, n in found.items()),
        **first,
    }


def _number(n: int) -> str:
    return str(number_format(n, 0, force_grouping=True))


def looks(project: Project) -> tuple[dict[str, int], int]:
    """What the last looks through the project's folders left out on purpose, by kind, and how many files they missed.

    A file is missed where a sample is of it.
    """
    total = Counter[str]()
    missing = 0
    for left_out, gone in Source.objects.filter(project=project).values_list("left_out", "missing"):
        total.update(left_out)
        missing += gone
    return dict(sorted(total.items())), missing


def left_out_words(kind: str) -> str:
    """What was left out, in the reader's language; what systems leave behind has names."""
    return _(LEFT_OUT[kind]) if kind in LEFT_OUT else kind


def page(project: Project, reason: str = "", after: int = 0, size: int = PAGE) -> tuple[list[Refusal], int | None]:
    """The next refusals in the order they were made, and after which to ask for more (None: these are the last)."""
    found = list(_of(project, reason).filter(pk__gt=after).order_by("pk")[: size + 1])
    return found[:size], found[size - 1].pk if len(found) > size else None


def rows(project: Project, reason: str = "") -> Iterator[tuple[Any, ...]]:
    """All refusals as rows of a table, read a page at a time."""
    yield COLUMNS
    after: int | None = 0
    while after is not None:
        found, after = page(project, reason, after, CHUNK)
        for refusal in found:
            yield refusal.path, refusal.reason, sentence(refusal.detail), refusal.bytes, refusal.source.path


def _of(project: Project, reason: str) -> QuerySet[Refusal]:
    found = Refusal.objects.filter(project=project).select_related("source")
    return found.filter(reason=reason) if reason else found
