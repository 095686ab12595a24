"""A batch saved at once: what each event is answered, and what is stored, is as if they came one by one."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from labeller.annotating import holding, saving
from labeller.annotating.forms import Event
from labeller.annotating.holding import Candidate, Holder
from labeller.annotating.models import Assignment
from labeller.annotating.wire import pages
from labeller.labels import answering, recording, tallies
from labeller.labels.models import Answer, Check, Flag, Label
from labeller.labels.recording import Judgement
from tests import factories

Mode, Verdict = Label.Mode, Label.Verdict
UUIDS = [uuid.UUID(int=number) for number in range(1, 9)]

EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "sample": st.integers(0, 3),  # the last is of another project
            "uuid": st.sampled_from(UUIDS[:6]),
            "what": st.sampled_from(
                [
                    "fox",
                    "fox",
                    "badger",
                    "nothing",
                    "strange",
                    "skip",
                    "withdraw",
                    "ignore",
                    "follower",
                    "flag",
                    "unflag",
                ]
            ),
            "supersedes": st.sampled_from([None, None, *UUIDS]),
            "mode": st.sampled_from([Mode.SINGLE, Mode.SINGLE, Mode.GRID, Mode.REVIEW]),
        }
    ),
    max_size=8,
)


class TestABatch(TestCase):
    @settings(max_examples=50)
    @given(EVENTS, EVENTS, st.sampled_from(["ana", "mia"]))
    def test_saved_at_once_is_as_saved_one_by_one(self, before, batch, who):
        foxes = factories.cast()
        person = getattr(foxes, who)
        follower = foxes.project.questions.create(key="what", text="What does it do?", follows=foxes.question)
        follower.project = foxes.question.project
        rests = follower.classes.create(name="rests")
        made = [*factories.samples(foxes.project, 3), *factories.samples(factories.project("other"), 1)]
        factories.label(foxes.question, made[0], foxes.bo, foxes.class_id("badger"), uuid=UUIDS[6])
        factories.label(foxes.question, made[1], person, foxes.class_id("badger"), uuid=UUIDS[7])
        Assignment.objects.create(
            question=foxes.question,
            sample=made[2],
            annotator=person,
            kind="check",
            expires_at="2100-01-01T00:00:00Z",
        )
        events = [self.event(foxes, person, made, rests, **each) for each in sorted(batch, key=lambda e: e["sample"])]
        for each in before:
            saving.save(foxes.member(person), foxes.question, [self.event(foxes, person, made, rests, **each)])
        start = transaction.savepoint()
        one_by_one = [self.told(saving.save(foxes.member(person), foxes.question, [each])) for each in events]
        stored = self.stored(foxes.project)
        transaction.savepoint_rollback(start)
        at_once = self.told(saving.save(foxes.member(person), foxes.question, events)) if events else []
        assert at_once == [answer for answers in one_by_one for answer in answers]
        assert self.stored(foxes.project) == stored
        assert tallies.kept_now(foxes.project) == tallies.counted(foxes.project)

    def event(self, foxes, person, made, rests, sample, uuid, what, supersedes, mode):
        place = made[sample].pk
        if what in {"flag", "unflag"}:
            return Event(str(uuid), kind=what, sample_id=place, flag=uuid)
        classes = {"fox": ["fox"], "badger": ["badger"], "follower": [], "strange": []}.get(what, [])
        given = Judgement(
            uuid=uuid,
            question=rests.question if what == "follower" else foxes.question,
            sample_id=place,
            annotator=person,
            verdict=what if what in Verdict.values else Verdict.ANSWER,
            class_ids=tuple(
                [foxes.class_id(name) for name in classes]
                + [rests.pk] * (what in {"follower", "strange"})  # a class of another question
            ),
            supersedes=supersedes,
            mode=mode,
        )
        return Event(str(uuid), given, None, sample_id=place)

    def told(self, recorded):
        return pages.results_json(["" for _ in recorded], recorded)

    def stored(self, project):
        labels = Label.objects.order_by("uuid").values_list(
            "uuid", "question__key", "sample", "annotator", "verdict", "is_current", "mode", "strategy",
            "supersedes__uuid", "labelled_classes__label_class",
        )  # fmt: skip
        checks = Check.objects.order_by("uuid").values_list("uuid", "sample", "verdict", "given", "is_current")
        flags = Flag.objects.order_by("uuid").values_list("uuid", "sample", "author", "closed_by")
        done = Assignment.objects.filter(is_done=True).order_by("sample").values_list("sample", "slot", "annotator")
        disputes = Answer.objects.disputed().order_by("sample").values_list("sample", "question")
        return [list(each) for each in (labels, checks, flags, done, disputes)], tallies.kept_now(project)


@pytest.mark.django_db
def test_what_another_request_was_quicker_with_costs_the_other_events_nothing(foxes, monkeypatch):
    made = factories.samples(foxes.project, 3)
    fox = foxes.class_id("fox")
    given = [factories.judgement(foxes.question, sample, foxes.ana, fox) for sample in made]
    write, tries = Label.objects.bulk_create, []

    def taken(labels):
        labels = list(labels)
        tries.append(len(labels))
        if any(each.sample_id == made[1].pk for each in labels):
            raise IntegrityError("somebody's row is there")
        return write(labels)

    monkeypatch.setattr(Label.objects, "bulk_create", taken)
    with transaction.atomic(), answering.kept([sample.pk for sample in made]):
        answers = recording.record_together(given)
    assert [each.status for each in answers] == [200, 409, 200]
    assert answers[1].detail
    assert set(Label.objects.values_list("sample", flat=True)) == {made[0].pk, made[2].pk}
    assert tries == [3, 1, 1, 1]


@pytest.mark.django_db
def test_saving_takes_as_many_statements_for_25_as_for_5(foxes, sent):
    member = foxes.member("ana")

    def statements(count):
        made = factories.samples(foxes.project, count)
        factories.ranking(foxes.question, made)
        holding.take(Holder(foxes.ana, foxes.question, "a"), [Candidate(each.pk) for each in made])
        given = [factories.judgement(foxes.question, each, foxes.ana, foxes.class_id("fox")) for each in made]
        events = [Event(str(each.uuid), each, None, sample_id=each.sample_id) for each in given]
        with CaptureQueriesContext(connection) as captured:
            recorded = saving.save(member, foxes.question, events)
            pages.results_json([event.uuid for event in events], recorded)
        assert [each.status for each in recorded] == [200] * count
        return len(captured)

    statements(5)  # the first asks for a refit
    found = [statements(count) for count in (5, 25)]
    assert found[0] == found[1] == 23 + (connection.vendor == "postgresql")  # whose locks take one
