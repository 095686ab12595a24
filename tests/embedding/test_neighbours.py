"""The index of an embedding run: how it grows, what it survives, and who asks it."""

import numpy as np
import pytest

from labeller.embedding import loading, neighbours, runs
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.learning import asking, choosing, fitting
from labeller.learning.models import Round
from labeller.projects.models import Question
from tests import factories
from tl_core.query import planning
from tl_core.spaces.neighbours import NeighbourIndex

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture(autouse=True)
def _always_the_same_graph(monkeypatch):
    """Several threads link rows as their timing has it, and where others want the cores one may not find itself."""
    monkeypatch.setattr("tl_core.spaces.neighbours._THREADS", 1)


@pytest.fixture
def pool(foxes):
    """360 embedded samples in three groups, as (samples, group of each); their ids are far from their positions."""
    Question.objects.update(strategy="seals", round_size=40, audit_share=0.0)
    factories.samples(factories.project("bears"), 7)
    vectors, groups = factories.clusters(360, 3)
    made = factories.samples(foxes.project, 360)
    factories.embed(foxes.project, made, vectors)
    return made, groups


def run_of(foxes):
    return runs.current_run(foxes.project)


def built(foxes):
    """Build the index as a worker would, and return it as a refit gets it."""
    neighbours.keep_up(run_of(foxes))
    assert {job.state for job in factories.work("index")} <= {Job.State.DONE}
    return index(foxes)


def index(foxes):
    return neighbours.index(run_of(foxes), loading.load_embeddings(run_of(foxes)))


def another_shard(foxes, count):
    vectors, _ = factories.clusters(count, 3, seed=4)
    made = factories.samples(foxes.project, count, shard=1)
    factories.embed(foxes.project, made, vectors, shard=1)


def file_of(foxes):
    return runs.store(run_of(foxes)).storage.local(neighbours.FILE)


# --- building -------------------------------------------------------------------------------------


def test_it_answers_with_positions_in_the_embeddings(foxes, pool):
    found = built(foxes)
    embeddings = loading.load_embeddings(run_of(foxes))
    assert embeddings.ids[0] > 1
    positions, cosines = found.search(embeddings.vectors[:50], 5)
    np.testing.assert_array_equal(positions[:, 0], np.arange(50))
    assert cosines[:, 0] == pytest.approx(1, abs=0.01)
    _, groups = pool
    assert (groups[positions] == groups[:50, None]).all()


def test_a_sample_whose_embedding_is_gone_has_no_position(foxes, pool):
    found = built(foxes)
    whole = found.embeddings
    rest = fitting.Embedded(whole.ids[1:], whole.vectors[1:], whole.mean)
    positions, _ = neighbours.InPool(found.found, rest).search(whole.vectors[:2], 1)
    assert positions.ravel().tolist() == [-1, 0]


def test_a_second_shard_is_added_to_what_there_is(foxes, pool, monkeypatch):
    first = built(foxes)
    added = []
    real = NeighbourIndex.add

    def add(self, ids, vectors):
        added.append(real(self, ids, vectors))
        return added[-1]

    monkeypatch.setattr(NeighbourIndex, "add", add)
    another_shard(foxes, 10)
    second = built(foxes)
    assert sum(added) == 10
    assert len(second.found) == 370
    np.testing.assert_array_equal(second.found.center, first.found.center)
    positions, _ = second.search(second.embeddings.vectors[360:], 1)
    assert positions.ravel().tolist() == list(range(360, 370))


def test_one_that_lacks_a_little_serves_and_one_that_lacks_much_does_not(foxes, pool):
    built(foxes)
    another_shard(foxes, 10)
    assert len(index(foxes).found) == 360
    factories.embed(foxes.project, factories.samples(foxes.project, 20, shard=2), factories.clusters(20, 3)[0], shard=2)
    assert index(foxes) is None


def test_done_again_it_adds_nothing_and_writes_nothing(foxes, pool):
    built(foxes)
    before = file_of(foxes).stat().st_mtime_ns
    neighbours.keep_up(run_of(foxes))
    assert not Job.objects.filter(kind="index", state=Job.State.QUEUED).exists()
    Job.objects.filter(kind="index").update(state=Job.State.QUEUED)
    (job,) = factories.work("index")
    assert (job.state, job.done, job.total) == (Job.State.DONE, 360, 360)
    assert file_of(foxes).stat().st_mtime_ns == before


def test_a_worker_that_dies_leaves_what_it_saved(foxes, pool, monkeypatch):
    monkeypatch.setattr(neighbours, "STEP", 100)
    monkeypatch.setattr(neighbours, "SAVE_EVERY", 200)
    real = NeighbourIndex.add

    def dies_late(self, ids, vectors):
        if len(self) == 300:
            raise MemoryError
        return real(self, ids, vectors)

    monkeypatch.setattr(NeighbourIndex, "add", dies_late)
    neighbours.keep_up(run_of(foxes))
    job = Job.objects.get(kind="index")
    assert jobs.run(job.pk, registry.get)
    assert len(neighbours._saved(run_of(foxes))) == 200
    assert index(foxes) is None, "a job has to end before its work is used"
    monkeypatch.setattr(NeighbourIndex, "add", real)
    assert len(built(foxes).found) == 360


@pytest.mark.parametrize("harm", ["cut short", "gone"])
def test_a_damaged_file_is_built_anew_and_missed_meanwhile(foxes, pool, harm):
    built(foxes)
    neighbours._loaded.cache_clear()  # another process
    if harm == "gone":
        file_of(foxes).unlink()
    else:
        file_of(foxes).write_bytes(file_of(foxes).read_bytes()[:-10])
    assert index(foxes) is None
    assert len(built(foxes).found) == 360


def test_it_is_read_once_until_a_job_has_built_on(foxes, pool):
    first = built(foxes)
    file_of(foxes).unlink()
    assert index(foxes).found is first.found


# --- refits ---------------------------------------------------------------------------------------


def answer(foxes, pool, *names):
    """Twelve labels, of these classes only."""
    made, groups = pool
    positions = [position for position in range(360) if NAMES[groups[position]] in names][:12]
    factories.labelled_each(
        foxes.question, [(made[position], NAMES[groups[position]]) for position in positions], foxes.ana
    )


def refit(foxes):
    asking.request_refit(foxes.question, at_once=True)
    (job,) = factories.work("refit")
    assert job.state == Job.State.DONE, job.error
    return Round.objects.get(question=foxes.question, is_current=True)


def groups_of(made_round, pool):
    made, groups = pool
    of_sample = {sample.pk: group for sample, group in zip(made, groups, strict=True)}
    return {NAMES[of_sample[entry.sample_id]] for entry in made_round.entries.all()}


def test_seals_asks_among_the_neighbours_of_the_labelled_without_an_index_and_with_one(foxes, pool, monkeypatch):
    monkeypatch.setattr(planning, "COLD_LABELS", 10)
    monkeypatch.setattr(choosing, "COLD_LABELS", 10)
    answer(foxes, pool, "fox", "badger")
    Question.objects.update(strategy="margin")
    assert "empty" in groups_of(refit(foxes), pool)
    Question.objects.update(strategy="seals")
    without = refit(foxes)
    assert without.strategy == "seals" and "empty" not in groups_of(without, pool)
    assert [job.state for job in factories.work("index")] == [Job.State.DONE]

    asked = []
    real = neighbours.InPool.search
    monkeypatch.setattr(neighbours.InPool, "search", lambda *args: asked.append(args) or real(*args))
    monkeypatch.setattr("tl_core.query.neighbourhood._exact", None)
    given = refit(foxes)
    assert given.number == 3 and "empty" not in groups_of(given, pool)
    assert len(asked) == 1 and not Job.objects.filter(kind="index", state=Job.State.QUEUED).exists()


def test_a_project_that_does_not_use_it_never_gets_one(foxes, pool):
    Question.objects.update(strategy="margin")
    refit(foxes)
    assert not Job.objects.filter(kind="index").exists()


def test_nothing_is_asked_for_while_nothing_is_embedded(foxes):
    Question.objects.update(strategy="seals")
    neighbours.keep_up(run_of(foxes))
    assert not Job.objects.exists()


def test_two_refits_ask_for_one_build(foxes, pool):
    refit(foxes)
    refit(foxes)
    assert Job.objects.filter(kind="index").count() == 1
