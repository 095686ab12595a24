"""Who gave a label of a file, and when, is kept beside it, and goes out again as it came in."""

import csv
from datetime import UTC, datetime

import pytest

from labeller.exchange import importing, starting
from labeller.exchange.exporting import label_rows, newest_label
from labeller.labels.models import Attribution, Label
from labeller.projects.making import ensure_class
from tests import factories
from tests.exchange import season
from tests.exchange.importers import examples

pytestmark = pytest.mark.django_db
WHEN = datetime(2026, 5, 3, 7, 30, tzinfo=UTC)


@pytest.fixture
def paths(foxes, sent):
    ensure_class(foxes.question, "blank")
    return [each.file.path for each in factories.samples(foxes.project, 3)]


def brought(foxes, file, **said):
    wanted = starting.of_path(foxes.question, file, **said)
    importing.look(wanted, lambda done, total: None)
    assert importing.apply(wanted, lambda done, total: None)
    wanted.refresh_from_db()
    assert not wanted.problem and wanted.report["labels"] == 3, wanted.report


def table(folder, paths):
    columns = ("path", "label", "annotator", "labelled_at")
    said = [("fox", "jane", "2026-05-03T09:30:00+02:00"), ("badger", "joe", ""), ("fox", "", "no time at all")]
    return examples.table(folder / "l.csv", columns, [(path, *each) for path, each in zip(paths, said, strict=True)])


def package(folder, paths):
    observed = (*examples.OBSERVATIONS, "classificationTimestamp")
    when = "2026-05-02T00:00:00+02:00"
    media = [(f"m{at}", "north", when, path, "true", "image/jpeg") for at, path in enumerate(paths)]
    told = [("fox", "jane", "2026-05-03T09:30:00+02:00"), ("badger", "joe", ""), ("fox", "", "")]
    rows = [
        (f"o{at}", "north", f"m{at}", when, when, "media", "animal", name, *[""] * 4, "human", by, "", at_)
        for at, (name, by, at_) in enumerate(told)
    ]
    stands = [("north", "by the brook", 52.1, 5.2, *examples.DAY)]
    return examples.package(folder, stands, media, rows, (examples.DEPLOYMENTS, examples.MEDIA, observed))


@pytest.mark.parametrize("make", [table, package])
def test_it_is_kept_where_the_file_tells_and_exported(foxes, paths, tmp_path, make):
    brought(foxes, make(tmp_path, paths))
    told = dict(Attribution.objects.values_list("label__sample__file__path", "by"))
    assert told == {paths[0]: "jane", paths[1]: "joe"}
    assert [each.at for each in Attribution.objects.order_by("label")] == [WHEN, None]
    columns, *rows = label_rows(foxes.question, newest_label(foxes.question))
    shown = [dict(zip(columns, row, strict=True)) for row in rows]
    assert {row["path"]: row["annotator"] for row in shown} == {**told, paths[2]: ""}
    assert {row["decided_by"] for row in shown} == {"imported"}
    assert {row["path"]: row["labelled_at"] for row in shown}[paths[0]] == WHEN.isoformat()


def test_a_data_package_goes_out_with_who_said_it_and_when(foxes, paths, tmp_path):
    brought(foxes, package(tmp_path, paths))
    season.write(foxes, "camtrap-dp", tmp_path / "out", incomplete=True)
    with (tmp_path / "out" / "observations.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["observationLevel"] == "media"]
    told = {(row["classifiedBy"], row["classificationTimestamp"]) for row in rows if row["classifiedBy"]}
    assert {by for by, _when in told} == {"jane", "joe", "imported"}
    assert datetime.fromisoformat(dict(told)["jane"]) == WHEN


def test_another_label_in_its_place_is_by_whoever_gave_that(foxes, paths, tmp_path):
    brought(foxes, table(tmp_path, paths))
    columns = ("path", "label", "annotator")
    rows = [
        (paths[0], "badger", "kim"),
        *((path, name, "joe") for path, name in zip(paths[1:], ("badger", "fox"), strict=True)),
    ]
    brought(foxes, examples.table(tmp_path / "again.csv", columns, rows))
    standing = Label.objects.filter(is_current=True, sample__file__path=paths[0]).get()
    assert standing.attribution.by == "kim" and standing.supersedes.attribution.by == "jane"
