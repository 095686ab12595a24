"""A real web server in front of a real database of either kind, and clients that write down what they did."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import boto3
import psutil
import psycopg
import pytest
from xdist.scheduler import LoadFileScheduling

from labeller.config import paths
from labeller.operations.management.commands import up
from tests import factories, prepared
from tests.faults import servers
from tests.faults.servers import free_port
from tests.tl_core import storages

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "t" * 32  # any token does, as long as cookie and header agree


# Longest first, lest one of them be all that is left to do.
FIRST = ("test_program", "test_scale_out", "test_races", "test_full_disk", "test_tuning_killed", "test_switch")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with what takes longest."""
    if all(item.path.parent == Path(__file__).parent for item in items):
        items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


class ByFileAndDatabase(LoadFileScheduling):
    """Let one process do the tests of a file on one kind of database, and another those on the other."""

    def _split_scope(self, nodeid):
        kind = re.search(r"\[(sqlite|postgresql)\b", nodeid)
        return super()._split_scope(nodeid) + (kind[0] if kind else "")


def pytest_xdist_make_scheduler(config, log):
    return ByFileAndDatabase(config, log) if config.getoption("dist") == "loadfile" else None


@dataclass
class Database:
    """The database of a site: a file in DATA, or PostgreSQL where there is a URL."""

    data: Path
    url: str = ""

    def rows(self, query, *values):
        """What is found, alike from both: SQLite knows neither booleans nor UUIDs."""
        if not self.url:
            path = f"file:{self.data}/labeller.sqlite3?mode=ro"
            with contextlib.closing(sqlite3.connect(path, uri=True, timeout=30)) as database:
                return database.execute(query, values).fetchall()
        with psycopg.connect(self.url, autocommit=True) as database:
            found = database.execute(query.replace("%", "%%").replace("?", "%s"), values).fetchall()
        return [tuple(_plain(value) for value in row) for row in found]

    def write(self, statement, *values):
        if self.url:
            with psycopg.connect(self.url) as database:
                database.execute(statement.replace("%", "%%").replace("?", "%s"), values)
        else:
            file = self.data / "labeller.sqlite3"
            with contextlib.closing(sqlite3.connect(file, timeout=30)) as database, database:
                database.execute(statement, values)


def _plain(value):
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, Decimal):
        return int(value)
    return int(value) if isinstance(value, bool) else value


def environment(data, database=""):
    """What a process of the program sees: the site's own settings, on that data directory and that database."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    kept |= {"DATABASE_URL": database} if database else {}
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
        mark = paths.site_mark(Path(server.data).resolve(), server.database.url)
        self.cookies = f"sessionid-{mark}={server.made['sessions'][number]}; csrftoken-{mark}={TOKEN}"

    def post(self, path, body):
        return self.ask("POST", f"{self.server.base}/{path}/", json.dumps(body), "application/json")

    def get(self, path):
        return self.ask("GET", path)

    def fill_in(self, path, **fields):
        """Send a form."""
        return self.ask("POST", path, urlencode(fields), "application/x-www-form-urlencoded")

    def ask(self, method, path, body=None, content_type=None):
        headers = {"Cookie": self.cookies, "X-CSRFToken": TOKEN}
        headers |= {"Content-Type": content_type} if content_type else {"Accept": "text/html"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            with contextlib.closing(connection):
                connection.request(method, path, body, headers)
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
    database: Database
    base: str = "/projects/foxes/label/species"
    journal: Journal = field(default_factory=Journal)
    process: subprocess.Popen | None = None

    def start(self):
        with (self.data / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                up._web("127.0.0.1", self.port).command,
                cwd=ROOT, env=environment(self.data, self.database.url), stdout=log, stderr=log, start_new_session=True,
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
        return self.database.rows(query, *values)

    def write(self, statement, *values):
        self.database.write(statement, *values)

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


def new_database(server, data, template="template1"):
    """A database on that PostgreSQL server, empty or a copy of another."""
    name = f"site_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return Database(data, f"{server}/{name}")


def empty_database(request, data):
    """One without tables, of the kind that the parameter of a fixture names, for a site with that DATA."""
    return Database(data) if request.param == "sqlite" else new_database(request.getfixturevalue("postgresql"), data)


def populate(database, **options):
    """What tests/faults/populate.py prints."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.faults.populate", json.dumps(options)],
        cwd=ROOT, env=environment(database.data, database.url), check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return json.loads(said.splitlines()[-1])


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """A database with its tables, for a site with its DATA below `tmp_path`: every case is tried on both kinds."""
    data = tmp_path / "data"
    shutil.copytree(prepared.site(), data, dirs_exist_ok=True)
    if request.param == "sqlite":
        return Database(data)
    (data / prepared.DATABASE).unlink()
    return new_database(request.getfixturevalue("postgresql"), data, template=servers.TABLES)


@pytest.fixture
def serve(database):
    """Start a server with so many samples and people."""
    started = []

    def start(samples, people, redundancy=1, role="annotator"):
        made = populate(database, samples=samples, people=people, redundancy=redundancy, role=role)
        server = Server(database.data, free_port(), made, database)
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
def cluster():
    """A PostgreSQL server that may be stopped and frozen, as long as it runs again afterwards."""
    with servers.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql(cluster):
    return cluster.url


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
def models():
    """A models directory with the exported network in it, as programs compute it and as it is compared with."""
    return prepared.networks()
