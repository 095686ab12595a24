"""What ways to adapt are fitted on and judged on: some of the pool, and other pictures of which more is known."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import computing
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.messages import Explained
from labeller.projects.models import Question
from labeller.samples.groups import placed
from labeller.samples.models import File, Sample
from labeller.transfer import sampling
from labeller.transfer.sampling import Drawn
from labeller.transfer.trying import Told, embedded_by
from tl_core import images
from tl_core.adaptation.base import Pool
from tl_core.adaptation.gains import Facts, Views
from tl_core.evaluation import transferability
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.baselines import PIXELS, SmallPicture
from tl_core.featurisers.together import Together, twin
from tl_core.notices import notice

LEAST = 40  # embedded samples, below which there is nothing to fit
FITTED_ON = 5000  # samples whose embeddings a way is fitted on
TAUGHT = 900  # of which an altered copy is embedded for ways that learn from such twins
JUDGED = 1500
COPIED = 256  # of these an altered copy is looked at, too
PAGE = 500
LEVELS = ",output=levels"
STEPS = 4  # passes over pictures before anything is fitted
UNITS = 100  # that a step counts


class NothingToAdapt(Explained):
    """Too little is embedded yet, or nothing of it can be read."""


class Steps:
    """Progress of work in several steps, each of which counts as much and tells how far it is by itself."""

    def __init__(self, tell: Callable[..., None], count: int) -> None:
        self._tell, self._count, self._at, self._said = tell, count, -1, notice(WorkerCode.LOADING_NETWORK)

    def begin(self, said: Any) -> None:
        """The next step, and what it is. Raises JobLost where nobody waits for it any more."""
        self._at, self._said = self._at + 1, said
        self._tell(UNITS * self._at, UNITS * self._count, said, now=True)

    def __call__(self, done: float, total: float = 1, said: Any = None) -> None:
        share = min(1.0, done / total) if total else 1.0
        self._tell(int(UNITS * (self._at + share)), UNITS * self._count, said or self._said)


@dataclass(eq=False)
class Prepared:
    """The pool as ways are given it; the samples they are judged on, as the network sees them; and its levels, if any.

    `copies` are the samples of which altered copies are judged as well.
    """

    pool: Pool
    drawn: Drawn
    copies: NDArray[np.int64]
    base: Views
    known: Facts
    levels: Views | None

    def seen_by(self, network: Any, steps: Steps) -> Views:
        """The same samples and copies as another network sees them."""
        _, vectors = _looked_at(self.drawn.ids, network, steps)
        _, twins = _looked_at(self.copies, network, steps, altered=True)
        if len(vectors) != len(self.drawn.ids) or len(twins) != len(self.copies):
            raise NothingToAdapt(notice(WorkerCode.PICTURES_GONE))
        return Views(vectors, twins)


def prepare(run: EmbeddingRun, question: Question | None, rng: np.random.Generator, steps: Steps) -> Prepared:
    """Draw what is fitted on and what is judged on. Raises NothingToAdapt where there is too little."""
    looking = notice(WorkerCode.TRYING)
    steps.begin(looking)
    embeddings = load_embeddings(run)
    if len(embeddings.ids) < LEAST:
        raise NothingToAdapt(notice(WorkerCode.NOTHING_TO_ADAPT, n=LEAST))
    drawn, small = _readable(sampling.draw(run.project, question, JUDGED, rng), embeddings, steps)
    if len(drawn.ids) < LEAST:
        raise NothingToAdapt(notice(WorkerCode.NOTHING_TO_ADAPT, n=LEAST))
    runtime = computing.runtime(run.featuriser, settings.DEVICE)
    steps.begin(looking)
    copies, twins = _looked_at(drawn.ids[:COPIED], runtime, steps, altered=True)
    known = Facts(
        originals=np.flatnonzero(np.isin(drawn.ids, copies)),
        codes=drawn.classes,
        cameras=drawn.cameras,
        events=drawn.events,
        small=None if drawn.is_labelled else transferability.mixed(small, SmallPicture.parts),
    )
    steps.begin(looking)
    pool = _pool(run, embeddings, runtime, rng, steps)
    base = Views(embeddings.vectors[embeddings.positions(drawn.ids)], twins)
    prepared = Prepared(pool, drawn, copies, base, known, None)
    steps.begin(looking)
    prepared.levels = _levels(run, prepared, steps)
    return prepared


def _readable(drawn: Drawn, embeddings: Embedded, steps: Steps) -> tuple[Drawn, NDArray[np.float32]]:
    """Those of the samples that are embedded and whose pictures are there still, with small copies of these."""
    there = drawn.first(np.flatnonzero(embeddings.positions(drawn.ids) >= 0))
    ids, small = _looked_at(there.ids, SmallPicture(), steps)
    return there.first(np.flatnonzero(np.isin(there.ids, ids))), small


def _looked_at(
    ids: NDArray[np.int64], network: Any, steps: Steps, *, altered: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Those of these samples that can be read, in their order, and what the network makes of them or altered copies."""
    together = Together({PIXELS: network}, twin if altered else None)
    rows = embedded_by(ids, together, Told(steps, 0, len(ids)))
    return np.array(rows.ids, np.int64), np.concatenate(rows.vectors[PIXELS])


def _pool(run: EmbeddingRun, embeddings: Embedded, runtime: Any, rng: np.random.Generator, steps: Steps) -> Pool:
    """Some of the pool; first of it those of which an altered copy could be made."""
    ids = embeddings.ids[rng.permutation(len(embeddings.ids))[:FITTED_ON]]
    taught, twins = _looked_at(ids[:TAUGHT], runtime, steps, altered=True)
    ids = np.concatenate([taught, np.setdiff1d(ids, taught)])
    cameras = _cameras(ids)
    return Pool(
        spec=run.featuriser,
        vectors=embeddings.vectors[embeddings.positions(ids)],
        cameras=cameras if (cameras >= 0).any() else None,
        twins=twins,
        pictures=lambda featuriser, most: _pictures(ids[:most], featuriser),
    )


def _cameras(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which deployment each sample is of; -1 = none."""
    known: dict[int, int] = {}
    for start in range(0, len(ids), PAGE):
        rows = placed(Sample.objects.filter(pk__in=ids[start : start + PAGE].tolist())).filter(group__isnull=False)
        known.update(rows.values_list("pk", "group"))
    return np.array([known.get(pk, -1) for pk in ids.tolist()], np.int64)


def _pictures(ids: NDArray[np.int64], featuriser: Any) -> NDArray[np.uint8]:
    """The pictures of these samples that can be read, prepared for a featuriser: (n, size, size, 3)."""

    def read(sample: Sample) -> NDArray[np.uint8] | None:
        location = sample.file.source.location(sample.file.path)
        try:
            return np.asarray(
                featuriser.preprocess(images.load(location, min_side=featuriser.decode_side, box=sample.box))
            )
        except (images.ImageRefused, OSError):
            return None

    prepared: list[NDArray[np.uint8]] = []
    for start in range(0, len(ids), PAGE):
        wanted = ids[start : start + PAGE].tolist()
        of_images = Sample.objects.filter(pk__in=wanted, file__kind=File.Kind.IMAGE).select_related("file__source")
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            prepared += [each for each in threads.map(read, of_images.order_by("pk")) if each is not None]
    side = featuriser.image_size
    return np.stack(prepared) if prepared else np.zeros((0, side, side, 3), np.uint8)


def _levels(run: EmbeddingRun, prepared: Prepared, steps: Steps) -> Views | None:
    """The samples as the network's intermediate levels see them: what every way is compared with."""
    try:
        return prepared.seen_by(computing.runtime(f"{run.featuriser}{LEVELS}", settings.DEVICE), steps)
    except (FeaturiserUnavailable, ValueError, KeyError):  # a network without such levels, or one that is a graph
        return None
