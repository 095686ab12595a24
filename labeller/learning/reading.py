"""What is known of a question before its samples are ranked, read once and in the order that misses nothing."""

import functools
import logging
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeller.embedding import mixing, runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.labels import applying
from labeller.labels import selectors as labels
from labeller.projects.models import Question

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Known:
    """A question's embeddings, and what people have answered so far."""

    question: Question
    run: EmbeddingRun
    embeddings: Embedded
    answers: dict[int, frozenset[int]]  # the classes of each labelled sample
    settled: set[int]  # samples that nobody is asked about any more
    starred: frozenset[int]  # classes
    last_label: int

    def pool(self, besides: Collection[int] = ()) -> NDArray[np.intp]:
        """Positions of the samples that may be asked about, without those in `besides`."""
        return self.embeddings.without(self.settled.union(besides))


def read(question: Question, mix: str | None = None) -> Known | None:
    """What is known of the question now, in this mix (None = the one in use); None while nothing is embedded of it."""
    run = runs.current_run(question.project)
    # Read before the labels: a label that arrives in between is trained on and counted as new once more, never missed.
    last_label = applying.newest_label(question)
    embeddings = embeddings_of(question, run, mix)
    answers = labels.consensus(question)
    settled = labels.settled(question)
    starred = frozenset(question.classes.filter(is_starred=True).values_list("pk", flat=True))
    if not len(embeddings.ids):
        return None
    return Known(question, run, embeddings, answers, settled, starred, last_label)


def embeddings_of(question: Question, run: EmbeddingRun, mix: str | None = None) -> Embedded:
    """The embeddings that the question learns from and is ranked on: of the samples that it is asked of.

    Each question learns by itself; learning several together would begin here and in `fitting.fit`.
    """
    asked = applying.asked_ids(question)
    whole = load_embeddings(run, mix_in_use(question, run) if mix is None else mix)
    return whole if asked is None else _only(whole, asked.tobytes())


def mix_in_use(question: Question, run: EmbeddingRun) -> str:
    """What the question's last full refit chose to see; "" = the run's own embeddings, also where a part is gone."""
    full = question.heads.filter(run=run, is_full=True).order_by("-version").values_list("mix", flat=True).first()
    if not full:
        return ""
    try:
        mixing.parts(run, full)
    except mixing.MixGone as error:
        log.warning("question %d learns from the last layer alone: %s", question.pk, error)
        return ""
    return full


@functools.lru_cache(maxsize=2)
def _only(whole: Embedded, asked: bytes) -> Embedded:
    """Kept by the process: while nothing else is asked of, what was found of the embeddings stays found."""
    return whole.only(np.frombuffer(asked, np.int64))
