"""GET /healthz and /readyz."""

from collections import namedtuple

import pytest
import redis
from django.db import DatabaseError

from labeller.operations import views, workers
from labeller.samples import ingesting as samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy(monkeypatch):
    monkeypatch.setattr(workers, "silent_queues", list)


def test_healthz_needs_nothing_but_the_process(client, monkeypatch):
    monkeypatch.setattr(views, "connection", None)
    monkeypatch.setattr(workers, "silent_queues", None)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_when_all_is_well(client, healthy):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "wrong": {}})


def test_readyz_without_the_database(client, healthy, monkeypatch):
    class Away:
        @staticmethod
        def cursor():
            raise DatabaseError("the password is hunter2")

    monkeypatch.setattr(views, "connection", Away)
    answer = client.get("/readyz")
    assert (answer.status_code, list(answer.json()["wrong"])) == (503, ["database"])
    assert "hunter2" not in answer.content.decode()


@pytest.mark.parametrize("error", [redis.ConnectionError("unix:///secret/path"), redis.TimeoutError(), OSError()])
def test_readyz_without_the_broker(client, monkeypatch, error):
    def raises():
        raise error

    monkeypatch.setattr(workers, "silent_queues", raises)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["wrong"]) == (503, {"broker": "not reachable"})


def test_readyz_without_workers_names_their_queues(client, monkeypatch):
    monkeypatch.setattr(workers, "silent_queues", lambda: ["embed", "train"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unready", "wrong": {"workers": "no worker serves: embed, train"}}


def test_readyz_on_a_full_disk(client, healthy, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(samples.shutil, "disk_usage", lambda path: usage(10**12, 10**12, 5_000_000))
    answer = client.get("/readyz")
    assert (answer.status_code, list(answer.json()["wrong"])) == (503, ["storage"])
    assert answer.json()["wrong"]["storage"] == "Only 5 MB are free"
    assert str(samples.settings.DATA) not in answer.content.decode()


def test_readyz_without_its_directory(client, healthy, settings, tmp_path, caplog):
    settings.DATA = tmp_path / "gone"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["wrong"]) == (503, {"storage": "not readable"})
    assert str(tmp_path) not in answer.content.decode() and str(tmp_path) in caplog.text


def test_everything_wrong_is_named_at_once(client, settings, tmp_path, monkeypatch):
    settings.DATA = tmp_path / "gone"
    monkeypatch.setattr(workers, "silent_queues", lambda: ["io"])
    assert set(client.get("/readyz").json()["wrong"]) == {"workers", "storage"}


class Redis(dict):
    """As much of a Redis as signs of life need."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def set(self, name, value, ex):
        self[name] = value.encode()
        assert 0 < ex <= 90

    def scan_iter(self, pattern):
        return [name for name in self if name.startswith(pattern.rstrip("*"))]

    def mget(self, names):
        return [self.get(name) for name in names]


def test_workers_are_known_by_their_signs_of_life(monkeypatch):
    store = Redis()
    monkeypatch.setattr(workers, "client", lambda: store)
    assert workers.silent_queues() == ["embed", "io", "train"]  # without the queue tune people label as before
    for name, queues in (("a", ["embed"]), ("b", ["io", "train"])):
        monkeypatch.setattr(workers, "_queues", queues)
        monkeypatch.setattr(workers, "_last", float("-inf"))
        sender = type("Heart", (), {"eventer": type("Eventer", (), {"hostname": name})})
        workers._beat(sender)
    assert workers.silent_queues() == []
    del store["labeller:worker:a"]  # expired
    assert workers.silent_queues() == ["embed"]
