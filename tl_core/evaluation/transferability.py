# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""How well embeddings tell the classes of some labelled pictures apart, sample by sample, so that rivals are compared.

Whatever is measured is kept for each sample (or each part of the samples), never as one number: two embeddings of the
same samples differ by far less than either is sure of, and only in pairs that shows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.geometry import unit_rows
from tl_core.spaces import mixing

FOLDS = 5
RESAMPLES = 1000
HEAD_STEPS = 40  # of L-BFGS: rivals keep their order long before the last digit of a fit is right
LEAST_CAMERAS = 10  # below, folds by camera would judge by a handful of places
_LOGME_STEPS = 11

Float32 = NDArray[np.float32]


def mixed(X: ArrayLike, parts: Sequence[tuple[slice, bool]]) -> Float32:
    """Bring parts of an embedding to one scale, and the whole to centred unit vectors.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Embeddings, finite.
    parts : sequence of (slice, bool)
        Columns that are taken, and whether they are of different kinds, so that each is first divided by its own
        deviation: those of intermediate levels are, those of a last layer are not. Each part weighs the same: see
        `tl_core.spaces.mixing.fit`.

    Returns
    -------
    ndarray of float32, shape (n, columns)
        Rows of length 1, or 0 where a row equals the mean.
    """
    X = np.asarray(X, np.float32)
    scales = mixing.fit(
        [("", X[:, columns], by_column) for columns, by_column in parts], np.random.default_rng(0)
    ).scales
    Z = np.concatenate([X[:, columns] * scale for (columns, _), scale in zip(parts, scales, strict=True)], axis=1)
    return unit_rows(Z, Z.mean(axis=0))


def units(
    y: ArrayLike, cameras: NDArray[np.intp] | None = None, events: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Return what is held out together: a camera's pictures where that can be judged, else an event's, else each alone.

    By camera takes enough of them, and classes that several cameras saw: where a folder a class was taken for a
    camera, nothing could be learnt of a class that is held out.

    Parameters
    ----------
    y : array-like, shape (n,)
        Classes.
    cameras, events : ndarray of int, shape (n,), or None
        Negative = none.

    Returns
    -------
    ndarray of intp, shape (n,)
        Equal numbers stay together.
    """
    alone = np.arange(len(np.asarray(y)))
    if cameras is not None and (cameras >= 0).all() and len(np.unique(cameras)) >= LEAST_CAMERAS:
        _, codes = np.unique(np.asarray(y), return_inverse=True)
        pairs = np.unique(np.stack([codes, cameras]), axis=1)
        if np.mean(np.bincount(pairs[0])[codes] >= 3) >= 0.8:
            return np.asarray(np.unique(cameras, return_inverse=True)[1], np.intp)
    if events is None:
        return alone
    return np.asarray(np.unique(np.where(events >= 0, events, -1 - alone), return_inverse=True)[1], np.intp)


def folds(y: ArrayLike, groups: NDArray[np.intp], rng: np.random.Generator, count: int = FOLDS) -> NDArray[np.intp]:
    """Deal samples into folds: groups stay whole, and each class is spread as evenly as they allow.

    Parameters
    ----------
    y : array-like, shape (n,)
        Classes.
    groups : ndarray of int, shape (n,)
        From `units`.
    rng : numpy.random.Generator
        Which of equals comes first.
    count : int
        How many folds.

    Returns
    -------
    ndarray of intp, shape (n,)
        0 to ``count - 1``.
    """
    _, codes = np.unique(np.asarray(y), return_inverse=True)
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    filled = np.zeros((count, codes.max() + 1 if len(codes) else 1))
    fold = np.zeros(len(codes), np.intp)
    # Large groups first: the small ones even out what these leave.
    for group in sorted(range(len(members)), key=lambda each: (-sizes[each], rng.random())):
        rows = members[group]
        of_class, n = np.unique(codes[rows], return_counts=True)
        least = np.lexsort((filled.sum(axis=1), filled[:, of_class] @ n))[0]
        fold[rows] = least
        filled[least, of_class] += n
    return fold


def head_correct(Z: Float32, y: ArrayLike, fold: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Say of each sample whether a linear head is right that was fitted without its fold. Imports scikit-learn.

    Parameters
    ----------
    Z : ndarray of float32, shape (n, d)
        Unit rows.
    y : array-like, shape (n,)
        Classes.
    fold : ndarray of int, shape (n,)
        From `folds`.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for a class that is in one fold alone.
    """
    from tl_core.heads.logistic import LogisticHead

    y = np.asarray(y)
    center = np.zeros(Z.shape[1], np.float32)
    correct = np.zeros(len(y), np.bool_)
    for number in np.unique(fold):
        held_out = fold == number
        if held_out.all():
            continue
        head = LogisticHead(pool_mean=center, max_iter=HEAD_STEPS, tol=1e-3).fit(Z[~held_out], y[~held_out])
        correct[held_out] = head.predict(Z[held_out]) == y[held_out]
    return correct


def logme(Z: Float32, y: ArrayLike) -> float:
    """Return the log of the evidence for a linear model of each class, a sample and class, as LogME does.

    Parameters
    ----------
    Z : ndarray of float32, shape (n, d)
        Unit rows, ``n`` at least 2; the smaller of n and d is what it costs, cubed.
    y : array-like, shape (n,)
        Classes.

    Returns
    -------
    float
        Higher is better; only values of the same samples can be compared.

    References
    ----------
    You, Liu, Wang, Long: LogME: Practical assessment of pre-trained models for transfer learning, arXiv 2102.11005.
    """
    X = np.asarray(Z, np.float64)
    n = len(X)
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    Y = (codes[:, None] == np.arange(len(classes))).astype(np.float64)
    U, root, _ = np.linalg.svd(X, full_matrices=False)
    sigma = root[root > 1e-6 * root[0]] ** 2
    along = (U[:, : len(sigma)].T @ Y) ** 2  # (k, c)
    beside = np.maximum((Y**2).sum(axis=0) - along.sum(axis=0), 0)
    alpha, beta = np.ones(len(classes)), np.ones(len(classes))
    evidence = np.zeros(len(classes))
    for _ in range(_LOGME_STEPS):
        ratio = alpha / beta
        gamma = (sigma[:, None] / (sigma[:, None] + ratio)).sum(axis=0)
        weights = (sigma[:, None] * along / (ratio + sigma[:, None]) ** 2).sum(axis=0)
        error = (along / (1 + sigma[:, None] / ratio) ** 2).sum(axis=0) + beside
        alpha, beta = gamma / (weights + 1e-5), (n - gamma) / (error + 1e-5)
        evidence = (
            len(sigma) / 2 * np.log(alpha)
            + n / 2 * np.log(beta)
            - 0.5 * np.log(alpha + beta * sigma[:, None]).sum(axis=0)
            - beta / 2 * error
            - alpha / 2 * weights
            - n / 2 * np.log(2 * np.pi)
        ) / n
        if np.all(np.abs(alpha / beta - ratio) <= 1e-3 * ratio):
            break
    return float(evidence.mean())


def logme_parts(Z: Float32, y: ArrayLike, fold: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return `logme` of each fold by itself: independent of each other, so that rivals are compared fold by fold.

    Parameters
    ----------
    Z, y, fold
        As for `head_correct`.

    Returns
    -------
    ndarray of float64, shape (folds,)
        NaN where a fold has fewer than two classes.
    """
    y = np.asarray(y)
    parts = []
    for number in np.unique(fold):
        of_fold = fold == number
        parts.append(logme(Z[of_fold], y[of_fold]) if len(np.unique(y[of_fold])) > 1 else np.nan)
    return np.array(parts)


class Resamples:
    """Scores of rivals over the same resamples of the same groups: their differences are paired.

    Parameters
    ----------
    y : array-like, shape (n,)
        Classes; the score is the mean over them of the share that is correct.
    groups : ndarray of int, shape (n,)
        What is drawn as one, from `units`.
    rng : numpy.random.Generator
        Draws them.

    References
    ----------
    Efron: Bootstrap methods, 1979; groups are drawn whole as in Field, Welsh: Bootstrapping clustered data, 2007.
    """

    def __init__(self, y: ArrayLike, groups: NDArray[np.intp], rng: np.random.Generator) -> None:
        _, self._codes = np.unique(np.asarray(y), return_inverse=True)
        _, self._groups = np.unique(groups, return_inverse=True)
        n = int(self._groups.max()) + 1
        self._drawn = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float32)
        self._of_class = self._sums(np.ones(len(self._codes), np.bool_))
        self._all = self._drawn @ self._of_class

    def score(self, correct: NDArray[np.bool_]) -> float:
        """Return the mean over classes of the share of ``correct`` (n,)."""
        return float(np.mean(self._sums(correct).sum(axis=0) / self._of_class.sum(axis=0)))

    def scores(self, correct: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the score of ``correct`` (n,) in each resample; a class that was not drawn doesn't count there."""
        hits = self._drawn @ self._sums(correct)
        share = np.divide(hits, self._all, out=np.zeros_like(hits), where=self._all > 0)
        mean: NDArray[np.float32] = share.sum(axis=1) / (self._all > 0).sum(axis=1)
        return mean

    def _sums(self, correct: NDArray[np.bool_]) -> Float32:
        sums = np.zeros((int(self._groups.max()) + 1, int(self._codes.max()) + 1), np.float32)
        np.add.at(sums, (self._groups[correct], self._codes[correct]), 1)
        return sums


def interval(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return what 95 % of resampled values lie between, symmetrically cut."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
