"""What is known of a question before its samples are ranked, read once and in the order that misses nothing."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray

from labeller.embedding import runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.projects.models import Question


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


def read(question: Question) -> Known | None:
    """What is known of the question now; None while nothing is embedded."""
    run = runs.current_run(question.project)
    embeddings = load_embeddings(run)
    # Read before the labels: a label that arrives in between is trained on and counted as new once more, never missed.
    last_label = Label.objects.filter(question=question).aggregate(last=Max("pk"))["last"] or 0
    answers = labels.consensus(question)
    settled = labels.settled(question)
    starred = frozenset(question.classes.filter(is_starred=True).values_list("pk", flat=True))
    if not len(embeddings.ids):
        return None
    return Known(question, run, embeddings, answers, settled, starred, last_label)
