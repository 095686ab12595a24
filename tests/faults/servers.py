"""Throw-away PostgreSQL and Redis servers on free ports of this machine. They die with the process that starts them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import redis

from labeller.operations.supervisor import _die_with_parent
from tests import prepared

PATIENCE = 30.0
TABLES = "tables"  # a database of every PostgreSQL server here: it has all tables, and is there to be copied
LOCALE = "--locale=C.UTF-8"  # as real servers have it: "C" folds the case of ASCII letters only
# PostgreSQL refuses to be run by root.
OWNER = "postgres" if os.geteuid() == 0 else None
IDENTITY = {"user": OWNER, "group": OWNER, "extra_groups": []} if OWNER else {}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    """Where a server's program is: Debian keeps PostgreSQL's off the PATH, one folder a version."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(kept[-1]) if kept else shutil.which(name)
    assert found, f"{name} is not installed: run tests/install_packages postgresql redis-server"
    return found


class Server:
    """A program that runs from when it answers until it is stopped, in a home of its own."""

    def __init__(self, command, home, stop_signal, answers, **options):
        self.command, self.home, self.stop_signal, self.answers = command, home, stop_signal, answers
        self.options = options
        self.process = None

    def start(self):
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signal), **self.options,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            said = (self.home / "log").read_text()
            assert self.process.poll() is None and time.monotonic() < deadline, f"it does not start: {said}"
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def freeze(self):
        """Stop every process of it where it is; the kernel goes on acknowledging what is sent to it."""
        for process in self._family():
            process.suspend()

    def thaw(self):
        for process in self._family():
            process.resume()

    def _family(self):
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    @contextlib.contextmanager
    def running(self):
        try:
            self.start()
            yield self
        finally:
            if self.process.poll() is None:
                self.thaw()
                self.stop()


@contextlib.contextmanager
def _home(owner):
    # Not one of pytest's folders: nobody but their owner may enter those.
    with tempfile.TemporaryDirectory(prefix="labeller-server-") as home:
        if owner:
            shutil.chown(home, owner)
        yield Path(home)


@contextlib.contextmanager
def cluster():
    """A PostgreSQL server that may be stopped and frozen; its `url` names no database: they are made as needed."""
    with _home(OWNER) as home:
        version = subprocess.check_output([program("postgres"), "--version"], text=True).split()[2]
        _copy(prepared.kept(f"postgresql-{version}", _prepare), home / "data")
        with _postgres(home).running() as server:
            yield server


def _prepare(path):
    """Make the files of a server, with a database of all tables."""
    with _home(OWNER) as home:
        data = home / "data"
        subprocess.run(
            [program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", LOCALE, "--no-sync"],
            check=True, capture_output=True, cwd=home, **IDENTITY,
        )  # fmt: skip
        with _postgres(home).running() as server:
            with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {TABLES}")
            prepared.migrate(f"{server.url}/{TABLES}")
        _copy(data, path)


def _copy(data, path):
    subprocess.run(["cp", "-a", data, path], check=True)  # with its owner


def _postgres(home):
    """The server on the files in that home."""
    port = free_port()
    knobs = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": home,
        "max_connections": 200,
        # Its machine is not expected to fail: nothing waits for a disk.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        # Most tests take back what they wrote: whoever looked between two of them would plan for empty tables.
        "autovacuum": "off",
        "max_wal_senders": 0,
    }
    words = [word for name, value in knobs.items() for word in ("-c", f"{name}={value}")]
    url = f"postgres://postgres@127.0.0.1:{port}"

    def answers():
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(f"{url}/postgres", connect_timeout=5):
            return True
        return False

    # SIGINT ends what is connected, too; SIGTERM would wait for it.
    server = Server(
        [program("postgres"), "-D", home / "data", *words], home, signal.SIGINT, answers, cwd=home, **IDENTITY
    )
    server.url = url
    return server


@contextlib.contextmanager
def postgresql():
    """The URL of a server, without a database's name."""
    with cluster() as server:
        yield server.url


@contextlib.contextmanager
def redis_server():
    """The URL of a server that keeps nothing on disk."""
    with _home(None) as home:
        port = free_port()
        knobs = {"--bind": "127.0.0.1", "--port": port, "--save": "", "--appendonly": "no", "--dir": home}
        command = [program("redis-server"), *(str(w) for pair in knobs.items() for w in pair)]
        url = f"redis://127.0.0.1:{port}/0"

        def answers():
            with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url) as client:
                return client.ping()
            return False

        with Server(command, home, signal.SIGTERM, answers).running():
            yield url
