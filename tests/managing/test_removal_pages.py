"""The pages by which something is deleted: what they tell, what must be typed, and the way back."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeller.accounts.models import User
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.managing import previewing
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples import ingesting
from labeller.samples.models import Sample, Source
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def labelled(foxes, folder):
    """Three photographs, two of them labelled."""
    for seed in range(3):
        factories.photograph(folder / f"{seed}.jpg", seed)
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    for sample in Sample.objects.all()[:2]:
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    return foxes


def as_(client, person):
    client.force_login(person)
    return client


def do_it():
    Job.objects.filter(kind="remove").update(not_before=timezone.now())
    return factories.work("remove")


def told(page):
    """What goes, as the page says it."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>\s*(\S+)\s*</dd>", page.content.decode(), re.DOTALL)
    return {words.strip(): n for words, n in found}


def test_an_owner_sees_what_goes_types_the_name_and_it_goes(labelled, client):
    as_(client, labelled.olga)
    page = client.get("/projects/foxes/delete/")
    assert (
        told(page).items() >= {"photographs": "3", "labels": "2", "questions": "1", "people who lose it": "5"}.items()
    )
    assert page.content.decode().count("/256.jpg") == 3
    for wrong in ("", "foxes ", "Wolves"):
        answer = client.post("/projects/foxes/delete/", {"name": wrong})
        assert (answer.status_code, Project.objects.count()) == (200, 1)
    answer = client.post("/projects/foxes/delete/", {"name": " Foxes "})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    page = client.get("/").content.decode()
    assert "Being deleted" in page and "Keep it after all" in page
    do_it()
    assert not Project.everything.exists() and not Label.objects.exists()
    assert "Being deleted" not in client.get("/").content.decode()


def test_until_it_begins_who_asked_can_keep_it_and_nobody_else(labelled, client):
    as_(client, labelled.olga).post("/projects/foxes/delete/", {"name": "Foxes"})
    path = f"/deletions/{Job.objects.get(kind='remove').pk}/cancel/"
    assert as_(client, labelled.mia).post(path).status_code == 404
    assert "Being deleted" not in client.get("/").content.decode()
    assert as_(client, labelled.olga).post(path).status_code == 302
    assert client.get("/projects/foxes/").status_code == 200
    assert client.post(path).status_code == 404, "there is nothing to cancel any more"


def test_a_source_is_deleted_by_its_path(labelled, client):
    source = Source.objects.get()
    as_(client, labelled.olga)
    path = f"/projects/foxes/sources/{source.pk}/delete/"
    assert path in client.get("/projects/foxes/settings/").content.decode()
    assert told(client.get(path)).items() >= {"photographs": "3", "labels": "2"}.items()
    client.post(path, {"name": source.path})
    assert client.get(path).status_code == 404
    do_it()
    assert not Sample.objects.exists() and Project.objects.exists()


def test_a_question_is_deleted_by_its_words(labelled, client):
    other = Question.objects.create(project=labelled.project, key="weather", text="Rain or shine?", position=1)
    as_(client, labelled.olga)
    assert "/questions/weather/delete/" in client.get("/projects/foxes/classes/?question=weather").content.decode()
    path = "/projects/foxes/questions/species/delete/"
    assert told(client.get(path)).items() >= {"labels": "2", "classes": "3"}.items()
    client.post(path, {"name": "Which animal is this?"})
    assert client.get("/projects/foxes/label/species/").status_code == 404
    do_it()
    assert list(Question.everything.all()) == [other]


def test_what_must_stay_says_why_and_has_no_button(labelled, client):
    as_(client, labelled.olga)
    path = f"/projects/foxes/classes/{labelled.class_id('fox')}/delete/"
    page = client.get(path).content.decode()
    assert "Labels name this class" in page and 'data-testid="delete"' not in page
    client.post(path, {"name": "fox"})
    assert not Job.objects.filter(kind="remove").exists()


def test_a_manager_deletes_a_class_that_nobody_used(labelled, client):
    spare = ensure_class(labelled.question, "dodo")[0]
    as_(client, labelled.mia).post(f"/projects/foxes/classes/{spare.pk}/delete/", {"name": "dodo"})
    do_it()
    assert not LabelClass.objects.filter(pk=spare.pk).exists()


def test_an_administrator_deletes_an_account_and_not_their_own(labelled, client):
    as_(client, labelled.ada)
    path = f"/people/{labelled.ana.pk}/delete/"
    assert path in client.get("/people/").content.decode()
    page = client.get(path)
    assert told(page) == {"projects they lose": "1"} and "2 labels stay" in page.content.decode()
    client.post(path, {"name": "ana"})
    assert path not in client.get("/people/").content.decode()
    do_it()
    assert not User.objects.filter(username="ana").exists() and Label.objects.count() == 2
    assert client.get(f"/people/{labelled.ada.pk}/delete/").status_code == 404


def test_previews_do_not_count_on_and_on(labelled, monkeypatch):
    monkeypatch.setattr(previewing, "MOST", 2)
    assert dict(previewing.of(Source.objects.get()).counts)["photographs"] == "3+"


def test_in_the_terminal_it_says_what_would_go_and_then_does_it(labelled, capsys):
    call_command("remove", "--project", "foxes")
    assert "3 photographs, 2 labels" in capsys.readouterr().out and Project.objects.exists()
    with pytest.raises(CommandError, match="Labels name"):
        call_command("remove", "--project", "foxes", "--class", "fox", "--yes")
    with pytest.raises(CommandError, match="no 'wolves'"):
        call_command("remove", "--project", "wolves", "--yes")
    call_command("remove", "--account", "bo", "--yes")
    assert not User.objects.filter(username="bo").exists()
    call_command("remove", "--project", "foxes", "--source", Source.objects.get().path, "--yes")
    assert not Sample.objects.exists()
    call_command("remove", "--project", "foxes", "--yes")
    assert not Project.everything.exists()
