"""The running program is killed and started again: no process survives, and the work goes on."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.faults.conftest import ROOT, environment, fill, free_port, processes_of, wait_for

pytestmark = pytest.mark.faults


def test_nothing_is_left_behind(tmp_path, database):
    """kill -9 of the program, then a new start, then Ctrl-C: no process survives, and the work goes on."""
    (pictures := tmp_path / "pictures").mkdir()
    fill(pictures, 20)

    def start():
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--images", str(pictures), "--port", str(free_port())],
            cwd=ROOT,
            env=environment(database.data, database.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for line in process.stdout:
            if "Ctrl-C stops" in line:
                return process
        raise AssertionError("it did not start")

    first = start()
    wait_for(lambda: len(processes_of(database.data)) > 5, 60, "its workers")
    before = processes_of(database.data)
    first.kill()
    first.wait()
    second = start()
    assert not [process for process in before if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    second.send_signal(signal.SIGINT)
    said = second.communicate(timeout=60)[0]
    assert second.returncode == 0
    assert "had to be killed" not in said
    assert processes_of(database.data) == []
