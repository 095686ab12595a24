# ruff: noqa: N806 - matrices are X, P, W, Z and M here
"""What a head takes every sample for, and which example each looks most like."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from tl_core import geometry, query
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.plain import LinearHead
from tl_core.query import products
from tl_core.query.likeliest import likeliest, most_alike


@pytest.fixture(params=[3, 700])
def pool(request):
    """Embeddings, and a fitted head of that many classes."""
    rng = np.random.default_rng(request.param)
    X = rng.standard_normal((5000, 24)).astype(np.float32)
    mean = geometry.mean_row(X)
    classes = request.param
    W = rng.standard_normal((classes, 24)).astype(np.float32)
    return X, LinearHead(np.arange(classes) + 7, W, rng.standard_normal(classes).astype(np.float32), mean)


@pytest.mark.parametrize("kept", ["nothing", "norms", "units"])
def test_a_linear_head_says_nearly_what_it_says_itself(pool, kept):
    X, head = pool
    given = {"norms": geometry.lengths(X, head.center)} if kept == "norms" else {}
    given = {"units": query.compact(X, head.center)} if kept == "units" else given
    columns, sure = likeliest(head, X, **given)
    P = head.predict_proba(X)
    assert np.abs(sure - P.max(axis=1)).max() < 0.01
    assert (columns == P.argmax(axis=1)).mean() > 0.98
    clear = np.sort(P, axis=1)[:, -1] - np.sort(P, axis=1)[:, -2] > 0.02
    np.testing.assert_array_equal(columns[clear], P.argmax(axis=1)[clear])


def test_in_half_precision_too(pool, monkeypatch):
    monkeypatch.setattr(products, "HALF_ROWS", 1)
    X, head = pool
    columns, sure = likeliest(head, X)
    P = head.predict_proba(X)
    assert np.abs(sure - P.max(axis=1)).max() < 0.05
    assert (columns == P.argmax(axis=1)).mean() > 0.95


def test_a_classifier_of_another_library_is_asked_itself():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    X = (rng.standard_normal((400, 4)) + 2 * y[:, None]).astype(np.float32)
    other = GaussianNB().fit(X, y)
    columns, sure = likeliest(other, X)
    P = other.predict_proba(X)
    np.testing.assert_array_equal(columns, P.argmax(axis=1))
    np.testing.assert_allclose(sure, P.max(axis=1), rtol=1e-5)


def test_of_several_classes_a_sample_only_the_one_that_is_there_counts():
    W = np.eye(3, dtype=np.float32) * 20
    head = LinearHead(np.arange(3), W, np.full(3, -10, np.float32), np.zeros(3, np.float32), multilabel=True)
    X = np.array([[1, 0, 0], [0, 1, 0.1], [1, 1, 0.05], [-1, -1, -1]], np.float32)
    columns, sure = likeliest(head, X)
    np.testing.assert_array_equal(columns, [0, 1, -1, -1])
    assert (sure[:2] > 0.9).all()
    np.testing.assert_array_equal(sure[2:], 0)


def test_what_is_not_finite_is_nothing(pool):
    X, head = pool
    X[3, 0], X[9, 5] = np.nan, np.inf
    columns, sure = likeliest(head, X, norms=geometry.lengths(X, head.center))
    assert columns[[3, 9]].tolist() == [-1, -1]
    assert sure[[3, 9]].tolist() == [0, 0]
    assert (np.delete(columns, [3, 9]) >= 0).all()
    places, cosines = most_alike(X, X[:2], head.center)
    assert (places[3], cosines[9]) == (-1, 0)


def test_our_own_head_and_no_samples():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 60)
    X = (rng.standard_normal((60, 5)) + 3 * y[:, None]).astype(np.float32)
    head = LogisticHead(pool_mean=X.mean(axis=0)).fit(X, y)
    columns, _ = likeliest(head, X)
    np.testing.assert_array_equal(head.classes_[columns], head.predict(X))


def test_each_sample_goes_to_the_example_it_looks_most_like():
    rng = np.random.default_rng(2)
    middles = rng.standard_normal((4, 32)).astype(np.float32) * 5
    group = rng.integers(0, 4, 1000)
    X = middles[group] + 0.2 * rng.standard_normal((1000, 32)).astype(np.float32)
    mean = geometry.mean_row(X)
    places, cosines = most_alike(X, middles, mean, norms=geometry.lengths(X, mean))
    np.testing.assert_array_equal(places, group)
    Z, M = X - mean, middles - mean
    exact = (Z / np.linalg.norm(Z, axis=1, keepdims=True)) @ (M / np.linalg.norm(M, axis=1, keepdims=True)).T
    np.testing.assert_allclose(cosines, exact.max(axis=1), atol=0.01)
