"""Levels beside a run's own embeddings: one pass for both, kept while complete, mixed as labels say."""

import numpy as np
import pytest

from labeller.embedding import computing, loading, mixing, runs, tidying
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.jobs.models import Job
from labeller.learning import reading, rounds, weighing
from labeller.learning.asking import request_retrain
from labeller.learning.models import Head, Round
from labeller.samples import ingesting as samples
from labeller.samples.models import Deployment
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.factories import photograph
from tl_core.heads import weighing as by_folds

pytestmark = pytest.mark.django_db

LAST, LEVELS = factories.DIMENSION, 4


@pytest.fixture
def with_levels(monkeypatch):
    """A network that has levels: after its own numbers four more, the same times a hundred."""

    def get(spec="efficientnet-lite0"):
        if spec.endswith(",output=levels"):
            return FakeFeaturiser(name=spec, fingerprint="fedcba9876543210", dimension=LEVELS)
        if spec.endswith(",output=both"):
            return FakeFeaturiser(name=spec, fingerprint="aaaaaaaaaaaaaaaa", dimension=LAST + LEVELS)
        return FakeFeaturiser(name=spec)

    class Both(FakeRuntime):
        def embed(self, batch):
            own = FakeRuntime(FakeFeaturiser()).embed(batch)
            beside = {LAST: [own], LEVELS: [100 * own[:, :LEVELS]]}.get(self.featuriser.dimension)
            return np.concatenate(beside or [own, 100 * own[:, :LEVELS]], axis=1)

    monkeypatch.setattr(runs.featurisers, "get", get)
    monkeypatch.setattr(computing, "runtime", lambda spec, device: Both(get(spec)))
    monkeypatch.setattr(samples, "SHARD_SIZE", 3)


@pytest.fixture
def imported(foxes, folder, with_levels):
    for number in range(6):
        photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan")
    return foxes.project


def beside(run):
    return run.companions.get()


def queued():
    return list(Job.objects.filter(kind="embed", state="queued").values_list("key", flat=True))


# --- one pass for both ----------------------------------------------------------------------------


def test_one_job_a_shard_embeds_both(imported):
    run = runs.current_run(imported)
    levels = beside(run)
    assert levels.featuriser == "efficientnet-lite0,output=levels"
    assert queued() == [f"run:{run.pk}:shard:{number}" for number in (0, 1)]
    factories.work("embed")
    own, others = (runs.store(each).open(runs.shards(each)) for each in (run, levels))
    assert own.ids.tolist() == others.ids.tolist() and len(own.ids) == 6
    np.testing.assert_allclose(others.vectors[:], 100 * own.vectors[:][:, :LEVELS], rtol=1e-3)
    assert runs.store(levels).read_shard(0).vectors.dtype == np.float16
    assert runs.missing(run) == runs.missing(levels) == {}


def test_a_companion_that_a_dead_worker_left_out_is_made_later(imported):
    run = runs.current_run(imported)
    beside(run).delete()
    assert beside(runs.current_run(imported)).shards.count() == 0
    factories.work("embed")
    beside(run).shards.all().delete()
    beside(run).delete()
    assert not runs.current_run(imported).companions.exists()  # what is embedded without levels is left so


def test_whoever_keeps_no_levels_has_none(foxes, folder, with_levels):
    foxes.project.keeps_levels = False
    foxes.project.save()
    photograph(folder / "0.png", 0)
    samples.add_source(foxes.project, folder)
    factories.work()
    assert EmbeddingRun.objects.get().companions.count() == 0


def test_pictures_that_change_are_embedded_anew_in_both(imported):
    factories.work("embed")
    run = runs.current_run(imported)
    before = {row.run_id: row.sha256 for row in EmbeddingShard.objects.filter(number=0)}
    first = imported.samples.filter(shard=0).first()
    photograph(first.file.source.location(first.file.path), 77)
    runs.embed_again(None, project=imported, shard=0, count=3)
    assert queued() == [f"run:{run.pk}:shard:0"]
    factories.work("embed")
    after = {row.run_id: row.sha256 for row in EmbeddingShard.objects.filter(number=0)}
    assert len(after) == 2 and all(after[pk] != before[pk] for pk in after)


def test_levels_that_are_asked_for_later_are_embedded_by_themselves(imported):
    factories.work("embed")
    run = runs.current_run(imported)
    beside(run).shards.filter(number=1).delete()
    assert mixing.companions(run) == []  # not while one shard is lacking
    assert runs.retry_missing() == 1
    assert queued() == [f"run:{beside(run).pk}:shard:1"]
    factories.work("embed")
    assert mixing.companions(run) == [beside(run)]


def test_they_are_halted_and_go_on_together(imported):
    run = runs.current_run(imported)
    runs.cancel(run)
    assert set(imported.embedding_runs.values_list("state", flat=True)) == {"cancelled"}
    assert runs.resume(run) == 2
    factories.work("embed")
    assert beside(run).shards.count() == 2


def test_tidying_keeps_what_is_beside_the_run_in_use(imported):
    factories.work("embed")
    run = runs.current_run(imported)
    assert tidying.unused(imported) == []
    imported.featuriser = "another"
    imported.save()
    assert [each.pk for each in tidying.unused(imported)] == [beside(run).pk, run.pk]
    for each in tidying.unused(imported):
        tidying.remove(each)
    assert not EmbeddingRun.objects.exists() and not runs.root().names("project-")


# --- mixes ----------------------------------------------------------------------------------------


@pytest.fixture
def pool(foxes, with_levels):
    """Sixty samples whose own embeddings are noise; their levels tell foxes from badgers."""
    made = factories.samples(foxes.project, 60)
    rng = np.random.default_rng(0)
    factories.embed(foxes.project, made, rng.normal(size=(60, LAST)))
    run = runs.current_run(foxes.project)
    telling = rng.normal(size=(60, LEVELS)).astype(np.float32)
    telling[:, 0] += 6 * (np.arange(60) % 2)
    written = runs.store(beside(run)).write_shard(0, np.array([each.pk for each in made]), telling, np.ones(60, bool))
    EmbeddingShard.objects.create(run=beside(run), number=0, embedded=60, sha256=written.sha256)
    return made


@pytest.fixture
def labelled(foxes, pool):
    factories.labelled_each(
        foxes.question,
        [(sample, ("fox", "badger")[number % 2]) for number, sample in enumerate(pool[: by_folds.ENOUGH_LABELS])],
        foxes.ana,
    )
    return pool


def retrain(foxes):
    request_retrain(foxes.question)
    factories.work("retrain")
    return Head.objects.filter(question=foxes.question, acceptances=None).latest("version")


def test_a_full_refit_chooses_what_held_out_labels_speak_for(foxes, labelled):
    head = retrain(foxes)
    weights = dict(head.weights)
    assert head.is_full and weights["efficientnet-lite0,output=levels"] >= 1
    run = runs.current_run(foxes.project)
    seen = reading.embeddings_of(foxes.question, run)
    assert seen.mix == head.mix and seen.vectors.shape == (60, loading.load_embeddings(run, head.mix).vectors.shape[1])
    ranking = rounds.rank(foxes.question)
    assert ranking.fitted.row.mix == head.mix
    entries = Round.objects.get(is_current=True).entries.all()
    right = [foxes.class_id(("fox", "badger")[(each.sample.pk - labelled[0].pk) % 2]) for each in entries]
    assert len(right) == 10 and [each.suggestions[0][0] for each in entries] == right


def test_of_very_many_labels_some_decide(foxes, labelled, monkeypatch):
    seen = []
    weigh = by_folds.weigh

    def watched(candidates, y, *rest):
        seen.append((len(y), {len(each) for each in candidates}))
        return weigh(candidates, y, *rest)

    monkeypatch.setattr(by_folds, "weigh", watched)
    monkeypatch.setattr(by_folds, "ENOUGH_LABELS", 20)
    monkeypatch.setattr(by_folds, "MOST_LABELS", 30)
    retrain(foxes)
    assert seen == [(30, {30})]


def test_few_labels_see_the_last_layer(foxes, pool):
    factories.labelled_each(
        foxes.question,
        [(sample, ("fox", "badger")[number % 2]) for number, sample in enumerate(pool[: by_folds.ENOUGH_LABELS - 1])],
        foxes.ana,
    )
    assert (retrain(foxes).mix, retrain(foxes).weights) == ("", [])


def test_where_a_part_is_gone_the_question_learns_from_the_last_layer(foxes, labelled):
    head = retrain(foxes)
    run = runs.current_run(foxes.project)
    tidying.remove(beside(run))
    assert reading.mix_in_use(foxes.question, run) == ""
    with pytest.raises(mixing.MixGone):
        loading.load_embeddings(run, head.mix)
    assert rounds.rank(foxes.question).fitted.row.mix == ""


def test_samples_that_a_part_lacks_are_left_out_of_the_mix(foxes, labelled):
    head = retrain(foxes)
    levels = beside(runs.current_run(foxes.project))
    shard = runs.store(levels).read_shard(0)
    valid = shard.valid & (shard.ids != labelled[3].pk)
    written = runs.store(levels).write_shard(0, shard.ids, np.array(shard.vectors, np.float32), valid)
    levels.shards.update(sha256=written.sha256)
    seen = loading.load_embeddings(runs.current_run(foxes.project), head.mix)
    assert seen.ids.tolist() == [each.pk for each in labelled if each != labelled[3]]
    whole = loading.read_shard(runs.current_run(foxes.project), head.mix, 0)
    assert np.array_equal(whole.vectors[:], seen.vectors[:])


def test_cameras_are_held_out_whole_where_there_are_several(foxes, pool):
    ids = np.array([each.pk for each in pool])
    assert set(weighing.groups(ids).tolist()) == {-1}
    for number, sample in enumerate(pool):
        place, _ = Deployment.objects.get_or_create(project=foxes.project, name=f"camera {number % 12}")
        type(sample.file).objects.filter(pk=sample.file_id).update(deployment=place)
    assert len(set(weighing.groups(ids).tolist())) == 12
