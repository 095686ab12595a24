# ruff: noqa: N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.heads.calibration, on simulated truth: temperatures are found, probabilities come to mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.base import clone
from sklearn.metrics import log_loss

from tests.tl_core.blobs import blobs
from tl_core import heads
from tl_core.geometry import softmax
from tl_core.heads import calibration
from tl_core.heads.calibration import Tuning, choose_C, expected_calibration_error, out_of_fold, temperature, tune
from tl_core.heads.multilabel import MultiLabelHead


def drawn(n: int, c: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and classes that are drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, c))
    P = softmax(logits.astype(np.float32)).astype(np.float64)
    codes = (rng.random((n, 1)) > np.cumsum(P, axis=1)).sum(axis=1).clip(max=c - 1)
    return logits, codes


class TestTemperature:
    @pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
    def test_is_recovered(self, true: float) -> None:
        logits, codes = drawn(8000, 6, seed=1)
        assert temperature(logits * true, codes) == pytest.approx(true, rel=0.06)

    @given(seed=st.integers(0, 999), n=st.integers(2, 60), c=st.integers(2, 5))
    @settings(deadline=None, max_examples=30)
    def test_no_other_is_likelier(self, seed: int, n: int, c: int) -> None:
        logits, codes = drawn(n, c, seed)

        def loss(log_t: float) -> float:
            Z = logits / np.exp(log_t)
            return float(
                (np.log(np.exp(Z - Z.max(axis=1, keepdims=True)).sum(axis=1)) + Z.max(axis=1)).mean()
                - Z[np.arange(n), codes].mean()
            )

        found = temperature(logits, codes)
        other = minimize_scalar(loss, bounds=np.log((0.02, 50)), method="bounded")
        assert 0.02 <= found <= 50 and loss(np.log(found)) <= other.fun + 1e-6

    @pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
    def test_is_recovered_of_several_classes_a_sample(self, true: float) -> None:
        rng = np.random.default_rng(0)
        logits = 2 * rng.normal(size=(4000, 3))
        right = rng.random((4000, 3)) < 1 / (1 + np.exp(-logits))
        logits[0, 0] = -np.inf  # a class that its head did not know
        assert temperature(logits * true, right) == pytest.approx(true, rel=0.06)

    def test_lowers_the_calibration_error(self) -> None:
        logits, codes = drawn(6000, 5, seed=2)
        sharp = (3 * logits).astype(np.float32)
        found = temperature(sharp[:3000], codes[:3000])
        before = expected_calibration_error(softmax(sharp[3000:]), codes[3000:])
        after = expected_calibration_error(softmax(sharp[3000:] / np.float32(found)), codes[3000:])
        assert before > 0.15 and after < 0.03

    def test_edges(self) -> None:
        assert temperature(np.zeros((5, 3)), np.zeros(5, int)) == 1
        assert temperature(np.empty((0, 3)), []) == 1
        assert temperature([[5.0, 0.0], [0.0, 5.0]], [0, 1]) == pytest.approx(0.02)
        assert temperature([[5.0, 0.0], [0.0, 5.0]], [1, 0]) == pytest.approx(50)
        unknown = [[0.5, -np.inf], [3.0, 1.0], [1.0, 2.0], [2.0, -np.inf]]
        assert temperature(unknown, [1, 1, 1, 0]) == pytest.approx(temperature(unknown[1:], [1, 1, 0]))
        with pytest.raises(ValueError, match="expected logits"):
            temperature(np.zeros((5, 3)), np.zeros(4, int))


class TestExpectedCalibrationError:
    def test_by_hand(self) -> None:
        P = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]
        # Two of confidence .9, one right: a gap of .4; two of .6, both right: also .4.
        assert expected_calibration_error(P, [0, 1, 0, 1]) == pytest.approx(0.4)
        assert expected_calibration_error([[1.0, 0.0]], [0]) == 0

    def test_is_small_where_classes_are_drawn_from_the_probabilities(self) -> None:
        logits, codes = drawn(20000, 4, seed=3)
        assert expected_calibration_error(softmax(logits.astype(np.float32)), codes) < 0.015

    def test_refuses_nonsense(self) -> None:
        for P, codes, bins in (([[1.0]], [0, 0], 15), (np.empty((0, 2)), [], 15), ([[1.0]], [0], 0)):
            with pytest.raises(ValueError, match="expected probabilities"):
                expected_calibration_error(P, codes, bins)


class TestOutOfFold:
    def test_each_is_predicted_by_a_head_that_has_not_seen_it(self) -> None:
        X, _ = blobs(200, 4, d=400)
        y = np.random.default_rng(0).integers(4, size=200)  # nothing to be learnt but by heart
        head = heads.get("logistic", pool_mean=X.mean(axis=0))
        assert head.fit(X, y).score(X, y) > 0.95
        known = clone(head).set_params(start=head.linear())
        for each in (head, known):
            found = out_of_fold(each, X, y, 5, 0).argmax(axis=1)
            assert (found == y).mean() < 0.4

    def test_stays_the_same_for_the_same_seed(self) -> None:
        X, y = blobs(90, 3)
        head = heads.get("centroid", temperature=1.0)
        np.testing.assert_array_equal(out_of_fold(head, X, y, 3, 7), out_of_fold(head, X, y, 3, 7))
        assert not hasattr(head, "classes_")

    def test_a_class_of_one_label_cannot_be_predicted(self) -> None:
        X, y = blobs(60, 3)
        words = np.array(["a", "b", "c"])[y]
        words[5] = "lynx"
        P = softmax(out_of_fold(heads.get("logistic"), X, words, 3, 0))
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
        assert P.shape == (60, 4) and P[5, 3] == 0

    def test_classes_are_spread_evenly(self) -> None:
        codes = np.repeat([0, 1, 2], [50, 7, 3])
        fold = calibration._folds(codes, 3, np.random.default_rng(0))
        for code in range(3):
            counts = np.bincount(fold[codes == code], minlength=3)
            assert counts.max() - counts.min() <= 1

    def test_of_several_classes_one_that_is_held_out_whole_is_unknown(self) -> None:
        X, y = blobs(60, 3)
        Y = np.stack([y == 0, y > 0, np.arange(60) == 5, np.arange(60) < 6], axis=1)
        logits = out_of_fold(MultiLabelHead(), X, Y, 3, 0)
        unknown = ~np.isfinite(logits)
        assert unknown[5].tolist() == [False, False, True, False] and not unknown[:, [0, 1, 3]].any()
        fold = calibration._folds(calibration._rarest(Y), 3, np.random.default_rng(0))
        assert np.bincount(fold[Y[:, 3] & ~Y[:, 2]], minlength=3).max() == 2  # five of them, dealt evenly
        assert ((logits[:, :2] > 0) == Y[:, :2]).mean() > 0.95

    def test_refuses_nonsense(self) -> None:
        X, y = blobs(4, 2)
        for folds in (1, 5):
            with pytest.raises(ValueError, match="2 folds or more"):
                out_of_fold(heads.get("knn"), X, y, folds, 0)


class TestTuning:
    def test_weak_signals_want_a_strong_penalty(self) -> None:
        noisy, y = blobs(240, 4, d=60, spread=6)
        clear, labels = blobs(240, 4, d=60, spread=1)
        grid = (0.03, 1.0, 30.0, 1000.0)
        assert choose_C(heads.get("logistic"), noisy, y, 0, grid=grid) <= 1.0
        assert choose_C(heads.get("logistic"), clear, labels, 0, grid=grid) in grid

    def test_predicts_new_labels_better_than_a_bad_c(self) -> None:
        X, y = blobs(1200, 4, d=60, spread=4)
        head = heads.get("logistic", pool_mean=X.mean(axis=0), C=3000.0)
        found = tune(head, X[:300], y[:300], 0)
        tuned = clone(head).set_params(C=found.C, temperature=found.temperature).fit(X[:300], y[:300])
        assert log_loss(y[300:], tuned.predict_proba(X[300:])) < 0.8 * log_loss(
            y[300:], head.fit(X[:300], y[:300]).predict_proba(X[300:])
        )

    @pytest.mark.parametrize("name", ["logistic", "svm", "centroid", "knn", "sklearn.svm.LinearSVC"])
    def test_calibrates_every_head(self, name: str) -> None:
        X, y = blobs(1500, 5, d=30, spread=2.5)
        head = heads.get(name, pool_mean=X.mean(axis=0), temperature=1.0)
        found = tune(head, X[:300], y[:300], 0)
        assert (found.C is None) == (name not in ("logistic", "svm"))
        parameters = {"temperature": found.temperature} | ({"C": found.C} if found.C else {})
        tuned = clone(head).set_params(**parameters).fit(X[:300], y[:300])
        error = expected_calibration_error(tuned.predict_proba(X[300:]), y[300:])
        assert error < 0.08
        if name in ("svm", "sklearn.svm.LinearSVC"):  # whose raw logits promise too little
            assert error < 0.5 * expected_calibration_error(head.fit(X[:300], y[:300]).predict_proba(X[300:]), y[300:])

    def test_heads_may_calibrate_themselves(self) -> None:
        X, y = blobs(1500, 5, d=30, spread=2.5)
        head = heads.get("svm", pool_mean=X.mean(axis=0)).fit(X[:300], y[:300])
        assert expected_calibration_error(head.predict_proba(X[300:]), y[300:]) < 0.08
        assert head.fit(X[:49], y[:49]).temperature_ == 1

    def test_several_classes_a_sample_are_tuned_too(self) -> None:
        X, y = blobs(1200, 4, d=60, spread=4)
        Y = np.stack([y == 0, y < 2, y % 2 == 1], axis=1)
        head = MultiLabelHead(pool_mean=X.mean(axis=0), C=3000.0)
        found = tune(head, X[:300], Y[:300], 0)
        assert found.C in calibration.C_GRID and found.C < 3000
        tuned = clone(head).set_params(C=found.C, temperature=found.temperature).fit(X[:300], Y[:300])
        before, after = (
            -np.log(np.where(Y[300:], P, 1 - P)).mean()
            for P in (head.fit(X[:300], Y[:300]).predict_proba(X[300:]), tuned.predict_proba(X[300:]))
        )
        assert after < 0.8 * before
        rare = Y.copy()
        rare[4:, 0] = False  # fewer than five labels say yes
        assert tune(head, X[:300], rare[:300], 0).C is None

    def test_few_labels_change_nothing(self) -> None:
        X, y = blobs(40, 3)
        head = heads.get("logistic")
        assert tune(head, X[:9], y[:9], 0) == Tuning(None, 1.0)
        assert tune(head, X[:9], np.zeros(9), 0) == Tuning(None, 1.0)
        assert tune(head, X[:40], y[:40], 0).temperature == 1 and tune(head, X[:40], y[:40], 0).C in calibration.C_GRID
        rare = np.where(np.arange(40) < 4, 9, 0)
        assert choose_C(head, X[:40], rare, 0) is None
