"""A process that reads documents for this one, and that may be stopped, or die, without harm to anybody."""

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import tl_core
from tl_core.notices import Code, Notice, notice
from tl_core.texts.reading.refusals import TextRefused

SECONDS = 30.0  # for one document; a book of a thousand pages takes two


class LimitedReader:
    """Reads one document after the other in a process without files, network and more memory than its share.

    To be used in a ``with`` statement, by one thread. The process is started for the first document, and again after
    one that it did not survive.

    Parameters
    ----------
    seconds : float
        How long a document may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "LimitedReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, kind: str, content: bytes) -> dict[str, Any]:
        """Have a document read.

        Parameters
        ----------
        kind : str
            One of `extracting.KINDS`.
        content : bytes
            The whole file.

        Returns
        -------
        dict
            ``text``, ``encoding``, ``title``, ``notes``.

        Raises
        ------
        TextRefused
            Whatever is wrong with it, and also when it took too long, too much, or the process with it.
        """
        try:
            answer = self._ask(kind, content)
        except BaseException:
            self._stop()
            raise
        if "reason" in answer:
            if answer["reason"] == "out-of-memory":
                self._stop()
            raise TextRefused(answer["reason"], Notice(**answer["detail"]))
        return answer

    def _ask(self, kind: str, content: bytes) -> dict[str, Any]:
        process = self._process if self._process is not None and self._process.poll() is None else self._start()
        deadline = time.monotonic() + self._seconds
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes, as asked for
        try:
            process.stdin.write(b"%s %d\n" % (kind.encode(), len(content)))
            process.stdin.write(content)
            process.stdin.flush()
        except OSError as error:
            raise TextRefused("unreadable", notice(Code.STOPPED_READER)) from error
        received = bytearray()
        while b"\n" not in received:
            received += self._receive(process.stdout.fileno(), deadline)
        length, _line, received = received.partition(b"\n")
        while len(received) < int(length):
            received += self._receive(process.stdout.fileno(), deadline)
        answer: dict[str, Any] = json.loads(received)
        return answer

    def _receive(self, descriptor: int, deadline: float) -> bytes:
        waiting = select.poll()  # not select: a server has more files open than that can count
        waiting.register(descriptor, select.POLLIN)
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TextRefused("too-slow", notice(Code.TOO_SLOW, seconds=self._seconds))
        piece = os.read(descriptor, 1 << 20)
        if not piece:
            raise TextRefused("unreadable", notice(Code.STOPPED_READER))
        return piece

    def _start(self) -> subprocess.Popen[bytes]:
        self._stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tl_core.texts.reading.extracting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Nothing of what this process knows: no keys, no addresses.
            env={"PYTHONPATH": str(Path(tl_core.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was never read
                        pipe.close()
            self._process.wait()
            self._process = None
