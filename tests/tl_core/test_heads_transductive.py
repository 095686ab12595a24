# ruff: noqa: N803, N806 - matrices are X, Y, Z and F here
"""tl_core.heads.transductive: learning from what is not labelled."""

import copy
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.semi_supervised import LabelSpreading

from tl_core import heads
from tl_core.geometry import unit_rows
from tl_core.heads import files
from tl_core.heads.transductive import PoolGraph, TransductiveHead, _solve

GROUPS = 5


def pool(n: int = 1000, d: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Elongated groups: who is near whom tells more than the distance to a middle."""
    rng = np.random.default_rng(seed)
    y = rng.integers(GROUPS, size=n)
    middles, along = 3 * rng.normal(size=(GROUPS, d)), rng.normal(size=(GROUPS, d))
    X = middles[y] + rng.uniform(-3, 3, size=(n, 1)) * along[y] + 0.5 * rng.normal(size=(n, d))
    return X.astype(np.float32), y


def placed(X: np.ndarray, nodes: int = 2000) -> TransductiveHead:
    mean = X.mean(axis=0)
    return heads.get(pool=PoolGraph(X, mean, np.random.default_rng(0), nodes), pool_mean=mean)


def test_it_is_the_default() -> None:
    assert isinstance(heads.get(), TransductiveHead)


def test_few_labels_go_further_than_in_plain_regression() -> None:
    gains = []
    for seed in range(5):
        X, y = pool(seed=seed)
        rows = np.random.default_rng(seed).choice(len(y), 15, replace=False)
        plain = heads.get("logistic", pool_mean=X.mean(axis=0)).fit(X[rows], y[rows])
        gains.append((placed(X).fit(X[rows], y[rows]).predict(X) == y).mean() - (plain.predict(X) == y).mean())
    assert np.mean(gains) > 0.02 and min(gains) > -0.02


def test_without_a_pool_it_is_plain_regression() -> None:
    X, y = pool(200)
    P = heads.get(pool_mean=X.mean(axis=0)).fit(X[:50], y[:50]).predict_proba(X)
    expected = heads.get("logistic", pool_mean=X.mean(axis=0)).fit(X[:50], y[:50]).predict_proba(X)
    np.testing.assert_allclose(P, expected, atol=2e-2)


def test_it_is_linear_and_predicts_the_same_when_stored(tmp_path: Path) -> None:
    X, y = pool(300)
    head = placed(X).fit(X[:40], y[:40])
    files.save(head, tmp_path, {})
    np.testing.assert_allclose(files.load(tmp_path).predict_proba(X), head.predict_proba(X), atol=1e-5)


def test_labels_outside_the_graph_count_as_well() -> None:
    """The graph is a sample of the pool; what people label is mostly not in it."""
    X, y = pool(3000)
    head = placed(X, nodes=300)
    rows = np.arange(60)
    seats = head.pool.seats(unit_rows(X[rows], head.pool_mean))
    assert (seats.node < 0).sum() > 40 and (seats.node >= 0).any()
    assert (head.fit(X[rows], y[rows]).predict(X) == y).mean() > 0.9


def test_a_labelled_sample_sits_on_its_own_node() -> None:
    X, _ = pool(200)
    graph = PoolGraph(X, X.mean(axis=0), np.random.default_rng(0))
    seats = graph.seats(unit_rows(X, X.mean(axis=0)))
    np.testing.assert_allclose(graph.Z[seats.node], unit_rows(X, X.mean(axis=0)), atol=1e-6)


def test_spreading_agrees_with_scikit_learns() -> None:
    """On the graph's own links, for which scikit-learn's kernel is made to stand."""
    X, y = pool(150)
    graph = PoolGraph(X, X.mean(axis=0), np.random.default_rng(0))
    rows = np.arange(20)
    seats = graph.seats(graph.Z[rows])
    given = y[:20]
    F = graph.spread(seats, np.eye(GROUPS, dtype=np.float32)[given])
    links = graph._links.toarray()
    reference = LabelSpreading(kernel=lambda A, B: links, alpha=0.95, max_iter=2000, tol=1e-9)
    reference.fit(graph.Z, np.concatenate([given, np.full(130, -1)]))
    expected = np.zeros_like(F)
    expected[:, reference.classes_.astype(int)] = reference.label_distributions_
    np.testing.assert_allclose(F, expected, atol=5e-3)
    assert np.isin(F.sum(axis=1).round(4), (0, 1)).all()


def test_the_system_is_solved() -> None:
    rng = np.random.default_rng(0)
    A = rng.random((60, 60)) < 0.1
    A = (A | A.T).astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(A.sum(axis=1), 1))
    S = scale[:, None] * A * scale
    B = np.eye(60, 3, dtype=np.float32)
    np.testing.assert_allclose(_solve(S, B), np.linalg.solve(np.eye(60) - 0.95 * S, B), atol=2e-2)


def test_copies_of_one_picture_and_contradictions_do_no_harm() -> None:
    X, y = pool(100)
    X[50:] = X[0]
    head = placed(X).fit(np.concatenate([X[:20], X[:20]]), np.concatenate([y[:20], (y[:20] + 1) % GROUPS]))
    assert np.isfinite(head.predict_proba(X)).all()
    alike = np.ones((30, 8), np.float32)
    head = placed(alike).fit(alike[:4], [0, 1, 0, 1])
    assert np.isfinite(head.predict_proba(alike)).all()
    with pytest.raises(ValueError, match="at least two"):
        PoolGraph(alike[:1], alike[0], np.random.default_rng(0))


def test_refitting_with_more_labels_and_a_new_class_ends_where_a_fresh_fit_does() -> None:
    X, y = pool(600)
    few = np.flatnonzero(y < 3)[:30]
    more = np.concatenate([few, np.flatnonzero(y >= 3)[:20]])
    warm = placed(X).fit(X[few], y[few]).fit(X[more], y[more])
    fresh = placed(X).fit(X[more], y[more])
    assert (warm.predict(X) == fresh.predict(X)).mean() > 0.98
    np.testing.assert_array_equal(warm.classes_, fresh.classes_)


def test_a_clone_shares_the_graph_and_nothing_that_was_learnt() -> None:
    X, y = pool(200)
    head = placed(X).fit(X[:40], y[:40])
    other = clone(head)
    assert other.pool is head.pool and not hasattr(other, "coef_")
    assert copy.deepcopy(head.pool) is head.pool
