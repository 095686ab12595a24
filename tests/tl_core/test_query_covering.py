# ruff: noqa: N803, N806 - matrices are X, K and P here
"""tl_core.query.covering: the default strategy."""

import numpy as np

from tl_core import query
from tl_core.geometry import unit_rows
from tl_core.heads.plain import LinearHead
from tl_core.query.covering import _greedy, _kernel, _reached


class Torn:
    """Unsure about samples whose second number is above 0, sure of all others."""

    classes_ = (0, 1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        p = np.where(np.asarray(X)[:, 1] > 0, 0.5, 0.999)
        return np.stack([p, 1 - p], axis=1)


def groups(sizes: dict[int, int], d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Tight groups of these sizes, each along its own axis."""
    rng = np.random.default_rng(0)
    y = np.repeat(list(sizes), list(sizes.values()))
    X = np.zeros((len(y), d))
    X[np.arange(len(y)), y] = 5
    return (X + 0.1 * rng.normal(size=X.shape)).astype(np.float32), y


def test_every_group_in_doubt_is_visited_once_the_largest_first() -> None:
    X, y = groups({2: 100, 3: 60, 4: 30, 5: 15})
    X[:, 1] = 1
    picks, scores = query.auto(Torn(), X, 4, random_state=0)
    assert y[picks].tolist() == [2, 3, 4, 5]
    assert (np.diff(scores) <= 0).all() and 0 < scores[0] <= 1


def test_what_is_labelled_is_covered_already() -> None:
    X, y = groups({2: 100, 3: 60, 4: 30})
    X[:, 1] = 1
    picks, _ = query.auto(Torn(), X, 2, random_state=0, X_labelled=X[y == 2][:3])
    assert y[picks].tolist() == [3, 4]


def test_doubt_counts_and_not_numbers_alone() -> None:
    X, y = groups({2: 200, 3: 20})
    X[:, 1] = np.where(y == 3, 1, -1)
    picks, _ = query.auto(Torn(), X, 1, random_state=0)
    assert y[picks].tolist() == [3]


def test_an_outlier_comes_after_what_many_look_like() -> None:
    X, y = groups({2: 50, 3: 50, 4: 1})
    X[:, 1] = 1
    picks, _ = query.auto(Torn(), X, 3, random_state=0)
    assert set(y[picks[:2]].tolist()) == {2, 3} and y[picks[2]] == 4


def test_hundreds_of_equal_samples_come_to_an_end() -> None:
    X = np.concatenate([np.repeat(groups({2: 1, 3: 1})[0], 200, axis=0), groups({4: 40})[0]])
    picks, _ = query.auto(Torn(), X, 300, random_state=0)
    assert len(set(picks.tolist())) == 300


def test_how_far_samples_cover_each_other_follows_their_cosines() -> None:
    X = np.random.default_rng(1).normal(size=(150, 40)).astype(np.float32)
    X[7] = X[3]
    mean = X.mean(axis=0)
    Z, units = unit_rows(X, mean), query.compact(X, mean)
    expected = np.exp((Z @ Z.T - 1) / 0.4)
    K = _kernel(units, units.only(np.arange(100)))
    np.testing.assert_allclose(K, expected[:, :100], atol=0.02)
    assert K[7, 3] <= 1
    nearest = expected[:, 100:].max(axis=1)
    np.testing.assert_allclose(_reached(units, units.only(np.arange(100, 150))), nearest, atol=0.02)


def test_picks_are_the_same_by_units_that_were_kept() -> None:
    X, y = groups({2: 400, 3: 300, 4: 200})
    mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    coef = np.random.default_rng(0).normal(size=(3, X.shape[1])).astype(np.float32)
    head = LinearHead(np.arange(3), coef, np.zeros(3, np.float32), mean)
    made, kept = (
        query.auto(head, X, 40, random_state=0, X_labelled=X[y == 2][:9], units=units)
        for units in (None, query.compact(X, mean))
    )
    np.testing.assert_array_equal(kept[0], made[0])
    np.testing.assert_array_equal(kept[1], made[1])


def test_lazy_picks_are_those_of_plain_greed() -> None:
    rng = np.random.default_rng(3)
    Z = query.compact(rng.normal(size=(300, 6)).astype(np.float32), np.zeros(6, np.float32))
    K, share = _kernel(Z, Z.only(np.arange(200))), rng.random(200).astype(np.float32)
    picked, scores = _greedy(K, share, np.zeros(200, np.float32), 25)
    reached = np.zeros(200, np.float32)
    for place in range(25):
        gains = np.maximum(K - reached, 0) @ share
        assert gains[picked[place]] >= gains.max() * (1 - 1e-5)
        assert abs(scores[place] - gains.max()) < 1e-4 * gains.max()
        reached = np.maximum(reached, K[picked[place]])


def test_the_start_spreads_out_from_the_largest_cluster() -> None:
    X, y = groups({0: 200, 3: 40, 5: 30, 7: 10})
    positions, scores = query.spread_centroids(X, 12, np.random.default_rng(0))
    assert y[positions[0]] == 0
    assert set(y[positions[:4]].tolist()) == {0, 3, 5, 7}
    assert len(set(positions.tolist())) == len(positions) <= 12
    assert scores[0] == 2 and (np.diff(scores) <= 1e-6).all()
