# ruff: noqa: N803 - matrices are X here, as in scikit-learn
"""Parts of an embedding beside each other: brought to one scale, weighed, read like any vectors, kept in a file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core import geometry
from tl_core.spaces import mixing
from tl_core.store import storage
from tl_core.store.mixed import Mixed
from tl_core.store.vectors import Vectors

RNG = np.random.default_rng(1)
LAST = (RNG.normal(size=(300, 6)) * 50 + 7).astype(np.float32)
LEVELS = (RNG.normal(size=(300, 4)) * [1, 1000, 0.01, 0] + 3).astype(np.float16)


def vectors(X: np.ndarray, *cuts: int) -> Vectors:
    """The rows as shards."""
    parts = np.split(X, cuts)
    return Vectors(parts, [None] * len(parts), X.shape[1])


@pytest.fixture
def parts() -> list[Vectors]:
    return [vectors(LAST, 100, 180), vectors(LEVELS, 100, 180)]


@pytest.fixture
def mix(parts: list[Vectors]) -> mixing.Mix:
    return mixing.fit([("a", parts[0], False), ("b", parts[1], True)], np.random.default_rng(0))


def test_rows_of_each_part_are_of_length_one_on_average(mix: mixing.Mix, parts: list[Vectors]) -> None:
    read = mix.apply(parts)[:]
    for columns in (slice(0, 6), slice(6, 10)):
        centred = read[:, columns] - read[:, columns].mean(axis=0)
        assert np.square(centred).sum(axis=1).mean() == pytest.approx(1, rel=0.01)
    # A last layer keeps its proportions, columns of levels lose theirs, and one that says nothing stays silent.
    assert np.ptp(mix.scales[0]) == 0
    assert np.allclose(read[:, 6:9].std(axis=0), np.sqrt(1 / 3), rtol=0.01) and not read[:, 9].any()


def test_weights_multiply_and_nothing_of_weight_zero_is_read(mix: mixing.Mix, parts: list[Vectors]) -> None:
    both = mix.weighted([2.0, 0.5])
    assert np.allclose(both.apply(parts)[:], mix.apply(parts)[:] * ([2.0] * 6 + [0.5] * 4), rtol=1e-6)
    levels = both.weighted([0.0, 1.0])
    assert (levels.fingerprints, levels.weights, levels.dimension) == (("b",), (1.0,), 4)
    assert np.allclose(levels.apply(parts[1:])[:], mix.apply(parts)[:][:, 6:], rtol=1e-6)
    assert len({mix.digest, both.digest, levels.digest}) == 3


@given(st.data())
def test_is_read_like_any_vectors(data: st.DataObject) -> None:
    scales = [np.array([1, 2, 3, 4, 5, 6], np.float32), np.array([7, 8, 9, 10], np.float32)]
    mixed = Mixed([vectors(LAST, 100, 180), vectors(LEVELS, 100, 180)], scales)
    whole = np.concatenate([LAST * scales[0], LEVELS.astype(np.float32) * scales[1]], axis=1)
    start, stop = sorted(data.draw(st.tuples(st.integers(0, 300), st.integers(0, 300))))
    assert np.array_equal(mixed[start:stop], whole[start:stop])
    positions = data.draw(st.lists(st.integers(-300, 299), max_size=20))
    assert np.array_equal(mixed[positions], whole[positions])
    mask = np.zeros(300, bool)
    mask[positions] = True
    assert np.array_equal(mixed[mask], whole[mask])
    some = np.flatnonzero(mask)
    assert np.array_equal(np.asarray(mixed.only(some)), whole[some])
    rows = data.draw(st.integers(1, 120))
    assert np.array_equal(np.concatenate([block for _, block in mixed.blocks(rows)]), whole)
    assert np.allclose(geometry.mean_row(mixed), whole.mean(axis=0), rtol=1e-5)


def test_parts_of_other_samples_are_refused(mix: mixing.Mix, parts: list[Vectors]) -> None:
    with pytest.raises(ValueError, match="one length"):
        mix.apply([parts[0], parts[1].only(np.arange(5))])
    with pytest.raises(ValueError, match="do not fit"):
        mix.apply(parts[::-1])
    with pytest.raises(ValueError, match="needs a part"):
        mixing.fit([], np.random.default_rng(0))


def test_comes_back_from_its_file(mix: mixing.Mix, tmp_path: Path) -> None:
    where = storage.at(tmp_path)
    digest = mix.weighted([2.0, 1.0]).save(where)
    back = mixing.load(where, digest)
    assert (back.digest, back.fingerprints, back.weights) == (digest, ("a", "b"), (2.0, 1.0))
    file = tmp_path / mixing.file_name(digest)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(mixing.MixCorrupt, match="damaged"):
        mixing.load(where, digest)
    with pytest.raises(FileNotFoundError):
        mixing.load(where, "0" * 64)
