"""Accuracy claims: which audit samples count, from where on, and how surely."""

from importlib import import_module

import numpy as np
import pytest
from django.apps import apps

from labeller.labels import selectors
from labeller.labels.models import Label
from labeller.labels.selectors import Audited, Trail
from labeller.projects.models import Question
from tests import factories
from tl_core.evaluation import confidence_sequence

pytestmark = pytest.mark.django_db


@pytest.fixture
def audited(foxes):
    """Give an audit label to a new sample: what was predicted, and what ana says."""

    def give(predicted="fox", given="fox", **fields):
        (sample,) = factories.samples(foxes.project, 1)
        fields = {"strategy": "audit", "predicted_id": predicted and foxes.class_id(predicted), **fields}
        return factories.label(foxes.question, sample, foxes.ana, foxes.class_id(given), **fields)

    return give


def others(foxes, count, **fields):
    factories.labelled(foxes.question, factories.samples(foxes.project, count), foxes.ana, "fox", **fields)


def test_without_audit_labels_nothing_is_claimed(foxes):
    others(foxes, 3)
    audit = selectors.audit(foxes.question)
    assert (audit.n, audit.accuracy, audit.interval) == (0, None, (0.0, 1.0))


def test_what_people_say_is_compared_with_what_was_predicted_before(foxes, audited):
    for given in ("fox", "fox", "badger"):
        audited(given=given)
    audited(predicted=None)  # there was no head yet: it tells of classes, not of accuracy
    trail = selectors.trail(foxes.question)
    assert (trail.audit().n, trail.audit().correct, len(trail.audited)) == (3, 2, 4)


def test_an_answer_that_backs_off_to_a_parent_of_the_prediction_counts_as_wrong(foxes, audited):
    foxes.question.classes.filter(name="fox").update(parent=foxes.class_id("badger"))
    audited(predicted="fox", given="badger")
    audit = selectors.audit(foxes.question)
    assert (audit.n, audit.correct) == (1, 0)


def test_of_several_classes_exactly_those_predicted_must_be_given(db):
    cast = factories.cast(multi_label=True)
    fox, badger = cast.class_id("fox"), cast.class_id("badger")
    for named, given in (
        ([fox, badger], [badger, fox]),
        ([fox], [fox, badger]),
        ([fox, badger], [fox]),
        ([fox], [fox]),
    ):
        (sample,) = factories.samples(cast.project, 1)
        fields = {"strategy": "audit", "predicted_id": fox, "predicted_classes": named}
        factories.label(cast.question, sample, cast.ana, *given, **fields)
    trail = selectors.trail(cast.question)
    assert [each.is_correct for each in trail.audited] == [True, False, False, True]
    assert [each.classes for each in trail.audited] == [{fox, badger}, {fox}, {fox, badger}, {fox}]
    assert (trail.audit().n, trail.audit().correct) == (4, 2)


def test_an_upgrade_writes_what_was_predicted_of_audit_samples_with_several_classes(db):
    cast = factories.cast(multi_label=True)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    ranked, unlikely, _ = made = factories.samples(cast.project, 3)
    made_round = factories.ranking(cast.question, made[:2], audits=made, suggest=[fox, badger, empty])
    made_round.entries.filter(sample=ranked).update(suggestions=[[fox, 0.9], [badger, 0.5], [empty, 0.1]])
    made_round.entries.filter(sample=unlikely).update(suggestions=[[fox, 0.4], [badger, 0.3]])
    factories.labelled(cast.question, made, cast.ana, fox, badger, strategy="audit", predicted_id=fox)
    import_module("labeller.learning.migrations.0014_fill_predicted_classes").fill(apps, None)
    written = Label.objects.order_by("pk").values_list("predicted_classes", flat=True)
    assert list(written) == [[fox, badger], [fox], [fox]]


def test_an_upgrade_knows_what_was_foreseen_of_a_question_that_follows(foxes):
    follower = Question.objects.create(
        project=foxes.project, key="d", text="?", follows=foxes.question, multi_label=True
    )
    one, two = (follower.classes.create(name=name).pk for name in ("one", "two"))
    (sample,) = factories.samples(foxes.project, 1)
    made_round = factories.ranking(foxes.question, [sample], audits=[sample])
    told = {str(follower.pk): {"head": 1, "suggestions": [[one, 0.8], [two, 0.7]], "doubt": 0.1}}
    made_round.entries.update(foreseen=told)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"), strategy="audit")
    factories.label(follower, sample, foxes.ana, one, strategy="audit", predicted_id=one)
    import_module("labeller.learning.migrations.0014_fill_predicted_classes").fill(apps, None)
    assert follower.labels.get().predicted_classes == [one, two]
    assert foxes.question.labels.get().predicted_classes is None


def test_a_corrected_audit_label_is_the_same_draw_judged_by_the_correction(foxes, audited):
    first = audited(given="badger")
    fields = {"strategy": "audit", "predicted_id": foxes.class_id("badger"), "supersedes": first.uuid}
    factories.label(foxes.question, first.sample, foxes.ana, foxes.class_id("fox"), **fields)
    (found,) = selectors.trail(foxes.question).audited
    assert (found.label_id, found.predicted, found.is_correct) == (first.pk, foxes.class_id("fox"), True)


def test_a_second_persons_label_is_no_second_draw(foxes, audited):
    first = audited()
    again = {"strategy": "audit", "predicted_id": foxes.class_id("fox")}
    factories.label(foxes.question, first.sample, foxes.bo, foxes.class_id("fox"), **again)
    assert selectors.audit(foxes.question).n == 1


def test_what_is_taken_back_or_skipped_does_not_count(foxes, audited):
    back = audited()
    factories.label(foxes.question, back.sample, foxes.ana, verdict="withdraw", supersedes=back.uuid)
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, verdict="skip", strategy="audit")
    assert selectors.audit(foxes.question).n == 0


def test_a_claim_counts_from_a_start_fixed_beforehand(foxes, audited, monkeypatch):
    monkeypatch.setattr(selectors, "STARTS", (4, 8, 16))
    seen = []
    for number in range(20):
        audited(given="badger" if number < 4 else "fox")
        seen.append(selectors.audit(foxes.question).n)
    # From the 8th label on those after the 4th count, from the 16th on those after the 8th.
    assert seen == [1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11, 8, 9, 10, 11, 12]
    assert selectors.audit(foxes.question).accuracy == 1.0


def test_taking_labels_back_or_replacing_them_never_moves_a_start(foxes, audited, monkeypatch):
    monkeypatch.setattr(selectors, "STARTS", (2, 4))
    labels = [audited() for _ in range(4)]
    before = selectors.trail(foxes.question).starts
    factories.label(foxes.question, labels[0].sample, foxes.ana, verdict="withdraw", supersedes=labels[0].uuid)
    assert selectors.trail(foxes.question).starts == before == [labels[1].pk, labels[3].pk]


def test_imported_labels_move_no_start(foxes, audited, monkeypatch):
    monkeypatch.setattr(selectors, "STARTS", (2, 4))
    factories.labelled(foxes.question, factories.samples(foxes.project, 9), None, "fox", mode=Label.Mode.IMPORT)
    audited()
    assert selectors.trail(foxes.question).starts == []


def test_what_was_known_at_a_label_is_what_was_said_then(foxes, audited, monkeypatch):
    monkeypatch.setattr(selectors, "STARTS", (3, 6, 12))
    said = []
    for number in range(14):
        label = audited(given="fox" if number % 3 else "badger")
        said.append((label.pk, selectors.audit(foxes.question)))
    trail = selectors.trail(foxes.question)
    assert [trail.audit(last_label) for last_label, _ in said] == [audit for _, audit in said]


def test_doubts_of_a_round_narrow_the_claim(foxes, audited):
    """As labels keep them; those of earlier versions have none, and count as before."""
    plain = [audited(given=given) for given in ["fox"] * 9 + ["badger"]]
    before = selectors.audit(foxes.question)
    assert before.interval == pytest.approx([end.item() for end in confidence_sequence(9, 10, 0.975, 32)])
    Label.objects.filter(pk__in=[each.pk for each in plain[:9]]).update(doubt=0.1, pool_doubt=0.2)
    Label.objects.filter(pk=plain[9].pk).update(doubt=0.8, pool_doubt=0.2)
    after = selectors.audit(foxes.question)
    assert (after.n, after.correct) == (10, 9)
    assert np.diff(after.interval) < 0.98 * np.diff(before.interval)


def test_all_intervals_ever_shown_hold_at_once():
    """People look after every label, over several windows: the interval of a head that stays is hardly ever wrong."""
    rng = np.random.default_rng(1)
    truth, runs, missed = 0.8, 100, 0
    for _ in range(runs):
        right = rng.random(500) < truth
        doubt = np.clip(0.3 - 0.2 * right + rng.normal(0, 0.2, 500), 0, 1)
        mean = truth * 0.1395 + (1 - truth) * 0.3059  # clipping moves it
        audited = [
            Audited(i + 1, i + 1, 1, frozenset([1 if right[i] else 2]), None, doubt[i], mean) for i in range(500)
        ]
        trail = Trail(audited, [50, 100, 200, 400])
        ends = np.array([each.interval for each in trail.audits(range(1, 501, 10))])
        missed += bool(((ends[:, 0] > truth) | (ends[:, 1] < truth)).any())
    assert missed / runs <= 0.05
