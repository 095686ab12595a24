"""The share of days that are right is covered, though pictures are drawn and days have many of them or one."""

import numpy as np
import pytest

from tl_core.evaluation import weighted_share


def days(rng, n, share, lumped):
    """For each picture: whether it is right, and its weight; lumped: right days have many pictures, wrong ones one."""
    right = rng.random(n) < share
    pictures = np.where(right, rng.integers(5, 30, n), 1) if lumped else rng.integers(1, 12, n)
    return np.repeat(right, pictures), np.repeat(1 / pictures, pictures), right.mean()


@pytest.mark.parametrize(("share", "lumped"), [(0.9, False), (0.5, True), (0.1, False), (0.97, True)])
def test_it_is_covered(share, lumped):
    rng, held = np.random.default_rng(5), []
    for _ in range(500):
        right, weight, truth = days(rng, 400, share, lumped)
        drawn = rng.integers(0, len(right), 80)
        low, high = weighted_share(right[drawn], weight[drawn])
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.95


def test_pictures_of_few_days_do_not_stand_for_all_days():
    rng = np.random.default_rng(1)
    right, weight, truth = days(rng, 400, 0.5, lumped=True)
    drawn = rng.integers(0, len(right), 600)
    low, high = weighted_share(right[drawn], weight[drawn])
    assert right.mean() > 0.9  # of the pictures
    assert low < truth < high < 0.8


def test_more_draws_tell_more_and_none_tells_nothing():
    rng = np.random.default_rng(2)
    right, weight, truth = days(rng, 400, 0.85, lumped=False)
    widths = []
    for n in (0, 30, 300):
        drawn = rng.integers(0, len(right), n)
        low, high = weighted_share(right[drawn], weight[drawn])
        assert low <= truth <= high
        widths.append(high - low)
    assert widths[0] == 1
    assert widths[1] > 1.5 * widths[2]


@pytest.mark.parametrize(("right", "weight"), [([1], [0.0]), ([1], [1.5]), ([1, 0], [1.0])])
def test_nonsense_is_refused(right, weight):
    with pytest.raises(ValueError, match="weights"):
        weighted_share(right, weight)
