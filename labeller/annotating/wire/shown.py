"""What a page shows of a sample: where its picture comes from, or how its text begins."""

from collections.abc import Collection
from typing import Any

from django.db.models import Case, F, OuterRef, Q, Subquery, TextField, When
from django.db.models.functions import Left, Length

from labeller.projects.models import Project
from labeller.samples import set_aside
from labeller.samples.models import BoxEdit, Sample, Text

FIRST = 4_000  # characters that come with a sample; the rest of a long text comes by itself where somebody reads on
OF_TILE = 1_000
OF_ROW = 200
OF_EXAMPLE = 60
PIECE = 50_000  # characters of the rest that come at once


def shown_json(project: Project, samples: Collection[Sample], most: int = FIRST) -> dict[int, dict[str, Any]]:
    """By sample what a page needs to show it; of texts so many characters."""
    if project.kind == Project.Kind.TEXT:
        return _texts([each.pk for each in samples], most)
    return {each.pk: picture_json(each) for each in samples}


def picture_json(sample: Sample) -> dict[str, Any]:
    """A picture's size, and which part of it the sample is."""
    return {"sample": sample.pk, "width": sample.file.width, "height": sample.file.height, "box": sample.box}


def boxes_json(project: Project, samples: Collection[Sample]) -> dict[int, dict[str, Any]]:
    """By sample its photograph, and its boxes that are asked about, each with what was last done by hand."""
    if project.kind == Project.Kind.TEXT or not samples:
        return {}
    edits = BoxEdit.objects.filter(sample=OuterRef("pk"), is_current=True).values("uuid")[:1]
    own = Q(pk__in=[each.pk for each in samples if each.part == Sample.Part.BOX])
    asked = set_aside.shown(project) | Sample.objects.filter(own, taken_away_at=None)
    rows = asked.filter(file__in={each.file_id for each in samples}).annotate(edit=Subquery(edits)).order_by("pk")
    of_file: dict[int, list[dict[str, Any]]] = {}
    for each in rows:
        edit = str(each.edit) if each.edit else None
        of_file.setdefault(each.file_id, []).append({"sample": each.pk, "box": each.box, "edit": edit})
    return {each.pk: {"photo": each.file_id, "boxes": of_file.get(each.file_id, [])} for each in samples}


def _texts(sample_ids: Collection[int], most: int) -> dict[int, dict[str, Any]]:
    """How these texts begin, cut by the database: one may be as long as a book."""
    length = Length("content")
    begins = Case(When(n__lte=most, then=F("content")), default=Left("content", most), output_field=TextField())
    rows = Text.objects.filter(sample__in=sample_ids).annotate(n=length, begins=begins)
    found = {
        pk: {
            "sample": pk,
            "text": begins,
            "more": n > most,
            "lang": str((layout or {}).get("language", "")),
            "deployment": deployment or "",
        }
        for pk, begins, n, layout, deployment in rows.values_list(
            "pk", "begins", "n", "sample__file__source__layout", "deployment__name"
        )
    }
    missing = {"text": "", "more": False, "lang": "", "deployment": ""}
    return {pk: found.get(pk) or {"sample": pk, **missing} for pk in sample_ids}


def excerpts(project: Project, sample_ids: Collection[int], most: int = OF_ROW) -> dict[int, str]:
    """How these samples' texts begin, on one line; nothing of pictures."""
    if project.kind != Project.Kind.TEXT:
        return {}
    return {
        pk: " ".join(row["text"].split()) + ("…" if row["more"] else "") for pk, row in _texts(sample_ids, most).items()
    }


def piece(content: str, start: int) -> dict[str, Any]:
    """So much of a text from that character on, and where the next piece begins; None = that was all."""
    end = start + PIECE
    return {"text": content[start:end], "next": end if end < len(content) else None, "length": len(content)}
