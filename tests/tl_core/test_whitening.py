# ruff: noqa: N803, N806 - matrices are X and W here, as in scikit-learn
"""tl_core.spaces.whitening: what comes out is white, whatever the cuts, and stays what it was on disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.decomposition import PCA

from tests.tl_core.storages import root_of_each_kind  # noqa: F401 - a fixture
from tl_core.spaces import maps, whitening
from tl_core.spaces.maps import MapCorrupt
from tl_core.spaces.whitening import Whitening
from tl_core.store import storage
from tl_core.store.storage import ObjectStorage, Storage
from tl_core.store.vectors import Vectors


def pool(seed: int = 0, n: int = 200, width: int = 8, offset: float = 3.0) -> np.ndarray:
    """Correlated rows with clearly different variances, away from the origin."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    X = rng.normal(size=(n, width)) * 1.5 ** np.arange(width) @ turn
    return (X + offset * rng.normal(size=width)).astype(np.float32)


def cuts(X: np.ndarray, rows: int) -> list[np.ndarray]:
    return [X[start : start + rows] for start in range(0, len(X), rows)]


some = settings(max_examples=30, deadline=None)


@some
@given(seed=st.integers(0, 1000), dimension=st.integers(1, 8), offset=st.floats(0, 100))
def test_the_covariance_of_what_comes_out_is_the_identity(seed: int, dimension: int, offset: float) -> None:
    X = pool(seed, offset=offset)
    Y = whitening.fit([X], dimension).apply(X)
    assert Y.dtype == np.float32 and Y.shape == (len(X), dimension)
    np.testing.assert_allclose(np.atleast_2d(np.cov(Y.T.astype(np.float64))), np.eye(dimension), atol=1e-3)
    np.testing.assert_allclose(Y.mean(axis=0), 0, atol=1e-3)


@some
@given(seed=st.integers(0, 1000), dimension=st.integers(1, 8), n=st.integers(30, 300))
def test_it_is_scikit_learns_pca_but_for_signs(seed: int, dimension: int, n: int) -> None:
    X = pool(seed, n)
    ours = whitening.fit(cuts(X, 64), dimension)
    theirs = PCA(dimension, whiten=True, svd_solver="full").fit(X.astype(np.float64))
    np.testing.assert_allclose(ours.variances, theirs.explained_variance_, rtol=1e-5)
    np.testing.assert_allclose(np.abs(ours.apply(X)), np.abs(theirs.transform(X)), atol=2e-3)


@some
@given(seed=st.integers(0, 1000), rows=st.integers(1, 250))
def test_how_the_pool_is_cut_does_not_matter(seed: int, rows: int) -> None:
    X = pool(seed)
    one, other = whitening.fit([X], 5), whitening.fit([X[:0], *cuts(X, rows)], 5)
    np.testing.assert_allclose(other.mean, one.mean, rtol=1e-6)
    np.testing.assert_allclose(other.variances, one.variances, rtol=1e-9)
    np.testing.assert_allclose(other.projection, one.projection, rtol=1e-5, atol=1e-7)


def test_signs_are_fixed() -> None:
    X = pool()
    found = whitening.fit([X], 8)
    largest = found.projection[np.abs(found.projection).argmax(axis=0), np.arange(8)]
    assert (largest > 0).all() and (np.diff(found.variances) < 0).all()
    assert whitening.fit([X[::-1]], 8).digest != "" and whitening.fit([X], 8).digest == found.digest
    np.testing.assert_allclose(whitening.fit([X[::-1]], 8).projection, found.projection, atol=1e-5)


def test_a_direction_without_variance_is_not_blown_up() -> None:
    X = pool()
    X[:, 0] = 2
    X[:, 1] = X[:, 2]
    found = whitening.fit([X], 8)
    Y = found.apply(X)
    assert (found.variances[6:] < 1e-6).all() and np.abs(Y[:, 6:]).max() < 0.1
    np.testing.assert_allclose(Y[:, :6].std(axis=0, ddof=1), 1, atol=1e-4)
    X[0, 0] += 0.01  # next to nothing, in a direction that had nothing
    assert np.abs(found.apply(X)[:, 6:]).max() < 1


def test_shrinkage_evens_the_variances() -> None:
    X = pool()
    plain = whitening.fit([X], 3)
    everything = whitening.fit([X], 8).variances
    half, full = (whitening.fit([X], 3, shrinkage=share) for share in (0.5, 1.0))
    expected = plain.variances / (0.5 * plain.variances + 0.5 * everything.mean())
    np.testing.assert_allclose(half.apply(X).var(axis=0, ddof=1), expected, rtol=1e-4)
    np.testing.assert_allclose(full.apply(X).var(axis=0, ddof=1), plain.variances / everything.mean(), rtol=1e-4)


@some
@given(seed=st.integers(0, 1000), n=st.integers(3, 120), rows=st.integers(1, 60), offset=st.floats(0, 30))
def test_how_far_to_shrink_is_what_scikit_learn_finds(seed: int, n: int, rows: int, offset: float) -> None:
    X = pool(seed, n, width=20, offset=offset)
    assert whitening.moments(cuts(X, rows)).shrinkage() == pytest.approx(
        ledoit_wolf_shrinkage(X.astype(float)), abs=1e-6
    )


def test_fewer_rows_than_dimensions_are_whitened_where_shrinkage_makes_up_for_them() -> None:
    """What is known of a few directions from a few rows is not taken for true: rows not seen stay of a usual length."""
    X, others = (np.random.default_rng(seed).normal(size=(40, 100)).astype(np.float32) for seed in (0, 1))
    found = whitening.fit([X], 100, shrinkage=None)
    lengths = [float(np.linalg.norm(found.apply(rows), axis=1).mean()) for rows in (X, others)]
    assert found.dimension == 100 and lengths[1] == pytest.approx(lengths[0], rel=0.15)
    with pytest.raises(ValueError, match="40 rows cannot be whitened"):
        whitening.fit([X], 100)


@pytest.mark.parametrize(
    ("blocks", "dimension", "message"),
    [
        ([], 2, "0 rows cannot be whitened"),
        ([pool(n=8)], 8, "8 rows cannot be whitened to 8 dimensions: embed more"),
        ([pool()], 9, "keep at most 8"),
        ([pool()], 0, "dimension of 1 or more"),
        ([pool(), pool(width=7)], 2, r"blocks of shape \(n, 8\)"),
        ([pool()[0]], 2, "blocks of shape"),
        ([np.full((9, 8), 0.1, np.float32)], 2, "all alike"),
        ([np.zeros((9, 8), np.float32)], 2, "all alike"),
    ],
)
def test_what_cannot_be_fitted_is_said(blocks: list[np.ndarray], dimension: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        whitening.fit(blocks, dimension)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    X, found = pool(), whitening.fit([pool()], 2)
    X[150, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        whitening.fit(cuts(X, 100), 2)
    with pytest.raises(ValueError, match="not finite"):
        found.apply(X)


@pytest.mark.parametrize("options", [{"shrinkage": -0.1}, {"shrinkage": 1.1}, {"epsilon": 0}, {"epsilon": 2}])
def test_nonsense_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        whitening.fit([pool()], 2, **options)


def test_a_mapped_pool_is_whitened_as_an_array_is() -> None:
    X = pool(n=10_000)
    vectors = Vectors(cuts(X, 512), [None] * 20, 8)
    found = whitening.fit((block for _, block in vectors.blocks(512)), 4)
    np.testing.assert_array_equal(found.apply(vectors), found.apply(X))
    assert found.apply(X[:0]).shape == (0, 4)
    for wrong in (X[0], X[:, 1:]):
        with pytest.raises(ValueError, match=r"shape \(n, 8\)"):
            found.apply(wrong)


# --- on disk --------------------------------------------------------------------------------------


def test_it_is_saved_and_read(root: Storage) -> None:
    found = whitening.fit([pool()], 4)
    name = found.save(root)
    assert name == f"whitening-{found.digest}" == found.save(root) and root.names() == [f"{name}.safetensors"]
    read = maps.load(root, name)
    assert read.name == name and read.dimension == 4
    np.testing.assert_array_equal(read.apply(pool(1)), found.apply(pool(1)))
    with pytest.raises(FileNotFoundError):
        maps.load(root, f"whitening-{'0' * 64}")
    with pytest.raises(KeyError, match="nothing"):
        maps.load(root, "nothing-1")


def test_the_digest_is_of_every_number() -> None:
    found = whitening.fit([pool()], 4)
    digests = {found.digest}
    for name in ("mean", "projection", "variances"):
        arrays = {each: getattr(found, each).copy() for each in ("mean", "projection", "variances")}
        arrays[name].flat[-1] *= 1.5
        digests.add(Whitening(**arrays).digest)
    assert len(digests) == 4


@settings(max_examples=25, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_damaged_file_is_found(place: float, cut: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = tmp_path_factory.mktemp("root")
    name = whitening.fit([pool()], 4).save(storage.at(there))
    path = there / f"{name}.safetensors"
    changed = bytearray(path.read_bytes())
    position = int(place * len(changed))
    if cut:
        changed = changed[:position]
    else:
        changed[position] ^= 1
    path.write_bytes(changed)
    try:
        assert maps.load(storage.at(there), name).name == name  # spelling of the header
    except MapCorrupt as corrupt:
        assert name in str(corrupt)


def test_a_damaged_copy_is_fetched_again(root: Storage) -> None:
    if isinstance(root, ObjectStorage):
        name = whitening.fit([pool()], 4).save(root)
        root.local(f"{name}.safetensors").write_bytes(b"half")
        assert maps.load(root, name).name == name
