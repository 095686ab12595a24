"""Django's PostgreSQL backend, for a web server: it waits for the database only so long.

Timeouts in the server end slow statements, and the kernel's end dead connections, but neither ends the wait for a
server that is frozen: its machine still acknowledges every packet. So the waiting itself has an end here, and once one
request has waited in vain the others are refused at once, but for one that asks now and then.
"""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db import OperationalError
from django.db.backends.postgresql import base

PATIENCE = 18.0  # seconds for the answer to a statement; the server itself ends one earlier (statement_timeout)
CHECK_PATIENCE = 4.0  # seconds for the answer of a connection that was kept: "SELECT 1"
CONNECT_PATIENCE = 4.0
REQUEST_PATIENCE = 25.0  # seconds for all statements of a request together
PAUSE = 1.0  # seconds between two attempts to reach a database that does not answer

_request = threading.local()


@contextmanager
def request_limit() -> Iterator[None]:
    """Statements of this thread have to be answered within what a request may take altogether."""
    _request.ends = time.monotonic() + REQUEST_PATIENCE
    try:
        yield
    finally:
        del _request.ends


class Outage:
    """What the threads of a process know of a database that does not answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_attempt: float | None = None

    def refuse(self) -> None:
        """Raises OperationalError during an outage; lets one through when it is time to ask again."""
        with self._lock:
            now = time.monotonic()
            if self._next_attempt is None:
                return
            if now < self._next_attempt:
                raise OperationalError("the database does not answer")
            self._next_attempt = now + CONNECT_PATIENCE + PAUSE

    def is_on(self) -> bool:
        return self._next_attempt is not None

    def begin(self) -> None:
        with self._lock:
            self._next_attempt = time.monotonic() + PAUSE

    def end(self) -> None:
        self._next_attempt = None


outage = Outage()


class Connection(psycopg.Connection[Any]):
    """A connection that is closed when the server lets it wait for too long."""

    patience = PATIENCE

    def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        now = time.monotonic()
        ends = min(now + (timeout or self.patience), getattr(_request, "ends", float("inf")))
        try:
            return super().wait(gen, interval, max(ends - now, 0.001))
        except psycopg.OperationalError:
            if time.monotonic() >= ends:
                self.pgconn.finish()  # half-way through an answer: it cannot be used again
                outage.begin()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    # Django takes the class of its connections from here.
    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        outage.refuse()
        began = time.monotonic()
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            if time.monotonic() - began > PAUSE:  # one that is refused at once holds up nobody
                outage.begin()
            raise
        outage.end()
        return connection

    def is_usable(self) -> bool:
        if self.connection is None or outage.is_on():
            return False
        self.connection.patience = CHECK_PATIENCE
        try:
            return super().is_usable()
        finally:
            self.connection.patience = PATIENCE
