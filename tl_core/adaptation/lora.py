"""Train a transformer by small corrections of its matrices, a few hundredths of its numbers. Imports torch.

Hu et al.: LoRA, low-rank adaptation of large language models, arXiv 2106.09685.
"""

import math

import torch
from torch.nn.utils import parametrize

MATRICES = ("weight", "in_proj_weight")


class LowRank(torch.nn.Module):
    """A matrix and a correction of low rank, which begins as nothing.

    Parameters
    ----------
    rows, columns : int
        Shape of the matrix.
    rank : int
        Of the correction, 1 or more.
    """

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.up = torch.nn.Parameter(torch.zeros(rows, rank))
        self.down = torch.nn.Parameter(torch.empty(rank, columns))
        torch.nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, matrix: torch.Tensor) -> torch.Tensor:
        """Return the corrected matrix."""
        return matrix + self.up @ self.down


def add(module: torch.nn.Module, rank: int) -> int:
    """Give all matrices of linear layers and attention a correction, and let nothing else be trained.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    rank : int
        1 or more.

    Returns
    -------
    int
        How many matrices there are; where there are none, as in a convolutional network, nothing is changed.
    """
    matrices = [(part, name) for part in module.modules() for name in MATRICES if _is_matrix(part, name)]
    if matrices:
        module.requires_grad_(requires_grad=False)
    for part, name in matrices:
        matrix = getattr(part, name)
        correction = LowRank(matrix.shape[0], matrix.shape[1], rank).to(matrix.device)
        parametrize.register_parametrization(part, name, correction)
    return len(matrices)


def merge(module: torch.nn.Module) -> None:
    """Make the corrections part of the matrices: afterwards the module is what it was, with other numbers."""
    for part in list(module.modules()):
        for name in MATRICES:
            if parametrize.is_parametrized(part, name):
                parametrize.remove_parametrizations(part, name, leave_parametrized=True)
    module.requires_grad_(requires_grad=True)


def _is_matrix(part: torch.nn.Module, name: str) -> bool:
    if not isinstance(part, torch.nn.Linear | torch.nn.MultiheadAttention):
        return False
    matrix = getattr(part, name, None)
    return isinstance(matrix, torch.nn.Parameter) and matrix.dim() == 2
