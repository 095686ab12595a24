# ruff: noqa: N803, N806 - a matrix is X here
"""tl_core.summing: a pool's summary says what the pool itself does, to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from tests.tl_core.blobs import blobs
from tl_core import geometry, heads, query, summing
from tl_core.store.storage import Directory


@pytest.fixture
def X() -> np.ndarray:
    X, _ = blobs(300, 3)
    return X.astype(np.float32)


def test_it_says_what_is_worked_out_of_the_pool(X: np.ndarray, tmp_path: Path) -> None:
    summing.write(Directory(tmp_path), "pool", X)
    read = summing.read(Directory(tmp_path), "pool")
    mean = geometry.mean_row(X)
    units = query.compact(X, mean)
    np.testing.assert_array_equal(read.mean, mean)
    np.testing.assert_array_equal(read.norms, geometry.lengths(X, mean))
    for name in ("codes", "steps", "lost", "mean"):
        np.testing.assert_array_equal(getattr(read.units, name), getattr(units, name))


@pytest.mark.parametrize("alike", [False, True])
def test_a_head_learns_the_same_by_the_graph_that_was_kept(alike: bool, X: np.ndarray, tmp_path: Path) -> None:
    pool = np.repeat(X[:1], 30, axis=0) if alike else X  # of equal rows nothing can be whitened
    summing.write(Directory(tmp_path), "pool", pool)
    read, mean = summing.read(Directory(tmp_path), "pool"), geometry.mean_row(pool)
    _, y = blobs(300, 3)
    here, kept = (
        heads.get(pool=graph, pool_mean=mean).fit(X[:40], y[:40])
        for graph in (summing.pool_graph(pool, mean), read.graph)
    )
    np.testing.assert_array_equal(kept.coef_, here.coef_)
    np.testing.assert_array_equal(kept.intercept_, here.intercept_)


def test_whoever_stops_it_leaves_nothing(X: np.ndarray, tmp_path: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.5:
            raise InterruptedError("lost")

    with pytest.raises(InterruptedError, match="lost"):
        summing.write(Directory(tmp_path), "pool", X, stop)
    assert list(tmp_path.iterdir()) == []


def test_units_of_some_rows_are_those_rows_units(X: np.ndarray) -> None:
    mean, some = geometry.mean_row(X), np.array([5, 2, 290])
    chosen, made = query.compact(X, mean).only(some), query.compact(X[some], mean)
    for name in ("codes", "steps", "lost", "mean"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(made, name))
