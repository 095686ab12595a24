"""Adapting without labels: tried by a job, judged in pairs, kept where it helps, and used on one click."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeller.embedding import loading, mixing, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import answering
from labeller.labels import recording as labels
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import ingesting as samples
from labeller.samples.models import Deployment, File, Sample
from labeller.transfer import adapting, preparing, switching
from labeller.transfer.models import AdaptingResult
from tests import factories
from tests.conftest import FakeFeaturiser
from tl_core.adaptation import base as ways
from tl_core.adaptation.gains import Gain

pytestmark = pytest.mark.django_db
COUNT = 60  # photographs, a few more than ways want at least
HELPS = [Gain("head", 50, 0.6, 0.8, 0.1, 0.3)]


@pytest.fixture(autouse=True)
def _no_torch_networks(monkeypatch):
    """The fake network has no layers: what needs those is tested with real ones in tests/tl_core."""
    monkeypatch.setattr("tl_core.adaptation.networks.network_of", lambda spec: None)


@pytest.fixture
def embedded(foxes, folder):
    """Photographs of two cameras, embedded; nine of ten are labelled."""
    for number in range(COUNT):
        factories.photograph(folder / f"camera-{number % 2}" / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed", "index", "bursts", "count")
    for name in ("camera-0", "camera-1"):
        deployment = Deployment.objects.get_or_create(project=foxes.project, name=name)[0]
        File.objects.filter(project=foxes.project, path__startswith=name).update(deployment=deployment)
    names = {f"camera-{number}": foxes.class_id(name) for number, name in enumerate(("fox", "badger"))}
    judgements = [
        factories.judgement(foxes.question, sample, foxes.ana, names[sample.file.path.partition("/")[0]])
        for number, sample in enumerate(Sample.objects.select_related("file").order_by("pk"))
        if number % 10
    ]
    with transaction.atomic(), answering.kept([each.sample_id for each in judgements]):
        labels.record_together(judgements)
    Job.objects.exclude(kind="none").delete()
    return foxes


def tried(cast, *names):
    """The results of these ways, by a job as a worker does it."""
    adapting.ask(cast.project, names)
    (job,) = factories.work("adapt")
    assert job.state == Job.State.DONE, job.error
    return {each.way: each for each in AdaptingResult.objects.filter(project=cast.project)}


def test_every_way_is_tried_and_says_what_it_gained_or_why_it_cannot(embedded):
    results = tried(embedded)
    assert set(results) == {*(way.name for way in ways.ways()), adapting.LEVELS}
    for name, result in results.items():
        measures = {gain["measure"] for gain in result.report["gains"]}
        if result.report["reason"]:
            assert name in ("batch-statistics", "cameras") and sentence(result.report["reason"])
        else:
            assert {"head", "neighbours", "twins"} <= measures, name
        assert bool(result.made) == any(
            gain["measure"] == "head" and gain["low"] > 0 for gain in result.report["gains"] if name != adapting.LEVELS
        )
    assert not EmbeddingRun.objects.exclude(base=None).exists(), "nobody asked for any of them to be used"


def test_without_labels_they_are_judged_all_the_same(embedded):
    embedded.question.labels.all().delete()
    embedded.question.answers.all().delete()
    report = tried(embedded, "whitening")["whitening"].report
    assert not report["labelled"] and {gain["measure"] for gain in report["gains"]} == {"twins"}


def test_what_does_not_help_is_not_kept(embedded, monkeypatch):
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: [Gain("head", 50, 0.6, 0.6, -0.1, 0.1)])
    results = tried(embedded, "whitening", "autoencoder")
    assert not any(each.made for each in results.values())
    assert not runs.networks().names() and not runs.store(adapting.base_of(embedded.project)).storage.names("whitening")


def test_a_map_that_helps_is_used_on_one_click_and_given_up_by_another(embedded, monkeypatch):
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: HELPS)
    result = tried(embedded, "whitening")["whitening"]
    client = Client()
    client.force_login(embedded.mia)
    base = runs.current_run(embedded.project)
    client.post(reverse("transfer:use_adapted", args=["foxes", "whitening"]))
    jobs.run(Job.objects.get(kind="switch").pk, factories.registry.get)  # it waits for what it queues
    factories.work("embed")
    factories.work("switch")
    project = Project.objects.get()
    run = runs.current_run(project)
    assert run.base == base and run.adaptation == result.made and len(loading.load_embeddings(run).ids) == COUNT
    page = client.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()
    assert "use-whitening" not in page and "in use" in page
    assert adapting.base_of(project) == base, "what is adapted is the network, never what was adapted already"
    switching.ask(project, run=switching.former(project))
    factories.work("switch")
    assert runs.current_run(Project.objects.get()) == base


def test_what_goes_beside_is_embedded_and_the_project_keeps_what_it_learns_from(embedded, monkeypatch):
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: HELPS)
    result = tried(embedded, "autoencoder")["autoencoder"]
    assert result.is_beside and runs.networks().names() == [f"{result.made}.safetensors"]
    fakes = {f"own/{result.made}": FakeFeaturiser(f"own/{result.made}", "e" * 16)}
    monkeypatch.setattr(runs.featurisers, "get", lambda name="": fakes.get(name, FakeFeaturiser()))
    client = Client()
    client.force_login(embedded.mia)
    client.post(reverse("transfer:use_adapted", args=["foxes", "autoencoder"]))
    job = Job.objects.get(kind="adapt", state="queued")
    jobs.run(job.pk, factories.registry.get)  # it waits for what it queues
    factories.work("embed")
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    jobs.run(job.pk, factories.registry.get)
    run = EmbeddingRun.objects.get(featuriser=f"own/{result.made}")
    assert mixing.companions(adapting.base_of(embedded.project)) == [run]
    assert Job.objects.filter(kind="retrain", state="queued").count() == 1, "each question weighs it anew"
    assert "leave-autoencoder" in client.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()
    client.post(reverse("transfer:leave_adapted", args=["foxes", "autoencoder"]))
    factories.work("adapt")
    assert not EmbeddingRun.objects.filter(pk=run.pk).exists()
    assert Project.objects.get().featuriser == "efficientnet-lite0"


def test_cancelled_in_the_middle_it_keeps_nothing(embedded, monkeypatch):
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: HELPS)
    monkeypatch.setattr(jobs.Progress, "MIN_INTERVAL", 0.0)
    job = adapting.ask(embedded.project, ["whitening"])
    whitening = ways.get("whitening")

    def cancelled(pool, rng, report):
        adapting.cancel(embedded.project)
        return whitening.fit(pool, rng, report)

    monkeypatch.setitem(ways._ways, "whitening", ways.Way("whitening", cancelled))
    assert jobs.run(job.pk, factories.registry.get)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED and not AdaptingResult.objects.filter(way="whitening").exists()
    assert not runs.store(adapting.base_of(embedded.project)).storage.names("whitening")


def test_killed_between_the_file_and_its_row_it_is_done_again_without_harm(embedded, monkeypatch):
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: HELPS)
    kept = adapting._keep

    def killed(*given, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapting, "_keep", killed)
    job = adapting.ask(embedded.project, ["cameras"])
    with pytest.raises(KeyboardInterrupt):
        jobs.run(job.pk, factories.registry.get)
    monkeypatch.setattr(adapting, "_keep", kept)
    factories.work("adapt")
    result = AdaptingResult.objects.get(way="cameras")
    files = runs.store(adapting.base_of(embedded.project)).storage.names("cameras")
    assert files == ([f"{result.made}.safetensors"] if result.made else [])


def test_done_twice_it_comes_to_the_same(embedded):
    first = tried(embedded, "whitening", "agreement")
    again = tried(embedded, "whitening", "agreement")
    for name in ("whitening", "agreement"):
        assert (first[name].pk, first[name].made) == (again[name].pk, again[name].made)
        assert first[name].report["gains"] == again[name].report["gains"]


def test_too_little_to_go_by_is_said(foxes):
    made = factories.samples(foxes.project, 10)
    factories.embed(foxes.project, made, np.ones((10, factories.DIMENSION)))
    adapting.ask(foxes.project)
    job = factories.work("adapt")[-1]
    assert job.state == Job.State.FAILED and "40" in sentence(job.error)
    client = Client()
    client.force_login(foxes.mia)
    assert "embedded photographs" in client.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()


def test_photographs_that_went_away_are_no_reason_to_judge(embedded, monkeypatch):
    with pytest.raises(preparing.NothingToAdapt):
        prepared = preparing.prepare(
            adapting.base_of(embedded.project),
            None,
            np.random.default_rng(0),
            preparing.Steps(lambda *_, **__: None, 9),
        )
        File.objects.filter(path__endswith="1.png").update(path=Concat(F("path"), Value(".gone")))
        prepared.seen_by(preparing.SmallPicture(), preparing.Steps(lambda *_, **__: None, 9))


# --- page and command -----------------------------------------------------------------------------


def test_the_page_starts_shows_and_stops(embedded):
    client = Client()
    client.force_login(embedded.mia)
    page = reverse("transfer:featuriser", args=["foxes"])
    assert "Not tried yet" in client.get(page).content.decode()
    client.post(reverse("transfer:adapt", args=["foxes"]))
    shown = client.get(page).content.decode()
    assert 'data-testid="stop-adapting"' in shown and 'data-testid="adapt"' not in shown
    client.post(reverse("transfer:stop_adapting", args=["foxes"]))
    assert Job.objects.get(kind="adapt").state == Job.State.CANCELLED
    tried(embedded, "whitening")
    shown = client.get(page).content.decode()
    assert "head, cross-validated" in shown and "points" in shown and "Try all again" in shown


def test_what_was_not_kept_cannot_be_used(embedded):
    client = Client()
    client.force_login(embedded.mia)
    AdaptingResult.objects.create(
        project=embedded.project, run=adapting.base_of(embedded.project), way="whitening", report={"gains": []}
    )
    for way in ("whitening", "nothing"):
        assert client.post(reverse("transfer:use_adapted", args=["foxes", way])).status_code == 404


def test_the_command_tries_some_and_uses_the_best(embedded, monkeypatch, capsys):
    call_command("adapt", "--project", "foxes", "--kind", "whitening", "--json")
    (line,) = json.loads(capsys.readouterr().out)["ways"]
    assert line["way"] == "whitening" and line["gains"][0]["measure"] == "head"
    call_command("adapt", "--project", "foxes", "--kind", "batch-statistics")
    assert "not possible here" in capsys.readouterr().out
    monkeypatch.setattr(adapting.measured, "judge", lambda *given, **how: HELPS)
    call_command("adapt", "--project", "foxes", "--kind", "whitening", "--use")
    assert "+20.0 points" in capsys.readouterr().out and Job.objects.filter(kind="switch").exists()
    with pytest.raises(CommandError, match="no project 'badgers'"):
        call_command("adapt", "--project", "badgers")
