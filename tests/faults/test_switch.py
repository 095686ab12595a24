"""Battery 13: kill -9 during the switch of rounds, again and again."""

import json
import subprocess
import sys

import pytest

from tests.faults.conftest import ROOT, environment

pytestmark = pytest.mark.faults


def test_after_every_kill_the_current_round_is_the_old_or_the_new_one_and_whole(database):
    result = subprocess.run(
        [sys.executable, "-m", "tests.faults.switcher", "30"],
        cwd=ROOT, env=environment(database.data, database.url), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["violations"] == []
    assert sum(found["outcomes"].values()) == 30
    assert len(found["outcomes"]) > 1, "all were killed on the same side of the switch: nothing was provoked"
