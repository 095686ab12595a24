"""tl_core.store.arrays: what was written is read, whole or not at all, and damage is told."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tests.tl_core.storages import root_of_each_kind  # noqa: F401 - a fixture
from tl_core.store import arrays
from tl_core.store.arrays import ArraysCorrupt
from tl_core.store.storage import Directory, Storage

CONTENT = {
    "codes": np.arange(-60, 61, dtype=np.int8).reshape(11, 11),
    "mean": np.linspace(0, 1, 7, dtype=np.float32),
    "nothing": np.zeros((0, 3), np.float64),
    "links": np.arange(9, dtype=np.int32),
}


def write(root: Storage, content: dict[str, np.ndarray], name: str = "a/pool") -> None:
    with arrays.writing(root, name, {key: (each.dtype, each.shape) for key, each in content.items()}) as out:
        for key, each in content.items():
            out[key][...] = each


def assert_reads(root: Storage, content: dict[str, np.ndarray]) -> None:
    read = arrays.read(root, "a/pool")
    assert list(read) == list(content)
    for key, each in content.items():
        assert read[key].dtype == each.dtype and not read[key].flags.writeable
        np.testing.assert_array_equal(read[key], each)


def test_what_was_written_is_read_from_any_storage(root: Storage) -> None:
    write(root, CONTENT)
    assert_reads(root, CONTENT)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        arrays_of.arrays(
            st.sampled_from([np.int8, np.float32, np.int64]), arrays_of.array_shapes(min_dims=1, max_dims=2, min_side=0)
        ),
        max_size=3,
    )
)
def test_any_arrays_are_read_as_they_were(content: dict[str, np.ndarray], tmp_path: Path) -> None:
    write(Directory(tmp_path), content)
    assert_reads(Directory(tmp_path), content)


def test_who_has_it_open_keeps_it(tmp_path: Path) -> None:
    root = Directory(tmp_path)
    write(root, CONTENT)
    read = arrays.read(root, "a/pool")
    write(root, {"other": np.ones(3)})
    root.delete("a/pool")
    np.testing.assert_array_equal(read["codes"], CONTENT["codes"])
    with pytest.raises(FileNotFoundError):
        arrays.read(root, "a/pool")


def test_every_kind_of_damage_is_told(tmp_path: Path) -> None:
    root = Directory(tmp_path)
    write(root, CONTENT)
    path = tmp_path / "a" / "pool"
    whole = path.read_bytes()
    flipped = [bytearray(whole) for _ in range(3)]
    flipped[0][5] ^= 4
    flipped[1][140] ^= 1
    flipped[2][-20] ^= 16
    lost = bytes(64) + whole[64:]
    for damaged in (b"", b"x", whole[:70], whole[:-1], whole + b"0", b"0" * len(whole), lost, *map(bytes, flipped)):
        path.write_bytes(damaged)
        with pytest.raises(ArraysCorrupt, match="pool"):
            arrays.read(root, "a/pool")
    path.write_bytes(whole)
    assert_reads(root, CONTENT)


def test_a_full_disk_is_an_error_before_anything_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        write(Directory(tmp_path), CONTENT)
    assert list((tmp_path / "a").iterdir()) == []


def test_of_a_writer_that_is_killed_no_reader_ever_sees_anything(tmp_path: Path) -> None:
    write(Directory(tmp_path), CONTENT)
    script = (
        "import os, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tl_core.store import arrays\n"
        "from tl_core.store.storage import Directory\n"
        "with arrays.writing(Directory(Path(sys.argv[1])), 'a/pool', {'x': (np.int8, (100_000,))}) as out:\n"
        "    out['x'][:] = 1\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Directory(tmp_path).names() == ["a/pool"]
    assert_reads(Directory(tmp_path), CONTENT)


def test_two_writers_at_once_leave_what_one_of_them_wrote(tmp_path: Path) -> None:
    root, other = Directory(tmp_path), {"x": np.full(1000, 7)}
    with arrays.writing(root, "a/pool", {"y": (np.int8, (3,))}) as out:
        write(root, other)
        assert_reads(root, other)
        out["y"][:] = 2
    assert_reads(root, {"y": np.full(3, 2, np.int8)})
    assert root.names() == ["a/pool"]
