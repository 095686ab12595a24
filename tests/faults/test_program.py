"""The whole program, started as a person starts it, on a folder of good and nasty pictures."""

import contextlib
import itertools
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import psutil
import pytest

from tests.faults.conftest import (
    ROOT,
    Client,
    Server,
    empty_database,
    environment,
    fill,
    free_port,
    processes_of,
    wait_for,
)  # fmt: skip
from tests.samples import nasty

pytestmark = pytest.mark.faults

PLAIN = 520
BURST = 500
RUNNING = "SELECT 1 FROM jobs_job WHERE kind = 'refit' AND state = 'running' AND heartbeat_at > '2001-01-01'"
SESSION = (
    "from tests.faults.populate import session_of; from labeller.accounts.models import User; "
    "from labeller.accounts.admitting import choose_password; admin = User.objects.get(username='admin'); "
    "choose_password(admin, 'seven grey herons'); print(session_of(admin))"
)


class Program(Server):
    """`manage.py up` on a folder."""

    def __init__(self, database, folder):
        base = f"/projects/{folder.name}/label/what-is-in-the-picture"
        super().__init__(database.data, free_port(), {}, database, base=base)
        self.folder = folder

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--images", str(self.folder), "--port", str(self.port)],
            cwd=ROOT, env=environment(self.data, self.database.url), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True, umask=0o022,
        )  # fmt: skip
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "Ctrl-C stops" in line:
                # Nobody reads on here: keep the pipe from filling up.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise AssertionError(f"it did not start: {said}")

    def log_in(self, classes):
        """Make a session for the administrator, and the classes."""
        code = f"{SESSION}; from labeller.projects.models import Question; from labeller.projects.making import *; "
        code += f"print(*[ensure_class(Question.objects.get(), name)[0].pk for name in {classes!r}])"
        made = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
            cwd=ROOT, env=environment(self.data, self.database.url), check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        self.made = {"sessions": made[:1], "classes": [int(class_id) for class_id in made[1:]]}
        return Client(self, 0)

    def jobs(self):
        return Counter(self.rows("SELECT kind, state FROM jobs_job"))

    def is_idle(self):
        return not {state for _, state in self.jobs()} & {"queued", "running"}

    def knows_all_labels(self):
        (newest,) = self.rows("SELECT max(id) FROM labels_label")[0]
        return self.rows("SELECT 1 FROM learning_round WHERE is_current AND last_label >= ?", newest)

    def current_round_is_whole(self):
        ((number, n_pool, entries),) = self.rows(
            "SELECT number, n_pool, (SELECT count(*) FROM learning_roundentry WHERE round_id = learning_round.id) "
            "FROM learning_round WHERE is_current"
        )
        assert entries == min(n_pool, 200), f"round {number} has {entries} entries of {n_pool}"

    def kill(self, words):
        """kill -9 every process of the program whose command line has these words."""
        hit = []
        for process in processes_of(self.data):
            with contextlib.suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    process.kill()
                    hit.append(process)
        assert hit, f"there was no process {words!r}"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
        for process in processes_of(self.data):
            with contextlib.suppress(psutil.Error):
                process.kill()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def program(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("program")
    (folder := home / "pictures").mkdir()
    nasty.fill(folder)
    fill(folder, PLAIN)
    program = Program(empty_database(request, home / "data"), folder)
    try:
        program.start()
        wait_for(lambda: ("embed", "done") in program.jobs() and program.is_idle(), 120, "the end of the import")
        yield program
    finally:
        program.stop()


@pytest.fixture(scope="module")
def client(program):
    return program.log_in(["dark", "bright"])


def plain(program):
    return [sample for (sample,) in program.rows("SELECT id FROM samples_file WHERE path LIKE 'plain/%' ORDER BY id")]


def test_every_nasty_file_is_a_sample_or_refused_with_its_reason_and_stalls_nothing(program):
    """Battery 16."""
    refused = dict(program.rows("SELECT path, reason FROM samples_refusal"))
    sizes = {
        path: (width, height) for path, width, height in program.rows("SELECT path, width, height FROM samples_file")
    }
    twins = {"a/twin.jpg", "z/twin.jpg"}
    assert refused.keys() - twins == nasty.REFUSED.keys() - twins
    assert all(nasty.REFUSED[path] == reason for path, reason in refused.items() if path not in twins)
    assert Counter(refused[path] for path in twins & refused.keys()) == {"duplicate": 1}
    assert all(sizes[path] == nasty.TAKEN[path] for path in nasty.TAKEN.keys() - twins)
    assert len(sizes) == PLAIN + len(nasty.TAKEN)
    embedded = "SELECT sum(embedded), sum(failed) FROM embedding_embeddingshard GROUP BY run_id"
    assert program.rows(embedded) == [(len(sizes), 0)] * 2  # the last layer, and the levels beside it
    assert {state for _, state in program.jobs()} == {"done"}


def test_a_burst_of_labels_makes_few_refits_and_none_is_forgotten(program, client, at_once):
    """Battery 12."""
    program.write("UPDATE projects_question SET refit_every = 1")
    samples = plain(program)[:BURST]
    before = program.jobs()["refit", "done"]
    most, over = Counter(), threading.Event()

    def label(share):
        for number, sample in share:
            class_id = program.made["classes"][number % 2]
            assert client.save(client.event(sample, class_id)).status == 200

    def watch():
        while not over.wait(0.005):
            for state, count in program.rows(
                "SELECT state, count(*) FROM jobs_job WHERE kind = 'refit' GROUP BY state"
            ):
                most[state] = max(most[state], count)

    watcher = threading.Thread(target=watch)
    watcher.start()
    numbered = list(enumerate(samples))
    at_once(*(lambda share=numbered[start::8]: label(share) for start in range(8)))
    wait_for(program.knows_all_labels, 60, "a round that knows the last label")
    over.set()
    watcher.join()
    program.audit()
    assert most["running"] == 1 and most["queued"] == 1
    assert program.jobs()["refit", "done"] - before < BURST / 2
    wait_for(program.is_idle)
    assert program.rows("SELECT n_labels, n_classes FROM learning_round WHERE is_current") == [(BURST, 2)]
    program.current_round_is_whole()


@contextlib.contextmanager
def changing_its_mind(client, sample):
    """Somebody answers one sample again and again, so that one refit follows the other."""
    over = threading.Event()

    def change():
        last = None
        for number in itertools.count():
            event = client.event(sample, client.server.made["classes"][number % 2], supersedes=last)
            assert client.save(event).status == 200
            last = event["uuid"]
            if over.wait(0.01):
                return

    changing = threading.Thread(target=change)
    changing.start()
    try:
        yield
    finally:
        over.set()
        changing.join()


def test_a_killed_train_worker_leaves_whole_rounds_and_no_label_out(program, client):
    """Battery 13 with the real worker. Silence is shortened by setting back what the dead one last said."""
    with changing_its_mind(client, plain(program)[BURST]):
        for delay in (0.0, 0.02, 0.04, 0.2):
            wait_for(lambda: program.rows(RUNNING), 60, "a refit by a living worker")
            time.sleep(delay)
            program.kill("-Q train")
            program.write("UPDATE jobs_job SET heartbeat_at = '2000-01-01 00:00:00' WHERE state = 'running'")
            program.current_round_is_whole()
            assert client.next(1)["samples"], "nobody may be kept from labelling"
    wait_for(program.knows_all_labels, 90, "a round that knows the last label")
    wait_for(program.is_idle, 60)
    program.audit()
    program.current_round_is_whole()
    assert not program.jobs()["refit", "failed"]


def test_without_a_broker_labels_are_taken_and_the_work_goes_on_when_it_is_back(program, client):
    """Battery 10."""
    broker = next(each for each in psutil.Process(program.process.pid).children() if each.name() == "redis-server")
    broker.kill()
    for sample in plain(program)[BURST + 10 :]:
        assert client.save(client.event(sample)).status == 200
    wait_for(program.knows_all_labels, 90, "a round that knows the last label")
    program.audit()


def test_a_second_start_is_refused_whatever_its_temporary_directory_and_port(program, tmp_path):
    knobs = {"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PORT": str(free_port())}
    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--images", str(program.folder)],
        cwd=ROOT, env={**environment(program.data, program.database.url), **knobs}, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert second.returncode == 1
    assert "running already with this data directory" in second.stderr
    assert program.answers()


def test_nobody_else_reads_what_the_program_writes(program):
    found = [program.data, *program.data.rglob("*")]
    assert len(found) > 500
    assert [path for path in found if path.lstat().st_mode & 0o077] == []


def test_after_kill_9_nothing_is_left_and_the_next_start_goes_on(database, tmp_path):
    """kill -9 while files are imported and embedded; a second start; Ctrl-C."""
    (folder := tmp_path / "pictures").mkdir()
    fill(folder, 150)
    program = Program(database, folder)
    try:
        program.start()
        wait_for(lambda: {kind for kind, state in program.jobs() if state == "running"} & {"ingest", "embed"}, 60)
        first = processes_of(program.data)
        assert len(first) >= 6
        program.process.kill()
        program.process.wait()
        program.start()
        assert not [process for process in first if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        embedded = "SELECT sum(embedded) FROM embedding_embeddingshard GROUP BY run_id"
        wait_for(lambda: program.rows(embedded) == [(150,)] * 2 and program.is_idle(), 90, "the rest of the work")
        assert {state for _, state in program.jobs()} == {"done"}
        assert program.rows("SELECT count(*) FROM samples_sample") == [(150,)]
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(60) == 0
        assert processes_of(program.data) == []
        if not database.url:  # kill -9 of PostgreSQL itself is PostgreSQL's business
            assert program.rows("PRAGMA integrity_check") == [("ok",)]
    finally:
        program.stop()
