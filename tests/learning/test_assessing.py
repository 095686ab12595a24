"""What fits tell of a question: cross-validation, suspicious labels, savings, recall of starred classes."""

import numpy as np
import pytest

from labeller.annotating import saving
from labeller.annotating.handing import single as annotating
from labeller.annotating.holding import Wanted
from labeller.embedding import loading, runs
from labeller.labels import selectors as labels
from labeller.learning import asking, assessing, fitting
from labeller.learning.models import Assessment, Round
from labeller.messages import sentence
from labeller.projects.models import LabelClass
from tests import factories
from tests.factories import SEVERAL

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """150 embedded samples in three groups, as (samples, group of each)."""
    vectors, groups = factories.clusters(150, 3)
    made = factories.samples(foxes.project, 150)
    factories.embed(foxes.project, made, vectors)
    return made, groups


def answer(foxes, pool, positions, **fields):
    made, groups = pool
    factories.labelled_each(
        foxes.question, [(made[position], NAMES[groups[position]]) for position in positions], foxes.ana, **fields
    )


def play(foxes, pool, rounds, each=10):
    """Label what the program asks for, through rounds of its own with audits among them."""
    group_of = {sample.pk: group for sample, group in zip(*pool, strict=True)}
    for _ in range(rounds):
        asking.request_refit(foxes.question, at_once=True)
        factories.work("refit")
        for assignment in annotating.next_batch(foxes.ana, foxes.question, Wanted(each)).assignments:
            class_id = foxes.class_id(NAMES[group_of[assignment.sample_id]])
            given = factories.judgement(foxes.question, assignment.sample, foxes.ana, class_id)
            saving.save_judgement(foxes.member("ana"), foxes.question, given, assignment.entry_id)


def test_before_there_are_two_classes_there_is_nothing_to_assess(foxes, pool):
    answer(foxes, pool, [0, 3])
    assert assessing.assess(foxes.question) is None
    assert not Assessment.objects.exists()


def test_each_class_is_scored_by_heads_that_did_not_see_the_label(foxes, pool):
    answer(foxes, pool, range(30))
    assessed = assessing.assess(foxes.question)
    assert (assessed.n_labels, Assessment.latest(foxes.question)) == (30, assessed)
    for name in NAMES:
        scores = assessed.report["classes"][str(foxes.class_id(name))]
        assert scores == {"precision": {"value": 1.0, "n": 10}, "recall": {"value": 1.0, "n": 10}}


def test_a_label_that_the_others_contradict_is_suspicious_and_nothing_else_is(foxes, pool):
    made, _ = pool
    answer(foxes, pool, range(1, 45))
    factories.label(foxes.question, made[0], foxes.ana, foxes.class_id("empty"))  # a fox
    factories.label(foxes.question, made[99], foxes.ana, foxes.class_id("fox"))
    (found,) = assessing.assess(foxes.question).report["label_errors"]
    assert (found["sample"], found["given"]) == (made[0].pk, foxes.class_id("empty"))
    assert found["suggested"] == foxes.class_id("fox") and -1 <= found["margin"] < 0


def test_the_only_label_of_a_class_is_not_suspicious(foxes, pool):
    made, _ = pool
    answer(foxes, pool, [position for position in range(45) if position % 3 != 2])
    factories.label(foxes.question, made[47], foxes.ana, foxes.class_id("empty"))
    assert assessing.assess(foxes.question).report["label_errors"] == []


def test_savings_wait_for_audit_labels_and_then_compare_with_them(foxes, pool):
    answer(foxes, pool, range(30))
    assert "0 of the 30" in sentence(assessing.assess(foxes.question).report["savings"]["reason"])
    answer(foxes, pool, range(30, 70), strategy="audit")
    savings = assessing.assess(foxes.question).report["savings"]
    assert (savings["n_audited"], savings["used"], savings["accuracy"]) == (40, 62, 1.0)
    counts, accuracy = np.array(savings["curve"]).T
    assert np.all(np.diff(counts) > 0) and counts[-1] == 62
    assert np.all(np.diff(accuracy) >= 0) and accuracy[-1] > 0.9


def test_random_labels_are_worth_no_more_than_themselves(foxes):
    rng = np.random.default_rng(0)
    group = rng.choice(3, 80, p=[0.6, 0.2, 0.2])
    vectors = rng.normal(0, 1, (3, factories.DIMENSION))[group] + rng.normal(0, 0.8, (80, factories.DIMENSION))
    made = factories.samples(foxes.project, 80)
    factories.embed(foxes.project, made, vectors)
    answer(foxes, (made, group), range(80), strategy="audit")
    savings = assessing.assess(foxes.question).report["savings"]
    assert savings["low"] <= savings["used"] and (savings["high"] is None or savings["used"] <= savings["high"])
    assert "cannot be told yet" in sentence(savings["reason"])


def test_recall_of_a_starred_class_rests_on_the_audit_draws(foxes, pool):
    LabelClass.objects.filter(name="fox").update(is_starred=True)
    foxes.question.audit_share = 0.5
    foxes.question.save()
    answer(foxes, pool, [0, 1, 2])
    play(foxes, pool, 6)
    (found,) = assessing.assess(foxes.question).report["recall"]
    answers = labels.consensus(foxes.question)
    fox = foxes.class_id("fox")
    n_found = sum(fox in classes for classes in answers.values())
    truth = n_found / 50
    assert (found["class"], found["found"], found["reason"]) == (fox, n_found, "")
    assert 0 < found["low"] <= truth <= found["high"] <= 1
    assert abs(found["unseen"] - (50 - n_found)) < 3 and found["most_unseen"] >= 50 - n_found


def test_recall_says_so_where_no_audit_tells_of_it(foxes, pool):
    LabelClass.objects.filter(name="fox").update(is_starred=True)
    answer(foxes, pool, range(9))
    (found,) = assessing.assess(foxes.question).report["recall"]
    assert found["found"] == 3 and "no audit sample" in sentence(found["reason"])


def test_rounds_from_before_an_import_tell_nothing_of_its_pool(foxes, pool):
    LabelClass.objects.filter(name="fox").update(is_starred=True)
    foxes.question.audit_share = 0.5
    foxes.question.save()
    answer(foxes, pool, [0, 1, 2])
    play(foxes, pool, 2)
    vectors, groups = factories.clusters(150, 3)
    later = factories.samples(foxes.project, 150, shard=1)
    factories.embed(foxes.project, later, vectors, shard=1)
    (before,) = assessing.assess(foxes.question).report["recall"]
    assert "whole pool" in sentence(before["reason"])
    play(foxes, ([*pool[0], *later], [*pool[1], *groups]), 2)
    (after,) = assessing.assess(foxes.question).report["recall"]
    assert after["reason"] == "" and after["low"] <= after["found"] / 100 <= after["high"]


# --- several classes a sample ---------------------------------------------------------------------


@pytest.fixture
def several(db):
    """A project whose samples may have several classes, and 160 embedded ones in four groups."""
    return factories.several(160)


def answer_all(several, positions, **fields):
    cast, made, groups = several
    factories.labelled_each(
        cast.question, [(made[position], *SEVERAL[groups[position]]) for position in positions], cast.ana, **fields
    )


def test_with_several_classes_each_is_scored_by_heads_that_did_not_see_the_label(several):
    answer_all(several, range(40))
    cast, *_ = several
    scores = assessing.assess(cast.question).report["classes"]
    for name, n in (("fox", 20), ("badger", 20), ("empty", 10)):
        assert scores[str(cast.class_id(name))] == {
            "precision": {"value": 1.0, "n": n},
            "recall": {"value": 1.0, "n": n},
        }


def test_classes_that_are_missing_from_a_label_or_too_many_are_suspicious_and_nothing_else_is(several):
    cast, made, _ = several
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    answer_all(several, [position for position in range(60) if position not in (2, 3, 4)])
    factories.label(cast.question, made[2], cast.ana, fox)  # a badger, too
    factories.label(cast.question, made[3], cast.ana, empty, badger)  # no badger
    factories.label(cast.question, made[4], cast.ana, badger)  # a fox
    errors = assessing.assess(cast.question).report["label_errors"]
    found = {each["sample"]: (each["given"], each["suggested"]) for each in errors}
    assert found == {
        made[2].pk: ([fox], sorted([fox, badger])),
        made[3].pk: (sorted([empty, badger]), [empty]),
        made[4].pk: ([badger], [fox]),
    }
    assert all(-1 <= each["margin"] < 0 for each in errors)


def test_savings_with_several_classes_count_what_is_right_in_all_of_them(several):
    cast, *_ = several
    answer_all(several, range(30))
    answer_all(several, range(30, 70), strategy="audit")
    savings = assessing.assess(cast.question).report["savings"]
    assert (savings["n_audited"], savings["used"], savings["accuracy"]) == (40, 62, 1.0)
    cast.question.classes.create(name="otter")
    otter = cast.class_id("otter")
    rng = np.random.default_rng(0)
    for label in list(cast.question.labels.filter(strategy="audit").order_by("pk")):
        classes = list(label.classes.values_list("pk", flat=True))
        if rng.random() < 0.5:  # nothing in the picture tells when
            given = {"supersedes": label.uuid, "strategy": "audit"}
            factories.label(cast.question, label.sample, cast.ana, *classes, otter, **given)
    assert assessing.assess(cast.question).report["savings"]["accuracy"] < 0.8


def test_heads_of_several_classes_agree_where_they_give_a_sample_the_same_ones(several):
    cast, made, groups = several
    answer_all(several, range(40))
    asking.request_refit(cast.question, at_once=True)
    factories.work("refit")
    answer_all(several, range(40, 48))
    assert assessing.agreement(cast.question, *fitted(cast)) == 1.0
    factories.labelled_each(
        cast.question,
        [
            (
                made[position],
                *({*SEVERAL[groups[position]], *(("badger",) if "fox" in SEVERAL[groups[position]] else ())}),
            )
            for position in range(48, 148)
        ],
        cast.ana,
    )
    assert 0.3 < assessing.agreement(cast.question, *fitted(cast)) < 0.9


# --- agreement of successive heads ----------------------------------------------------------------


def fitted(foxes):
    run = runs.current_run(foxes.project)
    embeddings = loading.load_embeddings(run)
    return fitting.fit(foxes.question, run, embeddings, labels.consensus(foxes.question)), embeddings


def test_heads_that_say_the_same_agree_fully_and_changed_ones_less(foxes, pool):
    answer(foxes, pool, range(30))
    assert assessing.agreement(foxes.question, *fitted(foxes)) is None  # no head before
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    assert assessing.agreement(foxes.question, *fitted(foxes)) is None  # that one knew as many labels
    answer(foxes, pool, range(30, 34))
    assert assessing.agreement(foxes.question, *fitted(foxes)) == 1.0
    made, _ = pool
    factories.labelled(foxes.question, made[100:140], foxes.ana, "fox")
    assert assessing.agreement(foxes.question, *fitted(foxes)) < 0.9


def test_a_head_that_is_not_stored_leaves_the_agreement_unknown(foxes, pool):
    answer(foxes, pool, range(30))
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    answer(foxes, pool, range(30, 34))
    head = Round.objects.get(is_current=True).head
    for directory in ("", "question-0/none"):
        head.directory = directory
        head.save()
        assert assessing.agreement(foxes.question, *fitted(foxes)) is None
