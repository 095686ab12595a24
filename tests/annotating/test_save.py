"""POST …/labels/: judgements, each answered for itself."""

import json
import uuid

import pytest
from django.urls import reverse

from labeller.annotating import places
from labeller.annotating.models import Assignment
from labeller.labels.models import Label
from labeller.learning.models import RoundEntry
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ranked(foxes):
    made = factories.samples(foxes.project, 4)
    factories.ranking(foxes.question, made)
    return made


@pytest.fixture
def save(client, foxes):
    def post(body, user=foxes.ana):
        client.force_login(user)
        url = reverse("annotating:save", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, body, content_type="application/json")

    return post


def event(foxes, sample, name="fox", **fields):
    classes = [foxes.class_id(name)] if name else []
    return {"uuid": str(uuid.uuid4()), "sample": sample.pk, "verdict": "answer", "classes": classes, **fields}


def test_the_answer_tells_what_was_stored_and_how_the_project_stands(save, foxes, ranked):
    given = event(foxes, ranked[0], mode="single", dwell_ms=850.5, suggestion_shown=True)
    answer = save({"events": [given]})
    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {
                "uuid": given["uuid"],
                "status": 200,
                "label": {"uuid": given["uuid"], "verdict": "answer", "classes": given["classes"]},
                "current": None,
                "detail": "",
            }
        ],
        "round": {"number": 1, "strategy": "margin", "n_labels": 0},
        "counts": {str(foxes.class_id("fox")): 1},
        "labelled": 1,
    }
    stored = Label.objects.get()
    assert (stored.annotator, stored.dwell_ms) == (foxes.ana, 850)


def test_a_resent_batch_gets_the_identical_reply(save, foxes, ranked):
    body = {"events": [event(foxes, sample) for sample in ranked]}
    assert save(body).json() == save(body).json()
    assert Label.objects.count() == len(ranked)


def test_a_conflict_shows_both_values(save, foxes, ranked):
    first, second = event(foxes, ranked[0], "fox"), event(foxes, ranked[0], "badger")
    save({"events": [first]})
    answer = save({"events": [second]})
    assert answer.status_code == 409
    (result,) = answer.json()["results"]
    assert (result["uuid"], result["label"]) == (second["uuid"], None)
    assert result["current"] == {"uuid": first["uuid"], "verdict": "answer", "classes": first["classes"]}


def test_mixed_outcomes_come_as_207_in_the_order_of_the_events(save, foxes, ranked):
    foreign = factories.samples(factories.project("other"), 1)[0]
    events = [
        event(foxes, ranked[0]),
        event(foxes, ranked[1], uuid="no uuid"),
        event(foxes, foreign),
        event(foxes, ranked[2], classes=[]),
        "not even an object",
        event(foxes, ranked[3]),
    ]
    answer = save({"events": events})
    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == [200, 422, 404, 422, 422, 200]
    assert set(Label.objects.values_list("sample", flat=True)) == {ranked[0].pk, ranked[3].pk}


def test_withdrawing_and_answering_again_in_one_batch(save, foxes, ranked):
    first = event(foxes, ranked[0], "fox")
    back = event(foxes, ranked[0], "", verdict="withdraw", supersedes=first["uuid"])
    again = event(foxes, ranked[0], "badger", supersedes=back["uuid"])
    answer = save({"events": [first, back, again]})
    assert answer.status_code == 200
    assert answer.json()["counts"] == {str(foxes.class_id("badger")): 1}
    assert Label.objects.count() == 3


def test_a_uuid_of_another_person_tells_nothing_about_their_label(save, foxes, ranked):
    his = event(foxes, ranked[0], "badger")
    save({"events": [his]}, foxes.bo)
    answer = save({"events": [event(foxes, ranked[0], "fox", uuid=his["uuid"])]}, foxes.ana)
    (result,) = answer.json()["results"]
    assert (result["status"], result["label"], result["current"]) == (409, None, None)
    assert foxes.bo.username not in answer.content.decode()


def test_a_page_cannot_claim_another_annotator_strategy_or_mode(save, foxes, ranked):
    claims = {
        "annotator": foxes.bo.pk, "user": foxes.bo.pk, "strategy": "audit", "propensity": 0.01, "mode": "import",
        "predicted": foxes.class_id("fox"), "predicted_id": foxes.class_id("fox"), "is_current": False,
    }  # fmt: skip
    assert save({"events": [event(foxes, ranked[0], **claims)]}).status_code == 200
    stored = Label.objects.get()
    assert (stored.annotator, stored.strategy, stored.propensity) == (foxes.ana, "", None)
    assert (stored.mode, stored.predicted, stored.is_current) == ("single", None, True)


def test_an_audit_counts_though_it_was_given_back_while_it_was_decided(client, save, foxes, ranked):
    factories.ranking(foxes.question, ranked, audits=ranked[:1], suggest=[foxes.class_id("fox")])
    client.force_login(foxes.ana)
    url = reverse("annotating:next", args=[foxes.project.slug, foxes.question.key])
    (given,) = client.post(url, {"count": 1}, content_type="application/json").json()["samples"]
    client.post(url, {"count": 0}, content_type="application/json")
    assert not Assignment.objects.exists()
    save({"events": [event(foxes, ranked[0], entry=given["entry"])]})
    stored = Label.objects.get()
    assert (stored.strategy, stored.propensity, stored.suggestion_shown) == ("audit", 0.25, False)


@pytest.mark.parametrize("named", ["to somebody else", "by nobody", "by half"])
def test_a_place_that_was_named_to_somebody_else_says_nothing_and_refuses_no_label(save, foxes, ranked, named):
    entry = RoundEntry.objects.get(sample=ranked[0])
    name = places.named(entry.pk, foxes.bo if named == "to somebody else" else foxes.ana)
    given = {"to somebody else": name, "by nobody": f"{entry.pk}:x", "by half": name[:-1]}[named]
    assert save({"events": [event(foxes, ranked[0], entry=given)]}).status_code == 200
    assert (Label.objects.get().strategy, Label.objects.get().propensity) == ("", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uuid", None),
        ("uuid", 7),
        ("uuid", ""),
        ("sample", "1"),
        ("sample", None),
        ("sample", -1),
        ("sample", 1.5),
        ("sample", 10**30),
        ("classes", "fox"),
        ("classes", [None]),
        ("classes", [[1]]),
        ("classes", {"1": 2}),
        ("entry", "x"),
        ("entry", True),
        ("entry", [1]),
        ("supersedes", "x"),
        ("supersedes", {"a": 1}),
    ],
)
def test_a_field_that_makes_no_sense_is_named(save, foxes, ranked, field, value):
    answer = save({"events": [event(foxes, ranked[0]) | {field: value}]})
    assert answer.status_code == 422
    assert f"`{field}`" in answer.json()["results"][0]["detail"]
    assert not Label.objects.exists()


@pytest.mark.parametrize("verdict", [None, 7, [], {}, "ANSWER", "answer ", "x" * 5000])
def test_an_unknown_verdict_is_refused(save, foxes, ranked, verdict):
    answer = save({"events": [event(foxes, ranked[0], verdict=verdict)]})
    assert answer.status_code == 422
    assert "verdict" in answer.json()["results"][0]["detail"]
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", []),
        ("mode", {}),
        ("mode", "burst"),
        ("dwell_ms", "long"),
        ("dwell_ms", -5),
        ("dwell_ms", float("nan")),
        ("dwell_ms", float("inf")),
        ("dwell_ms", 10**30),
        ("dwell_ms", []),
        ("suggestion_shown", "yes"),
        ("suggestion_shown", [1]),
        ("head_version", {"a": 1}),
    ],
)
def test_what_is_only_told_beside_never_costs_somebody_their_label(save, foxes, ranked, field, value):
    answer = save(json.dumps({"events": [event(foxes, ranked[0], **{field: value})]}))
    assert answer.status_code == 200
    stored = Label.objects.get()
    assert stored.mode == "single" and not stored.suggestion_shown and stored.head_version is None
    assert stored.dwell_ms is None or 0 <= stored.dwell_ms <= 24 * 3600 * 1000


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"events": {}}', '{"events": []}', '{"events": 5}', "[" * 100_000])
def test_a_body_without_judgements_is_answered_with_422(save, body):
    answer = save(body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_too_many_judgements_at_once_are_refused_whole(save, foxes, ranked):
    answer = save({"events": [event(foxes, ranked[0])] * 201})
    assert answer.status_code == 422
    assert "`events`" in answer.json()["detail"]
    assert not Label.objects.exists()


def test_what_a_page_of_somebody_else_sends_is_not_taken_for_theirs(save, foxes, ranked):
    body = {"user": foxes.ana.username, "events": [event(foxes, ranked[0])]}
    assert save(body, user=foxes.bo).status_code == 403
    assert not Label.objects.exists()
    assert save(body).status_code == 200
