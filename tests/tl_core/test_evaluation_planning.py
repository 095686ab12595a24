"""tl_core.evaluation: forecasts and savings, on curves whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tl_core.evaluation import compare_with_random, labels_to_target
from tl_core.evaluation.forecast import HORIZON, fit_power_law, labels_needed
from tl_core.notices import Code, notice

_LABELS = np.array([50, 100, 150, 200, 250, 300, 400, 500, 600.0])


def _curve(n: NDArray[np.float64], a: float, b: float, c: float) -> NDArray[np.float64]:
    return np.clip(a * n**-b + c, 0, 1)


@pytest.mark.parametrize(
    ("a", "b", "c", "target"), [(1.5, 0.5, 0.05, 0.88), (2, 0.4, 0, 0.88), (1, 0.3, 0.02, 0.8), (5, 0.8, 0.1, 0.86)]
)
@pytest.mark.parametrize(
    ("audited", "labels"),
    [(100, np.array([100, 200, 300, 400, 600, 800.0])), (100, _LABELS), (400, np.arange(20, 420, 20.0))],
)
def test_forecast_is_covered(
    a: float, b: float, c: float, target: float, audited: int, labels: NDArray[np.float64]
) -> None:
    rng = np.random.default_rng(7)
    truth = (a / (1 - target - c)) ** (1 / b)
    covered = []
    for _ in range(500):
        errors = rng.binomial(audited, _curve(labels, a, b, c)) / audited
        forecast = labels_to_target(labels, errors, np.full(len(labels), audited), target)
        covered.append(forecast.low is not None and forecast.low <= truth <= (forecast.high or np.inf))
    assert np.mean(covered) >= 0.93


def test_a_target_past_the_plateau_is_not_promised() -> None:
    errors = _curve(_LABELS, 3, 0.7, 0.2)
    forecast = labels_to_target(_LABELS, errors, np.full(9, 5000), 0.9)
    assert (forecast.labels, forecast.low, forecast.high) == (None, None, None)
    assert forecast.reason.code == Code.OUT_OF_SIGHT


def test_an_exact_curve_is_followed() -> None:
    forecast = labels_to_target(_LABELS, _curve(_LABELS, 2, 0.5, 0), np.full(9, 10**6), 0.95)
    assert forecast.labels == pytest.approx(1600, rel=0.05)
    assert forecast.low < forecast.labels < forecast.high
    assert forecast.reason == notice(
        Code.LABELS_BETWEEN, n=round(forecast.labels), low=round(forecast.low), high=round(forecast.high)
    )


def test_too_few_points_give_no_number() -> None:
    forecast = labels_to_target([10, 20, 30, 30, 30], [0.5, 0.4, 0.3, 0.3, 0.3], [50] * 5, 0.9)
    assert forecast.labels is None
    assert forecast.reason == notice(Code.FEW_POINTS, n=3, wanted=5)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_flat_curve_says_what_it_can(level: float) -> None:
    forecast = labels_to_target(_LABELS, np.full(9, level), np.full(9, 50), 0.9)
    assert (forecast.labels is None) == (level > 0.1)
    assert (forecast.low == 0) == (level == 0)  # reached before the first point


def test_more_audit_samples_tell_more() -> None:
    curve = _curve(_LABELS, 1.5, 0.5, 0.05)
    rough, fine = (labels_to_target(_LABELS, curve, np.full(9, m), 0.88) for m in (100, 3000))
    assert rough.low < fine.low < fine.labels < fine.high
    assert rough.high is None


@pytest.mark.parametrize(
    "wrong",
    [
        ([1, 2], [0.1], [5, 5], 0.9),
        ([0, 1], [0.1, 0.1], [5, 5], 0.9),
        ([1, 2], [0.1, 2], [5, 5], 0.9),
        ([1], [0], [1], 1),
    ],
)
def test_forecast_refuses_nonsense(wrong: tuple[list[int], list[float], list[int], float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        labels_to_target(*wrong)


def test_many_curves_are_fitted_at_once() -> None:
    curves = np.stack([_curve(_LABELS, 2, 0.5, 0.0), _curve(_LABELS, 0, 1, 0.3), np.linspace(0.1, 0.3, 9)])
    a, b, c = fit_power_law(_LABELS, curves, np.ones(9))
    fitted = a[:, None] * (_LABELS / 600) ** -b[:, None] + c[:, None]
    np.testing.assert_allclose(fitted[:2], curves[:2], atol=2e-3)
    assert a[2] == 0  # a curve that gets worse is taken for flat
    needed = labels_needed(600, a, b, c, 0.05)
    assert needed[0] == pytest.approx(1600, rel=0.1)
    assert needed[1] == needed[2] == np.inf
    assert np.isinf(labels_needed(600, a, b, c, 1e-9)).all()


def _judged(rng: np.random.Generator, sizes: NDArray[np.float64], worth: float, m: int) -> tuple[NDArray, NDArray]:
    """Audit samples differ in how many labels it takes to get them right, about as a power law wants it."""
    hard = rng.random(m)
    return hard > _curve(np.array([worth]), 2, 0.5, 0.05), hard > _curve(sizes, 2, 0.5, 0.05)[:, None]


def test_savings_are_covered() -> None:
    rng = np.random.default_rng(10)
    sizes = np.array([20, 40, 60, 80, 120, 160, 200.0])
    hits = []
    for _ in range(200):
        full, ladder = _judged(rng, sizes, worth=500, m=400)
        found = compare_with_random(250, full, sizes, ladder, rng)
        assert found.equivalent is None or found.ratio == pytest.approx(found.equivalent / 250)
        hits.append((found.low or np.inf) <= 500 <= (found.high or np.inf))
    assert np.mean(hits) >= 0.93


def test_savings_say_when_they_cannot_be_told() -> None:
    rng = np.random.default_rng(11)
    sizes = np.array([20, 40, 60, 80, 120.0])
    full, ladder = _judged(rng, sizes, worth=200, m=30)
    assert compare_with_random(200, full, sizes, ladder, rng).reason.code.startswith("worth_unclear")
    few = compare_with_random(200, full, sizes[:3], ladder[:3], rng)
    assert few.equivalent is None
    assert few.ratio is None
    assert few.reason == notice(Code.FEW_SIZES, n=5)


def test_savings_past_what_random_was_tried_with_are_marked() -> None:
    rng = np.random.default_rng(12)
    sizes = np.array([50, 100, 200, 400, 600.0])
    full, ladder = _judged(rng, sizes, worth=1500, m=20_000)
    found = compare_with_random(300, full, sizes, ladder, rng)
    assert found.low > 600
    assert found.reason.code == Code.WORTH_BEYOND and found.reason.parameters["largest"] == 600
    never = compare_with_random(300, np.ones(20_000), sizes, ladder, rng)
    assert never.equivalent is None
    assert never.reason.code == Code.WORTH_MORE and never.reason.parameters["n"] == HORIZON * 600


def test_savings_refuse_nonsense() -> None:
    rng = np.random.default_rng(0)
    for wrong in ((5, [], [1], [[]]), (5, [1], [1, 2], [[1]]), (0, [1], [1], [[1]])):
        with pytest.raises(ValueError, match="expected"):
            compare_with_random(*wrong, rng)
