"""Which of the embeddings that were tried is picked, and when transfer is said to be appropriate."""

import numpy as np
import pytest

from tl_core.evaluation.advice import Tried, judge
from tl_core.notices import Code


def tried(name, share, *, n=600, trained=True, seconds=0.01, shift=0):
    """Right about a share of the samples, the same ones for the same shift."""
    correct = ((np.arange(n) * 7919 + shift) % n) < share * n
    return Tried(name, name, trained, seconds, 8, correct)


def judged(*candidates, n=600, classes=3, **options):
    y = np.arange(n) % classes
    return judge(candidates, y, np.arange(n), np.random.default_rng(0), **options)


def pixels(share, **options):
    return tried("pixels", share, trained=False, **options)


def test_the_best_is_picked_and_what_it_is_ahead_of_is_told_in_pairs():
    verdict = judged(tried("a", 0.7), tried("b", 0.8), pixels(0.5))
    assert (verdict.pick, verdict.rival) == (1, 2)
    assert verdict.rated[1].behind == verdict.rated[1].behind_high == 0
    assert verdict.rated[0].behind == pytest.approx(0.1, abs=0.01)
    assert 0 < verdict.rated[0].behind_low < verdict.rated[0].behind_high


def test_a_faster_network_is_picked_where_nothing_speaks_against_it():
    slow, fast = tried("slow", 0.80, seconds=0.05), tried("fast", 0.795, shift=1)
    assert judged(slow, fast, pixels(0.5)).pick == 1
    assert judged(slow, tried("fast", 0.77), pixels(0.5)).pick == 0  # further behind than one in a hundred
    missed = np.isin(np.arange(600), np.flatnonzero(slow.correct)[:5])
    surely_behind = Tried("fast", "fast", True, 0.01, 8, slow.correct & ~missed)
    assert judged(slow, surely_behind, pixels(0.5)).pick == 0  # by less, but in every pair


def test_what_is_in_use_stays_where_it_is_as_good():
    candidates = tried("a", 0.80), tried("b", 0.796, seconds=0.05), pixels(0.5)
    assert judged(*candidates).pick == 0
    assert judged(*candidates, in_use=[1]).pick == 1
    assert judged(tried("a", 0.9), tried("b", 0.6), pixels(0.5), in_use=[1]).pick == 0


@pytest.mark.parametrize(
    ("network", "rival", "code"),
    [
        (0.9, 0.6, Code.TRANSFERS_WELL),
        (0.68, 0.6, Code.TRANSFERS_LITTLE),
        (0.605, 0.6, Code.NO_BETTER),
        (0.33, 0.34, Code.NO_BETTER),
        (0.5, 0.9, Code.NO_BETTER),
    ],
)
def test_the_verdict_goes_by_what_learnt_nothing(network, rival, code):
    assert judged(tried("a", network), pixels(rival)).sentence.code == code


def test_the_strongest_of_what_learnt_nothing_counts():
    verdict = judged(tried("a", 0.8), pixels(0.5), tried("random", 0.8, trained=False))
    assert verdict.sentence.code == Code.NO_BETTER
    assert verdict.sentence.parameters["rival"] == "random"


def test_few_labels_tell_nothing_unless_the_gain_is_large():
    assert judged(tried("a", 0.6, n=60), pixels(0.55, n=60), n=60).sentence.code == Code.FEW_LABELS
    assert judged(tried("a", 0.95, n=60), pixels(0.4, n=60), n=60).sentence.code == Code.TRANSFERS_WELL
    many_classes = judged(tried("a", 0.3, n=200), pixels(0.3, n=200), n=200, classes=100)
    assert many_classes.sentence.code == Code.FEW_LABELS


def test_without_labels_no_claim_about_classes_is_made():
    verdict = judged(tried("a", 0.9), pixels(0.2), labelled=False)
    assert verdict.sentence.code == Code.ALIKE_ONLY


def test_there_may_be_no_network_or_nothing_to_compare_with():
    assert judged(pixels(0.5)).pick is None
    assert judged(pixels(0.5)).sentence.code == Code.NO_NETWORK
    assert judged(tried("a", 0.5)).sentence.code == Code.NO_RIVAL
