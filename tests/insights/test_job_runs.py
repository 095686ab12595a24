"""The list of jobs: what went alike, one after the other, is one row."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeller.insights import job_runs
from labeller.insights.templatetags import words
from labeller.jobs.models import Job
from labeller.jobs.queueing import QUEUES

pytestmark = pytest.mark.django_db
DONE, FAILED, QUEUED = Job.State.DONE, Job.State.FAILED, Job.State.QUEUED


@pytest.fixture
def jobs(foxes):
    """Write jobs, the oldest first: (kind, state, fields)."""
    start = timezone.now() - timedelta(hours=1)

    def write(*given):
        Job.objects.all().delete()
        for at, (kind, state, fields) in enumerate(given):
            ended = start + timedelta(seconds=at) if state != QUEUED else None
            Job.objects.create(
                kind=kind,
                state=state,
                key=str(at),
                project=foxes.project,
                not_before=start,
                finished_at=ended,
                **fields,
            )
        return [(run.job.kind, run.job.state, run.count) for run in job_runs.newest(foxes.project)]

    return write


def test_equal_jobs_that_follow_each_other_are_one_row_that_names_the_last(jobs, foxes):
    runs = jobs(*[("refit", DONE, {})] * 3, ("hunt", DONE, {}), *[("refit", DONE, {})] * 12)
    assert runs == [("refit", DONE, 12), ("hunt", DONE, 1), ("refit", DONE, 3)]
    newest = job_runs.newest(foxes.project)[0].job
    assert newest.finished_at == Job.objects.order_by("-finished_at").first().finished_at


def test_done_and_total_are_sums(jobs, foxes):
    jobs(("ingest", DONE, {"done": 512, "total": 512}), ("ingest", DONE, {"done": 400, "total": 464}))
    (run,) = job_runs.newest(foxes.project)
    assert (run.done, run.total) == (912, 976)


def test_what_is_open_comes_first_and_an_error_stands_alone(jobs):
    broken = {"error": "OSError: the disk is gone"}
    runs = jobs(("refit", FAILED, broken), ("refit", FAILED, broken), ("refit", DONE, {}), ("refit", QUEUED, {}))
    assert runs == [("refit", QUEUED, 1), ("refit", DONE, 1), ("refit", FAILED, 1), ("refit", FAILED, 1)]


def test_the_page_says_how_many(client, foxes, jobs):
    jobs(*[("refit", DONE, {})] * 12)
    client.force_login(foxes.vic)
    text = " ".join(client.get("/projects/foxes/").content.decode().split())
    assert "refit" in text and "× 12" in text and text.count('data-testid="job"') == 1


def test_every_kind_of_job_has_words_for_what_it_does():
    assert set(words.JOB_KINDS) == set(QUEUES)
