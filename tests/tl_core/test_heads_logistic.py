# ruff: noqa: N803, N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.heads.logistic: agrees with scikit-learn, refits from where it was."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from tests.tl_core.blobs import blobs
from tl_core.geometry import unit_rows
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.plain import LinearHead


def reference(X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, C: float) -> np.ndarray:
    Z = unit_rows(X, X.mean(axis=0)).astype(np.float64)
    model = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(Z, y, sample_weight=weight)
    return model.predict_proba(Z)


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("C", [0.5, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scikit_learn(classes: int, C: float, weighted: bool) -> None:
    X, y = blobs(300, classes)
    weight = np.random.default_rng(1).uniform(0, 3, 300) if weighted else None
    found = LogisticHead(C=C, tol=1e-6, max_iter=2000).fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(found, reference(X, y, weight, C), atol=2e-3)


def test_the_default_tolerance_is_close_enough() -> None:
    X, y = blobs(300, 12)
    assert np.abs(LogisticHead().fit(X, y).predict_proba(X) - reference(X, y, None, 30.0)).max() < 0.02


def test_a_weight_of_two_is_a_sample_twice() -> None:
    X, y = blobs(40, 3)
    mean = X.mean(axis=0)
    weight = np.where(np.arange(40) < 10, 2.0, 1.0)
    twice = LogisticHead(pool_mean=mean, tol=1e-7).fit(np.concatenate([X, X[:10]]), np.concatenate([y, y[:10]]))
    once = LogisticHead(pool_mean=mean, tol=1e-7).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(once.predict_proba(X), twice.predict_proba(X), atol=1e-3)


def test_the_centre_is_the_pools_where_it_is_given() -> None:
    X, y = blobs(300, 3)
    center = X.mean(axis=0) + 1
    head = LogisticHead(pool_mean=center, tol=1e-7, max_iter=2000).fit(X[:60], y[:60])
    np.testing.assert_array_equal(head.center_, center)
    Z = unit_rows(X, center).astype(np.float64)
    expected = LogisticRegression(C=30, tol=1e-8, max_iter=5000).fit(Z[:60], y[:60]).predict_proba(Z)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=2e-3)


def test_refitting_starts_where_it_was() -> None:
    X, y = blobs(400, 8, seed=4)
    head = LogisticHead(pool_mean=X.mean(axis=0)).fit(X[:390], y[:390])
    cold = clone(head).fit(X, y)
    stored = LinearHead(head.classes_, head.coef_, head.intercept_, head.center_)
    resumed = LogisticHead(pool_mean=X.mean(axis=0), start=stored).fit(X, y)
    head.fit(X, y)
    assert head.n_iter_ == resumed.n_iter_ < 0.7 * cold.n_iter_
    np.testing.assert_allclose(head.predict_proba(X), cold.predict_proba(X), atol=0.02)


def test_a_class_may_appear_and_another_go() -> None:
    X, y = blobs(300, 5)
    y = y * 10
    mean = X.mean(axis=0)
    head = LogisticHead(pool_mean=mean, tol=1e-6).fit(X[y < 40], y[y < 40])
    new = np.concatenate([np.flatnonzero((y > 0) & (y < 40)), np.flatnonzero(y == 40)[:2]])
    head.fit(X[new], y[new])
    assert head.classes_.tolist() == [10, 20, 30, 40] and head.coef_.shape == (4, 40)
    cold = LogisticHead(pool_mean=mean, tol=1e-6).fit(X[new], y[new])
    np.testing.assert_allclose(head.predict_proba(X), cold.predict_proba(X), atol=5e-3)
    assert (head.predict(X[new][-2:]) == 40).all()


def test_other_kinds_of_classes_or_embeddings_start_afresh() -> None:
    X, y = blobs(60, 3)
    head = LogisticHead().fit(X, y)
    assert set(head.fit(X, np.array(["a", "b", "c"])[y]).classes_) == {"a", "b", "c"}
    assert head.fit(X[:, :20], np.array(["a", "b", "c"])[y]).coef_.shape == (3, 20)


def test_decision_function_is_scikit_learns() -> None:
    X, y = blobs(60, 2)
    head = LogisticHead().fit(X, y)
    assert head.decision_function(X).shape == (60,) and head.logits(X).shape == (60, 2)
    assert ((head.decision_function(X) > 0) == (head.predict(X) == 1)).all()
    assert LogisticHead().fit(*blobs(60, 3)).decision_function(X).shape == (60, 3)


def test_five_new_labels_among_thousands_count() -> None:
    X, y = blobs(6000, 4, d=12, spread=2.5)
    mean = X.mean(axis=0)
    head = LogisticHead(pool_mean=mean).fit(X, y)
    new = X[y == 0][:5]
    before = head.predict_proba(new)[:, 1]
    head.fit(np.concatenate([X, new]), np.concatenate([y, np.full(5, 1)]))  # contradicts what it was told
    assert (head.predict_proba(new)[:, 1] > before).all()


class TestLogitAdjustment:
    """arXiv 2007.07314, post hoc."""

    def test_divides_probabilities_by_the_prior(self) -> None:
        X, y = blobs(400, 4)
        kept = (y > 0) | (np.arange(400) % 8 == 0)
        X, y = X[kept], y[kept]
        mean = X.mean(axis=0)
        plain = LogisticHead(pool_mean=mean).fit(X, y).predict_proba(X)
        P = LogisticHead(pool_mean=mean, logit_adjustment=0.5).fit(X, y).predict_proba(X)
        expected = plain / np.sqrt(np.bincount(y) / len(y))
        np.testing.assert_allclose(P, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)

    def test_counts_weights_not_rows(self) -> None:
        X, y = blobs(60, 2)
        head = LogisticHead().fit(X, y, sample_weight=np.where(y == 0, 3.0, 1.0))
        np.testing.assert_allclose(head.class_prior_, [0.75, 0.25])

    def test_finds_more_of_a_rare_class(self) -> None:
        X, y = blobs(3000, 3, d=20, spread=2.5)
        train = np.flatnonzero((y > 0) | (np.arange(3000) < 60))[:500]
        test = np.arange(1500, 3000)
        found = []
        for tau in (0.0, 1.0):
            head = LogisticHead(logit_adjustment=tau).fit(X[train], y[train])
            found.append((head.predict(X[test])[y[test] == 0] == 0).mean())
        assert found[1] > found[0] + 0.05


def test_temperature_softens_without_moving_the_best() -> None:
    X, y = blobs(300, 5)
    sharp, soft = LogisticHead().fit(X, y), LogisticHead(temperature=4.0).fit(X, y)
    np.testing.assert_allclose(soft.logits(X), sharp.logits(X) / 4, atol=1e-4)
    np.testing.assert_array_equal(soft.predict(X), sharp.predict(X))
    before = soft.coef_.copy()
    assert soft.fit(X, y).n_iter_ <= 1  # a warm start is from the weights as fitted, not as divided
    np.testing.assert_allclose(soft.coef_, before, atol=0.05)
