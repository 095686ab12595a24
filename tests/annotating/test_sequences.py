"""Sequence mode: one decision a burst, and nobody's frame is anybody else's."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from labeller.annotating import holding, places, saving
from labeller.annotating.forms import Event
from labeller.annotating.handing import bursts, single
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.annotating.wire.samples import samples_json
from labeller.labels.models import Label
from labeller.projects.models import Question
from labeller.samples.models import Deployment, File, Sample, Sequence
from tests import factories
from tests.factories import judgement

pytestmark = pytest.mark.django_db
START = datetime(2024, 6, 1, 22, 0, tzinfo=UTC)
TAB, OTHER_TAB = "tab-1", "tab-2"


@pytest.fixture
def burst(foxes):
    """Five frames of one event."""
    return make_burst(foxes, 5)


def make_burst(foxes, count):
    deployment, _ = Deployment.objects.get_or_create(project=foxes.project, name="north")
    sequence = Sequence.objects.create(deployment=deployment, started_at=START)
    made = factories.samples(foxes.project, count)
    for number, sample in enumerate(made):
        sample.file.taken_at = START + timedelta(hours=sequence.pk, seconds=number)
        sample.file.deployment, sample.file.sequence = deployment, sequence
    File.objects.bulk_update([sample.file for sample in made], ["taken_at", "deployment", "sequence"])
    return made


def fetch(foxes, user=None, count=10, tab=TAB, **fields):
    wanted = Wanted(count, tab=tab, **fields)
    return bursts.next_batch(user or foxes.ana, foxes.question, wanted).assignments


def ids(rows):
    return [getattr(each, "sample_id", each.pk) for each in rows]


def held_by(foxes, user, tab=TAB):
    found = Assignment.objects.filter(question=foxes.question, annotator=user, tab=tab, is_done=False)
    return set(found.values_list("sample_id", flat=True))


def told(foxes, samples, user=None, tab=TAB):
    """By sample the frames of its burst, as a page is told of them."""
    shown = [Assignment(question=foxes.question, sample=sample, tab=tab) for sample in samples]
    rows = samples_json(user or foxes.ana, foxes.question, shown)
    return {row["sample"]: row["burst"] for row in rows}


def frames_of(foxes, sample, user=None, tab=TAB):
    return told(foxes, [sample], user, tab)[sample.pk]


def mine(foxes, sample, user=None, tab=TAB):
    return [frame["sample"] for frame in frames_of(foxes, sample, user, tab) if frame["mine"]]


def decide(foxes, user, samples, name="fox", entries=None):
    events = []
    for sample in samples:
        given = judgement(foxes.question, sample, user, foxes.class_id(name), mode="sequence")
        events.append(Event(str(given.uuid), given, (entries or {}).get(sample.pk), sample_id=sample.pk))
    return saving.save(foxes.member(user), foxes.question, events)


# --- what a page is told --------------------------------------------------------------------------


def test_the_frames_come_in_time_order_with_what_this_person_said(foxes, burst, django_assert_num_queries):
    other = make_burst(foxes, 3)
    (alone,) = factories.samples(foxes.project, 1)
    said = factories.label(foxes.question, burst[3], foxes.ana, foxes.class_id("fox"))
    factories.label(foxes.question, burst[2], foxes.bo, foxes.class_id("badger"))
    factories.label(foxes.question, burst[1], foxes.ana, verdict="skip")
    samples = Sample.objects.select_related("file__source", "file__deployment").filter(
        pk__in=ids([burst[2], other[0], alone])
    )
    assert len(samples) == 3
    with django_assert_num_queries(3):
        found = told(foxes, samples)
    assert found[alone.pk] == []
    assert [frame["sample"] for frame in found[other[0].pk]] == ids(other)
    frames = found[burst[2].pk]
    assert [frame["sample"] for frame in frames] == ids(burst)
    assert frames[3]["previous"] == {"uuid": str(said.uuid), "verdict": "answer", "classes": [foxes.class_id("fox")]}
    assert frames[1]["previous"]["verdict"] == "skip" and frames[1]["previous"]["classes"] == []
    assert [frames[at]["previous"] for at in (0, 2, 4)] == [None] * 3
    assert (frames[0]["width"], frames[0]["height"], frames[0]["box"]) == (640, 480, None)
    assert frames[0]["taken_at"] == burst[0].file.taken_at.isoformat()
    assert not any(frame["mine"] for frame in frames)


def test_for_samples_without_a_burst_no_frames_are_looked_for(foxes, django_assert_num_queries):
    made = ids(factories.samples(foxes.project, 2))
    samples = list(Sample.objects.select_related("file__source", "file__deployment").filter(pk__in=made))
    with django_assert_num_queries(2):  # what was said of them, and the boxes of their photographs
        assert told(foxes, samples) == {each.pk: [] for each in samples}


def test_several_classes_of_a_frame_come_as_one_label(db, django_assert_num_queries):
    foxes = factories.cast(multi_label=True)
    frame, *_ = made = make_burst(foxes, 2)
    both = sorted([foxes.class_id("fox"), foxes.class_id("badger")])
    factories.label(foxes.question, frame, foxes.ana, *both)
    assert frames_of(foxes, made[1])[0]["previous"]["classes"] == both


# --- holding --------------------------------------------------------------------------------------


def test_one_burst_is_one_item_and_all_its_frames_are_held(foxes, burst):
    (alone,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [burst[3], alone, burst[0]])
    shown = fetch(foxes)
    assert ids(shown) == [burst[3].pk, alone.pk]
    assert held_by(foxes, foxes.ana) == {*ids(burst), alone.pk}
    assert mine(foxes, burst[3]) == ids(burst)
    assert frames_of(foxes, alone) == []


def test_in_single_mode_only_the_sample_is_held(foxes, burst):
    factories.ranking(foxes.question, burst[:1])
    single.next_batch(foxes.ana, foxes.question, Wanted(10, tab=TAB))
    assert held_by(foxes, foxes.ana) == {burst[0].pk}
    assert mine(foxes, burst[0]) == [burst[0].pk]


def test_the_bursts_of_many_samples_take_few_queries(foxes, django_assert_max_num_queries):
    made = [make_burst(foxes, 4) for _ in range(6)]
    factories.ranking(foxes.question, [frames[0] for frames in made])
    with django_assert_max_num_queries(7):  # two of them begin and end the transaction
        assert len(fetch(foxes)) == 6
    assert len(held_by(foxes, foxes.ana)) == 24


def test_frames_that_are_decided_or_known_are_left_out(foxes, burst):
    factories.ranking(foxes.question, burst[:1])
    factories.label(foxes.question, burst[1], None, foxes.class_id("fox"), mode="import")
    decide(foxes, foxes.bo, [burst[2]])
    decide(foxes, foxes.ana, [burst[3]])
    fetch(foxes)
    assert mine(foxes, burst[0]) == [burst[0].pk, burst[4].pk]


@pytest.mark.parametrize("redundancy", [1, 2])
def test_two_people_never_share_a_frame_beyond_the_redundancy(foxes, burst, redundancy):
    Question.objects.filter(pk=foxes.question.pk).update(redundancy=redundancy)
    foxes.question.redundancy = redundancy
    factories.ranking(foxes.question, burst)
    fetch(foxes)
    fetch(foxes, foxes.bo)
    assert held_by(foxes, foxes.ana) == set(ids(burst))
    assert held_by(foxes, foxes.bo) == (set(ids(burst)) if redundancy == 2 else set())


def test_of_a_burst_that_two_people_hold_each_has_the_frames_they_were_faster_with(foxes, burst):
    factories.ranking(foxes.question, [burst[3], burst[0]])
    single.next_batch(foxes.bo, foxes.question, Wanted(1, tab=TAB))
    assert ids(fetch(foxes)) == [burst[0].pk]
    assert fetch(foxes, foxes.bo, keep=[burst[3].pk]) == []
    assert held_by(foxes, foxes.bo) == {burst[3].pk}
    assert held_by(foxes, foxes.ana) == set(ids(burst)) - {burst[3].pk}
    assert mine(foxes, burst[0]) == [each.pk for each in burst if each != burst[3]]
    assert mine(foxes, burst[3], foxes.bo) == [burst[3].pk]


def test_a_frame_taken_at_the_very_moment_is_not_held_twice(foxes, burst, monkeypatch):
    factories.ranking(foxes.question, burst[:1])
    real = holding.take

    def slow(*args):
        Assignment.objects.create(
            question=foxes.question, sample=burst[2], slot=0, annotator=foxes.bo, expires_at=START + timedelta(9999)
        )
        return real(*args)

    monkeypatch.setattr(holding, "take", slow)
    fetch(foxes)
    assert held_by(foxes, foxes.ana) == set(ids(burst)) - {burst[2].pk}


def test_two_tabs_of_one_person_never_hold_the_same_frame(foxes, burst):
    factories.ranking(foxes.question, [burst[0], burst[3]])
    fetch(foxes, count=1)
    assert fetch(foxes, tab=OTHER_TAB) == []
    assert held_by(foxes, foxes.ana, OTHER_TAB) == set()
    assert mine(foxes, burst[3], tab=OTHER_TAB) == []


def test_what_is_kept_stays_held_and_does_not_come_again(foxes, burst):
    (alone,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [burst[0], alone])
    fetch(foxes, count=1)
    assert ids(fetch(foxes, keep=ids(burst))) == [alone.pk]
    assert held_by(foxes, foxes.ana) == {*ids(burst), alone.pk}


def test_a_frame_that_becomes_free_is_no_item_beside_its_burst(foxes, burst):
    """Bo held it while Ana was handed the burst; when he gives it back it is ranked once more."""
    factories.ranking(foxes.question, [burst[3], burst[0]])
    single.next_batch(foxes.bo, foxes.question, Wanted(1, tab=TAB))
    assert ids(fetch(foxes)) == [burst[0].pk]
    Assignment.objects.filter(annotator=foxes.bo).delete()
    kept = [each for each in ids(burst) if each != burst[3].pk]
    assert fetch(foxes, keep=kept) == []
    decide(foxes, foxes.ana, [each for each in burst if each != burst[3]])
    assert ids(fetch(foxes)) == [burst[3].pk]
    assert mine(foxes, burst[3]) == [burst[3].pk]


def test_a_sample_asked_for_by_name_comes_with_its_burst(foxes, burst):
    (alone,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [alone, burst[0]])
    decide(foxes, foxes.ana, [burst[2]])
    assert ids(fetch(foxes, sample=burst[2].pk)) == [burst[2].pk, alone.pk]
    assert held_by(foxes, foxes.ana) == {*ids(burst), alone.pk}


def test_a_burst_decided_at_once_is_labelled_once_each(foxes, burst):
    made = factories.ranking(foxes.question, burst[:1], suggest=[foxes.class_id("fox")])
    entry = made.entries.get()
    fetch(foxes)
    assert {each.status for each in decide(foxes, foxes.ana, burst, entries={burst[0].pk: entry.pk})} == {200}
    rows = Label.objects.filter(question=foxes.question, is_current=True)
    assert sorted(rows.values_list("sample", flat=True)) == ids(burst)
    assert set(rows.exclude(sample=burst[0]).values_list("strategy", "propensity", "mode")) == {("", None, "sequence")}
    assert rows.get(sample=burst[0]).strategy == "margin"
    assert held_by(foxes, foxes.ana) == set()
    assert fetch(foxes) == [] and fetch(foxes, foxes.bo) == []


# --- audit samples --------------------------------------------------------------------------------


def page(client, foxes, **body):
    client.force_login(foxes.ana)
    url = f"/projects/{foxes.project.slug}/label/species/next/"
    reply = client.post(url, {"count": 10, "tab": TAB, "mode": "sequence", **body}, content_type="application/json")
    assert reply.status_code == 200
    return reply.json()["samples"]


def entries_in(item, user):
    return {frame["sample"]: places.read(frame["entry"], user) for frame in item["burst"] if frame["entry"]}


@pytest.mark.parametrize("count", [1, 10])
def test_a_burst_with_an_audit_sample_is_decided_blind_and_the_audit_counts(client, foxes, burst, count):
    """Even where the audit sample's own turn has not come yet."""
    fox = foxes.class_id("fox")
    made = factories.ranking(foxes.question, [burst[0], burst[3]], audits=[burst[3]], suggest=[fox])
    (item,) = page(client, foxes, count=count)
    audit = made.entries.get(sample=burst[3])
    assert (item["sample"], item["blind"], item["suggestions"]) == (burst[3].pk, True, [])
    assert places.read(item["entry"], foxes.ana) == audit.pk
    assert [frame["mine"] for frame in item["burst"]] == [True] * 5
    assert all("suggestions" not in frame for frame in item["burst"])
    decide(foxes, foxes.ana, burst, entries=entries_in(item, foxes.ana))
    label = Label.objects.get(sample=burst[3])
    assert (label.strategy, label.propensity, label.predicted_id) == ("audit", 0.25, fox)
    assert not label.suggestion_shown and label.head_version is None


def test_each_audit_sample_of_a_burst_counts(client, foxes, burst):
    made = factories.ranking(foxes.question, burst, audits=burst[1:3], suggest=[foxes.class_id("fox")])
    (item,) = page(client, foxes)
    assert item["sample"] == burst[1].pk and item["blind"]
    decide(foxes, foxes.ana, burst, entries=entries_in(item, foxes.ana))
    given = dict(Label.objects.values_list("sample", "strategy"))
    assert [given[sample.pk] for sample in burst] == ["margin", "audit", "audit", "margin", "margin"]
    assert made.entries.count() == 5


def test_somebody_elses_audit_sample_makes_nobody_blind(client, foxes, burst):
    factories.ranking(foxes.question, [burst[3], burst[0]], audits=[burst[3]], suggest=[foxes.class_id("fox")])
    single.next_batch(foxes.bo, foxes.question, Wanted(1, tab=TAB))
    (item,) = page(client, foxes)
    assert item["sample"] == burst[0].pk and not item["blind"] and item["suggestions"]
    assert [frame["mine"] for frame in item["burst"]] == [True, True, True, False, True]


def test_a_burst_tells_nobody_outside_the_project_anything(client, foxes, burst):
    factories.ranking(foxes.question, burst)
    url = f"/projects/{foxes.project.slug}/label/species/next/"
    for user, status in ((foxes.sam, 404), (foxes.vic, 403)):
        client.force_login(user)
        body = {"count": 1, "tab": str(uuid.uuid4()), "mode": "sequence"}
        assert client.post(url, body, content_type="application/json").status_code == status
    assert not Assignment.objects.exists()
