"""Camtrap DP: what it says of pictures and events, and that the standard's own schemas take it."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import frictionless
import jsonschema
import pytest

from labeller.exchange.exporters.base import Impossible
from labeller.samples.models import Deployment, File
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db


def read(folder, name):
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def package(foxes, tmp_path, monkeypatch):
    wholes, _ = season.season(foxes, tmp_path / "card")
    season.accepted(foxes, monkeypatch, wholes["IMG_0006.jpg"], "red fox")
    manifest = season.write(foxes, "camtrap-dp", tmp_path / "out")
    return tmp_path / "out", manifest


def of(rows, name, level="media"):
    """What was observed in a picture: (type, setup, taxon, count, sex, tags)."""
    columns = ("observationType", "cameraSetupType", "scientificName", "count", "sex", "observationTags")
    return [tuple(row[each] for each in columns) for row in rows if row["observationLevel"] == level and name(row)]


def test_states_are_told_apart_and_answers_to_followers_fill_columns(package):
    folder, _ = package
    media = {row["fileName"]: row["mediaID"] for row in read(folder, "media")}
    rows = read(folder, "observations")

    def seen(name):
        return of(rows, lambda row: row["mediaID"] == media[name])

    assert len(media) == 19
    assert seen("burst3.jpg") == [("unclassified", "", "", "", "", "")]
    assert seen("night0.jpg") == [("blank", "", "", "", "", "")]
    assert seen("IMG_0000.jpg") == [("unclassified", "setup", "", "", "", "")]
    assert seen("IMG_0003.jpg") == [("unknown", "", "", "", "", "unsure")]
    assert seen("IMG_0004.jpg") == [("unclassified", "", "", "", "", "")]
    assert seen("IMG_0005.jpg") == [], "left out by a reviewer"
    assert seen("a..b.jpg") == [("human", "", "Homo sapiens", "", "", "")]
    assert seen("burst0.jpg") == [("animal", "", "Vulpes vulpes", "", "", "sex:odd/one")]
    assert seen("IMG_0002.jpg") == [("animal", "", "deer", "", "", "disputed")]
    assert seen("IMG_0007.jpg") == [("animal", "", "Vulpes vulpes", "10", "", "count:10+")]
    assert seen("burst1.jpg") == [
        ("animal", "", "Vulpes vulpes", "2", "female", ""),
        ("animal", "", "Vulpes vulpes", "1", "", ""),
    ]
    assert seen("IMG_0001.jpg") == [("unclassified", "", "", "", "", "")], "a box nobody looked at is no observation"


def test_an_event_says_each_species_once_with_the_most_of_any_frame(package):
    folder, _ = package
    rows = [row for row in read(folder, "observations") if row["observationLevel"] == "event"]
    assert all(not row["mediaID"] for row in rows)
    burst = [row for row in rows if row["eventID"].startswith("event-")]
    assert [(row["observationType"], row["scientificName"], row["count"]) for row in burst] == [
        ("animal", "Vulpes vulpes", "3"),
        ("blank", "", ""),
    ]
    assert burst[0]["eventStart"] == "2024-06-01T14:00:00+02:00"
    assert burst[0]["eventEnd"] == "2024-06-01T14:03:00+02:00"
    assert len(rows) == 2 + 13 - 1  # events, pictures by themselves, and one of these left out


def test_of_an_event_is_said_what_its_pictures_agree_on(foxes, tmp_path):
    """Two females and one of which nobody said anything are not three females; in another frame they are the same."""
    wholes, boxes = season.season(foxes, tmp_path / "card")
    sex = foxes.project.questions.get(key="sex")

    def event(folder):
        season.write(foxes, "camtrap-dp", tmp_path / folder)
        rows = read(tmp_path / folder, "observations")
        (fox,) = [row for row in rows if row["eventID"].startswith("event-") and row["observationLevel"] == "event"
                  and row["scientificName"]]  # fmt: skip
        return fox["sex"], fox["count"], fox["observationTags"]

    assert event("one") == ("", "3", "sex:odd/one")
    factories.label(sex, boxes[1], foxes.ana, sex.classes.get(name="female").pk)
    assert event("both") == ("female", "3", "sex:odd/one")
    male = sex.classes.get(name="male").pk
    factories.label(sex, wholes["burst0.jpg"], foxes.mia, male, mode="review")
    assert event("contradicted") == ("", "3", "")


def test_a_camera_that_took_nothing_while_it_stood_is_effort(foxes, tmp_path):
    season.season(foxes, tmp_path / "card")
    start = season.START
    where = {"project": foxes.project, "latitude": 1, "longitude": 2}
    Deployment.objects.create(name="idle", start=start, end=start + timedelta(days=9), **where)
    Deployment.objects.create(name="nobody knows when", **where)
    season.write(foxes, "camtrap-dp", tmp_path / "out")
    rows = {row["deploymentID"]: row for row in read(tmp_path / "out", "deployments")}
    assert rows.keys() == {"idle", "north/cam 0", "north/cam 1"}
    assert (rows["idle"]["deploymentStart"], rows["idle"]["deploymentEnd"]) == (
        "2024-06-01T04:00:00+00:00", "2024-06-10T04:00:00+00:00",
    )  # fmt: skip
    assert problems(tmp_path / "out") == []


def test_every_row_says_who_decided_when_and_how_surely(package):
    folder, _ = package
    rows = read(folder, "observations")
    by = {(row["classificationMethod"], row["classifiedBy"], row["classificationProbability"]) for row in rows}
    assert ("human", "ana", "1") in by
    assert ("human", "imported", "") in by
    assert ("machine", "labeller head 7 (efficientnet-lite0)", "0.97") in by
    for row in rows:
        assert bool(row["classificationMethod"]) == bool(row["classificationTimestamp"])
        assert row["classificationMethod"] or row["observationType"] == "unclassified"


def test_paths_are_such_as_the_standard_takes_and_people_are_not_public(package):
    folder, _ = package
    rows = {row["fileName"]: row for row in read(folder, "media")}
    assert rows["a..b.jpg"]["filePath"] == "north/cam 0/a%2E.b.jpg"
    assert {name for name, row in rows.items() if row["filePublic"] == "false"} == {"a..b.jpg"}
    assert rows[season.ODD[0]]["filePath"].endswith("=cmd|'calc'!A0.jpg"), "values are as they are"


def test_the_description_holds_the_audit_and_what_the_rule_promises(package):
    folder, manifest = package
    said = json.loads((folder / "datapackage.json").read_text())
    assert "at most 5 % are wrong by 80 audited samples (95 % confidence)" in said["description"]
    assert said["gbifIngestion"] == {"observationLevel": "event"}
    assert said["temporal"] == {"start": "2024-06-01", "end": "2024-06-02"}
    assert [each["scientificName"] for each in said["taxonomic"]] == ["Meles meles", "Vulpes vulpes", "deer"]
    assert any("No time zone" in note and "cam 1" in note for note in manifest["notes"])


def test_without_coordinates_it_says_which_and_can_leave_them_out(foxes, tmp_path):
    season.season(foxes, tmp_path / "card")
    Deployment.objects.filter(name="north/cam 1").update(latitude=None, longitude=None)
    with pytest.raises(Impossible, match=r"1 deployment has no coordinates.*cam 1"):
        season.write(foxes, "camtrap-dp", tmp_path / "refused")
    manifest = season.write(foxes, "camtrap-dp", tmp_path / "out", incomplete=True)
    assert [row["deploymentID"] for row in read(tmp_path / "out", "deployments")] == ["north/cam 0"]
    assert any("want of coordinates: north/cam 1" in note for note in manifest["notes"])


def test_without_times_or_deployments_it_says_so(foxes, tmp_path):
    season.season(foxes, tmp_path / "card")
    File.objects.filter(path__contains="night").update(taken_at=None)
    File.objects.filter(path__contains="IMG_0007").update(deployment=None)
    with pytest.raises(Impossible, match="Of 3 pictures nobody knows when or where"):
        season.write(foxes, "camtrap-dp", tmp_path / "refused")
    season.write(foxes, "camtrap-dp", tmp_path / "out", incomplete=True)
    assert len(read(tmp_path / "out", "media")) == 16


@pytest.mark.parametrize("name", ["camtrap-dp", "darwin-core", "wildlife-insights"])
def test_places_of_sensitive_species_are_coarsened_in_every_row(foxes, tmp_path, monkeypatch, name):
    """Where one was seen, or accepted, all rows of the deployment are: one exact row would give it away."""
    wholes, _ = season.season(foxes, tmp_path / "card")
    season.accepted(foxes, monkeypatch, wholes["IMG_0006.jpg"], "=badger")
    Deployment.objects.update(latitude=52.1234, longitude=5.5678)
    table, columns = {
        "camtrap-dp": ("deployments", ("latitude", "longitude", "coordinateUncertainty")),
        "wildlife-insights": ("deployments", ("latitude", "longitude")),
        "darwin-core": ("occurrence", ("decimalLatitude", "decimalLongitude", "coordinateUncertaintyInMeters")),
    }[name]

    def places(folder, **options):
        season.write(foxes, name, tmp_path / folder, **options)
        return {tuple(row[column] for column in columns) for row in read(tmp_path / folder, table)}

    exact, coarse, finer = ("52.1234", "5.5678", ""), ("52.1", "5.6", "7872"), ("52.12", "5.57", "788")
    assert places("all") == {exact[: len(columns)]}
    assert places("badgers", sensitive="Meles meles") == {coarse[: len(columns)]}, "at both cameras"
    assert places("deer", sensitive="=BADGER, deer", coarse="0.01") == {finer[: len(columns)]}
    assert places("people", sensitive="person") == {exact[: len(columns)], coarse[: len(columns)]}
    with pytest.raises(Impossible, match="There is no class dodo"):
        season.write(foxes, name, tmp_path / "refused", sensitive="dodo")


# --- by the standard's own word -------------------------------------------------------------------


def problems(folder):
    """What the profile and the schemas of the standard find wrong."""
    schemas = json.loads((Path(__file__).parent / "standards" / "camtrap_dp.json").read_text())
    described = json.loads((folder / "datapackage.json").read_text())
    profile = schemas.pop("profile")
    found = [error.message for error in jsonschema.Draft4Validator(profile).iter_errors(described)]
    for resource in described["resources"]:
        if resource["name"] in schemas:
            assert resource["schema"].endswith(f"/1.0.2/{resource['name']}-table-schema.json")
            resource["schema"] = schemas[resource["name"]]
    del described["profile"]
    (folder / "offline.json").write_text(json.dumps(described))
    report = frictionless.validate(str(folder / "offline.json"))
    return found + report.flatten(["name", "rowNumber", "fieldName", "message"]) + report.errors


def test_the_standard_finds_nothing_wrong(package):
    assert problems(package[0]) == []


def test_the_standard_finds_what_is_wrong(package):
    folder, _ = package
    text = (folder / "observations.csv").read_text()
    (folder / "observations.csv").write_text(text.replace(",animal,", ",beast,", 1))
    assert len(problems(folder)) == 1
