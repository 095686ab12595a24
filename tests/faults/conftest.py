"""A real web server in front of a real database file, and clients that write down what they did."""

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import psutil
import pytest

from labeller.operations.management.commands import up
from tests import factories
from tests.faults import servers
from tests.faults.servers import free_port
from tests.tl_core import storages
from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "t" * 32  # any token does, as long as cookie and header agree


def environment(data):
    """What a process of the program sees: the site's own settings, on that data directory."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {**kept, "DATA": str(data), "DJANGO_SETTINGS_MODULE": "labeller.config.settings"}


def wait_for(condition, patience=60.0, what="what was waited for"):
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {patience:.0f} s"
        time.sleep(0.02)
    return found


def fill(folder, count):
    """So many small pictures, no two alike."""
    for number in range(count):
        factories.photograph(folder / f"plain/{number:04}.png", 1000 + number, (24, 24))


def processes_of(data):
    """Every living process of the program on that data directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DATA") == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@dataclass
class Answer:
    """A status and a parsed body."""

    status: int
    body: dict


@dataclass
class Journal:
    """What all clients meant to do and what they were told: the auditor compares it with the database."""

    intents: dict = field(default_factory=dict)  # uuid: (client, sample, verdict)
    acknowledged: dict = field(default_factory=dict)  # uuid: sample
    refused: dict = field(default_factory=dict)  # uuid: status
    errors: list = field(default_factory=list)  # answers of 500 and above, and broken connections
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One person in one tab; every request on a connection of its own, so that none is cut off for having idled."""

    def __init__(self, server, number):
        self.server, self.number = server, number
        session, csrf = server.made["cookies"]
        self.cookies = f"{session}={server.made['sessions'][number]}; {csrf}={TOKEN}"

    def post(self, path, body):
        headers = {"Cookie": self.cookies, "X-CSRFToken": TOKEN, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            with contextlib.closing(connection):
                connection.request("POST", f"{self.server.base}/{path}/", json.dumps(body), headers)
                response = connection.getresponse()
                text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.server.journal.errors.append(repr(error))
            return Answer(0, {})
        if response.status >= 500:
            self.server.journal.errors.append((response.status, text[:200]))
        return Answer(response.status, json.loads(text) if text[:1] == b"{" else {})

    def next(self, count=1, keep=()):
        return self.post("next", {"count": count, "keep": list(keep)}).body

    def event(self, sample, class_id=None, **fields):
        classes = [] if fields.get("verdict", "answer") != "answer" else [class_id or self.server.made["classes"][0]]
        return {"uuid": str(uuid.uuid4()), "sample": sample, "verdict": "answer", "classes": classes, **fields}

    def save(self, *events):
        journal = self.server.journal
        with journal.lock:
            for event in events:
                journal.intents[event["uuid"]] = (self.number, event["sample"], event["verdict"])
        answer = self.post("labels", {"events": list(events)})
        with journal.lock:
            for result in answer.body.get("results", ()):
                if result["status"] == 200:
                    journal.acknowledged[result["uuid"]] = journal.intents[result["uuid"]][1]
                else:
                    journal.refused[result["uuid"]] = result["status"]
        return answer


@dataclass
class Server:
    """gunicorn as `manage.py up` starts it, on a database of its own; no broker, no workers."""

    data: Path
    port: int
    made: dict
    base: str = "/projects/foxes/label/species"
    journal: Journal = field(default_factory=Journal)
    process: subprocess.Popen | None = None

    def start(self):
        with (self.data / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                up._web("127.0.0.1", self.port).command,
                cwd=ROOT, env=environment(self.data), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_for(self.answers, what="the web server")

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def clients(self):
        return [Client(self, number) for number in range(len(self.made["sessions"]))]

    def rows(self, query, *values):
        return rows(self.data, query, *values)

    def write(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.data / "labeller.sqlite3", timeout=30)) as database, database:
            database.execute(statement, values)

    def audit(self):
        """What was acknowledged is there, once, on its sample; what was not is either whole or absent."""
        stored = dict(self.rows("SELECT uuid, sample_id FROM labels_label"))
        told = {uuid.UUID(key).hex: sample for key, sample in self.journal.acknowledged.items()}
        assert told.items() <= stored.items(), "acknowledged labels are missing"
        meant = {uuid.UUID(key).hex for key in self.journal.intents}
        assert stored.keys() <= meant, "labels nobody gave"
        refused = {uuid.UUID(key).hex for key in self.journal.refused}
        assert not stored.keys() & refused, "refused labels were stored"
        doubled = self.rows(
            "SELECT sample_id, annotator_id FROM labels_label WHERE is_current "
            "GROUP BY sample_id, question_id, annotator_id HAVING count(*) > 1"
        )
        assert doubled == [], "somebody has two current labels on one sample"
        without_classes = self.rows(
            "SELECT id FROM labels_label WHERE verdict = 'answer' "
            "AND id NOT IN (SELECT label_id FROM labels_labelledclass)"
        )
        assert without_classes == [], "half a label was stored"
        assert self.journal.errors == []


def rows(data, query, *values):
    path = f"file:{data}/labeller.sqlite3?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True, timeout=30)) as database:
        return database.execute(query, values).fetchall()


@pytest.fixture
def serve(tmp_path):
    """Start a server with so many samples and people."""
    started = []

    def start(samples, people, redundancy=1):
        options = {"samples": samples, "people": people, "redundancy": redundancy}
        made = subprocess.run(
            [sys.executable, "-m", "tests.faults.populate", json.dumps(options)],
            cwd=ROOT, env=environment(tmp_path), check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        server = Server(tmp_path, free_port(), json.loads(made.splitlines()[-1]))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def at_once():
    """Call functions from as many threads, all released at the same moment; returns their results in order."""

    def run(*functions):
        barrier = threading.Barrier(len(functions))
        results = [None] * len(functions)

        def one(number, function):
            barrier.wait()
            results[number] = function()

        threads = [threading.Thread(target=one, args=pair) for pair in enumerate(functions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run


# --- what machines of a team share ----------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql():
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server():
    with servers.redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def object_store():
    """What a process needs in its environment to reach the bucket of an S3 server; this one has it for the session."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        storages.address("s3", Path(), monkeypatch)
        # How often a file was written can be told afterwards.
        versioning = {"Bucket": storages.BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}
        boto3.client("s3").put_bucket_versioning(**versioning)
        yield {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A models directory with the exported network in it."""
    directory = tmp_path_factory.mktemp("models")
    OnnxRuntime(featurisers.get(), directory)
    return directory
