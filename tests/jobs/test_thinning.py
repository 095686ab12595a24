"""Old finished jobs go; what is open, new, failed lately, or counted by an import in progress stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeller.jobs import thinning
from labeller.jobs.models import Job, Kept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(thinning, "NEWEST", 5)
    monkeypatch.setattr(thinning, "FAILED", 2)
    monkeypatch.setattr(thinning, "BATCH", 3)


def jobs(project, count, kind="refit", state="done", age=1):
    """So many jobs that ended one after the other, the last one `age` hours ago."""
    last = timezone.now() - timedelta(hours=age)
    made = []
    for number in range(count):
        ended = None if state in {"queued", "running"} else last - timedelta(seconds=count - number)
        key = f"{kind}:{state}:{number}"
        fields = {"kind": kind, "key": key, "state": state, "finished_at": ended, "not_before": last}
        made.append(Job.objects.create(project=project, **fields))
    return made


def left():
    return set(Job.objects.all())


def test_the_newest_stay_and_it_is_counted_what_went(foxes):
    done = jobs(foxes.project, 20)
    waiting = jobs(foxes.project, 3, state="queued", age=90)
    assert thinning.thin(foxes.project) == 15
    assert left() == {*done[-5:], *waiting}
    assert thinning.thin(foxes.project) == 0
    kept = Kept.objects.get(project=foxes.project, what="jobs")
    assert (kept.n, kept.thinned) == (8, 15) and kept.thinned_at


def test_what_failed_last_stays_however_old(foxes):
    failed = jobs(foxes.project, 4, state="failed", age=50)
    done = jobs(foxes.project, 10)
    thinning.thin(foxes.project)
    assert left() == {*failed[-2:], *done[-5:]}


def test_while_an_import_lasts_all_its_jobs_count(foxes):
    ingests = jobs(foxes.project, 10, kind="ingest", age=2)
    refits = jobs(foxes.project, 10)
    open_still = jobs(foxes.project, 1, kind="ingest", state="queued")
    thinning.thin(foxes.project)
    assert left() == {*ingests, *refits[-5:], *open_still}
    Job.objects.filter(state="queued").delete()
    thinning.thin(foxes.project)
    assert left() == {*refits[-5:]}


def test_when_its_time_is_up_it_goes_on_the_next_time(foxes):
    jobs(foxes.project, 20)
    assert thinning.thin(foxes.project, until=0.0) == 0
    assert Job.objects.count() == 20


def test_jobs_of_no_project_are_thinned_too(foxes):
    done = jobs(None, 9, kind="remove")
    assert thinning.thin(None) == 4
    assert left() == {*done[-5:]}
