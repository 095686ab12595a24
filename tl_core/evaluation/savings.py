"""What the strategy saved, by this project's own comparison with random picks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tl_core.evaluation.forecast import HORIZON, MIN_POINTS, finite, fit_power_law, labels_needed
from tl_core.notices import Code, Notice, notice

_REPLICATES = 400


@dataclass(frozen=True)
class Savings:
    """How many random labels are worth the labels that were used.

    Attributes
    ----------
    used : int
        Labels the head was trained on.
    equivalent, low, high : float or None
        Random labels for the same accuracy: median and interval. None: more than `forecast.HORIZON` times the largest
        random sample, or no estimate at all where ``low`` is None too.
    reason : Notice
        What is known.
    """

    used: int
    equivalent: float | None
    low: float | None
    high: float | None
    reason: Notice

    @property
    def ratio(self) -> float | None:
        """Random labels that one label was worth; None where not known."""
        return None if self.equivalent is None else self.equivalent / self.used


def compare_with_random(
    used: int,
    correct: ArrayLike,
    sizes: ArrayLike,
    random_correct: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
) -> Savings:
    """Estimate how many random labels the head's labels were worth, in accuracy.

    A power law goes through the accuracies of heads trained on ever more random labels; where it meets the accuracy
    of the full head is the answer. All heads are judged on the same audit samples, which are bootstrapped.

    Parameters
    ----------
    used : int
        Labels of the full head, at least 1.
    correct : array-like of bool, shape (m,)
        Whether the full head is right on each audit sample. None of these samples may be among what it was trained
        on: predict in folds where audit labels are trained on.
    sizes : array-like of int, shape (r,)
        Labels of the random-arm heads, drawn uniformly.
    random_correct : array-like of bool, shape (r, m)
        Whether each of these heads is right on the same audit samples, again outside its training.
    rng : numpy.random.Generator
        Draws the bootstrap.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Savings
        Covers the chance in the audit samples, not that in which random labels were drawn; 95 % intervals were right
        in 92 to 96 % of simulated projects. Past the largest size it extrapolates, and says so.

    Raises
    ------
    ValueError
        Numbers out of range or shapes that do not fit.

    References
    ----------
    Figueroa et al.: Predicting sample size required for classification performance, 2012.
    """
    full, n, ladder = (np.asarray(x, np.float64) for x in (correct, sizes, random_correct))
    if full.ndim != 1 or len(full) == 0 or ladder.shape != (len(n), len(full)):
        raise ValueError(f"expected shapes (m,), (r,) and (r, m), got {full.shape}, {n.shape} and {ladder.shape}")
    if used < 1 or np.any(n < 1) or not 0 < confidence < 1:
        raise ValueError("expected used and sizes of at least 1 and 0 < confidence < 1")
    if len(np.unique(n)) < MIN_POINTS:
        return Savings(used, None, None, None, notice(Code.FEW_SIZES, n=MIN_POINTS))
    draws = rng.multinomial(len(full), np.full(len(full), 1 / len(full)), size=_REPLICATES) / len(full)
    errors = draws @ (1 - ladder).T
    level = ((1 - ladder).sum(axis=1) + 1) / (len(full) + 2)
    curves = fit_power_law(n, errors, len(full) / (level * (1 - level)))
    needed = labels_needed(float(n.max()), *curves, draws @ (1 - full))
    tail = (1 - confidence) / 2
    low, middle, high = np.quantile(needed, [tail, 0.5, 1 - tail], method="nearest")
    reason = _reason(used, low, middle, high, float(n.max()))
    return Savings(used, finite(middle), finite(low), finite(high), reason)


def _reason(used: int, low: float, middle: float, high: float, largest: float) -> Notice:
    horizon = HORIZON * largest
    numbers = {"used": used, "low": round(min(low, horizon))}
    ends = np.isfinite(high)
    if ends:
        numbers["high"] = round(high)
    if low <= used <= high:
        return notice(Code.WORTH_UNCLEAR if ends else Code.WORTH_UNCLEAR_AT_LEAST, **numbers)
    if not np.isfinite(middle):
        return notice(Code.WORTH_MORE, n=round(horizon), largest=round(largest), **numbers)
    if middle > largest:
        beyond = Code.WORTH_BEYOND if ends else Code.WORTH_BEYOND_AT_LEAST
        return notice(beyond, n=round(middle), largest=round(largest), **numbers)
    return notice(Code.WORTH if ends else Code.WORTH_AT_LEAST, n=round(middle), **numbers)
