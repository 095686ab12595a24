"""tl_core.evaluation: the numbers people are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import f1_score

from tl_core.evaluation import binomial_interval, macro_f1


@given(n=st.integers(0, 3000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_interval_is_clopper_pearsons(n: int, share: float, confidence: float) -> None:
    correct = round(share * n)
    low, high = binomial_interval(correct, n, confidence)
    assert 0 <= low <= high <= 1
    if n == 0:
        assert (low, high) == (0, 1)
    else:
        expected = binomtest(correct, n).proportion_ci(confidence, method="exact")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("truth", [0.02, 0.5, 0.93])
def test_interval_covers_the_truth_as_often_as_it_says(truth: float) -> None:
    covered = [k for k in range(61) if binomial_interval(k, 60)[0] <= truth <= binomial_interval(k, 60)[1]]
    assert binom.pmf(covered, 60, truth).sum() >= 0.95


@pytest.mark.parametrize("wrong", [(-1, 5), (6, 5), (0, -1), (1, 5, 0.0), (1, 5, 1.0), (1, 5, float("nan"))])
def test_interval_refuses_nonsense(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        binomial_interval(*wrong)


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
