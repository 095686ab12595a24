# ruff: noqa: N803, N806 - matrices are X, Z, P and G here
"""What each query strategy is for, on pools where the right answer is known."""

import modAL.disagreement
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from tl_core import geometry, query
from tl_core.geometry import unit_rows
from tl_core.heads.logistic import LogisticHead
from tl_core.query import batches, clustering, diversity, kcentre, uncertainty


def groups(sizes: list[int], d: int = 16, seed: int = 2, spread: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Tight, far groups of the given sizes, shuffled; and the group of each row."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = rng.normal(size=(len(sizes), d))[group] + spread * rng.normal(size=(len(group), d)) + 5
    return X.astype(np.float32), group


def fitted(X: np.ndarray, y: np.ndarray) -> LogisticHead:
    return LogisticHead(C=10, pool_mean=X.mean(axis=0)).fit(X, y)


class Known:
    """A head whose probabilities are written in the embeddings' first columns."""

    def __init__(self, classes: int) -> None:
        self.classes_ = np.arange(classes)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X[:, : len(self.classes_)].astype(np.float64)


def torn(margins: np.ndarray, extra: np.ndarray) -> np.ndarray:
    """Embeddings whose first two columns are probabilities with these margins, followed by others."""
    return np.column_stack([(1 + margins) / 2, (1 - margins) / 2, extra]).astype(np.float32)


# --- k-means --------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [8, 600])
def test_kmeans_is_about_as_good_as_scikit_learns(d: int) -> None:
    X, _ = groups([40] * 20, d=d, spread=0.6)

    def inertia(codes: np.ndarray) -> float:
        return sum(float(((X[codes == one] - X[codes == one].mean(axis=0)) ** 2).sum()) for one in np.unique(codes))

    ours = np.mean([inertia(clustering.kmeans(X, 20, np.random.default_rng(seed))) for seed in range(5)])
    theirs = np.mean([inertia(KMeans(20, n_init=1, random_state=seed).fit_predict(X)) for seed in range(5)])
    assert ours < 1.1 * theirs


def test_weights_pull_the_middle() -> None:
    Z = np.array([[0, 0], [1, 0], [2, 0], [10, 0]], np.float32)
    weights = np.array([1, 1, 50, 1], np.float32)
    present, rows = clustering.nearest_to_middles(Z, np.array([0, 0, 0, 2]), weights)
    assert present.tolist() == [0, 2] and rows.tolist() == [2, 3]


# --- for few labels -------------------------------------------------------------------------------


def test_typiclust_goes_to_the_largest_group_without_a_label_and_to_its_middle() -> None:
    X, group = groups([100, 60, 30])
    labelled = X[group == 0][:1]
    found = [query.typiclust(None, X, 2, X_labelled=labelled, random_state=seed)[0] for seed in range(10)]
    assert sum(group[picks].tolist() == [1, 2] for picks in found) >= 8
    for pick in found[0]:
        members = unit_rows(X, X.mean(axis=0))[group == group[pick]]
        own = unit_rows(X[pick : pick + 1], X.mean(axis=0))
        middle = members.mean(axis=0)
        distances = np.linalg.norm(members - middle, axis=1)
        assert np.linalg.norm(own - middle) < np.median(distances)


def test_typiclust_leaves_tiny_clusters_for_last() -> None:
    X, group = groups([50, 50, 2])
    picks = query.typiclust(None, X, 3, random_state=0)[0]
    assert set(group[picks[:2]].tolist()) == {0, 1} and group[picks[2]] == 2


# --- k-centre -------------------------------------------------------------------------------------


def test_kcenter_goes_on_from_the_distances_its_caller_keeps() -> None:
    X, labelled = groups([60] * 6, spread=0.5)[0], groups([5] * 5, seed=9)[0]
    mean, allowed = geometry.mean_row(X), np.arange(len(X)) % 4 > 0
    norms = geometry.lengths(X, mean)
    whole = query.kcenter(None, X, 20, X_labelled=labelled, mean=mean, allowed=allowed)
    nearest = np.full(len(X), 4, np.float32)
    for start in range(0, 25, 7):
        query.bring_nearer(nearest, X, labelled[start : start + 7], mean=mean, norms=norms)
    before = nearest.copy()
    kept = query.kcenter(None, X, 20, nearest=nearest, mean=mean, norms=norms, allowed=allowed)
    np.testing.assert_array_equal(kept[0], whole[0])
    np.testing.assert_allclose(kept[1], whole[1], atol=1e-5)
    np.testing.assert_array_equal(nearest, before)


def test_kcenter_passes_over_broken_rows_that_are_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kcentre, "_CANDIDATES", 3)
    X, allowed = groups([60] * 6, spread=1.5)[0], np.arange(360) >= 200  # spread so far that it takes several passes
    whole, mean = X.copy(), X[200:].mean(axis=0)
    X[:200] = np.nan
    expected = query.kcenter(None, whole, 20, allowed=allowed, mean=mean, X_labelled=whole[:5])
    found = query.kcenter(None, X, 20, allowed=allowed, mean=mean, X_labelled=whole[:5])
    np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("reference", [1000, 5000])
def test_kcenter_leaves_broken_frames_for_last_if_asked(reference: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kcentre, "_REFERENCE", reference)
    X, group = groups([500, 480, 15, 1, 1, 1])
    labelled = X[group == 0][:5]
    assert set(group[query.kcenter(None, X, 5, X_labelled=labelled, random_state=0)[0]]) == {1, 2, 3, 4, 5}
    indices = query.kcenter(None, X, 40, X_labelled=labelled, isolated=0.005, random_state=0)[0]
    assert set(group[indices[:2]]) == {1, 2}  # a rare class is no broken frame
    assert not set(group[indices]) & {3, 4, 5}
    everything = query.kcenter(None, X, len(X), X_labelled=labelled, isolated=0.005, random_state=0)[0]
    assert set(group[everything[-5:]]) >= {3, 4, 5}


# --- unsure, and not all alike --------------------------------------------------------------------


def test_power_margin_draws_in_proportion_to_doubt() -> None:
    margins = np.array([0.0] * 50 + [0.5] * 50 + [1.0] * 50)
    X = torn(margins, np.zeros((150, 1)))
    first = np.array([query.power_margin(Known(2), X, 1, random_state=seed)[0][0] for seed in range(600)])
    counts = np.bincount(first // 50, minlength=3)
    assert counts[2] == 0 and abs(counts[0] - 400) < 58  # five standard deviations


def test_cluster_margin_asks_every_group_of_doubts_once() -> None:
    X, group = groups([200, 25, 25, 25])  # 25 a pick are looked at
    margins = np.where(group == 0, 0.9, 0.1 + 0.01 * group)
    pool = torn(margins, X - X.mean(axis=0))
    found = [query.cluster_margin(Known(2), pool, 3, random_state=seed) for seed in range(5)]
    for indices, scores in found:
        np.testing.assert_allclose(scores, -margins[indices], atol=1e-6)
    assert sum(group[indices].tolist() == [1, 2, 3] for indices, _ in found) >= 3


def test_badge_distances_are_those_of_the_gradients() -> None:
    rng = np.random.default_rng(0)
    X, y = groups([30] * 4, spread=0.5)
    head = fitted(X, y)
    Q, Z = batches._guess_errors(head.predict_proba(X)), unit_rows(X, head.center_)
    G = (Q[:, :, None] * Z[:, None, :]).reshape(len(X), -1)
    indices, scores = query.badge(head, X, 6, random_state=rng)
    assert indices[0] == np.linalg.norm(G, axis=1).argmax() or scores[0] > np.linalg.norm(G, axis=1).max() - 1e-5
    lengths = np.linalg.norm(G, axis=1)
    assert lengths.max() == pytest.approx(scores[lengths[indices].argmax()], abs=1e-4)
    products = batches._product(Q, Z, 5)
    np.testing.assert_allclose(products, G @ G[5], atol=1e-6)


def test_badge_prefers_doubt_and_does_not_repeat_itself() -> None:
    X, group = groups([10, 20, 20, 20])
    pool = torn(np.where(group == 0, 1.0, 0.05), X - X.mean(axis=0))
    picks = [group[query.badge(Known(2), pool, 3, random_state=seed)[0]] for seed in range(20)]
    assert np.mean([len(set(one) - {0}) for one in picks]) > 2.5


def brute_uherding(Z: np.ndarray, labelled: np.ndarray, uncertainty: np.ndarray, width: float, k: int) -> list[float]:
    def kernel(A: np.ndarray) -> np.ndarray:
        return np.exp(-((Z[:, None] - A[None]) ** 2).sum(axis=2) / width**2)

    K, reached, gains = kernel(Z), kernel(labelled).max(axis=1), []
    for _ in range(k):
        gain = (uncertainty[:, None] * np.maximum(K - reached[:, None], 0)).mean(axis=0)
        gains.append(float(gain.max()))
        reached = np.maximum(reached, K[:, gain.argmax()])
    return gains


def test_uherding_is_the_greedy_algorithm() -> None:
    X, y = groups([40] * 5, spread=0.4)
    head = fitted(X[:50], y[:50])
    scores = query.uherding(head, X[50:], 15, X_labelled=X[:50], random_state=0)[1]
    Z, labelled = unit_rows(X[50:], head.center_), unit_rows(X[:50], head.center_)
    doubt = 1 + query.margin_scores(head.predict_proba(X[50:]))
    apart = np.linalg.norm(labelled[:, None] - labelled[None], axis=2) + 9 * np.eye(50)
    expected = brute_uherding(Z, labelled, doubt, float(np.clip(apart.min(), 0.1, 1)), 15)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)


# --- hunting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [False, True])
def test_positive_first_finds_its_class(text: bool) -> None:
    X, group = groups([200, 200, 6], spread=0.3)
    y = np.array(["fox", "deer", "lynx"])[group] if text else group
    seen = np.concatenate([np.flatnonzero(group == one)[:2] for one in range(3)])
    head, allowed = fitted(X[seen], y[seen]), np.ones(len(X), np.bool_)
    allowed[seen] = False
    indices, scores = query.positive_first(head, X, 4, positive="lynx" if text else 2, allowed=allowed)
    assert (group[indices] == 2).all()
    P = head.predict_proba(X)[:, list(head.classes_).index("lynx" if text else 2)]
    np.testing.assert_allclose(scores, P[indices] / P[allowed].mean(), rtol=1e-3)
    for unknown in (None, "wolf", 7):
        with pytest.raises(ValueError, match="positive"):
            query.positive_first(head, X, 4, positive=unknown)


def test_similar_to_is_the_nearest_by_cosine() -> None:
    X, group = groups([50, 50, 5])
    examples = X[group == 2][:2]
    indices, scores = query.similar_to(None, X, 5, examples=examples, mean=X.mean(axis=0))
    assert (group[indices] == 2).all()
    cosines = (unit_rows(X, X.mean(axis=0)) @ unit_rows(examples, X.mean(axis=0)).T).max(axis=1)
    np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:5], atol=1e-5)
    for wrong in (None, np.ones((2, 3)), np.ones(16), np.full((1, 16), np.nan)):
        with pytest.raises(ValueError, match="examples"):
            query.similar_to(None, X, 5, examples=wrong)


class Spy:
    """Remembers what it was allowed to pick."""

    takes = frozenset({"norms", "X_labelled"})

    def __call__(self, classifier: object, X_pool: np.ndarray, n_instances: int, **kw: np.ndarray) -> tuple:
        self.allowed, self.labelled = kw["allowed"], kw.pop("X_labelled")
        return query.margin(classifier, X_pool, n_instances, **kw)


class Index:
    """Finds rows 10 to 29, whatever is asked."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        return np.tile(np.arange(10, 10 + k), (len(queries), 1)), np.ones((len(queries), k))


def test_seals_offers_the_neighbours_of_the_labelled() -> None:
    X, labelled = groups([100] * 4, spread=0.5)[0], groups([100] * 4, spread=0.5)[0][:3] + 0.01
    Z, centres = unit_rows(X, X.mean(axis=0)), unit_rows(labelled, X.mean(axis=0))
    spy, head = Spy(), Known(2)
    allowed = np.ones(400, np.bool_)
    allowed[:2] = False
    query.seals(spy, neighbours=20)(head, X, 5, X_labelled=labelled, allowed=allowed)
    nearest = np.unique(np.argsort(-(Z @ centres.T), axis=0)[:20])
    assert np.flatnonzero(spy.allowed).tolist() == [one for one in nearest if one > 1]
    query.seals(spy, neighbours=20)(head, X, 5, X_labelled=labelled, index=Index())
    assert np.flatnonzero(spy.allowed).tolist() == list(range(10, 30))
    np.testing.assert_array_equal(spy.labelled, labelled)
    query.seals(spy, neighbours=20)(head, X, 50)
    assert spy.allowed.sum() == 50  # nothing labelled: random ones


# --- committee ------------------------------------------------------------------------------------


def test_a_committee_asks_as_modals_does() -> None:
    from modAL.models import ActiveLearner, Committee

    X, y = groups([60] * 4, spread=0.8)
    rng = np.random.default_rng(0)
    draws = [rng.choice(80, 25) for _ in range(5)]
    heads = [LogisticRegression().fit(X[rows], y[rows]) for rows in draws]
    committee = Committee([ActiveLearner(head) for head in heads])
    metric = modAL.disagreement.vote_entropy(committee, X)

    for k in (1, 30, len(X)):
        indices, scores = query.committee(committee, X, k, random_state=0)
        np.testing.assert_allclose(scores, np.sort(metric)[::-1][:k], atol=1e-12)
        np.testing.assert_allclose(scores, metric[indices], atol=1e-12)
        theirs, _ = modAL.disagreement.vote_entropy_sampling(committee, X, k)
        above = metric > scores[-1] + 1e-9  # which of the equal ones come is theirs to draw and ours
        assert {one for one in indices.tolist() if above[one]} == {one for one in theirs.tolist() if above[one]}


def test_ensembles_and_bootstrapped_heads_are_committees_and_single_heads_are_not() -> None:
    X, y = groups([60] * 3, spread=0.8)
    forest = RandomForestClassifier(10, random_state=0).fit(X[:60], y[:60])
    names = np.array(["fox", "deer", "lynx"])[y]
    heads = query.bootstrapped(LogisticHead(), X[:60], names[:60], random_state=0)
    assert heads.classes_.tolist() == ["deer", "fox", "lynx"]
    np.testing.assert_allclose(heads.predict_proba(X).sum(axis=1), 1, atol=1e-5)
    for members in (forest, heads):
        indices, scores = query.committee(members, X, 10, random_state=0)
        assert len(set(indices.tolist())) == 10 and scores[0] > 0
    with pytest.raises(ValueError, match="bootstrapped"):
        query.committee(fitted(X, y), X, 10)
    with pytest.raises(ValueError, match="two"):
        query.bootstrapped(LogisticHead(), X, y, 1)


def test_foreign_strategies_see_only_what_is_allowed() -> None:
    X, allowed = groups([30])[0], np.arange(30) % 3 == 0
    strategy = query.get("modAL.uncertainty.margin_sampling")
    pool = torn(np.linspace(0, 1, 30), X)
    assert sorted(strategy(Known(2), pool, 3, allowed=allowed)[0].tolist()) == [0, 3, 6]
    assert strategy(Known(2), pool, 99, allowed=allowed)[0].shape == (10,)
    assert strategy(Known(2), pool, 99, allowed=np.zeros(30, np.bool_))[0].shape == (0,)


def test_limits_are_those_of_the_docstrings() -> None:
    assert (batches.BADGE_ROWS, batches.UHERDING_ROWS, diversity.KMEANS_SAMPLE) == (20_000, 10_000, 20_000)
    assert uncertainty.MARGIN.slope(5) == 1
