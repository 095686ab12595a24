# ruff: noqa: N806 - matrices are X here, as in scikit-learn
"""tl_core.adaptation.gains: in pairs, what helps is told from what doesn't and from what harms."""

import numpy as np
import pytest

from tl_core.adaptation import gains
from tl_core.adaptation.gains import Facts, Gain, Views

N, TWINS = 240, 60


def views(signal: float, seed: int = 0) -> Views:
    """Two classes that differ that much, under noise; twins differ from their originals by less noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 10))
    X[:, 0] += signal * np.where(codes() > 0, 1, -1)
    return Views(X.astype(np.float32), (X[:TWINS] + 0.3 * rng.normal(size=(TWINS, 10))).astype(np.float32))


def codes() -> np.ndarray:
    return np.arange(N) % 2


def known(labelled: bool = True, events: np.ndarray | None = None, small: np.ndarray | None = None) -> Facts:
    none = np.full(N, -1)
    return Facts(np.arange(TWINS), codes() if labelled else none, none, none if events is None else events, small)


def by_measure(found: list[Gain]) -> dict[str, Gain]:
    return {each.measure: each for each in found}


def test_what_tells_classes_apart_better_helps_and_the_other_way_round_it_harms() -> None:
    poor, good = views(0.3), views(2.0)
    found = by_measure(gains.judge(poor, good, known(), np.random.default_rng(0)))
    assert set(found) == {"head", "neighbours", "twins"} and found["head"].n == N
    assert found["head"].low > 0.1 and found["neighbours"].low > 0.1
    assert gains.helps(list(found.values()))
    worse = gains.judge(good, poor, known(), np.random.default_rng(0))
    assert by_measure(worse)["head"].high < -0.1 and not gains.helps(worse)


def test_the_same_gains_nothing_and_is_not_offered() -> None:
    one = views(0.5)
    for beside in (False, True):
        found = gains.judge(one, one, known(), np.random.default_rng(0), beside=beside)
        assert not gains.helps(found)
    assert all(gain.low == gain.high == 0 for gain in gains.judge(one, one, known(), np.random.default_rng(0)))


def test_beside_what_there_is_only_something_new_helps() -> None:
    base, code = views(0.5), views(2.0, seed=1)
    found = by_measure(gains.judge(base, code, known(), np.random.default_rng(0), beside=True))
    assert found["head"].low > 0
    noise = Views(
        *(np.random.default_rng(5).normal(size=part.shape).astype(np.float32) for part in (code.vectors, code.twins))
    )
    assert not gains.helps(gains.judge(base, noise, known(), np.random.default_rng(0), beside=True))


def test_without_labels_bursts_and_copies_decide() -> None:
    """Frames of a burst are alike in what the adapted ones keep; small copies say that they are not the same file."""
    rng = np.random.default_rng(0)
    events = np.arange(N) // 2
    of_event = rng.normal(size=(N // 2, 10))[events]
    near, far = ((of_event + spread * rng.normal(size=(N, 10))).astype(np.float32) for spread in (0.3, 2.0))
    small = rng.normal(size=(N, 30)).astype(np.float32)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    twins = views(0).twins
    found = gains.judge(Views(far, twins), Views(near, twins), known(False, events, small), np.random.default_rng(0))
    assert set(by_measure(found)) == {"mates", "twins"} and by_measure(found)["mates"].low > 0.2
    assert by_measure(found)["mates"].n == N


@pytest.mark.parametrize(
    ("found", "is_help"),
    [
        ([], False),
        ([Gain("head", 100, 0.5, 0.6, -0.01, 0.2), Gain("twins", 50, 0.5, 0.9, 0.3, 0.5)], False),
        ([Gain("head", 100, 0.5, 0.6, 0.01, 0.2), Gain("twins", 50, 0.9, 0.5, -0.5, -0.3)], True),
        ([Gain("twins", 50, 0.5, 0.9, 0.3, 0.5)], True),
        ([Gain("twins", 50, 0.5, 0.9, 0.3, 0.5), Gain("mates", 50, 0.9, 0.5, -0.5, -0.3)], False),
    ],
)
def test_labels_decide_where_there_are_some(found: list[Gain], is_help: bool) -> None:
    assert gains.helps(found) == is_help


def test_few_labels_rare_classes_and_few_twins_do_not_judge() -> None:
    few = np.full(N, -1)
    few[: gains.LEAST_LABELS - 1] = codes()[: gains.LEAST_LABELS - 1]
    one, other = views(0.5), views(1.0)
    none = np.full(N, -1)
    for labels in (few, np.where(np.arange(N) < 4, 1, 0)):  # too few; and one class that hardly anybody named
        found = gains.judge(one, other, Facts(np.arange(TWINS), labels, none, none), np.random.default_rng(0))
        assert set(by_measure(found)) == {"twins"}
    no_twins = [Views(each.vectors, each.twins[:5]) for each in (one, other)]
    assert not gains.judge(*no_twins, Facts(np.arange(5), few, none, none), np.random.default_rng(0))


def test_other_samples_are_no_pair() -> None:
    one = views(0.5)
    with pytest.raises(ValueError, match="not the same samples"):
        gains.judge(one, Views(one.vectors[1:], one.twins), known(), np.random.default_rng(0))
