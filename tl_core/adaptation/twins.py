# ruff: noqa: N803 - matrices are X and Z here, as in scikit-learn
"""A hidden layer on frozen embeddings, taught by twins: two views of one picture belong together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.spaces.maps import VectorMap

if TYPE_CHECKING:
    import torch

Objective = Literal["agreement", "instances"]
BATCH = 64
LEAST_TWINS = 16
_RATE, _DECAY = 3e-3, 1e-4


@dataclass(frozen=True, eq=False)
class HiddenLayer(VectorMap):
    """Embeddings, standardised, through one layer of weights; what is below zero is cut off.

    Attributes
    ----------
    mean, deviation : ndarray of float32, shape (width,)
        Of each column of the pool; the deviation is above 0.
    weights : ndarray of float32, shape (width, dimension)
        Of the layer.
    bias : ndarray of float32, shape (dimension,)
        Of the layer.
    """

    kind = "hidden"
    format = "hidden-1"

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def width(self) -> int:
        """How many numbers an embedding has before."""
        return len(self.mean)

    @property
    def dimension(self) -> int:
        """How many units the layer has."""
        return len(self.bias)

    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.maximum((block - self.mean) / self.deviation @ self.weights + self.bias, np.float32(0))


def fit(
    X: NDArray[np.float32],
    twins: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    objective: Objective = "agreement",
    units: int = 512,
    epochs: int = 60,
    report: Callable[[float], None] = lambda share: None,
) -> HiddenLayer:
    """Teach a hidden layer that a picture and its twin are the same.

    Parameters
    ----------
    X : ndarray of float32, shape (n, D)
        Embeddings.
    twins : ndarray of float32, shape (m, D)
        Embeddings of other views of the first ``m``, from 16 to ``n``.
    rng : numpy.random.Generator
        For the start and the order.
    objective : str
        ``"agreement"``: twins agree, while the units of a batch stay apart and uncorrelated (VICReg). ``"instances"``:
        each picture is a class of its own, which both views are to be told by (DIET).
    units : int
        Of the hidden layer.
    epochs : int
        Passes over the twins.
    report : callable
        Told the share that is done; may raise to stop it.

    Returns
    -------
    HiddenLayer
        What was above the layer while it was taught is dropped.

    Raises
    ------
    ValueError
        Shapes disagree, too few twins, or a value is not finite.

    References
    ----------
    Bardes, Ponce, LeCun: VICReg, arXiv 2105.04906. DIET: arXiv 2302.10260, and on frozen features arXiv 2509.06990.
    """
    if X.ndim != 2 or twins.ndim != 2 or twins.shape[1] != X.shape[1] or not LEAST_TWINS <= len(twins) <= len(X):
        raise ValueError(f"expected X (n, D) and twins (m, D), m from {LEAST_TWINS} to n; got {X.shape}, {twins.shape}")
    if not (np.isfinite(X).all() and np.isfinite(twins).all()):
        raise ValueError("embeddings are not finite")
    mean, deviation = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    deviation = np.where(deviation > 1e-6 * max(float(deviation.max()), 1e-30), deviation, 1)
    views = [((part - mean) / deviation).astype(np.float32) for part in (X[: len(twins)], twins)]
    with threads.single():
        weights, bias = _taught(views, rng, objective, units, epochs, report)
    return HiddenLayer(mean.astype(np.float32), deviation.astype(np.float32), weights, bias)


def _taught(
    views: list[NDArray[np.float32]],
    rng: np.random.Generator,
    objective: str,
    units: int,
    epochs: int,
    report: Callable[[float], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import torch

    first, second = (torch.from_numpy(view) for view in views)
    n, d = first.shape
    seeded = torch.Generator().manual_seed(int(rng.integers(2**31)))
    layer, top = _linear(d, units, seeded), _linear(units, units if objective == "agreement" else n, seeded)
    loss = _disagreement if objective == "agreement" else _mistaken
    trained = [*layer.parameters(), *top.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=_RATE, weight_decay=_DECAY)
    batches = max(1, n // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=epochs * batches)
    for epoch in range(epochs):
        report(epoch / epochs)
        for rows in torch.randperm(n, generator=seeded).chunk(batches):
            both = torch.cat([first[rows], second[rows]])
            optimiser.zero_grad()
            loss(top(torch.relu(layer(both))), rows).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        return np.ascontiguousarray(layer.weight.numpy().T), layer.bias.numpy().copy()


def _linear(inputs: int, outputs: int, seeded: "torch.Generator") -> "torch.nn.Linear":
    """Make a layer whose start depends on the generator alone."""
    import torch

    layer = torch.nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.normal_(0, inputs**-0.5, generator=seeded)
        layer.bias.zero_()
    return layer


def _disagreement(Z: "torch.Tensor", rows: "torch.Tensor") -> "torch.Tensor":
    """VICReg's loss of two views (2n, units), one below the other: 25 x distance + 25 x variance + covariance."""
    import torch

    one, other = Z.chunk(2)
    total: Any = 25 * torch.nn.functional.mse_loss(one, other)
    for view in (one, other):
        centred = view - view.mean(dim=0)
        spread = torch.sqrt(centred.square().mean(dim=0) + 1e-4)
        covariance = centred.T @ centred / max(len(view) - 1, 1)
        unlike = covariance.square().sum() - covariance.diagonal().square().sum()
        total = total + 12.5 * torch.relu(1 - spread).mean() + unlike / view.shape[1]
    return total  # type: ignore[no-any-return]


def _mistaken(Z: "torch.Tensor", rows: "torch.Tensor") -> "torch.Tensor":
    """DIET's loss of two views (2n, pictures), one below the other: cross-entropy with much smoothing."""
    import torch

    return torch.nn.functional.cross_entropy(Z, torch.cat([rows, rows]), label_smoothing=0.8)
