"""Whether one way to read texts is better than another: by a cross-validated head, in pairs, on the same texts."""

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation import gains
from tl_core.adaptation.gains import Facts, Gain, Views


def compare(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    codes: NDArray[np.intp],
    rng: np.random.Generator,
    groups: NDArray[np.intp] | None = None,
    *,
    beside: bool = False,
) -> list[Gain]:
    """Compare embeddings of the same texts, as adaptations of pictures are compared.

    Parameters
    ----------
    before, after : ndarray of float32, shapes (n, d) and (n, e)
        Embeddings.
    codes : ndarray of int, shape (n,)
        The class of each, below 0 = nobody said.
    rng : numpy.random.Generator
        For folds and resamples.
    groups : ndarray of int, shape (n,), or None
        Texts that belong together, such as the parts of one; below 0 = alone.
    beside : bool
        The later ones are looked at beside the earlier ones, and not in their place.

    Returns
    -------
    list of Gain
        By a cross-validated linear head and by the nearest neighbours; none where there are too few labels. For
        `tl_core.adaptation.gains.helps`.
    """
    alone = np.full(len(codes), -1, np.intp)
    known = Facts(np.zeros(0, np.intp), codes, alone, alone if groups is None else groups)
    return gains.judge(_views(before), _views(after), known, rng, beside=beside)


def _views(X: NDArray[np.float32]) -> Views:  # noqa: N803
    return Views(X, np.zeros((0, X.shape[1]), np.float32))
