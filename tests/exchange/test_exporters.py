"""What every exporter keeps to: each that is registered inherits these."""

import csv
import hashlib
import json
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeller.exchange import making
from labeller.exchange.exporters import EXPORTERS, contents
from labeller.exchange.exporters.base import Impossible
from labeller.exchange.models import Export, folder_of
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.samples.models import Deployment, File
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db
OF_PICTURES = sorted(EXPORTERS)


@pytest.fixture(params=OF_PICTURES)
def name(request):
    return request.param


def content(folder):
    """Every file of an export by its name; the manifest without its time."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["made_at"]
    return found, manifest


def rows_of(path):
    """How many rows a file has, by its kind; None where only its own readers can tell."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return sum(1 for _ in csv.reader(file)) - 1
    if path.suffix == ".jsonl" or path.name == "SHA256SUMS":
        return len(path.read_text().splitlines())
    return None


def test_twice_it_is_the_same_but_for_the_times_and_the_manifest_holds(full, name, tmp_path):
    for turn in ("first", "second"):
        manifest = season.write(full, name, tmp_path / turn)
        assert json.loads((tmp_path / turn / "manifest.json").read_text()) == manifest
    assert content(tmp_path / "first") == content(tmp_path / "second")
    folder = tmp_path / "first"
    for each in manifest["files"]:
        path = folder / each["name"]
        assert each["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert each["bytes"] == path.stat().st_size
        assert rows_of(path) in (each["rows"], None)
    listed = {each["name"] for each in manifest["files"]} | {"manifest.json"}
    if "SHA256SUMS" in listed:
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
        listed |= {line[66:] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == listed


def test_it_is_read_page_by_page(full, name, tmp_path, monkeypatch):
    """Twice as many files in as many pages take no statement more: none is asked for a row."""

    def statements(folder):
        with CaptureQueriesContext(connection) as captured:
            season.write(full, name, tmp_path / folder)
        return len(captured)

    season.write(full, name, tmp_path / "warm")
    few = statements("few")
    known = File.objects.filter(sequence__isnull=True).first()
    more = [
        File(
            project=full.project, source=known.source, path=f"more/{number}.jpg", bytes=1, modified_ns=0, width=9,
            height=9, sha256=hashlib.sha256(str(number).encode()).hexdigest(), deployment=known.deployment,
            taken_at=known.taken_at + timedelta(days=1, minutes=number),
        )
        for number in range(40)
    ]  # fmt: skip
    for each in more:
        factories.photograph(Path(known.source.path) / each.path, 1)
    made = factories.wholes(more)
    factories.labelled(full.question, made[:20], full.ana, "red fox")
    assert statements("more") == few
    monkeypatch.setattr(contents, "PAGE", 10)
    assert statements("pages") > few or name == "classifier", "which has no rows"


def test_stopped_midway_it_leaves_nothing_and_is_done_again(full, name):
    export = making.ask(EXPORTERS[name], season.wanted(full, name).questions[:1], {}, full.mia)

    class Killed(SystemExit):
        pass

    def run(stop_at):
        calls = []

        class Stopping(jobs.Progress):
            def __call__(self, done, total=None, message="", *, now=False):
                calls.append(done)
                if len(calls) == stop_at:
                    raise Killed
                super().__call__(done, total, message, now=now)

        job = jobs.claim(export.job_id)
        try:
            registry.get("export")(Stopping(job))
            return None
        except Killed:
            Job.objects.filter(pk=job.pk).update(state="queued")
            return len(calls)

    folder_of(full.project.pk).mkdir(parents=True)
    (folder_of(full.project.pk) / f"export-{export.pk}.killed.part").mkdir()  # no worker tidied up after itself
    stop_at = 1
    while run(stop_at) is not None:
        assert not export.path.exists() and not list(folder_of(full.project.pk).glob("*.part"))
        export.refresh_from_db()
        assert export.finished_at is None and not export.manifest
        stop_at += 7
    export.refresh_from_db()
    with zipfile.ZipFile(export.path) as packed:
        assert packed.testzip() is None
        assert f"{export.name}/manifest.json" in packed.namelist()
    assert stop_at > 8 and export.finished_at and export.bytes == export.path.stat().st_size
    assert list(folder_of(full.project.pk).iterdir()) == [export.path]


def test_nothing_to_export_is_said_in_a_sentence(foxes, name, tmp_path):
    with pytest.raises(Impossible, match=r"There is nothing to export yet"):
        season.write(foxes, name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_deployments_it_is_whole_or_says_what_is_missing(full, name, tmp_path):
    File.objects.update(deployment=None, sequence=None)
    Deployment.objects.all().delete()
    try:
        manifest = season.write(full, name, tmp_path / "out")
    except Impossible as refused:
        assert "picture" in str(refused)
    else:
        assert (tmp_path / "out" / "manifest.json").exists() and manifest["files"]


def test_every_option_has_a_value_and_unknown_ones_are_refused(name):
    exporter = EXPORTERS[name]
    filled = exporter.filled({})
    assert filled == {each.name: each.default for each in exporter.options}
    assert exporter.filled({key: str(value) for key, value in filled.items()}) == filled, "as a command gives them"
    with pytest.raises(ValueError, match="no option"):
        exporter.filled({"colour": "red"})


def test_an_export_that_lost_its_row_leaves_no_file(full):
    export = making.ask(EXPORTERS["csv"], [full.question], {}, full.mia)
    job = jobs.claim(export.job_id)
    Export.objects.all().delete()
    registry.get("export")(jobs.Progress(job))
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now())
    assert not export.path.exists()
