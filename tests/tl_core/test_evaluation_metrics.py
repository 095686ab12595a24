# ruff: noqa: N806 - matrices are X, Z, P and W here, as in scikit-learn
"""tl_core.evaluation: scores of predictions and curves, and labels that are probably wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score, precision_score, recall_score

from tl_core.evaluation import (
    aubc,
    balanced_accuracy,
    binomial_interval,
    find_label_errors,
    find_set_errors,
    kappa,
    labels_to,
    macro_f1,
    per_class,
)

Pairs = list[tuple[int, int]]
_pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1)


@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1), keys=st.sampled_from([int, str]))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[int, int]], keys: type) -> None:
    true, predicted = (np.array([keys(value) for value in column]) for column in zip(*pairs, strict=True))
    expected = f1_score(true, predicted, average="macro", zero_division=0)
    assert macro_f1(true, predicted) == pytest.approx(expected)


def test_macro_f1_counts_the_rare_class_like_the_common_one() -> None:
    true = ["fox"] * 98 + ["lynx"] * 2
    assert macro_f1(true, ["fox"] * 100) == pytest.approx(0.5 * 196 / 198)
    assert macro_f1(true, true) == 1
    for wrong in (([], []), ([1], [1, 2]), ([[1]], [[1]])):
        with pytest.raises(ValueError, match="lists"):
            macro_f1(*wrong)


@given(pairs=_pairs)
@pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label")
def test_balanced_accuracy_and_kappa_are_scikit_learns(pairs: Pairs) -> None:
    true, predicted = np.array(pairs).T
    assert balanced_accuracy(true, predicted) == pytest.approx(balanced_accuracy_score(true, predicted))
    expected = 1.0 if len(np.unique(pairs)) == 1 else cohen_kappa_score(true, predicted)
    assert kappa(true, predicted) == pytest.approx(expected)
    assert kappa(predicted, predicted) == 1


@given(pairs=_pairs)
def test_per_class_is_scikit_learns_with_intervals(pairs: Pairs) -> None:
    true, predicted = np.array(pairs).T
    scores = per_class(true, predicted)
    assert [score.key for score in scores] == sorted({key for pair in pairs for key in pair})
    precisions = precision_score(true, predicted, average=None, zero_division=0)
    recalls = recall_score(true, predicted, average=None, zero_division=0)
    for score, precision, recall in zip(scores, precisions, recalls, strict=True):
        assert (score.precision.value or 0, score.recall.value or 0) == pytest.approx((precision, recall))
        assert (score.recall.low, score.recall.high) == binomial_interval(score.recall.hits, score.recall.n)
        assert score.recall.n == (true == score.key).sum()


def test_per_class_says_nothing_about_a_class_never_predicted() -> None:
    fox, lynx = per_class(["fox", "lynx"], ["fox", "fox"])
    assert (fox.key, lynx.key) == ("fox", "lynx")
    assert lynx.precision.value is None
    assert (lynx.precision.low, lynx.precision.high) == (0, 1)
    assert lynx.recall.value == 0


def test_area_is_the_mean_score_on_the_way_to_the_budget() -> None:
    assert aubc([10, 20, 40], [0.5, 0.5, 0.5], 40) == pytest.approx(0.5)
    assert aubc([0, 100], [0, 1], 100) == pytest.approx(0.5)
    assert aubc([0, 100], [0, 1], 50) == pytest.approx(0.25)  # cut between points
    assert aubc([0, 10, 100], [0, 1, 1], 100) == pytest.approx(0.95)  # early gains count
    for budget in (0, 101):
        with pytest.raises(ValueError, match="budget"):
            aubc([0, 100], [0, 1], budget)
    with pytest.raises(ValueError, match="rise"):
        aubc([10, 10], [0, 1], 10)


def test_labels_to_a_target_lie_on_the_curve() -> None:
    assert labels_to([10, 20, 40], [0.2, 0.4, 0.8], 0.6) == pytest.approx(30)
    assert labels_to([10, 20, 30], [0.5, 0.2, 0.9], 0.4) == 10  # first reached, even if lost again
    assert labels_to([10, 20], [0.2, 0.4], 0.4) == 20
    assert labels_to([10, 20], [0.2, 0.4], 0.41) is None


def _noisy_head(rng: np.random.Generator, classes: int = 4, n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    true = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), true] += 5
    P = np.exp(logits)
    return true, P / P.sum(axis=1, keepdims=True)


def test_flipped_labels_come_first() -> None:
    rng = np.random.default_rng(0)
    true, P = _noisy_head(rng)
    flipped = rng.choice(len(true), 40, replace=False)
    given_labels = true.copy()
    given_labels[flipped] = (true[flipped] + rng.integers(1, 4, 40)) % 4
    found = find_label_errors(given_labels, P)
    assert np.isin(flipped, found.indices).mean() > 0.85
    assert np.isin(found.indices[:30], flipped).mean() > 0.9
    assert (found.suggested[:30] == true[found.indices[:30]]).mean() > 0.9
    assert (np.diff(found.margin) >= 0).all()
    np.testing.assert_array_equal(found.self_confidence, P[found.indices, given_labels[found.indices]])


def test_a_class_the_head_is_unsure_of_needs_less_to_be_suggested() -> None:
    # The head gives class 1 never more than .45: by the likeliest class alone, no label 0 would ever be doubted.
    P = np.array([[0.95, 0.05]] * 8 + [[0.55, 0.45]] * 5)
    found = find_label_errors(np.array([0] * 8 + [0] + [1] * 4), P)
    assert found.indices.tolist() == [8]
    assert found.suggested.tolist() == [1]


def test_clean_labels_and_classes_without_labels_raise_no_suspicion() -> None:
    P = np.eye(3)[[0, 1, 0, 1]] * 0.8 + 0.1
    assert len(find_label_errors([0, 1, 0, 1], P).indices) == 0
    P = np.array([[0.2, 0.1, 0.7]] * 4)  # the head bets on a class that nobody gave
    assert len(find_label_errors([0, 0, 0, 0], P).indices) == 0
    assert len(find_label_errors(np.empty(0, int), np.empty((0, 3))).indices) == 0


@pytest.mark.parametrize(
    "wrong",
    [([0], [[0.5, 0.5]] * 2), ([2], [[0.5, 0.5]]), ([-1], [[0.5, 0.5]]), ([0], [[np.nan, 1]]), ([0.5], [[1]])],
)
def test_label_errors_refuse_nonsense(wrong: tuple[list[float], list[list[float]]]) -> None:
    with pytest.raises(ValueError, match=r"expected|finite"):
        find_label_errors(*wrong)


def test_of_several_classes_those_missing_and_too_many_are_found() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((300, 4)) < [0.5, 0.3, 0.1, 0.02]
    P = np.clip(np.where(truth, 0.85, 0.1) + rng.normal(0, 0.05, truth.shape), 0.01, 0.99)
    given, flipped = truth.copy(), [(3, 0), (50, 1), (50, 2), (299, 3)]
    for row, column in flipped:
        given[row, column] ^= True
    found = find_set_errors(given, P)
    assert set(zip(found.indices.tolist(), found.suggested.tolist(), strict=True)) == set(flipped)
    assert np.all(np.diff(found.margin) >= 0) and found.margin.max() < 0
    own = np.where(given, P, 1 - P)[found.indices, found.suggested]
    np.testing.assert_allclose(found.self_confidence, own)
    np.testing.assert_allclose(found.margin, 2 * own - 1)


def test_of_a_class_that_the_head_tells_nothing_of_nobody_is_suspected() -> None:
    rng = np.random.default_rng(1)
    given = rng.random((200, 2)) < [0.03, 0.5]
    P = np.stack([rng.uniform(0.01, 0.1, 200), np.full(200, np.nan)], axis=1)
    assert len(find_set_errors(given, P).indices) == 0
    with pytest.raises(ValueError, match="expected labels"):
        find_set_errors(given, P[:, :1])
    assert len(find_set_errors(np.zeros((0, 2), bool), np.zeros((0, 2))).indices) == 0
