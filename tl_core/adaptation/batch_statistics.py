"""The pool's own batch statistics in a pretrained network: its normalisations learn what pictures look like here.

Source: Li et al., Revisiting batch normalization for practical domain adaptation (AdaBN), arXiv 1603.04779.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm


class NoBatchStatistics(ValueError):
    """The network normalises each picture by itself, or there are no pictures to take statistics of."""


def fit(
    module: torch.nn.Module,
    batches: Iterable[NDArray[np.uint8]],
    *,
    report: Callable[[int], None] = lambda pictures: None,
) -> int:
    """Replace a network's batch statistics by those of these pictures. No weight changes.

    Parameters
    ----------
    module : torch.nn.Module
        From `Featuriser.module`; changed in place, in eval mode afterwards.
    batches : iterable of ndarray of uint8, each of shape (n, size, size, 3)
        Pictures, all batches alike in size but perhaps the last; each of 2 or more.
    report : callable
        Told how many pictures are done; may raise to stop it: then the module is of no use.

    Returns
    -------
    int
        How many normalisations learnt.

    Raises
    ------
    NoBatchStatistics
        The network has none, or there are no pictures.
    """
    layers = [each for each in module.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    if not layers:
        raise NoBatchStatistics("this network has no batch statistics: it normalises each picture by itself")
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over batches
        layer.train()
    done = 0
    with torch.no_grad():
        for batch in batches:
            module(torch.from_numpy(np.ascontiguousarray(batch)))
            done += len(batch)
            report(done)
    module.eval()
    if not done:
        raise NoBatchStatistics("batch statistics want pictures")
    return len(layers)
