"""What tables and folders hold: Wildlife Insights, Darwin Core, CSV, Parquet, Hugging Face and a folder a class."""

import csv
import json
import sys

import numpy as np
import pytest
from dwca.read import DwCAReader

from labeller.exchange.exporters.base import Impossible
from labeller.labels.models import Label
from labeller.projects.models import Project, Question
from labeller.samples import tables
from labeller.samples.models import Sample, Text
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def of_file(rows, name, column="path"):
    return [row for row in rows if row[column].endswith(f"/{name}")]


# --- Wildlife Insights ----------------------------------------------------------------------------


def test_the_four_tables_of_wildlife_insights_hang_together(written):
    folder, manifest = written("wildlife-insights", project_id="2001")
    images, deployments, cameras, (project,) = (
        rows_of(folder / f"{name}.csv") for name in ("images", "deployments", "cameras", "projects")
    )
    assert {row["project_id"] for row in (*images, *deployments, *cameras, project)} == {"2001"}
    assert {row["deployment_id"] for row in images} == {row["deployment_id"] for row in deployments}
    assert {row["camera_id"] for row in deployments} == {row["camera_id"] for row in cameras} == {"R, 1"}
    (fox, _) = of_file(images, "burst1.jpg", "location")
    assert (fox["genus"], fox["species"], fox["common_name"]) == ("Vulpes", "vulpes", "red fox")
    assert (fox["number_of_objects"], fox["sex"], fox["identified_by"]) == ("2", "Female", "imported")
    assert fox["timestamp"] == "2024-06-01 14:01:00"
    names = {name: row["common_name"] for name in ("night0.jpg", "burst3.jpg", "IMG_0000.jpg", "IMG_0003.jpg")
             for row in of_file(images, name, "location")}  # fmt: skip
    assert list(names.values()) == ["Blank", "No CV Result", "Setup_Pickup", "Unknown"]
    (machine,) = of_file(images, "IMG_0006.jpg", "location")
    assert machine["uncertainty"] == "0.03" and "head 7" in machine["identified_by"]
    assert any("Before the upload" in note for note in manifest["notes"])


# --- Darwin Core ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["event", "media"])
def test_a_darwin_core_archive_is_read_by_a_reader_of_them(written, level):
    folder, _ = written("darwin-core", level=level, licence="CC0-1.0")
    with DwCAReader(str(folder)) as archive:
        rows = [row.data for row in archive]
        assert archive.metadata.find("dataset/title").text == "Foxes"
    term = "http://rs.tdwg.org/dwc/terms/"
    burst = [row for row in rows if row[f"{term}eventID"].startswith("event-")]
    assert {row[f"{term}scientificName"] for row in rows} == {"Vulpes vulpes", "Meles meles", "deer"}
    assert {row[f"{term}occurrenceStatus"] for row in rows} == {"present"}
    assert len({row[f"{term}occurrenceID"] for row in rows}) == len(rows) > 4
    verified = {row[f"{term}identifiedBy"]: row[f"{term}identificationVerificationStatus"] for row in rows}
    assert verified["labeller head 7 (efficientnet-lite0)"] == "unverified"
    if level == "event":
        (fox,) = burst
        assert fox[f"{term}individualCount"] == "3"
        assert fox[f"{term}eventDate"] == "2024-06-01T14:00:00+02:00/2024-06-01T14:03:00+02:00"
        assert fox[f"{term}associatedMedia"].count(" | ") == 3
    else:
        assert [row[f"{term}individualCount"] for row in burst] == ["", "2", "1"]


# --- CSV ------------------------------------------------------------------------------------------


def test_a_wide_table_has_a_column_for_each_question(written):
    folder, _ = written("csv")
    rows = rows_of(folder / "wide.csv")
    assert len(rows) == Sample.objects.count()
    box, _ = [row for row in of_file(rows, "burst1.jpg") if row["part"].startswith("box")]
    assert (box["species"], box["count"], box["sex"]) == ("red fox", "2", "female")
    assert (box["species_decided_how"], box["sex_decided_by"]) == ("imported", "ana")
    assert [float(box[side]) for side in ("left", "top", "width", "height")] == [0.1, 0.2, 0.25, 0.5]
    states = {name: row["species_state"] for name in ("IMG_0003.jpg", "IMG_0004.jpg", "IMG_0005.jpg", "IMG_0006.jpg")
              for row in of_file(rows, name)}  # fmt: skip
    assert list(states.values()) == ["unsure", "skipped", "left_out", "accepted"]


def test_a_question_that_is_called_as_a_column_is_has_one_of_its_own(written):
    Question.objects.filter(key="sex").update(key="event")
    folder, _ = written("csv")
    box, _ = [row for row in of_file(rows_of(folder / "wide.csv"), "burst1.jpg") if row["part"].startswith("box")]
    assert (box["question_event"], box["question_event_decided_by"]) == ("female", "ana")
    assert box["event"].startswith("event-")


def test_a_long_table_has_a_row_for_each_answer_and_the_columns_that_are_wanted(written):
    folder, _ = written("csv", rows="long", columns="path, question,classes,says")
    rows = rows_of(folder / "long.csv")
    assert list(rows[0]) == ["path", "question", "classes", "says"]
    assert {row["question"] for row in rows} == {"species", "count", "sex"}
    assert [row["says"] for row in of_file(rows, "a..b.jpg")] == ["human"]
    with pytest.raises(Impossible, match="There is no column colour; there are: path, source"):
        written("csv", columns="path,colour")


def test_a_row_for_each_label_has_those_that_do_not_stand(written):
    folder, _ = written("csv", rows="labels")
    rows = rows_of(folder / "labels.csv")
    assert len(rows) == Label.objects.count()
    assert {row["classes"] for row in of_file(rows, "IMG_0002.jpg")} == {"red fox", "deer"}


def test_in_a_table_for_spreadsheets_no_cell_is_computed(written):
    plain, _ = written("csv", rows="long")
    assert "=badger" in {row["classes"] for row in rows_of(plain / "long.csv")}
    folder, _ = written("csv", rows="long", spreadsheet=True)
    rows = rows_of(folder / "long.csv")
    assert "'=badger" in {row["classes"] for row in rows} and {row["defused"] for row in rows} == {"1"}
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


@pytest.mark.parametrize("spreadsheet", [False, True])
def test_what_goes_out_is_read_back_as_labels(written, spreadsheet):
    """Both a row for each answer and one for each label, with names that would be computed."""
    for rows in ("long", "labels"):
        folder, _ = written("csv", rows=rows, spreadsheet=spreadsheet)
        found = tables.of_question(tables.read(folder / f"{rows}.csv"), "species").rows
        named = {row.path.rpartition("/")[2]: row.classes for row in found}
        assert named[season.ODD[0]] == ("red fox",)
        assert named[season.ODD[1]] == ("=badger",)
        assert named["IMG_0007.jpg"] == ("red fox",)
        assert "IMG_0003.jpg" not in named and "IMG_0005.jpg" not in named, "no answer stands there"
        assert "IMG_0006.jpg" not in named, "what was accepted never comes back as a label"


def test_texts_go_out_with_what_they_say(db, tmp_path):
    words = factories.cast(classes=("praise", "complaint"))
    Project.objects.filter(pk=words.project.pk).update(kind="text")
    words.project.refresh_from_db()
    made = factories.samples(words.project, 2)
    for number, sample in enumerate(made):
        Text.objects.create(sample=sample, project=words.project, content=f"=said {number}", digest=f"{number}")
    factories.label(words.question, made[0], words.ana, words.class_id("praise"))
    season.write(words, "csv", tmp_path / "csv", text=True)
    assert [(row["species"], row["text"]) for row in rows_of(tmp_path / "csv" / "wide.csv")] == [
        ("praise", "=said 0"),
        ("", "=said 1"),
    ]
    season.write(words, "hugging-face", tmp_path / "hub")
    (line,) = (tmp_path / "hub" / "data" / "train" / "texts.jsonl").read_text().splitlines()
    assert (json.loads(line)["species"], json.loads(line)["text"]) == ("praise", "=said 0")
    with pytest.raises(Impossible, match="This format is for photographs"):
        season.write(words, "coco", tmp_path / "coco")


def test_texts_of_one_file_are_parted_by_what_belongs_together(db, tmp_path):
    words = factories.cast(classes=("praise", "complaint"))
    Project.objects.filter(pk=words.project.pk).update(kind="text")
    words.project.refresh_from_db()
    (first,) = factories.samples(words.project, 1)
    rows = [Sample(project=words.project, file=first.file, part="row", start=n, shard=0) for n in range(40)]
    customers = [words.project.deployments.create(name=f"customer {number}") for number in range(5)]
    for number, sample in enumerate(Sample.objects.bulk_create(rows)):
        group = customers[number // 4] if number < 20 else None
        Text.objects.create(sample=sample, project=words.project, content="?", digest=f"{number}", deployment=group)
    season.write(words, "csv", tmp_path / "out", split="70-15-15")
    parted = {}
    for row in rows_of(tmp_path / "out" / "wide.csv"):
        parted.setdefault(row["deployment"], set()).add(row["split"])
    assert parted.pop("") == {"train", "val", "test"}, "texts by themselves"
    assert len(parted) == 5 and all(len(parts) == 1 for parts in parted.values())


# --- Parquet --------------------------------------------------------------------------------------


def test_parquet_has_typed_answers_and_embeddings_that_join(full, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    samples = list(Sample.objects.order_by("pk"))
    vectors = np.arange(len(samples) * factories.DIMENSION, dtype=np.float32).reshape(len(samples), -1)
    factories.embed(full.project, samples, vectors)
    season.write(full, "parquet", tmp_path / "out", embeddings=True, predictions=True)
    answers = parquet.read_table(tmp_path / "out" / "answers.parquet")
    kinds = {field.name: str(field.type) for field in answers.schema}
    assert (kinds["sample"], kinds["probability"], kinds["classes"]) == ("int64", "double", "string")
    machine = [row for row in answers.to_pylist() if row["decided_how"] == "machine"]
    assert [(row["classes"], row["probability"], row["state"]) for row in machine] == [("red fox", 0.97, "accepted")]
    embeddings = parquet.read_table(tmp_path / "out" / "embeddings.parquet")
    stored = dict(zip(embeddings["sample"].to_pylist(), embeddings["embedding"].to_pylist(), strict=True))
    assert stored[samples[3].pk] == vectors[3].tolist()
    assert embeddings.schema.metadata[b"featuriser"] == b"efficientnet-lite0"
    assert parquet.read_table(tmp_path / "out" / "predictions.parquet").num_rows == 0, "no head yet"


def test_without_its_package_parquet_says_how_to_get_it(full, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Impossible, match="pip install pyarrow"):
        season.write(full, "parquet", tmp_path / "out")


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_for_the_hub_has_pictures_metadata_and_a_card(written):
    folder, _ = written("hugging-face", pictures="copy", licence="CC-BY-4.0")
    card = (folder / "README.md").read_text()
    assert "license: cc-by-4.0" in card and "- red fox (*Vulpes vulpes*)" in card and "audited samples" in card
    lines = (folder / "data" / "train" / "metadata.jsonl").read_text().splitlines()
    rows = {row["file_name"]: row for row in map(json.loads, lines)}
    assert all((folder / "data" / "train" / name).is_file() for name in rows)
    fox = rows["north/cam 0/burst1.jpg"]
    assert fox["labels"] == ["red fox"] and len(fox["objects"]["bbox"]) == 2
    assert [each["decided_how"] for each in fox["decisions"]] == ["imported", "human"]
    assert rows["north/cam 1/IMG_0006.jpg"]["decisions"][0]["probability"] == 0.97
    assert "north/cam 0/burst3.jpg" not in rows, "nobody looked at it"
    assert "north/cam 0/a..b.jpg" not in rows, "people stay"


@pytest.mark.parametrize("pictures", ["link", "copy"])
def test_a_folder_for_each_class_has_pictures_by_link_or_copy(written, pictures):
    folder, _ = written("image-folder", pictures=pictures)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")}
    assert "red fox/north__cam 0__burst1.jpg" in found and "blank/north__cam 1__night0.jpg" in found
    assert "=badger/north__cam 0___quoted_, with comma.jpg" in found
    assert all((folder / name).is_symlink() == (pictures == "link") for name in found)
    rows = {row["file_name"]: row for row in rows_of(folder / "metadata.csv")}
    assert rows.keys() == found
    assert rows["red fox/north__cam 1__IMG_0006.jpg"]["decided_how"] == "machine"


def test_classes_whose_names_are_alike_have_folders_of_their_own(foxes, tmp_path):
    question = Question.objects.get(key="species")
    card = tmp_path / "card"
    wholes, _ = season.season(foxes, card)
    season.ensure_class(question, "a/b"), season.ensure_class(question, "a\\b")
    for name, said in (("burst3.jpg", "a/b"), ("IMG_0004.jpg", "a\\b")):
        factories.label(question, wholes[name], foxes.bo, question.classes.get(name=said).pk)
    season.write(foxes, "image-folder", tmp_path / "out")
    assert [path.parent.name for path in sorted((tmp_path / "out").glob("a_b*/*"))] == ["a_b", "a_b 2"]


def test_a_picture_that_is_gone_is_said(foxes, tmp_path):
    season.season(foxes, tmp_path / "card")
    (tmp_path / "card" / "north" / "cam 0" / "burst0.jpg").unlink()
    with pytest.raises(Impossible, match=r"burst0.jpg: No such file"):
        season.write(foxes, "image-folder", tmp_path / "out")
