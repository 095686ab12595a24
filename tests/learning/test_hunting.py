"""Hunts by a worker: which samples come, in which order, and what is said of how many remain."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeller.annotating.models import Assignment
from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import choosing, hunting, rounds
from labeller.learning.models import Head, Round, TileGroup
from labeller.messages import sentence
from tests import factories

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """90 embedded samples in three groups, as (samples, group of each)."""
    vectors, groups = factories.clusters(90, 3)
    made = factories.samples(foxes.project, 90)
    factories.embed(foxes.project, made, vectors)
    return made, groups


def answer(foxes, pool, *positions):
    """Label each of these with its group's class."""
    made, groups = pool
    factories.labelled_each(
        foxes.question, [(made[position], NAMES[groups[position]]) for position in positions], foxes.ana
    )


def hunt(foxes, user=None, like=(), class_id=None, without=()):
    payload = {
        "question": foxes.question.pk,
        "user": (user or foxes.ana).pk,
        "like": [sample.pk for sample in like],
        "class": class_id,
        "without": [sample.pk for sample in without],
    }
    job = jobs.enqueue("hunt", key=f"test:{payload}", project=foxes.project, payload=payload)
    factories.work("hunt")
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return TileGroup.objects.filter(kind="hunt", hunter=user or foxes.ana).order_by("-pk").first()


def groups_of(group, pool):
    made, groups = pool
    of_sample = {sample.pk: each for sample, each in zip(made, groups, strict=True)}
    return [of_sample[sample_id] for sample_id, _ in group.tiles]


# --- what comes -----------------------------------------------------------------------------------


def test_an_example_brings_what_looks_like_it_itself_first(foxes, pool):
    made, _ = pool
    found = hunt(foxes, like=[made[1]])
    assert (found.kind, found.hunter, found.label_class, found.like) == ("hunt", foxes.ana, None, [made[1].pk])
    assert groups_of(found, pool)[:30] == [1] * 30 and found.n == len(found.tiles) == 90
    assert found.tiles[0] == [made[1].pk, 1.0]
    cosines = [cosine for _, cosine in found.tiles]
    assert cosines == sorted(cosines, reverse=True) and cosines[-1] >= -1


def test_a_class_the_head_knows_comes_the_likeliest_first(foxes, pool):
    answer(foxes, pool, *range(30))
    badger = foxes.class_id("badger")
    found = hunt(foxes, class_id=badger)
    assert found.label_class_id == badger and found.estimate["by"] == "head"
    assert groups_of(found, pool)[:20] == [1] * 20 and found.n == 60
    shares = [p for _, p in found.tiles]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.5 > shares[-1] >= 0


def test_a_class_the_head_does_not_know_is_hunted_by_its_labelled_samples(foxes, pool):
    answer(foxes, pool, 1, 4)  # one class alone: there is no head
    found = hunt(foxes, class_id=foxes.class_id("badger"))
    assert groups_of(found, pool)[:28] == [1] * 28 and found.estimate["by"] == "likeness"


def test_where_there_is_an_example_it_decides_and_the_class_is_counted_all_the_same(foxes, pool):
    made, _ = pool
    answer(foxes, pool, *range(30))
    found = hunt(foxes, like=[made[60]], class_id=foxes.class_id("badger"))
    assert groups_of(found, pool)[:20] == [0] * 20 and found.tiles[0] == [made[60].pk, 1.0]
    assert (found.estimate["by"], found.estimate["found"]) == ("likeness", 10)
    assert 17 < found.estimate["expected"] < 23


def test_no_more_tiles_come_than_a_person_looks_through(foxes, pool, monkeypatch):
    monkeypatch.setattr(hunting, "SIZE", 7)
    assert [hunt(foxes, like=[pool[0][0]]).n, len(hunt(foxes, like=[pool[0][0]]).tiles)] == [7, 7]


def test_what_is_decided_accepted_or_drawn_for_the_audit_never_comes(foxes, pool, monkeypatch):
    made, _ = pool
    answer(foxes, pool, *range(12))
    factories.label(foxes.question, made[13], foxes.bo, verdict="skip")
    factories.ranking(foxes.question, made[30:40], audits=made[30:33])
    accepted = {made[16].pk: ((foxes.class_id("badger"),), 0.99), made[17].pk: ((foxes.class_id("empty"),), 0.98)}
    monkeypatch.setattr(hunting.accepting, "accepted", lambda rule: accepted)
    away = {made[at].pk for at in (*range(12), 13, 16, 17, 30, 31, 32)}
    for aim in ({"class_id": foxes.class_id("badger")}, {"like": [made[1]]}, {"like": [made[31]]}):
        shown = {sample_id for sample_id, _ in hunt(foxes, **aim).tiles}
        assert shown == {sample.pk for sample in made} - away
    assert hunt(foxes, class_id=foxes.class_id("badger")).estimate["accepted"] == 1


def test_what_was_passed_over_gives_way_to_the_next(foxes, pool):
    made, _ = pool
    answer(foxes, pool, *range(12))
    seen = made[13:60:3]
    before = hunt(foxes, class_id=foxes.class_id("badger"))
    found = hunt(foxes, class_id=foxes.class_id("badger"), without=seen)
    assert not {sample.pk for sample in seen} & {sample_id for sample_id, _ in found.tiles}
    assert before.estimate["expected"] - found.estimate["expected"] > 0.8 * len(seen), "looked at, and it was not it"


def test_a_hunt_writes_no_round_and_no_head(foxes, pool):
    answer(foxes, pool, *range(12))
    hunt(foxes, class_id=foxes.class_id("fox"))
    assert (Round.objects.count(), Head.objects.count()) == (0, 0)


def test_several_classes_a_sample(db):
    foxes = factories.cast(multi_label=True)
    vectors, groups = factories.clusters(60, 2)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, *("fox", "badger")[: group + 1]) for sample, group in zip(made[:30], groups[:30], strict=True)],
        foxes.ana,
    )
    found = hunt(foxes, class_id=foxes.class_id("badger"))
    assert groups_of(found, (made, groups))[:15] == [1] * 15
    assert found.estimate["found"] == 15 and 10 < found.estimate["expected"] < 20


# --- how many remain ------------------------------------------------------------------------------


def test_of_an_example_alone_nothing_is_said(foxes, pool):
    estimate = hunt(foxes, like=[pool[0][0]]).estimate
    assert estimate["reason"]["code"] == WorkerCode.NO_CLASS
    assert (estimate["found"], estimate["expected"], estimate["at_most"]) == (None, None, None)


def test_of_a_class_the_head_does_not_know_only_what_was_found_is_said(foxes, pool):
    answer(foxes, pool, 0, 3)
    estimate = hunt(foxes, class_id=foxes.class_id("fox")).estimate
    assert (estimate["found"], estimate["expected"], estimate["at_most"]) == (2, None, None)
    assert estimate["reason"]["code"] == WorkerCode.CLASS_UNKNOWN


def test_without_audit_samples_the_heads_number_has_no_bound(foxes, pool):
    answer(foxes, pool, *range(30))
    estimate = hunt(foxes, class_id=foxes.class_id("fox")).estimate
    assert estimate["found"] == 10 and 17 < estimate["expected"] < 23
    assert (estimate["at_most"], estimate["reason"]["code"]) == (None, WorkerCode.NO_AUDIT)


def drawn(foxes, made, samples, name_of):
    """A round of the whole pool whose audit samples people have labelled."""
    round_ = factories.ranking(foxes.question, samples, audits=samples)
    Round.objects.filter(pk=round_.pk).update(n_pool=len(made) - round_.n_labels, last_label=0)
    for entry in round_.entries.all():
        expires = timezone.now()
        Assignment.objects.create(
            question=foxes.question, sample=entry.sample, slot=0, annotator=foxes.ana, entry=entry, is_done=True,
            expires_at=expires,
        )  # fmt: skip
    said = [(each, name_of(each)) for each in samples]
    factories.labelled_each(foxes.question, said, foxes.ana, strategy="audit")


def test_audit_samples_bound_what_remains_and_the_heads_word_never_exceeds_it(foxes, pool):
    made, groups = pool
    group_of = {sample.pk: group for sample, group in zip(made, groups, strict=True)}
    drawn(foxes, made, made[:60], lambda sample: NAMES[group_of[sample.pk]])
    estimate = hunt(foxes, class_id=foxes.class_id("fox")).estimate
    assert estimate["found"] == 20 and estimate["reason"] == ""
    assert 10 <= estimate["at_most"] <= 30 and 0 < estimate["expected"] <= estimate["at_most"]


def test_once_all_were_looked_at_none_remains(foxes, pool):
    made, groups = pool
    group_of = {sample.pk: group for sample, group in zip(made, groups, strict=True)}
    drawn(foxes, made, made, lambda sample: NAMES[group_of[sample.pk]])
    found = hunt(foxes, class_id=foxes.class_id("fox"))
    assert (found.n, found.tiles) == (0, [])
    assert (found.estimate["found"], found.estimate["expected"], found.estimate["at_most"]) == (30, 0, 0)


# --- nothing to go by -----------------------------------------------------------------------------


@pytest.mark.parametrize("embedded", [True, False])
def test_what_there_is_nothing_to_hunt_by_is_said_in_a_code(foxes, embedded, request):
    if embedded:
        request.getfixturevalue("pool")
    (waiting,) = factories.samples(foxes.project, 1, shard=1)
    said = [hunt(foxes, class_id=foxes.class_id("fox")), hunt(foxes, like=[waiting])]
    codes = [WorkerCode.NO_EXAMPLE, WorkerCode.NOT_EMBEDDED] if embedded else [WorkerCode.NOTHING_EMBEDDED] * 2
    assert [each.estimate["reason"]["code"] for each in said] == codes
    assert [(each.estimate["by"], each.n, each.tiles) for each in said] == [("", 0, [])] * 2


def test_an_example_that_waits_for_its_embedding_does_not_stop_the_others(foxes, pool):
    (waiting,) = factories.samples(foxes.project, 1, shard=1)
    assert groups_of(hunt(foxes, like=[waiting, pool[0][2]]), pool)[:30] == [2] * 30


def test_settings_that_cannot_be_used_are_said_in_their_own_words(foxes, pool):
    answer(foxes, pool, 0, 1)
    foxes.question.head = "no.such.Head"
    foxes.question.save()
    found = hunt(foxes, class_id=foxes.class_id("fox"))
    assert "no.such.Head" in sentence(found.estimate["reason"]) and not found.tiles


def test_a_class_deleted_meanwhile_leaves_nothing(foxes, pool):
    assert hunt(foxes, class_id=999_999) is None


# --- keeping --------------------------------------------------------------------------------------


def test_a_hunt_replaces_the_older_one_of_the_same_aim_only(foxes, pool):
    answer(foxes, pool, *range(6))
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    kept = [hunt(foxes, class_id=badger), hunt(foxes, user=foxes.bo, class_id=fox), hunt(foxes, like=[pool[0][50]])]
    hunt(foxes, class_id=fox)
    newest = hunt(foxes, class_id=fox)
    assert set(TileGroup.objects.all()) == {*kept, newest}


def test_a_hunt_that_is_on_a_screen_stays(foxes, pool):
    answer(foxes, pool, *range(6))
    fox = foxes.class_id("fox")
    shown = hunt(foxes, class_id=fox)
    Assignment.objects.create(
        question=foxes.question, sample=pool[0][60], slot=0, annotator=foxes.ana, group=shown, expires_at=timezone.now()
    )
    hunt(foxes, class_id=fox)
    assert TileGroup.objects.filter(pk=shown.pk).exists()
    Assignment.objects.update(is_done=True)
    newest = hunt(foxes, class_id=fox)
    assert list(TileGroup.objects.all()) == [newest]


def test_forgotten_hunts_go(foxes, pool):
    old = hunt(foxes, like=[pool[0][3]])
    TileGroup.objects.update(created_at=timezone.now() - hunting.KEPT - timedelta(minutes=1))
    newest = hunt(foxes, like=[pool[0][4]])
    assert old not in TileGroup.objects.all() and newest in TileGroup.objects.all()


def test_a_round_still_refuses_a_class_without_labels(foxes, pool):
    """What a hunt falls back on is none of a committed round's business."""
    with pytest.raises(hunting.CannotLearn, match="needs labels of it"):
        rounds.rank(foxes.question, aim=choosing.Aim(class_id=foxes.class_id("fox")))
