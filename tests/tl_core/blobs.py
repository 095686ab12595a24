# ruff: noqa: N806 - the matrix is X here, as in scikit-learn
"""Labelled points for the tests of heads."""

import numpy as np


def blobs(n: int, c: int, d: int = 40, seed: int = 0, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Clusters that overlap a little, off centre as embeddings are. Every class occurs."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % c)
    X = rng.normal(size=(c, d))[y] + spread * rng.normal(size=(n, d)) + 3
    return X.astype(np.float32), y
