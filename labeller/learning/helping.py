"""Which question helps which: what one's heads foresee, beside the embeddings, as input to another's head.

Measured on the labels there are, each pair on the same folds, whole cameras or events held out. Only where it helps is
what is foreseen kept, as a run beside the embeddings like any other companion: a full refit weighs it (`weighing`), and
scoring, assessment and export read it as they read any mix. It stays as it was made, so that a head means the same in
every process, until questions are compared anew.
"""

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from labeller.codes import WorkerCode
from labeller.embedding import deriving, runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.labels import selectors as labels
from labeller.learning import fitting, weighing
from labeller.learning.models import Helping
from labeller.projects.models import Question
from tl_core import threads
from tl_core.notices import notice

if TYPE_CHECKING:
    from tl_core.heads.joint import Answered

MOST_LABELS = 3000  # of a question; more decide no better, and fits take longer


def compare(progress: jobs.Progress) -> None:
    """Compare every pair of questions with enough labels; keep what helps, and let go of what doesn't any more."""
    project = progress.project
    run = runs.current_run(project)
    embeddings = load_embeddings(run)
    answered = {}
    for question in project.questions.order_by("position", "pk"):
        question.project = project
        if (found := _answered(question, embeddings)) is not None:
            answered[question] = found
    pairs = list(permutations(answered, 2))
    for number, (question, helper) in enumerate(pairs):
        progress(number, len(pairs), notice(WorkerCode.COMPARING_QUESTIONS), now=True)
        with threads.single():
            _compare(run, embeddings, question, helper, answered)
    progress(len(pairs), len(pairs), now=True)


def _answered(question: Question, embeddings: Embedded) -> "Answered | None":
    """The answers to a question, where there are enough."""
    from tl_core.heads import joint

    data = fitting.training(question, embeddings, labels.consensus(question))
    if data is None or len(data.y) < joint.ENOUGH_LABELS:
        return None
    rng = np.random.default_rng(question.pk)
    kept = np.sort(rng.permutation(len(data.y))[:MOST_LABELS])
    return joint.Answered(data.X[kept], data.y[kept], data.sample_ids[kept])


def _compare(
    run: EmbeddingRun,
    embeddings: Embedded,
    question: Question,
    helper: Question,
    answered: "dict[Question, Answered]",
) -> None:
    """Compare one pair, and keep what came of it."""
    from tl_core.heads import joint

    asked, helping = answered[question], answered[helper]
    groups = weighing.groups(asked.ids)
    rng = np.random.default_rng([question.pk, helper.pk])
    found = joint.compare(asked, helping, embeddings.mean, groups, rng)
    companion = None
    if found.helps:
        told = joint.foresee(helping.X, helping.y, embeddings.mean)
        companion = deriving.beside(run, told, helper.key)
        runs.enqueue(companion, runs.missing(companion))
    _let_go(question, helper, companion)
    numbers = ("n", "alone", "joined", "low", "high", "loss", "loss_low", "loss_high")
    values = {name: getattr(found, name) for name in numbers}
    Helping.objects.update_or_create(
        question=question, helper=helper, defaults={**values, "run": run, "companion": companion}
    )


def _let_go(question: Question, helper: Question, companion: EmbeddingRun | None) -> None:
    """What helped before is made for nobody any more; heads that saw it keep it until it is tidied away."""
    for former in Helping.objects.filter(question=question, helper=helper, companion__isnull=False):
        if former.companion is not None and former.companion != companion:
            others = Helping.objects.filter(companion=former.companion).exclude(pk=former.pk)
            if not others.exists():
                runs.cancel(former.companion)
                EmbeddingRun.objects.filter(pk=former.companion.pk).update(beside=None)
