"""Turns to write into SQLite: everybody's comes, and nobody waits for ever."""

import threading
import time

import pytest
from django.db import OperationalError
from django.db.backends.sqlite3 import base as backend

from labeller.config.sqlite.base import DatabaseWrapper

pytestmark = pytest.mark.django_db


@pytest.fixture
def connect(tmp_path):
    """A connection of its own to one file, as processes of a site have."""
    made = []

    def connect(patience=20):
        settings = {"NAME": str(tmp_path / "site.sqlite3"), "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False}
        settings |= {"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": patience}, "CONN_MAX_AGE": 0}
        settings |= {"CONN_HEALTH_CHECKS": False, "TIME_ZONE": None}
        made.append(DatabaseWrapper(settings, "default"))
        made[-1].inc_thread_sharing()
        return made[-1]

    yield connect
    for each in made:
        each.close()


def begin(connection):
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def test_whoever_writes_is_waited_for_only_so_long(connect):
    first, second = connect(), connect(patience=0.3)
    begin(first)
    began = time.monotonic()
    with pytest.raises(OperationalError, match="locked"):
        begin(second)
    assert time.monotonic() - began >= 0.3
    assert second.connection.execute("PRAGMA busy_timeout").fetchone() == (300,)


def test_a_turn_comes_while_others_write_on_and_on(connect):
    """Seven write as fast as they get their turns: the eighth gets a fair share of these."""
    over, turns = threading.Event(), []

    def write(number):
        connection = connect()
        while not over.is_set():
            begin(connection)
            time.sleep(0.005)
            turns.append(number)
            connection.rollback()
            connection.set_autocommit(True)
            time.sleep(0.005)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while (set(turns) < set(range(8)) or len(turns) < 80) and time.monotonic() < deadline:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join()
    assert set(turns) == set(range(8))


def test_what_is_no_other_writer_is_told_at_once(connect, monkeypatch):
    asked = []

    def fails(self):
        asked.append(1)
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(backend.DatabaseWrapper, "_start_transaction_under_autocommit", fails)
    with pytest.raises(OperationalError, match="disk"):
        begin(connect())
    assert asked == [1]
