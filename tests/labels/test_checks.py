"""Answers to samples whose answer is known: they measure people and are no labels."""

import uuid

import pytest
from django.urls import reverse

from labeller.labels import checks
from labeller.labels.models import Answer, Check, Label
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(foxes):
    """A sample that an import called a fox."""
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, None, foxes.class_id("fox"), mode="import")
    return sample


def say(foxes, sample, name="fox", user=None, **fields):
    classes = () if fields.get("verdict") else (foxes.class_id(name),)
    given = factories.judgement(foxes.question, sample, user or foxes.ana, *classes, mode="grid", **fields)
    return checks.record(given, checks.known_answer(foxes.question, sample.pk))


def test_a_check_is_no_label(foxes, known):
    recorded = say(foxes, known, "fox")
    assert (recorded.status, recorded.is_new, recorded.label.is_hit) == (200, True, True)
    assert Label.objects.count() == 1
    assert say(foxes, known, "badger", foxes.bo).label.is_hit is False


def test_what_is_no_answer_is_neither_hit_nor_miss(foxes, known):
    for verdict, user in (("skip", foxes.ana), ("unsure", foxes.bo)):
        assert say(foxes, known, user=user, verdict=verdict).label.is_hit is None
    assert checks.hit_rates(foxes.project, [foxes.ana.pk, foxes.bo.pk]) == {}


def test_the_same_uuid_again_changes_nothing(foxes, known):
    given = factories.judgement(foxes.question, known, foxes.ana, foxes.class_id("fox"))
    first, again = (checks.record(given, frozenset({foxes.class_id("fox")})) for _ in range(2))
    assert (first.label, again.status, again.is_new) == (again.label, 200, False)
    assert Check.objects.count() == 1


def test_a_uuid_of_somebody_else_is_refused(foxes, known):
    mine = uuid.uuid4()
    say(foxes, known, uuid=mine)
    assert say(foxes, known, user=foxes.bo, uuid=mine).status == 409


def test_undo_and_another_answer_supersede(foxes, known):
    first = say(foxes, known, "badger").label
    back = say(foxes, known, verdict="withdraw", supersedes=first.uuid)
    assert back.status == 200
    again = say(foxes, known, "fox", supersedes=back.label.uuid)
    assert again.status == 200
    assert [check.is_current for check in Check.objects.order_by("pk")] == [False, False, True]
    assert checks.hit_rates(foxes.project, [foxes.ana.pk]) == {foxes.ana.pk: checks.HitRate(1, 1)}


def test_two_tabs_that_disagree_are_told(foxes, known):
    first = say(foxes, known, "fox").label
    late = say(foxes, known, "badger")
    assert (late.status, late.current) == (409, first)
    assert Check.objects.count() == 1


@pytest.mark.parametrize("classes", [[], ["fox", "badger"], ["fox", "fox"], [0]])
def test_wrong_classes_are_refused_as_a_label_s_are(foxes, known, classes):
    ids = [each if isinstance(each, int) else foxes.class_id(each) for each in classes]
    given = factories.judgement(foxes.question, known, foxes.ana, *ids)
    assert checks.record(given, frozenset()).status == 422


def test_a_review_is_known_better_than_an_import(foxes, known):
    factories.label(foxes.question, known, foxes.bo, foxes.class_id("empty"))
    assert checks.known_answer(foxes.question, known.pk) == {foxes.class_id("fox")}
    factories.label(foxes.question, known, foxes.mia, foxes.class_id("badger"), mode="review")
    assert checks.known_answer(foxes.question, known.pk) == {foxes.class_id("badger")}


def test_labels_of_annotators_are_not_known_answers(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.bo, foxes.class_id("fox"))
    assert not Answer.objects.of(foxes.question).known().exists()
    assert checks.known_answer(foxes.question, sample.pk) == frozenset()


def test_nobody_is_checked_on_what_they_labelled_or_were_checked_on(foxes, known):
    assert checks.unknown_to(foxes.question, foxes.ana).count() == 1
    say(foxes, known)
    assert checks.unknown_to(foxes.question, foxes.ana).count() == 0
    factories.label(foxes.question, known, foxes.bo, foxes.class_id("badger"))
    assert checks.unknown_to(foxes.question, foxes.bo).count() == 0
    assert checks.unknown_to(foxes.question, foxes.vic).count() == 1


def test_hit_rates_are_each_person_s_own(foxes):
    samples = factories.samples(foxes.project, 4)
    factories.labelled(foxes.question, samples, None, "fox", mode="import")
    for sample, name in zip(samples, ("fox", "fox", "badger", "fox"), strict=True):
        say(foxes, sample, name)
    say(foxes, samples[0], "badger", foxes.bo)
    found = checks.hit_rates(foxes.project, [foxes.ana.pk, foxes.bo.pk, foxes.vic.pk])
    assert found == {foxes.ana.pk: checks.HitRate(3, 4), foxes.bo.pk: checks.HitRate(0, 1)}
    assert found[foxes.ana.pk].percent == 75


# --- the people page ------------------------------------------------------------------------------


def test_the_hit_rate_is_shown_to_managers_on_the_people_page_only(client, foxes, known):
    client.force_login(foxes.mia)
    assert "hit-rate" not in client.get("/projects/foxes/people/").content.decode()
    say(foxes, known, "fox")
    page = client.get("/projects/foxes/people/").content.decode()
    assert "1 of 1 right (100 %)" in page and page.count("hit-rate") == 5
    for user in (foxes.ana, foxes.vic):
        client.force_login(user)
        assert client.get("/projects/foxes/people/").status_code == 403
    client.force_login(foxes.ana)
    label_page = client.get(reverse("annotating:label", args=["foxes", foxes.question.key])).content.decode()
    assert "hit" not in label_page.split('id="boot"')[1]
