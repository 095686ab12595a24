"""tl_core.store: what was written is read, and nothing else is ever taken for it."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from tl_core import files
from tl_core.store import EmbeddingStore, StoreCorrupt

DIMENSION = 5
rng = np.random.default_rng(11)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    return EmbeddingStore(tmp_path / "embeddings", "0123456789abcdef", DIMENSION)


def rows(n: int, first: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vectors = np.random.default_rng(n + first).normal(size=(n, DIMENSION)).astype(np.float32)
    return np.arange(first, first + n, dtype=np.int64), vectors, np.ones(n, bool)


def names(store: EmbeddingStore) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vectors=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 9), st.just(DIMENSION)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    data=st.data(),
)
def test_round_trip(vectors: np.ndarray, data: st.DataObject, store: EmbeddingStore) -> None:
    n = len(vectors)
    ids = data.draw(hnp.arrays(np.int64, n, elements=st.integers(-(2**63), 2**63 - 1), unique=True))
    valid = data.draw(hnp.arrays(bool, n))
    vectors[~valid] = np.nan  # what a broken image may leave; must not be stored
    before = vectors.copy()
    written = store.write_shard(3, ids, vectors, valid)
    np.testing.assert_array_equal(vectors, before)
    assert (written.number, written.count) == (3, n) and store.numbers() == [3]
    shard = store.read_shard(3, verify=True)
    np.testing.assert_array_equal(shard.ids, ids)
    np.testing.assert_array_equal(shard.valid, valid)
    np.testing.assert_array_equal(shard.vectors, np.where(valid[:, None], vectors, 0))
    opened = store.open()
    np.testing.assert_array_equal(opened.ids, ids[valid])
    np.testing.assert_array_equal(opened.vectors, vectors[valid])
    assert opened.vectors.dtype == np.float32 and opened.ids.dtype == np.int64
    assert written == store.write_shard(3, ids, vectors, valid)


def test_shards_are_concatenated_in_order(store: EmbeddingStore) -> None:
    for number in (10, 2, 0):
        ids, vectors, valid = rows(4, first=100 * number)
        valid[number % 4] = False
        store.write_shard(number, ids, vectors, valid)
    assert store.numbers() == [0, 2, 10]
    assert store.open().ids.tolist() == [1, 2, 3, 200, 201, 203, 1000, 1001, 1003]
    some = store.open([10, 0])
    assert some.ids.tolist() == [1000, 1001, 1003, 1, 2, 3]
    np.testing.assert_array_equal(some.vectors[0], rows(4, first=1000)[1][0])


def test_one_whole_shard_is_mapped_and_aligned(store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(7))
    vectors = store.open().vectors
    assert not vectors.flags.owndata and not vectors.flags.writeable and vectors.flags.aligned


def test_an_empty_store_is_empty(store: EmbeddingStore) -> None:
    assert store.numbers() == []
    assert store.open().ids.shape == (0,) and store.open().vectors.shape == (0, DIMENSION)
    with pytest.raises(FileNotFoundError):
        store.read_shard(0)


def test_other_programs_can_read_a_shard(store: EmbeddingStore) -> None:
    ids, vectors, valid = rows(6)
    store.write_shard(0, ids, vectors, valid)
    arrays = load_file(store.path(0))
    np.testing.assert_array_equal(arrays["ids"], ids)
    np.testing.assert_array_equal(arrays["vectors"], vectors)
    np.testing.assert_array_equal(arrays["valid"], valid)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, v, k: (i[:-1], v, k), "expected ids"),
        (lambda i, v, k: (i, v[:, :-1], k), "expected ids"),
        (lambda i, v, k: (i, v, k[:, None]), "expected ids"),
        (lambda i, v, k: (i, v, k.astype(int)), "boolean"),
        (lambda i, v, k: (i.astype(float), v, k), "integer"),
        (lambda i, v, k: (i * 0, v, k), "repeat"),
        (lambda i, v, k: (i, v * np.nan, k), "finite"),
    ],
)
def test_nonsense_is_not_stored(change: object, message: str, store: EmbeddingStore) -> None:
    with pytest.raises(ValueError, match=message):
        store.write_shard(0, *change(*rows(4)))
    with pytest.raises(ValueError, match="0 or more"):
        store.write_shard(-1, *rows(4))
    assert store.numbers() == []


@given(place=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_shard_cut_short_is_found_without_reading_it_all(place: float, store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(50))
    content = store.path(0).read_bytes()
    store.path(0).write_bytes(content[: int(place * len(content))])
    with pytest.raises(StoreCorrupt, match="shard-000000"):
        store.open()


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_found_by_verifying(place: float, bit: int, store: EmbeddingStore) -> None:
    ids, vectors, valid = rows(50)
    store.write_shard(0, ids, vectors, valid)
    content = bytearray(store.path(0).read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    store.path(0).write_bytes(content)
    try:
        shard = store.read_shard(0, verify=True)
    except StoreCorrupt as corrupt:
        assert "shard-000000" in str(corrupt)
    else:  # the bit was in the header's padding or spelling and changed no value
        np.testing.assert_array_equal(shard.ids, ids)
        np.testing.assert_array_equal(shard.vectors, vectors)
        np.testing.assert_array_equal(shard.valid, valid)


def test_a_file_that_grew_is_corrupt(store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(5))
    with store.path(0).open("ab") as file:
        file.write(b"x")
    with pytest.raises(StoreCorrupt, match="bytes instead of"):
        store.read_shard(0)


def test_shards_of_other_featurisers_are_refused(store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(5))
    other = EmbeddingStore(store.directory.parent, "fedcba9876543210", DIMENSION)
    other.directory.mkdir()
    other.path(0).write_bytes(store.path(0).read_bytes())
    with pytest.raises(StoreCorrupt, match="another featuriser"):
        other.read_shard(0)
    with pytest.raises(StoreCorrupt, match="shapes"):
        EmbeddingStore(store.directory.parent, store.fingerprint, DIMENSION + 1).read_shard(0)


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_full_disk_keeps_the_old_shard(call: str, store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_shard(0, *rows(5))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {"open": Path, "fsync": os, "replace": Path}[call]
    original = Path.open

    def writes_fail(path: Path, mode: str = "r", *rest: object, **named: object) -> object:
        file = original(path, mode, *rest, **named)
        if "x" in mode:
            file.write(b"the first few bytes")
            file.close()
            full()
        return file

    with monkeypatch.context() as patch:
        patch.setattr(target, call, writes_fail if call == "open" else full)
        for number in (0, 1):
            with pytest.raises(OSError, match="No space"):
                store.write_shard(number, *rows(8))
    assert names(store) == ["shard-000000.safetensors"]
    assert store.read_shard(0, verify=True).ids.shape == (5,)


def test_a_really_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """The file size limit of a process stands in for the end of the disk."""
    code = """if True:
        import pathlib, resource, signal, sys, numpy as np
        from tl_core.store import EmbeddingStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = EmbeddingStore(pathlib.Path(sys.argv[1]), "f" * 16, 100)
        n = 1000
        try:
            store.write_shard(0, np.arange(n), np.ones((n, 100), np.float32), np.ones(n, bool))
        except OSError as error:
            print(type(error).__name__, list(store.directory.iterdir()))"""
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "OSError []"


def test_a_killed_writer_leaves_whole_shards_and_its_rest_is_swept(tmp_path: Path) -> None:
    code = """if True:
        import pathlib, sys, numpy as np
        from tl_core.store import EmbeddingStore
        store = EmbeddingStore(pathlib.Path(sys.argv[1]), "f" * 16, 1000)
        n = 3000
        for number in range(10_000):
            vectors = np.full((n, 1000), number, np.float32)
            store.write_shard(number % 3, np.arange(n), vectors, np.ones(n, bool))
            print(number, flush=True)"""
    store = EmbeddingStore(tmp_path, "f" * 16, 1000)
    for delay in (0.0, 0.004, 0.01):
        writer = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(4):
            writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for number in store.numbers():
            vectors = store.read_shard(number, verify=True).vectors
            assert (vectors == vectors[0, 0]).all()
    left = store.directory / ".shard-000000.safetensors.elsewhere-1-0.tmp"
    left.write_bytes(b"half a shard")
    os.utime(left, (1, 1))
    young = store.directory / ".shard-000001.safetensors.elsewhere-2-0.tmp"
    young.write_bytes(b"somebody is writing this")
    store.write_shard(0, np.arange(1), np.zeros((1, 1000), np.float32), np.ones(1, bool))
    assert not left.exists() and young.exists() and store.numbers() == [0, 1, 2]


def test_only_old_temporary_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".a.tmp").write_text("old")
    (tmp_path / "a.txt").write_text("mine")
    assert files.remove_abandoned(tmp_path) == 0
    assert files.remove_abandoned(tmp_path, older_than_seconds=-1) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert files.remove_abandoned(tmp_path / "gone") == 0
