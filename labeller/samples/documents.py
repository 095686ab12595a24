"""Documents: read, cut into passages, and written as samples; or written once more, where one was edited."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labeller.projects.models import Project
from labeller.samples import layouts, likeness, storing
from labeller.samples.models import File, Sample, Source
from labeller.samples.signals import shard_known
from labeller.samples.storing import Piece
from labeller.text import storable
from tl_core.notices import Notice
from tl_core.texts.reading.copies import digest

if TYPE_CHECKING:
    from tl_core.texts.reading import LimitedReader


@dataclass(frozen=True)
class Passage:
    """A passage by its first character and the one after its last; a document that is taken whole has neither."""

    content: str
    start: int | None = None
    end: int | None = None
    like: str = ""  # the digest of the text of which it is a near-copy

    def of(self, file: File, shard: int) -> Piece:
        """As a piece of that file."""
        part = Sample.Part.WHOLE if self.start is None else Sample.Part.PASSAGE
        return Piece(file, part, self.start, self.end, self.content, shard, like=self.like)


@dataclass(frozen=True)
class ReadDocument:
    """What became of a document: its digest, what to know about it, and what it was cut into."""

    sha256: str
    notes: list[Notice] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)


@functools.cache
def _reader() -> "LimitedReader":
    """The process that reads documents, one for each worker: it ends with it."""
    from tl_core.texts import reading

    return reading.LimitedReader()


def read(source: Source, path: str) -> ReadDocument:
    """Read a document of a source and cut it as the source says. Raises TextRefused where it can't be read."""
    from tl_core.texts import reading
    from tl_core.texts.reading import parts

    location = Path(source.location(path))
    document = reading.read_document(location, _reader())
    with location.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    cut = source.layout.get("cut", layouts.CUTS[0])
    if cut == layouts.CUTS[0]:
        passages = [Passage(document.text)]
    else:
        places = parts.places(document.text, cut, source.project.language)
        passages = [Passage(document.text[start:end], start, end) for start, end in places]
    return ReadDocument(sha256, list(document.notes), passages)


def compare(project: Project, documents: Sequence[list[Passage]]) -> None:
    """Note with the passages of new documents of which texts they are near-copies."""
    stands = likeness.stands(project, [passage.content for passages in documents for passage in passages])
    for passages in documents if stands else ():
        passages[:] = [replace(passage, like=stands.get(digest(storable(passage.content)), "")) for passage in passages]


def write_again(file: File, passages: Sequence[Passage], shard: int) -> None:
    """Let the samples of an edited document say what it says now; inside the transaction that notes the edit.

    A whole one keeps its sample, or becomes one where it was a copy of another. Of one that is cut, passages that say
    the same keep theirs, wherever they are now.
    """
    is_whole = len(passages) == 1 and passages[0].start is None
    whole = file.samples.filter(part=Sample.Part.WHOLE).first()
    if whole is not None and is_whole:
        storing.rewrite(whole, passages[0].content)
        return
    if is_whole:
        file.copies.filter(part=Sample.Part.WHOLE).delete()
    pieces = [passage.of(file, shard) for passage in passages if is_whole or passage.start is not None]
    for number, count in storing.store(file.project, pieces, is_again=True).items():
        shard_known.send(Sample, project=file.project, shard=number, count=count)
    storing.park_others(file, [(piece.start, piece.end) for piece in pieces])
