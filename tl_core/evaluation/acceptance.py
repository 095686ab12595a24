"""Safe auto-accept: the threshold above which the head may label by itself."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.evaluation.intervals import finite_upper
from tl_core.notices import Code, Notice, notice, percent

_STEPS = 20


@dataclass(frozen=True)
class SafeThreshold:
    """Which predictions may be accepted unseen.

    Attributes
    ----------
    threshold : float or None
        Accept where the confidence is at least this; None: nothing.
    bound : float
        Upper bound of the share of wrong predictions among those accepted; 1 where nothing is.
    accepted : int
        Samples of the pool at or above the threshold.
    audited, wrong : int
        Audit samples at or above the threshold, and how many of these were wrong.
    reason : Notice
        Why these, or why none.
    """

    threshold: float | None
    bound: float
    accepted: int
    audited: int
    wrong: int
    reason: Notice


def safe_threshold(
    confidences: ArrayLike,
    correct: ArrayLike,
    pool: ArrayLike,
    epsilon: float = 0.05,
    confidence: float = 0.95,
) -> SafeThreshold:
    """Choose the lowest threshold at which the accepted predictions are almost surely almost all right.

    With probability ``confidence``, at most a share ``epsilon`` of the *accepted* samples is wrong. PAC labelling
    counts errors over the whole data set, accepted and labelled by people; among the accepted alone is stricter, and
    what people expect of "5 % wrong".

    Parameters
    ----------
    confidences : array-like of float, shape (m,)
        The head's probability of its own prediction, on audit or holdout samples.
    correct : array-like of bool, shape (m,)
        Whether that prediction was right. The head must not have been trained on these samples.
    pool : array-like of float, shape (n,)
        The same head's confidences on the samples to decide about. The audit samples must have been drawn uniformly
        from these and themselves together. Where a strategy has labelled many confident samples since, the rest is no
        longer what was sampled.
    epsilon : float
        Share of errors allowed, between 0 and 1.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    SafeThreshold
        For one look: a second try on the same audit samples needs a smaller error probability.

    Raises
    ------
    ValueError
        Lengths differ, values are not finite, or rates are out of range.

    Notes
    -----
    Thresholds are quantiles of all confidences, tested from strict to lax until the first that fails: so each may
    use the whole error probability (fixed-sequence testing). Each test is exact for drawing without replacement.
    The first threshold is to admit twice the audit samples that an error-free test needs. With hardly more than it
    needs, one unlucky sample ended the search: a good head with 400 audit samples was refused in 27 % of simulations,
    against none. With three times as many, poorer heads were refused more often.

    References
    ----------
    Candès, Ilyas, Zrnic: Probably approximately correct labels, arXiv 2506.10908.
    Angelopoulos, Bates, Candès, Jordan, Lei: Learn then test, arXiv 2110.01052.
    """
    sure, right, rest = np.asarray(confidences, float), np.asarray(correct, bool), np.asarray(pool, float)
    if sure.ndim != 1 or sure.shape != right.shape or rest.ndim != 1:
        raise ValueError(f"expected lists of lengths m, m and n, got {sure.shape}, {right.shape} and {rest.shape}")
    if not (np.isfinite(sure).all() and np.isfinite(rest).all()):
        raise ValueError("confidences are not finite")
    if not 0 < epsilon < 1 or not 0 < confidence < 1:
        raise ValueError(f"expected epsilon and confidence between 0 and 1, got {epsilon}, {confidence}")
    enough = math.ceil(math.log(1 - confidence) / math.log1p(-epsilon))
    if len(sure) < enough or len(rest) == 0:
        reason = notice(Code.FEW_AUDITED, n=len(sure), enough=enough, epsilon=percent(epsilon))
        return SafeThreshold(None, 1.0, 0, 0, 0, reason)
    best = None
    for threshold in _ladder(sure, rest, min(1.0, 2 * enough / len(sure))):
        trial = _tried(threshold, sure, right, rest, confidence)
        if trial.bound > epsilon:
            refused = replace(trial.reason, code=Code.NOT_SAFE.value)
            return best or SafeThreshold(None, 1.0, 0, 0, 0, refused)
        best = trial
    assert best is not None  # noqa: S101 - the ladder has at least one step
    return best


def _ladder(sure: NDArray[np.float64], rest: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return thresholds that admit from ``share`` to all of the samples, strict to lax."""
    everything = np.concatenate([sure, rest])
    # Not by the outcomes, nor by which of the samples were audited: else the first test would be a choice among many.
    admitted = np.quantile(everything, 1 - np.linspace(share, 1, _STEPS), method="lower")
    return np.unique(admitted)[::-1]


def _tried(
    threshold: float, sure: NDArray[np.float64], right: NDArray[np.bool_], rest: NDArray[np.float64], confidence: float
) -> SafeThreshold:
    above = sure >= threshold
    audited, wrong, accepted = int(above.sum()), int((above & ~right).sum()), int((rest >= threshold).sum())
    # The errors that are left once the audit samples, which people have labelled, are taken away.
    left = finite_upper(wrong, audited, audited + accepted, confidence) - wrong
    bound = left / accepted if accepted else 0.0
    reason = notice(Code.SAFE, wrong=wrong, audited=audited, bound=percent(bound), accepted=accepted)
    return SafeThreshold(float(threshold), bound, accepted, audited, wrong, reason)
