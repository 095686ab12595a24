# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Fits linear heads: any smooth loss of the logits plus a penalty, by L-BFGS with float32 products."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tl_core.geometry import sigmoid
from tl_core.heads.plain import LinearHead

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
# From logits (n, c), which it may overwrite, to each sample's loss (n,) and its gradient by the logits (n, c).
Loss = Callable[[Float32], tuple[Float32, Float32]]

# Length of the weight vector a class starts with. Fits with C = 30 end at 5 (few labels) to 20 (many); starting at the
# centroid with 5 measured about a tenth fewer iterations than starting at zero.
_START_LENGTH = 5.0
# One label moves the mean loss's gradient by some .1/n: beyond this many labels a fixed tolerance would leave a fit
# that starts warm where it is (at 10,000 labels and 1e-4 five new ones then changed nothing).
_TOLERANCE_LABELS = 1000.0


def cross_entropy(codes: NDArray[np.intp]) -> Loss:
    """Return the loss of softmax probabilities where sample i is of class ``codes[i]``."""
    rows = np.arange(len(codes))

    def loss(logits: Float32) -> tuple[Float32, Float32]:
        logits -= logits.max(axis=1, keepdims=True)
        P = np.exp(logits)
        total = P.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - logits[rows, codes]
        P /= total
        P[rows, codes] -= 1
        return losses, P

    return loss


def soft_cross_entropy(Q: Float32) -> Loss:
    """Return the loss of softmax probabilities where sample i is of each class with the share ``Q[i]`` (n, c) says."""

    def loss(logits: Float32) -> tuple[Float32, Float32]:
        logits -= logits.max(axis=1, keepdims=True)
        P = np.exp(logits)
        total = P.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - np.einsum("ij,ij->i", Q, logits)
        P /= total
        return losses, P - Q

    return loss


def independent_cross_entropy(Q: Float32) -> Loss:
    """Return the summed loss of one sigmoid a class, where each is right with the probability ``Q`` (n, c) says."""

    def loss(logits: Float32) -> tuple[Float32, Float32]:
        losses = np.logaddexp(np.float32(0), logits).sum(axis=1) - np.einsum("ij,ij->i", Q, logits)
        return losses, sigmoid(logits) - Q

    return loss


def squared_hinge(Y: NDArray[np.bool_]) -> Loss:
    """Return the summed loss of one linear SVM a class, where ``Y`` (n, c) says which classes are right."""
    sign = np.where(Y, np.float32(1), np.float32(-1))

    def loss(logits: Float32) -> tuple[Float32, Float32]:
        missing = np.maximum(1 - sign * logits, 0)
        return np.einsum("ij,ij->i", missing, missing), -2 * sign * missing

    return loss


def one_hot(codes: NDArray[np.intp], c: int) -> NDArray[np.bool_]:
    """Return which class each sample is of: bool (n, c)."""
    Y: NDArray[np.bool_] = codes[:, None] == np.arange(c)
    return Y


def start_values(
    Z: Float32, Y: NDArray[np.bool_], classes: NDArray[np.generic], last: LinearHead | None
) -> tuple[Float64, Float64]:
    """Return weights and intercepts to start from: known classes where they were, new ones at their centroid.

    Parameters
    ----------
    Z : ndarray of float32, shape (n, d)
        Centred unit rows.
    Y : ndarray of bool, shape (n, c)
        Which classes each is of.
    classes : ndarray, shape (c,)
        Ids or keys.
    last : LinearHead or None
        The last fit, on the same embeddings or others.

    Returns
    -------
    ndarray of float64, shape (c, d), ndarray of float64, shape (c,)
        Weights, intercepts.
    """
    coef = (Y.T.astype(np.float32) @ Z).astype(np.float64)
    coef *= _START_LENGTH / np.maximum(np.linalg.norm(coef, axis=1, keepdims=True), 1e-12)
    intercept = np.zeros(len(classes))
    # Class ids must be of one kind to be compared, and weights of another featuriser would mean nothing.
    if last is not None and last.classes.dtype.kind == classes.dtype.kind and last.coef.shape[1] == Z.shape[1]:
        _, here, there = np.intersect1d(classes, last.classes, return_indices=True)
        coef[here], intercept[here] = last.coef[there], last.intercept[there]
    return coef, intercept


def descend(
    loss: Loss,
    Z: Float32,
    weight: Float32,
    start: tuple[Float64, Float64],
    *,
    C: float,
    tol: float,
    max_iter: int,
) -> tuple[Float32, Float32, int]:
    """Minimise ``C * sum(weight * loss) + |coef|^2 / 2``. Intercepts are free.

    Parameters
    ----------
    loss : callable
        See `Loss`; convex and smooth.
    Z : ndarray of float32, shape (n, d)
        Centred unit rows.
    weight : ndarray of float32, shape (n,)
        Not negative, not all zero.
    start : ndarray of float64, shape (c, d), and ndarray of float64, shape (c,)
        Weights and intercepts to begin with.
    C : float
        Inverse strength of the penalty, above 0.
    tol : float
        Stops when no component of the mean loss's gradient exceeds this; beyond 1,000 labels of the sum's, so that a
        label counts however many there are.
    max_iter : int
        Iterations at most.

    Returns
    -------
    ndarray of float32, shape (c, d), ndarray of float32, shape (c,), int
        Weights, intercepts, iterations used.

    Raises
    ------
    ValueError
        ``C`` is not above 0.

    References
    ----------
    Liu, Nocedal: On the limited memory BFGS method for large scale optimization, 1989.
    """
    if not 0 < C < np.inf:
        raise ValueError(f"C must be above 0 and finite, not {C}")
    c, d = start[0].shape
    total = float(weight.sum(dtype=np.float64))
    share = (weight / total).astype(np.float32)
    penalty = 1 / (C * total)

    def loss_and_gradient(flat: Float64) -> tuple[float, Float64]:
        W = flat[: c * d].reshape(c, d)
        losses, G = loss(Z @ W.T.astype(np.float32) + flat[c * d :].astype(np.float32))
        G *= share[:, None]
        gradient = np.empty_like(flat)
        gradient[: c * d] = (G.T @ Z).ravel() + penalty * flat[: c * d]
        gradient[c * d :] = G.sum(axis=0)
        mean = float(np.dot(share.astype(np.float64), losses)) + 0.5 * penalty * float(np.vdot(W, W))
        return mean, gradient

    options = {
        "maxiter": max_iter,
        "gtol": tol * min(1.0, _TOLERANCE_LABELS / total),
        "ftol": 64 * np.finfo(float).eps,
        "maxls": 50,
    }
    begin = np.concatenate([start[0].ravel(), start[1]])
    result = minimize(loss_and_gradient, begin, jac=True, method="L-BFGS-B", options=options)
    solution = result.x.astype(np.float32)
    return solution[: c * d].reshape(c, d), solution[c * d :], int(result.nit)
