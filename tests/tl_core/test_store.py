"""tl_core.store.embeddings: what was written is read, and nothing else is ever taken for it."""

import errno
import hashlib
import json
import os
import signal
import struct
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

from tests.tl_core.storages import elsewhere, objects_of_each_kind, root_of_each_kind  # noqa: F401 - fixtures
from tl_core.store import files, storage
from tl_core.store.embeddings import EmbeddingStore, Shard
from tl_core.store.shards import StoreCorrupt
from tl_core.store.storage import ObjectStorage, Storage

DIMENSION = 5
FINGERPRINT = "0123456789abcdef"


@pytest.fixture
def store(root: Storage) -> EmbeddingStore:
    """A store on each kind of storage in turn."""
    return EmbeddingStore(root, FINGERPRINT, DIMENSION)


@pytest.fixture
def on_disk(tmp_path: Path) -> EmbeddingStore:
    """A store in ``tmp_path / "embeddings"``, for what only a directory can do."""
    return EmbeddingStore(tmp_path / "embeddings", FINGERPRINT, DIMENSION)


def rows(n: int, first: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vectors = np.random.default_rng(n + first).normal(size=(n, DIMENSION)).astype(np.float32)
    return np.arange(first, first + n, dtype=np.int64), vectors, np.ones(n, bool)


def content(store: EmbeddingStore, number: int = 0) -> bytes:
    return store.storage.local(store.name(number)).read_bytes()


def damage(store: EmbeddingStore, changed: bytes, number: int = 0) -> None:
    store.storage.write(store.name(number), changed)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dtype=st.sampled_from(["float32", "float16"]),
    vectors=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 9), st.just(DIMENSION)),
        elements=st.floats(width=16, allow_nan=False, allow_infinity=False),
    ),
    data=st.data(),
)
def test_round_trip(dtype: str, vectors: np.ndarray, data: st.DataObject, root: Storage) -> None:
    store = EmbeddingStore(root, FINGERPRINT, DIMENSION, dtype=dtype)
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
    assert shard.vectors.dtype == dtype
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
    np.testing.assert_array_equal(some.vectors[3], rows(4)[1][1])


def test_whole_shards_are_mapped_and_aligned(store: EmbeddingStore) -> None:
    for number in range(3):
        store.write_shard(number, *rows(7, first=7 * number))
    blocks = [block for _, block in store.open().vectors.blocks(100)]
    assert [len(block) for block in blocks] == [7, 7, 7]
    for block in [*blocks, store.read_shard(1).vectors]:
        assert not block.flags.owndata and not block.flags.writeable and block.flags.aligned


def test_what_is_open_stays_as_it_was(store: EmbeddingStore) -> None:
    ids, vectors, valid = rows(600)
    store.write_shard(0, ids, vectors, valid)
    store.write_shard(1, ids, vectors, valid)
    opened = store.open()
    store.write_shard(0, ids, -vectors, valid)
    store.delete_shard(1)
    np.testing.assert_array_equal(store.open().vectors, -vectors)
    del store
    np.testing.assert_array_equal(opened.vectors, np.concatenate([vectors, vectors]))


def test_the_format_is_the_one_that_is_on_disks_already(store: EmbeddingStore) -> None:
    vectors = (np.arange(15, dtype=np.float32).reshape(3, 5) - 7) / 4
    written = store.write_shard(7, np.array([5, -2, 2**40]), vectors, np.array([True, False, True]))
    assert written.sha256 == "6265ef780fbe26a30b08ea56d2ddd85121fc8a35882e589e6fd0fde7d7115572"
    assert store.storage.names() == ["shard-000007.safetensors"]
    of_the_file = "99634386773e992ee511f241cf237828d34f530591f2a2fb96697459710943c1"
    assert hashlib.sha256(content(store, 7)).hexdigest() == of_the_file


def test_shards_of_both_precisions_are_one_store(store: EmbeddingStore, root: Storage) -> None:
    ids, vectors, valid = rows(4)
    EmbeddingStore(root, FINGERPRINT, DIMENSION, dtype="float16").write_shard(0, ids, vectors, valid)
    store.write_shard(1, ids, vectors, valid)
    found = store.open().vectors
    assert found[:].dtype == found[2].dtype == np.float32
    np.testing.assert_array_equal(found, np.concatenate([vectors.astype(np.float16), vectors]))
    assert [store.read_shard(number, verify=True).vectors.nbytes for number in (0, 1)] == [40, 80]


def test_float16_refuses_what_it_cannot_hold(root: Storage) -> None:
    store = EmbeddingStore(root, FINGERPRINT, DIMENSION, dtype="float16")
    ids, vectors, valid = rows(4)
    vectors[1, 1] = 65_520
    with pytest.raises(ValueError, match="not finite as float16"):
        store.write_shard(0, ids, vectors, valid)
    valid[1] = False
    store.write_shard(0, ids, vectors, valid)
    assert store.open().ids.tolist() == [0, 2, 3]


@pytest.mark.parametrize("verify", [False, True])
def test_an_older_copy_is_not_taken_for_the_shard_on_record(
    verify: bool, objects: ObjectStorage, tmp_path: Path
) -> None:
    here = EmbeddingStore(objects, FINGERPRINT, DIMENSION)
    there = EmbeddingStore(elsewhere(objects, tmp_path), FINGERPRINT, DIMENSION)
    ids, vectors, valid = rows(4)
    old = there.write_shard(0, ids, vectors, valid)
    np.testing.assert_array_equal(here.read_shard(0, sha256=old.sha256).vectors, vectors)
    new = there.write_shard(0, ids, 2 * vectors, valid)
    np.testing.assert_array_equal(here.open([0]).vectors, vectors)
    np.testing.assert_array_equal(here.open([new]).vectors, 2 * vectors)
    np.testing.assert_array_equal(here.read_shard(0, verify=verify).vectors, 2 * vectors)
    with pytest.raises(StoreCorrupt, match="on record"):
        here.read_shard(0, sha256=old.sha256, verify=verify)


def test_a_shard_on_record_must_be_that_shard(store: EmbeddingStore) -> None:
    ids, vectors, valid = rows(4)
    written = store.write_shard(0, ids, vectors, valid)
    assert store.open([written]).ids.tolist() == store.open(iter([0])).ids.tolist() == [0, 1, 2, 3]
    store.write_shard(0, ids, vectors, ~valid)
    for read in (lambda: store.open([written]), lambda: store.read_shard(0, sha256=written.sha256)):
        with pytest.raises(StoreCorrupt, match=r"shard-000000.*on record"):
            read()
    with pytest.raises(FileNotFoundError):
        store.open([Shard(1, 4, written.sha256)])


def test_a_damaged_copy_is_fetched_again(objects: ObjectStorage) -> None:
    store = EmbeddingStore(objects, FINGERPRINT, DIMENSION)
    ids, vectors, valid = rows(4)
    store.write_shard(0, ids, vectors, valid)
    copy = store.storage.local(store.name(0))
    whole = copy.read_bytes()
    for broken in (b"", whole[:-1], whole[:-30] + b"x" + whole[-29:]):
        copy.write_bytes(broken)
        np.testing.assert_array_equal(store.read_shard(0, verify=True).vectors, vectors)
    assert copy.read_bytes() == whole


def test_deleting(root: Storage, tmp_path: Path) -> None:
    stores = [EmbeddingStore(root, fingerprint, DIMENSION) for fingerprint in ("aa", "ab", "b")]
    for store in stores:
        for number in range(3):
            store.write_shard(number, *rows(2))
        store.open()
    root.write("b/shard-1.safetensors", b"no shard")
    stores[0].delete_shard(1)
    stores[0].delete_shard(1)
    assert stores[0].numbers() == [0, 2] and stores[1].numbers() == [0, 1, 2]
    stores[0].delete()
    stores[0].delete()
    assert stores[0].numbers() == [] and len(stores[0].open().ids) == 0
    stores[2].delete()
    assert stores[1].numbers() == [0, 1, 2] and root.names("b/") == ["b/shard-1.safetensors"]
    assert sorted({path.parent.name for path in tmp_path.rglob("shard-000*")}) == ["ab"]


def test_a_path_is_a_directory(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path, "aa", DIMENSION).write_shard(0, *rows(2))
    assert EmbeddingStore(storage.at(tmp_path), "aa", DIMENSION).open().ids.tolist() == [0, 1]
    assert (tmp_path / "aa" / EmbeddingStore.name(0)).is_file()
    with pytest.raises(ValueError, match="not a name"):
        EmbeddingStore(tmp_path, "../aa", DIMENSION)


def test_more_shards_than_files_may_be_open(tmp_path: Path) -> None:
    """All of them stay mapped, and what is mapped costs no memory before it is read."""
    store = EmbeddingStore(tmp_path, FINGERPRINT, 2000)
    n = 50
    for number in range(300):
        store.write_shard(number, np.arange(n) + n * number, np.full((n, 2000), number, np.float32), np.ones(n, bool))
    code = """if True:
        import gc, os, pathlib, resource, sys, numpy as np, psutil
        from tl_core.store.embeddings import EmbeddingStore
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
        descriptors = len(os.listdir("/proc/self/fd"))
        store = EmbeddingStore(pathlib.Path(sys.argv[1]), "0123456789abcdef", 2000)
        before = psutil.Process().memory_info().rss
        found = store.open()
        grown = psutil.Process().memory_info().rss - before
        assert grown < 12e6, f"opening 120 MB took {grown} bytes"
        assert len(os.listdir("/proc/self/fd")) == descriptors
        maps = lambda: open("/proc/self/maps").read().count(".safetensors")
        assert maps() == 300, maps()
        positions = np.random.default_rng(0).permutation(15_000)
        assert (found.vectors[positions][:, 7] == found.ids[positions] // 50).all()
        assert found.vectors.mean()[0] == 149.5
        row = found.vectors[10:12]
        del found, store
        gc.collect()
        assert maps() == 1 and (row == 0).all(), maps()
        del row
        assert maps() == 0"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


def test_an_empty_store_is_empty(store: EmbeddingStore) -> None:
    assert store.numbers() == []
    assert store.open().ids.shape == (0,) and store.open().vectors.shape == (0, DIMENSION)
    with pytest.raises(FileNotFoundError):
        store.read_shard(0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_other_programs_can_read_a_shard(dtype: str, root: Storage) -> None:
    store = EmbeddingStore(root, FINGERPRINT, DIMENSION, dtype=dtype)
    ids, vectors, valid = rows(6)
    vectors = vectors.astype(np.float16).astype(np.float32)
    store.write_shard(0, ids, vectors, valid)
    arrays = load_file(store.storage.local(store.name(0)))
    assert arrays["vectors"].dtype == dtype
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
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_shard_cut_short_is_found_without_reading_it_all(place: float, store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(50))
    whole = content(store)
    damage(store, whole[: int(place * len(whole))])
    with pytest.raises(StoreCorrupt, match="shard-000000"):
        store.open()


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_found_by_verifying(place: float, bit: int, store: EmbeddingStore) -> None:
    ids, vectors, valid = rows(50)
    store.write_shard(0, ids, vectors, valid)
    changed = bytearray(content(store))
    changed[int(place * len(changed))] ^= 1 << bit
    damage(store, bytes(changed))
    try:
        shard = store.read_shard(0, verify=True)
    except StoreCorrupt as corrupt:
        assert "shard-000000" in str(corrupt)
    else:  # the bit was in the header's padding or spelling and changed no value
        np.testing.assert_array_equal(shard.ids, ids)
        np.testing.assert_array_equal(shard.vectors, vectors)
        np.testing.assert_array_equal(shard.valid, valid)


def test_a_shard_without_checksums_is_not_the_one_on_record(on_disk: EmbeddingStore) -> None:
    written = on_disk.write_shard(0, *rows(5))
    whole = content(on_disk)
    (length,) = struct.unpack("<Q", whole[:8])
    text = json.dumps({**json.loads(whole[8 : 8 + length]), "__metadata__": {"fingerprint": FINGERPRINT, "ids": 3}})
    damage(on_disk, struct.pack("<Q", len(text)) + text.encode() + whole[8 + length :])
    assert on_disk.read_shard(0).ids.tolist() == [0, 1, 2, 3, 4]
    for options in ({"verify": True}, {"sha256": written.sha256}):
        with pytest.raises(StoreCorrupt, match="checksum"):
            on_disk.read_shard(0, **options)


def test_a_damaged_flag_counts_once(on_disk: EmbeddingStore) -> None:
    ids, vectors, valid = rows(5)
    on_disk.write_shard(0, ids, vectors, valid)
    on_disk.write_shard(1, ids, vectors, valid & (ids != 2))
    for number in (0, 1):
        damage(on_disk, content(on_disk, number)[:-1] + b"\x06", number)
    assert all(on_disk.read_shard(number).valid.view(np.uint8).max() == 1 for number in (0, 1))
    found = on_disk.open()
    assert found.ids.tolist() == [0, 1, 2, 3, 4, 0, 1, 3, 4] and found.vectors.shape == (9, DIMENSION)
    with pytest.raises(StoreCorrupt, match="checksum of its valid"):
        on_disk.read_shard(0, verify=True)


def test_a_file_that_grew_is_corrupt(store: EmbeddingStore) -> None:
    store.write_shard(0, *rows(5))
    damage(store, content(store) + b"x")
    with pytest.raises(StoreCorrupt, match="bytes instead of"):
        store.read_shard(0)


def test_shards_of_other_featurisers_are_refused(store: EmbeddingStore, root: Storage) -> None:
    store.write_shard(0, *rows(5))
    other = EmbeddingStore(root, "fedcba9876543210", DIMENSION)
    damage(other, content(store))
    with pytest.raises(StoreCorrupt, match="another featuriser"):
        other.read_shard(0)
    with pytest.raises(StoreCorrupt, match="shapes"):
        EmbeddingStore(root, FINGERPRINT, DIMENSION + 1).read_shard(0)


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        {"ids": {"dtype": "I64", "shape": [5]}},
        {"vectors": {"dtype": "F64", "shape": [5, DIMENSION], "data_offsets": [40, 140]}},
        {"vectors": {"dtype": "F32", "shape": [5, -DIMENSION], "data_offsets": [40, 140]}},
        {"vectors": {"dtype": "F32", "shape": [-5, -DIMENSION], "data_offsets": [40, 140]}},
        {"vectors": {"dtype": "F32", "shape": [], "data_offsets": [40, 44]}},
        {"vectors": {"dtype": "F32", "shape": [5, DIMENSION], "data_offsets": [41, 141]}},
        {"vectors": {"dtype": "F32", "shape": [25], "data_offsets": [40, 140]}},
        {"valid": {"dtype": "BOOL", "shape": [-1, -5], "data_offsets": [140, 145]}},
        {"__metadata__": None},
    ],
)
def test_a_header_that_lies_is_corrupt(header: object, on_disk: EmbeddingStore) -> None:
    on_disk.write_shard(0, *rows(5))
    whole = content(on_disk)
    (length,) = struct.unpack("<Q", whole[:8])
    text = json.dumps({**json.loads(whole[8 : 8 + length]), **header} if header else header).encode()
    damage(on_disk, struct.pack("<Q", len(text)) + text + whole[8 + length :])
    with pytest.raises(StoreCorrupt, match="shard-000000"):
        on_disk.read_shard(0)


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_full_disk_keeps_the_old_shard(call: str, on_disk: EmbeddingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = on_disk
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
    directory = store.storage.local(store.name(0)).parent
    assert [path.name for path in directory.iterdir()] == ["shard-000000.safetensors"]
    assert store.read_shard(0, verify=True).ids.shape == (5,)


def test_a_really_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """The file size limit of a process stands in for the end of the disk."""
    code = """if True:
        import pathlib, resource, signal, sys, numpy as np
        from tl_core.store.embeddings import EmbeddingStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = EmbeddingStore(pathlib.Path(sys.argv[1]), "f" * 16, 100)
        n = 1000
        try:
            store.write_shard(0, np.arange(n), np.ones((n, 100), np.float32), np.ones(n, bool))
        except OSError as error:
            print(type(error).__name__, list(pathlib.Path(sys.argv[1], "f" * 16).iterdir()))"""
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "OSError []"


def test_a_killed_writer_leaves_whole_shards_and_its_rest_is_swept(tmp_path: Path) -> None:
    code = """if True:
        import pathlib, sys, numpy as np
        from tl_core.store.embeddings import EmbeddingStore
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
    left = tmp_path / ("f" * 16) / ".shard-000000.safetensors.elsewhere-1-0.tmp"
    left.write_bytes(b"half a shard")
    os.utime(left, (1, 1))
    young = tmp_path / ("f" * 16) / ".shard-000001.safetensors.elsewhere-2-0.tmp"
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
