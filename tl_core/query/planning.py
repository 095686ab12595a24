# ruff: noqa: N803, N806 - matrices are X and P here, as in scikit-learn
"""Plans a batch: what a strategy wants, audit samples, the hunt for starred classes, and no picture twice."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tl_core.query.base import Pool, Seed, Strategy, get, wanted
from tl_core.query.covering import COLD_LABELS
from tl_core.query.neighbourhood import Index
from tl_core.query.scoring import plain_head, scan
from tl_core.query.units import Units
from tl_core.query.voting import bootstrapped
from tl_core.spaces.neighbours import near_duplicates

AUDIT = "audit"
COLD_START = "kmeans_centroid"
RANDOM = "random"
RARE = "rare"
RARE_SHARE = 0.25  # of a batch, while there are starred classes
EARLY, EARLY_AUDITS = 2.5, 60  # at first there are so many times the audit samples, until there are so many
_MOST_AUDITS = 0.5  # of a batch, while they come early
_DEPLOYMENT_SHARE = 0.25  # of a batch that one deployment may have
# Picks asked of a strategy for each one needed: some are too much like others, the more so where frames come in bursts.
_SPARE, _SPARE_OF_BURSTS = 1.5, 3.0


class Groups(Protocol):
    """The group of each sample, as an array has them or something that looks them up."""

    def __getitem__(self, positions: NDArray[np.intp], /) -> NDArray[np.int64]:
        """Return those of some rows of the pool, ``positions`` (k,): (k,)."""


@dataclass(frozen=True)
class Pick:
    """A sample of a batch and how it came there.

    Attributes
    ----------
    position : int
        Row of the pool.
    strategy : str
        The strategy's name, or "audit", "rare", "kmeans_centroid", "random".
    score : float
        Its acquisition score; higher = sooner, comparable within one strategy.
    propensity : float
        With which probability it was put into the batch, above 0; 1 where no chance was involved.
    hunted : object or None
        The class that a rare pick is to find more of.
    """

    position: int
    strategy: str
    score: float
    propensity: float = 1.0
    hunted: Any = None


@dataclass(frozen=True, eq=False)
class Situation:
    """What is known when a batch is planned.

    Attributes
    ----------
    X_pool : ndarray or Vectors, shape (n, d)
        All embeddings, labelled ones too.
    allowed : ndarray of bool, shape (n,)
        Which may be picked.
    X_labelled : ndarray, shape (m, d)
        Labelled embeddings.
    y_labelled : ndarray, shape (m,), or None
        Their classes; the committee is fitted on them.
    mean : ndarray of float32, shape (d,)
        Of the pool.
    norms : ndarray of float32, shape (n,), or None
        See `tl_core.query`.
    start : sequence of (int, float)
        `covering.spread_centroids`, positions with scores: what is labelled first.
    starred : iterable
        Classes to hunt for.
    accepted : ndarray of bool, shape (n,), or None
        Allowed ones that the head was trusted with: only audits look at them.
    sequences, deployments : ndarray of int, shape (n,), or what is indexed like one, or None
        Which burst of frames and which camera each sample is from; -1 = none. Asked for picks only.
    units : Units or None
        The pool in a quarter of its size, see `tl_core.query`.
    index : Index or None
        Of the neighbours in the pool, see `tl_core.query`.
    """

    X_pool: Pool
    allowed: NDArray[np.bool_]
    X_labelled: NDArray[Any]
    mean: NDArray[np.float32]
    y_labelled: NDArray[Any] | None = None
    norms: NDArray[np.float32] | None = None
    start: Sequence[tuple[int, float]] = ()
    starred: Iterable[Any] = ()
    accepted: NDArray[np.bool_] | None = None
    sequences: Groups | None = None
    deployments: Groups | None = None
    units: Units | None = None
    index: Index | None = None


def audit_share(least: float, audited: int, early: float = EARLY) -> float:
    """Return which share of the next batch audits: more at first, when each sample narrows the claim most.

    Until there are 60 samples it is two and a half times ``least``, at most a half; then it falls with their number,
    and from 150 on it is ``least``. When audits are drawn may depend on all that came before: a confidence sequence
    counts samples, not time, and needs only that each is drawn uniformly from what is unlabelled then.

    Parameters
    ----------
    least : float
        The share in the long run, 0 to 1; of 0 there are none at first either.
    audited : int
        Audit samples so far.
    early : float
        How many times ``least`` it is at first.

    Returns
    -------
    float
        0 to 1, not below ``least``.
    """
    times = max(1.0, early * min(1.0, EARLY_AUDITS / max(audited, 1)))
    return max(least, min(_MOST_AUDITS, least * times))


def plan(
    classifier: Any,
    situation: Situation,
    n_instances: int,
    *,
    strategy: str = "auto",
    audit_share: float = 0.1,
    random_state: Seed = None,
) -> list[Pick]:
    """Plan a batch.

    While fewer than 20 samples are labelled the middles of clusters come first. From then on each place of the batch is
    an audit sample with the probability ``audit_share``, drawn uniformly from all that is allowed; a hunt for a starred
    class with a probability of a quarter, if any is starred; else the strategy's. Audit samples are drawn without
    regard to anything else; among the other picks, near duplicates (a cosine above .98), further frames of a sequence
    and the share of a deployment beyond a quarter come last.

    Parameters
    ----------
    classifier : classifier or None
        Fitted; None while there is none.
    situation : Situation
        What is known.
    n_instances : int
        How many picks, 0 or more.
    strategy : str
        A name or dotted path; see `tl_core.query.get`.
    audit_share : float
        0 to 1.
    random_state : int, Generator or None
        Decides all draws.

    Returns
    -------
    list of Pick
        min(n_instances, allowed) of distinct positions, soonest first; fewer where the rest is accepted.

    Raises
    ------
    KeyError
        No such strategy.
    ValueError
        From the strategy.
    """
    rng = np.random.default_rng(random_state)
    free = situation.allowed.copy()
    n = min(n_instances, int(np.count_nonzero(free)))
    if classifier is None or len(situation.X_labelled) < COLD_LABELS:
        picks = [Pick(position, COLD_START, score) for position, score in situation.start if free[position]][:n]
        free[[pick.position for pick in picks]] = False
        return picks + _rest(classifier, situation, free, n - len(picks), strategy, rng)
    chance = rng.random(n)
    audits = _drawn(AUDIT, free, int((chance < audit_share).sum()), rng)
    if situation.accepted is not None:
        free &= ~situation.accepted
    starred = [each for each in situation.starred if each in _classes(classifier)]
    hunted = (chance >= audit_share) & (chance < audit_share + RARE_SHARE * bool(starred))
    hunts = _hunted(classifier, situation, starred, free, int(hunted.sum()))
    others = _rest(classifier, situation, free, n - len(audits) - len(hunts), strategy, rng)
    queues = (iter(audits), iter(hunts), iter(others))
    parts = np.where(chance < audit_share, 0, np.where(hunted, 1, 2))
    picks = [pick for part in parts if (pick := next(queues[part], None)) is not None]
    return picks + [pick for queue in queues for pick in queue]


def hunt(
    classifier: Any,
    situation: Situation,
    n_instances: int,
    *,
    strategy: str,
    random_state: Seed = None,
    **aim: Any,
) -> list[Pick]:
    """Plan a batch that has one aim: no audits, nothing of the start, no starred classes.

    Near duplicates keep their places: where little is left of what is hunted, moving them back would bring up what is
    not of it.

    Parameters
    ----------
    classifier : classifier or None
        Fitted; None will do for ``"similar_to"``.
    situation, n_instances, random_state
        As for `plan`.
    strategy : str
        ``"similar_to"`` or ``"positive_first"``.
    **aim
        What it is to find: ``examples`` or ``positive``, see `tl_core.query`.

    Returns
    -------
    list of Pick
        min(n_instances, allowed and not accepted) of distinct positions, soonest first.

    Raises
    ------
    KeyError
        No such strategy.
    ValueError
        From the strategy: it cannot find what the aim says.
    """
    free = situation.allowed if situation.accepted is None else situation.allowed & ~situation.accepted
    return _asked(classifier, situation, free, n_instances, strategy, np.random.default_rng(random_state), aim)


def _classes(classifier: Any) -> list[Any]:
    known: list[Any] = np.asarray(getattr(classifier, "estimator", classifier).classes_).tolist()
    return known


class _MostDoubtful:
    """A head of several classes a sample as strategies can ask it: is the least clear of its answers yes or no?"""

    classes_ = (False, True)

    def __init__(self, head: Any) -> None:
        self.head = head

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        P = self.head.predict_proba(X)
        least = np.abs(P - 0.5).argmin(axis=1)[:, None]
        yes = np.take_along_axis(P, least, axis=1)
        return np.hstack([1 - yes, yes])


def _drawn(name: str, free: NDArray[np.bool_], k: int, rng: np.random.Generator) -> list[Pick]:
    """Draw uniformly from what is free, and take it from there."""
    positions = np.flatnonzero(free)
    drawn = rng.choice(positions, min(k, len(positions)), replace=False)
    free[drawn] = False
    return [Pick(int(each), name, 0.0, len(drawn) / len(positions)) for each in drawn]


def _rest(
    classifier: Any,
    situation: Situation,
    free: NDArray[np.bool_],
    k: int,
    name: str,
    rng: np.random.Generator,
) -> list[Pick]:
    """Let the strategy pick from what is free; draw where there is no classifier to ask."""
    if k == 0:
        return []
    if classifier is None:
        return _drawn(RANDOM, free, k, rng)
    head = getattr(classifier, "estimator", classifier)
    plain = plain_head(head)
    if plain is not None and plain.multilabel:
        classifier = _MostDoubtful(head)
    elif name == "committee" and situation.y_labelled is not None:
        classifier = bootstrapped(head, situation.X_labelled, situation.y_labelled, random_state=rng)
    bursts = situation.sequences is not None or situation.deployments is not None
    picks = _asked(classifier, situation, free, math.ceil((_SPARE_OF_BURSTS if bursts else _SPARE) * k), name, rng, {})
    order = spread_out(np.array([pick.position for pick in picks], np.intp), situation)[:k]
    return [picks[each] for each in order]


def _asked(
    classifier: Any,
    situation: Situation,
    free: NDArray[np.bool_],
    k: int,
    name: str,
    rng: np.random.Generator,
    aim: dict[str, Any],
) -> list[Pick]:
    """Return the strategy's own picks."""
    strategy: Strategy = get(name)
    known = {
        "X_labelled": situation.X_labelled,
        "mean": situation.mean,
        "norms": situation.norms,
        "units": situation.units,
        "index": situation.index,
    }
    indices, scores = strategy(
        classifier,
        situation.X_pool,
        n_instances=k,
        random_state=rng,
        allowed=free,
        **wanted(strategy, known),
        **aim,
    )
    return [Pick(int(position), name, float(score)) for position, score in zip(indices, scores, strict=True)]


def spread_out(positions: NDArray[np.intp], situation: Situation) -> list[int]:
    """Order picks so that what is too much like an earlier one comes last.

    Parameters
    ----------
    positions : ndarray of int, shape (k,)
        Rows of the pool, soonest first.
    situation : Situation
        What is known.

    Returns
    -------
    list of int
        0 to k - 1: places in ``positions``.
    """
    put_off = near_duplicates(situation.X_pool, positions, situation.mean)
    sequences = _of(situation.sequences, positions)
    deployments = _of(situation.deployments, positions)
    # Of fewer than four deployments each may have its equal share: one folder for all pictures tells nothing.
    share = max(_DEPLOYMENT_SHARE, 1 / max(1, len(set(deployments))))
    kept: list[int] = []
    crowded: list[int] = []
    repeats: list[int] = []
    seen: set[int] = set()
    from_deployment: dict[int, int] = {}
    for place, (sequence, deployment) in enumerate(zip(sequences, deployments, strict=True)):
        count = from_deployment.get(deployment, 0) + 1
        if put_off[place] or sequence in seen:
            repeats.append(place)
            continue
        if sequence >= 0:
            seen.add(sequence)
        if deployment >= 0 and count > math.ceil(share * (len(kept) + 1)):
            crowded.append(place)
        else:
            kept.append(place)
            from_deployment[deployment] = count
    return kept + crowded + repeats


def _of(groups: Groups | None, positions: NDArray[np.intp]) -> list[int]:
    """Return the group of each, -1 = none."""
    of_each: list[int] = [-1] * len(positions) if groups is None else groups[positions].tolist()
    return of_each


def _hunted(classifier: Any, situation: Situation, starred: list[Any], free: NDArray[np.bool_], k: int) -> list[Pick]:
    """Pick for each starred class in turn what is likeliest of it and what it is least clear of, alternating.

    The likeliest find more of the class; the unclear ones teach the head where it ends.
    """
    positions = np.flatnonzero(free)
    if not k or not len(positions):
        return []
    classes = _classes(classifier)
    columns = [classes.index(each) for each in starred]
    P = scan(classifier, situation.X_pool, lambda block: block[:, columns], positions)
    prior = np.maximum(P.mean(axis=0, dtype=np.float64), 1e-9)
    ranks = [np.argsort(key, kind="stable") for p in P.T for key in (-p, np.abs(p - 0.5))]
    picks: list[Pick] = []
    taken: set[int] = set()
    while len(picks) < min(k, len(positions)):
        turn = len(picks) % len(ranks)
        row = next(int(each) for each in ranks[turn] if int(each) not in taken)
        taken.add(row)
        score = float(P[row, turn // 2] / prior[turn // 2])
        picks.append(Pick(int(positions[row]), RARE, score, hunted=starred[turn // 2]))
    free[[pick.position for pick in picks]] = False
    return picks
