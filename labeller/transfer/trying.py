"""Computes what every candidate makes of the same pictures: each is decoded once, and embeddings there are are read."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.samples.models import Sample
from labeller.transfer.candidates import Missing, Rival
from labeller.transfer.sampling import Drawn
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.together import Together, twin
from tl_core.notices import notice
from tl_core.pipeline import Picture, embed_images
from tl_core.store.shards import StoreCorrupt

SECONDS = 180.0  # of embedding: then what there is must do
LEAST = 300  # pictures that are looked at, however long it takes
TIMED = 64  # pictures by which a candidate's speed is known, whose embeddings are read
TWINS = 256
PAGE = 512
Tell = Callable[..., None]  # as jobs.Progress is called


@dataclass(eq=False)
class Computed:
    """What became of the pictures that could be read.

    Per candidate's name the embeddings (n, dimension), those of the altered copies of the first pictures, and seconds a
    picture; beside them the seconds that reading and decoding one took.
    """

    drawn: Drawn
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    twins: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    originals: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    seconds: dict[str, float] = field(default_factory=dict)
    decoding: float = 0.0
    refused: int = 0
    missing: list[Missing] = field(default_factory=list)


def compute(drawn: Drawn, candidates: Sequence[Rival], tell: Tell) -> Computed:
    """Embed the drawn samples by every candidate, as many as there is time for, and altered copies of some."""
    tell(0, len(drawn.ids), notice(WorkerCode.LOADING_NETWORK), now=True)
    read = {each.name: vectors for each in candidates if (vectors := _read(each, drawn.ids)) is not None}
    found = Computed(drawn)
    members = _loaded(candidates, found)
    everything = Together(members)
    lacking = Together({name: member for name, member in members.items() if name not in read})
    started = time.monotonic()
    # By all of them first, for a candidate whose embeddings are read has a speed, too.
    timed = embedded_by(drawn.ids[:TIMED], everything, Told(tell, 0, len(drawn.ids)))
    took = time.monotonic() - started
    found.seconds = {name: everything.seconds(name) / max(1, len(timed.ids)) for name in members}
    found.decoding = max(0.0, took / max(1, len(timed.ids)) - sum(found.seconds.values()))
    rest = embedded_by(drawn.ids[TIMED:], lacking, Told(tell, TIMED, len(drawn.ids)), started + SECONDS)
    found.refused = timed.refused + rest.refused
    kept = np.flatnonzero(np.isin(drawn.ids, [*timed.ids, *rest.ids]))
    found.drawn = drawn.first(kept)
    found.vectors = {name: np.concatenate([*timed.vectors[name], *rest.vectors[name]]) for name in lacking.members}
    found.vectors |= {name: vectors[kept] for name, vectors in read.items()}
    if not drawn.is_labelled:
        _alter(found, members, tell)
    return found


def _loaded(candidates: Sequence[Rival], found: Computed) -> dict[str, Any]:
    """What computes, by the candidate's name; what can't be loaded is noted."""
    members = {}
    for each in candidates:
        if each.load is None:
            continue
        try:
            members[each.name] = each.load()
        except (FeaturiserUnavailable, OSError) as error:
            found.missing.append(Missing(each.name, str(error)))
    return members


def _read(candidate: Rival, ids: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """The embeddings of these samples that the candidate's runs hold; None where one is missing."""
    parts = [_stored(run, ids) for run in candidate.stored]
    known = [part for part in parts if part is not None]
    return np.concatenate(known, axis=1) if known and len(known) == len(parts) else None


def _stored(run: EmbeddingRun, ids: NDArray[np.int64]) -> NDArray[np.float32] | None:
    try:
        stored = runs.store(run).open(runs.shards(run))
    except (StoreCorrupt, FileNotFoundError):
        return None
    if not len(stored.ids):
        return None
    order = np.argsort(stored.ids)
    at = order[np.minimum(np.searchsorted(stored.ids[order], ids), len(order) - 1)]
    return np.asarray(stored.vectors[at], np.float32) if (stored.ids[at] == ids).all() else None


@dataclass(frozen=True)
class Told:
    """How far a part of the work is, told as a part of the whole."""

    tell: Tell
    before: int
    total: int

    def __call__(self, done: int) -> None:
        self.tell(self.before + done, self.total, notice(WorkerCode.TRYING))


@dataclass(eq=False)
class LookedAt:
    """The samples that could be read, and page by page what each member made of them."""

    vectors: dict[str, list[NDArray[np.float32]]]
    ids: list[int] = field(default_factory=list)
    refused: int = 0


def embedded_by(ids: NDArray[np.int64], together: Together, tell: Told, deadline: float | None = None) -> LookedAt:
    """Embed samples in this order. Past the deadline it stops, though never before LEAST in all."""
    columns = together.columns.items()
    found = LookedAt({name: [np.zeros((0, where.stop - where.start), np.float32)] for name, where in columns})
    for start in range(0, len(ids), PAGE):
        samples = Sample.objects.select_related("file__source").in_bulk(ids[start : start + PAGE].tolist())
        page = [samples[pk] for pk in ids[start : start + PAGE].tolist() if pk in samples]
        pictures = [Picture(each.file.source.location(each.file.path), each.box) for each in page]
        rows = []
        is_late = False
        for embedded in embed_images(pictures, together):
            if embedded.vector is None:
                found.refused += 1
            else:
                found.ids.append(page[embedded.index].pk)
                rows.append(embedded.vector)
            done = start + embedded.index + 1
            tell(done)
            is_late = deadline is not None and time.monotonic() > deadline and tell.before + done >= LEAST
            if is_late:
                break
        for name, where in columns:
            found.vectors[name] += [np.array([row[where] for row in rows], np.float32)] if rows else []
        if is_late:
            break
    return found


def _alter(found: Computed, members: dict[str, Any], tell: Tell) -> None:
    """Embed altered copies of the first samples."""
    ids = found.drawn.ids[:TWINS]
    altered = embedded_by(ids, Together(members, twin), Told(tell, 0, len(ids)))
    found.originals = np.flatnonzero(np.isin(ids, altered.ids))
    found.twins = {name: np.concatenate(pages) for name, pages in altered.vectors.items()}
