"""What later work needs to know of finished jobs lies with what they were about: the jobs themselves may go."""

import importlib

import pytest
from django.apps import apps
from django.utils import timezone

from labeller.annotating import hunts
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun, GivenUpShard
from labeller.jobs.models import Job
from labeller.learning.models import TileGroup
from labeller.projects.models import Project, Question
from labeller.samples import ingesting
from labeller.samples.models import Source
from tests import factories

pytestmark = pytest.mark.django_db
copying = importlib.import_module("labeller.jobs.migrations.0004_state_to_its_owners")


def test_a_shard_number_is_never_given_twice_though_the_jobs_are_gone(foxes, folder):
    factories.photograph(folder / "one.jpg", 1)
    source = ingesting.add_source(foxes.project, folder)
    factories.work("scan")
    Job.objects.all().delete()  # the ingest job too: its number is used up all the same
    ingesting.ask_for_scan(source)
    factories.work("scan")
    assert [job.payload["shard"] for job in Job.objects.filter(kind="ingest")] == [1]


def test_a_hunt_is_told_of_when_its_job_is_gone(foxes):
    group = TileGroup.objects.create(
        question=foxes.question, kind="hunt", hunter=foxes.ana, job=41, n=0, estimate={"by": "head"}
    )
    assert hunts.outcome(foxes.ana, foxes.question, 41) == hunts.HuntState("ready", group)
    assert hunts.outcome(foxes.bo, foxes.question, 41).state == "lost"


def finished(kind, key, project, state="done", **fields):
    now = timezone.now()
    times = {"not_before": now, "started_at": now, "finished_at": now}
    return Job.objects.create(kind=kind, key=key, project=project, state=state, **{**times, **fields})


def test_what_jobs_of_an_earlier_version_tell_is_copied_to_its_owners(foxes):
    project, question = foxes.project, foxes.question
    run = runs.current_run(project)
    source = Source.objects.create(project=project, path="/nowhere")
    finished("index", f"run:{run.pk}", project)
    grouping = finished("bursts", f"project:{project.pk}", project, payload={"gap": 60, "rules": 2})
    for number in (3, 11):
        finished("ingest", f"source:{source.pk}:shard:{number}", project)
    asked = finished("retrain", f"question:{question.pk}", project)
    for _ in range(2):
        failed = finished("embed", f"run:{run.pk}:shard:5", project, state="failed")
    copying.copy(apps, None)
    assert EmbeddingRun.objects.get().indexed == 1
    assert Question.objects.get().retrain_asked_at == asked.created_at
    now = Project.objects.get()
    assert (now.grouping, now.grouped_by, now.next_shard) == (grouping.pk, "gap 60, rules 2", 12)
    given_up = GivenUpShard.objects.get()
    assert (given_up.number, given_up.times, given_up.last_at) == (5, 2, failed.finished_at)


def test_a_grouping_that_broke_off_before_the_upgrade_is_done_anew(foxes):
    finished("bursts", f"project:{foxes.project.pk}", foxes.project, payload={"gap": 60, "rules": 2})
    finished("bursts", f"project:{foxes.project.pk}", foxes.project, state="failed", payload={"gap": 90, "rules": 2})
    copying.copy(apps, None)
    assert Project.objects.get().grouped_by == ""
