# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""tl_core.heads.weighing: which way of reading embeddings held-out labels speak for."""

import numpy as np
import pytest

from tl_core.heads import weighing


def plain(X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None, *, others: list[np.ndarray]) -> int:
    candidates = [X, *others]
    centres = [each.mean(axis=0) for each in candidates]
    return weighing.weigh(candidates, y, centres, groups, np.random.default_rng(0)).chosen


@pytest.fixture
def told() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes, embeddings that tell them, and some that don't."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 150)
    telling = (np.eye(3)[y] * 2 + rng.normal(size=(150, 3))).astype(np.float32)
    return y, telling, rng.normal(size=(150, 3)).astype(np.float32)


def test_what_tells_more_is_chosen(told) -> None:
    y, telling, silent = told
    assert plain(silent, y, others=[telling]) == 1
    assert plain(telling, y, others=[silent]) == 0


def test_without_a_reason_the_first_stays(told) -> None:
    y, telling, _ = told
    again = telling + np.random.default_rng(5).normal(size=telling.shape).astype(np.float32) * 0.01
    assert plain(telling, y, others=[again]) == 0


def test_few_labels_change_nothing(told) -> None:
    y, telling, silent = told
    few = slice(weighing.ENOUGH_LABELS - 1)
    assert plain(silent[few], y[few], others=[telling[few]]) == 0


def test_several_classes_a_sample(told) -> None:
    y, telling, silent = told
    Y = np.stack([y == 0, y != 1, y == 2], axis=1)
    assert plain(silent, Y, others=[telling]) == 1


def test_what_only_tells_cameras_is_not_taken_for_what_tells_classes() -> None:
    """Each camera sees one class: embeddings that know the camera know nothing of a new one."""
    rng = np.random.default_rng(3)
    camera = rng.integers(0, 30, 300)
    y = (camera % 2).astype(np.int64)
    by_camera = (np.eye(30)[camera] * 4 + rng.normal(size=(300, 30)) * 0.1).astype(np.float32)
    by_class = np.stack([y + rng.normal(size=300), rng.normal(size=300)], axis=1).astype(np.float32)
    assert plain(by_class, y, others=[by_camera]) == 1
    assert plain(by_class, y, camera.astype(np.int64), others=[by_camera]) == 0


def test_folds_keep_groups_together_and_are_even() -> None:
    rng = np.random.default_rng(0)
    groups = np.where(rng.random(400) < 0.3, -1, rng.integers(0, 40, 400))
    fold = weighing.folds(400, groups, rng)
    for group in range(40):
        assert len(np.unique(fold[groups == group])) == 1
    sizes = np.bincount(fold, minlength=weighing.FOLDS)
    assert np.ptp(sizes) <= 2
    assert np.ptp(np.bincount(weighing.folds(11, None, rng), minlength=weighing.FOLDS)) == 1
