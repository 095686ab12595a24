"""Many hands, double clicks, two tabs, expiry and killed web workers, over real HTTP."""

import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from functools import partial

import psutil
import pytest

from tests.faults.conftest import Client, wait_for

pytestmark = pytest.mark.faults

PAST = "2000-01-01 00:00:00"


def label_until_finished(client):
    """No think time: take, label, take …"""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        batch = client.next(3)
        for sample in batch.get("samples", ()):
            client.save(client.event(sample["sample"], entry=sample["entry"]))
        if batch.get("state") == "finished":
            return
    raise AssertionError("not finished within a minute")


@pytest.mark.parametrize("redundancy", [1, 3])
def test_thirty_two_people_on_twenty_samples(serve, at_once, redundancy):
    """Battery 2: every sample gets as many people as wanted, never more."""
    server = serve(samples=20, people=32, redundancy=redundancy)
    at_once(*(lambda client=client: label_until_finished(client) for client in server.clients()))
    server.audit()
    people = Counter(sample for (sample,) in server.rows("SELECT sample_id FROM labels_label WHERE is_current"))
    assert set(people) == set(server.made["samples"])
    assert max(people.values()) <= redundancy
    if redundancy == 1:
        assert len(server.journal.acknowledged) == 20
    held = server.rows("SELECT count(*) FROM annotating_assignment GROUP BY sample_id")
    assert max(count for (count,) in held) <= redundancy


def test_one_uuid_ten_times_and_double_clicks(serve, at_once):
    """Battery 3."""
    server = serve(samples=6, people=1)
    (client,) = server.clients()
    ten = [Client(server, 0) for _ in range(10)]
    for sample in server.made["samples"]:
        event = client.event(sample)
        answers = at_once(*(lambda tab=tab, event=event: tab.save(event) for tab in ten))
        assert all(answer.body["results"] == answers[0].body["results"] for answer in answers)
        assert answers[0].body["results"][0]["status"] == 200
    server.audit()
    assert len(server.rows("SELECT id FROM labels_label")) == 6
    # A double click: two decisions on one sample, neither knowing of the other.
    server.write("DELETE FROM labels_answer")
    server.write("DELETE FROM labels_labelledclass")
    server.write("DELETE FROM labels_label")
    server.journal.__init__()
    for sample in server.made["samples"]:
        events = [client.event(sample), client.event(sample)]
        answers = at_once(lambda pair=events: ten[0].save(pair[0]), lambda pair=events: ten[1].save(pair[1]))
        results = [answer.body["results"][0] for answer in answers]
        assert sorted(result["status"] for result in results) == [200, 409]
        won, lost = sorted(results, key=lambda result: result["status"])
        assert lost["current"] == won["label"]
    server.audit()


def test_two_tabs_change_one_label(serve, at_once):
    """Battery 4: one change counts, the other is told so and may follow; the history holds all of it."""
    server = serve(samples=8, people=1)
    one, two = Client(server, 0), Client(server, 0)
    fox, badger, empty = server.made["classes"]
    for sample in server.made["samples"]:
        first = one.event(sample, fox)
        one.save(first)
        mine = one.event(sample, badger, supersedes=first["uuid"])
        other = two.event(sample, empty, supersedes=first["uuid"])
        answers = at_once(lambda event=mine: one.save(event), lambda event=other: two.save(event))
        results = sorted((answer.body["results"][0] for answer in answers), key=lambda result: result["status"])
        assert [result["status"] for result in results] == [200, 409]
        assert results[1]["current"] == results[0]["label"]
        again = two.event(sample, empty, supersedes=results[1]["current"]["uuid"])
        assert two.save(again).status == 200
        history = server.rows("SELECT is_current FROM labels_label WHERE sample_id = ? ORDER BY id", sample)
        assert history == [(0,), (0,), (1,)]
    server.audit()


def test_batches_of_one_person_that_speak_of_the_same_samples_in_opposite_orders(serve, at_once):
    """Six pairs of requests from two tabs: each sample has one label, the other tab is told so, and nothing fails."""
    server = serve(samples=40, people=1)
    tabs = [Client(server, 0), Client(server, 0)]
    for _ in range(6):
        batches = [[tab.event(sample) for sample in server.made["samples"]] for tab in tabs]
        batches[1].reverse()
        answers = at_once(
            *(lambda tab=tab, batch=batch: tab.save(*batch) for tab, batch in zip(tabs, batches, strict=True))
        )
        assert {answer.status for answer in answers} <= {200, 409}
        told = {each["uuid"]: each["status"] for answer in answers for each in answer.body["results"]}
        for one in batches[0]:
            other = next(event for event in batches[1] if event["sample"] == one["sample"])
            assert sorted((told[one["uuid"]], told[other["uuid"]])) == [200, 409]
        for answer, batch in zip(answers, batches, strict=True):
            assert [each["uuid"] for each in answer.body["results"]] == [event["uuid"] for event in batch]
        server.audit()
        server.write("DELETE FROM labels_answer")
        server.write("DELETE FROM labels_labelledclass")
        server.write("DELETE FROM labels_label")
        server.journal.__init__()


def test_two_owners_who_make_each_other_annotators_leave_one(serve, at_once):
    server = serve(samples=1, people=2, role="owner")
    owners = server.clients()
    names = [name for (name,) in server.rows("SELECT username FROM accounts_user WHERE username LIKE 'a%' ORDER BY id")]
    for _ in range(8):
        at_once(
            lambda: owners[0].fill_in("/projects/foxes/people/", username=names[1], role="annotator"),
            lambda: owners[1].fill_in("/projects/foxes/people/", username=names[0], role="annotator"),
        )
        assert server.rows("SELECT count(*) FROM accounts_membership WHERE role = 'owner'") == [(1,)]
        server.write("UPDATE accounts_membership SET role = 'owner'")
    assert server.journal.errors == []


def test_one_new_name_posted_four_times_at_once_makes_one_account(serve, at_once):
    server = serve(samples=1, people=1, role="owner")
    tabs = [Client(server, 0) for _ in range(4)]
    for number in range(4):
        page = partial(Client.fill_in, path="/projects/foxes/people/", username=f"new-{number}", role="annotator")
        answers = at_once(*(partial(page, tab) for tab in tabs))
        # The page that shows the password once; the others find the account there already.
        assert sorted(answer.status for answer in answers) == [200, 302, 302, 302]
    assert server.rows("SELECT count(*) FROM accounts_user WHERE username LIKE 'new-%'") == [(4,)]
    assert server.journal.errors == []


def test_an_abandoned_sample_goes_to_the_next_person_and_the_late_save_is_kept(serve):
    """Battery 5."""
    server = serve(samples=3, people=2)
    ana, bo = server.clients()
    held = [sample["sample"] for sample in ana.next(3)["samples"]]
    assert bo.next(3)["samples"] == []
    server.write("UPDATE annotating_assignment SET expires_at = ?", PAST)
    assert [sample["sample"] for sample in bo.next(3)["samples"]] == held
    assert ana.save(ana.event(held[0])).status == 200
    assert bo.save(bo.event(held[0])).status == 200
    assert ana.save(ana.event(held[0])).status == 409
    server.audit()
    assert server.rows("SELECT count(*) FROM labels_label WHERE sample_id = ? AND is_current", held[0]) == [(2,)]


def test_killed_web_workers_lose_no_label(serve, at_once):
    """Battery 6 in small: workers die by kill -9 while people save and send again what was not acknowledged."""
    server = serve(samples=400, people=8)
    clients = server.clients()
    stop = threading.Event()
    queue, lock = list(server.made["samples"]), threading.Lock()

    def label(client):
        while True:
            with lock:
                if not queue:
                    return
                sample = queue.pop()
            event = client.event(sample)
            while event["uuid"] not in server.journal.acknowledged:
                client.save(event)

    def kill():
        rng = random.Random(6)
        for _ in range(5):
            workers = wait_for(psutil.Process(server.process.pid).children, what="a web worker")
            time.sleep(rng.uniform(0.1, 0.4))
            try:
                rng.choice(workers).send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        stop.set()

    at_once(kill, *(lambda client=client: label(client) for client in clients))
    assert stop.is_set()
    broken = [error for error in server.journal.errors if isinstance(error, str)]
    assert broken, "no connection broke: nothing was provoked"
    server.journal.errors = [error for error in server.journal.errors if not isinstance(error, str)]
    server.audit()
    assert len(server.journal.acknowledged) == 400
    assert server.rows("SELECT count(*) FROM labels_label") == [(400,)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_write_lock_held_by_somebody_else_delays_and_breaks_nothing(serve, at_once):
    """Battery 7 for SQLite, the only one with one lock for all: three seconds without a write."""
    server = serve(samples=10, people=4)

    def hold():
        database = sqlite3.connect(server.data / "labeller.sqlite3", timeout=30, isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(3)
        database.execute("ROLLBACK")
        database.close()

    def label(client, sample):
        time.sleep(0.3)
        return client.save(client.event(sample)).status

    pairs = zip(server.clients(), server.made["samples"], strict=False)
    statuses = at_once(hold, *(lambda pair=pair: label(*pair) for pair in pairs))[1:]
    assert statuses == [200] * 4
    server.audit()
