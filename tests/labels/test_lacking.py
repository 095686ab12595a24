"""What a claim lacks: as many audit samples as are foretold do narrow it to what is foretold."""

import numpy as np
import pytest

from labeller.labels.lacking import lacking
from labeller.labels.selectors import Audited, Trail

ACCURACY, EVERY = 0.8, 6  # every so many labels one is an audit sample


def trail(n_labels, rng, doubtful=False):
    """Every sixth label is an audit sample; its id is its number."""
    audited = []
    for label_id in range(EVERY, n_labels + 1, EVERY):
        doubt = rng.beta(0.4, 1.6)  # 0.2 on average
        is_right = rng.random() >= (doubt if doubtful else 1 - ACCURACY)
        doubts = (doubt, 0.2) if doubtful else ()
        audited.append(Audited(label_id, label_id, 1, frozenset([1 if is_right else 2]), None, *doubts))
    return Trail(audited, [each for each in (100, 200, 400, 800, 1600, 3200) if each <= n_labels], n_labels)


@pytest.mark.parametrize("n_labels", [90, 190, 390, 700])
@pytest.mark.parametrize("doubtful", [False, True])
def test_so_many_more_samples_do_narrow_it(n_labels, doubtful):
    """Also where a window with fewer samples begins meanwhile."""
    found = []
    for seed in range(20):
        foretold = lacking(trail(n_labels, np.random.default_rng(seed), doubtful))
        later = trail(n_labels + EVERY * foretold.samples, np.random.default_rng(seed), doubtful)
        low, high = later.audit().interval
        found.append((high - low) / 2 / foretold.width)
    assert 0.9 < np.median(found) < 1.1


def test_nobody_can_tell_from_a_few_or_from_where_it_cannot_get_narrower():
    rng = np.random.default_rng(0)
    assert lacking(Trail([], [])) is None
    assert lacking(trail(9 * EVERY, rng)) is None
    always = [Audited(each, each, 1, frozenset([1])) for each in range(1, 60_001)]
    assert lacking(Trail(always, [100 * 2**each for each in range(10)], 60_000)) is None


def test_what_is_worth_saying_is_narrower_than_it_is():
    rng = np.random.default_rng(1)
    for n_labels in range(90, 1500, 60):
        now = trail(n_labels, rng)
        low, high = now.audit().interval
        foretold = lacking(now)
        assert foretold.samples >= 1 and foretold.width <= 0.8 * (high - low) / 2
