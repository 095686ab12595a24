# ruff: noqa: N803, N806 - matrices are X, Z, P and L here
"""Strategies that hunt for one class or one look: rare ones would wait long for their turn otherwise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import all_finite, each, mean_row, unit_rows
from tl_core.query.base import Picks, Pool, contracted, highest
from tl_core.query.neighbourhood import NEIGHBOURS, Index, positions_near
from tl_core.query.scoring import Measure, scan, top
from tl_core.query.units import Units

_PRIOR_ROWS = 4096
_SUREST = 10.0  # log odds; above, float32 cannot tell one minus the probability from its rounding
_ROUNDED = 5e-3  # how far that moves log odds below


@contracted
def positive_first(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    positive: Any = None,
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> Picks:
    """Pick the samples that are likeliest of the class ``positive``.

    ``positive`` is one of the classes the classifier was fitted on; ValueError if not. Scores are the probability of
    that class over its mean in the pool (as 4,096 random samples tell it): how many times likelier than any sample.
    Where the head is surer than 0.99995, samples count as equal.
    """
    column = _column(classifier, positive)
    measure = _log_odds(column)
    positions, odds = top(classifier, X_pool, n_instances, measure, rng, allowed=allowed, norms=norms, units=units)
    some = rng.permutation(np.flatnonzero(allowed))[:_PRIOR_ROWS]
    prior = float(scan(classifier, X_pool, lambda P: P[:, column], some).mean(dtype=np.float64))
    return positions, 1 / (1 + np.exp(-odds)) / max(prior, 1e-9)


def _column(classifier: Any, positive: Any) -> int:
    fitted = getattr(classifier, "estimator", classifier)  # a modAL learner's
    classes: list[Any] = np.asarray(getattr(fitted, "classes_", getattr(fitted, "classes", ()))).tolist()
    if positive not in classes:
        raise ValueError(f"positive must be a class that has labels, one of {classes}; got {positive!r}")
    return classes.index(positive)


def _log_odds(column: int) -> Measure:
    """Rank by one class's log odds: unlike probabilities they keep sure samples apart."""

    def of(P: NDArray[Any]) -> NDArray[np.float64]:
        if not all_finite(P):
            raise ValueError("probabilities are not finite")
        p = P[:, column].astype(np.float64)
        with np.errstate(divide="ignore"):
            odds: NDArray[np.float64] = np.clip(np.log(p) - np.log1p(-p), -_SUREST, _SUREST)
        return odds

    def of_logits(L: NDArray[np.float32]) -> NDArray[np.float32]:
        others = np.delete(L, column, axis=0)
        if not len(others):
            return np.full(L.shape[1], np.float32(_SUREST))
        highest_other = others.max(axis=0)
        total = np.exp(others - highest_other).sum(axis=0)
        odds: NDArray[np.float32] = np.clip(L[column] - highest_other - np.log(total), -_SUREST, _SUREST)
        return odds

    return Measure(of, of_logits, lambda c: 2.0, _ROUNDED)


@contracted
def similar_to(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    examples: NDArray[Any] | None = None,
    mean: NDArray[np.float32] | None = None,
    index: Index | None = None,
) -> Picks:
    """Pick the samples most like any of some ``examples`` (m, d): finds more of what was found once.

    Scores are cosines between unit vectors around ``mean`` (d,), by default the mean of what may be picked: -1 to 1.
    With an ``index`` only what it finds near the examples is compared with them, unless too little of that may be
    picked. ValueError where there are no examples.
    """
    given = np.empty(0) if examples is None else np.asarray(examples)
    if given.ndim != 2 or given.shape[-1] != X_pool.shape[1] or not len(given):
        raise ValueError(f"examples must be embeddings of shape (m, {X_pool.shape[1]}), got {given.shape}")
    if not all_finite(given):
        raise ValueError("examples are not finite")
    mean = mean_row(X_pool, allowed) if mean is None else mean
    E = unit_rows(given, mean)

    def most(_: slice, block: NDArray[Any]) -> NDArray[np.float32]:
        with np.errstate(invalid="ignore"):  # refused below, where it is allowed
            best: NDArray[np.float32] = (unit_rows(block, mean) @ E.T).max(axis=1)
        return best

    near = np.empty(0, np.intp) if index is None else positions_near(index, given, n_instances + NEIGHBOURS)
    near = near[allowed[near]]
    if len(near) >= n_instances:
        positions, cosines = near, np.concatenate(each(X_pool, most, near))
    else:
        positions, cosines = np.flatnonzero(allowed), np.concatenate(each(X_pool, most))[allowed]
    if not np.isfinite(cosines).all():
        raise ValueError("embeddings are not finite")
    best, scores = highest(cosines, n_instances, rng)
    return positions[best], scores
