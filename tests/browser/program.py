"""The running program: `manage.py up` on the drawn photographs, and what a test may ask of it."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.site import Site, csrf_token
from tests import prepared
from tests.browser import photographs

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = {"DJANGO_SETTINGS_MODULE": "labeller.config.settings"}
MAIN = "what-is-in-the-picture"
PASSWORD = "seven grey herons"
CAST = {"olga": "owner", "mia": "manager", "ana": "annotator", "bo": "annotator", "vic": "viewer", "sam": ""}
ROLES = {"admin": "administrator", **CAST}
PATIENCE = 180  # seconds for anything the workers do


@dataclass
class Asked:
    """A question of the running program, with its classes (name to id) and their letters (name to key)."""

    program: "Program"
    key: str
    classes: dict[str, int]
    letters: dict[str, str]

    def url(self, mode: str = "") -> str:
        """The address of a labelling screen: "" = single, else grid, sequence, hunt or review."""
        tail = f"{mode}/" if mode and mode != "single" else ""
        return f"{self.program.project_url}label/{self.key}/{tail}"


@dataclass
class Program:
    """`manage.py up`, opened on two thousand photographs."""

    address: str
    slug: str
    password: str
    data: Path
    folder: Path
    process: subprocess.Popen[bytes]
    _cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def project_url(self) -> str:
        return f"{self.address}/projects/{self.slug}/"

    @property
    def label_url(self) -> str:
        """The single-image screen of the main question."""
        return f"{self.project_url}label/{MAIN}/"

    # --- what only the tests know -------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, read only."""
        file = f"file:{self.data}/labeller.sqlite3?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=20)) as database:
            return database.execute(query, values).fetchall()

    @cached_property
    def path_of(self) -> dict[int, str]:
        rows = (
            "SELECT sample.id, path FROM samples_sample AS sample JOIN samples_file AS file ON file.id = file_id"
            " JOIN projects_project AS project ON project.id = sample.project_id WHERE slug = ?"
        )
        return dict(self.rows(rows, self.slug))

    @cached_property
    def truth(self) -> dict[int, str]:
        """The right class of every sample, by id."""
        return self._answers("class")

    @cached_property
    def looks(self) -> dict[int, str]:
        """What every sample looks like; 5 % are something else."""
        return self._answers("looks")

    def _answers(self, column: str) -> dict[int, str]:
        with (self.folder / "truth.csv").open(newline="") as file:
            by_path = {row["path"]: row[column] for row in csv.DictReader(file)}
        return {sample: by_path[path] for sample, path in self.path_of.items()}

    def backstage(self, **asked: Any) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.browser.backstage", json.dumps(asked)]
        environment = {**os.environ, **PRODUCT, "DATA": str(self.data)}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return dict(json.loads(done.stdout))

    def ask(self, key: str, *, known: int = 0, **options: Any) -> Asked:
        """A question of that key with all classes; `known` samples are answered by bo beforehand.

        options: text, classes, names (a file of 5,000), multi_label, follows (key of another question).
        """
        options.setdefault("classes", photographs.CLASSES)
        asked = Asked(self, key, **self.backstage(question={"key": key, **options}))
        if known:
            self.answer(asked, known)
        return asked

    # --- over HTTP, as a browser would --------------------------------------------------------------

    def client(self, who: str) -> httpx.Client:
        """Logged in as that person."""
        client = httpx.Client(base_url=self.address, timeout=60, headers={"Referer": self.address})
        client.cookies.update(self.cookies(who))
        client.headers["X-CSRFToken"] = csrf_token(client)
        return client

    def cookies(self, who: str) -> dict[str, str]:
        if who not in self._cookies:
            self._cookies[who] = self.log_in(who)
        return self._cookies[who]

    def log_in(self, who: str) -> dict[str, str]:
        """The cookies of a fresh log-in."""
        with httpx.Client(base_url=self.address, timeout=60) as client:
            client.get("/login/").raise_for_status()
            given = {
                "username": who,
                "password": self.password if who == "admin" else PASSWORD,
                "csrfmiddlewaretoken": csrf_token(client),
            }
            answer = client.post("/login/", data=given, headers={"Referer": f"{self.address}/login/"})
            assert answer.status_code == 302, answer.text
            return dict(client.cookies)

    def post(self, who: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.client(who) as client:
            answer = client.post(url, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    def answer(self, asked: Asked, count: int, who: str = "bo") -> None:
        """Have somebody answer `count` samples rightly; returns once the ranking knows of them."""
        self.answer_some(asked, count, who)
        self.wait_for_round(asked, count)

    def answer_some(self, asked: Asked, count: int, who: str = "bo") -> None:
        """Have somebody answer `count` samples rightly, and give back what else they hold."""
        tab, deadline, left = str(uuid.uuid4()), time.monotonic() + PATIENCE, count
        while left:
            given = self.post(who, f"{asked.url()}next/", {"count": min(25, left), "keep": [], "tab": tab})["samples"]
            assert time.monotonic() < deadline, "nothing to label"
            if not given:
                time.sleep(0.3)
                continue
            events = [self._event(asked, each) for each in given]
            self.post(who, f"{asked.url()}labels/", {"tab": tab, "events": events})
            left -= len(given)
        self.post(who, f"{asked.url()}next/", {"count": 0, "keep": [], "tab": tab})

    def _event(self, asked: Asked, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "uuid": str(uuid.uuid4()),
            "sample": given["sample"],
            "entry": given["entry"],
            "verdict": "answer",
            "classes": [asked.classes[self.truth[given["sample"]]]],
            "supersedes": None,
            "mode": "single",
            "dwell_ms": 1000,
            "suggestion_shown": not given["blind"],
        }

    def wait_for_round(self, asked: Asked, labels: int = 0) -> None:
        """Until a ranking that knows so many labels is in use."""
        query = (
            "SELECT n_labels FROM learning_round JOIN projects_question ON question_id = projects_question.id"
            " WHERE key = ? AND is_current"
        )
        deadline = time.monotonic() + PATIENCE
        while max((n for (n,) in self.rows(query, asked.key)), default=-1) < labels:
            assert time.monotonic() < deadline, "no ranking came"
            time.sleep(0.2)

    # --- doing it harm ------------------------------------------------------------------------------

    def kill_web(self) -> None:
        """kill -9 of the web server, its workers after it, lest it replace them; the supervisor starts it again."""
        for child in psutil.Process(self.process.pid).children():
            if any("gunicorn" in word for word in child.cmdline()):
                for process in (child, *child.children()):
                    process.kill()

    def wait_for_web(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if httpx.get(f"{self.address}/login/", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, "the web server does not come back"
            time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Program]:
    """The program on freshly drawn photographs below `folder`, all of them embedded."""
    shutil.copytree(prepared.kept("photographs", photographs.write), folder, dirs_exist_ok=True)
    data = folder / "data"
    shutil.copytree(prepared.site(), data)
    shutil.copytree(prepared.networks(), data / "models")
    images = str(folder / "photographs")
    knobs = {"DATA": str(data), "PORT": str(free_port()), "IMAGES": images, "TRUTH": "", "LABELS": ""}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**os.environ, **PRODUCT, **knobs},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address, slug, one_time = _read_start(process, folder / "up.log")
        newcomer = Site(address, slug, one_time, data, 0.0)
        newcomer.log_in()
        program = Program(address, slug, newcomer.password, data, folder, process)
        program.backstage(people=CAST, password=PASSWORD, question={"key": MAIN, "classes": photographs.CLASSES})
        _wait_until_embedded(program)
        yield program
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)


def _read_start(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str, str]:
    deadline = time.monotonic() + PATIENCE
    while True:
        said = log.read_text()
        if "Ctrl-C stops" in said:
            address, slug = re.search(r"labeller is at (http://[^/]+)/projects/([^/]+)/", said).groups()
            return address, slug, re.search(r"one-time password (\S+)", said)[1]
        assert process.poll() is None, f"the program did not start:\n{said}"
        assert time.monotonic() < deadline, f"the program did not start:\n{said}"
        time.sleep(0.2)


def _wait_until_embedded(program: Program) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        # Of the run in use: a companion has as many.
        own = "run_id IN (SELECT id FROM embedding_embeddingrun WHERE beside_id IS NULL)"
        query = f"SELECT COALESCE(SUM(embedded), 0) FROM embedding_embeddingshard WHERE {own}"
        embedded = program.rows(query)[0][0]
        if embedded == photographs.PHOTOGRAPHS:
            return
        assert time.monotonic() < deadline, f"{embedded} photographs are embedded"
        time.sleep(0.3)
