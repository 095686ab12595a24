"""A question that follows another: what it learns from, what is ranked for it, and what its head foresees."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from labeller.annotating import holding, saving
from labeller.annotating.forms import Event
from labeller.annotating.handing import single, tiles
from labeller.annotating.holding import Wanted
from labeller.annotating.wire.samples import samples_json
from labeller.embedding import loading, runs
from labeller.jobs import queueing as jobs
from labeller.labels import applying, tallies
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import accepting, asking, reading
from labeller.learning.models import Acceptance, Head, Round, RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.projects.questions import add_following_question
from tests import factories

pytestmark = pytest.mark.django_db

N = 40  # of which the even ones are foxes, half of them asleep


@pytest.fixture
def made(foxes):
    vectors, _ = factories.clusters(N, 4)
    samples = factories.samples(foxes.project, N)
    factories.embed(foxes.project, samples, vectors)
    return samples


@pytest.fixture
def doing(foxes):
    """What foxes do."""
    fox = foxes.question.classes.get(name="fox")
    found = add_following_question(
        foxes.question, text="What does it do?", class_names=["sleeping", "walking"], only_for=[fox]
    )
    Question.objects.update(audit_share=0.0)
    return Question.objects.select_related("project").get(pk=found.pk)


def species(foxes, samples):
    """Say what animals these are."""
    factories.labelled_each(
        foxes.question,
        [(sample, "fox" if sample.file.path[-5] in "02468" else "badger") for sample in samples],
        foxes.ana,
    )


def behaviour(foxes, doing, samples):
    """Say what these foxes do."""
    factories.labelled_each(
        doing,
        [(sample, "sleeping" if int(sample.file.path[-8:-4]) % 4 else "walking") for sample in samples],
        foxes.ana,
    )


def refit(question):
    asking.request_refit(question, at_once=True)
    for job in factories.work("refit"):
        assert job.state == "done", job.error
    return Round.objects.filter(question=question, is_current=True).first()


# --- what it learns from and is ranked on ---------------------------------------------------------


def test_it_learns_from_and_is_ranked_on_what_it_is_asked_of(foxes, made, doing):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:8:2])
    found = refit(doing)
    assert (found.n_labels, found.n_classes, found.n_pool) == (4, 2, 6)
    assert set(found.entries.values_list("sample", flat=True)) == {each.pk for each in made[8:20:2]}
    tiled = {sample_id for group in TileGroup.objects.filter(round=found) for sample_id, _ in group.tiles}
    assert tiled == {each.pk for each in made[8:20:2]}
    assert found.head.question == doing and all(entry.suggestions for entry in found.entries.all())


def test_of_nothing_that_is_asked_nothing_is_ranked(foxes, made, doing):
    assert refit(doing) is None
    species(foxes, made[1::2])
    assert refit(doing) is None


def test_an_answer_to_a_question_not_asked_any_more_teaches_nothing(foxes, made, doing):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:8:2])
    factories.label(foxes.question, made[0], foxes.mia, foxes.class_id("badger"), mode="review")
    assert made[0].pk not in labels.consensus(doing)
    found = refit(doing)
    assert (found.n_labels, found.n_pool) == (3, 6)
    assert labels.consensus(doing, [made[0].pk, made[2].pk]).keys() == {made[2].pk}


def test_without_classes_named_it_is_asked_after_every_answer_but_a_blank_one(foxes, made, doing):
    doing.only_for.clear()
    species(foxes, made[:4])
    factories.label(foxes.question, made[4], foxes.ana, foxes.class_id("empty"))
    factories.label(foxes.question, made[5], foxes.ana, verdict="unsure")
    assert applying.asked_ids(doing).tolist() == [each.pk for each in made[:4]]


def test_of_several_classes_one_that_it_is_for_will_do(foxes, made, doing):
    Question.objects.filter(pk=foxes.question.pk).update(multi_label=True)
    doing.refresh_from_db()
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    question = Question.objects.get(pk=foxes.question.pk)
    for sample, classes in zip(made, ([fox], [badger], [fox, badger]), strict=False):
        factories.label(question, sample, foxes.ana, *classes)
    assert applying.asked_ids(doing).tolist() == [made[0].pk, made[2].pk]
    assert tallies.of(doing).samples == 2 and counted_rightly(foxes)


def test_its_embeddings_are_those_of_what_it_is_asked_of(foxes, made, doing):
    species(foxes, made[:10])
    run = runs.current_run(foxes.project)
    found, whole = reading.embeddings_of(doing, run), loading.load_embeddings(run)
    assert found.ids.tolist() == [each.pk for each in made[:10:2]]
    assert np.array_equal(found.vectors[:], whole.vectors[np.arange(0, 10, 2)])
    assert reading.embeddings_of(doing, run) is found  # kept while nothing else is asked of
    assert reading.embeddings_of(foxes.question, run) is whole


def test_each_question_has_heads_rounds_and_full_refits_of_its_own(foxes, made, doing):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:16:2])
    refit(foxes.question)
    asking.request_retrain(doing)
    factories.work()
    full = Head.last_full(doing)
    assert (full.n_labels, Head.last_full(foxes.question)) == (8, None)
    assert Head.objects.filter(question=foxes.question).get().class_ids == sorted(
        [foxes.class_id("fox"), foxes.class_id("badger")]
    )
    assert doing.assessments.get().n_labels == 8


def test_when_all_it_is_asked_of_is_answered_it_learns_on(foxes, made, doing):
    """In one pass an answer makes it be asked, and the next one is the answer: its pool is always empty."""
    species(foxes, made[:8])
    behaviour(foxes, doing, made[:8:2])
    refit(doing)
    species(foxes, made[8:12])
    behaviour(foxes, doing, made[8:12:2])
    found = refit(doing)
    assert (found.number, found.n_pool, found.n_labels) == (2, 0, 6)
    assert refit(doing).number == 2  # nothing new: no further round


# --- asking for refits ----------------------------------------------------------------------------


def test_an_answer_in_the_same_pass_has_it_learn(foxes, made, doing, sent):
    foxes.question.refit_every = doing.refit_every = 1
    fox, asleep = foxes.class_id("fox"), doing.classes.get(name="sleeping").pk
    events = [
        Event(str(each.uuid), each, sample_id=each.sample_id)
        for each in (
            factories.judgement(foxes.question, made[0], foxes.ana, fox),
            factories.judgement(doing, made[0], foxes.ana, asleep),
        )
    ]
    saving.save(foxes.member("ana"), foxes.question, events)
    keys = set(foxes.project.jobs.filter(kind="refit").values_list("key", flat=True))
    assert keys == {f"question:{foxes.question.pk}", f"question:{doing.pk}"}


# --- handing out ----------------------------------------------------------------------------------


def test_only_what_it_is_asked_of_is_handed_out_and_then_it_is_finished(foxes, made, doing, sent):
    species(foxes, made[:6])
    factories.ranking(doing, made[:6])
    batch = single.next_batch(foxes.ana, doing, Wanted(10, tab="a"))
    assert [each.sample for each in batch.assignments] == made[:6:2]
    holding.release(foxes.ana, doing, "a")
    factories.label(foxes.question, made[0], foxes.mia, foxes.class_id("badger"), mode="review")
    batch = single.next_batch(foxes.ana, doing, Wanted(10, tab="a"))
    assert [each.sample for each in batch.assignments] == made[2:6:2]
    behaviour(foxes, doing, made[2:6:2])
    holding.release(foxes.ana, doing, "a")
    assert single.next_batch(foxes.ana, doing, Wanted(10, tab="a")).state == "finished"


def test_where_it_is_asked_of_nothing_nobody_waits_for_it(foxes, made, doing, sent):
    assert single.next_batch(foxes.ana, doing, Wanted(10)).state == "finished"
    assert tiles.next_page(foxes.ana, doing, Wanted(10)).state == "finished"
    species(foxes, made[:1])
    assert single.next_batch(foxes.ana, doing, Wanted(10)).state == "preparing"


def test_tiles_and_hunts_hold_only_what_it_is_asked_of(foxes, made, doing, sent):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:8:2])
    refit(doing)
    page = tiles.next_page(foxes.ana, doing, Wanted(60))
    assert page.tiles and {each.assignment.sample_id for each in page.tiles} <= {each.pk for each in made[8:20:2]}
    jobs.enqueue(
        "hunt", key="h", project=foxes.project,
        payload={"question": doing.pk, "class": doing.classes.get(name="sleeping").pk, "like": [], "without": [],
                 "user": foxes.ana.pk},
    )  # fmt: skip
    factories.work("hunt")
    hunted = TileGroup.objects.get(kind="hunt")
    assert {sample_id for sample_id, _ in hunted.tiles} == {each.pk for each in made[8:20:2]}


# --- counts ---------------------------------------------------------------------------------------


def counted_rightly(foxes):
    return tallies.kept_now(foxes.project) == tallies.counted(foxes.project)


def test_only_what_it_is_asked_of_is_counted(foxes, made, doing):
    asleep = doing.classes.get(name="sleeping")
    species(foxes, made[:4])
    for sample in made[:3]:  # the second is no fox
        factories.label(doing, sample, foxes.ana, asleep.pk)
    assert tallies.of(doing) == tallies.Counts(2, 2, 2, 2, {asleep.pk: 2})
    assert counted_rightly(foxes)
    factories.label(foxes.question, made[0], foxes.mia, foxes.class_id("badger"), mode="review")
    assert tallies.of(doing) == tallies.Counts(1, 1, 1, 1, {asleep.pk: 1})
    factories.label(foxes.question, made[1], foxes.mia, foxes.class_id("fox"), mode="review")
    assert tallies.of(doing) == tallies.Counts(2, 2, 2, 2, {asleep.pk: 2})
    assert counted_rightly(foxes) and tallies.of(foxes.question).samples == N


def test_a_new_one_counts_what_it_is_asked_of_from_the_beginning(client, foxes, made, sent):
    species(foxes, made[:10])
    client.force_login(foxes.mia)
    given = {"text": "Which sex?", "class_names": "male\nfemale", "only_for": [foxes.class_id("fox")]}
    assert client.post("/projects/foxes/questions/species/follow-up/", given).status_code == 302
    factories.work("count", "refit")
    sex = Question.objects.get(key="which-sex")
    assert tallies.of(sex).samples == 5 and counted_rightly(foxes)
    assert Round.objects.get(question=sex).n_pool == 5


def test_a_class_that_becomes_blank_changes_what_is_asked(client, foxes, made, sent):
    sex = add_following_question(foxes.question, text="Which sex?", class_names=["male"])
    species(foxes, made[:10])
    badger = foxes.question.classes.get(name="badger")
    assert tallies.of(sex).samples == 10
    client.force_login(foxes.mia)
    page = f"/projects/foxes/classes/{badger.pk}/"
    bound = client.get(page).context["form"]
    given = {name: bound[name].value() or "" for name in bound.fields} | {"is_blank": "on"}
    assert client.post(page, given).status_code == 302
    factories.work("count")
    assert tallies.of(sex).samples == 5 and counted_rightly(foxes)


# --- accepting, and what is exported --------------------------------------------------------------


def test_nothing_is_accepted_but_what_it_was_asked_of_when_that_was_looked_at(foxes, made, doing):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:8:2])
    found = refit(doing)
    rule = Acceptance.objects.create(
        question=doing, head=found.head, threshold=0.0, epsilon=0.05, bound=0.01, confidence=0.9, n_audited=9,
        audited=9, wrong=0, accepted=6, newest_sample=made[-1].pk, made_by=foxes.mia, made_at=timezone.now(),
    )  # fmt: skip
    species(foxes, made[20:22])
    Label.objects.filter(sample=made[20]).update(created_at=rule.created_at + timedelta(seconds=1))
    assert accepting.accepted(rule).keys() == {each.pk for each in made[8:20:2]}


def test_predictions_are_exported_of_what_it_is_asked_of(client, foxes, made, doing):
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:8:2])
    refit(doing)
    client.force_login(foxes.mia)
    answer = client.get(f"/projects/foxes/export/predictions.csv?question={doing.key}")
    paths = [line.split(",")[0] for line in b"".join(answer.streaming_content).decode().splitlines()[1:]]
    assert paths == [each.file.path for each in made[:20:2]]


# --- what is foreseen -----------------------------------------------------------------------------


@pytest.fixture
def foreseen(foxes, made, doing):
    """The current round of the first question, ranked when the other one's head was there."""
    species(foxes, made[:20])
    behaviour(foxes, doing, made[:16:2])
    refit(doing)
    return refit(foxes.question)


def test_what_the_question_before_ranks_comes_with_what_the_following_head_thinks(foxes, doing, foreseen):
    entries = list(foreseen.entries.all())
    assert len(entries) == 20
    of_doing = {each.pk for each in doing.classes.all()}
    for entry in entries:
        (told,) = entry.foreseen.values()
        assert told["head"] == Head.objects.get(question=doing).version
        assert {class_id for class_id, _ in told["suggestions"]} == of_doing
    batch = single.next_batch(foxes.bo, foxes.question, Wanted(3, tab="a"))
    for row in samples_json(foxes.bo, foxes.question, batch.assignments):
        assert {class_id for class_id, _ in row["foreseen"][doing.key]} == of_doing


def test_it_is_kept_from_people_who_label_blind_or_are_shown_nothing(foxes, doing, foreseen):
    def told():
        batch = single.next_batch(foxes.bo, foxes.question, Wanted(1, tab="a"))
        (row,) = samples_json(foxes.bo, foxes.question, batch.assignments)
        return row["foreseen"]

    assert told()
    RoundEntry.objects.update(strategy="audit")
    assert told() == {}
    RoundEntry.objects.update(strategy="margin")
    Question.objects.filter(pk=doing.pk).update(show_suggestions=False)
    assert told() == {}


def in_passing(foxes, doing, entry, **fields):
    asleep = doing.classes.get(name="sleeping").pk
    given = factories.judgement(doing, entry.sample, foxes.bo, asleep, **fields)
    first = factories.judgement(foxes.question, entry.sample, foxes.bo, foxes.class_id("fox"))
    events = [Event(str(each.uuid), each, entry.pk, sample_id=entry.sample_id) for each in (first, given)]
    saving.save(foxes.member("bo"), foxes.question, events)
    return Label.objects.get(uuid=given.uuid)


def test_a_label_given_in_passing_knows_what_its_head_had_said(foxes, doing, foreseen, sent):
    single.next_batch(foxes.bo, foxes.question, Wanted(2, tab="a"))
    entry = foreseen.entries.order_by("rank").first()
    label = in_passing(foxes, doing, entry, suggestion_shown=True)
    (told,) = entry.foreseen.values()
    assert (label.predicted_id, label.head_version) == (told["suggestions"][0][0], told["head"])
    assert (label.suggestion_shown, label.strategy) == (True, "")


def test_an_audit_of_the_question_before_is_one_of_this_too(foxes, doing, foreseen, sent):
    single.next_batch(foxes.bo, foxes.question, Wanted(2, tab="a"))
    RoundEntry.objects.update(strategy="audit", propensity=0.25)
    entry = foreseen.entries.order_by("rank").first()
    label = in_passing(foxes, doing, entry, suggestion_shown=True)
    assert (label.strategy, label.propensity, label.suggestion_shown) == ("audit", 0.25, False)
    audited = labels.trail(doing).audited
    assert [(each.sample_id, each.predicted) for each in audited] == [(entry.sample_id, label.predicted_id)]
    # It was drawn before anybody knew whether the question is asked: it says nothing of the pool to be accepted.
    assert accepting._drawn(doing) == []


def test_a_head_whose_files_are_gone_foresees_nothing(foxes, made, doing, foreseen):
    Head.objects.filter(question=doing).update(directory="gone")
    species(foxes, made[20:21])
    assert not any(entry.foreseen for entry in refit(foxes.question).entries.all())
