"""Storing texts: a sample each, but one for all that say the same.

Everything here runs inside the transaction that writes a batch, and done again it changes nothing. A table or document
that is read once more keeps its samples: each is where its text is now, and what is not there any more is parked.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db import connection
from django.db.models import ExpressionWrapper, F, FloatField
from django.utils import timezone

from labeller.projects.models import Project
from labeller.samples import bulk
from labeller.samples.models import PARKED, Deployment, File, Sample, Source, Text, TextCopy
from labeller.samples.signals import content_changed
from labeller.text import storable
from tl_core.texts.reading import near_copies
from tl_core.texts.reading.copies import digest

LONGEST_NAME = 500  # of a deployment
SAMPLE_FIELDS = ("id", "project", "file", "part", "start", "end", "shard", "created_at")
TEXT_FIELDS = ("sample", "project", "content", "digest", "signature", "deployment")
_PARKED = ExpressionWrapper(PARKED + F("pk"), output_field=FloatField())  # another place for each


@dataclass(frozen=True, slots=True)
class Piece:
    """A text where it was read: a row, a passage, or the whole of a document. `shard` is where a new sample goes."""

    file: File
    part: str
    start: float | None
    end: float | None
    content: str
    shard: int
    group: str = ""
    digest: str = ""  # of the content, where it is known already
    like: str = ""  # the digest of the text of which it is a near-copy

    @property
    def place(self) -> tuple[int, float | None, float | None]:
        return self.file.pk, self.start, self.end


@dataclass(slots=True)
class _Known:
    """A sample of a text that is in the project already."""

    pk: int
    file_id: int
    start: float | None
    end: float | None

    @property
    def is_parked(self) -> bool:
        return self.end is not None and self.end >= PARKED


def store(
    project: Project, pieces: Iterable[Piece], *, is_again: bool = False, keeps_rows: bool = False
) -> Counter[int]:
    """Write samples of these texts, and copies of samples that say (nearly) the same; how many are new, by shard.

    `is_again` says that the files were read before, and pieces come in the order of their places; `keeps_rows` that a
    row with another text than before is the same row all the same.
    """
    tidied = [(piece, storable(piece.content)) for piece in pieces]
    digests = [piece.digest or digest(content) for piece, content in tidied]
    known = _known(project, [*digests, *(piece.like for piece, _content in tidied if piece.like)])
    if is_again and keeps_rows:
        _say_otherwise(project, tidied, digests, known)
    if is_again:
        _follow([piece for piece, _content in tidied], digests, known)
    groups = _groups(project, {piece.group for piece, _content in tidied if piece.group})
    if is_again:
        _regroup(tidied, digests, known, groups)
    fresh: dict[str, tuple[Piece, str]] = {}
    copies: list[tuple[Piece, str, str]] = []
    for (piece, content), name in zip(tidied, digests, strict=True):
        twin = known.get(name)
        if twin is None and name not in fresh and (piece.like in known or piece.like in fresh):
            copies.append((piece, piece.like, content))
        elif twin is None and name not in fresh:
            fresh[name] = piece, content
        elif twin is None or (twin.file_id, twin.start, twin.end) != piece.place:
            copies.append((piece, name, ""))
    made = dict(zip(fresh, bulk.new_ids(Sample, len(fresh)), strict=True)) if fresh else {}
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    bulk.insert(
        Sample,
        SAMPLE_FIELDS,
        (
            (made[name], project.pk, piece.file.pk, piece.part, piece.start, piece.end, piece.shard, now)
            for name, (piece, _content) in fresh.items()
        ),
    )
    signed = _signatures([content for _piece, content in fresh.values()])
    bulk.insert(
        Text,
        TEXT_FIELDS,
        (
            (made[name], project.pk, content, name, signature, groups.get(_group_name(piece.group)))
            for (name, (piece, content)), signature in zip(fresh.items(), signed, strict=True)
        ),
    )
    _copy(copies, {name: twin.pk for name, twin in known.items()} | made)
    return Counter(piece.shard for piece, _content in fresh.values())


def _signatures(contents: Sequence[str]) -> list[bytes]:
    """By which near-copies are found, of each text."""
    return [row.tobytes() for part in near_copies.signatures(contents) for row in part]


def _known(project: Project, digests: Sequence[str]) -> dict[str, _Known]:
    """The samples that say one of these texts, by its digest."""
    rows = Text.objects.filter(project=project, digest__in=set(digests))
    fields = ("digest", "sample_id", "sample__file_id", "sample__start", "sample__end")
    return {name: _Known(*rest) for name, *rest in rows.values_list(*fields)}


def _copy(copies: Sequence[tuple[Piece, str, str]], originals: dict[str, int]) -> None:
    """Note where else a text stands, and what it says there where that is not just the same; noted once only."""
    TextCopy.objects.bulk_create(
        (
            TextCopy(
                original_id=originals[name],
                file=piece.file,
                part=piece.part,
                start=piece.start,
                end=piece.end,
                content=content,
            )
            for piece, name, content in copies
        ),
        ignore_conflicts=True,
    )


def _groups(project: Project, names: set[str]) -> dict[str, int]:
    """The deployments that texts belong together by, made where they are missing."""
    wanted = {_group_name(name) for name in names}
    if not wanted:
        return {}
    rows = Deployment.objects.filter(project=project, name__in=wanted).values_list("name", "pk")
    found = dict(rows)
    if missing := wanted - found.keys():
        Deployment.objects.bulk_create(
            (Deployment(project=project, name=name) for name in sorted(missing)), ignore_conflicts=True
        )
        found = dict(rows.all())
    return found


@lru_cache(maxsize=100_000)
def _group_name(name: str) -> str:
    return " ".join(storable(name).split())[:LONGEST_NAME]


# --- read once more -------------------------------------------------------------------------------


def _follow(pieces: Sequence[Piece], digests: Sequence[str], known: dict[str, _Known]) -> None:
    """Let samples of these files be where their texts are now, and park those in whose place another text is.

    Pieces come in order: a sample before the first of them has been seen in this reading, and stays.
    """
    said = {piece.place: name for piece, name in zip(pieces, digests, strict=True)}
    files = {piece.file.pk for piece in pieces}
    TextCopy.objects.filter(file__in=files, start__in={piece.start for piece in pieces}).delete()
    first = {file_id: min(p.start or 0.0 for p in pieces if p.file.pk == file_id) for file_id in files}
    moved: dict[int, Piece] = {}
    for piece, name in zip(pieces, digests, strict=True):
        twin = known.get(name)
        if twin is None or twin.file_id != piece.file.pk or twin.pk in moved or piece.start is None:
            continue
        here = (twin.file_id, twin.start, twin.end)
        is_seen = not twin.is_parked and (said.get(here) == name or (twin.start or 0.0) < first[twin.file_id])
        if not is_seen:
            moved[twin.pk] = piece
    in_the_way = Sample.objects.filter(file__in=files, start__in={piece.start for piece in pieces}).exclude(
        end__gte=PARKED
    )
    right = {twin.pk for name, twin in known.items() if said.get((twin.file_id, twin.start, twin.end)) == name}
    taken = [
        pk
        for pk, *place in in_the_way.values_list("pk", "file_id", "start", "end")
        if tuple(place) in said and pk not in right
    ]
    Sample.objects.filter(pk__in=[*taken, *moved]).update(end=_PARKED)
    for pk, piece in moved.items():
        Sample.objects.filter(pk=pk).update(start=piece.start, end=piece.end)
    for twin in known.values():
        if (piece_now := moved.get(twin.pk)) is not None:
            twin.start, twin.end = piece_now.start, piece_now.end


def _say_otherwise(
    project: Project, tidied: Sequence[tuple[Piece, str]], digests: Sequence[str], known: dict[str, _Known]
) -> None:
    """Let samples in the places of texts that are new say these; they are embedded again."""
    places = {piece.start for piece, _content in tidied}
    there = Sample.objects.filter(file__in={piece.file.pk for piece, _content in tidied}, start__in=places)
    rows = there.exclude(end__gte=PARKED).values_list("file_id", "start", "pk", "shard")
    said = {twin.pk for twin in known.values()}
    samples = {(file_id, start): (pk, shard) for file_id, start, pk, shard in rows if pk not in said}
    changed: dict[int, Text] = {}
    shards = set()
    for (piece, content), name in zip(tidied, digests, strict=True):
        found = samples.get((piece.file.pk, piece.start)) if name not in known else None
        if found is not None:
            changed[found[0]] = Text(pk=found[0], content=content, digest=name)
            known[name] = _Known(found[0], piece.file.pk, piece.start, piece.end)
            shards.add(found[1])
    for text, signature in zip(changed.values(), _signatures([each.content for each in changed.values()]), strict=True):
        text.signature = signature
    Text.objects.bulk_update(changed.values(), ["content", "digest", "signature"], batch_size=200)
    for shard in sorted(shards):
        count = Sample.objects.filter(project=project, shard=shard).count()
        content_changed.send(Sample, project=project, shard=shard, count=count)


def _regroup(
    tidied: Sequence[tuple[Piece, str]], digests: Sequence[str], known: dict[str, _Known], groups: dict[str, int]
) -> None:
    """Let texts belong together as their own places say now."""
    wanted = {
        known[name].pk: groups.get(_group_name(piece.group))
        for (piece, _content), name in zip(tidied, digests, strict=True)
        if name in known and (known[name].file_id, known[name].start, known[name].end) == piece.place
    }
    before = dict(Text.objects.filter(pk__in=list(wanted)).values_list("pk", "deployment"))
    changed = [Text(pk=pk, deployment_id=group) for pk, group in wanted.items() if before.get(pk) != group]
    Text.objects.bulk_update(changed, ["deployment"], batch_size=200)


def park_beyond(source: Source, path: str, last: int) -> None:
    """Let go of the places of rows that a table has no more."""
    rows = Sample.objects.filter(file__source=source, file__path=path, part=Sample.Part.ROW, start__gt=last)
    rows.exclude(end__gte=PARKED).update(end=_PARKED)


def park_others(file: File, places: Sequence[tuple[float | None, float | None]]) -> None:
    """Let go of the places of all passages of a document but these, which are all that it has now."""
    kept = set(places)
    there = file.samples.filter(part=Sample.Part.PASSAGE).exclude(end__gte=PARKED)
    gone = [pk for pk, *place in there.values_list("pk", "start", "end") if tuple(place) not in kept]
    Sample.objects.filter(pk__in=gone).update(end=_PARKED)


def rewrite(sample: Sample, content: str) -> None:
    """Let a sample that stays where it is say something else, as an edited document does."""
    content = storable(content)
    name = digest(content)
    if Text.objects.filter(project_id=sample.project_id, digest=name).exclude(sample=sample).exists():
        # Another sample says that already. Both keep their labels.
        name = hashlib.sha256(f"{name} {sample.pk}".encode()).hexdigest()
    Text.objects.filter(sample=sample).update(content=content, digest=name)
