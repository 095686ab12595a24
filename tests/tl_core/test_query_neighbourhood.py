# ruff: noqa: N803, N806 - matrices are X here
"""Strategies that are given an index of the pool, and batches with one aim."""

from typing import Any

import numpy as np
import pytest

from tl_core import heads, query
from tl_core.query import planning
from tl_core.query.planning import Situation, hunt, plan

GROUPS, ROWS = 4, 480


class Found:
    """An exact index that counts how it is asked; it also finds what is not in the pool."""

    def __init__(self, X: np.ndarray) -> None:
        self.Z = query_units(X, X)
        self.X = X
        self.asked: list[int] = []

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(k)
        order = np.argsort(-(query_units(queries, self.X) @ self.Z.T), axis=1)[:, :k]
        order[:, -1] = -1
        return order, np.ones(order.shape)


def query_units(X: np.ndarray, pool: np.ndarray) -> np.ndarray:
    Z = X - pool.mean(axis=0)
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(ROWS) % GROUPS
    noise = np.random.default_rng(1).normal(scale=0.4, size=(ROWS, 8))
    return (3 * np.eye(8)[y] + noise).astype(np.float32), y


def situation(labelled: np.ndarray, **more: Any) -> tuple[Any, Situation, np.ndarray]:
    """A fitted head, what is known, and the truth."""
    X, y = blobs()
    head = heads.get("logistic", pool_mean=X.mean(axis=0)).fit(X[labelled], y[labelled])
    allowed = np.ones(ROWS, np.bool_)
    allowed[labelled] = False
    return head, Situation(X, allowed, X[labelled], X.mean(axis=0), y[labelled], **more), y


def test_an_index_finds_what_comparing_with_all_finds() -> None:
    X, _ = blobs()
    allowed = np.arange(ROWS) > 40
    given = {"examples": X[:2], "mean": X.mean(axis=0), "allowed": allowed, "random_state": 0}
    index = Found(X)
    indices, scores = query.similar_to(None, X, 9, index=index, **given)
    expected, expected_scores = query.similar_to(None, X, 9, **given)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert len(index.asked) == 1


def test_where_an_index_finds_too_little_all_are_compared() -> None:
    X, y = blobs()
    given = {"examples": X[:1], "allowed": y == 3, "random_state": 0}  # nothing near the example may be picked
    indices, _ = query.similar_to(None, X, 7, index=Found(X), **given)
    np.testing.assert_array_equal(indices, query.similar_to(None, X, 7, **given)[0])


def test_a_plan_hands_the_index_to_the_strategy() -> None:
    X, _ = blobs()
    index = Found(X)
    labelled = np.flatnonzero(np.arange(ROWS) % GROUPS < 2)[:30]
    head, known, y = situation(labelled, index=index)
    picks = plan(head, known, 40, strategy="seals", audit_share=0.0, random_state=0)
    assert set(y[[pick.position for pick in picks]].tolist()) == {0, 1}
    assert index.asked


def test_a_hunt_has_one_aim() -> None:
    head, known, y = situation(np.arange(40), starred=[0], start=[(45, 1.0)])
    for strategy, aim in (("positive_first", {"positive": 2}), ("similar_to", {"examples": known.X_pool[2:3]})):
        picks = hunt(head, known, 25, strategy=strategy, random_state=0, **aim)
        positions = [pick.position for pick in picks]
        assert len(set(positions)) == 25 and min(positions) >= 40
        assert {pick.strategy for pick in picks} == {strategy} and set(y[positions].tolist()) == {2}


def test_a_hunt_leaves_what_is_accepted_and_needs_no_head_for_looks() -> None:
    _, known, _ = situation(np.arange(40), accepted=np.arange(ROWS) % 2 == 0)
    picks = hunt(None, known, 500, strategy="similar_to", random_state=0, examples=known.X_pool[:1])
    assert sorted(pick.position for pick in picks) == list(range(41, ROWS, 2))
    with pytest.raises(ValueError, match="must be a class that has labels"):
        hunt(None, known, 5, strategy="positive_first", random_state=0, positive=1)


def test_a_hunt_through_a_pool_that_is_done_finds_nothing() -> None:
    head, known, _ = situation(np.arange(ROWS))
    assert hunt(head, known, 5, strategy="positive_first", positive=1) == []
    assert planning.plan(head, known, 5, strategy="seals") == []
