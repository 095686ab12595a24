"""The disk for embeddings is full: the work waits, people label, and there is never half a file."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from labeller.messages import sentence
from tests import prepared
from tests.faults.conftest import fill, wait_for
from tests.faults.test_program import Program
from tl_core.store.embeddings import EmbeddingStore, Shard

pytestmark = pytest.mark.faults

PICTURES = 2000  # four shards of up to 2.6 MB


def as_root(*command):
    subprocess.run([*([] if os.geteuid() == 0 else ["sudo"]), *command], check=True)


@pytest.fixture
def disk(tmp_path):
    """A disk of 10 MB where the program will put its embeddings: three shards, each with its levels."""
    directory = tmp_path / "data" / "embeddings"
    directory.mkdir(parents=True)
    as_root("mount", "-t", "tmpfs", "-o", f"size=10400k,uid={os.geteuid()}", "tmpfs", directory)
    yield directory
    as_root("umount", "--lazy", directory)


def test_embedding_waits_for_room_on_a_full_disk_of_10_mb_and_goes_on_by_itself(database, disk, tmp_path):
    """Battery 15."""
    fill(tmp_path / "pictures", PICTURES)
    shutil.copytree(prepared.networks(), database.data / "models")
    program = Program(database, tmp_path / "pictures")
    try:
        program.start()
        waits = "SELECT id, attempts, message FROM jobs_job WHERE kind = 'embed' AND state = 'queued' AND message <> ''"
        ((job, attempts, message),) = wait_for(lambda: program.rows(waits), 120, "a shard without room")
        assert (attempts, sentence(message)) == (0, f"No space left at {disk}: make room, work goes on by itself.")
        before = shards(program)
        assert len(before) == 3
        assert files(disk) == {f"shard-{number:06d}.safetensors" for number, *_ in before}
        client = program.log_in(["dark", "bright"])
        sample = client.next(1)["samples"][0]["sample"]
        assert client.save(client.event(sample)).status == 200

        as_root("mount", "-o", "remount,size=64m", disk)
        wait_for(lambda: len(shards(program)) == 4 and program.is_idle(), 90, "the last shard")
        assert program.rows("SELECT state, attempts FROM jobs_job WHERE id = ?", job) == [("done", 1)]
        after = shards(program)
        assert [shard for shard in after if shard in before] == before
        ((fingerprint, dimension),) = program.rows(
            "SELECT fingerprint, dimension FROM embedding_embeddingrun WHERE beside_id IS NULL"
        )
        store = EmbeddingStore(disk / "project-1", fingerprint, dimension)
        ids = store.open(Shard(number, embedded, sha256) for number, embedded, sha256 in after).ids
        assert np.array_equal(np.sort(ids), np.arange(1, PICTURES + 1))
        program.audit()
    finally:
        program.stop()


def shards(program):
    return program.rows(
        "SELECT number, embedded, sha256 FROM embedding_embeddingshard "
        "JOIN embedding_embeddingrun r ON r.id = run_id WHERE beside_id IS NULL ORDER BY number"
    )


def files(disk):
    """All names on the disk, also of hidden files."""
    return {path.name for path in disk.rglob("*") if path.is_file()}
