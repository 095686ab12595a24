"""Whatever is in a batch, each event is answered for itself, and the good ones are saved."""

import json
import uuid

import pytest
from django.urls import reverse

from labeller.labels.models import Flag, Label
from tests import factories

pytestmark = pytest.mark.django_db

DEEP = json.loads("[" * 300 + "]" * 300)
ODD = {
    "question-list": {"question": []},
    "question-object": {"question": {}},
    "question-number": {"question": 7},
    "question-nul": {"question": "\x00age"},
    "question-deep": {"question": DEEP},
    "uuid-list": {"uuid": []},
    "uuid-deep": {"uuid": DEEP},
    "uuid-none": {"uuid": None},
    "uuid-number": {"uuid": 12345678123456781234567812345678},
    "sample-text": {"sample": "1"},
    "sample-true": {"sample": True},
    "sample-half": {"sample": 1.5},
    "sample-beyond-64-bits": {"sample": 2**64},
    "sample-huge": {"sample": 10**300},
    "sample-nan": {"sample": float("nan")},
    "sample-below": {"sample": -1},
    "classes-object": {"classes": {}},
    "classes-nested": {"classes": [[1]]},
    "classes-huge": {"classes": [2**63]},
    "classes-true": {"classes": [True]},
    "classes-many": {"classes": list(range(5000))},
    "verdict-list": {"verdict": ["answer"]},
    "verdict-unknown": {"verdict": "\ud800"},
    "supersedes-object": {"supersedes": {"a": 1}},
    "entry-huge": {"entry": 2**80},
    "kind-list": {"kind": []},
    "flag-note": {"kind": "flag", "note": {}},
    "flag-long": {"kind": "flag", "note": "x" * 1001},
    "unflag-nothing": {"kind": "unflag", "flag": []},
}


@pytest.fixture
def ranked(foxes):
    made = factories.samples(foxes.project, 3)
    factories.ranking(foxes.question, made)
    return made


@pytest.fixture
def send(client, foxes):
    client.force_login(foxes.ana)
    client.raise_request_exception = False

    def post(body, name="save"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(reverse(f"annotating:{name}", args=["foxes", "species"]), data, "application/json")

    return post


def event(foxes, of, **fields):
    good = {"uuid": str(uuid.uuid4()), "sample": of.pk, "verdict": "answer", "classes": [foxes.class_id("fox")]}
    return good | fields


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD.keys())
def test_a_malformed_event_is_refused_and_the_others_are_saved(send, foxes, ranked, fields):
    batch = [event(foxes, ranked[0]), event(foxes, ranked[1], **fields), event(foxes, ranked[2])]
    answer = send({"events": batch})
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 422, 200]
    assert results[1]["detail"]
    assert set(Label.objects.values_list("sample", flat=True)) == {ranked[0].pk, ranked[2].pk}


@pytest.mark.parametrize("odd", [None, 7, "text", [], DEEP], ids=["null", "number", "text", "list", "deep"])
def test_what_is_no_event_is_refused_in_its_place(send, foxes, ranked, odd):
    results = send({"events": [event(foxes, ranked[0]), odd, event(foxes, ranked[1])]}).json()["results"]
    assert [result["status"] for result in results] == [200, 422, 200]


@pytest.mark.parametrize(
    "fields",
    [
        {"dwell_ms": float("nan")}, {"dwell_ms": float("inf")}, {"dwell_ms": 10**400}, {"dwell_ms": []},
        {"mode": []}, {"mode": "\x00"}, {"suggestion_shown": DEEP}, {"more": DEEP}, {"\ud800": "\x00"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_odd_beside_a_judgement_does_not_cost_it(send, foxes, ranked, fields):
    answer = send({"events": [event(foxes, ranked[0], **fields)], "tab": "\ud800\x00", "more": DEEP})
    assert [result["status"] for result in answer.json()["results"]] == [200]


def test_a_note_keeps_its_words_and_loses_what_nobody_sees(send, foxes, ranked):
    note = "two\x00 foxes\ud800,\r\nE\u0301land\u202e behind  "
    flag = {"uuid": str(uuid.uuid4()), "kind": "flag", "sample": ranked[0].pk, "note": note}
    assert send({"events": [flag]}).status_code == 200
    assert Flag.objects.get().note == "two foxes,\nÉland behind"


def test_a_uuid_that_comes_twice_in_a_batch_counts_once(send, foxes, ranked):
    twice = event(foxes, ranked[0])
    results = send({"events": [twice, twice, {**twice, "sample": ranked[1].pk}]}).json()["results"]
    assert [result["status"] for result in results] == [200, 200, 409]
    assert Label.objects.count() == 1


BODIES = (
    b"", b"\xff\xfe\xfa", b"null", b"[]", b'{"events": 7}', b'{"events": {}}', b'{"events": []}', b'"' + b"x" * 100,
    b"[" * 100_000, b'{"events":' * 100_000, b"9" * 5000, b'{"user": [], "events": [1]}',
    b'{"tab": [], "events": [1]}', b'{"events": [' + b"1," * 10_000 + b"1]}", b'{"events": [1], "keep": [1e400]}',
)  # fmt: skip


@pytest.mark.parametrize("name", ["save", "next", "release", "classes", "grid_tiles", "hunt_start", "hunt_tiles"])
def test_a_body_that_is_none_is_no_error_of_the_server(send, foxes, ranked, name):
    for body in BODIES:
        assert send(body, name).status_code < 500, body[:40]
    assert not Label.objects.exists()


def test_a_form_is_no_body_either(client, foxes, ranked):
    client.force_login(foxes.ana)
    for name in ("save", "next", "release", "classes", "grid_tiles", "hunt_start", "hunt_tiles"):
        answer = client.post(reverse(f"annotating:{name}", args=["foxes", "species"]), {"events": "x"})
        assert answer.status_code == 422, name


def test_tabs_may_be_called_anything(send, foxes, ranked):
    for tab in ("\x00", "\ud800", "\u202e", "x" * 5000, None, 0):
        assert send({"tab": tab, "count": 1}, "next").status_code == 200
    assert send({"tab": {"a": 1}, "count": 1}, "next").status_code == 422
