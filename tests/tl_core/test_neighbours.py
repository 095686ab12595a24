# ruff: noqa: N803, N806 - matrices are X, Z and S here, as in scikit-learn
"""tl_core.spaces.neighbours: finds what comparing everything with everything finds, and survives its file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tests.tl_core.blobs import blobs
from tl_core.spaces import neighbours
from tl_core.spaces.neighbours import NeighbourIndex, NeighboursCorrupt, graph, near_duplicates
from tl_core.store.storage import Directory
from tl_core.store.vectors import Vectors


def clustered(n: int, d: int = 64, seed: int = 0) -> np.ndarray:
    """Off centre, in clusters of some tens: as a pool of photographs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(max(n // 40, 1), d))[rng.integers(max(n // 40, 1), size=n)] + 0.6 * rng.normal(size=(n, d)) + 2
    return X.astype(np.float32)


def nearest(X: np.ndarray, Q: np.ndarray, center: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-cosine_similarity(Q - center, X - center), axis=1)[:, :k]


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    return float(
        np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), expected.tolist(), strict=True)])
    )


@pytest.fixture(autouse=True)
def _always_the_same_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several threads link rows as their timing has it, and where others want the cores one may not find itself."""
    monkeypatch.setattr("tl_core.spaces.neighbours._THREADS", 1)


class TestIndex:
    def test_recall_at_ten(self) -> None:
        X = clustered(6000)
        index = NeighbourIndex(64, X.mean(axis=0))
        for start in range(0, 6000, 512):  # as shards arrive
            index.add(1000 + np.arange(start, min(start + 512, 6000)), X[start : start + 512])
        queries = X[::20] + 0.1
        ids, cosines = index.search(queries, 10)
        expected = nearest(X, queries, X.mean(axis=0), 10)
        assert recall(ids - 1000, expected) >= 0.95
        true = cosine_similarity(queries - X.mean(axis=0), X - X.mean(axis=0))
        np.testing.assert_allclose(cosines, np.take_along_axis(true, ids - 1000, 1), atol=0.02)
        assert (np.diff(cosines, axis=1) <= 1e-6).all()

    def test_what_is_there_already_is_left_out(self) -> None:
        X = clustered(100)
        index = NeighbourIndex(64)
        assert index.add(np.arange(60), X[:60]) == 60
        assert index.add(np.arange(100), X) == 40 and len(index) == 100
        np.testing.assert_allclose(index.center, X[:60].mean(axis=0), atol=1e-5)

    def test_takes_vectors_of_a_store(self) -> None:
        X = clustered(3000)
        pool = Vectors([X[:1300], X[1300:]], [None, None], 64)
        index = NeighbourIndex(64)
        assert index.add(np.arange(3000), pool) == 3000
        ids, _ = index.search(pool, 1)
        assert (ids[:, 0] == np.arange(3000)).mean() > 0.98

    def test_fewer_than_asked_for(self) -> None:
        index = NeighbourIndex(64)
        assert index.search(clustered(3), 5)[0].shape == (3, 0)
        assert index.add([], clustered(3)[:0]) == 0
        index.add([7, 9], clustered(2))
        ids, cosines = index.search(clustered(3), 5)
        assert ids.shape == cosines.shape == (3, 2) and set(ids.ravel().tolist()) == {7, 9}

    def test_as_many_as_asked_for_among_copies(self) -> None:
        X = clustered(1500)
        X[:750], X[750:760] = X[0], X.mean(axis=0)
        index = NeighbourIndex(64)
        index.add(np.arange(1500), X)
        ids, cosines = index.search(X[::10], 900)
        assert all(len(set(row)) == 900 for row in ids.tolist())
        assert np.isfinite(cosines).all() and (np.diff(cosines, axis=1) <= 1e-6).all()

    def test_round_trip(self, tmp_path: Path) -> None:
        X, storage = clustered(500), Directory(tmp_path)
        index = NeighbourIndex(64)
        index.add(np.arange(400), X[:400])
        index.save(storage, "neighbours.bin")
        read = NeighbourIndex.load(storage, "neighbours.bin")
        for found, expected in zip(read.search(X[:50], 10), index.search(X[:50], 10), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert read.add(np.arange(500), X) == 100 and len(read) == 500
        assert read.search(X[450:451], 1)[0] == [[450]]
        index.save(storage, "neighbours.bin")  # replaces
        assert len(NeighbourIndex.load(storage, "neighbours.bin")) == 400

    def test_damaged_files_are_refused(self, tmp_path: Path) -> None:
        storage = Directory(tmp_path)
        with pytest.raises(FileNotFoundError):
            NeighbourIndex.load(storage, "index")
        index = NeighbourIndex(64)
        with pytest.raises(ValueError, match="empty"):
            index.save(storage, "index")
        index.add(np.arange(50), clustered(50))
        index.save(storage, "index")
        content = (tmp_path / "index").read_bytes()
        for damaged in (
            b"",
            b"{}\n",
            content[:-9],
            content[:900] + b"\1" + content[901:],
            b"x" + content,
            content[:40],
        ):
            (tmp_path / "index").write_bytes(damaged)
            with pytest.raises(NeighboursCorrupt, match="index"):
                NeighbourIndex.load(storage, "index")

    def test_refuses_nonsense(self) -> None:
        X = clustered(10)
        index = NeighbourIndex(64)
        wrong: list[tuple[Any, Any]] = [
            (np.arange(9), X),
            (np.arange(10), X[:, :5]),
            (np.arange(10) - 1, X),
            (np.zeros(10, int), X),
            (np.arange(10) / 2, X),
            (np.arange(10), X * np.nan),
        ]
        for ids, embeddings in wrong:
            with pytest.raises(ValueError, match=r"\w"):
                NeighbourIndex(64).add(ids, embeddings)
        with pytest.raises(ValueError, match="centre"):
            NeighbourIndex(64, np.zeros(3))
        index.add(np.arange(10), X)
        for queries, k in ((X, 0), (X[0], 1), (X * np.inf, 1)):
            with pytest.raises(ValueError, match=r"\w"):
                index.search(queries, k)


class TestGraph:
    @settings(deadline=None, max_examples=30)
    @given(n=st.integers(0, 60), k=st.integers(1, 12), seed=st.integers(0, 99))
    def test_is_the_exact_one(self, n: int, k: int, seed: int) -> None:
        X = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
        G = graph(X, k)
        assert G.shape == (n, n) and G.dtype == np.float32 and G.nnz == n * min(k, max(n - 1, 0))
        if n < 2:
            return
        S = cosine_similarity(X - X.mean(axis=0))
        np.fill_diagonal(S, -2)
        for row in range(n):
            entries = slice(G.indptr[row], G.indptr[row + 1])
            columns = G.indices[entries]
            np.testing.assert_allclose(G.data[entries], np.maximum(S[row, columns], 0), atol=1e-5)
            assert row not in columns and (np.diff(columns) > 0).all()
            best = np.sort(S[row])[::-1][: len(columns)]
            np.testing.assert_allclose(np.sort(S[row, columns])[::-1], best, atol=1e-5)

    @pytest.mark.parametrize("k", [1, 7, 40])
    def test_many_columns(self, k: int) -> None:
        X = clustered(3000, 16)
        G = graph(Vectors([X[:1700], X[1700:]], [None, None], 16), k)
        expected = nearest(X, X, X.mean(axis=0), k + 1)[:, 1:]
        assert recall(G.indices.reshape(3000, k), expected) > 0.999

    def test_beyond_what_is_compared_exactly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        X = clustered(4000)
        X[:30] = X[0]  # copies, more than neighbours are asked for
        exact = graph(X, 10)
        monkeypatch.setattr(neighbours, "EXACT_ROWS", 1000)
        found = graph(X, 10)
        assert found.shape == exact.shape and found.nnz == exact.nnz and not found.diagonal().any()
        assert recall(found.indices.reshape(4000, 10)[30:], exact.indices.reshape(4000, 10)[30:]) >= 0.95

    def test_copies_are_neighbours(self) -> None:
        X = np.repeat(clustered(5), 2, axis=0)
        G = graph(X, 1)
        np.testing.assert_array_equal(G.indices, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8])
        np.testing.assert_allclose(G.data, 1, atol=1e-5)

    def test_refuses_nonsense(self) -> None:
        for X, k in ((clustered(5)[0], 1), (clustered(5), 0), (clustered(5) * np.nan, 1)):
            with pytest.raises(ValueError, match=r"\w"):
                graph(X, k)


class TestNearDuplicates:
    @settings(deadline=None, max_examples=40)
    @given(seed=st.integers(0, 999), n=st.integers(0, 30), threshold=st.floats(0.2, 0.99))
    def test_is_the_greedy_rule(self, seed: int, n: int, threshold: float) -> None:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(40, 3)).astype(np.float32)
        picked, center = rng.permutation(40)[:n], X.mean(axis=0)
        drop = near_duplicates(X, picked, center, threshold)
        S = cosine_similarity(X - center)
        kept: list[int] = []
        for position, left_out in zip(picked.tolist(), drop.tolist(), strict=True):
            assert left_out == bool(kept and S[position, kept].max() > threshold)
            kept += [] if left_out else [position]

    def test_over_several_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        X, _ = blobs(200, 5, d=4)
        whole = near_duplicates(X, np.arange(200), X.mean(axis=0), 0.9)
        monkeypatch.setattr(neighbours, "_BLOCK", 16)
        np.testing.assert_array_equal(near_duplicates(X, np.arange(200), X.mean(axis=0), 0.9), whole)
        assert 0 < whole.sum() < 200 and not whole[0]


def test_an_index_and_the_network_live_in_one_process() -> None:
    """Imported the other way round, the two libraries kill the process."""
    code = "from tl_core.spaces.neighbours import NeighbourIndex; NeighbourIndex(4); import onnxruntime"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import tl_core.query.planning, sys; assert 'usearch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
