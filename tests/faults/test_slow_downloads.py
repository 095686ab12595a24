"""Somebody who downloads and pauses, as a browser does that asks where to save, keeps nobody from saving."""

import contextlib
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.conftest import ROOT, TOKEN, environment, wait_for

pytestmark = pytest.mark.faults

EVERYBODY = 24  # more than all threads of all the server's processes

# More than the sockets between server and client hold, and more than the server holds in memory; every photograph is
# labelled, and predicted by a head that says anything.
FILL = """
import django; django.setup()
from types import SimpleNamespace
import numpy as np
from django.conf import settings
from labeller.labels.recording import adopt_known
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.learning.models import Head
from labeller.projects.models import Question
from labeller.samples.models import File, Refusal
from tests import factories
from tl_core.heads import files
from tl_core.heads.plain import LinearHead
question = Question.objects.get()
project = question.project
made = factories.samples(project, 3200)
photographs = [sample.file for sample in made]
for file in photographs:
    file.path += "狐" * 1900
File.objects.bulk_update(photographs, ["path"], batch_size=100)
Refusal.objects.bulk_create(
    Refusal(project=project, source=file.source, path=file.path, bytes=1, modified_ns=0, reason="not-an-image")
    for file in photographs
)
class_ids = list(question.classes.values_list("pk", flat=True))
for start in range(0, len(made), 500):
    adopt_known(None, question, {each.pk: frozenset(class_ids[:1]) for each in made[start:start + 500]})
run = EmbeddingRun.objects.create(project=project, featuriser="noise", fingerprint="5" * 16, dimension=4)
for number, start in enumerate(range(0, len(made), 500)):
    ids = np.array([sample.pk for sample in made[start:start + 500]], np.int64)
    vectors = np.ones((len(ids), 4), np.float32)
    written = runs.store(run).write_shard(number, ids, vectors, np.ones(len(ids), bool))
    EmbeddingShard.objects.create(run=run, number=number, embedded=len(ids), sha256=written.sha256)
coef = np.zeros((len(class_ids), 4), np.float32)
linear = LinearHead(np.array(class_ids), coef, coef[:, 0], coef[0])
files.save(SimpleNamespace(linear=lambda: linear), settings.HEADS / "noise", {})
Head.objects.create(
    question=question, run=run, name="noise", version=1, n_labels=1, directory="noise", class_ids=class_ids,
    fit_seconds=0.0,
)
"""


@pytest.fixture
def downloads(serve):
    """A server with a great deal to download, and what opens a download, reads its beginning, and pauses."""
    server = serve(samples=3, people=1)
    subprocess.run(
        [sys.executable, "-c", FILL], cwd=ROOT, env=environment(server.data, server.database.url), check=True
    )
    server.write("UPDATE accounts_user SET is_superuser = ?", True)
    client = server.clients()[0]

    def paused(stack, path):
        reader = stack.enter_context(socket.socket())
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(60)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(
            f"GET /projects/foxes/{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Cookie: {client.cookies}; csrftoken={TOKEN}\r\n\r\n".encode()
        )
        if not (said := reader.recv(2000)).startswith(b"HTTP/1.1 200"):
            assert said.startswith(b"HTTP/1.1 503"), said  # all threads are busy making downloads: it comes again
            return None
        return reader

    with contextlib.ExitStack() as stack:
        yield server, client, lambda path: wait_for(lambda: paused(stack, path), what="a free thread")


def label(client, samples):
    for sample in samples:
        # The connection's own patience is longer than the lock's: a saver that had to wait would get 503.
        answer = client.save(client.event(sample["sample"], entry=sample["entry"]))
        assert answer.status == 200 and answer.body["results"][0]["status"] == 200


@pytest.mark.parametrize("path", ["export/labels.csv", "export/predictions.csv", "refused.csv"])
def test_a_download_that_pauses_holds_no_lock(downloads, path):
    server, client, paused = downloads
    samples = client.next(3)["samples"]
    reader = paused(path)
    label(client, samples)
    assert reader.recv(2000), "the download was cut off"
    assert server.journal.errors == []


def test_many_downloads_that_pause_hold_no_thread(downloads):
    server, client, paused = downloads
    samples = client.next(3)["samples"]
    with ThreadPoolExecutor(EVERYBODY) as readers:  # no download waits for another one's reader
        list(readers.map(paused, ["export/predictions.csv"] * EVERYBODY))
    label(client, samples)
    assert server.journal.errors == []
