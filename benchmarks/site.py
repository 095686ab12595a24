"""Starting the program as a newcomer does, and talking to it over HTTP as the browser does."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = {"DJANGO_SETTINGS_MODULE": "labeller.config.settings"}  # also where the caller is a test with its own
PASSWORD = re.compile(r"one-time password (\S+)")
PATHS = "SELECT sample.id, path FROM samples_sample AS sample JOIN samples_file AS file ON file.id = file_id"
OWN_PASSWORD = "nine quiet curlews"  # chosen instead of the one-time one
ADDRESS = re.compile(r"labeller is at (http://[^/\s]+)/projects/([^/\s]+)/")


def csrf_token(client: httpx.Client) -> str:
    """The cookie's name ends in a mark of the site."""
    return next(value for name, value in client.cookies.items() if name.startswith("csrftoken-"))


@dataclass
class Site:
    """A running program: its address, the opened project, a logged-in client, when it was started, and its process."""

    address: str
    slug: str
    password: str
    data: Path
    started: float
    question: str = ""  # its slug, where it is not the one about pictures
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))
    pid: int = 0

    @property
    def label_url(self) -> str:
        """The labelling page of the project's question."""
        pictures = "which-digit-is-this" if self.slug == "demo" else "what-is-in-the-picture"
        return f"{self.address}/projects/{self.slug}/label/{self.question or pictures}/"

    @property
    def environment(self) -> dict[str, str]:
        """What a `manage.py` command needs to speak to this program's data."""
        return {**os.environ, **PRODUCT, "DATA": str(self.data)}

    def log_in(self) -> None:
        """With the one-time password, which is replaced."""
        self.client.get(f"{self.address}/login/").raise_for_status()
        self._send("login/", {"username": "admin", "password": self.password})
        self.password = OWN_PASSWORD
        self._send("account/password/", {"new_password1": OWN_PASSWORD, "new_password2": OWN_PASSWORD})

    def _send(self, path: str, form: dict[str, str]) -> None:
        data = {**form, "csrfmiddlewaretoken": csrf_token(self.client)}
        answer = self.client.post(f"{self.address}/{path}", data=data, headers={"Referer": f"{self.address}/{path}"})
        if answer.status_code != 302:
            raise RuntimeError(f"{path} failed: {answer.status_code}")

    def post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-CSRFToken": csrf_token(self.client), "Referer": self.address}
        answer = self.client.post(url, json=body, headers=headers)
        if answer.is_error:
            raise RuntimeError(f"{url}: {answer.status_code} {answer.text[:500]}")
        return dict(answer.json())

    def next(self, count: int) -> dict[str, Any]:
        return self.post(f"{self.label_url}next/", {"count": count, "keep": []})

    def save(self, answers: list[tuple[dict[str, Any], int]]) -> dict[str, Any]:
        """Label samples; pairs of a sample as `next` gave it and a class id."""
        events = [
            {
                "uuid": str(uuid.uuid4()),
                "sample": sample["sample"],
                "entry": sample["entry"],
                "verdict": "answer",
                "classes": [class_id],
                "supersedes": None,
                "mode": "single",
                "dwell_ms": 1000,
                "suggestion_shown": not sample["blind"],
            }
            for sample, class_id in answers
        ]
        return self.post(f"{self.label_url}labels/", {"events": events})

    def status(self) -> dict[str, Any]:
        command = [sys.executable, "manage.py", "status", "--project", self.slug, "--json"]
        output = subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return dict(json.loads(output.stdout)["projects"][0])

    def wait_until_embedded(self) -> None:
        while True:
            jobs = self.status()["jobs"]
            if not jobs.get("queued") and not jobs.get("running"):
                return
            time.sleep(0.5)

    def paths(self) -> dict[int, str]:
        """Where each sample lies, by id: the oracle's truth, which the pages rightly keep to themselves."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/labeller.sqlite3?mode=ro", uri=True)) as database:
            return dict(database.execute(PATHS))

    def classes(self) -> dict[str, int]:
        """Class ids by name, from the labelling page."""
        page = self.client.get(self.label_url)
        page.raise_for_status()
        boot = json.loads(re.search(r'<script id="boot"[^>]*>(.*?)</script>', page.text, re.DOTALL)[1])
        return {each["name"]: each["id"] for each in boot["classes"]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(images: Path | str, *, data: Path | None = None, **knobs: str) -> Iterator[Site]:
    """`make run IMAGES=…` in that data directory or else a fresh one, stopped by Ctrl-C at the end."""
    with contextlib.ExitStack() as stack:
        home = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labeller-benchmark-")))
        knobs = {"DATA": str(home), "IMAGES": str(images), "PORT": str(free_port()), **knobs}
        environment = {**os.environ, **PRODUCT, **knobs}
        started = time.monotonic()
        process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield _read_start(process, home, started)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=60)


def _read_start(process: subprocess.Popen[str], data: Path, started: float) -> Site:
    said = ""
    for line in process.stdout or ():
        said += line
        if PASSWORD.search(line):
            address, slug = ADDRESS.search(said).groups()
            site = Site(address, slug, PASSWORD.search(said)[1], data, started, pid=process.pid)
            site.log_in()
            return site
    raise RuntimeError(f"the program did not start:\n{said}")


def report(figures: dict[str, Any], file: Path | None) -> None:
    """Print what was measured, a line each and last as JSON, which also goes to the file."""
    for name, value in figures.items():
        print(f"{name:24} {value}")
    if file:
        file.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def stored_embeddings(data: Path) -> tuple[Any, list[str]]:
    """The one run's vectors (N, D) and the path of each, read from the program's data directory."""
    from tl_core import featurisers
    from tl_core.store.embeddings import EmbeddingStore

    featuriser = featurisers.get()
    directory = next((data / "embeddings").iterdir())
    found = EmbeddingStore(directory, featuriser.fingerprint, featuriser.dimension).open()
    with contextlib.closing(sqlite3.connect(f"file:{data}/labeller.sqlite3?mode=ro", uri=True)) as database:
        paths = dict(database.execute(PATHS))
    return found.vectors[:], [paths[sample_id] for sample_id in found.ids.tolist()]
