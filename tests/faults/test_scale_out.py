"""Machines that share PostgreSQL, Redis and an object store embed together, whatever befalls them."""

import contextlib
import random
import time

import fsspec
import numpy as np
import psutil
import pytest

from labeller.jobs.services import MAX_ATTEMPTS
from labeller.samples.services import SHARD_SIZE
from tests.faults.conftest import fill, wait_for
from tests.faults.team import Team
from tests.tl_core.storages import BUCKET
from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture, embed_images

pytestmark = pytest.mark.faults

PATIENCE = 180


@pytest.fixture(scope="module")
def team(tmp_path_factory, models, postgresql, redis_server, object_store):
    home = tmp_path_factory.mktemp("team")
    made = Team(home, models, f"{postgresql}/team", redis_server, f"s3://{BUCKET}/team", object_store)
    try:
        made.begin()
        yield made
    finally:
        made.stop()



def test_two_machines_embed_one_pool_together(team, tmp_path, models):
    """Photographs and embeddings lie in the object store; the machines have nothing else in common."""
    fill(tmp_path, 3000)
    print(time.monotonic(), "upload")
    url = f"s3://{BUCKET}/team/photographs"
    files, top = fsspec.url_to_fs(url)
    files.put(f"{tmp_path}/plain/", f"{top}/", recursive=True)
    print(time.monotonic(), "open")
    with team.embedders("left", "right"):
        pool = team.open(url)
        print(time.monotonic(), "opened")
        wait_for(lambda: len(pool.samples()) == 3000, PATIENCE); print(time.monotonic(), "imported", pool.jobs())
        wait_for(lambda: pool.is_embedded(3000), PATIENCE, "the last shard")
        writers = pool.writers()
        assert {name for names in writers.values() for name in names} == {"left", "right"}
        assert all(len(names) == 1 for names in writers.values()), "a shard was written twice"
        assert len(writers) == pool.attempts() == 6
        embedded = pool.audit(tmp_path / "cache")
        wait_for(lambda: pool.in_round() == 3000, PATIENCE, "a round of the whole pool")
    paths = pool.samples()
    some = np.arange(0, 3000, 300)
    pictures = [Picture(tmp_path / "plain" / paths[sample]) for sample in embedded.ids[some].tolist()]
    expected = [each.vector for each in embed_images(pictures, OnnxRuntime(featurisers.get(), models))]
    np.testing.assert_allclose(embedded.vectors[some], expected, atol=1e-5)


def test_workers_killed_again_and_again_embed_every_sample_once(team, tmp_path):
    """Battery 9: kill -9 of a child or its parent, thrice on one shard, which is given up and taken up again."""
    fill(tmp_path, 5000)
    rng = random.Random(9)
    with team.embedders("left", "right") as workers:
        pool = team.open(tmp_path)

        def at_work(key=None):
            """A worker with a job in hand, with this one where a key is given."""
            held = ((worker, worker.job()) for worker in workers)
            return next(((worker, job) for worker, job in held if job and key in (None, job[2])), None)

        _, (*_, victim) = wait_for(at_work, PATIENCE, "the first shard")
        for number, parent in enumerate([False] * 3 + rng.sample([False, True], 7, counts=[4, 3])):
            worker, _ = wait_for(lambda: at_work(victim if number < 3 else None), PATIENCE, "work")
            time.sleep(rng.uniform(0, 1.5))
            print(time.monotonic(), worker.name, parent, worker.kill(parent), len(pool.shards()))
        wait_for(lambda: team.take_up_again() or pool.is_embedded(5000), PATIENCE, "the last shard")
        print(time.monotonic(), pool.attempts(), pool.jobs())
    pool.audit(tmp_path / "cache")
