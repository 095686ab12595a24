"""Machines that share PostgreSQL, Redis and an object store embed together, whatever befalls them."""

import random
import time
from collections import Counter

import numpy as np
import psutil
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from labeller.jobs.queueing import MAX_ATTEMPTS
from tests.faults.conftest import fill, wait_for
from tests.faults.team import Team
from tests.tl_core.storages import BUCKET
from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture, embed_images

pytestmark = pytest.mark.faults

PATIENCE = 180
KILLS = 10


@pytest.fixture(scope="module")
def shared(tmp_path_factory, models, postgresql, redis_server, object_store):
    home = tmp_path_factory.mktemp("team")
    made = Team(home, models, f"{postgresql}/team", redis_server, f"s3://{BUCKET}/team", object_store)
    try:
        made.begin()
        yield made
    finally:
        made.stop()


@pytest.fixture
def team(shared):
    yield shared
    shared.drop_work()


def upload(folder, prefix):
    """Put files into the bucket, by the server's back door: over HTTP it takes 10 ms for each."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for path in folder.iterdir():
        backend.put_object(BUCKET, f"{prefix}/{path.name}", path.read_bytes())


def test_two_machines_embed_one_pool_together(team, tmp_path, models):
    """Photographs and embeddings lie in the object store; the machines have nothing else in common."""
    fill(tmp_path, 2500)
    upload(tmp_path / "plain", "team/photographs")
    with team.embedders("left", "right"):
        pool = team.open(f"s3://{BUCKET}/team/photographs")
        wait_for(lambda: pool.is_embedded(2500), PATIENCE, "the last shard")
        writers = pool.writers()
        assert {name for names in writers.values() for name in names} == {"left", "right"}
        assert all(len(names) == 1 for names in writers.values()), "a shard was written twice"
        assert len(writers) == pool.attempts() == 5
        embedded = pool.audit(tmp_path / "cache")
        wait_for(lambda: pool.in_round() == 2500, PATIENCE, "a round of the whole pool")
    paths = pool.samples()
    some = np.arange(0, 2500, 250)
    pictures = [Picture(tmp_path / "plain" / paths[sample]) for sample in embedded.ids[some].tolist()]
    expected = [each.vector for each in embed_images(pictures, OnnxRuntime(featurisers.get(), models))]
    np.testing.assert_allclose(embedded.vectors[some], expected, atol=1e-5)


def test_workers_killed_again_and_again_embed_every_sample_once(team, tmp_path):
    """Battery 9: kill -9 of a child or its parent, thrice on one shard, which is given up and taken up again."""
    fill(tmp_path, 5000)
    rng = random.Random(9)
    with team.embedders("left", "right") as workers:
        pool = team.open(tmp_path)

        def at_work():
            """A worker and the job it has in hand: the one to be hit thrice, or any as long as others may be."""
            held = [(worker, job) for worker in workers if (job := worker.job())]
            others = held if kills["other"] < KILLS - MAX_ATTEMPTS else []
            return next((pair for pair in held if pair[1].key == victim), None) or next(iter(others), None)

        victim, kills = None, Counter()
        while kills["victim"] < MAX_ATTEMPTS or kills["other"] < KILLS - MAX_ATTEMPTS:
            worker, job = wait_for(at_work, PATIENCE, "work")
            victim = victim or job.key
            time.sleep(rng.uniform(0, 0.3 if job.key == victim else 3))
            held = worker.kill(parent=kills.total() % 3 == 2)
            kills["victim" if held and held.key == victim else "other"] += 1
            rng.shuffle(workers)
        wait_for(lambda: pool.jobs().get("failed"), 30, "the shard that is given up")
        wait_for(lambda: team.take_up_again() or pool.is_embedded(5000), PATIENCE, "the last shard")
        assert pool.attempts() - len(pool.shards()) <= kills.total(), "more was done again than was killed"
    pool.audit(tmp_path / "cache")


def test_doubled_messages_and_two_workers_on_one_shard_change_nothing(team, tmp_path):
    """Battery 11: each message comes thrice; a worker sleeps for so long that another one does its shard, and wakes."""
    fill(tmp_path, 1100)
    with team.embedders("sleeper", misfortune="stop") as (sleeper,):
        pool = team.open(tmp_path)
        wait_for(
            lambda: sleeper.child().status() == psutil.STATUS_STOPPED, PATIENCE, "the moment before a shard is written"
        )
        wait_for(lambda: len(pool.samples()) == 1100, PATIENCE, "the end of the import")
        held = sleeper.job()
        team.call_again(copies=2)
        team.silence(held)
        with team.embedders("awake") as (awake,):
            wait_for(lambda: pool.is_embedded(1100), PATIENCE, "the last shard")
            before, files = pool.shards(), pool.files()
            team.call_again(copies=2)
            sleeper.child().resume()
            wait_for(
                lambda: f"embed {held.key} (running) was taken from this worker" in sleeper.log(), 30, "its waking up"
            )
            wait_for(
                lambda: team.nobody_is_called() and sleeper.is_idle() and awake.is_idle(), 30, "the end of the messages"
            )
    assert pool.writers() == {number: ["awake"] for number in range(3)}
    assert pool.shards() == before
    assert list(files.values()) == [1] * 6 and pool.files() == files  # three shards, each with its levels
    assert pool.jobs() == {"done": 3} and pool.attempts() == 4
    pool.audit(tmp_path / "cache")


def test_a_shard_for_which_memory_is_never_enough_is_given_up_and_the_others_are_done(team, tmp_path):
    """Battery 14: Linux kills the process that embeds shard 1, Python refuses the memory for shard 2, each time."""
    fill(tmp_path, 1600)
    with team.embedders("small", misfortune="memory") as (worker,):
        pool = team.open(tmp_path)

        def is_over():
            if (held := worker.job()) and held.key.endswith(":shard:1"):
                team.silence(held)
            return pool.jobs() == {"done": 2, "failed": 2}

        wait_for(is_over, PATIENCE, "the end of the work")
    killed, refused = team.rows(
        "SELECT attempts, error FROM jobs_job WHERE state = 'failed' AND project_id = %s ORDER BY key", pool.project
    )
    assert killed == (MAX_ATTEMPTS, f"the worker stopped without a word during attempt {MAX_ATTEMPTS}")
    assert refused == (MAX_ATTEMPTS, "MemoryError: ")
    assert pool.shards().keys() == {0, 3}
