"""What people who download and pause cost one who labels, on both databases.

    python -m benchmarks.slow_reader [--pause 60] [--labels 60000] [--only sqlite] [--json [FILE]]

A generator fills a database, the web server starts as `manage.py up` starts it, and somebody saves a label four times a
second: first alone, then while readers have asked for an answer, taken 2,000 bytes of it, and pause; at last alone
again. The reader of an answer comes a while after that of the answer before, and all pause at the same time. A save
counts for every answer whose reader pauses then, the seconds in which the server makes that answer included. Last line:
JSON, for each database and answer the 95th percentile of saves in milliseconds, that of saves alone, and the
difference.
"""

import argparse
import contextlib
import json
import random
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks import filling, pages

RATE = 4.0  # saves a second
FIRST = 2000  # bytes that a reader takes before it pauses
TILES = 24  # pictures of one page
TILE_BYTES = 500_000
SIZE = 1280
REFUSALS = 50_000
TARGET = 200.0  # milliseconds
FINGERPRINT, DIMENSION = "5" * 16, 1280


# --- what there is to download --------------------------------------------------------------------


def prepare(labels: int) -> None:
    """A project with that many labels, a prediction for every photograph, refused files and pictures."""
    from django.conf import settings

    from labeller.projects.models import Project
    from labeller.samples.deriving import picture
    from labeller.samples.models import File

    filling.fill(samples=max(40_000, labels + 30_000), labels=labels, people=2)
    project = Project.objects.get(slug=filling.SLUG)
    _embed(project)
    _refuse(project)
    settings.MEDIA.mkdir(parents=True, exist_ok=True)
    for file in File.objects.filter(project=project).order_by("pk")[:TILES]:
        path = picture(file, SIZE)
        assert path is not None
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(random.randbytes(TILE_BYTES))


def _embed(project: Any) -> None:
    """Embeddings of all samples, and a head; what it predicts doesn't matter here."""
    import numpy as np
    from django.conf import settings

    from labeller.embedding import runs
    from labeller.embedding.models import EmbeddingRun, EmbeddingShard
    from labeller.learning.models import Head
    from labeller.samples.models import Sample
    from tl_core.heads import files
    from tl_core.heads.plain import LinearHead

    rng = np.random.default_rng(0)
    run = EmbeddingRun.objects.create(project=project, featuriser="noise", fingerprint=FINGERPRINT, dimension=DIMENSION)
    ids = np.array(Sample.objects.filter(project=project).order_by("pk").values_list("pk", flat=True), np.int64)
    store, written = runs.store(run), []
    vectors = rng.standard_normal((filling.SHARD, DIMENSION), np.float32)
    for number, start in enumerate(range(0, len(ids), filling.SHARD)):
        some = ids[start : start + filling.SHARD]
        shard = store.write_shard(number, some, vectors[: len(some)], np.ones(len(some), bool))
        written.append(EmbeddingShard(run=run, number=number, embedded=len(some), sha256=shard.sha256))
    EmbeddingShard.objects.bulk_create(written)
    head = Head.objects.filter(question=project.first_question).latest("version")
    coef = rng.standard_normal((len(head.class_ids), DIMENSION), np.float32)
    nothing = np.zeros(len(head.class_ids), np.float32)
    linear = LinearHead(np.array(head.class_ids), coef, nothing, np.zeros(DIMENSION, np.float32))
    files.save(SimpleNamespace(linear=lambda: linear), settings.HEADS / "noise", {})
    Head.objects.filter(pk=head.pk).update(run=run, directory="noise")


def _refuse(project: Any) -> None:
    from django.db import transaction

    from benchmarks.loading import load
    from labeller.samples.models import Refusal

    with transaction.atomic():
        load(
            Refusal, ("path",), ((f"worse/{number}.jpg",) for number in range(REFUSALS)),
            project_id=project.pk, source_id=project.sources.get().pk, bytes=10, modified_ns=0, reason="not-an-image",
        )  # fmt: skip


def answers(project: Any) -> dict[str, list[str]]:
    """What each kind of reader asks for, one address a reader."""
    from labeller.samples.models import Sample

    base = f"/projects/{project.slug}/"
    shown = Sample.objects.filter(project=project).order_by("pk")[:TILES]
    return {
        "export_labels": [f"{base}export/labels.csv"],
        "export_predictions": [f"{base}export/predictions.csv"],
        "refused": [f"{base}refused.csv"],
        "curve": [f"{base}questions/{project.first_question.key}/curve.json"],
        "tiles": [f"/samples/{sample.pk}/{SIZE}.jpg" for sample in shown],
    }


# --- readers and a saver --------------------------------------------------------------------------


@dataclass
class Window:
    """From when the readers of an answer asked for it until they hung up, by the monotonic clock."""

    began: float
    ended: float = 0.0


def read_and_pause(server: Any, cookies: str, path: str, seconds: float) -> None:
    """Ask, take what comes first, take nothing for so long, and find that the rest is still to be had."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(60)
        reader.connect(("127.0.0.1", server.port))
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}\r\n\r\n"
        reader.sendall(request.encode())
        said = reader.recv(FIRST)
        assert said.startswith(b"HTTP/1.1 200"), (path, said[:200])
        time.sleep(seconds)
        assert reader.recv(FIRST), f"{path}: the server hung up"


class Saver(threading.Thread):
    """One who labels: notes when each save began and how long it took."""

    def __init__(self, client: Any, samples: list[int]) -> None:
        super().__init__(daemon=True)
        self.client, self.samples = client, samples
        self.saves: list[tuple[float, float]] = []
        self.goes_on = True
        self.failed: list[Any] = []

    def run(self) -> None:
        due = time.monotonic()
        for sample in self.samples:
            event = self.client.event(sample)
            began = time.monotonic()
            answer = self.client.save(event)
            self.saves.append((began, time.monotonic() - began))
            if answer.status != 200 or answer.body["results"][0]["status"] != 200:
                self.failed.append((answer.status, answer.body))
            if not self.goes_on:
                return
            due = max(due + 1 / RATE, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)

    def during(self, *windows: Window) -> list[float]:
        """What the saves took that began in one of these."""
        return [took for began, took in self.saves if any(each.began <= began <= each.ended for each in windows)]


def measure(pause: float) -> dict[str, dict[str, float]]:
    """The figures of every answer."""
    from labeller.projects.models import Project
    from tests.faults.conftest import TOKEN, Client

    project = Project.objects.get(slug=filling.SLUG)
    question = project.first_question
    with serving(project) as server:
        _, manager = (Client(server, number) for number in range(2))
        samples = filling.hand_out(question, filling.person(0), int(4 * RATE * (pause + 30)))
        saver = Saver(Client(server, 0), samples)
        saver.start()
        time.sleep(2)  # what a process that was just started reads once
        before = _wait(pause / 2)
        windows: dict[str, Window] = {}
        failed: list[str] = []
        readers: list[threading.Thread] = []

        def read(name: str, path: str) -> None:
            try:
                read_and_pause(server, f"{manager.cookies}; csrftoken={TOKEN}", path, pause)
            except (OSError, AssertionError) as error:
                failed.append(f"{name}: {error!r}")
            windows[name].ended = time.monotonic()

        for name, paths in answers(project).items():
            windows[name] = Window(time.monotonic())
            opened = [threading.Thread(target=read, args=(name, path)) for path in paths]
            for thread in opened:
                thread.start()
            readers += opened
            time.sleep(pause / 6)
        for thread in readers:
            thread.join()
        after = _wait(pause / 2)
        saver.goes_on = False
        saver.join()
        assert not failed and not saver.failed, (failed[:5], saver.failed[:5])
    alone = saver.during(before, after)
    return {name: _figures(saver.during(window), alone) for name, window in windows.items()}


def _wait(seconds: float) -> Window:
    window = Window(time.monotonic())
    time.sleep(seconds)
    window.ended = time.monotonic()
    return window


def _figures(taken: list[float], alone: list[float]) -> dict[str, float]:
    p95, p95_alone = _p95(taken), _p95(alone)
    return {
        "save_p95_ms": p95,
        "save_p95_ms_alone": p95_alone,
        "cost_ms": round(p95 - p95_alone, 1),
        "save_median_ms": _median(taken),
        "save_median_ms_alone": _median(alone),
        "save_max_ms": round(1000 * max(taken), 1),
        "save_max_ms_alone": round(1000 * max(alone), 1),
        "saves": len(taken),
    }


def _median(seconds: list[float]) -> float:
    return round(1000 * sorted(seconds)[len(seconds) // 2], 1)


def _p95(seconds: list[float]) -> float:
    return round(1000 * sorted(seconds)[min(len(seconds) - 1, int(0.95 * len(seconds)))], 1)


@contextlib.contextmanager
def serving(project: Any) -> Any:
    """The web server as `manage.py up` starts it, on this process' database; nobody answers its jobs."""
    import os

    from django.conf import settings
    from django.test import Client

    from labeller.accounts.models import User
    from tests.faults import conftest

    sessions = []
    for name in (filling.person(0), filling.MANAGER):
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
        sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    question = project.first_question
    made = {
        "cookies": [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME],
        "sessions": sessions,
        "classes": list(question.classes.values_list("pk", flat=True)),
    }
    database = conftest.Database(Path(settings.DATA), os.environ.get("DATABASE_URL", ""))
    base = f"/projects/{project.slug}/label/{question.key}"
    server = conftest.Server(database.data, conftest.free_port(), made, database, base)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- both databases -------------------------------------------------------------------------------


def too_dear(figures: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """The answers that miss the target, in words."""
    return [
        f"{kind} {name}: {answer['cost_ms']} ms"
        for kind, all_answers in figures.items()
        for name, answer in all_answers.items()
        if answer["cost_ms"] > TARGET
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pause", type=float, default=60.0, help="seconds")
    parser.add_argument("--labels", type=int, default=60_000)
    parser.add_argument("--only", choices=pages.DATABASES)
    parser.add_argument("--json", nargs="?", const="", help="also write the figures to this file")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process' environment
    options = parser.parse_args()
    if options.here:
        pages.set_up()
        prepare(options.labels)
        print(json.dumps(measure(options.pause)))
        return
    numbers = ["--pause", str(options.pause), "--labels", str(options.labels)]
    figures = pages.on_each_database("benchmarks.slow_reader", numbers, options.only)
    for sentence in too_dear(figures):
        print(f"too dear: {sentence}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
