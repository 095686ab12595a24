"""Django's SQLite backend, with turns to write that are shared out more evenly.

There is no queue for them: whoever looks in the right moment writes next. SQLite's own waiting looks often at first and
then ten times a second, so that whoever comes new is ahead of who has waited longest; where eight people save without
a pause, one save in some hundreds found others writing for twelve seconds on end, and was refused. Here all look
equally often.
"""

import sqlite3
import time

from django.db import OperationalError
from django.db.backends.sqlite3 import base

LOOK = 0.01  # seconds between two looks
DEFAULT_PATIENCE = 5.0  # seconds, of Python's sqlite3


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait for their turn as long as the settings say, however often they look."""

    def _start_transaction_under_autocommit(self) -> None:
        patience = float(self.settings_dict["OPTIONS"].get("timeout", DEFAULT_PATIENCE))
        ends = time.monotonic() + patience
        self._wait_at_most(0)
        try:
            while True:
                try:
                    super()._start_transaction_under_autocommit()  # type: ignore[misc]
                except OperationalError as error:
                    if not _is_taken(error) or time.monotonic() >= ends:
                        raise
                    time.sleep(LOOK)
                else:
                    return
        finally:
            self._wait_at_most(int(1000 * patience))

    def _wait_at_most(self, milliseconds: int) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")  # past Django: it is nobody's statement


def _is_taken(error: OperationalError) -> bool:
    """Whether somebody else is writing."""
    code = getattr(error.__cause__, "sqlite_errorcode", 0)
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)
