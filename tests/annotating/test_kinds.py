"""What an assignment is for: what the database allows of each kind, and that an upgrade tells them."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from labeller.annotating import holding
from labeller.annotating.handing import single
from labeller.annotating.holding import Candidate, Holder, Wanted
from labeller.annotating.models import Assignment
from tests import factories


def hold(foxes, sample, annotator, kind="label", slot=None, **fields):
    return Assignment.objects.create(
        question=foxes.question, sample=sample, annotator=annotator, kind=kind, slot=slot, expires_at=timezone.now(),
        **fields,
    )  # fmt: skip


def refused(foxes, sample, annotator, kind, slot=None):
    with pytest.raises(IntegrityError), transaction.atomic():
        hold(foxes, sample, annotator, kind, slot)
    return True


@pytest.mark.django_db
def test_places_to_label_and_to_review_are_each_one_persons(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    hold(foxes, sample, foxes.ana, "label", 0)
    hold(foxes, sample, foxes.mia, "review", 0)
    assert refused(foxes, sample, foxes.bo, "label", 0)
    assert refused(foxes, sample, foxes.olga, "review", 0)
    hold(foxes, sample, foxes.mia, "label", 1)  # somebody who reviews a sample may label it too
    assert refused(foxes, sample, foxes.ana, "label", 2)
    assert refused(foxes, sample, foxes.ana, "check")


@pytest.mark.django_db
def test_known_answers_and_own_labels_take_no_place(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    hold(foxes, sample, foxes.ana, "check")
    hold(foxes, sample, foxes.bo, "check")
    hold(foxes, sample, foxes.mia, "again")
    for kind, slot in (("label", None), ("review", None), ("check", 0), ("again", 0)):
        assert refused(foxes, sample, foxes.olga, kind, slot)


@pytest.mark.django_db
def test_a_tab_that_goes_gives_back_what_it_holds_of_every_kind_but_checks(foxes):
    made = factories.samples(foxes.project, 6)
    for sample, kind, slot in zip(made, ("label", "again", "check", "review"), (0, None, None, 0), strict=False):
        hold(foxes, sample, foxes.mia, kind, slot, tab="a")
    hold(foxes, made[4], foxes.mia, "label", 0, tab="b")
    hold(foxes, made[5], foxes.mia, "label", 0, tab="a", is_done=True)
    holding.release(foxes.mia, foxes.question, "a")
    assert set(Assignment.objects.values_list("sample", flat=True)) == {each.pk for each in (made[2], *made[4:])}


@pytest.mark.django_db
def test_reviewing_gives_nothing_back_that_the_same_tab_labels(foxes):
    made = factories.samples(foxes.project, 2)
    factories.ranking(foxes.question, made)
    single.next_batch(foxes.mia, foxes.question, Wanted(1, tab="a"))
    reviewer = Holder(foxes.mia, foxes.question, "a", Assignment.Kind.REVIEW)
    handed = holding.hand_out(reviewer, Wanted(1, tab="a"), iter([[Candidate(made[0].pk)]]))
    assert [each.kind for each in handed.held] == ["review"]
    assert {each.kind for each in Assignment.objects.all()} == {"label", "review"}


@pytest.mark.django_db
def test_where_others_were_faster_with_all_of_a_proposal_the_next_is_taken(foxes):
    made = factories.samples(foxes.project, 6)
    holding.take(Holder(foxes.bo, foxes.question), [Candidate(each.pk) for each in made[:3]])
    proposals = iter([[Candidate(each.pk) for each in some] for some in (made[:2], made[2:4], made[4:])])
    handed = holding.hand_out(Holder(foxes.ana, foxes.question), Wanted(2), proposals)
    assert [each.sample_id for each in handed.held] == [made[3].pk]
    assert next(proposals), "some of it was had: nothing more was asked for"


@pytest.mark.django_db(transaction=True)
def test_what_slots_told_in_earlier_versions_kinds_tell(foxes):
    before, after = [("annotating", "0004_held_assignments")], [("annotating", "0007_kinds_alone")]
    made = [sample.pk for sample in factories.samples(foxes.project, 4)]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    try:
        models = executor.loader.project_state([*executor.loader.graph.leaf_nodes("samples"), *before]).apps
        make = models.get_model("annotating", "Assignment").objects.create
        common = {"question_id": foxes.question.pk, "expires_at": timezone.now(), "tab": "a"}
        for at, (slot, is_check, is_done) in enumerate([(0, 0, 0), (1, 0, 1), (1000, 0, 0), (2000, 1, 1)]):
            make(sample_id=made[at], annotator_id=foxes.ana.pk, slot=slot, is_check=is_check, is_done=is_done, **common)
        make(sample_id=made[3], annotator_id=foxes.bo.pk, slot=2001, is_check=True, **common)
        review = models.get_model("annotating", "ReviewAssignment").objects.create
        review(sample_id=made[0], reviewer_id=foxes.ana.pk, **common)
    finally:
        MigrationExecutor(connection).migrate(after)
    told = Assignment.objects.order_by("pk").values_list("sample", "annotator", "kind", "slot", "is_done", "tab")
    ana, bo = foxes.ana.pk, foxes.bo.pk
    assert list(told) == [
        (made[0], ana, "label", 0, False, "a"),
        (made[1], ana, "label", 1, True, "a"),
        (made[2], ana, "again", None, False, "a"),
        (made[3], ana, "check", None, True, "a"),
        (made[3], bo, "check", None, False, "a"),
        (made[0], ana, "review", 0, False, "a"),
    ]
