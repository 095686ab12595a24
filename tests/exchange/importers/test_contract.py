"""What every importer keeps to: it is one list of them that these tests go through."""

import csv

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeller.exchange import applying, importers, importing, starting
from labeller.exchange.importers.base import Unreadable
from labeller.exchange.importers.inputs import Input
from labeller.exchange.models import Import
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.samples.models import File
from tests import factories
from tests.exchange.importers.examples import EXAMPLES, REFUSED

pytestmark = pytest.mark.django_db
ASIDE = {"exchange.Import", "jobs.Job", "labels.Tally"}  # the import itself, and what is counted otherwise below
WHEN = {"created_at", "id", "uuid", "shard"}


@pytest.fixture(params=sorted(importers.IMPORTERS))
def name(request):
    return request.param


@pytest.fixture
def paths(foxes, sent):
    return [each.file.path for each in factories.samples(foxes.project, 12)]


def rows():
    """All rows of all tables, but for what tells when."""
    return {
        model._meta.label: sorted(
            str([(k, v) for k, v in each.items() if k not in WHEN or model._meta.label == "samples.Sample"])
            for each in model._base_manager.values()
        )
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.startswith("labeller") and model._meta.label not in ASIDE
    }


def began(foxes, file, **said):
    return starting.of_path(foxes.question, file, **said)


def looked(foxes, file, **said):
    wanted = began(foxes, file, **said)
    importing.look(wanted, lambda done, total: None)
    wanted.refresh_from_db()
    assert not wanted.problem, wanted.problem
    return wanted


def applied(wanted, tell=lambda done, total: None):
    assert importing.apply(wanted, tell)
    wanted.refresh_from_db()
    assert not wanted.problem, wanted.problem
    return wanted


def counts(report):
    return {key: value for key, value in report.items() if key not in {"preview", "changed"}}


def test_every_format_has_an_example():
    assert set(EXAMPLES) == set(importers.IMPORTERS)


def test_its_own_files_are_recognised_and_those_of_others_are_not(name, tmp_path):
    given = Input(EXAMPLES[name](tmp_path, ["a/1.jpg", "a/2.jpg", "a/3.jpg"]))
    assert importers.recognised(given).name == name
    assert importers.IMPORTERS[name].refusal(given) == ""


def test_a_look_writes_nothing_and_tells_what_will_be_done(name, foxes, paths, tmp_path):
    before = rows()
    wanted = looked(foxes, EXAMPLES[name](tmp_path, paths))
    assert rows() == before and Job.objects.count() == 0
    what = "deployments" if name == "deployments" else "pictures"
    assert wanted.format == name and wanted.look[what] == len(paths)
    assert bool(wanted.look["preview"]) == (what == "pictures")
    assert counts(applied(wanted).report) == counts(wanted.look)
    assert rows() != before
    assert not tallies.off(foxes.project)


def test_the_same_file_twice_changes_nothing(name, foxes, paths, tmp_path):
    file = EXAMPLES[name](tmp_path, paths)
    applied(looked(foxes, file))
    after = rows()
    report = applied(looked(foxes, file)).report
    assert rows() == after
    assert report["changed"] == 0 and not [each for each, _n, is_new in report["classes"] if is_new]


def test_every_row_that_is_not_taken_is_listed_with_its_line_and_the_reason(name, foxes, paths, tmp_path):
    wanted = applied(looked(foxes, EXAMPLES[name](tmp_path, paths)))
    listed = list(csv.DictReader(wanted.list_path.open(encoding="utf-8", newline="")))
    path, reason = REFUSED[name]
    (row,) = (each for each in listed if each["path"] == path)
    assert row["reason"] == reason and row["taken"] == "0" and int(row["line"]) > 0 and row["words"]
    assert len(listed) == sum(each["n"] for each in wanted.report["wrong"])


def test_stopped_midway_pictures_are_whole_and_the_next_run_goes_on(name, foxes, paths, tmp_path, monkeypatch):
    file = EXAMPLES[name](tmp_path, paths)
    monkeypatch.setattr(applying, "MOST_RECORDS", 3)
    monkeypatch.setattr(importing, "PAUSE", 0)
    wanted = looked(foxes, file)
    calls = []

    def stop(done, total):
        calls.append(done)
        if len(calls) == 2:
            raise jobs.JobLost

    with pytest.raises(jobs.JobLost):
        importing.apply(wanted, stop)
    wanted.refresh_from_db()
    assert wanted.position[0] == calls[-1] == 6 and wanted.applied_at is None
    assert not tallies.off(foxes.project)
    # Killed within a batch: nothing of it is there.
    before = rows()
    with monkeypatch.context() as broken:
        broken.setattr(importing, "_keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            importing.apply(wanted, stop)
    assert rows() == before
    whole = applied(wanted)
    assert counts(whole.report) == counts(wanted.look) and whole.applied_at
    after = rows()
    applied(looked(foxes, file))
    assert rows() == after


def test_what_is_asked_of_the_database_does_not_grow_with_a_batch(name, foxes, sent, tmp_path):
    few, many = ([each.file.path for each in factories.samples(foxes.project, n, n)] for n in (6, 60))
    counted = []
    for number, some in enumerate((few, many)):
        folder = tmp_path / str(number)
        folder.mkdir()
        wanted = looked(foxes, EXAMPLES[name](folder, some))
        wanted.options = {}
        with CaptureQueriesContext(
            connection,
        ) as queries:
            applied(wanted)
        counted.append(len(queries))
    assert counted[1] <= counted[0] + 6, counted


def test_a_file_that_changed_since_the_look_is_not_applied(name, foxes, paths, tmp_path):
    file = EXAMPLES[name](tmp_path, paths)
    wanted = looked(foxes, file)
    if not wanted.stamp:
        return  # a folder
    with file.open("ab") as more:
        more.write(b"\n")
    before = rows()
    assert importing.apply(wanted, lambda done, total: None)
    wanted.refresh_from_db()
    assert wanted.problem[0] == "changed" and rows() == before


def test_by_jobs_it_waits_for_pictures_that_are_being_imported(name, foxes, paths, tmp_path):
    wanted = began(foxes, EXAMPLES[name](tmp_path, paths))
    importing.ask(wanted)
    (job,) = factories.work("import")
    assert job.state == Job.State.DONE
    scan = Job.objects.create(project=foxes.project, kind="scan", key="x", not_before=job.created_at)
    waiting = importing.ask(wanted, importing.APPLY)
    assert jobs.run(waiting.pk, jobs_registry)
    waiting.refresh_from_db()
    assert waiting.state == Job.State.QUEUED
    scan.delete()
    (job,) = factories.work("import")
    assert job.state == Job.State.DONE and Import.objects.get().applied_at


def jobs_registry(kind):
    return importing.work


def test_what_is_no_format_is_refused_with_why(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\x00\x01" * 100)
    with pytest.raises(Unreadable, match="not-recognised"):
        importers.recognised(Input(tmp_path / "x.bin"))
    assert File.objects.count() == 0
