"""Embedding runs: what is missing, who does it, and what happens when it can't be done."""

import errno
import json
import shutil
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeller.embedding import computing, loading, runs, tidying
from labeller.embedding.models import EmbeddingRun, EmbeddingShard, GivenUpShard
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning.asking import request_refit
from labeller.messages import sentence
from labeller.projects.models import Project, Question
from labeller.samples import ingesting as samples
from labeller.samples.models import Refusal, Sample
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.factories import photograph
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.torch_runtime import DeviceUnavailable
from tl_core.pipeline import EmbeddedPicture
from tl_core.store.embeddings import EmbeddingStore

pytestmark = pytest.mark.django_db


def refits():
    return list(Job.objects.filter(kind="refit", state="queued"))


def of_state(state, kind="embed"):
    return Job.objects.filter(kind=kind, state=state)


@pytest.fixture
def imported(foxes, folder):
    for number in range(5):
        photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    return folder


@pytest.fixture
def shards(foxes, folder, monkeypatch):
    """Four shards of three samples each, waiting."""
    monkeypatch.setattr(samples, "SHARD_SIZE", 3)
    for number in range(12):
        photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan")
    assert of_state("queued").count() == 4
    return runs.current_run(foxes.project)


# --- shards ---------------------------------------------------------------------------------------


def test_a_shard_is_embedded_and_asks_for_a_refit_of_every_question(foxes, imported):
    Question.objects.create(project=foxes.project, key="age", text="How old?")
    *_, job = factories.work("plan", "embed")
    assert (job.kind, job.state, job.done, job.total) == ("embed", Job.State.DONE, 5, 5)
    shard = EmbeddingShard.objects.get()
    assert (shard.number, shard.embedded, shard.failed) == (0, 5, 0)
    embedded = loading.load_embeddings(runs.current_run(foxes.project))
    assert embedded.ids.tolist() == sorted(Sample.objects.values_list("pk", flat=True))
    assert len(np.unique(embedded.vectors, axis=0)) == 5
    assert len(refits()) == 2


def test_embedding_twice_changes_nothing(foxes, imported):
    factories.work("plan", "embed")
    before = EmbeddingShard.objects.values().get()
    Job.objects.filter(kind="embed").update(state="queued", attempts=0)
    factories.work("embed")
    assert EmbeddingShard.objects.values().get() == before


def test_a_file_that_broke_since_its_import_has_no_vector_and_is_named(foxes, imported):
    (imported / "3.png").write_bytes(b"")
    factories.work("plan", "embed")
    shard = EmbeddingShard.objects.get()
    assert (shard.embedded, shard.failed) == (4, 1)
    assert Refusal.objects.values_list("path", "reason").get() == ("3.png", "empty")
    assert Sample.objects.count() == 5
    broken = Sample.objects.get(file__path="3.png")
    assert broken.pk not in loading.load_embeddings(runs.current_run(foxes.project)).ids


def test_a_shard_without_samples_writes_nothing(foxes, imported):
    factories.work("plan", "embed")
    run = runs.current_run(foxes.project)
    runs.enqueue(run, {4: 0})
    (job,) = factories.work("embed")
    assert job.state == Job.State.CANCELLED
    assert EmbeddingShard.objects.count() == 1


def test_a_sample_with_a_box_is_embedded_by_its_box(foxes, folder):
    picture = factories.picture(1, (64, 64))
    picture.paste((255, 0, 0), (32, 0, 64, 32))
    picture.save(folder / "a.png")
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan")
    Sample.objects.update(part="box", box_left=0.5, box_top=0.0, box_width=0.5, box_height=0.5)
    factories.work("embed")
    (vector,) = loading.load_embeddings(runs.current_run(foxes.project)).vectors
    # The red quarter, with the tenth of a margin that the picture has on two of its sides.
    assert vector[3] > 240 and vector[4] < 20 and vector[5] < 20


def test_an_absent_folder_is_waited_for_and_blamed_on_no_file(foxes, shards, folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    job = of_state("queued").first()
    assert runs.jobs.run(job.pk, factories.registry.get)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.QUEUED, 0) and str(folder) in job.message
    assert job.not_before > timezone.now() and not Refusal.objects.exists()
    shutil.move(tmp_path / "elsewhere", folder)
    factories.work("embed")
    assert EmbeddingShard.objects.count() == 4


def test_a_full_disk_is_waited_for(foxes, shards, monkeypatch):
    """Battery 15, by the way the writing fails; the real one is in tests/faults."""
    write = EmbeddingStore.write_shard

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EmbeddingStore, "write_shard", full)
    job = of_state("queued").first()
    for _ in range(4):
        Job.objects.update(not_before=timezone.now())
        assert runs.jobs.run(job.pk, factories.registry.get)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.QUEUED, 0) and "No space" in sentence(job.message)
    assert not EmbeddingShard.objects.exists()
    monkeypatch.setattr(EmbeddingStore, "write_shard", write)
    factories.work("embed")
    assert EmbeddingShard.objects.count() == 4


@pytest.mark.parametrize("harm", ["cut short", "gone"])
def test_a_damaged_shard_is_embedded_again_while_the_refit_waits(foxes, shards, harm):
    factories.work("embed")
    Job.objects.filter(kind="refit").delete()
    path = runs.store(shards).storage.local(EmbeddingStore.name(2))
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200])
    request_refit(foxes.question, at_once=True)
    refit = refits()[0]
    Job.objects.update(not_before=timezone.now())
    assert runs.jobs.run(refit.pk, factories.registry.get)
    refit.refresh_from_db()
    assert (refit.state, refit.attempts) == (Job.State.QUEUED, 0) and "1 damaged" in sentence(refit.message)
    assert [job.payload["shard"] for job in of_state("queued")] == [2]
    factories.work("embed")
    assert len(loading.load_embeddings(shards).ids) == 12 and EmbeddingShard.objects.count() == 4


# --- runs -----------------------------------------------------------------------------------------


def test_another_featuriser_gets_a_run_of_its_own(foxes, monkeypatch):
    first = runs.current_run(foxes.project)
    assert runs.current_run(foxes.project) == first
    other = FakeFeaturiser("b", "f" * 16, 3)
    monkeypatch.setattr(runs.featurisers, "get", lambda name: other)
    assert runs.current_run(foxes.project) != first
    assert EmbeddingRun.objects.count() == 2


def test_other_weights_under_the_same_name_are_not_mixed_in(foxes, shards, monkeypatch):
    """After an update of a network: nothing more goes into the old run, and the new one gets everything."""
    assert runs.jobs.run(of_state("queued").first().pk, factories.registry.get)
    newer = FakeFeaturiser(fingerprint="f" * 16)
    monkeypatch.setattr(runs.featurisers, "get", lambda name: newer)
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(newer))
    job = of_state("queued").first()
    assert runs.jobs.run(job.pk, factories.registry.get)
    job.refresh_from_db()
    assert "must not be mixed" in job.error and shards.shards.count() == 1
    run = runs.current_run(foxes.project)
    shards.refresh_from_db()
    assert run != shards and shards.state == "cancelled" and not of_state("queued").exists()
    assert runs.retry_missing() == 4
    factories.work("embed")
    assert run.shards.count() == 4 and len(loading.load_embeddings(run).ids) == 12


def test_new_shards_are_embedded_by_every_active_run_and_by_no_other(foxes, shards, folder):
    factories.work("embed")
    active, halted = (
        EmbeddingRun.objects.create(project=foxes.project, featuriser=name, fingerprint=name * 16, dimension=3)
        for name in "bc"
    )
    runs.pause(halted)
    photograph(folder / "new.png", 77)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    assert sorted(job.payload["run"] for job in of_state("queued")) == [shards.pk, active.pk]


def test_pausing_keeps_what_is_in_hand_and_resuming_does_the_rest(foxes, shards):
    job = of_state("queued").first()
    held = runs.jobs.claim(job.pk)
    runs.pause(shards)
    assert (of_state("cancelled").count(), of_state("running").count()) == (3, 1)
    computing.embed_shard(runs.jobs.Progress(held))
    runs.jobs.finish(held)
    assert (EmbeddingShard.objects.count(), of_state("queued").count()) == (1, 0)
    assert runs.retry_missing() == 0
    assert runs.resume(shards) == 3
    factories.work("embed")
    assert EmbeddingShard.objects.count() == 4


def test_cancelling_takes_the_work_out_of_hands(foxes, shards, monkeypatch):
    def cancelled_meanwhile(pictures, runtime):
        runs.cancel(shards)
        yield EmbeddedPicture(0, np.zeros(factories.DIMENSION, np.float32), None)

    monkeypatch.setattr("tl_core.pipeline.embed_images", cancelled_meanwhile)
    monkeypatch.setattr(runs.jobs.Progress, "MIN_INTERVAL", 0.0)
    held = runs.jobs.claim(of_state("queued").first().pk)
    with pytest.raises(runs.jobs.JobLost):
        computing.embed_shard(runs.jobs.Progress(held))
    assert not EmbeddingShard.objects.exists() and of_state("cancelled").count() == 4
    assert runs.resume(shards) == 4


def test_what_was_lost_is_queued_again_and_what_was_given_up_after_a_pause(foxes, shards):
    lost, given_up, *_ = of_state("queued")
    lost.delete()
    give_up(given_up)
    assert runs.retry_missing() == 1
    assert runs.retry_missing() == 0
    GivenUpShard.objects.update(last_at=timezone.now() - timedelta(minutes=2))
    assert runs.retry_missing() == 1
    give_up(of_state("queued").get(key=given_up.key))
    GivenUpShard.objects.update(last_at=timezone.now() - timedelta(minutes=2))
    Job.objects.filter(state="failed").delete()
    assert runs.retry_missing() == 0, "the second time it waits ten times as long, whatever is left of its jobs"
    assert runs.resume(shards) == 1
    factories.work("embed")
    assert EmbeddingShard.objects.count() == 4 and runs.retry_missing() == 0
    assert not GivenUpShard.objects.exists(), "embedded after all: that it was hard is forgotten"


def give_up(job):
    """Let the job fail as often as it may."""
    Job.objects.filter(pk=job.pk).update(attempts=jobs.MAX_ATTEMPTS - 1, not_before=timezone.now())
    jobs.fail(jobs.claim(job.pk), "the weights are gone")


def test_the_first_shards_come_first(shards):
    numbers = [job.payload["shard"] for job in of_state("queued").order_by("pk")]
    assert numbers == sorted(numbers) == [0, 1, 2, 3]


# --- commands -------------------------------------------------------------------------------------


def embed(capsys, *options):
    capsys.readouterr()
    call_command("embed", "--project", "foxes", "--json", *options)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_command_does_all_that_is_missing(foxes, shards, monkeypatch, capsys):
    monkeypatch.setattr(factories.registry, "_handlers", {})  # as in a process that is no Celery worker
    *lines, last = embed(capsys)
    assert last["finished"] and (last["embedded"], last["failed"], last["total"]) == (12, 0, 12)
    assert last["fingerprint"] == shards.fingerprint
    assert [line["done"] for line in lines][:4] == [3, 6, 9, 12] and "rate" in lines[0]
    assert EmbeddingShard.objects.count() == 4
    assert embed(capsys)[-1]["embedded"] == 12


def test_the_command_says_what_failed_and_a_second_call_repairs_it(foxes, shards, monkeypatch, capsys):
    def broken(batch):
        raise RuntimeError("out of luck")

    runtime = FakeRuntime(FakeFeaturiser())
    runtime.embed = broken
    with monkeypatch.context() as patch:
        patch.setattr(computing, "runtime", lambda name, device: runtime)
        patch.setattr(runs.jobs, "MAX_ATTEMPTS", 1)
        with pytest.raises(CommandError, match=r"12 samples are not embedded.*out of luck"):
            embed(capsys)
    assert embed(capsys)[-1]["embedded"] == 12


def test_interrupting_the_command_puts_the_shard_back(foxes, shards, monkeypatch, capsys):
    def interrupted(batch):
        raise KeyboardInterrupt

    runtime = FakeRuntime(FakeFeaturiser())
    runtime.embed = interrupted
    with monkeypatch.context() as patch:
        patch.setattr(computing, "runtime", lambda name, device: runtime)
        with pytest.raises(KeyboardInterrupt):
            embed(capsys)
    assert of_state("queued").count() == 4 and not of_state("running").exists()
    assert embed(capsys)[-1]["embedded"] == 12


@pytest.mark.parametrize("missing", [FeaturiserUnavailable("pip install weights"), DeviceUnavailable("use cpu")])
def test_what_cannot_be_had_is_said_before_any_shard_is_tried(foxes, shards, monkeypatch, capsys, missing):
    def unavailable(name, device):
        raise missing

    monkeypatch.setattr(computing, "runtime", unavailable)
    with pytest.raises(CommandError, match=str(missing)):
        embed(capsys, "--device", "cuda")
    assert not of_state("failed").exists()


@pytest.fixture
def second(monkeypatch):
    """A second featuriser beside the first."""
    fakes = {"efficientnet-lite0": FakeFeaturiser(), "second": FakeFeaturiser("second", "2" * 16, 4)}
    monkeypatch.setattr(runs.featurisers, "get", lambda name: fakes[name])
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(fakes[name]))


def test_featurisers_live_side_by_side_until_one_is_chosen_and_the_other_tidied(foxes, shards, second, capsys):
    embed(capsys)
    assert embed(capsys, "--featuriser", "second")[-1]["dimension"] == 4
    assert Project.objects.get().featuriser == "efficientnet-lite0" and EmbeddingShard.objects.count() == 8
    assert loading.load_embeddings(shards).vectors.shape == (12, 8)
    embed(capsys, "--featuriser", "second", "--use")
    assert Project.objects.get().featuriser == "second"
    call_command("tidy", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["removed"][0]["fingerprint"] == shards.fingerprint
    directory = runs.store(shards).storage.local("shard-000000.safetensors").parent
    assert len(list(directory.iterdir())) == 4
    call_command("tidy", "--json")
    assert json.loads(capsys.readouterr().out)["removed"][0]["embedded"] == 12
    assert not directory.exists() or not list(directory.iterdir())
    run = EmbeddingRun.objects.get()
    assert run.featuriser == "second" and run.shards.count() == 4
    call_command("tidy")
    assert "Nothing to delete" in capsys.readouterr().out


def test_what_a_deleted_project_left_is_tidied_and_nothing_else(foxes, shards, capsys):
    embed(capsys)
    assert tidying.orphans() == []
    left = EmbeddingStore(runs.store(shards).storage.path.parents[1] / "project-999", "f" * 16, 2)
    left.write_shard(0, np.arange(3), np.ones((3, 2), np.float32), np.ones(3, bool))
    folder = f"project-999/{'f' * 16}"
    call_command("tidy", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["removed"] == [{"folder": folder}] and tidying.orphans() == [folder]
    call_command("tidy")
    assert folder in capsys.readouterr().out and tidying.orphans() == [] and left.numbers() == []
    assert loading.load_embeddings(shards).vectors.shape == (12, 8)


def test_whitened_embeddings_are_a_run_of_their_own_and_follow_new_shards(foxes, shards, folder, capsys):
    last = embed(capsys, "--whiten", "2", "--use")[-1]
    assert (last["featuriser"], last["dimension"], last["embedded"]) == ("efficientnet-lite0,whiten=2", 2, 12)
    project = Project.objects.get()
    run = runs.current_run(project)
    assert run.base == shards and run.featuriser == project.featuriser
    vectors = loading.load_embeddings(run).vectors
    np.testing.assert_allclose(np.cov(vectors[:].T), np.eye(2), atol=1e-3)
    photograph(folder / "new.png", 77)
    samples.add_source(project, folder)
    factories.work("scan", "ingest")
    newest = {job.payload["run"]: job for job in of_state("queued")}
    assert runs.jobs.run(newest[run.pk].pk, factories.registry.get)  # before the one it is made from
    newest[run.pk].refresh_from_db()
    assert (newest[run.pk].state, newest[run.pk].attempts) == ("queued", 0)
    factories.work("embed")
    assert loading.load_embeddings(run).vectors.shape == (13, 2)
    assert embed(capsys, "--whiten", "2")[-1]["fingerprint"] == run.fingerprint
    assert tidying.unused(project) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--whiten", "12"], "12 rows cannot be whitened"),
        (["--whiten", "x"], "whole number"),
        (["--featuriser", "nothing"], "nothing"),
    ],
)
def test_the_command_says_what_is_wrong(foxes, shards, second, options, message, capsys):
    with pytest.raises(CommandError, match=message):
        embed(capsys, *options)


def test_the_command_knows_its_projects(foxes):
    with pytest.raises(CommandError, match="no project 'badgers'"):
        call_command("embed", "--project", "badgers")
    with pytest.raises(CommandError, match="no project 'badgers'"):
        call_command("tidy", "--project", "badgers")
