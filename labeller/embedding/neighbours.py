"""The index of an embedding run: finds what is near a sample without comparing it with all others.

Building it takes more than a minute for 100,000 rows. So jobs keep it up, where the strategy of a question asks it, and
a refit takes what there is.
"""

import functools
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.samples.ingesting import check_disk
from tl_core.notices import notice
from tl_core.spaces.neighbours import NeighbourIndex, NeighboursCorrupt

log = logging.getLogger(__name__)

ASKING = ("seals", "similar_to")  # the strategies that ask it
FILE = "neighbours.index"  # beside the run's shards
ENOUGH = 0.95  # share of the embeddings without which neighbours are compared exactly instead
STEP = 2048  # rows between two reports at most
SAVE_EVERY = 100_000  # new rows; so many are lost at most with a worker


@dataclass(frozen=True, eq=False)
class InPool:
    """A run's index as strategies ask it: it answers with positions in the embeddings."""

    found: NeighbourIndex
    embeddings: Embedded

    def search(self, queries: Any, k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Positions and cosines of the nearest, each (n, k); -1 for one that has no embedding any more."""
        ids, cosines = self.found.search(queries, k)
        return self.embeddings.positions(ids), cosines


def index(run: EmbeddingRun, embeddings: Embedded) -> InPool | None:
    """The run's index, kept by the process until a job has built on; None where there is none or it lacks too much.

    None for a mix, too: the index is of the run's own embeddings, and others are compared exactly.
    """
    if embeddings.mix:
        return None
    state = EmbeddingRun.objects.values_list("indexed", flat=True).get(pk=run.pk)
    found = _loaded(run, state) if state else None
    if found is None or len(found) < ENOUGH * len(embeddings.ids):
        return None
    return InPool(found, embeddings)


def keep_up(run: EmbeddingRun) -> None:
    """Ask for what the index of a run lacks."""
    embeddings = load_embeddings(run)
    known = index(run, embeddings)
    if len(embeddings.ids) > (len(known.found) if known else 0):
        jobs.enqueue("index", key=_key(run), project=run.project, payload={"run": run.pk}, total=len(embeddings.ids))


def build(progress: jobs.Progress) -> None:
    """Add to a run's index what it lacks; done twice, it adds nothing."""
    run = EmbeddingRun.objects.get(pk=progress.job.payload["run"])
    check_disk()
    embeddings = load_embeddings(run)
    total = len(embeddings.ids)
    progress(0, total, notice(WorkerCode.READING_INDEX), now=True)
    storage = runs.store(run).storage
    found = _saved(run) or NeighbourIndex(run.dimension, embeddings.mean)
    new = 0
    for start, block in embeddings.vectors.blocks(STEP):  # views: what is known already isn't read
        stop = start + len(block)
        new += found.add(embeddings.ids[start:stop], block)
        progress(stop, total)
        if new >= SAVE_EVERY or (new and stop == total):
            # Whoever lost the job leaves the file to the worker that has it now.
            progress(stop, total, notice(WorkerCode.SAVING_INDEX), now=True)
            found.save(storage, FILE)
            new = 0
    EmbeddingRun.objects.filter(pk=run.pk).update(indexed=F("indexed") + 1)


def _key(run: EmbeddingRun) -> str:
    return f"run:{run.pk}"


@functools.lru_cache(maxsize=1)
def _loaded(run: EmbeddingRun, indexed: int) -> NeighbourIndex | None:
    """The index in that state. The number stands for the file: asking an object store for changes costs a fetch."""
    return _saved(run)


def _saved(run: EmbeddingRun) -> NeighbourIndex | None:
    try:
        return NeighbourIndex.load(runs.store(run).storage, FILE)
    except FileNotFoundError:
        return None
    except NeighboursCorrupt as error:
        log.error("the index of %s is built anew: %s", run, error)
        return None
