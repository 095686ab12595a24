# ruff: noqa: N803 - matrices are X, P, L and W here
"""Score a pool with a classifier, and find the highest scores without working out all of them exactly.

A linear head's pool is read once: logits come from a compact copy of it, if the caller keeps one, or straight from the
stored rows, in half precision where the processor has it. With them goes a bound of how far rounding may have moved
each score. Only rows that could still be among the highest are scored again, by the classifier itself. So picks and
scores are the classifier's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import block_lengths, each
from tl_core.heads.plain import LinearHead
from tl_core.query import products
from tl_core.query.base import Picks, Pool, highest
from tl_core.query.units import Units

EXACT_ROWS = 20_000  # of so few, every row is scored by the classifier at once
_FOREIGN_BLOCK = 16384  # other libraries' classifiers take their time a call


@dataclass(frozen=True)
class Measure:
    """A number for one sample that follows from its class probabilities; higher = sooner.

    Attributes
    ----------
    of : callable
        From probabilities (n, c) to float64 (n,).
    of_logits : callable
        The same from logits, float32 (c, m), to float32 (m,).
    slope : callable
        ``slope(c)``: how far the number moves at most where each of ``c`` logits moves by one at most.
    rounded : float
        How far it moves at most by the rounding of probabilities to float32.
    """

    of: Callable[[NDArray[Any]], NDArray[np.float64]]
    of_logits: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    slope: Callable[[int], float]
    rounded: float = 1e-5


def scan(
    classifier: Any,
    X_pool: Pool,
    reduce: Callable[[NDArray[Any]], NDArray[Any]],
    positions: NDArray[np.intp] | None = None,
) -> NDArray[Any]:
    """Run a pool through a classifier and keep of each row's probabilities only what is wanted.

    Parameters
    ----------
    classifier : classifier
        With ``predict_proba``. Linear heads run on all cores; how others use them is their business.
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings.
    reduce : callable
        From probabilities (m, c) of some rows to (m,) or (m, q). Several things wanted go into one call.
    positions : ndarray of intp, shape (m,), or None
        Rows to score, at least one; None = all.

    Returns
    -------
    ndarray, shape (n,) or (n, q)
        One row a sample, in the pool's order or that of ``positions``.
    """
    if linear_head(classifier) is not None:
        pieces = each(X_pool, lambda _, block: reduce(np.asarray(classifier.predict_proba(block))), positions)
    else:
        n = len(X_pool) if positions is None else len(positions)
        cuts = [slice(start, min(start + _FOREIGN_BLOCK, n)) for start in range(0, n, _FOREIGN_BLOCK)]
        pieces = [
            reduce(np.asarray(classifier.predict_proba(X_pool[cut if positions is None else positions[cut]])))
            for cut in cuts
        ]
    return np.concatenate(pieces)


def top(
    classifier: Any,
    X_pool: Pool,
    k: int,
    measure: Measure,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> Picks:
    """Return the ``k`` samples that measure highest, and what they measure, best first.

    Parameters
    ----------
    classifier : classifier
        With ``predict_proba``; fast where it is linear (`linear_head`).
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings. Read once, and a few rows again.
    k : int
        1 to ``allowed.sum()``.
    measure : Measure
        Of the classifier's probabilities.
    rng : numpy.random.Generator
        Decides which of equal ones come.
    allowed : ndarray of bool, shape (n,)
        Which may be picked.
    norms : ndarray of float32, shape (n,), or None
        `geometry.lengths` around a linear head's centre, if the caller keeps them: saves a third of the time.
    units : Units or None
        `compact` around a linear head's centre, if the caller keeps them: saves more, and needs no ``norms``.

    Returns
    -------
    indices : ndarray of intp, shape (k,)
    scores : ndarray of float64, shape (k,)

    Raises
    ------
    ValueError
        An allowed row does not give a finite number, or ``norms`` or ``units`` are not those of this head and pool.
    """
    positions = np.flatnonzero(allowed)
    head = linear_head(classifier)
    # Of few rows in a large pool, each read on its own costs less than reading all.
    if head is not None and len(positions) > max(EXACT_ROWS, len(X_pool) // 8):
        positions, scores = _contenders(classifier, head, X_pool, k, measure, allowed, norms, units)
    else:
        scores = scan(classifier, X_pool, measure.of, None if len(positions) == len(X_pool) else positions)
    best, best_scores = highest(scores, k, rng)
    return positions[best], best_scores


def measured(
    classifier: Any,
    X_pool: Pool,
    measure: Measure,
    *,
    allowed: NDArray[np.bool_],
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> NDArray[np.float64]:
    """Measure every allowed sample, nearly where the classifier is linear and the pool large, else exactly.

    Parameters
    ----------
    classifier, X_pool, measure, allowed, norms, units
        As in `top`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Minus infinity where not allowed.

    Raises
    ------
    ValueError
        As in `top`.
    """
    out = np.full(len(X_pool), -np.inf)
    positions = np.flatnonzero(allowed)
    head = linear_head(classifier)
    if head is not None and len(positions) > max(EXACT_ROWS, len(X_pool) // 8):
        estimates, _ = estimate(head, X_pool, measure, norms, units)
        if not np.isfinite(estimates[allowed]).all():
            raise ValueError("probabilities are not finite")
        out[allowed] = estimates[allowed]
    else:
        out[allowed] = scan(classifier, X_pool, measure.of, positions)
    return out


def estimate(
    head: LinearHead,
    X_pool: Pool,
    measure: Measure,
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Measure a whole pool with a linear head in one pass, nearly.

    Parameters
    ----------
    head : LinearHead
        Not for several labels at once.
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings.
    measure : Measure
        Of the head's probabilities.
    norms, units
        As in `top`.

    Returns
    -------
    estimates : ndarray of float32, shape (n,)
        Not finite where the row is not.
    errors : ndarray of float32, shape (n,)
        How far each estimate may be from what ``head.predict_proba`` gives. A bound, not a guess.

    Raises
    ------
    ValueError
        ``norms`` or ``units`` are not those of this head and pool.
    """
    if units is not None:
        units.refuse_other(X_pool, head.center)
        return _estimate_units(head, units, measure)
    if norms is not None:
        _refuse_other_norms(head, X_pool, norms)
    estimates, errors = np.empty(len(X_pool), np.float32), np.empty(len(X_pool), np.float32)
    slope = np.float32(measure.slope(len(head.classes)))
    shift = (head.coef @ head.center)[:, None]
    bias, reach = head.intercept[:, None], np.linalg.norm(head.center)

    def score(where: slice, block: NDArray[Any]) -> None:
        length = block_lengths(block, head.center) if norms is None else norms[where]
        length = np.where(length > 0, length, np.float32(1))
        with np.errstate(invalid="ignore", over="ignore"):  # not finite: the caller is told by the estimate
            logits = product(block)  # (c, m): classes are compared row with row, many samples at a time
            error = product.relative * (length + reach) + product.rounding * np.abs(logits).max(axis=0)
            logits -= shift
            logits /= length
            logits += bias
            estimates[where] = measure.of_logits(logits)
            errors[where] = slope * error / length + np.float32(measure.rounded)

    with products.with_weights(head.coef, len(X_pool)) as product:
        each(X_pool, score)
    return estimates, errors


def _estimate_units(
    head: LinearHead, units: Units, measure: Measure
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate from a pool's compact copy."""
    multiply, bounds = units.products(head.coef)
    bias = head.intercept[:, None]

    def score(where: slice, _: NDArray[Any]) -> NDArray[np.float32]:
        logits = multiply(where)
        logits += bias
        with np.errstate(invalid="ignore"):  # not finite: the caller is told by the estimate
            return measure.of_logits(logits)

    estimates = np.concatenate(each(units.codes, score))
    return estimates, np.float32(measure.slope(len(head.classes))) * bounds + np.float32(measure.rounded)


def linear_head(classifier: Any) -> LinearHead | None:
    """Return a classifier as a linear head of one label a sample; see `plain_head`."""
    head = plain_head(classifier)
    return None if head is None or head.multilabel else head


def plain_head(classifier: Any) -> LinearHead | None:
    """Return a classifier as a linear head: itself, what it or a learner's estimator holds."""
    holders: tuple[Any, Any] = classifier, getattr(classifier, "estimator", None)
    for holder in holders:
        # A method: a network may have a layer of that name. And one that is there: scikit-learn hides some.
        if callable(getattr(type(holder), "linear", None)) and hasattr(holder, "linear"):
            head = holder.linear()
            return head if isinstance(head, LinearHead) else None
    return None


def _contenders(
    classifier: Any,
    head: LinearHead,
    X_pool: Pool,
    k: int,
    measure: Measure,
    allowed: NDArray[np.bool_],
    norms: NDArray[np.float32] | None,
    units: Units | None,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the positions of all that can be among the ``k`` highest, ascending, and what they measure."""
    estimates, errors = estimate(head, X_pool, measure, norms, units)
    if not np.isfinite(estimates[allowed]).all():
        raise ValueError("probabilities are not finite")
    estimates[~allowed] = -np.inf
    likely = min(max(k + k // 4, 1000), int(np.count_nonzero(allowed)))
    likeliest = np.argpartition(estimates, len(estimates) - likely)[-likely:]
    exact = scan(classifier, X_pool, measure.of, likeliest)
    reached = np.partition(exact, likely - k)[likely - k]
    # The bound supposes that all roundings of a row point one way. They never do: errors are spread as a normal
    # distribution is, and twice the worst of a thousand is more than six standard deviations.
    worst = float((np.abs(estimates[likeliest] - exact) / errors[likeliest]).max())
    possible = estimates + min(2 * worst, 1.0) * errors >= reached
    possible[likeliest] = False
    others = np.flatnonzero(possible)
    among = exact >= reached
    positions, scores = likeliest[among], exact[among]
    if len(others):
        positions = np.concatenate([positions, others])
        scores = np.concatenate([scores, scan(classifier, X_pool, measure.of, others)])
    order = np.argsort(positions)
    return positions[order], scores[order]


def _refuse_other_norms(head: LinearHead, X_pool: Pool, norms: NDArray[np.float32]) -> None:
    """Raise ValueError where norms cannot be those of the pool around the head's centre; looks at a few rows."""
    if norms.shape != (len(X_pool),):
        raise ValueError(f"norms must have shape ({len(X_pool)},), got {norms.shape}")
    some = np.linspace(0, len(X_pool) - 1, 16).astype(np.intp)
    if not np.allclose(norms[some], block_lengths(X_pool[some], head.center), rtol=1e-3, equal_nan=True):
        raise ValueError("norms are not the lengths of these embeddings around the head's centre: see geometry.lengths")
