"""Tabs, leases that ran out, and what is given back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from labeller.annotating import saving
from labeller.annotating.handing import single
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ranked(foxes):
    made = factories.samples(foxes.project, 6)
    factories.ranking(foxes.question, made)
    return made


def ids(batch):
    return [assignment.sample_id for assignment in batch.assignments]


def run_out(user):
    Assignment.objects.filter(annotator=user).update(expires_at=timezone.now() - timedelta(minutes=1))


def test_two_tabs_of_one_person_never_show_the_same_sample(foxes, ranked):
    first = single.next_batch(foxes.ana, foxes.question, Wanted(3, tab="first"))
    second = single.next_batch(foxes.ana, foxes.question, Wanted(6, tab="second"))
    assert ids(first) == [sample.pk for sample in ranked[:3]]
    assert ids(second) == [sample.pk for sample in ranked[3:]]


def test_a_tab_gives_back_its_own_samples_only(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(2, tab="first"))
    single.next_batch(foxes.ana, foxes.question, Wanted(2, tab="second"))
    single.next_batch(foxes.ana, foxes.question, Wanted(0, tab="second"))
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(6))) == [sample.pk for sample in ranked[2:]]


def test_what_ran_out_while_a_laptop_slept_is_taken_again(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(2, tab="a"))
    run_out(foxes.ana)
    keep = [ranked[0].pk, ranked[1].pk]
    assert single.next_batch(foxes.ana, foxes.question, Wanted(0, keep, tab="a")).kept == set(keep)
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[2].pk]


def test_what_ran_out_and_somebody_else_took_is_theirs(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(2, tab="a"))
    run_out(foxes.ana)
    single.next_batch(foxes.bo, foxes.question, Wanted(1))
    keep = [ranked[0].pk, ranked[1].pk]
    assert single.next_batch(foxes.ana, foxes.question, Wanted(0, keep, tab="a")).kept == {ranked[1].pk}


def test_what_cannot_be_kept_because_it_is_elsewhere_is_not_taken(foxes, ranked):
    other = factories.project("elsewhere")
    strange = factories.samples(other, 1)[0]
    batch = single.next_batch(foxes.ana, foxes.question, Wanted(0, [strange.pk], tab="a"))
    assert batch.kept == set()
    assert not Assignment.objects.exists()


def test_a_page_that_goes_gives_back_what_it_names(client, foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(3, tab="a"))
    client.force_login(foxes.ana)
    url = reverse("annotating:release", args=["foxes", "species"])
    body = {"tab": "a", "samples": [ranked[0].pk, ranked[1].pk]}
    assert client.post(url, body, content_type="application/json").status_code == 204
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(2))) == [ranked[0].pk, ranked[1].pk]


def test_nobody_gives_back_what_others_hold(client, foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(3, tab="a"))
    client.force_login(foxes.bo)
    url = reverse("annotating:release", args=["foxes", "species"])
    client.post(url, {"tab": "a"}, content_type="application/json")
    assert Assignment.objects.filter(annotator=foxes.ana).count() == 3


def test_a_late_save_takes_the_free_slot_so_that_nobody_else_is_handed_the_sample(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    Assignment.objects.all().delete()
    saving.save_judgement(
        foxes.member("ana"),
        foxes.question,
        factories.judgement(foxes.question, ranked[0], foxes.ana, foxes.class_id("fox")),
    )
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[1].pk]


def test_only_audit_samples_when_asked_for_those(foxes):
    made = factories.samples(foxes.project, 4)
    factories.ranking(foxes.question, made, audits=[made[2]])
    wanted = Wanted(4, only_audit=True)
    assert ids(single.next_batch(foxes.ana, foxes.question, wanted)) == [made[2].pk]
    assert single.next_batch(foxes.bo, foxes.question, wanted).state == "finished"


def test_a_sample_asked_for_comes_first_even_when_labelled(foxes, ranked):
    factories.label(foxes.question, ranked[4], foxes.ana, foxes.class_id("fox"))
    batch = single.next_batch(foxes.ana, foxes.question, Wanted(2, sample=ranked[4].pk))
    assert ids(batch)[0] == ranked[4].pk
    assert len(batch.assignments) == 3


def test_a_sample_of_another_project_cannot_be_asked_for(foxes, ranked):
    strange = factories.samples(factories.project("elsewhere"), 1)[0]
    batch = single.next_batch(foxes.ana, foxes.question, Wanted(1, sample=strange.pk))
    assert ids(batch) == [ranked[0].pk]
