"""Refits: from embeddings and labels to a ranked round."""

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeller.annotating import holding, saving
from labeller.annotating.handing import single as annotating
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning import asking, rounds
from labeller.learning.models import Head, Round, RoundEntry
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from labeller.samples.models import Deployment, File, Sequence
from tests import factories
from tl_core import query
from tl_core.query import planning

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(foxes):
    """60 embedded samples in three groups, as (samples, group of each)."""
    vectors, groups = factories.clusters(60, 3)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    return made, groups


@pytest.fixture(autouse=True)
def _short_cold_start(monkeypatch):
    monkeypatch.setattr(query, "COLD_START", CLUSTERS)


CLUSTERS = 40
NAMES = ("fox", "badger", "empty")


def answer(foxes, pool, *positions, **fields):
    made, groups = pool
    factories.labelled_each(
        foxes.question, [(made[position], NAMES[groups[position]]) for position in positions], foxes.ana, **fields
    )


def settings_of(foxes, **fields):
    Question.objects.filter(pk=foxes.question.pk).update(**fields)


def refit(foxes):
    asking.request_refit(foxes.question, at_once=True)
    (job,) = factories.work("refit")
    assert job.state == Job.State.DONE, job.error
    return Round.objects.filter(question=foxes.question, is_current=True).first()


def entries(made):
    return list(made.entries.order_by("rank"))


def test_of_a_burst_one_frame_comes_first_and_no_others_bursts_are_read(foxes, pool, monkeypatch):
    """A process that begins anew must not read where a million samples are from to rank two hundred."""
    monkeypatch.setattr(planning, "near_duplicates", lambda pool, positions, mean: np.zeros(len(positions), bool))
    made, _ = pool
    deployment = Deployment.objects.create(project=foxes.project, name="north")
    sequence = Sequence.objects.create(deployment=deployment, started_at=timezone.now())
    File.objects.filter(samples__in=made).update(deployment=deployment)
    File.objects.filter(samples__in=made[1:21:2]).update(sequence=sequence)
    answer(foxes, pool, *range(0, 60, 2))
    settings_of(foxes, audit_share=0.0, round_size=4, strategy="random")
    with CaptureQueriesContext(connection) as captured:
        ranking = rounds.rank(Question.objects.get(pk=foxes.question.pk))
    burst = {sample.pk for sample in made[1:21:2]}
    assert len(ranking.entries) == 4 and len([each for each in ranking.entries if each.sample_id in burst]) <= 1
    reads = [query["sql"] for query in captured if "deployment_id" in query["sql"]]
    assert reads and not [sql for sql in reads if " IN (" not in sql and " LIMIT 1" not in sql]


# --- cold start -----------------------------------------------------------------------------------


def test_without_labels_the_round_starts_from_typical_samples(foxes, pool):
    settings_of(foxes, audit_share=0.0)
    made = refit(foxes)
    assert (made.number, made.head, made.n_labels, made.n_pool) == (1, None, 0, 60)
    ranked = entries(made)
    assert [entry.rank for entry in ranked] == list(range(60))
    assert len({entry.sample_id for entry in ranked}) == 60
    assert {entry.strategy for entry in ranked[:CLUSTERS]} == {planning.COLD_START}
    assert {entry.strategy for entry in ranked[CLUSTERS:]} == {"random"}
    _, groups = pool
    first_id = pool[0][0].pk
    assert {groups[entry.sample_id - first_id] for entry in ranked[:10]} == {0, 1, 2}
    assert all(entry.suggestions == [] for entry in ranked)


def test_one_class_alone_fits_no_head(foxes, pool):
    answer(foxes, pool, 0, 3)
    made = refit(foxes)
    assert (made.head, made.n_labels, made.n_classes) == (None, 2, 1)


def test_the_cold_start_goes_on_with_the_same_centroids(foxes, pool):
    settings_of(foxes, audit_share=0.0)
    first = [entry.sample_id for entry in entries(refit(foxes)) if entry.strategy == planning.COLD_START]
    by_id = {sample.pk: position for position, sample in enumerate(pool[0])}
    answer(foxes, pool, *(by_id[sample_id] for sample_id in first[:6]))
    second = [entry.sample_id for entry in entries(refit(foxes)) if entry.strategy == planning.COLD_START]
    assert second == first[6:]


def test_without_embeddings_there_is_no_round(foxes):
    factories.samples(foxes.project, 3)
    assert refit(foxes) is None


# --- fitted rounds --------------------------------------------------------------------------------


@pytest.fixture
def fitted(foxes, pool, monkeypatch):
    """A round by the project's strategy, after twelve labels."""
    monkeypatch.setattr(planning, "COLD_LABELS", 10)
    answer(foxes, pool, *range(12))
    return refit(foxes)


def test_with_two_classes_a_head_is_fitted_and_the_strategy_takes_over(foxes, pool, fitted):
    head = fitted.head
    assert (head.version, head.n_labels, fitted.strategy) == (1, 12, "auto")
    assert (fitted.n_labels, fitted.n_classes, fitted.n_pool) == (12, 3, 48)
    assert sorted(head.class_ids) == sorted(map(foxes.class_id, NAMES))
    assert {entry.strategy for entry in entries(fitted)} <= {"auto", "audit"}
    assert fitted.last_label == Label.objects.order_by("-pk")[0].pk


def test_the_head_knows_the_groups_and_says_so(foxes, pool, fitted):
    made, groups = pool
    truth = {sample.pk: foxes.class_id(NAMES[group]) for sample, group in zip(made, groups, strict=True)}
    for entry in entries(fitted):
        class_ids = [class_id for class_id, _ in entry.suggestions]
        shares = [share for _, share in entry.suggestions]
        assert class_ids[0] == truth[entry.sample_id]
        assert shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 0.01
        assert (entry.reason == "audit") if entry.strategy == "audit" else (entry.reason in {"between", "doubt"})


def test_margin_ranks_the_most_doubtful_first(foxes, pool, fitted):
    """Near duplicates apart, which come last."""
    settings_of(foxes, strategy="margin")
    scores = [entry.score for entry in entries(refit(foxes)) if entry.strategy == "margin"]
    assert scores[0] == max(scores)


def test_labelled_and_skipped_samples_are_never_ranked_but_those_taken_back_are(foxes, pool):
    made, _ = pool
    answer(foxes, pool, 0, 1, 2)
    factories.label(foxes.question, made[3], foxes.ana, verdict="skip")
    old = factories.label(foxes.question, made[4], foxes.ana, foxes.class_id("fox"))
    factories.label(foxes.question, made[4], foxes.ana, verdict="withdraw", supersedes=old.uuid)
    ranked = {entry.sample_id for entry in entries(refit(foxes))}
    assert ranked == {sample.pk for sample in made} - {sample.pk for sample in made[:4]}


def test_a_round_has_the_size_the_project_wants(foxes, pool):
    settings_of(foxes, round_size=7, audit_share=0.3)
    assert [entry.rank for entry in entries(refit(foxes))] == list(range(7))


def test_a_class_that_appears_later_joins_the_head(foxes, pool, fitted):
    made, _ = pool
    otter, _ = ensure_class(foxes.question, "otter")
    factories.label(foxes.question, made[20], foxes.ana, otter.pk)
    second = refit(foxes)
    assert second.head.version == 2
    assert otter.pk in second.head.class_ids
    assert second.n_classes == 4


def test_samples_of_a_later_shard_join_the_pool(foxes, pool, fitted):
    late = factories.samples(foxes.project, 5, shard=1)
    vectors, _ = factories.clusters(5, 3, seed=1)
    factories.embed(foxes.project, late, vectors, shard=1)
    made = refit(foxes)
    assert made.n_pool == 53
    assert {sample.pk for sample in late} <= {entry.sample_id for entry in entries(made)}


def test_several_classes_of_one_sample_are_all_learnt(db):
    foxes = factories.cast(multi_label=True)
    vectors, _ = factories.clusters(12, 3)
    made = factories.samples(foxes.project, 12)
    factories.embed(foxes.project, made, vectors)
    factories.label(foxes.question, made[0], foxes.ana, foxes.class_id("fox"), foxes.class_id("badger"))
    assert sorted(refit(foxes).head.class_ids) == sorted(map(foxes.class_id, ("fox", "badger")))


def test_labels_of_samples_without_an_embedding_break_nothing(foxes, pool):
    unembedded = factories.samples(foxes.project, 2, shard=9)
    for sample, name in zip(unembedded, ("fox", "badger"), strict=True):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
    assert refit(foxes).head is None
    answer(foxes, pool, 0, 1)
    assert refit(foxes).head.n_labels == 4


# --- audit ----------------------------------------------------------------------------------------


def labelled_pool(foxes, n):
    """So many samples still to label, after enough labels for a strategy to choose."""
    vectors, groups = factories.clusters(n + planning.COLD_LABELS, 3)
    made = factories.samples(foxes.project, len(vectors))
    factories.embed(foxes.project, made, vectors)
    answer(foxes, (made, groups), *range(planning.COLD_LABELS))
    return made[planning.COLD_LABELS :]


def test_before_a_head_could_be_judged_there_are_no_audit_samples(foxes, pool):
    settings_of(foxes, audit_share=0.5)
    assert not [entry for entry in entries(refit(foxes)) if entry.strategy == "audit"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_audit_samples_take_about_their_share_and_carry_their_propensity(foxes, share):
    labelled_pool(foxes, 400)
    settings_of(foxes, audit_share=share, round_size=200)
    ranked = entries(refit(foxes))
    audits = [entry for entry in ranked if entry.strategy == "audit"]
    at_first = min(2.5 * share, 0.5)  # there is none yet
    assert abs(len(audits) - 200 * at_first) <= 6 * (200 * at_first * (1 - at_first)) ** 0.5
    assert {entry.propensity for entry in audits} <= {len(audits) / 400}
    assert len(ranked) == 200


def test_audit_samples_are_drawn_from_the_whole_pool_and_spread_over_the_round(foxes):
    made = labelled_pool(foxes, 300)
    settings_of(foxes, audit_share=0.5, round_size=200)
    audits = [entry for entry in entries(refit(foxes)) if entry.strategy == "audit"]
    ids = np.array([entry.sample_id for entry in audits]) - made[0].pk
    # Uniform draws: means of ids and of ranks lie within six standard errors of the middle.
    assert abs(ids.mean() - 149.5) < 6 * 300 / 12**0.5 / len(ids) ** 0.5
    ranks = np.array([entry.rank for entry in audits])
    assert abs(ranks.mean() - 99.5) < 6 * 200 / 12**0.5 / len(ranks) ** 0.5


def test_audits_come_less_often_once_there_are_many(foxes):
    made = labelled_pool(foxes, 400)
    settings_of(foxes, audit_share=0.2, round_size=200)
    fields = {"strategy": "audit", "predicted_id": foxes.class_id("fox")}
    factories.labelled(foxes.question, made[:200], foxes.ana, "fox", **fields)
    audits = [entry for entry in entries(refit(foxes)) if entry.strategy == "audit"]
    assert abs(len(audits) - 40) <= 6 * (200 * 0.2 * 0.8) ** 0.5


def test_an_audit_sample_carries_what_its_head_doubts_of_it_and_of_the_pool_it_was_drawn_from(foxes):
    made = labelled_pool(foxes, 60)
    settings_of(foxes, audit_share=0.5, round_size=60)
    ranked = entries(refit(foxes))
    audits = [entry for entry in ranked if entry.strategy == "audit"]
    doubts = {entry.sample_id: 1 - entry.suggestions[0][1] for entry in ranked}
    assert doubts.keys() == {sample.pk for sample in made}
    left = dict(doubts)  # the pool of the next one is without those before it
    for entry in audits:
        assert entry.doubt == pytest.approx(doubts[entry.sample_id], abs=1e-3)
        assert entry.pool_doubt == pytest.approx(np.mean(list(left.values())), abs=1e-3)
        del left[entry.sample_id]
    assert {(entry.doubt, entry.pool_doubt) for entry in ranked if entry.strategy != "audit"} == {(None, None)}


def test_a_random_entry_outside_the_audit_carries_the_share_of_its_draw(foxes, pool, monkeypatch):
    monkeypatch.setattr(query, "COLD_START", 5)
    settings_of(foxes, audit_share=0.0, round_size=16)
    drawn = [entry for entry in entries(refit(foxes)) if entry.strategy == "random"]
    assert len(drawn) == 11
    assert {round(entry.propensity, 9) for entry in drawn} == {round(11 / 55, 9)}


def test_an_audit_label_counts_for_the_next_round_with_the_prediction_made_before_it(foxes, pool, fitted):
    settings_of(foxes, audit_share=0.5)
    refit(foxes)
    group_of = {sample.pk: group for sample, group in zip(*pool, strict=True)}
    batch = annotating.next_batch(foxes.ana, foxes.question, Wanted(50))
    blind = [assignment for assignment in batch.assignments if assignment.entry.strategy == "audit"][:5]
    for assignment in blind:
        name = NAMES[group_of[assignment.sample_id]]
        given = factories.judgement(foxes.question, assignment.sample, foxes.ana, foxes.class_id(name))
        saving.save_judgement(foxes.member("ana"), foxes.question, given, assignment.entry_id)
    made = refit(foxes)
    assert blind
    kept = list(foxes.question.labels.filter(strategy="audit").order_by("pk").values_list("doubt", "pool_doubt"))
    assert kept == [(each.entry.doubt, each.entry.pool_doubt) for each in blind] and kept[0][0] is not None
    assert (made.audit_n, made.audit_correct) == (len(blind), len(blind))


# --- seeds ----------------------------------------------------------------------------------------


def test_the_stored_seed_gives_the_same_ranking_again(foxes, pool, monkeypatch):
    monkeypatch.setattr(query, "COLD_START", 3)
    first, second = refit(foxes), refit(foxes)
    assert first.seed != second.seed
    drawn = [(entry.sample_id, entry.strategy) for entry in entries(second)]
    monkeypatch.setattr(rounds.secrets, "randbits", lambda bits: second.seed)
    again = [(entry.sample_id, entry.strategy) for entry in entries(refit(foxes))]
    assert again == drawn


# --- keeping and switching ------------------------------------------------------------------------


def test_old_entries_nobody_saw_are_dropped_and_served_ones_are_kept(foxes, pool):
    first = refit(foxes)
    served = {
        assignment.entry_id for assignment in annotating.next_batch(foxes.ana, foxes.question, Wanted(3)).assignments
    }
    refit(foxes)
    assert first.entries.count() == 60
    Round.objects.update(created_at=F("created_at") - rounds.SERVED_WITHIN)
    third = refit(foxes)
    assert set(first.entries.values_list("pk", flat=True)) == served
    assert RoundEntry.objects.filter(round__number=2).count() == third.entries.count() == 60
    assert list(Round.objects.filter(is_current=True)) == [third]


def test_rounds_that_follow_fast_take_no_entry_from_a_request_that_is_handing_out(foxes, pool, monkeypatch):
    first = refit(foxes)

    def meanwhile(*args, **kwargs):
        monkeypatch.setattr(holding, "take", take)
        for position in (58, 59):
            answer(foxes, pool, position)
            refit(foxes)
        return take(*args, **kwargs)

    take = holding.take
    monkeypatch.setattr(holding, "take", meanwhile)
    batch = annotating.next_batch(foxes.ana, foxes.question, Wanted(3))
    handed = Assignment.objects.filter(pk__in=[each.pk for each in batch.assignments])
    assert set(handed.values_list("entry__round", flat=True)) == {first.pk}


def test_a_crash_during_the_switch_leaves_the_old_round_whole(foxes, pool, fitted, monkeypatch):
    before = list(RoundEntry.objects.order_by("pk").values())

    def crash(*args, **kwargs):
        raise RuntimeError("the plug was pulled")

    monkeypatch.setattr(RoundEntry.objects, "bulk_create", crash)
    asking.request_refit(foxes.question, at_once=True)
    job = Job.objects.get(kind="refit", state="queued")
    Job.objects.update(not_before="2020-01-01T00:00Z")
    assert jobs.run(job.pk, registry.get)
    assert list(RoundEntry.objects.order_by("pk").values()) == before
    assert list(Round.objects.all()) == [fitted]
    assert Round.objects.get().is_current


def test_the_database_holds_one_current_round_and_real_propensities(foxes, pool):
    made = refit(foxes)
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.create(
            project=foxes.project, question=foxes.question, number=99, strategy="margin", seed=1,
            n_labels=0, n_classes=0, n_pool=0, is_current=True,
        )  # fmt: skip
    for propensity in (0.0, -0.1, 1.1):
        with pytest.raises(IntegrityError), transaction.atomic():
            made.entries.filter(rank=0).update(propensity=propensity)


def test_when_everything_is_labelled_there_is_one_empty_round_and_no_more(foxes, pool):
    answer(foxes, pool, *range(60))
    empty = refit(foxes)
    assert (empty.n_pool, empty.n_labels, empty.entries.count()) == (0, 60, 0)
    assert refit(foxes) == empty
    assert Round.objects.count() == 1


def test_what_a_second_person_says_when_everything_is_labelled_asks_for_one_refit_not_for_one_every_minute(foxes, pool):
    settings_of(foxes, redundancy=2)
    answer(foxes, pool, *range(60))
    refit(foxes)
    factories.label(foxes.question, pool[0][7], foxes.bo, foxes.class_id("badger"))
    assert asking.retrain_stale() == 1
    factories.work("refit")
    assert asking.retrain_stale() == 0
    assert refit(foxes) == Round.objects.get(is_current=True) and Round.objects.count() == 2


def test_after_the_empty_round_a_label_taken_back_brings_its_sample_back(foxes, pool):
    answer(foxes, pool, *range(60))
    refit(foxes)
    old = Label.objects.get(sample=pool[0][7])
    factories.label(foxes.question, pool[0][7], foxes.ana, verdict="withdraw", supersedes=old.uuid)
    made = refit(foxes)
    assert (made.number, [entry.sample_id for entry in entries(made)]) == (2, [pool[0][7].pk])


def test_heads_lie_on_disk_under_their_version(foxes, pool, fitted, settings):
    refit(foxes)
    for head in Head.objects.all():
        assert {path.name for path in (settings.HEADS / head.directory).iterdir()} == {"head.json", "head.safetensors"}
    assert list(Head.objects.order_by("version").values_list("version", flat=True)) == [1, 2]
