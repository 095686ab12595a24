"""The web server's worker process: gunicorn starts, watches and replaces it, waitress speaks HTTP in it.

A request takes a thread once it is there as a whole, and gives it back once its answer is written, not once that has
been read: however slowly a client sends or reads, and however many of them there are, they keep nobody waiting.
"""

import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker
from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

HEADER_PATIENCE = 15.0  # seconds from the first byte of a request until its header is there
BODY_PATIENCE = 300.0  # seconds until all of it is there
SILENCE = 20.0  # seconds between two parts of a request
PAUSE = 150.0  # seconds in which a client takes nothing of its answer
QUEUE_PATIENCE = 15.0  # seconds until a request that found no free thread is told to come again
LINGER = 0.5  # seconds in which a process that ends still listens to kept connections
SWITCH = 0.0005  # seconds for which a thread that computes, a long table say, keeps one that saves from going on
CONNECTIONS = 2000  # a process; fewer where it may not have as many files open
LARGEST_BODY = 32_000_000
AHEAD = 1_000_000  # bytes that a client is behind before its answer is made at leisure
LARGEST_ANSWER = 1 << 30  # bytes kept, in a temporary file, for a client that doesn't take them; then its thread waits
ALIVE = "/healthz"

logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it tells of every request that waits


class Busy(Error):
    """What a request is told that waited for a thread in vain."""

    code = 503
    reason = "Service Unavailable"


class Request(HTTPRequestParser):
    """A request that knows when it began."""

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.began = time.monotonic()


class Channel(HTTPChannel):
    """A connection of a client."""

    parser_class = Request
    queued = 0.0  # since when its request waits for a thread
    worked = 0.0  # what its thread had computed when it last wrote
    is_last = False  # whether the process ends, and the next answer is the last one here

    def service(self) -> None:
        if time.monotonic() - self.queued > QUEUE_PATIENCE:
            self.requests[0].error = Busy("The server is busy; nothing was saved. Try again.")
        if self.is_last:
            self.requests[0].headers["CONNECTION"] = "close"
        self.worked = time.thread_time()
        super().service()

    def write_soon(self, data: Any) -> int:
        """Write a part of an answer; nobody gains by the next one being made at once when the client is far behind."""
        written: int = super().write_soon(data)
        if self.total_outbufs_len > AHEAD:
            time.sleep(min(2 * (time.thread_time() - self.worked), 1.0))
        self.worked = time.thread_time()
        return written

    def is_idle(self) -> bool:
        return not (self.requests or self.request or self.total_outbufs_len)

    def is_overdue(self) -> bool:
        """Whether its client has taken too long to send its request, or to read its answer."""
        silence = time.time() - self.last_activity
        if self.total_outbufs_len:
            return bool(silence > PAUSE)
        if self.requests or self.request is None:
            return False
        age = time.monotonic() - self.request.began
        patience = BODY_PATIENCE if self.request.headers_finished else HEADER_PATIENCE
        return bool(silence > SILENCE or age > patience)


class Threads(ThreadedTaskDispatcher):
    """The threads that answer, and one more for those who only ask whether the process lives."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.set_thread_count(count)
        self.spare = ThreadedTaskDispatcher()
        self.spare.set_thread_count(1)

    def add_task(self, task: Channel) -> None:
        task.queued = time.monotonic()
        if task.requests[0].path == ALIVE:
            self.spare.add_task(task)
        else:
            super().add_task(task)


class Worker(BaseWorker):
    """A process of the web server."""

    _next_look = 0.0

    def run(self) -> None:
        self.map: dict[int, Any] = {}
        # A save asks the database some twenty times, and comes back to the queue of threads after each.
        sys.setswitchinterval(SWITCH)
        may_open = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        threads = Threads(self.cfg.threads)
        self.servers = [
            create_server(
                self._logged,
                map=self.map,
                _dispatcher=threads,
                sockets=[listener.sock],
                backlog=self.cfg.backlog,
                connection_limit=min(CONNECTIONS, max(may_open - 200, 50)),
                channel_timeout=self.cfg.keepalive,
                max_request_body_size=LARGEST_BODY,
                max_request_header_size=65_536,
                outbuf_high_watermark=LARGEST_ANSWER,
                clear_untrusted_proxy_headers=False,  # the settings say whether they are believed
                asyncore_use_poll=True,
                log_socket_errors=False,
                ident="",
            )
            for listener in self.sockets
        ]
        for server in self.servers:
            server.channel_class = Channel
        while self.alive and self.ppid == os.getppid():
            self._turn(1.0)
        self._drain()
        threads.shutdown(timeout=0)

    def channels(self) -> list[Channel]:
        return [each for each in self.map.values() if isinstance(each, Channel)]

    def _turn(self, patience: float) -> None:
        """Send and take what there is, and let go of those who take too long."""
        wasyncore.loop(timeout=patience, use_poll=True, map=self.map, count=1)
        self.notify()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + 1.0
            for channel in self.channels():
                if channel.is_overdue():
                    channel.handle_close()

    def _drain(self) -> None:
        """Answer what has begun; take nothing new."""
        for server in self.servers:
            server.del_channel()
            server.socket.close()
        began = time.monotonic()
        while (channels := self.channels()) and time.monotonic() - began < self.cfg.graceful_timeout:
            for channel in channels:
                channel.is_last = True
                if channel.is_idle() and time.monotonic() - began > LINGER:
                    channel.handle_close()
            self._turn(0.1)

    def _logged(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer a request, and write it into gunicorn's access log where that is wanted."""
        if not self.log.access_log_enabled:
            return self.wsgi(environ, start_response)
        began = time.monotonic()
        said = SimpleNamespace(status="500", headers=[], sent=None)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said.status, said.headers = status, headers
            said.sent = dict(headers).get("Content-Length")
            return start_response(status, headers, *more)

        try:
            return self.wsgi(environ, start)
        finally:
            environ["RAW_URI"] = environ.get("REQUEST_URI", environ["PATH_INFO"])
            headers = [(name[5:], value) for name, value in environ.items() if name.startswith("HTTP_")]
            took = timedelta(seconds=time.monotonic() - began)
            self.log.access(said, SimpleNamespace(headers=headers), environ, took)
