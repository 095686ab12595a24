"""Linear outputs on a network's embeddings, one for each question, and their common loss. Imports torch.

They begin as the heads that are right for the embeddings as they are, so that the first steps do not spoil what the
network knows: Kumar et al., Fine-tuning can distort pretrained features, arXiv 2202.10054.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

MISSING = -1


@dataclass(frozen=True, eq=False)
class Target:
    """The answers to one question.

    Attributes
    ----------
    codes : ndarray of int
        Shape (n,): the class of each picture, 0 to classes - 1, or `MISSING`. Shape (n, classes) where a picture may
        have several: 1, 0 or `MISSING`.
    classes : int
        How many there are.
    """

    codes: NDArray[np.intp]
    classes: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which pictures have an answer, bool (n,)."""
        return np.asarray((self.codes != MISSING).reshape(len(self.codes), -1).any(axis=1))

    def only(self, at: NDArray[np.intp]) -> "Target":
        """Return the same answers, none but those of these pictures."""
        codes = np.full_like(self.codes, MISSING)
        codes[at] = self.codes[at]
        return Target(codes, self.classes)


class Outputs(torch.nn.Module):
    """One linear output a question, on embeddings that are centred and brought to length 1 as heads do.

    Parameters
    ----------
    center : ndarray of float32, shape (dimension,)
        Taken off the embeddings.
    targets : sequence of Target
        The questions.

    Attributes
    ----------
    doubts : torch.nn.Parameter of float32, shape (questions,)
        Logarithms of the losses' variances, where questions are weighed by what is learned (`loss`).
    """

    def __init__(self, center: NDArray[np.float32], targets: Sequence[Target]) -> None:
        super().__init__()
        self.center: torch.Tensor
        self.register_buffer("center", torch.from_numpy(np.array(center, np.float32)))
        self.linear = torch.nn.ModuleList(torch.nn.Linear(len(center), target.classes) for target in targets)
        self.doubts = torch.nn.Parameter(torch.zeros(len(targets)))
        for each in self.linear:
            torch.nn.init.zeros_(each.weight)  # type: ignore[arg-type]
            torch.nn.init.zeros_(each.bias)  # type: ignore[arg-type]

    def forward(self, embeddings: torch.Tensor) -> list[torch.Tensor]:
        """Float32 (n, dimension) in, for each question float32 (n, classes) out."""
        units = functional.normalize(embeddings - self.center, dim=1)
        return [linear(units) for linear in self.linear]

    def begin(self, embeddings: NDArray[np.float32], targets: Sequence[Target]) -> None:
        """Take over the linear heads of embeddings.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (n, dimension)
            By the network as it is.
        targets : sequence of Target
            Their answers, as in the constructor. A question with several classes a picture begins at nought.
        """
        from tl_core.heads.logistic import LogisticHead

        for linear, target in zip(self.linear, targets, strict=True):
            known = target.known
            if target.codes.ndim > 1 or len(np.unique(target.codes[known])) < 2:
                continue
            head = LogisticHead(pool_mean=self.center.cpu().numpy()).fit(embeddings[known], target.codes[known])
            with torch.no_grad():
                rows = torch.from_numpy(np.asarray(head.classes_, np.int64))
                linear.weight.index_copy_(0, rows, torch.from_numpy(head.coef_))  # type: ignore[operator]
                linear.bias.index_copy_(0, rows, torch.from_numpy(head.intercept_))  # type: ignore[operator]


def loss(
    logits: Sequence[torch.Tensor], codes: Sequence[torch.Tensor], doubts: torch.Tensor | None, smoothing: float
) -> torch.Tensor:
    """Return the loss of a batch over all questions; where an answer is missing it says nothing.

    Parameters
    ----------
    logits : sequence of float tensor, each (n, classes)
        From `Outputs`.
    codes : sequence of int64 tensor, each (n,) or (n, classes)
        As in `Target`.
    doubts : float tensor, shape (questions,), or None
        To weigh questions by what is learned; None = all alike.
    smoothing : float
        Share of the probability that is spread over all classes, 0 to 1.

    Returns
    -------
    float tensor
        One number; 0 where no picture of the batch has an answer.

    References
    ----------
    Kendall, Gal, Cipolla: Multi-task learning using uncertainty to weigh losses, arXiv 1705.07115.
    """
    total = logits[0].sum() * 0
    for number, (each, given) in enumerate(zip(logits, codes, strict=True)):
        if not bool((given != MISSING).any()):
            continue
        part = _of_question(each.float(), given, smoothing)
        total = total + (part if doubts is None else torch.exp(-doubts[number]) * part + doubts[number] / 2)
    return total


def _of_question(logits: torch.Tensor, codes: torch.Tensor, smoothing: float) -> torch.Tensor:
    if codes.dim() == 1:
        return functional.cross_entropy(logits, codes, ignore_index=MISSING, label_smoothing=smoothing)
    known = codes != MISSING
    wanted = codes.clamp(min=0).to(logits.dtype) * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits[known], wanted[known])


def right(logits: NDArray[Any], target: Target, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for each of the pictures ``at`` whether logits (n, classes) are right in all its classes, bool (n,)."""
    codes = target.codes[at]
    if codes.ndim == 1:
        return np.asarray(logits.argmax(axis=1) == codes)
    return np.asarray((((logits > 0) == (codes == 1)) | (codes == MISSING)).all(axis=1))
