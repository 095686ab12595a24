"""The running program under bad luck: many hands at once, doubled messages, killed processes.

Every client notes what was acknowledged; afterwards the database must hold exactly that.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from benchmarks.site import ROOT, Site, csrf_token, free_port, running

pytestmark = pytest.mark.faults
CLIENTS = 32
SAMPLES = 20

MAKE_PEOPLE = """
from labeller.accounts.models import User, Membership
from labeller.projects.models import Project
project = Project.objects.get()
for number in range({n}):
    user = User.objects.create_user(f"client-{{number}}", password="only for this test")
    Membership.objects.create(project=project, user=user, role="annotator")
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty noisy pictures of two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(SAMPLES):
        pixels = rng.integers(0, 120, (64, 64, 3)) + (100 if number % 2 else 0)
        path = folder / ("bright" if number % 2 else "dark") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


@pytest.fixture
def site(pictures: Path) -> Iterator[Site]:
    with running(pictures, TRUTH="folders", LABELS="") as started:
        while not started.next(1)["samples"]:
            time.sleep(0.2)
        started.wait_until_embedded()
        yield started


def manage(site: Site, *words: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=site.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{site.data}/labeller.sqlite3?mode=ro", uri=True, timeout=20)) as db:
        return list(db.execute(query))


def people(site: Site, n: int) -> list[Site]:
    """Logged-in clients, one account each."""
    manage(site, "shell", "-c", MAKE_PEOPLE.format(n=n))
    found = []
    for number in range(n):
        person = Site(
            site.address, site.slug, "only for this test", site.data, site.started, httpx.Client(timeout=60.0)
        )
        person.client.get(f"{site.address}/login/")
        answer = person.client.post(
            f"{site.address}/login/",
            data={
                "username": f"client-{number}",
                "password": person.password,
                "csrfmiddlewaretoken": csrf_token(person.client),
            },
        )
        assert answer.status_code == 302
        found.append(person)
    return found


def label_all(person: Site, class_id: int) -> list[tuple[int, str]]:
    """Take and answer samples without think time until there are none; returns (sample, uuid) acknowledged."""
    acknowledged = []
    for _ in range(3 * SAMPLES):
        samples = person.next(1)["samples"]
        if not samples:
            break
        result = person.save([(samples[0], class_id)])["results"][0]
        assert result["status"] == 200, result
        acknowledged.append((samples[0]["sample"], result["uuid"]))
    return acknowledged


@pytest.mark.parametrize("redundancy", [1, 3])
def test_many_hands_never_share_a_slot(site: Site, redundancy: int) -> None:
    """Battery 2: 32 clients, no think time, 20 samples."""
    manage(
        site,
        "shell",
        "-c",
        f"from labeller.projects.models import Project; Project.objects.update(redundancy={redundancy})",
    )
    site.next(0)  # gives back what the administrator held
    clients = people(site, CLIENTS)
    class_id = min(site.classes().values())
    with ThreadPoolExecutor(CLIENTS) as pool:
        acknowledged = [each for done in pool.map(lambda person: label_all(person, class_id), clients) for each in done]
    stored = rows(site, "SELECT sample_id, uuid FROM labels_label WHERE is_current")
    assert {(sample, uuid.UUID(key).hex) for sample, key in acknowledged} == set(stored)
    assert Counter(sample for sample, _ in stored) == dict.fromkeys(range(1, SAMPLES + 1), redundancy)


def test_one_uuid_ten_times_at_once_is_one_label(site: Site) -> None:
    """Battery 3."""
    sample = site.next(1)["samples"][0]
    event = {
        "uuid": str(uuid.uuid4()),
        "sample": sample["sample"],
        "entry": sample["entry"],
        "verdict": "answer",
        "classes": [min(site.classes().values())],
        "supersedes": None,
    }
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: site.post(f"{site.label_url}labels/", {"events": [event]}), range(10)))
    assert all(answer["results"] == answers[0]["results"] for answer in answers)
    assert answers[0]["results"][0]["status"] == 200
    assert len(rows(site, "SELECT 1 FROM labels_label")) == 1


def test_killing_the_refit_leaves_whole_rounds(site: Site) -> None:
    """Batteries 12 and 13: refits asked for in bursts, their worker killed at random; no label stays out."""
    classes = site.classes()
    rng = np.random.default_rng(1)
    for _ in range(6):
        sample = site.next(1)["samples"][0]
        truth = classes[site.paths()[sample["sample"]].split("/")[0]]
        site.save([(sample, truth)])
        manage(
            site,
            "shell",
            "-c",
            "from labeller.learning.services import request_refit; from labeller.projects.models import Question; "
            "[request_refit(Question.objects.get(), at_once=True) for _ in range(50)]",
        )
        open_jobs = Counter(state for (state,) in rows(site, "SELECT state FROM jobs_job WHERE kind='refit'"))
        assert open_jobs["queued"] <= 1 and open_jobs["running"] <= 1
        time.sleep(float(rng.uniform(0.2, 1.2)))
        for process in psutil.process_iter(["cmdline", "environ"]):
            command = " ".join(process.info["cmdline"] or ())
            if "-Q train" in command and (process.info["environ"] or {}).get("DATA") == str(site.data):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        current = rows(site, "SELECT id, n_pool FROM learning_round WHERE is_current")
        assert len(current) == 1
        (ranked,) = rows(site, f"SELECT count(*) FROM learning_roundentry WHERE round_id = {current[0][0]}")
        assert ranked[0] == current[0][1], "a round of so few samples ranks all of them, or isn't there"
    deadline = time.monotonic() + 120
    while site.next(1)["round"]["n_labels"] < 6:
        assert time.monotonic() < deadline, "the last label never got into a round"
        time.sleep(0.5)


def test_nothing_is_left_behind(pictures: Path, tmp_path: Path) -> None:
    """kill -9 of the program, then a new start, then Ctrl-C: no process survives, and the work goes on."""
    environment = {**os.environ, "DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "labeller.config.settings"}

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--images", str(pictures), "--port", str(free_port())],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for line in process.stdout:
            if "Ctrl-C stops" in line:
                return process
        raise AssertionError("it did not start")

    def alive() -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["environ", "status"])
            if (process.info["environ"] or {}).get("DATA") == str(tmp_path) and process.info["status"] != "zombie"
        ]

    first = start()
    before = alive()
    assert len(before) > 5
    first.kill()
    first.wait()
    second = start()
    assert not [process for process in before if process.is_running() and process.status() != "zombie"]
    second.send_signal(signal.SIGINT)
    said = second.communicate(timeout=60)[0]
    assert second.returncode == 0
    assert "had to be killed" not in said
    assert alive() == []
