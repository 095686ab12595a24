"""What an import embeds because it has the pictures decoded: the same vectors, and nothing depends on them."""

import numpy as np
import pytest

from labeller.embedding import ahead, computing, loading, runs, tidying
from labeller.embedding.models import EmbeddingShard
from labeller.jobs.models import Job
from labeller.samples import ingesting
from labeller.samples.models import Sample
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def network(settings, monkeypatch):
    """The network, on a site that is this machine alone, without a GPU."""
    settings.EMBEDDED_REDIS = True
    made = FakeRuntime(FakeFeaturiser())
    monkeypatch.setattr(ahead, "_network", lambda spec: made)
    return made


@pytest.fixture
def pictures(foxes, folder):
    for number in range(5):
        photograph(folder / f"{number}.png", number)
    return folder


def take(project, folder):
    """Import the folder into a project that has a run."""
    run = runs.current_run(project)
    ingesting.add_source(project, folder)
    factories.work("scan", "ingest")
    return run


def kept(run):
    return ahead.kept(run).names()


def by_path(run):
    embedded = loading.load_embeddings(run)
    names = dict(Sample.objects.filter(project=run.project).values_list("pk", "file__path"))
    return {names[pk]: vector.tolist() for pk, vector in zip(embedded.ids, embedded.vectors[:], strict=True)}


def test_what_an_import_computed_is_what_the_job_would_have(foxes, pictures, network, settings, monkeypatch):
    settings.EMBEDDED_REDIS = False
    usual = take(factories.project("usual", classes=()), pictures)
    assert not kept(usual)
    factories.work("embed")
    settings.EMBEDDED_REDIS = True
    run = take(foxes.project, pictures)
    assert kept(run)
    monkeypatch.setattr(computing, "runtime", None)  # nothing is left to compute
    factories.work("embed")
    assert by_path(run) == by_path(usual) and len(by_path(run)) == 5
    assert not kept(run)


def test_a_gpu_elsewhere_is_left_its_work(foxes, pictures, settings):
    settings.EMBEDDED_REDIS, settings.DEVICE = True, "cuda"
    assert not kept(take(foxes.project, pictures))


def test_a_network_that_nobody_exported_is_not_loaded_to_import(foxes, pictures, settings):
    settings.EMBEDDED_REDIS, settings.DEVICE = True, "cpu"
    assert not kept(take(foxes.project, pictures))


def test_nothing_is_embedded_for_a_run_that_was_halted(foxes, pictures, network):
    runs.cancel(runs.current_run(foxes.project))
    assert not kept(take(foxes.project, pictures))


def test_a_picture_that_failed_is_left_to_the_job(foxes, pictures, network, monkeypatch):
    embed, calls = FakeRuntime.embed, []

    def once(self, batch):
        calls.append(len(batch))
        if len(calls) == 3:
            raise RuntimeError("out of luck")
        return embed(self, batch)

    monkeypatch.setattr(FakeRuntime, "embed", once)
    run = take(foxes.project, pictures)
    factories.work("embed")
    assert len(by_path(run)) == 5 and sum(calls) == 6


def test_a_damaged_file_is_computed_anew(foxes, pictures, network):
    run = take(foxes.project, pictures)
    (name,) = kept(run)
    ahead.kept(run).write(name, ahead.kept(run).local(name).read_bytes()[:-30])
    factories.work("embed")
    assert len(by_path(run)) == 5 and not kept(run)


def test_files_that_are_all_known_already_leave_nothing(foxes, pictures, network, tmp_path):
    take(foxes.project, pictures)
    factories.work("embed")
    again = tmp_path / "again"
    again.mkdir()
    photograph(again / "copy.png", 3)
    run = take(foxes.project, again)
    assert EmbeddingShard.objects.count() == 1 and not kept(run)


def test_a_box_is_not_given_the_whole_pictures_vector(foxes, folder, network):
    picture = factories.picture(1, (64, 64))
    picture.paste((255, 0, 0), (32, 0, 64, 32))
    picture.save(folder / "a.png")
    run = take(foxes.project, folder)
    Sample.objects.update(part="box", box_left=0.5, box_top=0.0, box_width=0.5, box_height=0.5)
    factories.work("embed")
    (vector,) = loading.load_embeddings(run).vectors
    assert vector[3] > 240 and vector[4] < 20 and vector[5] < 20


def test_an_edited_picture_is_embedded_as_it_is_now(foxes, pictures, network):
    run = take(foxes.project, pictures)
    photograph(pictures / "3.png", 77)
    ingesting.ask_for_scan(foxes.project.sources.get())
    factories.work("scan", "ingest", "embed")
    assert len(np.unique(list(by_path(run).values()), axis=0)) == 5
    other = factories.project("other", classes=())
    usual = take(other, pictures)
    factories.work("embed")
    assert by_path(run) == by_path(usual)


def test_a_repeated_attempt_computes_nothing_ahead(foxes, pictures, network):
    """It looks for the file that killed the worker, which the network must not be blamed for."""
    runs.current_run(foxes.project)
    ingesting.add_source(foxes.project, pictures)
    factories.work("scan")
    Job.objects.filter(kind="ingest").update(attempts=1)
    factories.work("ingest")
    assert not kept(runs.current_run(foxes.project)) and Sample.objects.count() == 5


def test_what_was_computed_ahead_goes_with_its_run(foxes, pictures, network):
    run = take(foxes.project, pictures)
    tidying.remove(run)
    assert not kept(run)
