"""What of a table was not taken: on the progress page, in `status`, and as a list."""

import csv
import io
import json

import pytest
from django.core.management import call_command

from labeller.samples.ingesting import add_source
from labeller.samples.known import Given
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def taken(foxes, folder, tmp_path):
    """One photograph, and a table of it and of five files that are not there."""
    factories.photograph(folder / "a.jpg", 1)
    (tmp_path / "labels.csv").write_text("path,class\na.jpg,fox\n" + "".join(f"x{n}.jpg,fox\n" for n in range(5)))
    source = add_source(foxes.project, folder, given=Given(labels=str(tmp_path / "labels.csv")))
    factories.work("scan", "ingest", "known")
    return source


SENTENCE = "5 of 6 rows name no file of this folder, the first: x0.jpg"


def test_the_progress_page_tells_managers_and_no_others(client, foxes, taken):
    for who, is_told in ((foxes.mia, True), (foxes.ana, False)):
        client.force_login(who)
        page = client.get("/projects/foxes/").content.decode()
        assert (SENTENCE in page) == is_told
        assert (f"/projects/foxes/known/{taken.pk}/labels.csv" in page) == is_told


def test_status_tells_it(foxes, taken, capsys):
    call_command("status")
    assert SENTENCE in capsys.readouterr().out
    call_command("status", "--json")
    (known,) = json.loads(capsys.readouterr().out)["projects"][0]["known"]
    assert (known["purpose"], known["sentences"]) == ("labels", [SENTENCE])


def test_the_whole_list_can_be_taken_away(client, foxes, taken):
    client.force_login(foxes.mia)
    answer = client.get(f"/projects/foxes/known/{taken.pk}/labels.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))
    assert [(row["line"], row["path"], row["problem"]) for row in rows] == [
        (str(number + 3), f"x{number}.jpg", "no-file") for number in range(5)
    ]
    assert client.get(f"/projects/foxes/known/{taken.pk}/secret.csv").status_code == 404


def test_a_list_is_gone_once_everything_was_taken(client, foxes, taken, folder, tmp_path):
    (tmp_path / "labels.csv").write_text("path,class\na.jpg,fox\n")
    add_source(foxes.project, folder)
    factories.work("scan", "known")
    client.force_login(foxes.mia)
    assert client.get(f"/projects/foxes/known/{taken.pk}/labels.csv").status_code == 404
