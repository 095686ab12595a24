"""tl_core.store.storage: one contract, whatever holds the files."""

import errno
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec.implementations.memory
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.tl_core.storages import elsewhere, objects_of_each_kind, root_of_each_kind  # noqa: F401 - fixtures
from tl_core.store import storage
from tl_core.store.storage import Directory, ObjectStorage, Storage, StorageUnavailable

many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
bad_names = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../a",
    "a/../../b",
    "a//b",
    "a/",
    ".hidden",
    "a/.b.tmp",
    "a\0b",
    "a\n",
    "a b",
]
bad_names += ["a?versionId=1", "*", "a%2e", "C:\\x", "s3://other/a", "a::b"]


def tree(path: Path) -> list[str]:
    return sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())


# --- the contract ---------------------------------------------------------------------------------


@many
@given(parts=st.lists(st.binary(max_size=50), max_size=4), view=st.booleans())
@example(parts=[], view=False)
def test_what_was_written_is_read(parts: list[bytes], view: bool, root: Storage) -> None:
    root.write("a/b.bin", *(memoryview(part) if view else part for part in parts))
    assert root.local("a/b.bin").read_bytes() == b"".join(parts)
    assert root.local("a/b.bin", fresh=True).read_bytes() == b"".join(parts)


@pytest.mark.parametrize("before", [False, True])
def test_a_file_that_is_handed_out_takes_its_place_when_it_is_done(before: bool, root: Storage) -> None:
    if before:
        root.write("a/b.bin", b"before")
    with root.writing("a/b.bin") as path:
        path.write_bytes(b"one")
        assert root.names() == (["a/b.bin"] if before else [])
        path.write_bytes(b"two")
    assert root.names() == ["a/b.bin"]
    assert root.local("a/b.bin").read_bytes() == root.local("a/b.bin", fresh=True).read_bytes() == b"two"


def test_of_a_file_whose_writer_fails_nothing_is_left(root: Storage, tmp_path: Path) -> None:
    root.write("a", b"before")
    root.local("a")
    left = tree(tmp_path)

    def fail() -> None:
        with root.writing("a") as path:
            path.write_bytes(b"half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert tree(tmp_path) == left and root.local("a", fresh=True).read_bytes() == b"before"


def test_names_are_sorted_and_chosen_by_prefix(root: Storage) -> None:
    assert root.names() == [] and root.names("a/b/") == []
    written = ["b", "a/10", "a/2", "a/x/y/z.txt", "ab/1", "a-b"]
    for name in written:
        root.write(name, b"1")
    assert root.names() == sorted(written)
    assert root.names("a") == ["a-b", "a/10", "a/2", "a/x/y/z.txt", "ab/1"]
    assert root.names("a/") == ["a/10", "a/2", "a/x/y/z.txt"]
    assert root.names("a/1") == ["a/10"]
    assert root.names("a/x/y/z.txt") == ["a/x/y/z.txt"]
    assert root.names("a/x/y/z.txt/") == root.names("nothing") == root.names("b/") == []


def test_a_child_is_a_part_of_its_root(root: Storage) -> None:
    child = root.child("a").child("b/c")
    child.write("1", b"one")
    root.write("a/b/d", b"")
    root.write("a/b/cc/2", b"")
    assert child.names() == ["1"] and child.names("a") == []
    assert root.local("a/b/c/1").read_bytes() == b"one" and root.child("a/b/c") == child
    child.delete("1")
    assert root.names() == ["a/b/cc/2", "a/b/d"]
    with pytest.raises(FileNotFoundError):
        root.local("a/b/c/1")


@pytest.mark.parametrize("name", bad_names)
def test_no_name_leaves_the_root(name: str, root: Storage, tmp_path: Path) -> None:
    for call in (root.local, root.delete, root.child):
        with pytest.raises(ValueError, match="is not a name"):
            call(name)
    with pytest.raises(ValueError, match="is not a name"):
        root.write(name, b"x")
    with pytest.raises(ValueError, match="is not a name"), root.writing(name):
        pass
    with pytest.raises(ValueError, match="is not a name"):
        root.names(f"../{name}")
    assert root.names() == [] and tree(tmp_path) == []


def test_missing_files(root: Storage) -> None:
    for fresh in (False, True):
        with pytest.raises(FileNotFoundError):
            root.local("a/b", fresh=fresh)
    root.delete("a/b")
    root.write("a/b", b"x")
    with pytest.raises(FileNotFoundError):
        root.local("a/c")
    root.delete("a/b")
    root.delete("a/b")
    with pytest.raises(FileNotFoundError):
        root.local("a/b")


def test_writing_again_replaces(root: Storage) -> None:
    root.write("a", b"a long first version")
    first = root.local("a")
    assert first.read_bytes() == b"a long first version"
    root.write("a", b"second")
    assert root.local("a").read_bytes() == b"second" and root.names() == ["a"]


def test_a_reader_sees_all_or_nothing(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(root, ObjectStorage):  # as if the objects were large: s3fs likes to fetch those in pieces
        monkeypatch.setattr(storage._connect(root.url)[0], "default_block_size", 20_000, raising=False)
    versions = [bytes([version]) * 300_000 for version in range(2)]
    root.write("a", versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for version in versions:
                root.write("a", version[:1000], version[1000:])
                stop.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(25):
            assert elsewhere_read(root) in versions
    finally:
        stop.set()
        writer.join()
    assert root.names() == ["a"]


def elsewhere_read(root: Storage) -> bytes:
    """Read past any cache this process writes to."""
    if isinstance(root, ObjectStorage):
        root = ObjectStorage(root.url, root.cache.with_name("another"))
    return root.local("a", fresh=True).read_bytes()


def in_a_fork(function: object, *args: object) -> None:
    process = multiprocessing.get_context("fork").Process(target=function, args=args)
    process.start()
    process.join(30)
    assert process.exitcode == 0


def test_what_another_process_did_is_seen(root: Storage) -> None:
    root.write("a", b"1")
    assert root.names() == ["a"]
    if isinstance(root, ObjectStorage) and root.url.startswith("memory"):
        storage.at(root.url, root.cache).write("b", b"2")  # memory is a process's own
        storage.at(root.url, root.cache).delete("a")
    else:
        in_a_fork(root.write, "b", b"2")
        in_a_fork(root.delete, "a")
    assert root.names() == ["b"] and root.local("b").read_bytes() == b"2"
    with pytest.raises(FileNotFoundError):
        root.local("a", fresh=True)


# --- a directory ----------------------------------------------------------------------------------


def test_a_directory_is_its_files_and_nothing_else(tmp_path: Path) -> None:
    there = storage.at(tmp_path / "new" / "one")
    there.write("a/b", b"x")
    assert there.local("a/b") == tmp_path / "new/one/a/b"
    (tmp_path / "new/one/a/.b.host-1-2.tmp").write_bytes(b"half")
    (tmp_path / "new/one/a file of mine").write_bytes(b"")
    assert there.names() == there.names("a") == ["a/b"]


def test_a_directory_that_may_not_be_read_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = storage.at(tmp_path)
    there.write("a/b", b"x")

    def refuse(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        there.names()


# --- an object store ------------------------------------------------------------------------------


def test_an_object_is_fetched_once_until_a_fresh_one_is_asked_for(objects: ObjectStorage, tmp_path: Path) -> None:
    other = elsewhere(objects, tmp_path)
    other.write("a", b"old")
    assert objects.local("a").read_bytes() == b"old"
    other.write("a", b"new")
    assert objects.local("a").read_bytes() == b"old"
    assert objects.local("a", fresh=True).read_bytes() == b"new"
    other.delete("a")
    assert objects.local("a").read_bytes() == b"new"  # a reader at work keeps what it has
    objects.delete("a")
    with pytest.raises(FileNotFoundError):
        objects.local("a")
    assert tree(tmp_path / "cache") == []


def test_stores_sharing_a_cache_do_not_mix(objects: ObjectStorage) -> None:
    twin = ObjectStorage(objects.url + "2", objects.cache)
    objects.write("a", b"1")
    twin.write("a", b"2")
    assert [objects.local("a").read_bytes(), twin.local("a").read_bytes()] == [b"1", b"2"]
    assert ObjectStorage("s3://../../x/./y", Path("/c"))._copy("a") == Path("/c/s3/x/y/a")


def test_many_are_fetched_at_once(objects: ObjectStorage, tmp_path: Path) -> None:
    names = [f"n/{number}" for number in range(40)]
    for name in names:
        objects.write(name, name.encode())
    objects.local(names[3])
    objects.fetch(names)
    copies = [path.read_bytes().decode() for path in objects.cache.rglob("*") if path.is_file()]
    assert sorted(copies) == sorted(names)
    objects.fetch([])
    with pytest.raises(FileNotFoundError):
        objects.fetch(["n/1", "n/none"])


def test_processes_that_fetch_the_same_do_not_disturb_each_other(objects: ObjectStorage) -> None:
    content = os.urandom(2_000_000)
    objects.write("a/b", content)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)

    def read() -> None:
        for fresh in (False, True, True):
            barrier.wait(20)
            assert objects.local("a/b", fresh=fresh).read_bytes() == content

    readers = [context.Process(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
    assert [reader.exitcode for reader in readers] == [0] * 4
    assert [path.name for path in objects.cache.rglob("*") if path.is_file()] == ["b"]


def test_a_full_disk_leaves_no_half_copy(objects: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.write("a", b"content")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            objects.local("a")
    assert tree(objects.cache) == []
    assert objects.local("a").read_bytes() == b"content"


def test_what_a_killed_download_left_is_swept(objects: ObjectStorage) -> None:
    objects.write("a", b"content")
    copy = objects.local("a")
    left = copy.with_name(".a.host-1-2.tmp")
    left.write_bytes(b"con")
    os.utime(left, (1, 1))
    objects.local("a", fresh=True)
    assert tree(copy.parent) == ["a"]


def test_trouble_in_the_store_is_an_os_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = storage.at("memory://trouble", tmp_path)

    class NoCredentialsError(Exception):
        pass

    def refuse(*_: object, **__: object) -> None:
        raise NoCredentialsError("Unable to locate credentials")

    for call in ("pipe_file", "cat_file", "find", "rm_file"):
        monkeypatch.setattr(fsspec.implementations.memory.MemoryFileSystem, call, refuse)
    for act in (lambda: there.write("a", b""), lambda: there.local("a"), there.names, lambda: there.delete("a")):
        with pytest.raises(StorageUnavailable, match=r"memory://trouble.* Unable to locate credentials"):
            act()


# --- which storage --------------------------------------------------------------------------------


def test_urls_and_paths(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for same in (str(tmp_path), tmp_path, f"file://{tmp_path}", f"file://localhost{tmp_path}/"):
        assert storage.at(same) == storage.at(same, cache) == Directory(tmp_path)
    assert storage.at("file:///a%20b") == Directory(Path("/a b"))
    assert storage.at("a/b") == Directory(Path("a/b"))
    assert storage.at("s3://bucket/x/", cache) == ObjectStorage("s3://bucket/x", cache)
    assert storage.at("memory://", cache).child("a") == ObjectStorage("memory://a", cache)
    with pytest.raises(ValueError, match="needs a cache"):
        storage.at("s3://bucket")
    for wrong in ("file://elsewhere/a", "file://"):
        with pytest.raises(ValueError, match="write file:///path"):
            storage.at(wrong)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(StorageUnavailable, match=r"^gs:// needs a package: pip install gcsfs$"):
        storage.at("gs://bucket", tmp_path).names()
    with pytest.raises(StorageUnavailable, match="Protocol not known: nonsense"):
        storage.at("nonsense://bucket", tmp_path).write("a", b"")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    monkeypatch.setitem(sys.modules, "fsspec.registry", None)
    with pytest.raises(StorageUnavailable, match=r"^s3:// needs a package: pip install fsspec$"):
        storage.at("s3://bucket", tmp_path).names()


def test_who_has_a_directory_loads_no_client() -> None:
    code = """if True:
        import sys, tempfile
        from tl_core.store import embeddings, storage
        there = storage.at(tempfile.mkdtemp())
        there.write("a", b"")
        there.names()
        print({"fsspec", "s3fs", "aiohttp", "botocore", "django", "torch"} & set(sys.modules))"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
