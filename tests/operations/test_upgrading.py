"""A site of an earlier version is copied aside and brought up to date; one of a later version is refused."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from labeller.config import schema
from labeller.operations import copies, upgrading
from labeller.operations.supervisor import StartError
from tests.upgrades.test_upgrades import ROOT, environment, unpack


@pytest.fixture
def home(tmp_path):
    """A site of 0.1.0; the database is in data/labeller.sqlite3."""
    return unpack("0.1.0", tmp_path)


@pytest.fixture
def run(home):
    """Run Python in a process of that site."""

    def run(*words, **knobs):
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env={**environment(home), "PORT": "1", **knobs}, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip

    return run


def rows(file):
    """Everything in a database."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def kept(home):
    return sorted((home / "data" / "copies").glob("*.sqlite3"))


UPGRADE = "import django; django.setup(); from labeller.operations.upgrading import upgrade; upgrade(print)"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "labeller.config.settings"}


def test_an_earlier_site_is_copied_as_it_was_once(home, run):
    before = rows(home / "data" / "labeller.sqlite3")
    done = run("-c", f"{UPGRADE}; print('again'); upgrade(print)", **SETTINGS)
    assert done.returncode == 0, done.stderr
    (copy,) = kept(home)
    line, again = done.stdout.splitlines()
    assert "earlier version" in line and str(copy) in line
    assert again == "again"
    assert rows(copy) == before
    assert rows(home / "data" / "labeller.sqlite3") != before
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert copy.stat().st_mode & 0o077 == 0


def test_a_new_site_has_nothing_to_copy(tmp_path, home, run):
    done = run("-c", UPGRADE, **SETTINGS, DATA=str(tmp_path / "new"))
    assert (done.returncode, done.stdout) == (0, "")
    assert not (tmp_path / "new" / "copies").exists()


# --- a later version ------------------------------------------------------------------------------


def use_by_a_later_version(database):
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('labels', '9999_later', '2027-01-01')"
        )


COMMANDS = {
    "make run": ["manage.py", "up"],
    "a command": ["manage.py", "status"],
    "a worker": ["-m", "celery", "-A", "labeller.config", "worker", "-c", "1", "--loglevel", "CRITICAL"],
    "a web server": ["-c", "import labeller.config.wsgi"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_site_of_a_later_version_is_refused_in_one_line_and_left_alone(words, home, run):
    file = home / "data" / "labeller.sqlite3"
    use_by_a_later_version(file)
    before = file.read_bytes()
    refused = run(*words)
    assert refused.returncode != 0
    lines = [line for line in refused.stderr.splitlines() if "later version" in line]
    assert len(lines) == 1 and "labels 9999_later" in lines[0] and "docs/deployment.md" in lines[0]
    assert "Traceback" not in refused.stderr
    assert file.read_bytes() == before
    assert kept(home) == []


@pytest.mark.parametrize("words", [COMMANDS["a worker"], COMMANDS["a web server"]], ids=["a worker", "a web server"])
def test_workers_and_web_servers_do_not_begin_on_an_earlier_site(words, run):
    refused = run(*words)
    assert refused.returncode != 0
    assert "earlier version: run `make run` once" in refused.stderr


@pytest.mark.django_db
def test_what_a_database_has_had_beyond_this_version_is_known_on_either_kind():
    assert schema.look().problem == ""
    MigrationRecorder(connection).record_applied("embedding", "9999_later")
    assert schema.look().unknown == (("embedding", "9999_later"),)
    with pytest.raises(CommandError, match="later version"):
        call_command("status")
    with pytest.raises(StartError, match="later version"):
        upgrading.upgrade(print)


# --- copies ---------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path):
    """A database that knows one migration; `migrate` has it know one more."""
    file = tmp_path / "labeller.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("CREATE TABLE django_migrations (app, name)")
    migrate(file)
    return file


def migrate(file):
    with contextlib.closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("INSERT INTO django_migrations SELECT 'labels', count(*) FROM django_migrations")


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_last_few_copies_are_kept(database, tmp_path):
    folder = tmp_path / "copies"
    made = []
    for number in range(5):
        made.append(copies.set_aside(database, folder, f"0.{number}"))
        migrate(database)
        copies.finish(folder)
    assert names(folder) == {copy.name for copy in made[-3:]}


def test_an_upgrade_that_goes_on_keeps_the_copy_from_before_it_began(database, tmp_path):
    folder = tmp_path / "copies"
    copy = copies.set_aside(database, folder, "0.3")
    assert copies.of_begun(database, folder) is None, "nothing has been migrated: people may have worked on it since"
    migrate(database)
    assert copies.of_begun(database, folder) == copy
    copies.finish(folder)
    assert copies.of_begun(database, folder) is None


def test_tries_that_come_to_nothing_do_not_drive_out_older_copies(database, tmp_path):
    folder = tmp_path / "copies"
    old = copies.set_aside(database, folder, "0.2")
    migrate(database)
    copies.finish(folder)
    tries = [copies.set_aside(database, folder, "0.3") for _ in range(5)]
    assert names(folder) == {old.name, tries[-1].name, copies.UNFINISHED}


def test_what_a_killed_copying_left_goes(database, tmp_path):
    (folder := tmp_path / "copies").mkdir()
    (folder / f".labeller-x.sqlite3.host-1-2{copies.files.TEMPORARY_SUFFIX}").write_bytes(b"half")
    copy = copies.set_aside(database, folder, "0.3")
    assert names(folder) == {copy.name, copies.UNFINISHED}


def test_without_room_for_a_copy_nothing_is_begun(database, tmp_path, monkeypatch):
    usage = namedtuple("Usage", "free")(2 * database.stat().st_size + copies.SPARE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StartError, match=r"20 MB are free at .*copies: make room"):
        copies.set_aside(database, tmp_path / "copies", "0.3")
    assert names(tmp_path / "copies") == set()


def test_a_stop_in_the_midst_of_copying_leaves_no_copy(database, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(copies, "STEP", 1)
    monkeypatch.setattr(copies, "_look_up", stop)
    with pytest.raises(KeyboardInterrupt):
        copies.set_aside(database, tmp_path / "copies", "0.3")
    assert names(tmp_path / "copies") == set()
