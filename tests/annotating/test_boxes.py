"""Boxes on the wire: what a page is told of a photograph's, and what it may say of them."""

import uuid

import pytest
from django.urls import reverse

from labeller.samples import hiding, parts, set_aside
from labeller.samples.models import BoxEdit, Sample
from tests import factories

pytestmark = pytest.mark.django_db
HERE, THERE = [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.25, 0.25]


@pytest.fixture
def found(foxes):
    """A box of a photograph, and another one of which its detector is hardly sure."""
    (whole,) = factories.samples(foxes.project, 1)
    pk, unsure = parts.add_boxes(foxes.project, [(whole.file_id, tuple(box)) for box in (HERE, THERE)])
    set_aside.detected({pk: 0.9, unsure: 0.1})
    return Sample.objects.get(pk=pk)


@pytest.fixture
def post(client, foxes):
    def send(name, body, user=foxes.ana):
        client.force_login(user)
        url = reverse(f"annotating:{name}", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, body, content_type="application/json")

    return send


@pytest.fixture
def say(post, foxes):
    def send(*events, user=foxes.ana):
        answer = post("save", {"events": [{"uuid": str(uuid.uuid4()), "kind": "box", **each} for each in events]}, user)
        return answer.status_code, answer.json().get("results")

    return send


def test_a_sample_comes_with_the_boxes_of_its_photograph(post, foxes, found):
    whole = Sample.objects.get(part="whole")
    factories.ranking(foxes.question, [found, whole])
    for told in post("next", {}).json()["samples"]:
        assert told["photo"] == found.file_id
        assert told["boxes"] == [{"sample": found.pk, "box": HERE, "edit": None}], "not what is below the threshold"


def test_a_drawn_box_is_told_its_sample_and_comes_when_it_is_asked_for(post, say, found):
    status, (told,) = say({"sample": found.pk, "box": [0.5, 0.1, 0.2, 0.2]})
    drawn = Sample.objects.get(box_left=0.5, box_top=0.1)
    assert status == 200
    assert told["label"] == {"uuid": told["uuid"], "sample": drawn.pk, "box": [0.5, 0.1, 0.2, 0.2]}
    (handed,) = post("next", {"count": 0, "sample": drawn.pk}).json()["samples"]
    assert handed["sample"] == drawn.pk
    assert [each["edit"] for each in handed["boxes"]] == [None, told["uuid"]]


def test_a_move_and_a_label_in_one_request_are_each_answered_in_their_place(say, foxes, found):
    label = {"kind": "label", "sample": found.pk, "verdict": "answer", "classes": [foxes.class_id("fox")]}
    status, (first, second, third) = say(
        label, {"sample": found.pk, "part": found.pk, "box": [0.4, 0.4, 0.2, 0.2]}, {"sample": found.pk, "box": None}
    )
    assert status == 207 and [each["status"] for each in (first, second, third)] == [200, 200, 422]
    assert first["label"]["classes"] == [foxes.class_id("fox")] and second["label"]["sample"] == found.pk
    found.refresh_from_db()
    assert found.box == (0.4, 0.4, 0.2, 0.2) and found.answers.count() == 1


def test_who_was_too_late_is_told_where_it_is(say, foxes, found):
    move = {"sample": found.pk, "part": found.pk, "box": [0.4, 0.4, 0.2, 0.2]}
    _, (first,) = say(move)
    status, (late,) = say({**move, "box": [0.6, 0.6, 0.2, 0.2]}, user=foxes.bo)
    assert status == 409
    assert late["current"] == {"uuid": first["uuid"], "sample": found.pk, "box": [0.4, 0.4, 0.2, 0.2]}


def test_only_who_may_label_may_draw(say, post, foxes, found):
    event = {"uuid": str(uuid.uuid4()), "kind": "box", "sample": found.pk, "box": [0.5, 0.1, 0.2, 0.2]}
    assert post("save", {"events": [event]}, foxes.vic).status_code == 403
    assert post("save", {"events": [event]}, foxes.sam).status_code == 404
    assert not BoxEdit.objects.exists()


def test_who_must_not_see_a_photograph_draws_nothing_in_it(say, foxes, found):
    hiding.tell(found.file, "hide")
    drawn = {"sample": found.pk, "box": [0.3, 0.3, 0.2, 0.2]}
    moved = {**drawn, "part": found.pk}
    for event in (drawn, moved):
        status, (told,) = say(event)
        assert status == 404 and told["status"] == 404 and not BoxEdit.objects.exists()
    assert say(moved, user=foxes.mia)[0] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"box": [0.1, 0.1, 0.2]},
        {"box": "everywhere"},
        {"box": [0.1, 0.1, True, 0.2]},
        {"box": [0.1, 0.1, 1e300, 0.2]},
        {"part": "x", "box": None},
        {"sample": None, "box": [0.5, 0.1, 0.2, 0.2]},
        {"supersedes": "no", "box": None},
    ],
)
def test_what_cannot_be_understood_is_refused(say, found, wrong):
    status, (told,) = say({"sample": found.pk, **wrong})
    assert status == 422 and told["detail"]
    assert not BoxEdit.objects.exists()
