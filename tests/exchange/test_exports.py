"""Downloads: exactly the current labels, and a prediction for every embedded sample."""

import csv
import hashlib
import io
import uuid

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from labeller.embedding import runs
from labeller.exchange import exporting as exports
from labeller.exchange import views
from labeller.exchange.exporting import LABEL_COLUMNS, PREDICTION_COLUMNS
from labeller.labels.flags import raise_flag
from labeller.labels.models import Label
from labeller.learning import asking, fitting
from labeller.learning.models import Head
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from labeller.samples import tables
from labeller.samples.ingesting import add_source
from labeller.samples.known import Given
from labeller.samples.models import File
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def download(client, foxes):
    def get(name, **query):
        client.force_login(foxes.mia)
        answer = client.get(f"/projects/foxes/export/{name}", query)
        if answer.status_code != 200:
            return answer
        text = b"".join(answer.streaming_content).decode("utf-8-sig" if "for" in query else "utf-8")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    return get


def test_labels_are_exactly_the_current_ones(foxes, download):
    one, two, three, four, five = factories.samples(foxes.project, 5)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    old = factories.label(foxes.question, one, foxes.ana, fox)
    new = factories.label(foxes.question, one, foxes.ana, badger, supersedes=old.uuid, dwell_ms=900)
    skipped = factories.label(foxes.question, two, foxes.ana, verdict="skip")
    gone = factories.label(foxes.question, three, foxes.ana, fox)
    factories.label(foxes.question, three, foxes.ana, verdict="withdraw", supersedes=gone.uuid)
    imported = factories.label(foxes.question, four, None, fox, mode="import")
    audited = factories.label(
        foxes.question, five, foxes.bo, fox, strategy="audit", propensity=0.125, suggestion_shown=False
    )
    rows = download("labels.csv")
    assert [row["uuid"] for row in rows] == [str(each.uuid) for each in (new, skipped, imported, audited)]
    assert tuple(rows[0]) == LABEL_COLUMNS
    first, second, third, fourth = rows
    assert (first["path"], first["question"], first["classes"]) == (one.file.path, "species", "badger")
    assert (first["annotator"], first["decided_by"], first["dwell_ms"]) == ("ana", "human", "900")
    assert (second["verdict"], second["classes"]) == ("skip", "")
    assert (third["annotator"], third["decided_by"], third["mode"]) == ("", "imported", "import")
    assert (fourth["strategy"], fourth["propensity"], fourth["suggestion_shown"]) == ("audit", "0.125", "0")


def test_a_simulated_annotator_is_no_human(foxes, download):
    (sample,) = factories.samples(foxes.project, 1)
    oracle = factories.person("oracle", is_simulated=True)
    factories.label(foxes.question, sample, oracle, foxes.class_id("fox"), mode="simulated")
    assert download("labels.csv")[0]["decided_by"] == "simulated"


def test_what_reviewers_decided_and_what_is_flagged_is_told(foxes, download):
    kept, corrected, out, flagged = factories.samples(foxes.project, 4)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    for sample in (kept, corrected, out, flagged):
        factories.label(foxes.question, sample, foxes.ana, fox)
    factories.label(foxes.question, corrected, foxes.mia, badger, mode="review")
    factories.label(foxes.question, out, foxes.mia, verdict="ignore", mode="review")
    for who, note in ((foxes.ana, "tail?"), (foxes.bo, "")):
        raise_flag(uuid.uuid4(), foxes.question, flagged.pk, who, note)
    rows = download("labels.csv")
    assert [(row["path"], row["verdict"], row["classes"], row["overruled"], row["flag"]) for row in rows] == [
        (kept.file.path, "answer", "fox", "0", ""),
        (corrected.file.path, "answer", "fox", "1", ""),
        (out.file.path, "answer", "fox", "1", ""),
        (flagged.file.path, "answer", "fox", "0", "tail? | flagged"),
        (corrected.file.path, "answer", "badger", "0", ""),
        (out.file.path, "ignore", "", "0", ""),
    ]


def test_what_is_left_out_is_not_predicted(foxes, download):
    vectors, groups = factories.clusters(9, 3)
    made = factories.samples(foxes.project, 9)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, ("fox", "badger", "empty")[group]) for sample, group in zip(made[:6], groups[:6], strict=True)],
        foxes.ana,
    )
    for sample in (made[5], made[8]):
        factories.label(foxes.question, sample, foxes.mia, verdict="ignore", mode="review")
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    assert [row["path"] for row in download("predictions.csv")] == [each.file.path for each in (*made[:5], *made[6:8])]


def test_several_classes_stand_in_one_cell(db, client):
    foxes = factories.cast(multi_label=True)
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"), foxes.class_id("badger"))
    client.force_login(foxes.mia)
    text = b"".join(client.get("/projects/foxes/export/labels.csv").streaming_content).decode()
    assert next(csv.DictReader(io.StringIO(text)))["classes"] == "fox|badger"


def test_all_classes_that_the_head_finds_are_predicted(db, client):
    foxes = factories.cast(multi_label=True)
    answers = (("fox",), ("badger",), ("fox", "badger"))
    vectors, groups = factories.clusters(36, 3)
    made = factories.samples(foxes.project, 36)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, *answers[group]) for sample, group in zip(made[:24], groups[:24], strict=True)],
        foxes.ana,
    )
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    client.force_login(foxes.mia)
    text = b"".join(client.get("/projects/foxes/export/predictions.csv").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["predicted_class"] for row in rows] == ["|".join(sorted(answers[group])) for group in groups]
    assert all(0.5 < float(row["probability"]) <= 1 for row in rows)


ODD = ["=", "+", "-", "@", "|", "%", "\t=", "\r=", "'", '"', "a\\|", ";", "\n"]


@pytest.mark.parametrize("start", ODD)
def test_every_value_is_exported_as_it_is(foxes, download, start):
    """Programs join the path with the folder: a character more and it names no file."""
    (sample,) = factories.samples(foxes.project, 1)
    name = f"{start}cmd|' /C calc'!A0"
    File.objects.filter(samples=sample).update(path=name)
    odd, _ = ensure_class(foxes.question, name.strip())
    factories.label(foxes.question, sample, foxes.ana, odd.pk)
    raise_flag(uuid.uuid4(), foxes.question, sample.pk, foxes.ana, name)
    (row,) = download("labels.csv")
    assert (row["path"], row["classes"], row["flag"]) == (name, name.strip(), name)


@pytest.mark.parametrize("start", ODD)
def test_no_cell_starts_a_formula_in_what_is_for_spreadsheets(foxes, download, start):
    (sample,) = factories.samples(foxes.project, 1)
    name = f"{start}cmd|' /C calc'!A0"
    File.objects.filter(samples=sample).update(path=name)
    evil, _ = ensure_class(foxes.question, name.strip())
    factories.label(foxes.question, sample, foxes.ana, evil.pk)
    raise_flag(uuid.uuid4(), foxes.question, sample.pk, foxes.ana, name)
    (row,) = download("labels.csv", **{"for": "spreadsheet"})
    for cell in (row["path"], row["classes"], row["flag"]):
        assert cell[0] not in "=+-@|%\t\r\n", cell
        assert "calc" in cell
    assert row["defused"] == "1"


def test_what_is_for_spreadsheets_says_that_it_is_utf8_and_is_named_so(client, foxes):
    client.force_login(foxes.mia)
    answer = client.get("/projects/foxes/export/labels.csv?for=spreadsheet")
    assert b"".join(answer.streaming_content).startswith(b"\xef\xbb\xbfpath,question,")
    assert "foxes-species-labels-for-spreadsheets.csv" in answer["Content-Disposition"]


def test_the_file_is_named_after_project_and_question(client, foxes):
    client.force_login(foxes.mia)
    answer = client.get("/projects/foxes/export/labels.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="foxes-species-labels.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"


def test_a_question_may_be_named_and_must_exist(foxes, download):
    assert download("labels.csv", question="species") == []
    assert download("labels.csv", question="age").status_code == 404


def test_without_a_head_there_are_no_predictions(foxes, download):
    assert download("predictions.csv").status_code == 404


def test_every_embedded_sample_is_predicted(foxes, download):
    vectors, groups = factories.clusters(30, 3)
    made = factories.samples(foxes.project, 30)
    factories.embed(foxes.project, made[:20], vectors[:20])
    factories.embed(foxes.project, made[20:], vectors[20:], shard=1)
    factories.samples(foxes.project, 4, shard=2)  # not embedded
    names = ("fox", "badger", "empty")
    factories.labelled_each(
        foxes.question,
        [(sample, names[group]) for sample, group in zip(made[:6], groups[:6], strict=True)],
        foxes.ana,
    )
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    rows = download("predictions.csv")
    assert tuple(rows[0]) == PREDICTION_COLUMNS
    assert [row["path"] for row in rows] == [sample.file.path for sample in made]
    assert [row["predicted_class"] for row in rows] == [names[group] for group in groups]
    assert all(1 / 3 <= float(row["probability"]) <= 1.0 for row in rows)
    assert {row["decided_by"] for row in rows} == {"machine: head 1"}
    assert [row["labelled_class"] for row in rows[:6]] == [names[group] for group in groups[:6]]
    assert [row["is_labelled"] for row in rows] == ["1"] * 6 + ["0"] * 24


def test_what_is_exported_is_what_the_head_said(foxes, download):
    """The stored head, read back from its files, gives the probabilities of the fitted one."""
    vectors, groups = factories.clusters(12, 2)
    made = factories.samples(foxes.project, 12)
    factories.embed(foxes.project, made, vectors)
    for sample, group in list(zip(made, groups, strict=True))[:4]:
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(("fox", "badger")[group]))
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    run = runs.current_run(foxes.project)
    learner = fitting._learner(
        foxes.question.pk, run.pk, "", fitting.head_name(foxes.question), foxes.question.strategy
    )
    expected = learner.predict_proba(vectors.astype(np.float32)).max(axis=1)
    exported = [float(row["probability"]) for row in download("predictions.csv")]
    assert np.allclose(exported, expected, atol=1e-4)


def test_the_number_of_queries_does_not_grow_with_the_labels(foxes, download):
    fox = foxes.class_id("fox")

    def queries(count):
        factories.labelled(foxes.question, factories.samples(foxes.project, count), foxes.ana, fox)
        with CaptureQueriesContext(connection) as captured:
            download("labels.csv")
        return len(captured)

    queries(1)  # logs in for the first time
    assert queries(5) == queries(30)


def test_files_of_the_same_content_are_named_and_predicted(foxes, download):
    vectors, groups = factories.clusters(6, 2)
    made = factories.samples(foxes.project, 6)
    factories.embed(foxes.project, made, vectors)
    for sample, group in list(zip(made, groups, strict=True))[:4]:
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(("fox", "badger")[group]))
    for path in ("copy.jpg", "a|b.jpg"):
        factories.twin(made[0].file, path)
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    assert [row["duplicates"] for row in download("labels.csv")] == ["copy.jpg|a\\|b.jpg", "", "", ""]
    rows = download("predictions.csv")
    assert [(row["path"], row["duplicate_of"]) for row in rows[:4]] == [
        (made[0].file.path, ""),
        ("copy.jpg", made[0].file.path),
        ("a|b.jpg", made[0].file.path),
        (made[1].file.path, ""),
    ]
    assert {row["predicted_class"] for row in rows[:3]} == {"fox"}
    assert len(rows) == 8


# --- while people label ---------------------------------------------------------------------------


def test_what_is_saved_during_an_export_changes_nothing_in_it(client, foxes, monkeypatch):
    monkeypatch.setattr(exports, "PAGE", 2)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    made = factories.samples(foxes.project, 6)
    first = factories.labelled(foxes.question, made[:5], foxes.ana, fox)
    rows = exports.label_rows(foxes.question, exports.newest_label(foxes.question))
    began = [next(rows) for _ in range(3)]  # the columns and the first page
    changed = factories.label(foxes.question, made[3], foxes.ana, badger, supersedes=first[3].uuid)
    factories.label(foxes.question, made[4], foxes.ana, verdict="withdraw", supersedes=first[4].uuid)
    factories.label(foxes.question, made[2], foxes.mia, badger, mode="review")
    factories.label(foxes.question, made[5], foxes.ana, badger)
    assert [(row[0], row[2], row[4]) for row in [*began[1:], *rows]] == [
        (each.file.path, "fox", 0) for each in made[:5]
    ]
    later = list(exports.label_rows(foxes.question, exports.newest_label(foxes.question)))[1:]
    assert str(changed.uuid) in {str(row[15]) for row in later} and len(later) == 6


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["labels", "predictions"])
def test_nothing_is_held_open_while_the_client_reads(client, foxes, monkeypatch, name):
    """Neither a transaction nor a cursor: on SQLite an open one keeps everybody from saving."""
    monkeypatch.setattr(exports, "PAGE", 2)
    vectors, groups = factories.clusters(9, 3)
    made = factories.samples(foxes.project, 9)
    for shard in range(3):
        part = slice(3 * shard, 3 * shard + 3)
        factories.embed(foxes.project, made[part], vectors[part], shard=shard)
    factories.labelled_each(
        foxes.question,
        [(sample, ("fox", "badger", "empty")[group]) for sample, group in zip(made, groups, strict=True)],
        foxes.ana,
    )
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    until = exports.newest_label(foxes.question)
    rows = (
        exports.label_rows(foxes.question, until)
        if name == "labels"
        else exports.prediction_rows(foxes.question, Head.latest(foxes.question))
    )
    monkeypatch.setattr(connection, "chunked_cursor", lambda: pytest.fail("read while the client reads"))
    read = 0
    for _row in rows:
        read += 1
        assert connection.get_autocommit() and not connection.in_atomic_block
    assert read == 10


def test_a_whole_download_leaves_a_manifest_and_one_that_breaks_off_none(client, foxes):
    client.force_login(foxes.mia)
    for sample in factories.samples(foxes.project, 3):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert client.get("/projects/foxes/export/labels.manifest.json").status_code == 404
    content = b"".join(client.get("/projects/foxes/export/labels.csv").streaming_content)
    manifest = client.get("/projects/foxes/export/labels.manifest.json").json()
    assert (manifest["file"], manifest["rows"]) == ("foxes-species-labels.csv", 3)
    assert (manifest["bytes"], manifest["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    factories.label(foxes.question, *factories.samples(foxes.project, 1), foxes.bo, foxes.class_id("fox"))
    broken = client.get("/projects/foxes/export/labels.csv")
    next(iter(broken.streaming_content))  # and no more
    assert client.get("/projects/foxes/export/labels.manifest.json").json() == manifest
    assert client.get("/projects/foxes/export/labels.manifest.json?for=spreadsheet").status_code == 404
    assert client.get("/projects/foxes/export/secrets.manifest.json").status_code == 404


# --- and back in ----------------------------------------------------------------------------------


def _written(rows, defused):
    return b"".join(block for block, _ in views._blocks(views._defused(iter(rows)) if defused else iter(rows)))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
NAME = TEXT.filter(lambda name: tables.class_name(name) == (name, ""))


@pytest.mark.parametrize("defused", [False, True])
@pytest.mark.parametrize("several", [False, True])
@given(data=st.data())
def test_what_goes_out_comes_back_in(tmp_path_factory, defused, several, data):
    names = st.lists(NAME, min_size=1, max_size=3 if several else 1, unique_by=tables.fold)
    labels = data.draw(st.lists(st.tuples(TEXT, names), max_size=5))
    question = Question(key="species", multi_label=several)
    rest = ["answer", 0, "ana", "human", "", "single", "", "", 0, "", "", "", "", "", "", "", "", ""]
    rows = [(path, "species", exports._names(question, given), *rest) for path, given in labels]
    file = tmp_path_factory.getbasetemp() / "round-trip.csv"
    file.write_bytes(_written([exports.LABEL_COLUMNS, *rows], defused))
    table = tables.read(file, several=several)
    assert [(row.path, list(row.classes)) for row in table.rows] == labels
    assert table.problems == []


@pytest.mark.parametrize("query", [{}, {"for": "spreadsheet"}])
def test_labels_of_one_project_come_into_another_by_the_exported_file(client, foxes, folder, tmp_path, query):
    for number, name in enumerate(["-20.5_151.2", "@river", "+site", "=x", "%a", "plain", "'quoted"]):
        factories.photograph(folder / name / "IMG_1.JPG", number)
    add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    classes = ["fox", "=1+1", "@deer", "|pipe", "-", "'tis", "hare"]
    samples = list(foxes.project.samples.select_related("file").order_by("file__path"))
    factories.labelled_each(
        foxes.question,
        [(sample, ensure_class(foxes.question, name)[0].pk) for sample, name in zip(samples, classes, strict=True)],
        foxes.ana,
    )
    client.force_login(foxes.mia)
    (tmp_path / "labels.csv").write_bytes(
        b"".join(client.get("/projects/foxes/export/labels.csv", query).streaming_content)
    )
    other = factories.project("other", classes=())
    add_source(other, folder, given=Given(labels=str(tmp_path / "labels.csv")))
    factories.work("scan", "ingest", "known")
    taken = (
        Label.objects.filter(project=other)
        .order_by("sample__file__path")
        .values_list("sample__file__path", "classes__name")
    )
    assert list(taken) == [(sample.file.path, name) for sample, name in zip(samples, classes, strict=True)]


# --- the page -------------------------------------------------------------------------------------


def test_the_page_says_what_can_be_taken_away(client, foxes):
    client.force_login(foxes.mia)
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    context = client.get("/projects/foxes/export/").context
    assert (context["n_labels"], context["n_pool"], context["head"]) == (1, 1, None)
