# ruff: noqa: N803, N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.query: a contract every strategy keeps, and modAL as the reference."""

from typing import Any

import modAL.uncertainty
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy as scipy_entropy

from tl_core import geometry, importing, query
from tl_core.geometry import refuse_nan, unit_rows
from tl_core.query import diversity, kcentre
from tl_core.query.base import highest
from tl_core.store.vectors import Vectors


class Head:
    """A classifier whose probabilities come from a fixed random projection: no fitting, no ties by chance."""

    def __init__(self, classes: int = 4, seed: int = 9) -> None:
        self.classes_ = np.arange(classes)
        self.seed = seed

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        logits = X @ np.random.default_rng(self.seed).normal(size=(X.shape[1], len(self.classes_)))
        with np.errstate(invalid="ignore"):  # infinite embeddings: the strategy is to notice
            P = np.exp(logits - logits.max(axis=1, keepdims=True))
        return P / P.sum(axis=1, keepdims=True)


def pool(n: int = 200, d: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


class Members:
    """Three heads that vote."""

    def __init__(self, classes: int = 4) -> None:
        self.estimators_ = [Head(classes, seed) for seed in (9, 10, 11)]


def ask(name: str, X: Any, k: int = 1, *, classes: int = 4, labelled: np.ndarray | None = None, **kw: Any) -> Any:
    """Ask a registered strategy, which is given whatever any of them needs, by the name and classes of a head."""
    head = Members(classes) if name == "committee" else Head(classes)
    given = {"positive": classes - 1, "examples": np.ones((1, np.shape(X)[-1])), "X_labelled": labelled}
    strategy = query.get(name)
    return strategy(head, X, k, **query.wanted(strategy, given), **kw)


class Unread(Vectors):
    """A stored pool, which nobody may copy whole, or most of it."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise AssertionError("the pool was copied whole")


def stored(X: np.ndarray) -> Unread:
    """The same pool in three shards, with rows between them that do not count."""
    parts = [np.vstack([part, np.full((1, X.shape[1]), 7, X.dtype)]) for part in np.array_split(X, 3)]
    return Unread(parts, [np.arange(len(part) - 1) for part in parts], X.shape[1])


@pytest.mark.parametrize("name", query.names())
class TestContract:
    """Every registered strategy."""

    @settings(max_examples=50, deadline=None)
    @given(
        X=hnp.arrays(
            np.float32, st.tuples(st.integers(0, 25), st.integers(1, 4)), elements=st.sampled_from([-1, 0, 0.5, 3, 1e4])
        ),
        k=st.integers(0, 30),
        seed=st.integers(0, 2**32 - 1),
        classes=st.integers(1, 4),
        data=st.data(),
    )
    def test_any_pool(self, name: str, X: np.ndarray, k: int, seed: int, classes: int, data: st.DataObject) -> None:
        """Ties, copies, constants, one class, an empty pool, an exhausted one, a batch larger than what is allowed."""
        allowed = data.draw(st.none() | hnp.arrays(np.bool_, len(X)))
        labelled = data.draw(st.sampled_from([None, X[:2].copy(), X[:0]]))
        before = X.copy()
        X.flags.writeable = False
        given = {"labelled": labelled, "classes": classes, "random_state": seed, "allowed": allowed}
        indices, scores = ask(name, X, k, **given)
        possible = range(len(X)) if allowed is None else np.flatnonzero(allowed).tolist()
        assert indices.shape == scores.shape == (min(k, len(possible)),)
        assert np.issubdtype(indices.dtype, np.integer)
        assert len(set(indices.tolist())) == len(indices) and set(indices.tolist()) <= set(possible)
        assert np.isfinite(scores).all() and (np.diff(scores) <= 1e-6).all()  # soonest first
        np.testing.assert_array_equal(X, before)
        np.testing.assert_array_equal(indices, ask(name, X, k, **given)[0])

    def test_all_allowed_is_no_mask(self, name: str) -> None:
        everything, no_mask = (
            ask(name, pool(), 10, random_state=3, allowed=each)[0] for each in (np.ones(200, bool), None)
        )
        np.testing.assert_array_equal(everything, no_mask)

    def test_what_is_not_allowed_may_be_broken(self, name: str) -> None:
        X, allowed = pool(), np.ones(200, np.bool_)
        X[150, 3], allowed[150] = np.nan, False
        X_before = X.copy()
        indices, _ = ask(name, X, 200, random_state=0, allowed=allowed)
        assert sorted(indices.tolist()) == np.flatnonzero(allowed).tolist()
        np.testing.assert_array_equal(X, X_before)

    def test_a_stored_pool_is_never_copied_whole(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor piece by piece into one: what is gathered does not grow with the pool."""
        for limit in (
            "covering._CANDIDATES",
            "covering._COVERED",
            "batches.BADGE_ROWS",
            "batches.UHERDING_ROWS",
            "diversity.KMEANS_SAMPLE",
            "scoring._FOREIGN_BLOCK",
            "voting._BLOCK",
        ):
            monkeypatch.setattr(f"tl_core.query.{limit}", 300)
        monkeypatch.setattr(geometry, "BLOCK", 300)
        X = pool(4000)
        largest = 0
        read = Vectors.__getitem__

        def counted(self: Vectors, key: Any) -> np.ndarray:
            nonlocal largest
            rows = read(self, key)
            largest = max(largest, len(rows))
            return rows

        monkeypatch.setattr(Vectors, "__getitem__", counted)
        picks = ask(name, stored(X), 5, random_state=0, allowed=np.arange(4000) % 3 > 0)[0]
        assert len(set(picks.tolist())) == 5
        assert 0 < largest <= 1100

    def test_a_seed_may_be_a_generator(self, name: str) -> None:
        picks = [ask(name, pool(), 10, random_state=np.random.default_rng(5))[0] for _ in range(2)]
        np.testing.assert_array_equal(*picks)
        np.testing.assert_array_equal(picks[0], ask(name, pool(), 10, random_state=5)[0])

    def test_the_global_random_state_is_left_alone(self, name: str) -> None:
        before = np.random.get_state()[1].copy()  # noqa: NPY002 - that it is not used is the point
        ask(name, pool(), 10, random_state=1)
        ask(name, pool(), 10)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite_are_refused(self, name: str, bad: float) -> None:
        X = pool()
        X[150, 3] = bad
        with pytest.raises(ValueError, match="finite"):
            ask(name, X, 5, random_state=0)

    def test_a_misspelt_keyword_is_told(self, name: str) -> None:
        for k in (0, 5):
            with pytest.raises(TypeError, match="nroms"):
                ask(name, pool(), k, nroms=np.ones(200, np.float32))

    def test_default_is_one(self, name: str) -> None:
        assert len(ask(name, pool())[0]) == 1

    def test_nonsense_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="shape"):
            ask(name, pool()[0])
        with pytest.raises(ValueError, match="negative"):
            ask(name, pool(), -1)
        for mask in (np.ones(199, bool), np.arange(200)):
            with pytest.raises(ValueError, match="allowed"):
                ask(name, pool(), allowed=mask)

    def test_among_equals_chance_decides_and_not_the_place_in_the_pool(self, name: str) -> None:
        if name in ("kmeans_centroid", "typiclust"):
            pytest.skip("the nearest to the middle of copies: which copy does not matter")
        X = np.ones((8, 3), np.float32)
        found = {int(ask(name, X, random_state=seed)[0][0]) for seed in range(100)}
        assert len(found) == 8


MODAL = {
    "margin": modAL.uncertainty.margin_sampling,
    "entropy": modAL.uncertainty.entropy_sampling,
    "least_confidence": modAL.uncertainty.uncertainty_sampling,
}


@pytest.mark.parametrize("name", MODAL)
@pytest.mark.parametrize("k", [1, 2, 20, 300])
@pytest.mark.parametrize("classes", [2, 3, 300])
def test_picks_what_modal_picks(name: str, k: int, classes: int) -> None:
    X = pool(300)
    indices, scores = query.get(name)(Head(classes), X, n_instances=k, random_state=0)
    expected, metric = MODAL[name](Head(classes), X, n_instances=k)
    assert set(indices.tolist()) == set(expected.tolist())
    sign = -1 if name == "margin" else 1
    np.testing.assert_allclose(np.sort(scores), np.sort(sign * metric), atol=1e-12)


@given(P=hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 6)), elements=st.floats(0, 1)))
def test_scores_of_probabilities(P: np.ndarray) -> None:
    P = (P + 1e-9) / (P + 1e-9).sum(axis=1, keepdims=True)
    ordered = np.sort(P, axis=1)
    second = ordered[:, -2] if P.shape[1] > 1 else ordered[:, -1]
    np.testing.assert_allclose(query.margin_scores(P), second - ordered[:, -1], atol=1e-12)
    np.testing.assert_allclose(query.entropy_scores(P), scipy_entropy(P, axis=1), atol=1e-9)
    np.testing.assert_allclose(query.least_confidence_scores(P), 1 - ordered[:, -1], atol=1e-12)


def test_scores_of_certainty_and_of_doubt() -> None:
    P = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(query.margin_scores(P), [-1, 0, 0])
    np.testing.assert_allclose(query.entropy_scores(P), [0, np.log(2), np.log(3)])
    np.testing.assert_allclose(query.least_confidence_scores(P), [0, 0.5, 2 / 3])
    for score in (query.margin_scores, query.entropy_scores, query.least_confidence_scores):
        assert score(np.empty((0, 3))).shape == (0,)
        for wrong in (P[0], P[:, :0], P * np.nan):
            with pytest.raises(ValueError, match="probabilities"):
                score(wrong)


def test_long_pools_are_scored_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    P = Head().predict_proba(pool(50))
    whole = query.margin_scores(P), query.entropy_scores(P)
    monkeypatch.setattr("tl_core.query.uncertainty._CHUNK", 7)
    np.testing.assert_array_equal(query.margin_scores(P), whole[0])
    np.testing.assert_array_equal(query.entropy_scores(P), whole[1])


@given(
    scores=hnp.arrays(np.float64, st.integers(1, 30), elements=st.sampled_from([0.0, 0.5, 1.0, -2.0])), data=st.data()
)
def test_highest_is_a_sort(scores: np.ndarray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(scores)))
    indices, found = highest(scores, k, np.random.default_rng(0))
    np.testing.assert_array_equal(found, np.sort(scores)[::-1][:k])
    np.testing.assert_array_equal(found, scores[indices])
    assert len(set(indices.tolist())) == k


def test_random_is_uniform() -> None:
    counts = np.zeros(10)
    for seed in range(2000):
        counts[query.random_batch(None, np.zeros((10, 2)), 3, random_state=seed)[0]] += 1
    assert abs(counts - 600).max() < 120  # five standard deviations


def groups(sizes: list[int], d: int = 16, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Tight, far groups of the given sizes, shuffled; and the group of each row."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (rng.normal(size=(len(sizes), d))[group] + 0.02 * rng.normal(size=(len(group), d)) + 5).astype(
        np.float32
    ), group


@pytest.mark.parametrize("limit", [20_000, 100])
def test_kmeans_picks_the_middle_of_each_group_largest_first(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "KMEANS_SAMPLE", limit)  # 100: a random part of the pool, in mini-batches
    X, group = groups([100, 60, 30])
    found = [group[query.kmeans_centroid(None, X, 3, random_state=seed)[0]].tolist() for seed in range(10)]
    assert sum(one == [0, 1, 2] for one in found) >= 7  # k-means itself may end in a poorer optimum
    indices, scores = query.kmeans_centroid(None, X, 3, random_state=0)
    assert scores.sum() == pytest.approx(1)
    if limit == 20_000:
        Z = unit_rows(X, X.mean(axis=0))
        for index in indices:
            members = group == group[index]
            distances = np.linalg.norm(Z[members] - Z[members].mean(axis=0), axis=1)
            assert np.linalg.norm(Z[index] - Z[members].mean(axis=0)) == pytest.approx(distances.min(), abs=1e-4)


def test_kcenter_visits_every_group_before_any_twice() -> None:
    X, group = groups([300, 20, 3, 1, 1])
    indices, scores = query.kcenter(None, X, 5, random_state=3)
    assert sorted(group[indices].tolist()) == [0, 1, 2, 3, 4]
    assert (np.diff(scores) <= 0).all()


def test_kcenter_keeps_away_from_what_is_labelled() -> None:
    X, group = groups([50, 50, 50, 50])
    labelled = X[np.isin(group, [0, 2])]

    class Learner:
        X_training = labelled

    for learner, options in ((None, {"X_labelled": labelled}), (Learner(), {})):
        indices, _ = query.kcenter(learner, X, 2, random_state=0, **options)
        assert sorted(group[indices].tolist()) == [1, 3]


def brute_kcenter(X: np.ndarray, labelled: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    mean = X.mean(axis=0)

    def unit(A: np.ndarray) -> np.ndarray:
        return (A - mean) / np.linalg.norm(A - mean, axis=1, keepdims=True)

    centers, picked, scores = list(unit(labelled)), [], []
    for _ in range(k):
        nearest = np.min([np.linalg.norm(unit(X) - center, axis=1) for center in centers], axis=0)
        nearest[picked] = -1
        picked.append(int(nearest.argmax()))
        scores.append(float(nearest.max()))
        centers.append(unit(X)[picked[-1]])
    return picked, scores


@pytest.mark.parametrize("candidates", [3, 1000])
def test_kcenter_is_the_greedy_algorithm(candidates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X, labelled = pool(120, 8), pool(9, 8, seed=1)
    monkeypatch.setattr(geometry, "BLOCK", 31)
    monkeypatch.setattr(kcentre, "_CANDIDATES", candidates)
    indices, scores = query.kcenter(None, X, 25, X_labelled=labelled)
    expected, distances = brute_kcenter(X.astype(np.float64), labelled.astype(np.float64), 25)
    assert indices.tolist() == expected
    np.testing.assert_allclose(scores, distances, atol=1e-4)


def everything(classifier: Any, X_pool: np.ndarray, n_instances: int = 1) -> range:
    """A user's strategy, named by dotted path below."""
    return range(n_instances)


def test_strategies_are_found_by_name_or_dotted_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_allowed", {"tests"})
    assert query.get("margin") is query.margin
    indices, scores = query.get("tests.tl_core.test_query.everything")(None, pool(5), n_instances=9, random_state=1)
    assert indices.tolist() == [0, 1, 2, 3, 4] and scores.tolist() == [5, 4, 3, 2, 1]
    for unknown in ("margins", "no.such.module", "tl_core.query.nothing", "tl_core.query.__doc__", ""):
        with pytest.raises(KeyError):
            query.get(unknown)
    with pytest.raises(ValueError, match="registered"):
        query.register("margin", everything)
    with pytest.raises(ValueError, match="dot"):
        query.register("a.b", everything)


def test_two_indices_are_not_taken_for_an_index_and_its_score() -> None:
    two = query.as_pair(lambda classifier, X_pool, n_instances=1: (3, 4))
    assert two(None, pool(5), n_instances=2)[0].tolist() == [3, 4]
    one = query.as_pair(lambda classifier, X_pool, n_instances=1: (np.int64(3), 0.5))
    assert [part.tolist() for part in one(None, pool(5))] == [[3], [0.5]]


def test_modal_by_dotted_path_takes_our_arguments() -> None:
    strategy = query.get("modAL.uncertainty.entropy_sampling")
    assert strategy(Head(), pool(5), n_instances=50, random_state=3)[0].shape == (5,)
    assert strategy(Head(), pool(0), n_instances=5)[0].shape == (0,)


@given(place=st.integers(0, 99), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_refuse_nan(place: int, bad: float) -> None:
    X = np.full((10, 10), np.finfo(np.float32).max, np.float32)
    refuse_nan(X, "values")  # large, but finite
    X.ravel()[place] = bad
    with pytest.raises(ValueError, match="values"):
        refuse_nan(X, "values")
