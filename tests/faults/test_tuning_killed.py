"""kill -9 during fine-tuning and during the switch to its network, again and again."""

import json
import subprocess
import sys

import pytest

from tests.faults.conftest import ROOT, environment

pytestmark = pytest.mark.faults


def test_after_every_kill_the_network_in_use_is_the_old_or_the_new_one_and_whole(database):
    result = subprocess.run(
        [sys.executable, "-m", "tests.faults.tuner", "8"],
        cwd=ROOT, env=environment(database.data, database.url), capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["violations"] == []
    assert found["switched"], "in the end the better network is in use"
    assert found["killings"]["finetune"] >= 1, "nothing was killed: nothing was provoked"
