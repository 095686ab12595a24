"""Safe auto-accept: looks, the rule, and that it is gone once revoked."""

import uuid

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from labeller.embedding import loading, runs
from labeller.labels import answering
from labeller.labels.models import Label, LabelledClass
from labeller.learning import accepting
from labeller.learning.models import Acceptance, Head
from labeller.messages import sentence
from tests import factories
from tests.factories import SEVERAL

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """1,000 embedded samples in three groups, 30 of them labelled by a strategy: (samples, group of each)."""
    vectors, groups = factories.clusters(1000, 3)
    made = factories.samples(foxes.project, 1000)
    factories.embed(foxes.project, made, vectors)
    give(foxes, (made, groups), range(30))
    return made, groups


def give(foxes, pool, positions, **fields):
    """Label these as of their group, all at once: there are many."""
    made, groups = pool
    common = {"project": foxes.project, "question": foxes.question, "annotator": foxes.ana, "verdict": "answer"}
    class_ids = [foxes.class_id(name) for name in NAMES]
    with transaction.atomic(), answering.kept([made[position].pk for position in positions]):
        labels = Label.objects.bulk_create(
            Label(uuid=uuid.uuid4(), sample=made[position], **common, **fields) for position in positions
        )
        LabelledClass.objects.bulk_create(
            LabelledClass(label=label, label_class_id=class_ids[groups[position]])
            for label, position in zip(labels, positions, strict=True)
        )


def audit(foxes, pool, count, start=30):
    give(foxes, pool, range(start, start + count), strategy="audit")


def test_a_look_waits_until_there_are_enough_audit_labels(foxes, pool):
    wanted = accepting.wanted(foxes.question)
    audit(foxes, pool, wanted - 1)
    assert accepting.look(foxes.question) is None
    audit(foxes, pool, 1, 30 + wanted - 1)
    assert accepting.look(foxes.question).offered
    assert accepting.look(foxes.question) is None  # the same audit labels are not asked twice


def test_every_further_look_is_stricter_and_another_error_is_another_look(foxes, pool):
    audit(foxes, pool, 200)
    first = accepting.look(foxes.question)
    assert accepting.wanted(foxes.question) == 300
    foxes.question.accept_error = 0.04
    assert accepting.wanted(foxes.question) > 200
    foxes.question.accept_error = 0.1
    second = accepting.look(foxes.question)
    assert (first.epsilon, second.epsilon) == (0.05, 0.1)
    assert second.confidence > first.confidence
    spent = sum(1 - look.confidence for look in (first, second))
    assert spent < 0.05


def test_a_good_head_is_offered_for_the_rest_of_the_pool(foxes, pool):
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    assert look.offered and look.bound <= look.epsilon == 0.05
    assert (look.accepted, look.audited, look.wrong) == (1000 - 190, 160, 0)


def test_a_poor_head_is_refused_with_the_reason(foxes, pool):
    made, groups = pool
    wrong = np.random.default_rng(0).permutation(groups)  # what people say has nothing to do with the picture
    give(foxes, (made, wrong), range(30, 190), strategy="audit")
    look = accepting.look(foxes.question)
    assert not look.offered and look.head is None
    assert "not safe" in sentence(look.reason)
    with pytest.raises(accepting.NotOffered):
        accepting.accept(look, foxes.mia)


def test_the_head_of_a_look_never_saw_the_audit_labels(foxes, pool):
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    assert look.head.n_labels == 30


def test_accepting_counts_exactly_what_was_offered_and_revoking_leaves_nothing(foxes, pool):
    made, groups = pool
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    assert accepting.accepted_ids(foxes.question) == set()
    accepting.accept(look, foxes.mia)
    rule = Acceptance.standing(foxes.question)
    assert (rule, rule.made_by) == (look, foxes.mia)
    accepted = accepting.accepted(rule)
    assert set(accepted) == {sample.pk for sample in made[190:]} == accepting.accepted_ids(foxes.question)
    names = dict(foxes.question.classes.values_list("pk", "name"))
    said = {each: [names[class_id] for class_id in classes] for each, (classes, _) in accepted.items()}
    assert all(said[made[i].pk] == [NAMES[groups[i]]] for i in range(190, 1000))
    accepting.revoke(look)
    assert accepting.accepted_ids(foxes.question) == set()
    assert foxes.question.labels.count() == 190


def test_what_was_revoked_can_be_accepted_again_while_it_is_the_latest_look(foxes, pool):
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    accepting.accept(look, foxes.mia)
    accepting.revoke(look)
    look.refresh_from_db()
    accepting.accept(look, foxes.olga)
    assert Acceptance.standing(foxes.question).made_by == foxes.olga


def test_a_label_takes_its_sample_out_of_what_is_accepted(foxes, pool):
    made, _ = pool
    audit(foxes, pool, 160)
    accepting.accept(accepting.look(foxes.question), foxes.mia)
    give(foxes, pool, [500])
    assert made[500].pk not in accepting.accepted_ids(foxes.question)


def test_samples_imported_later_are_not_accepted(foxes, pool):
    audit(foxes, pool, 160)
    accepting.accept(accepting.look(foxes.question), foxes.mia)
    before = accepting.accepted_ids(foxes.question)
    later = factories.samples(foxes.project, 30, shard=1)
    factories.embed(foxes.project, later, factories.clusters(30, 3)[0], shard=1)
    assert accepting.accepted_ids(foxes.question) == before


def test_an_older_offer_is_not_accepted_any_more(foxes, pool):
    audit(foxes, pool, 160)
    older = accepting.look(foxes.question)
    audit(foxes, pool, 100, 190)
    newer = accepting.look(foxes.question)
    with pytest.raises(accepting.NotOffered):
        accepting.accept(older, foxes.mia)
    accepting.accept(newer, foxes.mia)
    assert Acceptance.standing(foxes.question) == newer


def test_the_newest_rule_replaces_the_one_before(foxes, pool):
    audit(foxes, pool, 160)
    older = accepting.look(foxes.question)
    accepting.accept(older, foxes.mia)
    audit(foxes, pool, 100, 190)
    newer = accepting.look(foxes.question)
    accepting.accept(newer, foxes.mia)
    older.refresh_from_db()
    assert older.revoked_at is not None
    assert Acceptance.objects.filter(made_at__isnull=False, revoked_at=None).get() == newer


def test_the_database_holds_one_rule_a_question_and_none_without_a_threshold(foxes, pool):
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    accepting.accept(look, foxes.mia)
    look.refresh_from_db()
    look.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        look.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Acceptance.objects.update(threshold=None)


def test_a_head_that_cannot_be_stored_cannot_be_accepted(foxes, pool):
    foxes.question.head = "sklearn.ensemble.RandomForestClassifier"
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    assert not look.offered and "cannot be stored" in sentence(look.reason)
    assert not Head.objects.exists()


def test_without_the_files_of_its_head_a_rule_accepts_nothing(foxes, pool):
    audit(foxes, pool, 160)
    look = accepting.look(foxes.question)
    accepting.accept(look, foxes.mia)
    Head.objects.filter(pk=look.head.pk).update(directory="question-0/lost")
    assert accepting.accepted_ids(foxes.question) == set()


def test_two_refits_never_share_a_version_with_a_look(foxes, pool):
    run = runs.current_run(foxes.project)
    Head.objects.create(question=foxes.question, run=run, version=7, class_ids=[], n_labels=1, fit_seconds=0.0)
    audit(foxes, pool, 160)
    assert accepting.look(foxes.question).head.version == 8
    assert loading.load_embeddings(run).ids.size == 1000


# --- several classes a sample ---------------------------------------------------------------------


@pytest.fixture
def several(db):
    """1,000 embedded samples that may have several classes, 40 of them labelled by a strategy."""
    cast, made, groups = factories.several(1000)
    give_all(cast, made, [SEVERAL[group] for group in groups], range(40))
    return cast, made, groups


def give_all(cast, made, answers, positions, **fields):
    common = {"project": cast.project, "question": cast.question, "annotator": cast.ana, "verdict": "answer"}
    ids = dict(cast.question.classes.values_list("name", "pk"))
    with transaction.atomic(), answering.kept([made[position].pk for position in positions]):
        labels = Label.objects.bulk_create(
            Label(uuid=uuid.uuid4(), sample=made[position], **common, **fields) for position in positions
        )
        LabelledClass.objects.bulk_create(
            LabelledClass(label=label, label_class_id=ids[name])
            for label, position in zip(labels, positions, strict=True)
            for name in answers[position]
        )


def test_with_several_classes_all_that_a_head_finds_is_accepted(several):
    cast, made, groups = several
    give_all(cast, made, [SEVERAL[group] for group in groups], range(40, 200), strategy="audit")
    look = accepting.look(cast.question)
    assert look.offered and (look.accepted, look.audited, look.wrong) == (800, 160, 0)
    accepting.accept(look, cast.mia)
    accepted = accepting.accepted(Acceptance.standing(cast.question))
    names = dict(cast.question.classes.values_list("pk", "name"))
    for position in range(200, 1000):
        classes, sure = accepted[made[position].pk]
        assert {names[each] for each in classes} == set(SEVERAL[groups[position]]) and 0.5 < sure <= 1


def test_with_several_classes_one_that_is_missing_makes_an_audit_sample_wrong(several):
    cast, made, groups = several
    rng = np.random.default_rng(0)
    less = [SEVERAL[group][: None if rng.random() < 0.5 else 1] for group in groups]  # of foxes with badgers half alone
    give_all(cast, made, less, range(40, 200), strategy="audit")
    look = accepting.look(cast.question)
    assert not look.offered and "not safe" in sentence(look.reason)
