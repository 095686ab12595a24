"""Chooses which samples come next: asks a query strategy, or hunts for one aim. All in positions of the embeddings."""

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import neighbours
from labeller.embedding.loading import Embedded
from labeller.learning import accepting, foreign, tiles
from labeller.learning.fitting import CannotLearn, Fitted
from labeller.learning.reading import Known
from labeller.samples import bursts
from labeller.samples.groups import placed
from labeller.samples.models import Sample
from tl_core import query
from tl_core.notices import notice
from tl_core.query import planning
from tl_core.query.covering import COLD_LABELS
from tl_core.query.planning import Pick

SIMILAR = "similar_to"
SPARE = 3  # foreign predictions that are looked at for each place in a round: many are of one burst


@dataclass(frozen=True)
class Aim:
    """What to hunt for instead of asking the question's strategy: what looks like some samples, one class, or words."""

    like: tuple[int, ...] = ()  # sample ids
    class_id: int | None = None
    text: str = ""

    @property
    def strategy(self) -> str:
        return SIMILAR if self.class_id is None else "positive_first"


def situation(known: Known, fitted: Fitted | None, strategy: str, besides: Collection[int] = ()) -> planning.Situation:
    """What every choice rests on, a round's and a hunt's. `besides` are samples not to be chosen."""
    embeddings = known.embeddings
    accepted = embeddings.positions(accepting.accepted_ids(known.question))
    labelled = embeddings.positions(known.answers)
    learner = fitted.learner if fitted else None
    return planning.Situation(
        embeddings.vectors,
        allowed=_mask(len(embeddings.ids), known.pool(besides)),
        accepted=_mask(len(embeddings.ids), accepted[accepted >= 0]),
        X_labelled=learner.X_training if learner else embeddings.vectors[labelled[labelled >= 0]],
        y_labelled=learner.y_training if learner else None,
        mean=embeddings.mean,
        norms=embeddings.norms,
        index=neighbours.index(known.run, embeddings) if strategy in neighbours.ASKING else None,
    )


def choose(known: Known, fitted: Fitted | None, given: planning.Situation, audited: int, seed: int) -> list[Pick]:
    """A round's picks by the strategy, in rank order; see `planning.plan`. `audited` samples say how good heads are."""
    question, project, embeddings = known.question, known.question.project, known.embeddings
    learner = fitted.learner if fitted else None
    # A head for several classes a sample knows them by their columns.
    columns = dict(zip(fitted.learner.estimator.classes_.tolist(), fitted.class_ids, strict=True)) if fitted else {}
    is_cold = learner is None or len(given.X_labelled) < COLD_LABELS
    is_grouped = _is_grouped(embeddings, project.pk, bursts.newest_grouping(project.pk))
    whole = replace(
        given,
        units=embeddings.units,
        # Clustering takes a second or more, and a worker that is started later never needs it.
        start=_start(question.pk, embeddings) if is_cold else (),
        starred=[column for column, class_id in columns.items() if class_id in known.starred],
        sequences=_Placed(project.pk, embeddings, "event") if is_grouped else None,
        deployments=_Placed(project.pk, embeddings, "group") if is_grouped else None,
    )
    picks = planning.plan(
        learner,
        whole,
        question.round_size,
        strategy=question.strategy,
        audit_share=planning.audit_share(question.audit_share, audited),
        random_state=seed,
    )
    if fitted is None:
        return _foreign_first(known, whole, picks)
    return [replace(pick, hunted=columns.get(pick.hunted)) for pick in picks]


def _foreign_first(known: Known, situation: planning.Situation, picks: list[Pick]) -> list[Pick]:
    """Put what foreign models are least clear of, or say is of a starred class, before what else would come."""
    n = known.question.round_size
    told = foreign.least_clear(known.question, known.starred, SPARE * n)
    positions = known.embeddings.positions([sample_id for sample_id, *_ in told])
    first = [
        Pick(position, foreign.STRATEGY, 1 - clarity, hunted=class_id)
        for position, (_sample, clarity, class_id) in zip(positions.tolist(), told, strict=True)
        if position >= 0 and situation.allowed[position]
    ]
    order = planning.spread_out(np.array([pick.position for pick in first], np.intp), situation) if first else []
    first = [first[at] for at in order[:n]]
    taken = {pick.position for pick in first}
    return (first + [pick for pick in picks if pick.position not in taken])[:n]


def hunt(known: Known, fitted: Fitted | None, given: planning.Situation, aim: Aim, size: int, seed: int) -> list[Pick]:
    """A hunt's picks in rank order; see `planning.hunt`."""
    learner, embeddings = fitted.learner if fitted else None, known.embeddings
    if aim.class_id is None:
        positions = embeddings.positions(aim.like)
        if (positions < 0).any():
            raise CannotLearn(notice(WorkerCode.LIKENESS_UNKNOWN))
        target = {"examples": embeddings.vectors[positions]}
    elif fitted is None or aim.class_id not in fitted.class_ids:
        raise CannotLearn(notice(WorkerCode.CLASS_NOT_HUNTABLE))
    else:
        # A head for several classes a sample knows them by their columns.
        target = {"positive": fitted.learner.estimator.classes_[fitted.class_ids.index(aim.class_id)]}
    picks = planning.hunt(learner, given, size, strategy=aim.strategy, random_state=seed, **target)
    return [replace(pick, hunted=aim.class_id) for pick in picks]


def free(situation: planning.Situation) -> NDArray[np.bool_]:
    """What is neither labelled nor accepted."""
    accepted = situation.accepted
    return situation.allowed.copy() if accepted is None else situation.allowed & ~accepted


def _mask(n: int, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    mask = np.zeros(n, np.bool_)
    mask[positions] = True
    return mask


@functools.lru_cache(maxsize=2)
def _start(question_id: int, embeddings: Embedded) -> tuple[tuple[int, float], ...]:
    """What is labelled first. The seed is the question's own: each early refit goes on with the same samples."""
    rng = np.random.default_rng(question_id)
    positions, scores = query.spread_centroids(embeddings.vectors, query.COLD_START, rng)
    return tuple(zip(positions.tolist(), scores.tolist(), strict=True))


@functools.lru_cache(maxsize=2)
def likeness(question_id: int, embeddings: Embedded) -> tiles.Likeness:
    """Clusters around what is labelled first, for people to look at while no class is predicted."""
    return tiles.likeness(embeddings, np.array([position for position, _ in _start(question_id, embeddings)]))


@functools.lru_cache(maxsize=2)
def _is_grouped(embeddings: Embedded, project_id: int, grouping: int) -> bool:
    """Whether any sample has a deployment; the embeddings and `grouping` say how new samples and deployments are."""
    return placed(Sample.objects.filter(project=project_id)).filter(group__isnull=False).exists()


@dataclass(frozen=True, eq=False)
class _Placed:
    """Each sample's sequence (`event`) or deployment (`group`), -1 = none: read of those that are asked for.

    These are a few hundred picks; of a million samples it would take a process that begins anew seconds.
    """

    project_id: int
    embeddings: Embedded
    field: str

    def __getitem__(self, positions: NDArray[np.intp]) -> NDArray[np.int64]:
        ids = self.embeddings.ids[positions].tolist()
        samples = placed(Sample.objects.filter(project=self.project_id)).filter(group__isnull=False)
        found = dict[int, int | None]()
        for start in range(0, len(ids), bursts.PAGE):
            found |= dict(samples.filter(pk__in=ids[start : start + bursts.PAGE]).values_list("pk", self.field))
        return np.array([found.get(each) or -1 for each in ids], np.int64)
