"""`manage.py up` refuses with one line and a non-zero exit what cannot work; nothing is left behind."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from labeller.config import paths
from tests import factories

ROOT = Path(settings.BASE_DIR)


@pytest.fixture
def up(tmp_path):
    """Run it to its end; the environment names what differs. `before` is Python that runs first."""

    def run(before="", **environment):
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        code = f"{before}\nimport sys; sys.path.insert(0, '.'); import manage; sys.argv[:] = ['manage.py', 'up']"
        return subprocess.run(
            [sys.executable, "-c", f"{code}; manage.main()"],
            cwd=ROOT,
            env={**kept, "DATA": str(tmp_path / "data"), "PORT": "0", **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def refused(result, *words):
    assert result.returncode != 0
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0]


def test_a_missing_and_an_empty_folder(up, tmp_path):
    refused(up(IMAGES=str(tmp_path / "nowhere")), "nowhere", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(up(IMAGES=str(tmp_path / "empty")), "empty", "holds no files")
    (tmp_path / "file").touch()
    refused(up(IMAGES=str(tmp_path / "file")), "file", "is not a folder")


def test_a_taken_port(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(up(PORT=str(port)), str(port), f"PORT={port + 1}")


@pytest.mark.parametrize("port", ["eighty", "-1", "0", "80.5", "65536", "100000", "²"])
def test_a_port_that_is_none(up, port):
    refused(up(PORT=port), port)


def free(megabytes):
    usage = f"collections.namedtuple('Usage', 'free')({megabytes}_000_000)"
    return f"import collections, shutil; shutil.disk_usage = lambda path: {usage}"


def test_a_full_disk(up):
    result = up(free(5), PORT=str(free_port()))
    refused(result, "5 MB", "start again")
    assert "by itself" not in result.stderr


def test_a_nearly_full_disk_stops_no_one_from_labelling(up, tmp_path):
    # A taken port ends the start right after the check of the disk.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = up(free(150), PORT=str(taken.getsockname()[1]))
    refused(result, "Cannot listen")
    assert "Only 150 MB are free" in result.stdout and "Labelling works meanwhile" in result.stdout


def test_a_data_directory_that_cannot_be_written(up, tmp_path):
    (tmp_path / "data").write_text("a file, no directory")
    refused(up(), "data")


def test_a_database_that_is_none(up, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "labeller.sqlite3").write_bytes(b"this is no database" * 1000)
    (folder := tmp_path / "photographs").mkdir()
    factories.photograph(folder / "one.jpg")
    refused(up(IMAGES=str(folder), PORT=str(free_port())), "database")


def test_a_truth_file_that_cannot_be_read(up, tmp_path):
    (folder := tmp_path / "photographs").mkdir()
    factories.photograph(folder / "one.jpg")
    refused(up(IMAGES=str(folder), TRUTH=str(tmp_path / "no.csv"), PORT=str(free_port())), "no.csv")


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"LABELS": "{table}"}, ["2 of 2 rows name no file of this folder, the first: b.jpg"]),
        ({"TRUTH": "{table}"}, ["2 of 2 rows name no file of this folder, the first: b.jpg"]),
        ({"LABELS": "folders"}, ["no folders inside"]),
        ({"LABELS": "{table}", "LEVEL": "2"}, ["LEVEL", "LABELS=folders"]),
        ({"LABELS": "{table}", "IMAGES": ""}, ["IMAGES"]),
    ],
)
def test_labels_that_fit_nothing_are_refused_before_anything_starts(up, tmp_path, knobs, words):
    (folder := tmp_path / "photographs").mkdir()
    factories.photograph(folder / "one.jpg")
    (table := tmp_path / "labels.csv").write_text("path,class\nb.jpg,fox\nc.jpg,fox\n")
    knobs = {name: value.format(table=table) for name, value in knobs.items()}
    refused(up(**{"IMAGES": str(folder), "PORT": str(free_port()), **knobs}), *words)
    assert not (tmp_path / "data" / "labeller.sqlite3").exists()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- the secret key -------------------------------------------------------------------------------


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    key = paths.secret_key(tmp_path / "data")
    file = tmp_path / "data" / "secret_key"
    assert len(key) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert paths.secret_key(tmp_path / "data") == key
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path):
    code = (
        "import sys, pathlib, time; from labeller.config import paths\n"
        "sys.stdin.readline(); print(paths.secret_key(pathlib.Path(sys.argv[1])))"
    )
    # Importing labeller.config makes Celery's settings look for DATA: keep that apart from the directory in question.
    environment = {**os.environ, "DATA": str(tmp_path / "other")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "data")],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert len(keys) == 1 and len(keys.pop()) >= 50


def test_texts_that_are_made_here_are_no_folder(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(up(TEXTS="demo", PORT=str(port)), f"PORT={port + 1}")
    refused(up(TEXTS="demos"), "demos", "does not exist")
