"""Two ways to read the same texts, compared in pairs: one in the place of the other, and beside it."""

import numpy as np

from tl_core.adaptation.gains import HEAD, helps
from tl_core.texts.comparing import compare
from tl_core.texts.counting import Cumulative

RNG = np.random.default_rng(0)
CODES = np.arange(160) % 4
FIRST, SECOND = (np.eye(2, dtype=np.float32)[half] for half in (CODES % 2, CODES // 2))
NOISE = RNG.normal(size=(160, 2)).astype(np.float32)


def noisy(told):
    return (told + 0.05 * RNG.normal(size=told.shape)).astype(np.float32)


def test_what_knows_the_other_half_helps_beside_and_not_instead():
    before, after = noisy(FIRST), noisy(SECOND)
    instead = compare(before, after, CODES, np.random.default_rng(0))
    beside = compare(before, after, CODES, np.random.default_rng(0), beside=True)
    assert not helps(instead) and helps(beside)
    head = next(gain for gain in beside if gain.measure == HEAD)
    assert head.adapted > 0.95 and head.n == len(CODES)


def test_noise_helps_in_neither_way_and_few_labels_say_nothing():
    for beside in (False, True):
        assert not helps(compare(noisy(FIRST), NOISE, CODES, np.random.default_rng(0), beside=beside))
    few = np.where(np.arange(160) < 20, CODES, -1)
    assert compare(noisy(FIRST), NOISE, few, np.random.default_rng(0)) == []


def test_passes_are_told_of_as_one_count_that_goes_on():
    told = []
    tell = Cumulative(told.append)
    for done in (5, 9, 9, 5, 9):  # the second pass is told of once
        tell(done)
    tell.skip(18)
    tell(9)
    assert told == [5, 9, 18, 23, 27, 54]
