"""People who send or read at a snail's pace, or not at all, keep nobody else from labelling."""

import contextlib
import signal
import socket
import threading

import psutil
import pytest

from tests.faults.conftest import Client, wait_for

pytestmark = pytest.mark.faults

MANY = 120  # several times as many as there are threads


@pytest.fixture
def connect():
    """Open connections to a server and send each a text; all are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def opened(server, text, count=MANY, **options):
            for _ in range(count):
                client = stack.enter_context(socket.socket())
                if "receive" in options:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive"])
                client.connect(("127.0.0.1", server.port))
                client.sendall(text.encode())

        yield opened


def labels(server):
    """Label every sample, one after the other."""
    client = Client(server, 0)
    for sample in server.made["samples"]:
        assert client.save(client.event(sample)).status == 200
    server.audit()


HALF_A_HEADER = "POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Le"
HALF_A_BODY = "POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nusername="
NOTHING = ""


@pytest.mark.parametrize("text", [NOTHING, HALF_A_HEADER, HALF_A_BODY], ids=["nothing", "header", "body"])
def test_requests_that_are_never_finished(serve, connect, text):
    server = serve(samples=10, people=1)
    connect(server, text)
    labels(server)


def test_answers_that_are_never_read(serve, connect):
    server = serve(samples=10, people=1)
    page = "GET /static/vendor/uplot/uPlot.esm.js HTTP/1.1\r\nHost: localhost\r\n\r\n"  # 142 KB
    connect(server, page * 50, receive=2048)
    labels(server)


def test_web_workers_that_are_told_to_end_finish_what_they_have_begun(serve, at_once):
    """Battery 6: SIGTERM while people label breaks no connection."""
    server = serve(samples=100, people=4)
    queue, over = list(server.made["samples"]), threading.Event()

    def label(client):
        while queue:
            with contextlib.suppress(IndexError):
                assert client.save(client.event(queue.pop())).status == 200

    def end():
        for _ in range(2):
            ended = wait_for(psutil.Process(server.process.pid).children, what="a web worker")[0]
            ended.send_signal(signal.SIGTERM)
            wait_for(lambda ended=ended: not ended.is_running() or ended.status() == "zombie", 30, "its end")
        over.set()

    at_once(end, *(lambda client=client: label(client) for client in server.clients()))
    assert over.is_set()
    server.audit()
    assert len(server.journal.acknowledged) == 100
