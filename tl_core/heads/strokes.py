"""What labels are worth that were given many at a stroke: by confirming tiles, or a burst of frames with one key."""

import numpy as np
from numpy.typing import NDArray

LEAST = 3  # labels of a class that confirmed ones may count as, where fewer were looked at


def weights(codes: NDArray[np.intp], confirmed: NDArray[np.bool_], bursts: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return how much each label is to count, so that many alike don't drown those that were looked at one by one.

    A head is surest of what looks like what it knows, and that is what people confirm by the page. Counted in full,
    such labels tilt it towards the classes that are easily confirmed, and it gets worse than it was without: decision
    39. So those of a class together count at most as much as its other labels do. Frames of a burst count as one.

    Parameters
    ----------
    codes : ndarray of intp, shape (n,)
        What was said of each sample: its class, or a number for its set of classes.
    confirmed : ndarray of bool, shape (n,)
        Which were confirmed as tiles.
    bursts : ndarray of intp, shape (n,)
        The burst that was labelled at a stroke; -1 = none.

    Returns
    -------
    ndarray of float32, shape (n,)
        Above 0, at most 1.
    """
    weight = np.ones(len(codes), np.float32)
    of_burst = bursts >= 0
    together = np.stack([bursts[of_burst], codes[of_burst]])
    _, number, sizes = np.unique(together, axis=1, return_inverse=True, return_counts=True)
    weight[of_burst] = 1 / sizes[number]
    others = np.bincount(codes[~confirmed], weight[~confirmed], minlength=codes.max(initial=-1) + 1)
    allowed = np.maximum(others, LEAST) / np.maximum(np.bincount(codes[confirmed], minlength=len(others)), 1)
    weight[confirmed] = np.minimum(1, allowed[codes[confirmed]])
    return weight
