"""tl_core.store.vectors: indexes and streams as one array would, without being one."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tl_core.store.vectors import Vectors

DIMENSION = 3


@st.composite
def cut(draw: st.DrawFn) -> tuple[Vectors, np.ndarray]:
    """Vectors of up to five parts of any size, with any rows missing, and the same as one array."""
    parts, rows, expected = [], [], [np.empty((0, DIMENSION), np.float32)]
    for number in range(draw(st.integers(0, 5))):
        n = draw(st.integers(0, 6))
        dtype = draw(st.sampled_from([np.float32, np.float16]))
        part = (100 * number + np.arange(n * DIMENSION).reshape(n, DIMENSION)).astype(dtype)
        valid = np.flatnonzero(draw(hnp.arrays(bool, n))) if draw(st.booleans()) else None
        parts.append(part)
        rows.append(valid)
        expected.append(part.astype(np.float32) if valid is None else part[valid].astype(np.float32))
    return Vectors(parts, rows, DIMENSION), np.concatenate(expected)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected, strict=True)


@settings(deadline=None)
@given(both=cut(), data=st.data())
def test_indexing_is_that_of_one_array(both: tuple[Vectors, np.ndarray], data: st.DataObject) -> None:
    vectors, array = both
    n = len(array)
    assert len(vectors) == n and vectors.shape == array.shape and vectors.ndim == 2 and vectors.dtype == np.float32
    same(vectors[:], array)
    for _ in range(4):
        piece = data.draw(st.slices(n + 2)) if n else slice(None)
        same(vectors[piece], array[piece])
    mask = data.draw(hnp.arrays(bool, n))
    same(vectors[mask], array[mask])
    same(vectors[mask.tolist()], array[mask.tolist()])
    if n:
        dtype = data.draw(st.sampled_from([np.int64, np.int32, np.intp]))
        positions = data.draw(hnp.arrays(dtype, st.integers(0, 12), elements=st.integers(-n, n - 1)))
        same(vectors[positions], array[positions])
        same(vectors[positions.tolist()], array[positions.tolist()])
        same(vectors[positions % n], array[positions % n])
        one = data.draw(st.integers(-n, n - 1))
        same(vectors[one], array[one])
        same(vectors[np.int64(one)], array[one])
        same(vectors[np.array(one)], array[one])
    same(vectors[[]], array[[]])


@given(both=cut())
def test_what_is_out_of_range_is_refused(both: tuple[Vectors, np.ndarray]) -> None:
    vectors, array = both
    n = len(array)
    keys: list[Any] = [n, -n - 1, [n], [0, -n - 1], np.ones(n + 1, bool), np.uint64(2**64 - 1), np.array([2**64 - 1])]
    keys += [1.0, None, ..., (0, 1), (slice(None), 0), True, np.zeros((1, 1), int), np.zeros(2), ["a"], "a"]
    for key in keys:
        with pytest.raises(IndexError):
            vectors[key]


@given(both=cut(), rows=st.integers(1, 8))
def test_blocks_are_all_rows_in_order(both: tuple[Vectors, np.ndarray], rows: int) -> None:
    vectors, array = both
    end = 0
    for start, block in vectors.blocks(rows):
        assert start == end and 1 <= len(block) <= rows
        same(block, array[start : start + len(block)])
        end += len(block)
    assert end == len(array)
    with pytest.raises(ValueError, match="at least 1 row"):
        next(vectors.blocks(0))


@given(both=cut())
def test_numpy_takes_them(both: tuple[Vectors, np.ndarray]) -> None:
    vectors, array = both
    same(np.asarray(vectors), array)
    assert np.asarray(vectors, np.float64).dtype == np.float64
    np.testing.assert_array_equal(vectors - np.float32(1), array - 1)
    whole = np.array(vectors)
    whole += 1  # a copy is the caller's own
    same(vectors[:], array)
    mean = vectors.mean(axis=0, dtype=np.float64)
    assert mean.dtype == np.float64 and vectors.mean(dtype=np.float32).dtype == np.float32
    np.testing.assert_allclose(mean, array.mean(axis=0, dtype=np.float64) if len(array) else np.zeros(DIMENSION))
    with pytest.raises(ValueError, match="axis 0"):
        vectors.mean(axis=1)


def test_no_copy_where_none_is_needed() -> None:
    parts = [np.ones((4, DIMENSION), np.float32), np.ones((4, DIMENSION), np.float16)]
    for part in parts:
        part.flags.writeable = False
    both = Vectors(parts, [None, None], DIMENSION)
    one = Vectors(parts[:1], [None], DIMENSION)
    assert np.shares_memory(both[1:4], parts[0]) and not np.shares_memory(both[[1, 2]], parts[0])
    assert [np.shares_memory(block, parts[0]) for _, block in both.blocks(3)] == [True, True, False, False]
    assert not both[1:4].flags.writeable and both[2:6].flags.writeable
    assert np.shares_memory(np.asarray(one), parts[0]) and not np.shares_memory(np.array(one), parts[0])
    assert np.shares_memory(np.array(one, copy=False), parts[0])
    for vectors, dtype in ((both, None), (one, np.float64), (Vectors(parts[1:], [None], DIMENSION), None)):
        with pytest.raises(ValueError, match="without a copy"):
            np.array(vectors, dtype=dtype, copy=False)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(Vectors(parts[:1], [np.array([0, 1])], DIMENSION), copy=False)
    with pytest.raises(TypeError):
        both[0] = 1  # type: ignore[index]


def test_every_float16_is_converted_exactly() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)].reshape(-1, 2)  # subnormal ones and both zeros among them
    expected = every.astype(np.float32)
    backwards = np.arange(len(every))[::-1]
    vectors = Vectors([every], [None], 2)
    for found in (vectors[:], vectors[backwards][::-1], Vectors([every], [backwards], 2)[:][::-1]):
        same(found, expected)
        assert (np.signbit(found) == np.signbit(expected)).all()


def test_the_mean_is_summed_in_float64() -> None:
    part = np.full((4096, 1), 1e8 + 8, np.float32)
    assert Vectors([part] * 50, [None] * 50, 1).mean()[0] == 1e8 + 8


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_streaming_holds_one_block_at_a_time(dtype: type) -> None:
    part = np.ones((1000, 500), dtype)
    vectors = Vectors([part] * 40, [None, np.arange(1000)] * 20, 500)  # 80 MB as float32
    picked = np.random.default_rng(0).integers(0, len(vectors), 1000)
    tracemalloc.start()
    try:
        assert sum(len(block) for _, block in vectors.blocks(1000)) == 40_000
        assert vectors.mean().tolist() == [1.0] * 500
        assert vectors[picked].shape == (1000, 500)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10e6
