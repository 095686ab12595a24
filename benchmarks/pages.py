"""How long pages and endpoints take in the server of a large project, and how many queries, on both databases.

    python -m benchmarks.pages [--samples 1000000] [--labels 300000] [--people 5] [--calls 40] [--only sqlite]
                               [--keep DIR] [--json FILE]

A generator fills a database with what years of labelling leave behind; DIR keeps it, so that measuring again is quick.
Each page is asked for by Django's test client: middleware, view, template and queries, without the network. Last line:
JSON, for each database and page the 95th percentile in milliseconds, by the clock and of work (what the program and the
database computed, which a busy machine doesn't change), and the number of queries.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import filling
from benchmarks.site import PRODUCT

DATABASES = ("sqlite", "postgresql")
PATIENCE = 40.0  # seconds that one page is measured, at most
TARGETS = {"next": 50.0, "anything_open": 10.0, "training_set": 1000.0}  # milliseconds; for all others:
TARGET = 300.0


# --- servers --------------------------------------------------------------------------------------


@contextlib.contextmanager
def database(kind: str, home: Path) -> Iterator[dict[str, str]]:
    """What a process needs in its environment to work on the database of that kind that lies in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **PRODUCT, "DATA": str(home / "data")}
    environment.pop("DATABASE_URL", None)
    if kind == "sqlite":
        yield environment
        return
    with _postgresql(home / "server") as url:
        yield {**environment, "DATABASE_URL": url}


@contextlib.contextmanager
def _postgresql(home: Path) -> Iterator[str]:
    """A server as a team has it: Debian's defaults, fsync, C.UTF-8."""
    import shutil

    from tests.faults.servers import free_port, program

    owner = "postgres" if os.geteuid() == 0 else None  # it refuses to be run by root
    identity: dict[str, Any] = {"user": owner, "group": owner, "extra_groups": []} if owner else {}
    data, port = home / "data", free_port()
    if not data.exists():
        home.mkdir()
        if owner:
            shutil.chown(home, owner)
        initdb = [program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **identity)
    control = [program("pg_ctl"), "-D", data, "-w", "-s", "-t", "120", "-l", home / "log"]
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_wal_size=8GB"
    subprocess.run([*control, "-o", options, "start"], check=True, cwd="/", **identity)
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, cwd="/", **identity)


def set_up() -> None:
    """Let Django work in this process, without a broker and without collected static files."""
    import django
    from django.conf import settings

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.LOGGING_CONFIG = None
    django.setup()
    from labeller.jobs import queueing as jobs

    class Broker:
        @staticmethod
        def send_task(*args: Any, **options: Any) -> None:
            """What a broker does with a message takes no time of the page's."""

    jobs.current_app = Broker


# --- measuring ------------------------------------------------------------------------------------


class Pages:
    """The pages of the project that was filled, each as a function that asks for it once."""

    def __init__(self, people: int) -> None:
        from django.test import Client

        from labeller.accounts.models import User
        from labeller.projects.models import Project

        self.project = Project.objects.get(slug=filling.SLUG)
        self.question = self.project.first_question
        self.done = Project.objects.get(slug=filling.DONE).first_question
        self.class_ids = list(self.question.classes.values_list("pk", flat=True))
        self.names = [filling.person(number) for number in range(people)]
        self.clients: dict[str, Any] = {}
        for name in [*self.names, filling.MANAGER]:
            client = Client(SERVER_NAME="localhost", HTTP_ACCEPT="text/html")
            client.force_login(User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
            self.clients[name] = client
        self.calls = 0

    @property
    def base(self) -> str:
        return f"/projects/{filling.SLUG}/"

    def post(self, who: str, place: str, body: dict[str, Any]) -> Any:
        url = f"{self.base}label/{self.question.key}/{place}"
        answer = self.clients[who].post(url, json.dumps(body), content_type="application/json")
        assert answer.status_code < 400, (url, answer.status_code, answer.content[:500])
        return answer.json()

    def get(self, who: str, url: str) -> Any:
        answer = self.clients[who].get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        return answer

    def someone(self) -> str:
        self.calls += 1
        return self.names[self.calls % len(self.names)]

    def asked(self) -> dict[str, Callable[[], Callable[[], Any]]]:
        """By name of the page what prepares a call, unmeasured, and gives the call."""
        manager, base = filling.MANAGER, self.base

        def plain(call: Callable[[], Any]) -> Callable[[], Callable[[], Any]]:
            return lambda: call

        return {
            "next": lambda: self._fresh("next/", 10),
            "save_25": self._save,
            "progress": plain(lambda: self.get(manager, base)),
            "projects": plain(lambda: self.get(self.someone(), "/")),
            "grid": lambda: self._fresh("grid/tiles/", 60),
            "hunt_start": lambda: (
                lambda: self.post(
                    self.someone(), "hunt/start/", {"class": self.class_ids[self.calls % len(self.class_ids)]}
                )
            ),
            "history": plain(lambda: self.get(self.someone(), f"{base}history/")),
            "review": lambda: self._fresh("review/next/", 10, manager),
            "classes": plain(lambda: self.get(manager, f"{base}classes/")),
            "settings": plain(lambda: self.get(manager, f"{base}settings/")),
            "export": plain(self._export),
            "exports": plain(lambda: self.get(manager, f"{base}export/")),
            "label": plain(lambda: self.get(self.someone(), f"{base}label/{self.question.key}/")),
            "curve": plain(lambda: self.get(manager, f"{base}questions/{self.question.key}/curve.json")),
            "flagged": plain(lambda: self.get(manager, f"{base}flagged/")),
            "people": plain(lambda: self.get(manager, f"{base}people/")),
            "anything_open": plain(self._anything_open),
            "training_set": plain(self._training_set),
        }

    def _fresh(self, place: str, count: int, who: str | None = None) -> Callable[[], Any]:
        """Samples for a tab that was just opened; what other tabs hold is given back before."""
        from labeller.annotating.models import Assignment

        Assignment.objects.filter(question=self.question, is_done=False).delete()
        body = {"count": count, "keep": [], "tab": str(uuid.uuid4())}
        return lambda: self.post(who or self.someone(), place, body)

    def _save(self) -> Callable[[], Any]:
        who = self.someone()
        samples = filling.hand_out(self.question, who, 25)
        events = [
            {
                "uuid": str(uuid.uuid4()),
                "sample": sample,
                "entry": None,
                "verdict": "answer",
                "classes": [self.class_ids[number % len(self.class_ids)]],
                "supersedes": None,
                "mode": "single",
                "dwell_ms": 1000,
                "suggestion_shown": True,
            }
            for number, sample in enumerate(samples)
        ]

        def call() -> None:
            answer = self.post(who, "labels/", {"events": events})
            assert {each["status"] for each in answer["results"]} == {200}, answer

        return call

    def _export(self) -> None:
        answer = self.get(filling.MANAGER, f"{self.base}export/labels.csv")
        if answer.streaming:
            # The test client ends it when it is forgotten; `answer.close()` would close the connection too.
            next(iter(answer.streaming_content))

    def _anything_open(self) -> None:
        from labeller.annotating.handing import state

        assert not state.has_open_samples(self.done)

    def _training_set(self) -> None:
        """What a head learns from: workers read it before each round."""
        from labeller.labels import selectors

        assert selectors.consensus(self.question)


def measure(people: int, calls: int, wanted: list[str]) -> dict[str, dict[str, float]]:
    """The figures of every page."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    found = {}
    for name, prepare in Pages(people).asked().items():
        if wanted and name not in wanted:
            continue
        prepare()()  # what a process that was just started reads once
        call = prepare()
        with CaptureQueriesContext(connection) as captured:
            call()
        queries = len(captured)  # the next request forgets them
        spent: list[float] = []
        worked: list[float] = []
        begun = time.monotonic()
        while len(spent) < calls and (len(spent) < 3 or time.monotonic() - begun < PATIENCE):
            call = prepare()
            started, before = time.perf_counter(), _cpu_seconds()
            call()
            spent.append(time.perf_counter() - started)
            worked.append(_cpu_seconds() - before)
        p95, cpu = _p95(spent), _p95(worked)
        found[name] = {"p95_ms": p95, "cpu_p95_ms": cpu, "queries": queries}
        said = f"{p95:10.1f} ms, {cpu:8.1f} ms of work, {queries:4} queries ({len(spent)} calls)"
        print(f"{name:16} {said}", file=sys.stderr, flush=True)
    return found


def _p95(seconds: list[float]) -> float:
    return round(1000 * sorted(seconds)[min(len(seconds) - 1, int(0.95 * len(seconds)))], 1)


def _cpu_seconds() -> float:
    """What this process and its database server have worked: on a busy machine the clock tells of others' work."""
    from django.db import connection

    if connection.vendor != "postgresql" or connection.connection is None:
        return time.process_time()
    server = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
    return time.process_time() + int(server.split()[0]) / 1e9


def too_slow(figures: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """The pages that miss their target, in words."""
    return [
        f"{kind} {name}: {page['p95_ms']} ms"
        for kind, pages in figures.items()
        for name, page in pages.items()
        if page["p95_ms"] > TARGETS.get(name, TARGET)
    ]


def one(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Fill the database of this process where that hasn't been done, and measure on it."""
    set_up()
    filling.fill(options.samples, options.labels, options.people)
    filling.catch_up()
    return measure(options.people, options.calls, options.pages)


def on_each_database(module: str, words: list[str], only: str | None, keep: Path | None = None) -> dict[str, Any]:
    """What the module prints last, run with `--here` and these words on each database, or on that one only."""
    figures = {}
    with contextlib.ExitStack() as stack:
        home = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labeller-benchmark-")))
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)  # the database's own user passes through
        for kind in [only] if only else DATABASES:
            print(kind, file=sys.stderr, flush=True)
            with database(kind, home.resolve() / kind) as environment:
                command = [sys.executable, "-m", module, "--here", *words]
                answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            figures[kind] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=300_000)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--calls", type=int, default=40, help="of each page")
    parser.add_argument("--pages", nargs="*", default=[], help="only these")
    parser.add_argument("--only", choices=DATABASES)
    parser.add_argument("--keep", type=Path, help="where databases stay")
    parser.add_argument("--json", nargs="?", const="", help="also write the figures to this file")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process' environment
    options = parser.parse_args()
    if options.here:
        print(json.dumps(one(options)))
        return
    numbers = ("samples", "labels", "people", "calls")
    arguments = [word for name in numbers for word in (f"--{name}", str(getattr(options, name)))]
    arguments += ["--pages", *options.pages]
    figures = on_each_database("benchmarks.pages", arguments, options.only, options.keep)
    for sentence in too_slow(figures):
        print(f"too slow: {sentence}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
