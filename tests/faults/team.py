"""A site for a team: a machine that imports and trains, and others that embed. They share PostgreSQL, Redis and S3."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import boto3
import psutil
import psycopg
import redis

from labeller.operations.management.commands import up
from labeller.operations.supervisor import _die_with_parent
from tests.faults import servers
from tests.faults.conftest import ROOT, environment, wait_for
from tl_core.store import storage
from tl_core.store.embeddings import EmbeddingStore, Shard

# The database itself notes who writes a shard's row and who claims an embedding job, by the name of the connection.
JOURNAL = """
CREATE TABLE journal (worker text DEFAULT current_setting('application_name'), what text, id bigint, attempt int);
CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO journal (what, id) VALUES ('row', NEW.id); RETURN NULL; END $$;
CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO journal (what, id, attempt) VALUES ('claim', NEW.id, NEW.attempts); RETURN NULL; END $$;
CREATE TRIGGER rows AFTER INSERT OR UPDATE ON embedding_embeddingshard FOR EACH ROW EXECUTE FUNCTION note_row();
CREATE TRIGGER claims AFTER UPDATE ON jobs_job FOR EACH ROW
    WHEN (NEW.kind = 'embed' AND NEW.state = 'running' AND OLD.state = 'queued') EXECUTE FUNCTION note_claim();
"""


class Held(NamedTuple):
    """A running job."""

    id: int
    attempt: int
    key: str


@dataclass
class Machine:
    """A machine of the team: it has a name, a working directory and a DATA of its own."""

    team: "Team"
    name: str
    processes: list = field(default_factory=list)

    def __post_init__(self):
        self.home = self.team.home / self.name
        self.home.mkdir()

    def environment(self):
        shared = {**self.team.shared, "DATABASE_URL": f"{self.team.database}?application_name={self.name}"}
        return {**environment(self.home / "data"), **shared, "PYTHONPATH": str(ROOT)}

    def manage(self, *words):
        """Run a command of manage.py; returns what it printed."""
        command = [sys.executable, ROOT / "manage.py", *words]
        done = subprocess.run(command, cwd=self.home, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def shell(self, code):
        return self.manage("shell", "--no-imports", "-c", code)

    def start(self, command):
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.home, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        self.processes.append(process)

    def log(self):
        return (self.home / "log").read_text()

    def stop(self):
        """End everything here at once, as pulling the plug would."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()


@dataclass
class Embedder(Machine):
    """A machine with one worker for the queue `embed`, of one process, as `manage.py up` starts it."""

    misfortune: str = ""  # one of those in treacherous.py

    def begin(self):
        # To export the network again would take each of them seconds.
        shutil.copytree(self.team.models, self.home / "data" / "models", dirs_exist_ok=True)
        command = [*up._worker("embed", 1).command, "-n", f"{self.name}@%h"]
        if self.misfortune:
            command[command.index("labeller.config")] = "tests.faults.treacherous"
        self.start(command)

    def environment(self):
        return {**super().environment(), "MISFORTUNE": self.misfortune}

    def child(self):
        """The process that does the work."""
        return wait_for(lambda: psutil.Process(self.processes[-1].pid).children(), 30, f"a child of {self.name}")[0]

    def job(self):
        """What the worker has in hand, or None."""
        found = self.team.one(
            "SELECT j.id, j.attempts, key FROM jobs_job j JOIN journal c ON c.id = j.id AND c.attempt = j.attempts "
            "WHERE c.what = 'claim' AND j.state = 'running' AND heartbeat_at > '2002-01-01' AND c.worker = %s",
            self.name,
        )
        return Held(*found) if found else None

    def is_idle(self):
        """Whether nothing is left to do of what the broker has called for here."""
        said = self.log()
        return said.count("] received") == said.count("] succeeded in")

    def kill(self, parent):
        """kill -9 the worker, to start it again as a supervisor does, or only its child, which Celery replaces.

        Returns the job it held, which looks silent from now on instead of in half a minute.
        """
        child = self.child()
        child.suspend()  # so that what it holds now is what it dies with
        held = self.job()
        (self.processes[-1] if parent else child).kill()
        if held is not None:
            self.team.silence(held)
        if parent:
            self.stop()
            self.begin()
        else:
            wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
        return held


class Team:
    """The machines and what they share."""

    def __init__(self, home, models, database, broker, folder, credentials):
        self.home, self.models, self.database = home, models, database
        self.machines = {}
        self.storage_url = f"{folder}/store"
        self.shared = {
            **credentials,
            "REDIS_URL": broker,
            "STORAGE_URL": self.storage_url,
            "IMAGE_URLS": folder,
            "SECRET_KEY": "s" * 50,
        }
        server, _, name = database.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {servers.TABLES}")
        self.connection = psycopg.connect(self.database, autocommit=True)
        self.site = self.add(Machine(self, "site"))

    def begin(self):
        """Start what no team does without: the importing and training worker, and beat."""
        self.connection.execute(JOURNAL)
        self.site.start(up._worker("io,train", 2).command)
        self.site.start(up._beat().command)

    def add(self, machine):
        self.machines[machine.name] = machine
        return machine

    @contextlib.contextmanager
    def embedders(self, *names, misfortune=""):
        """Machines that embed, until the end of the block."""
        begun = [self.add(Embedder(self, name, misfortune=misfortune)) for name in names]
        try:
            for each in begun:
                each.begin()
            yield begun
        finally:
            for each in begun:
                each.stop()
                shutil.move(each.home, f"{each.home}-{time.time()}")

    def stop(self):
        for machine in self.machines.values():
            machine.stop()
        self.connection.close()

    def rows(self, query, *values):
        return self.connection.execute(query, values).fetchall()

    def one(self, query, *values):
        return self.connection.execute(query, values).fetchone()

    def write(self, statement, *values):
        return self.connection.execute(statement, values).rowcount

    def silence(self, held):
        """Let the worker that holds this attempt of a job look as if it had said nothing for long."""
        query = "UPDATE jobs_job SET heartbeat_at = '2001-01-01' WHERE id = %s AND attempts = %s AND state = 'running'"
        self.write(query, held.id, held.attempt)

    def call_again(self, copies):
        """Send so many more messages for each embedding job there is, whatever its state."""
        code = "from labeller.jobs import models, queueing; "
        code += f"[queueing.send(job) for job in models.Job.objects.filter(kind='embed') for _ in range({copies})]"
        self.site.shell(code)

    def nobody_is_called(self):
        """Whether the broker holds no message that a worker who embeds has yet to get."""
        with redis.Redis.from_url(self.shared["REDIS_URL"]) as client:
            return not client.keys("embed*")

    def take_up_again(self):
        """Let shards that were given up look as if that had been long ago."""
        self.write("UPDATE jobs_job SET finished_at = finished_at - interval '2 days' WHERE state = 'failed'")

    def drop_work(self):
        """Leave nothing to do to those who come next, whatever became of the last."""
        self.write("UPDATE embedding_embeddingrun SET state = 'cancelled'")
        self.write("UPDATE jobs_job SET state = 'cancelled' WHERE state IN ('queued', 'running')")

    def open(self, folder):
        """Make a project of that folder, as the first page does."""
        code = f"from labeller.managing.opening import open_folder; print(open_folder({str(folder)!r}, 'nothing').pk)"
        return Pool(self, int(self.site.shell(code)))


@dataclass
class Pool:
    """One project's samples and their embeddings."""

    team: Team
    project: int

    def jobs(self, kind="embed"):
        """How many jobs are in which state."""
        return dict(
            self.team.rows(
                "SELECT state, count(*) FROM jobs_job WHERE project_id = %s AND kind = %s GROUP BY state",
                self.project,
                kind,
            )
        )

    def attempts(self):
        return self.team.one(
            "SELECT coalesce(sum(attempts), 0) FROM jobs_job WHERE project_id = %s AND kind = 'embed'", self.project
        )[0]

    def shards(self):
        """The finished ones: {number: (samples, checksum)}."""
        found = self.team.rows(
            "SELECT number, embedded, sha256 FROM embedding_embeddingshard s "
            "JOIN embedding_embeddingrun r ON r.id = run_id "
            "WHERE project_id = %s AND beside_id IS NULL AND failed = 0 ORDER BY number",
            self.project,
        )
        return {number: (embedded, sha256) for number, embedded, sha256 in found}

    def samples(self):
        """The path of each, by id."""
        rows = "SELECT sample.id, path FROM samples_sample AS sample JOIN samples_file AS file ON file.id = file_id"
        return dict(self.team.rows(f"{rows} WHERE sample.project_id = %s", self.project))

    def is_embedded(self, samples):
        """Whether there are so many samples in finished shards, and nothing is left to do."""
        embedded = sum(count for count, _ in self.shards().values())
        return embedded == samples and not self.jobs().keys() & {"queued", "running"}

    def in_round(self):
        """How many samples the current round ranks."""
        return self.team.one(
            "SELECT max(n_pool) FROM learning_round WHERE is_current AND project_id = %s", self.project
        )[0]

    def writers(self):
        """Which worker wrote each shard's row, once for each time: {number: [name]}."""
        found = self.team.rows(
            "SELECT number, worker FROM journal j JOIN embedding_embeddingshard s ON s.id = j.id AND what = 'row' "
            "JOIN embedding_embeddingrun r ON r.id = run_id WHERE project_id = %s AND beside_id IS NULL",
            self.project,
        )
        writers = {}
        for number, worker in found:
            writers.setdefault(number, []).append(worker)
        return writers

    def files(self):
        """How many times each file in the object store was written: the bucket keeps all versions."""
        bucket, _, prefix = self.team.storage_url.removeprefix("s3://").partition("/")
        prefix += f"/embeddings/project-{self.project}/"
        pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        return Counter(version["Key"] for page in pages for version in page["Versions"])

    def store(self, cache):
        """The files, as a machine sees them that has none of them yet."""
        fingerprint, dimension = self.team.one(
            "SELECT fingerprint, dimension FROM embedding_embeddingrun WHERE project_id = %s AND beside_id IS NULL",
            self.project,
        )
        root = storage.at(f"{self.team.storage_url}/embeddings", cache).child(f"project-{self.project}")
        return EmbeddingStore(root, fingerprint, dimension)

    def audit(self, cache):
        """Every sample is embedded exactly once, and files and rows speak of the same; returns the embeddings."""
        shards, store = self.shards(), self.store(cache)
        assert store.numbers() == list(shards), "there are files without rows or rows without files"
        for number, (_, sha256) in shards.items():
            store.read_shard(number, sha256=sha256, verify=True)
        found = store.open(Shard(number, count, sha256) for number, (count, sha256) in shards.items())
        assert sorted(found.ids.tolist()) == sorted(self.samples()), "samples are missing or embedded twice"
        return found
