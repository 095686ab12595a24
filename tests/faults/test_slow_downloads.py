"""Somebody who downloads and pauses, as a browser does that asks where to save, keeps nobody from saving."""

import socket
import subprocess
import sys
import time

import pytest

from tests.faults.conftest import ROOT, TOKEN, environment

pytestmark = pytest.mark.faults

# More than the sockets between server and client hold.
FILL = """
import django; django.setup()
from django.db.models import F, Value
from django.db.models.functions import Concat
from labeller.labels.services import adopt_known
from labeller.projects.models import Question
from labeller.samples.models import Sample
from tests import factories
question = Question.objects.get()
made = factories.samples(question.project, 6000)
Sample.objects.filter(pk__in=[each.pk for each in made]).update(path=Concat(F("path"), Value("x" * 1500)))
fox = question.classes.first().pk
for start in range(0, len(made), 500):
    adopt_known(None, question, {each.pk: frozenset([fox]) for each in made[start:start + 500]})
"""


def test_a_download_that_pauses_holds_no_lock(serve):
    server = serve(samples=3, people=1)
    subprocess.run([sys.executable, "-c", FILL], cwd=ROOT, env=environment(server.data), check=True)
    server.write("UPDATE accounts_user SET is_superuser = 1")
    client = server.clients()[0]
    samples = client.next(3)["samples"]
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(
            f"GET /projects/foxes/export/labels.csv HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Cookie: {client.cookies}; csrftoken={TOKEN}\r\n\r\n".encode()
        )
        assert reader.recv(2000).startswith(b"HTTP/1.1 200")
        time.sleep(1)  # until every buffer on the way is full
        for sample in samples:
            # The connection's own patience is longer than the lock's: a saver that had to wait would get 503.
            answer = client.save(client.event(sample["sample"], entry=sample["entry"]))
            assert answer.status == 200 and answer.body["results"][0]["status"] == 200
        assert server.journal.errors == []
