"""The page on which exports are asked for, and the command that writes them."""

import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command

from labeller.exchange import making
from labeller.exchange.models import Export
from labeller.jobs.models import Job
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db
PAGE = "/projects/foxes/export/"
CHOSEN = {"gbif_level": "media", "sampling_design": "targeted", "capture_method": "timeLapse", "coarse": "0.1"}


@pytest.fixture
def manager(foxes, client, tmp_path):
    season.season(foxes, tmp_path / "card")
    client.force_login(foxes.mia)
    return client


def test_an_export_is_asked_for_made_and_taken_away(manager, foxes):
    answer = manager.post(f"{PAGE}make/camtrap-dp/", CHOSEN)
    assert answer.status_code == 302
    export = Export.objects.get()
    assert (export.asked_by, export.options["gbif_level"], export.options["licence"]) == (foxes.mia, "media", "")
    assert "<progress" in manager.get(PAGE).content.decode()
    assert manager.get(f"{PAGE}{export.pk}.zip").status_code == 404, "not yet"
    factories.work("export")
    text = manager.get(PAGE).content.decode()
    assert f"{PAGE}{export.pk}.zip" in text and "hx-trigger" not in text.partition('id="made"')[2].partition(">")[0]
    answer = manager.get(f"{PAGE}{export.pk}.zip")
    assert f'filename="{export.name}.zip"' in answer["Content-Disposition"].replace("foxes-", "foxes-")
    export.refresh_from_db()
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        manifest = json.loads(packed.read(f"{export.name}/manifest.json"))
        package = json.loads(packed.read(f"{export.name}/datapackage.json"))
    assert manifest["files"] == export.manifest["files"]
    assert package["gbifIngestion"]["observationLevel"] == "media"
    assert package["contributors"] == [{"title": "mia", "role": "contact"}]


def test_what_is_wrong_with_the_options_is_said_and_nothing_is_made(manager):
    answer = manager.post(f"{PAGE}make/camtrap-dp/", {**CHOSEN, "time_zone": "Mars/North", "gbif_level": "species"})
    text = answer.content.decode()
    assert answer.status_code == 200 and "called as Europe/Amsterdam" in text and "species is not one of" in text
    assert not Export.objects.exists()
    manager.post(f"{PAGE}make/camtrap-dp/", CHOSEN)
    shown = manager.post(f"{PAGE}make/camtrap-dp/").content.decode()
    assert f'hx-get="{PAGE}?question=species"' in shown, "it is not asked for by what was posted"
    assert manager.post(f"{PAGE}make/papyrus/").status_code == 404


def test_one_that_cannot_be_made_says_why(manager, foxes):
    foxes.project.deployments.update(latitude=None, longitude=None)
    manager.post(f"{PAGE}make/camtrap-dp/", CHOSEN)
    factories.work("export")
    assert Job.objects.get(kind="export").state == "failed"
    assert "2 deployments have no coordinates" in manager.get(PAGE).content.decode()


def test_one_is_cancelled_and_one_is_deleted(manager, foxes):
    waiting, made = (making.ask(making.EXPORTERS["camtrap-dp"], [foxes.question], {}, foxes.mia) for _ in range(2))
    assert manager.post(f"{PAGE}{waiting.pk}/remove/").status_code == 302
    factories.work("export")
    assert list(Export.objects.all()) == [made] and made.path.exists()
    manager.post(f"{PAGE}{made.pk}/remove/")
    assert not Export.objects.exists() and not made.path.exists()


def test_of_many_the_newest_are_kept(manager, foxes, monkeypatch):
    monkeypatch.setattr(making, "KEPT", 2)
    made = [making.ask(making.EXPORTERS["camtrap-dp"], [foxes.question], {}, foxes.mia) for _ in range(3)]
    factories.work("export")
    assert list(Export.objects.order_by("pk")) == made[1:]
    assert [each.path.exists() for each in made] == [False, True, True]


# --- the command ----------------------------------------------------------------------------------


def test_the_command_writes_a_folder(manager, tmp_path, capsys):
    out = tmp_path / "out"
    given = ["--project", "foxes", "--format", "camtrap-dp", "--out", str(out), "--json"]
    call_command("export", *given, "--option", "licence=CC0-1.0", "--question", "species")
    manifest = json.loads(capsys.readouterr().out)
    assert json.loads((out / "manifest.json").read_text())["files"] == manifest["files"]
    assert json.loads((out / "datapackage.json").read_text())["licenses"][0]["name"] == "CC0-1.0"
    assert not (tmp_path / "out.part").exists()
    with pytest.raises(CommandError, match="is there already"):
        call_command("export", *given)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--option", "colour=red"], "Camtrap-dp has no option 'colour'"),
        (["--option", "gbif_level=all"], "Gbif_level is one of event, media"),
        (["--option", "time_zone=Mars/North"], "no time zone 'Mars/North'"),
        (["--option", "incomplete=perhaps"], "Incomplete is yes or no, not 'perhaps'"),
        (["--question", "weather"], "no question 'weather'; there are: species, count, sex"),
    ],
)
def test_the_command_says_what_it_does_not_take(manager, tmp_path, more, message):
    out = tmp_path / "out"
    with pytest.raises(CommandError, match=message):
        call_command("export", "--project", "foxes", "--format", "camtrap-dp", "--out", str(out), *more)
    assert not out.exists()


def test_the_command_leaves_nothing_where_it_cannot(foxes, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(CommandError, match="There is nothing to export yet"):
        call_command("export", "--project", "foxes", "--format", "camtrap-dp", "--out", str(out))
    assert not list(tmp_path.iterdir())
