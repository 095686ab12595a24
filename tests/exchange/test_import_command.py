"""manage.py import_data: the same as the page, in one go."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from labeller.exchange.models import Import
from labeller.labels.models import Label
from labeller.learning.models import ForeignModel
from tests import factories
from tests.exchange.importers.examples import EXAMPLES, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def paths(foxes, sent, monkeypatch):
    monkeypatch.setattr("labeller.config.commands._problem", str)
    return [each.file.path for each in factories.samples(foxes.project, 6)]


def told(*arguments):
    out = io.StringIO()
    call_command("import_data", *map(str, arguments), "--project", "foxes", stdout=out)
    return out.getvalue()


def test_a_dry_run_tells_and_leaves_nothing(foxes, paths, tmp_path):
    file = EXAMPLES["csv"](tmp_path, paths)
    report = json.loads(told(file, "--dry-run", "--json"))
    assert report["format"] == "csv" and report["labels"] == 6 and report["options"]["class"] == "espece"
    assert report["wrong"][0]["reason"] == "no-file"
    assert not Import.objects.exists() and not Label.objects.exists()
    assert "Nothing was written." in told(file, "--dry-run")


def test_applied_it_tells_what_was_done(foxes, paths, tmp_path):
    words = told(EXAMPLES["csv"](tmp_path, paths), "--format", "csv")
    assert "6 labels" in words and "not taken: 1: no picture of this project has that path" in words
    assert Label.objects.filter(annotator=None).count() == 6


def test_what_is_guessed_wrongly_is_said(foxes, paths, tmp_path):
    file = table(tmp_path / "t.csv", ("path", "note", "species"), [(path, "fox", "lynx") for path in paths])
    told(file, "--option", "class=note", "--option", "meaning=predictions", "--option", "name=net")
    assert ForeignModel.objects.get().name == "net" and not Label.objects.exists()


def test_what_cannot_be_read_is_one_line(foxes, paths, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(CommandError, match="No format that is read here"):
        told(tmp_path / "x.json")
    with pytest.raises(CommandError, match="is not there"):
        told(tmp_path / "nothing.json")
