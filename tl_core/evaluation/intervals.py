"""Intervals of a proportion: for one look, for looking as often as one likes, and for a finite pool."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Steps in log-odds that the confidence sequence bets on. Log-spaced: none from 50 to 5,000 samples is favoured.
STEPS = np.geomspace(0.08, 4.0, 24)
# Where the number of samples is foreseen most of the stake is put near the step that is best for it: for proportions of
# .86, or .14 (a variance of .12), within a factor of 1.3. The rest is spread over all steps: no guess costs much.
_VARIANCE, _SPREAD, _EVENLY = 0.12, 0.25, 0.15
_NEWTON = 40  # steps at most; a dozen is usual


def binomial_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion: covers the truth at least as often as it says.

    It holds for one look at a number of samples fixed beforehand. Who looks after every label and stops when the
    number pleases needs `confidence_sequence`.

    Parameters
    ----------
    correct : int
        Successes, 0..n.
    n : int
        Trials; 0 gives (0, 1): nothing is known.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0..1.

    Raises
    ------
    ValueError
        The counts or the confidence are out of range.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial, 1934.
    """
    if not 0 <= correct <= n or not 0 < confidence < 1:
        raise ValueError(f"expected 0 <= correct <= n and 0 < confidence < 1, got {correct}, {n}, {confidence}")
    from scipy.special import betaincinv  # here: the import costs more than numpy's

    tail = (1 - confidence) / 2
    low = 0.0 if correct == 0 else float(betaincinv(correct, n - correct + 1, tail))
    high = 1.0 if correct == n else float(betaincinv(correct + 1, n - correct, 1 - tail))
    return low, high


def confidence_sequence(
    correct: ArrayLike, n: ArrayLike, confidence: float = 0.95, expected: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intervals of accuracy that hold all at once, however often and whenever people look.

    With probability ``confidence``, the intervals after 1, 2, 3, ... audit labels *all* cover their truth, so one may
    look after every label and stop at the best moment. Needed: each audit sample is drawn uniformly from what is not
    labelled yet, and predicted before it is trained on.

    What an interval covers where the head changes between audit samples: the mean, over the ``n`` audit samples so
    far, of the accuracy that the head of that moment had on the samples still unlabelled then. That is not the
    present head's accuracy. Of a head that improves it is less, so the lower end is safe to quote for the present
    head and the upper end is not. For a head that never changed it is that head's accuracy. Where poor early heads
    weigh it down, count from a later round on; which one must not be chosen by how its audit came out.

    Parameters
    ----------
    correct : array-like of int
        Audit samples predicted correctly so far, 0..n. One number, or one for each moment.
    n : array-like of int
        Audit samples so far; 0 gives (0, 1). Broadcast against ``correct``.
    confidence : float
        Between 0 and 1.
    expected : float or None
        Number of samples at which the intervals are to be narrowest, chosen before any was seen; they hold whatever it
        is. None = from 50 to 5,000 alike.

    Returns
    -------
    tuple of ndarray of float64
        Lower and upper ends, 0..1, in the shape of the input.

    Raises
    ------
    ValueError
        The counts, the confidence or the expected number are out of range.

    Notes
    -----
    For a step s > 0 in log-odds, ``exp(s * correct) / prod(1 - p_i + p_i e^s)`` is a martingale, p_i being the i-th
    conditional accuracy. The denominator is at most ``(1 - p + p e^s)^n`` with p the mean of the p_i (Jensen), and a
    mixture of such processes over fixed steps exceeds 2 / (1 - confidence) with at most half the error probability
    (Ville). The lower end is the smallest p where it does not; the upper one comes from the errors in the same way.

    References
    ----------
    Robbins: Statistical methods related to the law of the iterated logarithm, 1970.
    Howard, Ramdas, McAuliffe, Sekhon: Time-uniform, nonparametric, nonasymptotic confidence sequences, arXiv
    1810.08240.
    """
    hits, trials = np.broadcast_arrays(np.asarray(correct, np.float64), np.asarray(n, np.float64))
    if not np.all((hits >= 0) & (hits <= trials)) or not 0 < confidence < 1:
        raise ValueError(f"expected 0 <= correct <= n and 0 < confidence < 1, got {hits}, {trials}, {confidence}")
    limit, stakes = math.log(2 / (1 - confidence)), log_stakes(confidence, expected)
    low = lower_end(hits[..., None] * STEPS, trials, limit, stakes)
    return low, 1 - lower_end((trials - hits)[..., None] * STEPS, trials, limit, stakes)


def log_stakes(confidence: float, expected: float | None) -> NDArray[np.float64]:
    """Return the logarithms of the stakes on `STEPS`, which add up to one.

    Raises
    ------
    ValueError
        ``expected`` is not above 0.
    """
    stakes = np.full(len(STEPS), 1 / len(STEPS))
    if expected is not None:
        if not expected > 0:
            raise ValueError(f"expected must be above 0, got {expected}")
        best = math.sqrt(2 * math.log(2 / (1 - confidence)) / (expected * _VARIANCE))
        near = np.exp(-((np.log(STEPS / min(max(best, STEPS[0]), STEPS[-1])) / _SPREAD) ** 2) / 2)
        stakes = (1 - _EVENLY) * near / near.sum() + _EVENLY * stakes
    logs: NDArray[np.float64] = np.log(stakes)
    return logs


def lower_end(
    gains: NDArray[np.float64], trials: NDArray[np.float64], limit: float, stakes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lower end of a mean, of what bets on it have won so far.

    Parameters
    ----------
    gains : ndarray, shape (..., 24)
        For each of `STEPS`, with growth = exp(step) - 1, the sum of the log of terms of which each has the expectation
        1 + growth * its own mean.
    trials : ndarray, shape (...)
        How many terms; 0 gives 0.
    limit : float
        Logarithm of the wealth at which a mean is refuted.
    stakes : ndarray, shape (24,)
        See `log_stakes`.

    Returns
    -------
    ndarray of float64, shape (...)
        The smallest mean of the means that is not refuted, 0..1; where it isn't found exactly, less than that.
    """
    growth = np.expm1(STEPS)
    end = np.zeros(trials.shape)
    for _ in range(_NEWTON):
        wealth = stakes + gains - trials[..., None] * np.log1p(end[..., None] * growth)
        top = wealth.max(axis=-1, keepdims=True)
        parts = np.exp(wealth - top)
        excess = top[..., 0] + np.log(parts.sum(axis=-1)) - limit
        slope = trials * (parts * growth / (1 + end[..., None] * growth)).sum(axis=-1) / parts.sum(axis=-1)
        # The wealth falls with the mean and is convex in it: from below, Newton's steps never go too far.
        step = np.divide(np.maximum(excess, 0), slope, out=np.zeros(end.shape), where=slope > 0)
        end += step
        if not (step > 1e-9).any():
            break
    return np.minimum(end, 1.0)


def finite_upper(positives: int, drawn: int, total: int, confidence: float = 0.95) -> int:
    """Return how many positives a finite set holds at most, by a sample drawn from it without replacement.

    Exact and for one look: with probability ``confidence`` or more, the set holds no more than this.

    Parameters
    ----------
    positives : int
        Among those drawn.
    drawn : int
        Uniformly, each sample at most once.
    total : int
        Size of the set, with those drawn.
    confidence : float
        Between 0 and 1, one-sided.

    Returns
    -------
    int
        From ``positives`` to ``total - drawn + positives``.

    Raises
    ------
    ValueError
        The counts or the confidence are out of range.

    References
    ----------
    Wright: Exact confidence bounds when sampling from small finite universes, 1991.
    """
    if not 0 <= positives <= drawn <= total or not 0 < confidence < 1:
        raise ValueError(
            "expected 0 <= positives <= drawn <= total and 0 < confidence < 1, "
            f"got {positives}, {drawn}, {total}, {confidence}"
        )
    low, high = positives, total - drawn + positives
    while low < high:
        middle = (low + high + 1) // 2
        if _hypergeometric_tail(positives, drawn, middle, total) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def _hypergeometric_tail(positives: int, drawn: int, held: int, total: int) -> float:
    """Return the chance to draw ``positives`` or fewer where the set holds ``held``."""
    from scipy.special import betaln

    seen = np.arange(max(0, drawn - (total - held)), positives + 1)

    def log_choose(n: int, k: NDArray[np.intp] | int) -> NDArray[np.float64]:
        return np.asarray(-betaln(n - np.asarray(k) + 1, np.asarray(k) + 1) - math.log(n + 1))

    log_chances = log_choose(held, seen) + log_choose(total - held, drawn - seen) - log_choose(total, drawn)
    return float(np.exp(log_chances).sum())
