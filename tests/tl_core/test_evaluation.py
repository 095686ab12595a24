"""tl_core.evaluation: the numbers people are told, and how often their intervals are right."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, binomtest, hypergeom

from tl_core.evaluation import binomial_interval, confidence_sequence, finite_upper


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
    with pytest.raises(ValueError, match="expected"):
        confidence_sequence(*wrong)


def test_importing_is_cheap() -> None:
    code = "import sys, tl_core.evaluation; print([m for m in ('scipy', 'sklearn', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def _share_of_paths_covered(outcomes: NDArray[np.bool_], truth: NDArray[np.float64]) -> float:
    """Look after every one of the outcomes (runs, n); the truth (runs, n) may move."""
    correct, n = outcomes.cumsum(axis=1), np.broadcast_to(np.arange(1, outcomes.shape[1] + 1), outcomes.shape)
    pairs, which = np.unique(correct * 10_000 + n, return_inverse=True)
    low, high = confidence_sequence(pairs // 10_000, pairs % 10_000)
    which = which.reshape(outcomes.shape)
    return float(((low[which] <= truth) & (truth <= high[which])).all(axis=1).mean())


@pytest.mark.parametrize("truth", [0.05, 0.5, 0.8, 0.97])
def test_sequence_covers_however_often_people_look(truth: float) -> None:
    outcomes = np.random.default_rng(1).random((500, 600)) < truth
    assert _share_of_paths_covered(outcomes, np.full(outcomes.shape, truth)) >= 0.93


def test_sequence_covers_the_mean_accuracy_of_heads_that_change() -> None:
    rng = np.random.default_rng(2)
    accuracy = np.linspace(0.3, 0.95, 400)
    # Worse for the interval than a steady rise: each head is the better or worse for how the last draw came out.
    running, outcomes = np.empty((500, 400)), np.empty((500, 400), bool)
    shift = np.zeros(500)
    for i in range(400):
        running[:, i] = np.clip(accuracy[i] + shift, 0, 1)
        outcomes[:, i] = rng.random(500) < running[:, i]
        shift = np.where(outcomes[:, i], -0.15, 0.05)
    assert _share_of_paths_covered(outcomes, running.cumsum(axis=1) / np.arange(1, 401)) >= 0.93


def test_an_interval_for_one_look_does_not_stand_being_looked_at() -> None:
    outcomes = np.random.default_rng(3).random((200, 400)) < 0.8
    correct = outcomes.cumsum(axis=1)
    covered = [all(_one_look(int(k), n) for n, k in enumerate(path, 1)) for path in correct]
    assert np.mean(covered) < 0.85


@functools.cache
def _one_look(correct: int, n: int) -> bool:
    low, high = binomial_interval(correct, n)
    return low <= 0.8 <= high


@given(n=st.integers(0, 5000), share=st.floats(0, 1))
def test_sequence_holds_the_proportion_mirrors_and_costs_little_more_than_one_look(n: int, share: float) -> None:
    correct = round(share * n)
    low, high = confidence_sequence(correct, n)
    mirrored = confidence_sequence(n - correct, n)
    assert 0 <= low <= correct / max(n, 1) <= high <= 1 or n == 0
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-9)
    once = binomial_interval(correct, n)
    assert low <= once[0] + 1e-9
    assert high >= once[1] - 1e-9
    assert high - low <= 1 if n < 20 else high - low < 2.1 * (once[1] - once[0])


def test_sequence_takes_many_moments_at_once() -> None:
    low, high = confidence_sequence([0, 3, 40], [0, 5, 50])
    assert (low[0], high[0]) == (0, 1)
    assert (low[2], high[2]) == tuple(float(end) for end in confidence_sequence(40, 50))


@given(data=st.data(), total=st.integers(1, 60), confidence=st.floats(0.5, 0.99))
def test_finite_upper_is_the_largest_number_that_is_not_refuted(
    data: st.DataObject, total: int, confidence: float
) -> None:
    drawn = data.draw(st.integers(0, total))
    positives = data.draw(st.integers(0, drawn))
    most = finite_upper(positives, drawn, total, confidence)
    possible = np.arange(positives, total - drawn + positives + 1)
    tails = hypergeom.cdf(positives, total, possible, drawn)
    # The tail may lie on the limit, where rounding decides.
    assert tails[most - positives] >= 1 - confidence - 1e-9
    assert most == possible[-1] or tails[most - positives + 1] <= 1 - confidence + 1e-9


def test_finite_upper_knows_that_the_pool_ends() -> None:
    assert finite_upper(2, 50, 50) == 2
    assert finite_upper(0, 0, 50) == 50
    assert finite_upper(3, 300, 10**6) / 10**6 == pytest.approx(binomial_interval(3, 300, 0.9)[1], rel=1e-3)
    with pytest.raises(ValueError, match="expected"):
        finite_upper(3, 2, 10)
