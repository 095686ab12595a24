"""A confidence sequence of accuracy that makes use of how much the head doubted each audit sample."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.evaluation.intervals import STEPS, log_stakes, lower_end

# What is supposed before any audit sample is seen: that doubt foretells errors as well as it says (a slope of one), as
# if ten samples with doubts .2 around their mean had shown it.
_BEFOREHAND = 10 * 0.2**2
_MOST = 0.8  # of a stake that a single sample may lose by its doubt


def doubtful_sequence(
    correct: ArrayLike,
    doubt: ArrayLike,
    pool_doubt: ArrayLike,
    at: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    expected: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intervals of accuracy that hold all at once, narrowed by what the head itself thought of each sample.

    They cover what `confidence_sequence` covers, on the same terms: the mean, over the audit samples so far, of the
    accuracy that the head of the moment had on what was unlabelled then. Who draws a sample that the head doubts more
    than it doubts the pool on average has drawn a hard one; that much of an error, or of a success, is chance and is
    taken off. How much that is, is learnt from earlier samples alone.

    Whatever the doubts are, the intervals hold: a head that is sure of everything, or wrongly so, makes them no
    narrower, not wrong. What is needed: ``pool_doubt`` is the mean over just that pool which the sample was drawn from
    uniformly, by the same head, and known before the draw.

    Parameters
    ----------
    correct : array-like of bool, shape (n,)
        Whether each audit sample, oldest first, was predicted correctly.
    doubt : array-like of float, shape (n,)
        How much its head doubted it, 0..1; NaN = not known.
    pool_doubt : array-like of float, shape (n,)
        How much that head doubted the pool it was drawn from, on average, 0..1; NaN = not known. Samples of which
        either is not known count as in `confidence_sequence`.
    at : array-like of int, shape (m,), or None
        Numbers of samples, 0..n, after which intervals are wanted; None = after 0, 1, ..., n.
    confidence : float
        Between 0 and 1.
    expected : float or None
        As in `confidence_sequence`.

    Returns
    -------
    tuple of ndarray of float64, shape (m,)
        Lower and upper ends, 0..1.

    Raises
    ------
    ValueError
        The shapes differ, or something is out of range.

    Notes
    -----
    With x the i-th outcome (1 = correct), u = pool_doubt - doubt, whose mean given the past is 0, and g > 0, the term
    ``1 + g x - k u`` has the mean ``1 + g p_i`` given the past, p_i being the conditional accuracy, if only k is chosen
    from the past; here it stays so small that no term is below .2. So the product of ``(1 + g x - k u) / (1 + g p_i)``
    is a martingale. ``log(1 + g p)`` is concave, so the denominators' product is at most ``(1 + g p)^n``, p being the
    mean of the p_i (Jensen): heads may change between any two samples. The rest is as in `confidence_sequence`, which
    this is where all k are 0. The best k nearly is the covariance of x and u, times g / (1 + g), over the mean of
    (u / (1 + g x))^2; it is estimated anew before each sample.

    References
    ----------
    Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting, arXiv 2010.09686.
    """
    x, own, pools = (np.asarray(each, np.float64) for each in (correct, doubt, pool_doubt))
    moments = np.arange(len(x) + 1) if at is None else np.asarray(at, np.intp)
    _refuse_nonsense(x, own, pools, moments, confidence)
    known = ~np.isnan(own + pools)
    own, pools = np.where(known, own, 0.0), np.where(known, pools, 0.0)
    limit, stakes = math.log(2 / (1 - confidence)), log_stakes(confidence, expected)
    trials = moments.astype(np.float64)
    # Where the doubts cannot be what is said of them the ends may cross: then all between them is claimed.
    low, below = (
        lower_end(_gains(hits, easier, most)[moments], trials, limit, stakes)
        for hits, easier, most in ((x, pools - own, pools), (1 - x, own - pools, np.where(known, 1 - pools, 0.0)))
    )
    return np.minimum(low, 1 - below), np.maximum(low, 1 - below)


def _refuse_nonsense(
    x: NDArray[np.float64],
    own: NDArray[np.float64],
    pools: NDArray[np.float64],
    moments: NDArray[np.intp],
    confidence: float,
) -> None:
    if x.ndim != 1 or not x.shape == own.shape == pools.shape:
        raise ValueError(f"expected one outcome and two doubts a sample, got {x.shape}, {own.shape}, {pools.shape}")
    if not np.isin(x, (0, 1)).all() or any(((each < 0) | (each > 1)).any() for each in (own, pools)):
        raise ValueError("outcomes must be 0 or 1, doubts from 0 to 1 or NaN")
    if not 0 < confidence < 1 or ((moments < 0) | (moments > len(x))).any():
        raise ValueError(f"expected 0 < confidence < 1 and moments of 0 to {len(x)}, got {confidence}, {moments}")


def _gains(x: NDArray[np.float64], u: NDArray[np.float64], most: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log of what each of `STEPS` has won after 0, 1, ..., n samples, shape (n + 1, 24).

    ``u`` is never above ``most``, which is known before the draw.
    """
    growth = np.expm1(STEPS)
    terms = 1 + growth * x[:, None]
    n = np.arange(len(x))
    sum_x, sum_u = _before(x), _before(u)
    covariance = _before(x * u) - sum_x * sum_u / np.maximum(n, 1)
    spread = _before((u[:, None] / terms) ** 2) + _BEFOREHAND * (1 + (1 + growth) ** -2) / 2
    taken = (_BEFOREHAND + covariance)[:, None] / spread * (growth / (1 + growth))
    taken = np.clip(taken, 0, (_MOST / np.where(most > 0, most, 1.0))[:, None])
    won = np.log(terms - taken * u[:, None])
    return np.concatenate([np.zeros((1, len(STEPS))), won.cumsum(axis=0)])


def _before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of what came before each."""
    return values.cumsum(axis=0) - values
