"""The confidence sequence that knows the head's doubts: right however doubts and heads are, and narrower for them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tl_core.evaluation import betting, confidence_sequence, doubtful_sequence
from tl_core.evaluation.intervals import STEPS

RUNS = 500


class Pools:
    """Heads that change: of each what it doubts in its pool, and where it is wrong. Audits are drawn from these."""

    def __init__(self, n: int, kind: str, rng: np.random.Generator) -> None:
        shape = n, 400
        level = np.linspace(0.5, 0.1, n)[:, None]  # they improve
        self.doubt = rng.beta(0.6, 2.0, shape) if kind != "blind" else np.full(shape, 0.3)
        chance = {
            "calibrated": self.doubt * level / 0.23,
            "overconfident": np.minimum(3 * self.doubt, 1) * level,
            "upside down": (1 - self.doubt) * level,
            "blind": np.broadcast_to(level, shape),
            "nearly never wrong": 0.05 * self.doubt,
        }[kind]
        self.right = rng.random(shape) >= np.clip(chance, 0, 1)

    def drawn(self, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        rows = np.arange(len(self.right))
        at = rng.integers(0, self.right.shape[1], len(rows))
        return self.right[rows, at], self.doubt[rows, at], self.doubt.mean(axis=1)

    @property
    def truth(self) -> NDArray[np.float64]:
        accuracy: NDArray[np.float64] = self.right.mean(axis=1).cumsum() / np.arange(1, len(self.right) + 1)
        return accuracy


@pytest.mark.parametrize("kind", ["calibrated", "overconfident", "upside down", "blind", "nearly never wrong"])
@pytest.mark.parametrize("expected", [None, 60])
def test_it_covers_heads_that_change_however_often_people_look(kind: str, expected: float | None) -> None:
    rng = np.random.default_rng(1)
    pools = Pools(120, kind, rng)
    held = 0
    for _ in range(RUNS):
        low, high = doubtful_sequence(*pools.drawn(rng), expected=expected)
        held += bool((low[1:] <= pools.truth).all() and (pools.truth <= high[1:]).all())
    assert held / RUNS >= 0.95


def test_it_covers_heads_that_are_as_good_as_the_last_draw_came_out_badly() -> None:
    """Pools chosen by what was drawn before: the worst that may happen to a claim about their mean."""
    rng = np.random.default_rng(2)
    good, bad = Pools(1, "nearly never wrong", rng), Pools(1, "overconfident", rng)
    held = 0
    for _ in range(RUNS):
        truth, told, was_right = [], [], False
        for _ in range(80):
            pools = bad if was_right else good
            right, doubt, pool_doubt = pools.drawn(rng)
            was_right = bool(right[0])
            told.append((right[0], doubt[0], pool_doubt[0]))
            truth.append(pools.right.mean())
        low, high = doubtful_sequence(*np.array(told, float).T)
        mean = np.cumsum(truth) / np.arange(1, 81)
        held += bool((low[1:] <= mean).all() and (mean <= high[1:]).all())
    assert held / RUNS >= 0.95


@given(st.data())
def test_no_bet_knows_its_own_outcome(data: st.DataObject) -> None:
    """Over all that may be drawn next, each bet wins on average exactly what it is divided by."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    n, size = data.draw(st.integers(0, 30)), data.draw(st.integers(1, 12))
    x, u, most = rng.integers(0, 2, n).astype(float), rng.uniform(-0.3, 0.7, n), np.full(n + 1, 0.7)
    doubt, right = rng.random(size), rng.integers(0, 2, size).astype(float)
    most[n] = doubt.mean()
    won = [
        np.exp(np.diff(betting._gains(np.append(x, outcome), np.append(u, doubt.mean() - own), most), axis=0)[-1])
        for outcome, own in zip(right, doubt, strict=True)
    ]
    assert np.mean(won, axis=0) == pytest.approx(1 + np.expm1(STEPS) * right.mean())


def test_what_comes_later_changes_nothing_that_was_said() -> None:
    told = Pools(60, "calibrated", np.random.default_rng(3)).drawn(np.random.default_rng(4))
    whole, part = doubtful_sequence(*told), doubtful_sequence(*(each[:25] for each in told))
    assert np.allclose(np.array(whole)[:, :26], part)
    assert np.allclose(doubtful_sequence(*told, [7, 60]), np.array(whole)[:, [7, 60]])


@given(
    correct=st.lists(st.booleans(), max_size=60),
    expected=st.none() | st.floats(1, 5000),
    pool=st.floats(0, 1) | st.none(),
)
def test_where_doubts_tell_nothing_it_is_the_plain_sequence(
    correct: list[bool], expected: float | None, pool: float | None
) -> None:
    doubts = np.full(len(correct), np.nan if pool is None else pool)
    found = doubtful_sequence(correct, doubts, doubts, expected=expected)
    n = np.arange(len(correct) + 1)
    plain = confidence_sequence(np.concatenate([[0], np.cumsum(correct)]).astype(int), n, expected=expected)
    assert np.allclose(found, plain, atol=1e-7)


def test_samples_without_doubts_are_plain_ones_among_the_others() -> None:
    right, doubt, pool_doubt = Pools(80, "calibrated", np.random.default_rng(5)).drawn(np.random.default_rng(6))
    doubt[:40] = np.nan
    low, high = doubtful_sequence(right, doubt, pool_doubt)
    plain = confidence_sequence(right[:40].sum(), 40)
    assert (low[40], high[40]) == pytest.approx(tuple(map(float, plain)), abs=1e-7)
    assert np.isfinite([low, high]).all()


def test_doubts_that_foretell_errors_narrow_it() -> None:
    rng = np.random.default_rng(7)
    pools, narrower = Pools(120, "calibrated", rng), []
    for _ in range(50):
        told = pools.drawn(rng)
        low, high = doubtful_sequence(*told, [120], expected=120)
        plain_low, plain_high = confidence_sequence(told[0].sum(), 120, expected=120)
        narrower.append(float((high - low)[0] / (plain_high - plain_low)))
    assert np.mean(narrower) < 0.93


def test_foreseeing_how_many_there_will_be_narrows_it_then_and_costs_little_before() -> None:
    told = [
        np.subtract(*confidence_sequence(round(0.85 * n), n, expected=expected)[::-1])
        for n, expected in ((120, None), (120, 120.0), (40, None), (40, 120.0))
    ]
    assert told[1] < 0.92 * told[0]
    assert told[3] < 1.05 * told[2]


@given(
    told=st.lists(st.tuples(st.booleans(), st.floats(0, 1) | st.just(np.nan), st.floats(0, 1) | st.just(np.nan))),
    expected=st.none() | st.floats(0.01, 1e6),
)
def test_whatever_is_told_the_ends_are_in_order(told: list[tuple[bool, float, float]], expected: float | None) -> None:
    right, doubt, pool_doubt = np.array(told, float).reshape(-1, 3).T
    low, high = doubtful_sequence(right, doubt, pool_doubt, expected=expected)
    assert len(low) == len(told) + 1
    assert (low[0], high[0]) == (0, 1)
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"correct": [0.5]},
        {"doubt": [1.5]},
        {"pool_doubt": [-0.1]},
        {"doubt": [0.1, 0.2]},
        {"at": [2]},
        {"confidence": 1.0},
        {"expected": 0.0},
        {"expected": float("nan")},
    ],
)
def test_it_refuses_nonsense(wrong: dict[str, object]) -> None:
    given_ = {"correct": [1], "doubt": [0.2], "pool_doubt": [0.3], **wrong}
    with pytest.raises(ValueError, match=r"expected|must be"):
        doubtful_sequence(**given_)  # type: ignore[arg-type]
