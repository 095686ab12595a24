# ruff: noqa: N803, N806 - matrices are X, L and P here
"""tl_core.query's fast way through large pools: the picks are those of scoring every row exactly."""

from typing import Any

import modAL.uncertainty
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tl_core import geometry, query
from tl_core.geometry import unit_rows
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.plain import LinearHead
from tl_core.query import batches, hunting, products, scoring, uncertainty
from tl_core.store.vectors import Vectors

MEASURES = {
    "margin": uncertainty.MARGIN,
    "entropy": uncertainty.ENTROPY,
    "least_confidence": uncertainty.LEAST_CONFIDENCE,
    "positive_first": hunting._log_odds(1),
}


def head(classes: int = 5, d: int = 32, center: float = 3.0, seed: int = 1) -> LinearHead:
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(classes, d)).astype(np.float32) * 3
    intercept = rng.normal(size=classes).astype(np.float32)
    return LinearHead(np.arange(classes), coef, intercept, np.full(d, center, np.float32))


def embeddings(n: int = 3000, d: int = 32, center: float = 3.0, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, d)) + center).astype(np.float32)


class OnlyProbabilities:
    """A head that does not let on that it is linear."""

    def __init__(self, head: LinearHead) -> None:
        self.predict_proba = head.predict_proba
        self.classes_ = head.classes


@pytest.fixture(params=["single", "half"])
def shortlisted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even small pools are scored nearly first, in either precision."""
    monkeypatch.setattr(scoring, "EXACT_ROWS", 0)
    monkeypatch.setattr(products, "HALF_ROWS", 0 if request.param == "half" else 10**9)
    monkeypatch.setattr(products, "_has_half", lambda: True)  # torch multiplies it everywhere, if slowly


@pytest.mark.usefixtures("shortlisted")
class TestShortlist:
    """Whether in half precision or not."""

    @pytest.mark.parametrize("name", MEASURES)
    @pytest.mark.parametrize("classes", [2, 3, 20])
    @pytest.mark.parametrize("k", [1, 100, 2999, 3000])
    def test_picks_are_those_of_scoring_everything(self, name: str, classes: int, k: int) -> None:
        X, linear = embeddings(), head(classes)
        strategy = query.get(name)
        aim = query.wanted(strategy, {"positive": 1})
        slow = strategy(OnlyProbabilities(linear), X, k, random_state=0, **aim)
        for kept in ({}, {"norms": geometry.lengths(X, linear.center)}, {"units": query.compact(X, linear.center)}):
            fast = strategy(linear, X, k, random_state=0, **aim, **kept)
            np.testing.assert_allclose(fast[1], slow[1], rtol=1e-3, atol=1e-5)
            if name != "positive_first":  # many are as sure as can be, and which of them come is drawn
                assert len(set(fast[0].tolist()) & set(slow[0].tolist())) >= k - 1  # the last may tie by rounding

    @pytest.mark.parametrize("name", MEASURES)
    @pytest.mark.parametrize("classes", [1, 2, 3, 20])
    def test_estimates_keep_within_their_bounds(self, name: str, classes: int) -> None:
        measure = hunting._log_odds(0) if classes == 1 else MEASURES[name]
        X, linear = embeddings(), head(classes)
        exact = scoring.scan(linear, X, measure.of)
        for units in (None, query.compact(X, linear.center)):
            estimates, errors = scoring.estimate(linear, X, measure, units=units)
            assert (np.abs(estimates - exact) <= errors).all()

    def test_a_row_at_the_centre(self) -> None:
        X, linear = embeddings(500), head()
        X[7] = linear.center
        linear = LinearHead(linear.classes, linear.coef, np.zeros(5, np.float32), linear.center)
        for units in (None, query.compact(X, linear.center)):
            assert query.margin(linear, X, 1, units=units)[0].tolist() == [7]

    def test_only_allowed_rows_count(self) -> None:
        X, linear = embeddings(), head()
        best = query.margin(linear, X, 50)[0]
        allowed = np.ones(len(X), np.bool_)
        allowed[best] = False
        X[best[0]] = np.nan
        expected = query.margin(linear, np.delete(X, best, axis=0), 50)[0]
        for units in (None, query.compact(X, linear.center)):
            following = query.margin(linear, X, 50, allowed=allowed, units=units)[0]
            np.testing.assert_array_equal(following, np.flatnonzero(allowed)[expected])
            with pytest.raises(ValueError, match="finite"):
                query.margin(linear, X, 50, units=units)

    def test_a_modal_learner_and_a_stored_pool(self) -> None:
        from tl_core.loop import make_learner

        X = embeddings()
        y = np.arange(60) % 4
        learner = make_learner(LogisticHead(pool_mean=X.mean(axis=0)), X[:60], y, query.margin)
        assert scoring.linear_head(learner) is not None
        expected = modAL.uncertainty.margin_sampling(learner, X, 40)[0]
        stored = Vectors([X[:1111], X[1111:]], [None, None], 32)
        for units in (None, query.compact(stored, X.mean(axis=0))):
            found = query.margin(learner, stored, 40, units=units)[0]
            assert set(found.tolist()) == set(expected.tolist())


def test_norms_of_another_centre_are_refused() -> None:
    X, linear = embeddings(), head()
    for wrong in (geometry.lengths(X, linear.center + 1), np.ones(7, np.float32)):
        with pytest.raises(ValueError, match="norms"):
            scoring.estimate(linear, X, uncertainty.MARGIN, wrong)


def test_units_of_another_pool_or_centre_are_refused() -> None:
    X, linear = embeddings(), head()
    for wrong in (
        query.compact(X, linear.center + np.float32(1e-3)),
        query.compact(X[::-1], linear.center),
        query.compact(X[:7], linear.center),
    ):
        with pytest.raises(ValueError, match="units"):
            scoring.estimate(linear, X, uncertainty.MARGIN, units=wrong)


@settings(max_examples=100)
@given(
    X=hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 200)), elements=st.floats(-1e3, 1e3, width=32))
)
def test_units_say_how_much_they_lost(X: np.ndarray) -> None:
    mean = X.mean(axis=0)
    units, Z = query.compact(X, mean), unit_rows(X, mean)
    decoded = units.codes * units.steps[:, None].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(Z - decoded, axis=1), units.lost, rtol=1e-3, atol=1e-6)
    W = np.random.default_rng(0).normal(size=(3, X.shape[1])).astype(np.float32)
    multiply, bounds = units.products(W)
    assert (np.abs(multiply(slice(0, len(X))) - W @ Z.T) <= bounds).all()


@pytest.mark.usefixtures("shortlisted")
@pytest.mark.parametrize("name", ["auto", "badge", "cluster_margin"])
def test_batches_are_the_same_from_units(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BADGE_ROWS", 500)
    X, linear = embeddings(), head()
    strategy = query.get(name)
    labels = query.wanted(strategy, {"X_labelled": X[:50]})
    plain = strategy(linear, X, 20, random_state=0, **labels)
    kept = strategy(linear, X, 20, random_state=0, **labels, units=query.compact(X, linear.center))
    np.testing.assert_array_equal(kept[0], plain[0])


def test_heads_of_several_labels_are_scored_by_themselves() -> None:
    linear = head()
    several = LinearHead(linear.classes, linear.coef, linear.intercept, linear.center, multilabel=True)
    assert scoring.linear_head(several) is None
    assert scoring.linear_head(linear) is linear


def test_a_scan_gives_several_quantities_of_every_row() -> None:
    X, linear = embeddings(), head()
    P = linear.predict_proba(X)

    def reduce(P: np.ndarray) -> np.ndarray:
        return np.column_stack([P.max(axis=1), P[:, 2]])

    for classifier in (linear, OnlyProbabilities(linear)):
        for pool in (X, Vectors([X[:700], X[700:]], [None, None], 32)):
            np.testing.assert_allclose(query.scan(classifier, pool, reduce), reduce(P), atol=1e-6)
    np.testing.assert_allclose(query.scan(linear, X, reduce, np.array([5, 3])), reduce(P)[[5, 3]], atol=1e-6)


@settings(max_examples=100)
@given(L=hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=st.floats(-20, 20, width=32)))
def test_measures_of_logits_are_those_of_probabilities(L: np.ndarray) -> None:
    P = np.exp((L - L.max(axis=0)).astype(np.float64).T)
    P /= P.sum(axis=1, keepdims=True)
    measures = [uncertainty.MARGIN, uncertainty.ENTROPY, uncertainty.LEAST_CONFIDENCE, hunting._log_odds(0)]
    for measure in measures:
        np.testing.assert_allclose(measure.of_logits(L), measure.of(P), atol=1e-4)


@settings(max_examples=200)
@given(
    data=st.data(),
    classes=st.integers(2, 8),
    step=st.floats(1e-3, 2),
)
def test_no_measure_is_steeper_than_it_says(data: st.DataObject, classes: int, step: float) -> None:
    def draw(low: float, high: float) -> Any:
        return data.draw(hnp.arrays(np.float64, (classes, 1), elements=st.floats(low, high)))

    logits, moved = draw(-8, 8), step * draw(-1, 1)
    for measure in MEASURES.values():
        before, after = measure.of_logits(logits), measure.of_logits(logits + moved)
        assert np.abs(after - before).max() <= measure.slope(classes) * step + 1e-9


def test_blocks_give_means_and_lengths() -> None:
    X = embeddings(2500)
    pools = (X, Vectors([X[:100], X[100:]], [None, None], 32))
    allowed = np.arange(2500) % 2 == 0
    for pool in pools:
        np.testing.assert_allclose(geometry.mean_row(pool), X.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(geometry.mean_row(pool, allowed), X[allowed].mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(
            geometry.lengths(pool, X.mean(axis=0)), np.linalg.norm(X - X.mean(axis=0), axis=1), rtol=1e-5
        )


def test_torch_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    monkeypatch.setattr(products, "_has_half", lambda: True)
    with products.with_weights(head().coef, products.HALF_ROWS) as product:
        assert torch.get_num_threads() == 1
        assert product(embeddings(10)).shape == (5, 10)
    assert torch.get_num_threads() == before
