"""What share is right where what was drawn counts for more or for less."""

import math

import numpy as np
from numpy.typing import ArrayLike

_POINTS = 200  # shares that are tried
_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])  # of the most that may be staked


def weighted_share(right: ArrayLike, weight: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval of the weighted share of a population that is right, from uniform draws of it.

    What is drawn are pictures, and what is claimed are days: a picture of a day with ten of them weighs a tenth, so
    that each day counts alike however many pictures it has. A head that is right of many pictures of few days, and
    wrong of one picture each of many days, has a low share that way, though most of its pictures are right.

    Parameters
    ----------
    right : array-like of bool, shape (n,)
        Of each draw; n may be 0.
    weight : array-like of float, shape (n,)
        Of each draw, above 0 and at most 1.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0..1. It holds at every number of draws at once.

    Raises
    ------
    ValueError
        The shapes differ, or something is out of range.

    Notes
    -----
    Of the true share p, ``weight * (right - p)`` has the mean 0, and lies between -p and 1 - p. Who bets on either side
    of each share multiplies a stake by ``1 + k weight (right - p)``; shares at which the mean stake has grown to
    ``1 / (1 - confidence)`` are none that would be seen by chance.

    References
    ----------
    Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting, arXiv 2010.09686.
    """
    x, w = np.asarray(right, np.float64), np.asarray(weight, np.float64)
    if x.shape != w.shape or x.ndim != 1 or not ((w > 0) & (w <= 1)).all() or not 0 < confidence < 1:
        raise ValueError("draws and weights must be as many, weights in (0, 1], and the confidence between 0 and 1")
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    z = w * (x - shares[:, None])  # (shares, draws)
    grown = np.zeros((len(shares), 2 * len(_BETS)))
    for at, bet in enumerate(_BETS):
        grown[:, 2 * at] = np.log1p(bet / shares[:, None] * z).sum(axis=1)
        grown[:, 2 * at + 1] = np.log1p(-bet / (1 - shares[:, None]) * z).sum(axis=1)
    stakes = np.logaddexp.reduce(grown, axis=1) - math.log(grown.shape[1])
    left = np.flatnonzero(stakes < -math.log(1 - confidence))
    if not len(left):  # draws that no share explains: all that lies between what they say
        return 0.0, 1.0
    return float(left[0] / _POINTS), float((left[-1] + 1) / _POINTS)
