"""What became of the files: told on the label page, on the progress page, in a list, as a table and in the terminal."""

import csv
import io
import json
from io import StringIO

import pytest
from django.core.management import call_command

from labeller.annotating.wire import pages as annotating
from labeller.insights import selectors
from labeller.samples import ingesting, refused
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def unusable(foxes, folder):
    """Five files, none of which is a photograph."""
    for number in range(3):
        (folder / f"{number}.jpg").touch()
    for name in ("=notes.txt", "b\nc.txt"):
        (folder / name).write_text("no picture")
    (folder / "Thumbs.db").touch()
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "bursts", "plan")
    return foxes


SENTENCE = "None of the 5 files can be used: 3 × empty file, 2 × not an image. For example {}.jpg: The file is empty."


def first(project):
    return refused.examples(project, "empty", 1)[0]["path"].removesuffix(".jpg")


def test_the_label_page_says_that_nothing_can_be_used_and_why(client, unusable):
    sentence = SENTENCE.format(first(unusable.project))
    assert annotating.preparing_message(unusable.question) == sentence
    client.force_login(unusable.ana)
    answer = client.post("/projects/foxes/label/species/next/", "{}", content_type="application/json").json()
    assert (answer["state"], answer["message"]) == ("preparing", sentence)


def test_one_usable_file_is_waited_for_as_before(foxes, unusable, folder):
    factories.photograph(folder / "good.png", 1)
    ingesting.add_source(foxes.project, folder)
    assert "None of" not in annotating.preparing_message(foxes.question)  # it is being looked at
    factories.work("scan", "ingest", "bursts", "plan")
    assert "None of" not in annotating.preparing_message(foxes.question)
    assert selectors.refusals(foxes.project)["sentence"] == ""


def test_the_progress_page_shows_each_reason_with_its_sentence_and_what_was_left_out(client, unusable):
    client.force_login(unusable.mia)
    page = client.get("/projects/foxes/").content.decode()
    for words in (
        SENTENCE.format(first(unusable.project)),
        "The file is empty.",
        "b%0Ac.txt",
        "Thumbs.db",
        "refused.csv",
    ):
        assert words in page
    client.force_login(unusable.vic)
    assert "refused.csv" not in client.get("/projects/foxes/").content.decode()


def test_every_refused_file_is_listed_page_by_page(client, unusable, monkeypatch):
    monkeypatch.setattr(refused.page, "__defaults__", ("", 0, 2))
    client.force_login(unusable.mia)
    seen, address = [], "?"
    while address:
        answer = client.get(f"/projects/foxes/refused/{address}")
        assert answer.status_code == 200
        seen += [(row.path, row.detail) for row in answer.context["rows"]]
        address = f"?after={answer.context['more']}" if answer.context["more"] else ""
    assert {path for path, _ in seen} == {"0.jpg", "1.jpg", "2.jpg", "=notes.txt", "b%0Ac.txt"} and len(seen) == 5
    assert all(detail for _, detail in seen)
    only = client.get("/projects/foxes/refused/?reason=not-an-image")
    assert {row.path for row in only.context["rows"]} == {"=notes.txt", "b%0Ac.txt"}
    for odd in ("?reason=<script>", "?after=x", "?after=99999999999999999999", "?after=-1", "?after=²"):
        assert client.get(f"/projects/foxes/refused/{odd}").status_code == 200


def test_the_table_holds_all_of_them_read_in_pages(client, unusable, monkeypatch):
    monkeypatch.setattr(refused, "CHUNK", 2)
    client.force_login(unusable.mia)
    answer = client.get("/projects/foxes/refused.csv")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert rows[0] == list(refused.COLUMNS) and len(rows) == 6
    found = {row[0]: row[1:3] for row in rows[1:]}
    assert found["0.jpg"] == ["empty", "The file is empty."]
    assert "'=notes.txt" in found  # no cell starts a formula


def test_status_counts_them_and_lists_them_on_request(unusable):
    out = StringIO()
    call_command("status", stdout=out)
    assert "refused   empty 3, not-an-image 2" in out.getvalue() and "left out  Thumbs.db 1" in out.getvalue()
    out = StringIO()
    call_command("status", "--refused", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 5 and any(line == "foxes\t0.jpg\tempty file\tThe file is empty." for line in lines)
    out = StringIO()
    call_command("status", "--refused", "--json", stdout=out)
    assert {json.loads(line)["path"] for line in out.getvalue().splitlines()} >= {"0.jpg", "b%0Ac.txt"}


def test_photographs_that_are_gone_are_counted_where_people_look(client, foxes, folder):
    for number in range(3):
        factories.photograph(folder / f"{number}.png", number)
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    (folder / "1.png").unlink()
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    client.force_login(foxes.vic)
    assert "1 file is not where it was any more" in client.get("/projects/foxes/").content.decode()
    out = StringIO()
    call_command("status", stdout=out)
    assert "missing   1 files" in out.getvalue()
