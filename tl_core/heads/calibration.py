# ruff: noqa: N802, N803, N806 - matrices are X, Z, P and W here, as in scikit-learn, and C is its C
"""Probabilities that mean what they say, and the penalty that predicts best, by cross-validation. For workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.base import clone

from tl_core.geometry import softmax

ENOUGH_LABELS = 50  # for a temperature
ENOUGH_A_CLASS = 5  # labels of each class, for choosing C
FOLDS = 3
C_GRID = (3.0, 10.0, 30.0, 100.0, 300.0)
_TEMPERATURES = (0.02, 50.0)

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Tuning:
    """What cross-validation found.

    Attributes
    ----------
    C : float or None
        Inverse strength of the penalty; None where the head has none or some class has too few labels.
    temperature : float
        To divide the logits by; 1 where there are too few labels.
    """

    C: float | None
    temperature: float


def temperature(logits: ArrayLike, codes: ArrayLike) -> float:
    """Return the one number to divide logits by that makes the true classes likeliest.

    Parameters
    ----------
    logits : array-like, shape (n, c)
        Of samples the head was not fitted on.
    codes : array-like of int, shape (n,), or of bool, shape (n, c)
        Columns of the true classes; or, where a sample may be of several, which are right. What has no finite logit (a
        class the head did not know) is left out.

    Returns
    -------
    float
        0.02 to 50: above 1 the head was too sure, below 1 not sure enough. 1 where the logits say nothing.

    Raises
    ------
    ValueError
        Shapes disagree.

    References
    ----------
    Guo et al.: On calibration of modern neural networks, arXiv 1706.04599.
    """
    Z, codes = np.asarray(logits, np.float64), np.asarray(codes)
    if codes.ndim == 2 and codes.shape == Z.shape:
        known = np.isfinite(Z)
        return _temperature_of_each(Z[known], codes[known].astype(np.float64))
    codes = codes.astype(np.intp)
    if Z.ndim != 2 or codes.shape != (len(Z),):
        raise ValueError(f"expected logits (n, c) and codes (n,) or (n, c), got {Z.shape} and {codes.shape}")
    rows = np.flatnonzero(np.isfinite(Z[np.arange(len(Z)), codes]))
    if not len(rows):
        return 1.0
    Z, codes = Z[rows], codes[rows]
    Z = Z - Z.max(axis=1, keepdims=True)
    known = np.where(np.isfinite(Z), Z, 0)

    def slope(inverse: float) -> float:
        """By the inverse temperature: the loss is convex in it."""
        P = np.exp(Z * inverse)
        expected = (P * known).sum(axis=1) / P.sum(axis=1)
        return float((expected - known[np.arange(len(Z)), codes]).mean())

    return _at_rest(slope)


def _temperature_of_each(z: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the number to divide logits by, each of which is a class's own: (k,), and whether it is right."""
    if not len(z):
        return 1.0
    return _at_rest(lambda inverse: float(((expit(z * inverse) - right) * z).mean()))


def _at_rest(slope: Callable[[float], float]) -> float:
    """Return the temperature where a rising slope, told by the inverse temperature, is zero; 1 where it always is."""
    low, high = 1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]
    if slope(low) == slope(high) == 0:
        return 1.0
    if slope(low) >= 0:
        return _TEMPERATURES[1]
    if slope(high) <= 0:
        return _TEMPERATURES[0]
    return float(1 / brentq(slope, low, high, rtol=1e-6))


def expected_calibration_error(P: ArrayLike, codes: ArrayLike, bins: int = 15) -> float:
    """Return how far the likeliest class's probability is from how often it is right, over bins of that probability.

    Parameters
    ----------
    P : array-like, shape (n, c)
        Probabilities, ``n`` at least 1.
    codes : array-like of int, shape (n,)
        Columns of the true classes.
    bins : int
        Equally wide, at least 1.

    Returns
    -------
    float
        0..1, each bin counting by its samples. Few samples raise it: an empty promise can look kept only with many.

    Raises
    ------
    ValueError
        Shapes disagree, nothing to judge or no bins.

    References
    ----------
    Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning, 2015; Guo et al., arXiv
    1706.04599.
    """
    P, codes = np.asarray(P, np.float64), np.asarray(codes)
    if P.ndim != 2 or codes.shape != (len(P),) or not len(P) or bins < 1:
        raise ValueError(f"expected probabilities (n, c), codes (n,), n and bins above 0; got {P.shape}, {codes.shape}")
    confidence, right = P.max(axis=1), P.argmax(axis=1) == codes
    number = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(number, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(P))


def out_of_fold(
    head: Any, X: ArrayLike, y: ArrayLike, folds: int, seed: int, *, sample_weight: ArrayLike | None = None
) -> Float32:
    """Return logits of every sample by a head that was fitted without it.

    Parameters
    ----------
    head : classifier
        Copied, not changed. Its own temperature applies; set it to 1 to find one.
    X : array-like, shape (n, d)
        Embeddings.
    y : array-like, shape (n,), or of bool, shape (n, c)
        Their classes, or which of several each is of.
    folds : int
        At least 2. Each class is spread evenly over them; of several, the rarest that a sample is of.
    seed : int
        Of the division into folds.
    sample_weight : array-like, shape (n,), or None
        For fitting.

    Returns
    -------
    ndarray of float32, shape (n, c)
        In the order of ``np.unique(y)``, or of the columns; `softmax`, or of several a `sigmoid`, makes probabilities
        of them. Minus infinity for a class all of whose labels are in the sample's own fold, as that of a single label
        always is.

    Raises
    ------
    ValueError
        Fewer than two folds or than ``folds`` samples; else from fitting.
    """
    return _paths(head, X, y, [{}], folds, seed, sample_weight)[0]


def cross_validated_temperature(
    head: Any, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the `temperature` of a head's out-of-fold logits; 1 below 50 labels. Parameters as for `out_of_fold`."""
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    if len(codes) < ENOUGH_LABELS or len(classes) == 1:
        return 1.0
    raw = clone(head).set_params(temperature=1.0)
    return temperature(out_of_fold(raw, X, y, FOLDS, 0, sample_weight=sample_weight), codes)


def choose_C(
    head: Any, X: ArrayLike, y: ArrayLike, seed: int, *, grid: Sequence[float] = C_GRID, folds: int = FOLDS
) -> float | None:
    """Return the C that predicts held-out labels best, each judged at its own best temperature.

    Parameters
    ----------
    head : classifier
        With parameters ``C`` and ``temperature``. Copied, not changed.
    X : array-like, shape (n, d)
        Embeddings.
    y : array-like, shape (n,)
        Their classes.
    seed : int
        Of the division into folds.
    grid : sequence of float
        To choose from; each fit starts from that of the C before it.
    folds : int
        At least 2.

    Returns
    -------
    float or None
        The smallest of equally good ones. None while some class has fewer than 5 labels, or there is one class alone:
        keep the C there is.

    Raises
    ------
    ValueError
        From fitting.
    """
    return _tuned(head, X, y, seed, grid, folds).C


def tune(head: Any, X: ArrayLike, y: ArrayLike, seed: int, *, sample_weight: ArrayLike | None = None) -> Tuning:
    """Return the C and the temperature that cross-validation finds, from the same fits, for a full refit.

    Parameters
    ----------
    head : classifier
        With a parameter ``temperature`` and perhaps ``C``. Copied, not changed: pass the result to ``set_params``.
    X : array-like, shape (n, d)
        Embeddings.
    y : array-like, shape (n,), or of bool, shape (n, c)
        Their classes, or which of several each is of.
    seed : int
        Of the division into folds.
    sample_weight : array-like, shape (n,), or None
        For fitting. Where 50 labels or more count fully, the others judge nothing: what they are like was fitted on.

    Returns
    -------
    Tuning
        See there for what comes of few labels.

    Raises
    ------
    ValueError
        From fitting.
    """
    return _tuned(head, X, y, seed, C_GRID, FOLDS, sample_weight)


def _tuned(
    head: Any,
    X: ArrayLike,
    y: ArrayLike,
    seed: int,
    grid: Sequence[float],
    folds: int,
    sample_weight: ArrayLike | None = None,
) -> Tuning:
    y = np.asarray(y)
    codes, counts = (y, y.sum(axis=0)) if y.ndim == 2 else np.unique(y, return_inverse=True, return_counts=True)[1:]
    if len(counts) < 2:
        return Tuning(None, 1.0)
    choosing = "C" in head.get_params() and counts.min() >= ENOUGH_A_CLASS
    if not choosing and len(codes) < ENOUGH_LABELS:
        return Tuning(None, 1.0)
    path: list[dict[str, Any]] = [{"C": C} for C in sorted(grid)] if choosing else [{}]
    raw = clone(head).set_params(temperature=1.0)
    logits = _paths(raw, X, y, path, folds, seed, sample_weight)
    full = np.ones(len(codes), np.bool_) if sample_weight is None else np.asarray(sample_weight) >= 1
    judges = full if np.count_nonzero(full) >= ENOUGH_LABELS else np.ones(len(codes), np.bool_)
    temperatures = [temperature(each[judges], codes[judges]) for each in logits]
    losses = [_loss(each[judges] / value, codes[judges]) for each, value in zip(logits, temperatures, strict=True)]
    best = int(np.argmin(losses))
    return Tuning(path[best].get("C"), temperatures[best] if len(codes) >= ENOUGH_LABELS else 1.0)


def _loss(logits: Float32, codes: NDArray[Any]) -> float:
    """Mean of minus log p of what is true, over samples whose class was known; of several, over the known ones."""
    if codes.ndim == 2:
        known = np.isfinite(logits)
        agreement = np.where(codes, logits, -logits)[known].astype(np.float64)
        return float(np.logaddexp(0, -agreement).mean()) if known.any() else 0.0
    own = softmax(logits)[np.arange(len(codes)), codes]
    known = np.isfinite(logits[np.arange(len(codes)), codes])
    return float(-np.log(np.maximum(own[known], 1e-12, dtype=np.float64)).mean()) if known.any() else 0.0


def _paths(
    head: Any,
    X: ArrayLike,
    y: ArrayLike,
    path: Sequence[dict[str, Any]],
    folds: int,
    seed: int,
    sample_weight: ArrayLike | None,
) -> list[Float32]:
    """Return out-of-fold logits for each set of parameters; fits of one fold follow each other, starting warm."""
    X, y = np.asarray(X), np.asarray(y)
    weight = None if sample_weight is None else np.asarray(sample_weight)
    if folds < 2 or len(y) < folds:
        raise ValueError(f"expected 2 folds or more and at least as many samples, got {folds} and {len(y)}")
    codes = _rarest(y) if y.ndim == 2 else np.unique(y, return_inverse=True)[1]
    c = y.shape[1] if y.ndim == 2 else codes.max() + 1
    fold = _folds(codes, folds, np.random.default_rng(seed))
    logits = [np.full((len(y), c), -np.inf, np.float32) for _ in path]
    for number in range(folds):
        inside, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        copy = clone(head)
        if "start" in copy.get_params():
            copy.set_params(start=None)  # it was fitted on what is held out here
        columns = np.flatnonzero(y[inside].any(axis=0)) if y.ndim == 2 else np.unique(codes[inside])
        for parameters, out in zip(path, logits, strict=True):
            copy.set_params(**parameters)
            copy.fit(X[inside], y[inside], **({} if weight is None else {"sample_weight": weight[inside]}))
            told = copy.logits(X[held_out])
            out[np.ix_(held_out, columns)] = told[:, columns] if y.ndim == 2 else told
    return logits


def _rarest(Y: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of each sample the rarest class that it is of; one more than there are classes where it is of none."""
    counts = np.append(Y.sum(axis=0), len(Y) + 1)
    rarest: NDArray[np.intp] = np.where(np.pad(Y, ((0, 0), (0, 1)), constant_values=True), counts, len(Y) + 2).argmin(1)
    return rarest


def _folds(codes: NDArray[np.intp], folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Deal the samples out, class by class, each class in random order: sizes differ by one at most."""
    shuffled = rng.permutation(len(codes))
    fold = np.empty(len(codes), np.intp)
    fold[shuffled[np.argsort(codes[shuffled], kind="stable")]] = np.arange(len(codes)) % folds
    return fold
