"""Where texts come from: zip files of documents or tables, and folders of Hugging Face's data sets."""

import csv
import io
import json
import zipfile

import pyarrow
import pyarrow.parquet
import pytest
from django.conf import settings
from pyarrow import ipc

from labeller.managing import opening, removing
from labeller.projects.making import create_project
from labeller.samples import ingesting, layouts
from labeller.samples.known import COLUMN, Given
from labeller.samples.layouts import TextLayout
from labeller.samples.models import File, HiddenTruth, Refusal, Sample, Source, Text, TextCopy
from labeller.samples.scanning import FolderError
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db):
    return create_project(name="Law", owner=None, question_text="About what?", kind="text")


def work():
    factories.work("scan", "ingest", "bursts", "known")


def imported(project, path, **given):
    source = ingesting.add_source(project, path, given=Given(**given), layout=TextLayout())
    work()
    return Source.objects.get(pk=source.pk)


def zipped(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def table(rows):
    written = io.StringIO()
    csv.writer(written).writerows([("text", "label"), *rows])
    return written.getvalue()


DOCUMENTS = {
    "news/one.txt": "The minister opened a bridge over the river.",
    "news/two.md": "Rain is expected in all of the south.",
    "law/three.txt": "A party that has been notified may appeal within a month.",
    "law/empty.txt": "",
    "../outside.txt": "This one leads out of the archive.",
    "picture.png": b"\x89PNG\r\n\x1a\n0000",
}
ROWS = [("The food was good", "food"), ("We waited for an hour", "service"), ("Cold soup and warm beer", "food")]


def test_a_zip_of_documents(project, tmp_path):
    path = zipped(tmp_path / "docs.zip", DOCUMENTS)
    (line,) = opening.preview(path, Given(truth="folders"), TextLayout())
    assert line == "classes from folder level 1: law 2, news 2"
    source = imported(project, path, truth="folders")
    assert set(File.objects.values_list("path", flat=True)) == {"news/one.txt", "news/two.md", "law/three.txt"}
    assert dict(Refusal.objects.values_list("path", "reason")) == {
        "law/empty.txt": "empty",
        "../outside.txt": "leads-out",
        "picture.png": "unsupported-format",
    }
    assert set(HiddenTruth.objects.values_list("sample__file__path", "label_class__name")) == {
        ("news/one.txt", "news"),
        ("news/two.md", "news"),
        ("law/three.txt", "law"),
    }
    # Another look finds nothing new; a zip that changed brings what is new in it, and samples stay.
    ingesting.ask_for_scan(source)
    work()
    before = set(Sample.objects.values_list("pk", flat=True))
    zipped(path, {**DOCUMENTS, "law/four.txt": "The court dismissed the appeal as out of time."})
    ingesting.ask_for_scan(source)
    work()
    assert before < set(Sample.objects.values_list("pk", flat=True))
    assert Text.objects.filter(content__startswith="The court dismissed").exists()
    assert Refusal.objects.count() == 3


def test_a_zip_of_tables(project, tmp_path):
    path = zipped(tmp_path / "tables.zip", {"a/one.csv": table(ROWS[:2]), "a/two.csv": table(ROWS[2:])})
    assert any("text: text" in line for line in opening.preview(path, Given(), TextLayout()))
    imported(project, path, truth="column")
    assert set(Text.objects.values_list("content", flat=True)) == {text for text, _label in ROWS}
    assert set(HiddenTruth.objects.values_list("sample__text__content", "label_class__name")) == set(ROWS)


def test_a_zip_goes_with_its_source(project, tmp_path):
    source = imported(project, zipped(tmp_path / "docs.zip", DOCUMENTS))
    assert source.unpacked.is_dir()
    assert source.unpacked.is_relative_to(settings.DATA)
    removing.ask(source, factories.person("olga"))
    factories.work("remove")
    assert not source.unpacked.exists()
    assert (tmp_path / "docs.zip").exists()


def test_a_zip_is_unpacked_anew_after_it_was_broken_off(project, tmp_path, monkeypatch):
    source = ingesting.add_source(project, zipped(tmp_path / "docs.zip", DOCUMENTS), layout=TextLayout())
    half = source.unpacked.with_name(f"{source.unpacked.name}.part")
    (half / "files").mkdir(parents=True)
    (half / "files" / "half.txt").write_text("half of what")
    work()
    assert not half.exists()
    assert File.objects.count() == 3


def test_a_damaged_zip_is_said_so_at_once(project, tmp_path):
    path = zipped(tmp_path / "docs.zip", {"one.csv": table(ROWS)})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"The food", b"The mood", 1))
    with pytest.raises(FolderError):
        opening.preview(path, Given(), TextLayout())


def saved_to_disk(folder):
    """As `DatasetDict.save_to_disk` writes it."""
    features = {"text": {"_type": "Value"}, "label": {"_type": "ClassLabel", "names": ["service", "food"]}}
    for split, rows in (("train", ROWS[:2]), ("test", ROWS[2:])):
        part = folder / split
        part.mkdir(parents=True)
        columns = {"text": [text for text, _ in rows], "label": [int(label == "food") for _, label in rows]}
        content = pyarrow.table(columns)
        with ipc.new_stream(str(part / "data-00000-of-00001.arrow"), content.schema) as file:
            file.write_table(content)
        (part / "dataset_info.json").write_text(json.dumps({"features": features}))
        (part / "state.json").write_text(json.dumps({"_data_files": []}))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return folder


def repository(folder):
    """As a repository of the Hub holds it."""
    (folder / "data").mkdir(parents=True)
    features = {"text": {"_type": "Value"}, "label": {"_type": "ClassLabel", "names": ["service", "food"]}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    for number, row in enumerate(ROWS):
        content = pyarrow.table({"text": [row[0]], "label": [int(row[1] == "food")]})
        path = folder / "data" / f"train-{number:05}-of-00003.parquet"
        pyarrow.parquet.write_table(content.replace_schema_metadata(metadata), path)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nA data set of reviews.")
    (folder / "dataset_infos.json").write_text(json.dumps({"default": {"features": features}}))
    return folder


@pytest.mark.parametrize("make", [saved_to_disk, repository])
def test_a_data_set_of_hugging_face(project, tmp_path, make):
    folder = make(tmp_path / "reviews")
    assert any("labels: label" in line for line in opening.preview(folder, Given(), TextLayout()))
    source = imported(project, folder, truth="column")
    # The names of the classes, not their numbers; and nothing of what is told about the data set.
    assert set(HiddenTruth.objects.values_list("sample__text__content", "label_class__name")) == set(ROWS)
    assert not Refusal.objects.exists()
    assert source.left_out["about"] >= 2
    assert not TextCopy.objects.exists()


def test_a_folder_of_documents_is_no_data_set(project, tmp_path):
    for name, text in DOCUMENTS.items():
        if name.startswith(("news", "law")):
            path = tmp_path / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (tmp_path / "docs" / "README.md").write_text("What these documents are, and where they come from.")
    source = imported(project, tmp_path / "docs")
    assert Text.objects.count() == 4
    assert "about" not in source.left_out


# --- what is said at the terminal -----------------------------------------------------------------


def test_labels_and_truth_may_name_a_column_of_the_table(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,topic,mood\n" + "".join(f"What number {n} says of it,a{n % 3},b{n % 2}\n" for n in range(12)))
    given, layout = opening.texts_given(str(path), "", "mood", "")
    assert given == Given(truth=COLUMN)
    assert layout.columns is not None and tuple(layout.columns["labels"]) == (2,)
    given, layout = opening.texts_given(str(path), "topic", "topic", "")
    assert given == Given(labels=COLUMN, truth=COLUMN)
    assert "(LABELS=topic takes them" in layouts.described(path, layout)[0]
    assert opening.texts_given(str(path), "", "", "") == (Given(), TextLayout())
    for said in (("topic", "mood"), ("taste", "")):
        with pytest.raises(FolderError, match="column"):
            opening.texts_given(str(path), *said, "")
    known = tmp_path / "known.csv"
    known.write_text("path,label\n")
    assert opening.texts_given(str(path), str(known), "", "")[0] == Given(labels=str(known))
