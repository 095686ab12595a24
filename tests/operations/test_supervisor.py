"""The supervisor with real, small processes."""

import fcntl
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

from labeller.operations import logs
from labeller.operations import supervisor as supervising
from labeller.operations.management.commands import up
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
        made.append(Supervisor(tmp_path / name / "runtime", tmp_path, said.append))
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


def test_who_waits_for_others_is_started_once_they_have_begun(make):
    supervisor = make()
    supervisor.lock()
    first, second = Child("first", SLEEPER, tells=True), Child("second", SLEEPER, waits_for=("first",), pause=60.0)
    for child in (first, second):
        supervisor.start(child)
    supervisor.check()
    assert first.process is not None and second.process is None
    (supervisor.runtime / "first.begun").touch()
    supervisor.check()
    assert second.process is not None
    os.kill(second.process.pid, signal.SIGKILL)
    wait_for(lambda: supervisor.check() or second.process is None)
    supervisor.check()
    assert second.process is None, "it is started again after its pause, as others are"


def test_who_waits_for_others_in_vain_is_started_all_the_same(make, monkeypatch):
    monkeypatch.setattr(supervising, "WAITING_PATIENCE", 0.2)
    supervisor = make()
    supervisor.lock()
    supervisor.start(Child("first", SLEEPER, tells=True))
    supervisor.start(second := Child("second", SLEEPER, waits_for=("first",)))
    wait_for(lambda: supervisor.check() or second.process is not None)


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
    assert not (tmp_path / "children.json").exists()
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
    supervisor.lock()
    supervisor.start(child := Child("beginner", BEGINNER, tells=True))
    wait_for(lambda: "ready" in (tmp_path / "logs" / "beginner.log").read_text())
    supervisor.stop()
    assert child.process.returncode == 7


def test_that_a_child_began_is_forgotten_when_it_is_started_again(make, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "STOP_PATIENCE", 600.0)
    supervisor = make()
    supervisor.lock()
    (supervisor.runtime / "deaf.begun").touch()
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
    make().lock()
    with pytest.raises(StartError, match="running already"):
        make().lock()


def test_a_second_one_with_another_temporary_directory_is_refused_too(make):
    make("one").lock()
    with pytest.raises(StartError, match="running already"):
        make("two").lock()


def test_a_disk_without_locks_is_told_and_used(make, monkeypatch):
    def flock(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    make().lock()
    assert ["knows no locks" in text for text in make.said] == [True]


# --- what others may have put there ---------------------------------------------------------------


def test_a_link_as_lock_is_refused_and_its_target_stays(make, tmp_path):
    (tmp_path / "precious").write_text("thesis")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StartError, match="lock"):
        make().lock()
    assert (tmp_path / "precious").read_text() == "thesis"


@pytest.mark.parametrize("kind", ["link", "open", "file", "foreign"])
def test_a_run_directory_that_others_made_or_can_enter_is_refused(make, tmp_path, monkeypatch, kind):
    runtime = tmp_path / "one" / "runtime"
    runtime.parent.mkdir()
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        runtime.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        runtime.touch(0o600)
    else:
        runtime.mkdir(mode=0o700)
    if kind == "open":
        runtime.chmod(0o755)
    if kind == "foreign":
        ours = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: ours + 1)
    with pytest.raises(StartError, match="this account's alone"):
        make().lock()


def test_the_run_directory_is_made_for_this_account_alone_and_noted(make, tmp_path):
    make().lock()
    runtime = tmp_path / "one" / "runtime"
    assert runtime.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run_directory").read_text().strip() == str(runtime)


def test_nothing_of_it_is_left_after_the_end(make, tmp_path):
    supervisor = make()
    supervisor.lock()
    supervisor.start(Child("sleeper", SLEEPER))
    supervisor.stop()
    assert not (tmp_path / "one" / "runtime").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "lock", "logs"}


def test_a_path_too_long_for_a_socket_is_told(tmp_path):
    supervisor = Supervisor(tmp_path / ("deep" * 40), tmp_path, print)
    with pytest.raises(StartError, match="too long for a socket"):
        supervisor.lock()


# --- what an earlier run left ---------------------------------------------------------------------


@pytest.fixture
def leftover(tmp_path):
    """Start a process in a group of its own, as an earlier supervisor on that data directory would have left it."""
    started = []

    def start(data=tmp_path):
        environment = {**os.environ, "DATA": str(data)}
        process = subprocess.Popen(SLEEPER, env=environment, start_new_session=True)
        started.append(process)
        # The kernel says that a program runs before it shows what it was given.
        wait_for(lambda: psutil.Process(process.pid).environ().get("DATA") == str(data))
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def listed(tmp_path, process, age=0.0):
    created = psutil.Process(process.pid).create_time() + age
    (tmp_path / "children.json").write_text(json.dumps([[process.pid, created]]))


def test_what_an_earlier_run_left_is_ended_first(make, tmp_path, leftover):
    process = leftover()
    listed(tmp_path, process)
    make().lock()
    assert is_gone(process.pid)


def test_a_process_that_took_over_the_number_is_spared(make, tmp_path, leftover):
    process = leftover()
    listed(tmp_path, process, age=3600.0)  # the listed one began later: this is another process
    make().lock()
    assert process.poll() is None


def test_a_listed_process_of_something_else_is_spared(make, tmp_path, leftover):
    process = leftover(data=tmp_path / "another")
    listed(tmp_path, process)
    make().lock()
    assert process.poll() is None


def test_a_list_in_the_run_directory_is_not_believed(make, tmp_path, leftover):
    process = leftover()
    listed(tmp_path, process)
    (tmp_path / "one" / "runtime").mkdir(mode=0o700, parents=True)
    (tmp_path / "children.json").rename(tmp_path / "one" / "runtime" / "children.json")
    make().lock()
    assert process.poll() is None


@pytest.mark.parametrize("text", ["[[12", '{"pid": 1}', '[["a", "b"]]', "[1]", "null"])
def test_a_torn_list_stops_nothing(make, tmp_path, text):
    (tmp_path / "children.json").write_text(text)
    make().lock()


def test_children_are_told_their_data_directory(make, tmp_path):
    supervisor = make()
    show = [sys.executable, "-c", "import os; print(os.environ['DATA'], flush=True)"]
    supervisor.start(Child("show", show))
    wait_for(lambda: (tmp_path / "logs" / "show.log").read_text())
    assert (tmp_path / "logs" / "show.log").read_text().strip() == str(tmp_path)


# --- workers --------------------------------------------------------------------------------------


def test_every_queue_has_a_worker_and_only_training_networks_gives_way_to_all_others(settings):
    assert set(up.WORKERS) == {queue.name for queue in settings.CELERY_TASK_QUEUES}
    priorities = {queue: up._worker(queue, 1).command[:3] for queue in up.WORKERS}
    assert [queue for queue, words in priorities.items() if words == ["nice", "-n", "15"]] == ["tune"]


def test_whoever_waits_for_the_first_picture_is_served_first():
    started = [*(up._worker(queue, 1) for queue in up.WORKERS), up._beat()]
    assert {child.name for child in started if not child.waits_for} == set(up.NEEDED_FIRST)


# --- logs -----------------------------------------------------------------------------------------


def test_long_logs_are_set_aside_while_they_are_written(make, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MOST_BYTES", 1000)
    supervisor = make()
    echo = [sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line * 100, flush=True)"]
    log = tmp_path / "logs" / "echo.log"
    with log.open("ab") as output:
        process = subprocess.Popen(echo, stdin=subprocess.PIPE, stdout=output, text=True)
    for number in range(logs.KEPT + 2):
        process.stdin.write(f"round {number}: this is said over and over\n")
        process.stdin.flush()
        wait_for(lambda: log.stat().st_size > 1000 and log.read_text().endswith("\n\n"))
        supervisor.check()
        assert log.read_text() == ""
    process.stdin.close()
    process.wait(30)
    kept = sorted(path.name for path in log.parent.iterdir())
    assert kept == ["echo.log", *(f"echo.log.{number}" for number in range(1, logs.KEPT + 1))]
    assert f"round {logs.KEPT + 1}:" in (log.parent / "echo.log.1").read_text()
    assert "round 2:" in (log.parent / f"echo.log.{logs.KEPT}").read_text()


def test_a_log_that_cannot_be_set_aside_loses_nothing(tmp_path, monkeypatch):
    (tmp_path / "web.log").write_text("x" * 50)
    (tmp_path / "web.log.1").write_text("older")

    def full(source, target):
        target.write_text("x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs.shutil, "copyfile", full)
    monkeypatch.setattr(logs, "MOST_BYTES", 10)
    logs.rotate(tmp_path)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"web.log": "x" * 50, "web.log.1": "older"}


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
