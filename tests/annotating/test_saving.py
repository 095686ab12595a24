"""Events beyond a plain answer: follow-up questions, flags, groups of tiles, reviewers' words."""

import uuid

import pytest
from django.urls import reverse

from labeller.annotating import holding
from labeller.annotating.holding import Candidate, Holder
from labeller.annotating.models import Assignment
from labeller.labels.models import Flag, Label
from labeller.learning.models import TileGroup
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ranked(foxes):
    made = factories.samples(foxes.project, 6)
    factories.ranking(foxes.question, made)
    return made


@pytest.fixture
def behaviour(foxes):
    question = Question.objects.create(
        project=foxes.project, key="behaviour", text="What does it do?", follows=foxes.question, position=1
    )
    ensure_class(question, "sleeping")
    return question


@pytest.fixture
def send(client, foxes):
    def post(*events, user=foxes.ana):
        client.force_login(user)
        url = reverse("annotating:save", args=["foxes", "species"])
        answer = client.post(url, {"events": list(events)}, content_type="application/json")
        return answer.json()["results"]

    return post


def event(sample, *classes, **fields):
    return {"uuid": str(uuid.uuid4()), "sample": sample.pk, "verdict": "answer", "classes": list(classes), **fields}


def test_an_answer_and_its_follow_up_come_in_one_request(send, foxes, ranked, behaviour):
    fox, sleeping = foxes.class_id("fox"), behaviour.classes.get().pk
    results = send(event(ranked[0], fox), event(ranked[0], sleeping, question="behaviour"))
    assert [result["status"] for result in results] == [200, 200]
    assert Label.objects.get(question=behaviour).annotator == foxes.ana
    assert Label.objects.get(question=foxes.question).labelled_classes.get().label_class_id == fox


def test_a_follow_up_answer_does_not_settle_the_sample(send, foxes, ranked, behaviour):
    holding.take(Holder(foxes.ana, foxes.question, "a"), [Candidate(ranked[0].pk)])
    send(event(ranked[0], behaviour.classes.get().pk, question="behaviour"))
    assert not Assignment.objects.get(sample=ranked[0]).is_done


def test_a_question_that_is_not_the_projects_is_named(send, foxes, ranked):
    Question.objects.create(project=factories.project("elsewhere"), key="age", text="How old?")
    (result,) = send(event(ranked[0], question="age"))
    assert result["status"] == 422
    assert "`question`" in result["detail"]


def test_a_flag_is_raised_once_and_lowered(send, foxes, ranked):
    flag = {"uuid": str(uuid.uuid4()), "kind": "flag", "sample": ranked[0].pk, "note": "two animals?"}
    assert [send(flag)[0]["status"] for _ in range(2)] == [200, 200]
    assert Flag.objects.get().note == "two animals?"
    lower = {"uuid": str(uuid.uuid4()), "kind": "unflag", "sample": ranked[0].pk, "flag": flag["uuid"]}
    assert [send(lower)[0]["status"] for _ in range(2)] == [200, 200]
    assert Flag.objects.get().closed_by == foxes.ana


@pytest.mark.parametrize("note", [7, "x" * 1001, ["a"], None])
def test_a_note_that_is_none_is_refused(send, ranked, note):
    (result,) = send({"uuid": str(uuid.uuid4()), "kind": "flag", "sample": ranked[0].pk, "note": note})
    assert result["status"] == 422
    assert "`note`" in result["detail"]
    assert not Flag.objects.exists()


def test_a_kind_that_does_not_exist_is_refused(send, ranked):
    assert send({"uuid": str(uuid.uuid4()), "kind": "poke", "sample": ranked[0].pk})[0]["status"] == 422


def test_a_tile_was_chosen_by_its_group_whatever_the_page_says(send, foxes, ranked):
    fox = foxes.class_id("fox")
    group = TileGroup.objects.create(
        question=foxes.question, kind="predicted", label_class_id=fox, n=1, tiles=[[ranked[0].pk, 0.9]], head_version=3
    )
    holding.take(Holder(foxes.ana, foxes.question, "a"), [Candidate(ranked[0].pk, group_id=group.pk)])
    send(event(ranked[0], foxes.class_id("badger"), mode="grid", suggestion_shown=False, head_version=99))
    label = Label.objects.get()
    assert (label.mode, label.strategy, label.predicted_id) == ("grid", "grid", fox)
    assert (label.suggestion_shown, label.head_version, label.propensity) == (True, 3, None)


def test_a_sample_nobody_handed_out_has_no_story(send, foxes, ranked):
    entry = ranked and foxes.question.rounds.get().entries.first()
    send(event(entry.sample, foxes.class_id("fox"), entry=entry.pk, suggestion_shown=True))
    label = Label.objects.get()
    assert (label.strategy, label.propensity, label.suggestion_shown) == ("", None, False)


def test_suggestions_hidden_by_the_project_were_not_shown(client, send, foxes, ranked):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    factories.ranking(foxes.question, ranked, suggest=[fox, badger])
    foxes.question.show_suggestions = False
    foxes.question.save()
    client.force_login(foxes.ana)
    url = reverse("annotating:next", args=["foxes", "species"])
    (sample,) = client.post(url, {"count": 1}, content_type="application/json").json()["samples"]
    assert (sample["suggestions"], sample["head_version"]) == ([], None)
    send(event(ranked[0], fox, entry=sample["entry"], suggestion_shown=True))
    assert not Label.objects.get().suggestion_shown


def test_only_managers_review(send, foxes, ranked):
    fox = foxes.class_id("fox")
    assert send(event(ranked[0], fox, mode="review"))[0]["status"] == 403
    assert not Label.objects.exists()
    assert send(event(ranked[0], fox, mode="review"), user=foxes.mia)[0]["status"] == 200


def test_taking_a_batch_back_opens_its_samples_again(send, foxes, ranked):
    fox = foxes.class_id("fox")
    holding.take(Holder(foxes.ana, foxes.question, "a"), [Candidate(sample.pk) for sample in ranked])
    given = [event(sample, fox) for sample in ranked]
    send(*given)
    assert Assignment.objects.filter(is_done=True).count() == len(ranked)
    send(
        *[
            event(sample, supersedes=each["uuid"], verdict="withdraw")
            for sample, each in zip(ranked, given, strict=True)
        ]
    )
    assert not Assignment.objects.filter(is_done=True).exists()
    assert not Label.objects.filter(is_current=True).exclude(verdict="withdraw").exists()
