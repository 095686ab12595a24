"""tl_core.evaluation: undiscovered classes and recall of a rare one, on simulated truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tl_core.evaluation import chao1, coverage, finite_upper, rare_class_recall, rule_of_three

_SHARES = {
    "even": np.full(100, 0.01),
    "zipf": 1 / np.arange(1, 31) / (1 / np.arange(1, 31)).sum(),
    "camera trap": np.r_[0.9, np.full(5, 0.02)],
    "long tail": 1 / np.arange(1, 301) ** 1.3 / (1 / np.arange(1, 301) ** 1.3).sum(),
}


def _counts(name: str, n: int) -> NDArray[np.int64]:
    return np.random.default_rng(4).multinomial(n, _SHARES[name], size=1000)


# At n = 50 the log-normal interval is right in 93.3 % of the runs on "even": too close to call by simulation.
@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("name", ["even", "zipf", "camera trap"])
def test_number_of_classes_is_covered(name: str, n: int) -> None:
    truth = len(_SHARES[name])
    intervals = [chao1(counts) for counts in _counts(name, n)]
    assert np.mean([each.low <= truth <= each.high for each in intervals]) >= 0.93
    assert all(each.observed <= each.low <= each.estimate <= each.high for each in intervals)


@pytest.mark.parametrize("n", [50, 300, 1000])
def test_on_a_long_tail_the_lower_end_holds(n: int) -> None:
    """Chao1 estimates a lower bound: classes that are far rarer than one in n leave no trace."""
    assert np.mean([chao1(counts).low <= 300 for counts in _counts("long tail", n)]) >= 0.97


@pytest.mark.parametrize("n", [20, 100, 300, 1000])
@pytest.mark.parametrize("name", _SHARES)
def test_share_of_known_classes_is_covered(name: str, n: int) -> None:
    drawn = _counts(name, n)
    truth = np.where(drawn > 0, _SHARES[name], 0).sum(axis=1)
    intervals = [coverage(counts) for counts in drawn]
    hit = [each.low <= share <= each.high + 1e-9 for each, share in zip(intervals, truth, strict=True)]
    assert np.mean(hit) >= 0.93


def test_chao1_is_the_published_formula() -> None:
    richness = chao1([10, 5, 2, 2, 1, 1, 1, 0])  # n = 22, f1 = 3, f2 = 2
    assert richness.observed == 7
    assert richness.estimate == pytest.approx(7 + 21 / 22 * 9 / 4)
    assert richness.missing == pytest.approx(richness.estimate - 7)
    assert chao1([10, 1, 1, 1]).estimate == pytest.approx(4 + 12 / 13 * 3)  # no class seen twice: bias-corrected


@given(counts=st.lists(st.integers(0, 30), min_size=1, max_size=40).filter(any), confidence=st.floats(0.5, 0.99))
def test_discovery_makes_sense_for_any_counts(counts: list[int], confidence: float) -> None:
    richness, share = chao1(counts, confidence), coverage(counts, confidence)
    assert richness.observed <= richness.low <= richness.estimate <= richness.high < np.inf
    assert 0 <= share.low <= share.estimate <= share.high <= 1
    assert share.low < 1  # never sure that nothing is left


@pytest.mark.parametrize("wrong", [[], [0, 0], [-1, 5], [0.5, 2], [[1, 2]]])
def test_discovery_refuses_nonsense(wrong: list[float]) -> None:
    for estimate in (chao1, coverage):
        with pytest.raises(ValueError, match="count"):
            estimate(wrong)


def test_rule_of_three() -> None:
    assert rule_of_three(300) == pytest.approx(3 / 300, rel=0.01)
    assert (1 - rule_of_three(47)) ** 47 == pytest.approx(0.05)
    assert rule_of_three(0) == 1
    with pytest.raises(ValueError, match="expected"):
        rule_of_three(-1)


@pytest.mark.parametrize(
    ("unseen", "rare", "found", "drawn"), [(2000, 30, 25, 150), (500, 5, 40, 200), (400, 0, 3, 50)]
)
def test_recall_is_covered_after_one_elusion_sample(unseen: int, rare: int, found: int, drawn: int) -> None:
    hits = np.random.default_rng(5).hypergeometric(rare, unseen - rare, drawn, size=500)
    intervals = {int(k): rare_class_recall(found + int(k), found, unseen, drawn, int(k)) for k in np.unique(hits)}
    truth = (found + hits) / (found + rare)
    covered = [intervals[int(k)].low <= t <= intervals[int(k)].high for k, t in zip(hits, truth, strict=True)]
    assert np.mean(covered) >= 0.93


def _hunt(rng: np.random.Generator, rounds: int = 6) -> list[bool]:
    """Label 20 picked and 15 audit samples a round, and look at the recall after each. Was the truth covered?"""
    rare, total = np.zeros(1500, bool), 60
    rare[:total] = True
    score = rare * 2.0 + rng.normal(size=1500)
    unlabelled = np.arange(1500)
    covered, history, found = [], [], 0
    for _ in range(rounds):
        audit = rng.choice(unlabelled, 15, replace=False)
        history.append((found, len(unlabelled), 15, int(rare[audit].sum())))
        rest = np.setdiff1d(unlabelled, audit)
        picked = rest[np.argsort(-score[rest])[:20]]
        unlabelled = np.setdiff1d(rest, picked)
        found += int(rare[audit].sum() + rare[picked].sum())
        recall = rare_class_recall(found, *np.array(history).T)
        covered.append(recall.low <= found / total <= recall.high)
    return covered


def test_recall_is_covered_while_a_strategy_hunts_and_people_look_every_round() -> None:
    rng = np.random.default_rng(6)
    assert np.mean([all(_hunt(rng)) for _ in range(150)]) >= 0.93


def test_recall_rests_on_the_draws_not_on_the_head() -> None:
    boastful = rare_class_recall(20, 20, 5000, 100, 0, expected=0.1)
    modest = rare_class_recall(20, 20, 5000, 100, 0, expected=400)
    assert (boastful.low, boastful.high) == (modest.low, modest.high)
    assert boastful.low < 0.2  # 100 draws from 5,000 say little, whatever the head says
    assert modest.estimate == modest.low
    assert boastful.estimate == pytest.approx(20 / 20.1)
    assert boastful.estimate > boastful.low


def test_recall_is_nearly_as_tight_as_an_interval_for_one_look() -> None:
    recall = rare_class_recall(45, 40, 10_000, 300, 5)
    assert recall.missed < 1.5 * (finite_upper(5, 300, 10_000, 0.975) - 5)


def test_recall_knows_what_is_certain() -> None:
    assert rare_class_recall(10, 10, 200, 200, 0).low == 1  # all were looked at
    nothing_drawn = rare_class_recall(10, 10, 90, 0, 0)
    assert (nothing_drawn.low, nothing_drawn.high, nothing_drawn.missed) == (0.1, 1, 90)
    assert nothing_drawn.estimate is None
    assert rare_class_recall(0, 0, 100, 100, 0, expected=0).estimate == 1


@pytest.mark.parametrize(
    "wrong",
    [(5, 5, 100, 10, 1), (5, 0, 10, 11, 0), (5, 0, 10, 3, 4), (5, [], [], [], []), (9, 0, 5, 1, 0), (5, -1, 10, 1, 0)],
)
def test_recall_refuses_what_cannot_be(wrong: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"expected|found"):
        rare_class_recall(*wrong)
