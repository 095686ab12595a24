# ruff: noqa: N803, N806 - the matrix is X here, as in scikit-learn
"""tl_core.spaces.cameras: what cameras differ in goes, what classes differ in stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.spaces import cameras, maps
from tl_core.store import storage


def seen(seed: int = 0, n: int = 400, apart: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings (n, 32) of two classes by six cameras, each with an offset; classes and cameras of each."""
    rng = np.random.default_rng(seed)
    label, camera = rng.integers(0, 2, n), rng.integers(0, 6, n)
    direction = rng.normal(size=32)
    X = rng.normal(size=(n, 32)) + np.outer(label, 5 * direction / np.linalg.norm(direction))
    return (X + apart * rng.normal(size=(6, 32))[camera]).astype(np.float32), label, camera


def between(X: np.ndarray, codes: np.ndarray) -> float:
    means = np.stack([X[codes == each].mean(axis=0) for each in np.unique(codes)])
    return float(np.linalg.norm(means - means.mean(axis=0)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_planted_offsets_go_and_the_class_stays(seed: int) -> None:
    X, label, camera = seen(seed)
    found = cameras.fit(X, camera)
    Y = found.apply(X)
    assert len(found.ratios) == 5 and (np.diff(found.ratios) <= 0).all()
    assert between(Y, camera) < 0.01 * between(X, camera)
    assert between(Y, label) > 0.8 * 5 / np.sqrt(2)
    np.testing.assert_allclose(Y.mean(axis=0), X.mean(axis=0), atol=1e-3)


def test_where_cameras_do_not_differ_nothing_changes() -> None:
    X, _, camera = seen(apart=0.0)
    found = cameras.fit(X, camera)
    assert len(found.ratios) == 0
    np.testing.assert_array_equal(found.apply(X), X)


def test_unknown_and_rare_cameras_count_for_nothing() -> None:
    X, _, camera = seen()
    odd = np.full((7, 32), 1000, np.float32)
    some, codes = np.concatenate([X, odd]), np.concatenate([camera, np.full(4, -1), [9, 9, 9]])
    assert cameras.fit(some, codes).digest == cameras.fit(X, camera).digest


def test_fewer_pictures_than_dimensions_do() -> None:
    X, _, camera = seen(n=24)
    fitted = cameras.fit(X, camera % 2)
    others = seen(1)[0]
    assert np.isfinite(fitted.apply(others)).all() and len(fitted.ratios) <= 1
    assert np.abs(fitted.apply(others)).max() < 3 * np.abs(others).max()


def test_the_most_telling_directions_come_first_and_no_more_than_asked() -> None:
    X, _, camera = seen()
    whole, some = cameras.fit(X, camera), cameras.fit(X, camera, most=2)
    np.testing.assert_array_equal(some.ratios, whole.ratios[:2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, camera: (X, camera[:-1]), "expected X"),
        (lambda X, camera: (X, np.zeros(len(X))), "1 cameras have 5 pictures"),
        (lambda X, camera: (X * np.nan, camera), "not finite"),
        (lambda X, camera: (np.ones_like(X) * camera[:, None].astype(np.float32), camera), "all alike"),
    ],
)
def test_what_cannot_be_compared_is_said(change: object, message: str) -> None:
    X, _, camera = seen()
    with pytest.raises(ValueError, match=message):
        cameras.fit(*change(X, camera))


def test_it_is_saved_and_read(tmp_path: object) -> None:
    X, _, camera = seen()
    found, root = cameras.fit(X, camera), storage.at(tmp_path)
    np.testing.assert_array_equal(maps.load(root, found.save(root)).apply(X), found.apply(X))
