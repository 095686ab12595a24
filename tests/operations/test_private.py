"""DATA and the run directory belong to one account; what an earlier version left open is closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from labeller.config import paths

ROOT = Path(settings.BASE_DIR)


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def old(tmp_path):
    """DATA as an earlier version left it under the usual umask."""
    data = tmp_path / "data"
    for name in ("logs", "derivatives/ab"):
        (data / name).mkdir(parents=True)
    for name in (
        "labeller.sqlite3",
        "labeller.sqlite3-journal",
        "beat-schedule",
        "logs/web.log",
        "derivatives/ab/1.jpg",
    ):
        (data / name).touch()
        (data / name).chmod(0o644)
    for directory in (data, data / "logs", data / "derivatives"):
        directory.chmod(0o755)
    return data


def test_what_others_could_read_is_closed_and_said_once(old):
    [said] = paths.protect(old, {})
    assert str(old) in said and "mended" in said
    assert mode(old) == mode(old / "logs") == mode(old / "derivatives") == 0o700
    for name in ("labeller.sqlite3", "labeller.sqlite3-journal", "beat-schedule", "logs/web.log"):
        assert mode(old / name) == 0o600
    assert paths.protect(old, {}) == []


@pytest.mark.parametrize("kind", ["full", "temporary"])
def test_a_directory_that_is_no_data_is_refused_and_left_as_it_is(tmp_path, kind):
    """DATA=/srv, or DATA=/tmp, by root: closing them would lock everybody out."""
    (shared := tmp_path / "shared").mkdir()
    if kind == "full":
        (shared / "website").mkdir()
    (shared / "labeller.sqlite3" if kind == "temporary" else shared / "notes.txt").touch()
    shared.chmod(0o1777 if kind == "temporary" else 0o755)
    before = {path: path.stat().st_mode for path in (shared, *shared.iterdir())}
    with pytest.raises(paths.Unsafe, match="holds other things"):
        paths.protect(shared, {})
    assert {path: path.stat().st_mode for path in (shared, *shared.iterdir())} == before
    shared.chmod(0o700)
    assert paths.protect(shared, {}) == [], "nobody else gets in: it may be used"
    assert all(path.stat().st_mode == before[path] for path in shared.glob("[!l]*"))


def test_a_disk_just_formatted_is_taken(tmp_path):
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".gitkeep").touch()
    tmp_path.chmod(0o755)
    paths.protect(tmp_path, {})
    assert mode(tmp_path) == 0o700


def test_links_in_it_are_left_as_they_are(old, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "elsewhere").chmod(0o755)
    (old / "embeddings").symlink_to(tmp_path / "elsewhere")
    paths.protect(old, {})
    assert mode(tmp_path / "elsewhere") == 0o755


def test_an_empty_folder_made_for_it_is_closed_without_a_word(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    assert paths.protect(tmp_path / "data", {}) == []
    assert mode(tmp_path / "data") == 0o700


@pytest.mark.parametrize(("knob", "directory", "file"), [("0770", 0o770, 0o660), ("0750", 0o750, 0o640)])
def test_a_group_may_share_it_where_the_operator_says_so(old, knob, directory, file):
    (old / "labeller.sqlite3").chmod(0o666)
    (old / "logs").chmod(0o777)
    paths.protect(old, {"DATA_MODE": knob})
    assert (mode(old), mode(old / "logs"), mode(old / "labeller.sqlite3")) == (directory, directory, file)


@pytest.mark.parametrize("knob", ["rwx", "0o9", "-1", "0077", "0070", "1777", "70000"])
def test_a_knob_that_is_no_permission_is_refused(tmp_path, knob):
    with pytest.raises(paths.Unsafe, match="DATA_MODE"):
        paths.protect(tmp_path, {"DATA_MODE": knob})


def test_the_directory_of_another_account_is_refused_unless_that_is_meant(old, monkeypatch):
    ours = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: ours + 1)
    with pytest.raises(paths.Unsafe, match="another account"):
        paths.protect(old, {})
    old.chmod(0o770)
    paths.protect(old, {"DATA_MODE": "0770"})
    old.chmod(0o777)
    with pytest.raises(paths.Unsafe, match="DATA_MODE=0777"):
        paths.protect(old, {"DATA_MODE": "0770"})


def test_a_disk_that_keeps_no_permissions_is_refused_with_what_to_do(old, monkeypatch):
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    with pytest.raises(paths.Unsafe, match=r"read by others.*DATA_MODE=0755"):
        paths.protect(old, {})
    assert paths.protect(old, {"DATA_MODE": "0755"}) == []


def test_every_process_of_the_program_writes_for_its_owner_alone(old):
    """Under the usual umask: a file the process makes, the database it would make, what its children make."""
    code = (
        "import os, subprocess, django; os.umask(0o022); django.setup(); from django.conf import settings; "
        "(settings.DATA / 'made').mkdir(); (settings.DATA / 'made' / 'file').touch(); "
        "subprocess.run(['touch', str(settings.DATA / 'made' / 'child')], check=True)"
    )
    environment = {**os.environ, "DATA": str(old), "DJANGO_SETTINGS_MODULE": "labeller.config.settings"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("mended") == 1
    assert mode(old / "made") == 0o700
    assert mode(old / "made" / "file") == mode(old / "made" / "child") == mode(old / "secret_key") == 0o600


def test_static_files_are_written_for_their_owner_too():
    assert settings.FILE_UPLOAD_PERMISSIONS == 0o600


# --- where the sockets go -------------------------------------------------------------------------


@pytest.fixture
def system(tmp_path, monkeypatch):
    """The system's temporary directory, as short as that of a real one."""
    made = tmp_path / "t"
    made.mkdir()
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(made))
    monkeypatch.setattr(paths, "LONGEST_SOCKET", 60 + len(str(tmp_path)))
    return made


@pytest.fixture
def own(tmp_path):
    (tmp_path / "x").mkdir(mode=0o700)
    return tmp_path / "x"


def test_the_accounts_own_run_directory_comes_first(tmp_path, system, own):
    found = paths.runtime_directory(tmp_path / "data", {"XDG_RUNTIME_DIR": str(own)})
    assert found.parent == own
    assert paths.runtime_directory(tmp_path / "other", {"XDG_RUNTIME_DIR": str(own)}) != found


@pytest.mark.parametrize("kind", ["open", "missing", "relative", "link", "none"])
def test_one_that_is_not_the_accounts_own_is_passed_over(tmp_path, system, own, kind):
    named = {"open": own, "missing": own / "no", "relative": "x", "link": tmp_path / "l", "none": ""}[kind]
    (tmp_path / "l").symlink_to(own)
    if kind == "open":
        own.chmod(0o755)
    found = paths.runtime_directory(tmp_path / "data", {"XDG_RUNTIME_DIR": str(named)})
    assert found.parent == system


def test_where_somebody_sits_in_its_place_already_another_is_taken(tmp_path, system):
    usual = paths.runtime_directory(tmp_path / "data", {})
    usual.symlink_to(tmp_path)
    assert paths.runtime_directory(tmp_path / "data", {}) == tmp_path / "data" / "run"
    usual.unlink()
    paths.make_private(usual)
    assert paths.runtime_directory(tmp_path / "data", {}) == usual


def test_a_command_elsewhere_finds_the_directory_of_the_running_program(tmp_path, system, own):
    data = tmp_path / "data"
    data.mkdir()
    used = paths.runtime_directory(data, {"XDG_RUNTIME_DIR": str(own)})
    paths.make_private(used)
    (data / "run_directory").write_text(f"{used}\n")
    assert paths.runtime_directory(data, {}) == used
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "run_directory").write_text(f"{used}\n")
    assert paths.runtime_directory(tmp_path / "copy", {}).parent == system
    used.chmod(0o755)
    assert paths.runtime_directory(data, {}).parent == system


def test_a_deep_data_directory_keeps_its_sockets_short(tmp_path):
    assert len(str(paths.runtime_directory(tmp_path / ("deep" * 40), {}) / "redis.sock")) < 108
