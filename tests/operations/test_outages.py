"""503 wherever in a request the database is missed, and an end to every wait for it."""

import time
from types import SimpleNamespace

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError
from django.test import Client

from labeller.config import settings as site
from labeller.config.postgresql import base
from labeller.config.web import BODY_PATIENCE, HEADER_PATIENCE, PAUSE, SILENCE, Channel
from labeller.deadlocks import ATTEMPTS, again_on_deadlock

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}


@pytest.fixture
def visitor(foxes):
    """Somebody logged in, in a browser that sees what the server answers to an error."""
    client = Client(raise_request_exception=False)
    client.force_login(foxes.olga)
    return client


@pytest.fixture(params=[OperationalError, InterfaceError])
def away(request, monkeypatch):
    """The database goes away before the session is read."""

    def load(self):
        raise request.param("the server closed the connection unexpectedly")

    monkeypatch.setattr(SessionStore, "load", load)


@pytest.mark.parametrize(
    "path", ["/", "/projects/foxes/people/", "/no-such-page/", "/projects/foxes/export/labels.csv"]
)
def test_a_session_that_cannot_be_read_is_no_fault_of_the_page(visitor, away, path):
    page = visitor.get(path, headers=HTML)
    assert (page.status_code, page["Retry-After"]) == (503, "1")
    assert b"Busy for a moment" in page.content


def test_a_script_is_told_in_json(visitor, away):
    answer = visitor.post("/projects/foxes/label/species/labels/", {"events": []}, content_type="application/json")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The database is busy or away; nothing was saved. Try again."}


def test_life_is_told_without_looking_at_the_session(visitor, away):
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert not answer.cookies


def test_a_session_that_cannot_be_written_is_an_outage_and_not_a_bad_request(client, foxes, settings, monkeypatch):
    """Django takes it for a session that was deleted meanwhile."""

    def save(self, must_create=False):
        try:
            raise OperationalError("database is locked")
        except OperationalError as error:
            raise UpdateError from error

    client.force_login(foxes.olga)
    monkeypatch.setattr(SessionStore, "save", save)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client.raise_request_exception = False
    assert client.get("/", headers=HTML).status_code == 503


def test_other_errors_are_what_they_were(visitor, monkeypatch):
    monkeypatch.setattr(SessionStore, "load", lambda self: 1 / 0)
    page = visitor.get("/", headers=HTML)
    assert page.status_code == 500 and b"Something went wrong" in page.content


# --- an end to waiting ----------------------------------------------------------------------------


def test_during_an_outage_one_asks_and_the_others_are_refused_at_once(monkeypatch):
    now = 100.0
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=lambda: now))
    outage = base.Outage()
    outage.refuse()
    outage.begin()
    with pytest.raises(OperationalError):
        outage.refuse()
    now += base.PAUSE
    outage.refuse()  # this one asks the database
    with pytest.raises(OperationalError):
        outage.refuse()
    outage.end()
    outage.refuse()


@pytest.mark.parametrize("process", ["web", "worker"])
def test_only_the_web_server_is_impatient(monkeypatch, process):
    monkeypatch.setattr(site, "IS_WEB", process == "web")
    found = site.postgresql("postgres://someone@db/labeller?application_name=left")
    assert found["OPTIONS"]["application_name"] == "left"
    assert ("statement_timeout" in found["OPTIONS"]["options"]) == (process == "web")
    assert (found["ENGINE"] == "labeller.config.postgresql") == (process == "web")
    own = site.postgresql("postgres://someone@db/labeller?options=-c%20lock_timeout%3D1s&connect_timeout=9")
    assert (own["OPTIONS"]["options"], own["OPTIONS"]["connect_timeout"]) == ("-c lock_timeout=1s", 9)


def channel(*, request_age=None, silence=0.0, unread=0, has_header=False, answering=False):
    """A client's connection, as it is after so many seconds."""
    made = Channel.__new__(Channel)
    made.last_activity, made.total_outbufs_len = time.time() - silence, unread
    made.requests = ["one"] if answering else []
    if request_age is not None:
        made.request = SimpleNamespace(began=time.monotonic() - request_age, headers_finished=has_header)
    return made


@pytest.mark.parametrize(
    ("state", "is_overdue"),
    [
        (dict(), False),
        (dict(silence=SILENCE + 1), False),  # kept for a next request: waitress closes it after --keep-alive
        (dict(request_age=HEADER_PATIENCE - 5), False),
        (dict(request_age=HEADER_PATIENCE + 1), True),
        (dict(request_age=HEADER_PATIENCE + 1, has_header=True), False),
        (dict(request_age=30, has_header=True, silence=SILENCE + 1), True),
        (dict(request_age=BODY_PATIENCE + 1, has_header=True), True),
        (dict(answering=True, silence=1000), False),
        (dict(unread=5, silence=PAUSE - 5), False),
        (dict(unread=5, silence=PAUSE + 1), True),
        (dict(answering=True, unread=5, silence=PAUSE + 1), True),
    ],
)
def test_clients_that_take_too_long_are_let_go(state, is_overdue):
    assert channel(**state).is_overdue() == is_overdue


# --- deadlocks ------------------------------------------------------------------------------------


def ended(sqlstate):
    error = OperationalError("deadlock detected")
    error.__cause__ = type("Cause", (Exception,), {"sqlstate": sqlstate})()
    return error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("sqlstate", "calls"), [("40P01", ATTEMPTS), ("40001", ATTEMPTS), ("57014", 1)])
def test_a_transaction_that_was_ended_for_another_is_tried_again_but_not_for_ever(sqlstate, calls):
    called = []

    @again_on_deadlock
    def fail():
        called.append(1)
        raise ended(sqlstate)

    with pytest.raises(OperationalError):
        fail()
    assert len(called) == calls


@pytest.mark.django_db(transaction=True)
def test_the_second_attempt_gives_the_answer():
    errors = [ended("40P01")]

    @again_on_deadlock
    def succeed(answer):
        if errors:
            raise errors.pop()
        return answer

    assert succeed(5) == 5


def test_within_a_larger_transaction_nothing_is_tried_again():
    called = []

    @again_on_deadlock
    def fail():
        called.append(1)
        raise ended("40P01")

    with pytest.raises(OperationalError):
        fail()
    assert len(called) == 1
