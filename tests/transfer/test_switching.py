"""Changing the featuriser: the project goes on learning from the old run until the new one is whole."""

from dataclasses import replace

import pytest
from django.urls import reverse

from labeller.embedding import computing, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples import ingesting as samples
from labeller.transfer import switching
from labeller.transfer.models import Switch
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tl_core.featurisers import FeaturiserUnavailable

pytestmark = pytest.mark.django_db
OTHER = FakeFeaturiser(name="other", fingerprint="fedcba9876543210", dimension=4)


@pytest.fixture
def embedded(foxes, folder, monkeypatch):
    """Four photographs, embedded by the project's featuriser; there is another one."""
    made = {"efficientnet-lite0": FakeFeaturiser(), "other": OTHER}
    monkeypatch.setattr(runs.featurisers, "get", lambda name: replace(made[name]))
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(replace(made[name])))
    for number in range(4):
        factories.photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed")
    return foxes.project


def in_use(project):
    return EmbeddingRun.in_use(Project.objects.get(pk=project.pk)).featuriser


def work(*kinds):
    """One job of these kinds, as a worker would."""
    job = Job.objects.filter(kind__in=kinds, state=Job.State.QUEUED).order_by("pk").first()
    Job.objects.filter(pk=job.pk).update(not_before=job.created_at)
    factories.jobs.run(job.pk, factories.registry.get)
    job.refresh_from_db()
    return job


def switched(project, **wish):
    switching.ask(project, **wish)
    work("switch")
    if Job.objects.filter(kind="embed", state="queued").exists():
        factories.work("embed")
        work("switch")
    project.refresh_from_db()


def test_nothing_changes_before_everything_is_embedded(embedded):
    switching.ask(embedded, spec="other")
    waiting = work("switch")
    assert (waiting.state, waiting.attempts, in_use(embedded)) == (Job.State.QUEUED, 0, "efficientnet-lite0")
    factories.work("embed")
    assert in_use(embedded) == "efficientnet-lite0"
    assert work("switch").state == Job.State.DONE
    assert in_use(embedded) == "other"
    assert Job.objects.filter(kind="refit", state="queued").exists()


def test_the_way_back_needs_no_embedding(embedded):
    switched(embedded, spec="other")
    former = switching.former(embedded)
    assert former.featuriser == "efficientnet-lite0"
    switching.ask(embedded, run=former)
    assert work("switch").state == Job.State.DONE
    assert in_use(embedded) == "efficientnet-lite0"
    embedded.refresh_from_db()
    assert switching.former(embedded).featuriser == "other"  # and forth again


def test_a_change_that_ends_while_its_page_is_made_is_on_the_page(embedded, foxes, client, monkeypatch):
    switching.ask(embedded, spec="other")
    work("switch")
    factories.work("embed")
    shown = switching.shown

    def as_it_ends(project):
        work("switch")
        return shown(project)

    monkeypatch.setattr(switching, "shown", as_it_ends)
    client.force_login(foxes.mia)
    page = client.get(reverse("transfer:featuriser", args=[embedded.slug])).content.decode()
    assert '<strong class="path">other</strong>' in page  # nothing asks for a newer page: no change is under way
    assert "Changing the featuriser" not in page


def test_done_twice_it_is_one_switch(embedded):
    switched(embedded, spec="other")
    Job.objects.filter(kind="switch").update(state="queued", attempts=0)
    assert work("switch").state == Job.State.DONE
    assert Switch.objects.count() == 1
    assert switching.former(embedded).featuriser == "efficientnet-lite0"


def test_the_last_wish_counts(embedded):
    switching.ask(embedded, spec="other")
    switching.ask(embedded, run=EmbeddingRun.in_use(embedded))
    assert [job.state for job in Job.objects.filter(kind="switch").order_by("pk")] == ["cancelled", "queued"]
    switching.keep(embedded)
    assert switching.shown(embedded).wish is None


def test_a_featuriser_that_cannot_be_had_changes_nothing(embedded, monkeypatch):
    def missing(name):
        raise FeaturiserUnavailable("pip install it")

    monkeypatch.setattr(runs.featurisers, "get", missing)
    switching.ask(embedded, spec="other")
    for _attempt in range(3):
        work("switch")
    shown = switching.shown(embedded)
    assert shown.wish is None
    assert "pip install it" in shown.failed.error
    assert in_use(embedded) == "efficientnet-lite0"


def test_a_run_that_was_stopped_is_gone_on_with(embedded):
    run = runs.run_of(embedded, "other")
    runs.cancel(run)
    switched(embedded, run=run)
    assert in_use(embedded) == "other"


def test_levels_are_embedded_beside_what_is_in_use(embedded, monkeypatch):
    beside = FakeFeaturiser(name="efficientnet-lite0,output=levels", fingerprint="00000000000000cc", dimension=6)
    former = runs.featurisers.get
    monkeypatch.setattr(runs.featurisers, "get", lambda name: beside if "levels" in name else former(name))
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(beside))
    Job.objects.all().delete()
    assert not runs.has_levels(embedded)
    switching.ask(embedded, spec="efficientnet-lite0", levels=True)
    assert work("switch").state == Job.State.QUEUED
    factories.work("embed")
    assert work("switch").state == Job.State.DONE
    assert runs.has_levels(embedded)
    assert not Switch.objects.exists()  # what it learns from is the same
    assert Job.objects.filter(kind="retrain", state="queued").exists()
