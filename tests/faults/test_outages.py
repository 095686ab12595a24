"""The database is stopped, frozen or locked: 503 and no hang, and all goes on when it is back."""

import contextlib
import sqlite3
import time
from functools import partial

import pytest

from tests.faults.conftest import Client, wait_for

pytestmark = pytest.mark.faults

LONGEST = 30  # seconds that a request may take
RECOVERY = 10  # seconds until all is well again
PAGES = ("/", "/projects/foxes/", "/projects/foxes/people/", "/projects/foxes/label/species/")
NOWHERE = "/no-such-page/"  # the page that says so looks at the session, too
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def everything(server):
    """Requests of every kind: their answers by a name."""
    client = Client(server, 0)
    asked = {path: client.get(path).status for path in (*PAGES, NOWHERE, "/readyz", "/login/")}
    (sample, *_) = server.made["samples"]
    return asked | {"next": client.post("next", {"count": 1}).status, "save": client.save(client.event(sample)).status}


def is_well_again(server, sample):
    """Whether a label can be saved, and pages are shown."""
    client = Client(server, 1)
    return client.save(client.event(sample)).status in {200, 409} and client.get(PAGES[1]).status == 200


@on_postgresql
def test_a_stopped_database_is_told_on_every_page_and_recovered_from(serve, cluster, at_once):
    """Battery 7. PostgreSQL alone: SQLite has no server."""
    server = serve(samples=4, people=2, role="owner")
    before = everything(server)
    assert before.pop("/readyz") == 503  # there are no workers
    assert set(before.values()) <= {200, 302, 404}
    cluster.stop()
    try:
        # More at once than there are connections kept, all of which are dead.
        for asked in at_once(*[partial(everything, server)] * 6):
            assert asked.pop("/login/") in {200, 302, 503}
            assert set(asked.values()) == {503}
        assert server.answers()
    finally:
        cluster.start()
    server.journal.errors.clear()
    wait_for(lambda: is_well_again(server, server.made["samples"][1]), RECOVERY, "recovery")
    server.journal.errors.clear()
    server.audit()


@on_postgresql
def test_a_frozen_database_keeps_nobody_waiting_for_ever(serve, cluster, at_once):
    """The processes are stopped where they are, so that every connection stays open and silent. PostgreSQL alone."""
    server = serve(samples=60, people=2, role="owner")
    everything(server)
    clients = [Client(server, 0) for _ in range(40)]  # more than twice as many as there are threads

    def save(number):
        began = time.monotonic()
        status = clients[number].save(clients[number].event(server.made["samples"][number])).status
        return status, time.monotonic() - began

    cluster.freeze()
    try:
        lives = wait_for_while(at_once, server, [partial(save, number) for number in range(len(clients))])
        assert {status for status, _ in lives} == {503}
        assert max(took for _, took in lives) < LONGEST
        assert set(everything(server).values()) <= {503, 200, 302}  # nobody waits any more: all are refused at once
    finally:
        cluster.thaw()
    wait_for(lambda: is_well_again(server, server.made["samples"][50]), RECOVERY, "recovery")
    server.journal.errors.clear()
    # What was refused is sent again, as pages do, under the same UUIDs: nothing is doubled.
    refused = [event for event in server.journal.intents if event not in server.journal.acknowledged]
    for key in refused:
        _, sample, _ = server.journal.intents[key]
        assert clients[0].save({**clients[0].event(sample), "uuid": key}).status in {200, 409}
    server.audit()


def wait_for_while(at_once, server, requests):
    """Send the requests, and ask meanwhile whether the process lives."""
    *answers, alive = at_once(*requests, lambda: [server.answers() for _ in range(3) if time.sleep(0.5) is None])
    assert alive == [True] * 3
    return answers


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_lock_held_for_too_long_is_told_and_recovered_from(serve, at_once):
    """SQLite alone: somebody else, a backup perhaps, locks the whole file and doesn't come back."""
    server = serve(samples=4, people=2, role="owner")
    path = server.data / "labeller.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        client = Client(server, 0)
        requests = [partial(client.get, path) for path in (*PAGES, NOWHERE)]
        requests.append(lambda: client.save(client.event(server.made["samples"][0])))
        answers = at_once(*requests, lambda: server.answers())
        assert answers.pop() is True
        assert {answer.status for answer in answers} == {503}
        database.execute("ROLLBACK")
    server.journal.errors.clear()
    assert is_well_again(server, server.made["samples"][1])
    server.audit()
