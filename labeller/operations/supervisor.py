"""Starting, watching and stopping the processes of a site on one machine.

Nothing may be left behind. Each child leads its own process group and asks the kernel (on Linux) to be stopped when
this process dies; whatever survives even that is listed in a file, and the next start ends it first.

The lock and that list lie in DATA, which nobody else can write to: a start with another temporary directory meets them
too, and nobody can make it end processes of others.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from labeller.config import paths
from labeller.operations import logs

PR_SET_PDEATHSIG = 1
STOP_PATIENCE = 15.0  # seconds a child has to stop by itself
WAITING_PATIENCE = 20.0  # seconds in which those must have begun that others wait for
RESTART_PAUSE = 1.0  # seconds before a dead child is started again, doubled up to the most
MOST_RESTART_PAUSE = 30.0
BEGUN = "LABELLER_BEGUN"  # environment variable: the file by which a child says that it has begun


class StartError(Exception):
    """The site can't be started; the message says why in one line."""


@dataclass
class Child:
    """A process that should be running."""

    name: str
    command: list[str]
    stop_signal: int = signal.SIGTERM
    tells: bool = False  # whether it makes the file named in its environment once it has begun
    waits_for: tuple[str, ...] = ()  # children that begin first, for they are needed sooner, and all share the cores
    process: subprocess.Popen[bytes] | None = None
    pause: float = RESTART_PAUSE
    started: float = 0.0
    restart_at: float = field(default=0.0)


class Supervisor:
    """Keeps children running until told to stop."""

    def __init__(self, runtime: Path, data: Path, say: Callable[[str], None]) -> None:
        self.runtime, self.data, self.logs, self.say = runtime, data, data / "logs", say
        self.children: list[Child] = []
        self._lock: int | None = None
        self.logs.mkdir(parents=True, exist_ok=True)

    def lock(self) -> None:
        """Make sure that one supervisor only uses this data directory; end what an earlier one left."""
        try:
            self._lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o660)
        except OSError as error:
            raise StartError(str(error)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise StartError(
                    "It is running already with this data directory: stop it first, or set DATA."
                ) from error
            self.say(f"{self.data} lies on a disk that knows no locks: see to it that it is used once at a time.")
        try:
            paths.make_private(self.runtime)
        except (paths.Unsafe, OSError) as error:
            raise StartError(str(error)) from error
        (self.data / paths.RUN_NOTE).write_text(f"{self.runtime}\n")
        self._end_leftovers()

    def start(self, child: Child) -> None:
        self.children.append(child)
        if child.waits_for:
            child.restart_at = time.monotonic() + WAITING_PATIENCE
        else:
            self._spawn(child)

    def _spawn(self, child: Child) -> None:
        begun = self._begun(child)
        begun.unlink(missing_ok=True)
        with (self.logs / f"{child.name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "DATA": str(self.data), BEGUN: str(begun)},  # how it is told for ours, too
                start_new_session=True,
                preexec_fn=_die_with_parent(child.stop_signal),
            )
        child.started, child.waits_for = time.monotonic(), ()
        self._write_list()

    def _begun(self, child: Child) -> Path:
        return self.runtime / f"{child.name}.begun"

    def _is_its_turn(self, child: Child) -> bool:
        first = [each for each in self.children if each.name in child.waits_for]
        return bool(first) and all(self._begun(each).exists() for each in first)

    def check(self) -> None:
        """Start again what has died, and keep the logs short; call it now and then."""
        logs.rotate(self.logs)
        for child in self.children:
            if child.process is None:
                if time.monotonic() >= child.restart_at or self._is_its_turn(child):
                    self._spawn(child)
                continue
            code = child.process.poll()
            if code is None:
                continue
            if time.monotonic() - child.started > MOST_RESTART_PAUSE:
                child.pause = RESTART_PAUSE
            self._kill_group(child.process.pid)  # its own children, where it left any
            log = self.logs / f"{child.name}.log"
            self.say(f"{child.name} stopped ({_reason(code)}), starting it again in {child.pause:.0f} s; see {log}")
            child.process, child.restart_at = None, time.monotonic() + child.pause
            child.pause = min(child.pause * 2, MOST_RESTART_PAUSE)

    def stop(self) -> None:
        """Stop all children, and kill what doesn't listen; the first one, the broker, once all others are gone.

        A worker talks to its broker while it stops: without one it would wait for it until it is killed.
        """
        self._stop(self.children[1:])
        self._stop(self.children[:1])
        for name in ("children.json", paths.RUN_NOTE):
            (self.data / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # never made; or it holds what is not ours to delete
            self.runtime.rmdir()

    def _stop(self, children: Sequence[Child]) -> None:
        running = [(child, child.process) for child in children if child.process is not None]
        for child, process in running:
            # One that hasn't begun has nothing in hand, and may not listen yet to the signal it stops by.
            has_begun = not child.tells or self._begun(child).exists()
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(child.stop_signal if has_begun else signal.SIGKILL)
        deadline = time.monotonic() + STOP_PATIENCE
        for child, process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} had to be killed: it did not stop within {STOP_PATIENCE:.0f} s")
            self._kill_group(process.pid)
            process.wait()
            self._begun(child).unlink(missing_ok=True)

    def _write_list(self) -> None:
        alive = [child.process.pid for child in self.children if child.process is not None]
        listed = []
        for pid in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                listed.append([pid, psutil.Process(pid).create_time()])
        temporary = self.data / "children.json.part"
        temporary.unlink(missing_ok=True)
        with temporary.open("x") as file:
            json.dump(listed, file)
        temporary.replace(self.data / "children.json")

    def _end_leftovers(self) -> None:
        """End what an earlier run on this data directory left.

        It is found by its group and its start, and ended only where account and environment say that it is ours.
        """
        try:
            listed = [
                (int(pid), float(created)) for pid, created in json.loads((self.data / "children.json").read_text())
            ]
        except (FileNotFoundError, ValueError, TypeError):
            return
        ended = []
        for pid, created in listed:
            for process in psutil.process_iter(["pid", "create_time"]):
                with contextlib.suppress(ProcessLookupError, psutil.Error):
                    same_group = os.getpgid(process.pid) == pid
                    if same_group and process.info["create_time"] >= created - 1.0 and self._is_ours(process):
                        process.kill()
                        ended.append(process)
        psutil.wait_procs(ended, timeout=STOP_PATIENCE)  # until then the port is theirs

    def _is_ours(self, process: psutil.Process) -> bool:
        is_own = process.uids().real == os.getuid()
        return bool(is_own and process.environ().get("DATA") == str(self.data))

    @staticmethod
    def _kill_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _die_with_parent(stop_signal: int) -> Callable[[], None] | None:
    """What a child does first: ask Linux for this signal when the supervisor dies, even by kill -9."""
    if not sys.platform.startswith("linux"):
        return None
    libc: Any = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, stop_signal)


def _reason(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"by {signal.Signals(-code).name}"
    return f"exit code {code}"


def check_port(host: str, port: int) -> None:
    """Raises StartError where the web server couldn't listen there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StartError(
            f"Cannot listen on {host} port {port}: {reason}. Choose another, such as PORT={port + 1}."
        ) from error
