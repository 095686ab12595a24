"""What a question's head sees: the network's last layer, its intermediate levels or both, chosen by its labels.

A full refit looks anew, so whenever labels have doubled. Whole cameras or events are held out: what tells one camera
from another must not pass for what tells animals apart.
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeller.embedding import mixing
from labeller.embedding.loading import load_beside
from labeller.embedding.models import EmbeddingRun
from labeller.learning import fitting
from labeller.learning.models import Helping
from labeller.projects.models import Question
from labeller.samples.groups import placed
from labeller.samples.models import Sample
from tl_core.heads import weighing
from tl_core.spaces.mixing import Mix

log = logging.getLogger(__name__)

# Of the run's own embeddings and of a companion's, what is tried; the first stays unless there is reason.
WEIGHTS = ((1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (0.0, 1.0))
FEW_GROUPS = 2 * weighing.FOLDS  # cameras; below, events are held out


def choose(question: Question, run: EmbeddingRun, answers: dict[int, frozenset[int]]) -> str:
    """Digest of the mix that held-out labels speak for; "" = the run's own embeddings, also without a choice."""
    chosen, answers = "", _drawn(answers, question.pk)
    for companion in allowed(question, mixing.companions(run)) if len(answers) >= weighing.ENOUGH_LABELS else []:
        chosen = _weighed(question, run, chosen, companion, answers) or chosen
    return chosen


def _drawn(answers: dict[int, frozenset[int]], seed: int) -> dict[int, frozenset[int]]:
    """So many of the answers as a choice is made by: of 300,000 the embeddings alone would take gigabytes."""
    if len(answers) <= weighing.MOST_LABELS:
        return answers
    sample_ids = np.fromiter(answers, np.int64, len(answers))
    drawn = np.random.default_rng(seed).choice(sample_ids, weighing.MOST_LABELS, replace=False)
    return {sample_id: answers[sample_id] for sample_id in sorted(drawn.tolist())}


def allowed(question: Question, companions: Sequence[EmbeddingRun]) -> list[EmbeddingRun]:
    """Of a run's companions those that the question's head may see: none that is there to help another question."""
    of_pairs = Helping.objects.filter(companion__in=[each.pk for each in companions])
    owners = list(of_pairs.values_list("companion", "question"))
    mine = {companion for companion, owner in owners if owner == question.pk}
    others = {companion for companion, _ in owners} - mine
    return [each for each in companions if each.pk not in others]


def _weighed(
    question: Question, run: EmbeddingRun, mix: str, companion: EmbeddingRun, answers: dict[int, frozenset[int]]
) -> str:
    """Digest of the mix with this companion in it; "" where it is better left out."""
    even, beside = load_beside(run, companion, mix)
    data = fitting.training(question, beside, answers)
    if data is None:
        return ""
    scales = [_columns(even, weights) for weights in WEIGHTS]
    weighed = weighing.weigh(
        [data.X[:, scale > 0] * scale[scale > 0] for scale in scales],
        data.y,
        [beside.mean[scale > 0] * scale[scale > 0] for scale in scales],
        groups(data.sample_ids),
        np.random.default_rng(question.pk),
    )
    log.info("question %d: losses %s at %s", question.pk, weighed.losses.round(3), WEIGHTS)
    own, last = WEIGHTS[weighed.chosen]
    return (
        mixing.keep(run, even.weighted([own * each for each in even.weights[:-1]] + [last])) if weighed.chosen else ""
    )


def _columns(even: Mix, weights: tuple[float, float]) -> NDArray[np.float32]:
    """What the columns are multiplied by for these weights of what there is, and of the last part."""
    last = len(even.scales[-1])
    return np.repeat(np.array(weights, np.float32), [even.dimension - last, last])


def groups(sample_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """What must not be torn apart: cameras where there are several, else events; -1 = on its own."""
    rows = placed(Sample.objects.filter(pk__in=sample_ids.tolist())).values_list("pk", "group", "event")
    deployments, sequences = {}, {}
    for pk, deployment, sequence in rows:
        deployments[pk], sequences[pk] = deployment or -1, sequence or -1
    known = deployments if len(set(deployments.values()) - {-1}) >= FEW_GROUPS else sequences
    return np.array([known.get(pk, -1) for pk in sample_ids.tolist()], np.int64)
