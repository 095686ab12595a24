"""The supervisor with real, small processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from celery.signals import beat_init, worker_ready

from labeller.operations import supervisor as supervising
from labeller.operations.supervisor import Child, StartError, Supervisor, check_port

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# A child that has a child of its own, and tells its process id.
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time, pathlib\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "path = pathlib.Path(sys.argv[1]); part = path.with_suffix('.part')\n"
    "part.write_text(str(child.pid)); part.rename(path)\n"
    "time.sleep(600)",
]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
BEGINNER = [
    sys.executable,
    "-c",
    "import os, pathlib, signal, sys, time\n"
    "signal.signal(15, lambda *_: sys.exit(7)); pathlib.Path(os.environ['LABELLER_BEGUN']).touch()\n"
    "print('ready', flush=True); time.sleep(600)",
]
# On its stop signal the broker notes that it went; a worker takes a moment, then notes whether it was there still.
BROKER = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys, time\n"
    "signal.signal(15, lambda *_: (pathlib.Path('gone').touch(), sys.exit()))\n"
    "print('ready', flush=True); time.sleep(600)",
]
WORKER = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys, time\n"
    "def stop(*_):\n"
    "    time.sleep(0.3); print('alone' if pathlib.Path('gone').exists() else 'served', flush=True); sys.exit()\n"
    "signal.signal(15, stop)\n"
    "print('ready', flush=True); time.sleep(600)",
]


@pytest.fixture
def make(tmp_path):
    made = []

    def supervisor(name="one"):
        made.append(Supervisor(tmp_path / "runtime", tmp_path / "logs", said.append))
        return made[-1]

    said = []
    supervisor.said = said
    yield supervisor
    for each in made:
        each.stop()


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 30 s"
        time.sleep(0.02)


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_dies_is_started_again_and_named(make):
    supervisor = make()
    child = Child("sleeper", SLEEPER, pause=0.01)
    supervisor.start(child)
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: supervisor.check() or (child.process is not None and child.process.pid != first))
    assert child.process.poll() is None
    assert len(make.said) == 1 and "sleeper stopped (by SIGKILL)" in make.said[0]


def test_a_child_that_cannot_run_is_tried_ever_more_rarely(make, monkeypatch):
    monkeypatch.setattr(supervising, "MOST_RESTART_PAUSE", 0.3)
    supervisor = make()
    child = Child("broken", [sys.executable, "-c", "raise SystemExit(3)"], pause=0.1)
    supervisor.start(child)
    wait_for(lambda: supervisor.check() or len(make.said) == 3)
    assert child.pause == 0.3
    assert all("exit code 3" in text for text in make.said)


def test_what_a_dead_child_left_behind_ends_with_it(make, tmp_path):
    supervisor = make()
    child = Child("parent", [*PARENT, str(tmp_path / "pid")], pause=60.0)
    supervisor.start(child)
    wait_for((tmp_path / "pid").exists)
    grandchild = int((tmp_path / "pid").read_text())
    os.kill(child.process.pid, signal.SIGKILL)
    wait_for(lambda: supervisor.check() or child.process is None)
    wait_for(lambda: is_gone(grandchild))


def test_stop_leaves_no_process_even_where_one_is_deaf(make, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "STOP_PATIENCE", 0.5)
    supervisor = make()
    children = [
        Child("first", SLEEPER),
        Child("parent", [*PARENT, str(tmp_path / "pid")]),
        Child("deaf", DEAF),
    ]
    for child in children:
        supervisor.start(child)
    wait_for((tmp_path / "pid").exists)
    wait_for(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
    pids = [child.process.pid for child in children] + [int((tmp_path / "pid").read_text())]
    supervisor.stop()
    for pid in pids:
        wait_for(lambda pid=pid: is_gone(pid))
    assert not (tmp_path / "runtime" / "children.json").exists()
    assert [text for text in make.said if "had to be killed" in text] == [
        "deaf had to be killed: it did not stop within 0 s"
    ]


def test_a_child_that_has_not_begun_is_ended_at_once(make, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "STOP_PATIENCE", 600.0)
    supervisor = make()
    supervisor.start(child := Child("deaf", DEAF, tells=True))
    wait_for(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL
    assert make.said == []


def test_a_child_that_has_begun_is_asked_to_stop(make, tmp_path):
    supervisor = make()
    supervisor.start(child := Child("beginner", BEGINNER, tells=True))
    wait_for(lambda: "ready" in (tmp_path / "logs" / "beginner.log").read_text())
    supervisor.stop()
    assert child.process.returncode == 7


def test_that_a_child_began_is_forgotten_when_it_is_started_again(make, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "STOP_PATIENCE", 600.0)
    supervisor = make()
    (tmp_path / "runtime" / "deaf.begun").touch()
    supervisor.start(child := Child("deaf", DEAF, tells=True))
    wait_for(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_workers_and_beat_say_that_they_have_begun(monkeypatch, tmp_path):
    for name, begins in (("worker", worker_ready), ("beat", beat_init)):
        begun = tmp_path / f"{name}.begun"
        monkeypatch.setenv(supervising.BEGUN, str(begun))
        begins.send(sender=None)
        assert begun.exists(), name


def test_the_broker_stops_after_all_who_talk_to_it(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    supervisor = make()
    for name, command in (("broker", BROKER), ("worker", WORKER)):
        supervisor.start(Child(name, command))
    logs = {name: tmp_path / "logs" / f"{name}.log" for name in ("broker", "worker")}
    wait_for(lambda: all("ready" in log.read_text() for log in logs.values()))
    supervisor.stop()
    assert logs["worker"].read_text().split() == ["ready", "served"]
    assert (tmp_path / "gone").exists()


def test_a_second_supervisor_on_the_same_data_is_refused(make):
    first = make()
    first.lock()
    with pytest.raises(StartError, match="running already"):
        make().lock()


@pytest.fixture
def leftover():
    """A process in a group of its own, as an earlier supervisor would have left it."""
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def listed(tmp_path, process, age=0.0):
    (tmp_path / "runtime").mkdir(exist_ok=True)
    created = psutil.Process(process.pid).create_time() + age
    (tmp_path / "runtime" / "children.json").write_text(json.dumps([[process.pid, created]]))


def test_what_an_earlier_run_left_is_ended_first(make, tmp_path, leftover):
    listed(tmp_path, leftover)
    make().lock()
    assert leftover.wait(30) == -signal.SIGKILL


def test_a_process_that_took_over_the_number_is_spared(make, tmp_path, leftover):
    listed(tmp_path, leftover, age=3600.0)  # the listed one began later: this is another process
    make().lock()
    assert leftover.poll() is None


def test_a_torn_list_stops_nothing(make, tmp_path):
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "children.json").write_text("[[12")
    make().lock()


def test_a_taken_port_is_named_with_another_to_try():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port}.*PORT={port + 1}"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("no-such-host.invalid", 8000), ("203.0.113.1", 8000)]
)
def test_an_address_that_is_none_is_refused(host, port):
    with pytest.raises(StartError):
        check_port(host, port)
