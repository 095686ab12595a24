"""What a large pool is summed up by: who writes it, who reads it, what it survives; no round is another by it."""

import logging

import numpy as np
import pytest

from labeller.embedding import loading, runs, summing, tidying
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.learning import asking, fitting, rounds
from labeller.learning.models import Round
from labeller.managing import removing_samples
from labeller.samples.models import Sample
from tests import factories
from tl_core import geometry, query
from tl_core import summing as pools
from tl_core.heads.transductive import PoolGraph

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")
COUNT = 360


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let small pools pass for large ones, and wait for nobody."""
    monkeypatch.setattr(loading, "LARGE_POOL", 50)
    monkeypatch.setattr(summing, "DELAY", 0.0)
    another_process()


@pytest.fixture
def pool(foxes):
    """360 embedded samples in three groups, 30 of them labelled: (samples, group of each)."""
    vectors, groups = factories.clusters(COUNT, 3)
    made = factories.samples(foxes.project, COUNT)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:30], groups[:30], strict=True)],
        foxes.ana,
    )
    return made, groups


def run_of(foxes):
    return runs.current_run(foxes.project)


def summed(foxes):
    """Sum up as a worker would; the run's summaries."""
    summing.keep_up(run_of(foxes), {""})
    assert {job.state for job in factories.work("sum")} <= {Job.State.DONE}
    return files_of(foxes)


def files_of(foxes):
    return runs.store(run_of(foxes)).storage.names(loading.SUMMARY)


def path_of(foxes):
    (name,) = files_of(foxes)
    return runs.store(run_of(foxes)).storage.local(name)


def another_process():
    """Forget what this process keeps, as one that was just started."""
    for kept in (loading._load, loading._summary, loading.summary_name, fitting._learner):
        kept.cache_clear()


def forbid(monkeypatch):
    """Let nothing be worked out that a summary knows."""
    for owner, name in ((geometry, "mean_row"), (geometry, "lengths"), (query, "compact"), (pools, "compact")):
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("worked out anew"))
    monkeypatch.setattr(PoolGraph, "__init__", lambda *_: pytest.fail("worked out anew"))


def picks(foxes):
    """What a round would be now: samples, scores, what the head says of each, and the tiles."""
    ranking = rounds.rank(foxes.question)
    entries = [(each.sample_id, each.strategy, each.score, each.suggestions) for each in ranking.entries]
    return entries, [(each.label_class_id, each.n, each.tiles) for each in ranking.groups]


# --- reading --------------------------------------------------------------------------------------


def test_another_process_reads_it_and_works_nothing_out(foxes, pool, monkeypatch):
    assert len(summed(foxes)) == 1
    another_process()
    forbid(monkeypatch)
    found = loading.load_embeddings(run_of(foxes))
    assert found.norms.shape == (COUNT,) and found.units.codes.shape == found.vectors.shape
    assert rounds.rank(foxes.question).entries


def test_a_process_that_did_without_takes_it_once_it_is_there(foxes, pool, monkeypatch):
    before = loading.load_embeddings(run_of(foxes))
    assert (before.units, before.norms) == (None, None)
    summed(foxes)
    forbid(monkeypatch)
    after = loading.load_embeddings(run_of(foxes))
    assert after.units is not None and after is loading.load_embeddings(run_of(foxes))


def test_a_round_is_the_same_by_what_was_kept_and_by_what_is_worked_out(foxes, pool, monkeypatch):
    monkeypatch.setattr("tl_core.query.scoring.EXACT_ROWS", 10)
    monkeypatch.setattr(rounds.secrets, "randbits", lambda _: 7)
    summed(foxes)
    another_process()
    kept = picks(foxes)
    another_process()
    real = pools.read

    def worked_out(storage, name):
        read = real(storage, name)
        vectors = loading.opened(run_of(foxes), "", loading.parts(run_of(foxes), "")).vectors
        mean = geometry.mean_row(vectors)
        units, graph = query.compact(vectors, mean), pools.pool_graph(vectors, mean).arrays()
        here = {"mean": mean, "norms": geometry.lengths(vectors, mean), "codes": units.codes, "steps": units.steps}
        here |= {"lost": units.lost, **{f"graph.{name}": each for name, each in graph.items()}}
        assert here.keys() == read.arrays.keys()
        return pools.PoolSummary(here)

    monkeypatch.setattr(pools, "read", worked_out)
    assert picks(foxes) == kept
    another_process()
    monkeypatch.setattr(loading, "summary", lambda *_: None)  # none at all: picks are the head's own all the same
    assert picks(foxes)[0] == kept[0]


def test_what_a_question_is_asked_of_has_its_part_of_it(foxes, pool):
    summed(foxes)
    whole = loading.load_embeddings(run_of(foxes))
    part = whole.only(whole.ids[::3])
    np.testing.assert_array_equal(part.norms, whole.norms[::3])
    np.testing.assert_array_equal(part.units.codes, whole.units.codes[::3])
    assert whole.only(whole.ids[:20]).units is None


def test_of_a_small_pool_there_is_none(foxes, pool, monkeypatch):
    monkeypatch.setattr(loading, "LARGE_POOL", COUNT + 1)
    assert summed(foxes) == [] and not Job.objects.filter(kind="sum").exists()
    assert loading.load_embeddings(run_of(foxes)).norms.shape == (COUNT,)


# --- writing --------------------------------------------------------------------------------------


def test_a_round_asks_for_it_and_only_while_it_is_missing(foxes, pool):
    for _ in range(2):
        asking.request_refit(foxes.question, at_once=True)
        factories.work("refit", "sum")
    assert len(files_of(foxes)) == 1
    assert [job.state for job in Job.objects.filter(kind="sum")] == [Job.State.DONE]
    assert Round.objects.filter(question=foxes.question).count() == 2


def test_another_shard_makes_another_and_the_old_one_goes(foxes, pool):
    (before,) = summed(foxes)
    factories.embed(foxes.project, factories.samples(foxes.project, 20, shard=1), factories.clusters(20, 3)[0], shard=1)
    found = loading.load_embeddings(run_of(foxes))
    assert found.vectors.shape[0] == COUNT + 20 and found.units is None, "another pool's is never taken"
    (after,) = summed(foxes)
    assert after != before
    assert loading.load_embeddings(run_of(foxes)).units.codes.shape[0] == COUNT + 20


def test_embeddings_that_are_made_anew_make_another(foxes, pool):
    made, _ = pool
    (before,) = summed(foxes)
    run_of(foxes).shards.all().delete()
    factories.embed(foxes.project, made, factories.clusters(COUNT, 3, seed=5)[0])
    assert loading.load_embeddings(run_of(foxes)).units is None
    assert summed(foxes) != [before]


@pytest.mark.parametrize("kind", ["scan", "ingest", "embed"])
def test_it_waits_until_nobody_adds_embeddings(foxes, pool, kind):
    key = f"run:{run_of(foxes).pk}:shard:9" if kind == "embed" else "source:1"
    adding = jobs.enqueue(kind, key=key, project=foxes.project)
    assert summed(foxes) == [] and not Job.objects.filter(kind="sum").exists()
    Job.objects.filter(pk=adding.pk).update(state=Job.State.DONE)
    summing.keep_up(run_of(foxes), {""})
    Job.objects.filter(pk=adding.pk).update(state=Job.State.RUNNING)  # an import that begins in between
    assert [job.state for job in factories.work("sum")] == [Job.State.DONE] and files_of(foxes) == []


@pytest.mark.parametrize("harm", ["cut short", "a byte flipped", "empty"])
def test_a_damaged_one_is_told_and_written_anew(foxes, pool, harm, caplog):
    summed(foxes)
    path, whole = path_of(foxes), path_of(foxes).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.unlink()  # who has it mapped keeps it
    path.write_bytes({"cut short": whole[:-10], "a byte flipped": bytes(flipped), "empty": b""}[harm])
    another_process()
    with caplog.at_level(logging.ERROR):
        assert loading.load_embeddings(run_of(foxes)).units is None
    assert "is written anew" in caplog.text and path.name in caplog.text
    summed(foxes)
    assert path.read_bytes() == whole
    assert loading.load_embeddings(run_of(foxes)).units is not None


def test_a_worker_that_lost_the_job_leaves_nothing(foxes, pool, monkeypatch):
    summing.keep_up(run_of(foxes), {""})
    job = Job.objects.get(kind="sum")
    real = pools.compact

    def taken(*args, **given):
        Job.objects.filter(pk=job.pk).update(attempts=5)
        return real(*args, **given)

    monkeypatch.setattr(pools, "compact", taken)
    assert jobs.run(job.pk, registry.get)
    assert files_of(foxes) == []


def test_it_goes_with_its_run(foxes, pool):
    summed(foxes)
    tidying.remove(run_of(foxes))
    assert files_of(foxes) == []


def test_nothing_of_deleted_samples_is_left_in_it(foxes, pool):
    summed(foxes)
    going = Sample.objects.filter(pk=pool[0][0].pk)
    removing_samples.forget_vectors(run_of(foxes), going, [0])
    assert files_of(foxes) == []


def test_what_is_written_while_samples_are_deleted_goes_again(foxes, pool, monkeypatch):
    summing.keep_up(run_of(foxes), {""})
    real = pools.compact

    def meanwhile(*args, **given):
        removing_samples.forget_vectors(run_of(foxes), Sample.objects.filter(pk=pool[0][0].pk), [0])
        return real(*args, **given)

    monkeypatch.setattr(pools, "compact", meanwhile)
    assert [job.state for job in factories.work("sum")] == [Job.State.DONE]
    assert files_of(foxes) == []
