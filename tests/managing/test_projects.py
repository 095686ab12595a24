"""Setting projects up: the form of a new one, its people, and what `manage.py up` opens."""

from types import SimpleNamespace

import pytest
from django.db import transaction

from labeller.accounts.models import Membership, User
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.managing import opening
from labeller.projects import making as projects
from labeller.projects.models import LabelClass, Project
from labeller.samples.models import File, HiddenTruth, Source
from labeller.samples.scanning import FolderError
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    made = factories.person("ada", is_superuser=True)
    client.force_login(made)
    return made


def form(folder, **fields):
    return {
        "name": "Night cameras",
        "folder": str(folder),
        "folder_meaning": "nothing",
        "question_text": "Which animal?",
        "class_names": "fox\n\n  red   deer \nFOX\n",
        **fields,
    }


def test_a_new_project_has_its_question_classes_and_owner_and_imports(client, ada, folder):
    factories.photograph(folder / "one.jpg")
    answer = client.post("/projects/new/", form(folder))
    assert (answer.status_code, answer["Location"]) == (302, "/projects/night-cameras/")
    project = Project.objects.get()
    question = project.first_question
    assert (question.text, question.multi_label) == ("Which animal?", False)
    assert list(question.classes.values_list("name", flat=True)) == ["fox", "red deer"]
    assert project.memberships.get().user == ada and project.memberships.get().role == "owner"
    assert Job.objects.get(kind="scan").kind == "scan"


@pytest.mark.parametrize("meaning", ["truth", "labels"])
def test_the_form_knows_what_folders_mean(client, ada, folder, meaning):
    factories.photograph(folder / "fox/one.jpg")
    client.post("/projects/new/", form(folder, folder_meaning=meaning, class_names=""))
    factories.work("scan", "ingest", "known")
    counts = HiddenTruth.objects.count(), Label.objects.count()
    assert counts == ((1, 0) if meaning == "truth" else (0, 1))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"folder": ""}, "folder"),
        ({"folder": "/no/such/folder/anywhere"}, "folder"),
        ({"folder": "a\0b"}, "folder"),
        ({"folder_meaning": "guess"}, "folder_meaning"),
        ({"question_text": ""}, "question_text"),
        ({"class_names": "x" * 201}, "class_names"),
    ],
)
def test_a_mistake_is_shown_beside_its_field_and_makes_nothing(client, ada, folder, wrong, field):
    factories.photograph(folder / "one.jpg")
    answer = client.post("/projects/new/", form(folder) | wrong)
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert not Project.objects.exists() and not Job.objects.exists()


def test_what_cannot_be_seen_in_names_is_left_out(client, ada, folder):
    factories.photograph(folder / "one.jpg")
    given = form(folder, name="Night\u200b cameras\u202e", class_names="fox\nbad\x07ger\nFo\u200bx")
    assert client.post("/projects/new/", given).status_code == 302
    project = Project.objects.get()
    assert project.name == "Night cameras"
    assert list(project.first_question.classes.values_list("name", flat=True)) == ["fox", "badger"]


@pytest.mark.parametrize("name", ["new", "New", "Foxes", "狐", "!!!", "x" * 120])
def test_any_name_gives_an_address_of_its_own(name):
    first = projects.create_project(name=name, owner=None, question_text="?")
    second = projects.create_project(name=name, owner=None, question_text="?")
    assert first.slug != second.slug
    assert "new" not in {first.slug, second.slug}


def test_two_people_typing_the_same_new_class_get_one(foxes, monkeypatch):
    rivals = []

    def beaten():  # somebody else, between our look and our insert
        if not rivals:
            rivals.append(LabelClass.objects.create(question=foxes.question, name="Otter", key="o"))
        return transaction.atomic()

    monkeypatch.setattr(projects, "transaction", SimpleNamespace(atomic=beaten))
    assert projects.ensure_class(foxes.question, "otter") == (rivals[0], False)


# --- what is known beforehand ---------------------------------------------------------------------


@pytest.fixture
def nested(folder):
    for number, name in enumerate(["deer/cam1/1.jpg", "deer/cam2/2.jpg", "fox/cam1/3.jpg"]):
        factories.photograph(folder / name, number)
    return folder


def test_the_level_that_names_the_class_is_shown_before_anything_is_made(client, ada, nested):
    fields = form(nested, folder_meaning="labels", class_names="")
    answer = client.post("/projects/new/", fields)
    (line,) = answer.context["lines"]
    assert line.startswith("classes from folder level 1: deer 2, fox 1 (levels: 1 deer, fox · 2 cam1, cam2 ·")
    assert line.split(" (")[0] in answer.content.decode()
    assert not Project.objects.exists() and not Source.objects.exists()
    answer = client.post("/projects/new/", {**fields, "seen": answer.context["seen"].replace("\n", "\r\n")})
    assert answer.status_code == 302
    factories.work("scan", "ingest", "known")
    assert sorted(Label.objects.values_list("classes__name", flat=True)) == ["deer", "deer", "fox"]


def test_another_level_is_shown_again_and_taken(client, ada, nested):
    fields = form(nested, folder_meaning="truth", class_names="")
    seen = client.post("/projects/new/", fields).context["seen"]
    answer = client.post("/projects/new/", {**fields, "class_level": "2", "seen": seen})
    assert answer.context["lines"][0].startswith("classes from folder level 2: cam1 2, cam2 1")
    client.post("/projects/new/", {**fields, "class_level": "2", "seen": answer.context["seen"]})
    factories.work("scan", "ingest", "known")
    assert sorted(HiddenTruth.objects.values_list("label_class__name", flat=True)) == ["cam1", "cam1", "cam2"]


def test_a_table_is_taken_and_what_does_not_fit_is_shown_first(client, ada, nested, tmp_path):
    (table := tmp_path / "labels.csv").write_text("file;label\r\n1.jpg;hare\r\n2.jpg;hare\r\n")
    fields = form(nested, folder_meaning="labels", table=str(table), class_names="")
    assert client.post("/projects/new/", fields).status_code == 302
    factories.work("scan", "ingest", "known")
    assert Label.objects.filter(classes__name="hare").count() == 2
    table.write_text("file;label\r\n1.jpg;hare\r\n9.jpg;hare\r\n")
    answer = client.post("/projects/new/", {**fields, "name": "Another"})
    assert "1 of 2 rows name no file of this folder, the first: 9.jpg" in answer.context["lines"][1]
    assert Project.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"table": "/no/such.csv", "folder_meaning": "labels"}, "table"),
        ({"table": "~nobody-here/such.csv", "folder_meaning": "labels"}, "table"),
        ({"table": "/no/such.csv"}, "folder_meaning"),
        ({"folder_meaning": "labels", "class_level": "3"}, "folder"),
        ({"folder_meaning": "labels", "class_level": "0"}, "class_level"),
        ({"folder_meaning": "labels", "class_level": "99"}, "class_level"),
    ],
)
def test_what_cannot_be_meant_is_shown_beside_its_field(client, ada, nested, wrong, field):
    answer = client.post("/projects/new/", form(nested) | wrong)
    assert field in answer.context["form"].errors
    assert not Project.objects.exists()


# --- people ---------------------------------------------------------------------------------------


def test_a_new_account_shows_its_password_once(client, foxes):
    client.force_login(foxes.mia)
    answer = client.post("/projects/foxes/people/", {"username": "nina", "role": "annotator"})
    password = answer.context["one_time_password"]
    assert answer.status_code == 200 and password in answer.content.decode()
    assert password not in client.get("/projects/foxes/people/").content.decode()
    assert client.login(username="nina", password=password)


def test_a_name_that_differs_by_a_capital_is_the_account_there_is(client, foxes):
    client.force_login(foxes.mia)
    assert client.post("/projects/foxes/people/", {"username": "Ana", "role": "viewer"}).status_code == 302
    assert not User.objects.filter(username="Ana").exists()
    assert Membership.objects.get(project=foxes.project, user=foxes.ana).role == "viewer"


def test_a_changed_role_leads_back_to_the_page(client, foxes):
    client.force_login(foxes.olga)
    answer = client.post("/projects/foxes/people/", {"username": "ana", "role": "manager"})
    assert (answer.status_code, answer["Location"]) == (302, "/projects/foxes/people/")
    assert foxes.project.memberships.get(user=foxes.ana).role == "manager"


@pytest.mark.parametrize(
    "given",
    [{"username": "ana", "role": "owner"}, {"username": "a b", "role": "viewer"}, {"username": "ana", "role": "x"}],
)
def test_what_is_not_allowed_is_said_on_the_page(client, foxes, given):
    client.force_login(foxes.mia)
    answer = client.post("/projects/foxes/people/", given)
    assert answer.status_code == 200 and answer.context["form"].errors
    assert foxes.project.memberships.get(user=foxes.ana).role == "annotator"
    assert foxes.project.memberships.count() == 5


# --- what `up` opens ------------------------------------------------------------------------------


def test_a_folder_is_opened_once_and_then_again(folder):
    admin = factories.person("admin", is_superuser=True)
    factories.photograph(folder / "one.jpg")
    first = opening.open_folder(folder, Source.Meaning.NOTHING)
    factories.work("scan", "ingest")
    factories.photograph(folder / "two.jpg", 2)
    assert opening.open_folder(folder, Source.Meaning.NOTHING) == first
    factories.work("scan", "ingest")
    assert set(File.objects.values_list("path", flat=True)) == {"one.jpg", "two.jpg"}
    assert first.memberships.get().user == admin


def test_a_folder_that_cannot_be_used_makes_no_project(folder):
    with pytest.raises(FolderError):
        opening.open_folder(folder, Source.Meaning.NOTHING)
    assert not Project.objects.exists()


def test_the_demo_is_written_once_with_two_rare_digits(settings):
    demo = opening.open_demo()
    assert opening.open_demo() == demo
    rows = (settings.DATA / "demo" / "truth.csv").read_text().splitlines()[1:]
    digits = [row.rsplit(",", 1)[1] for row in rows]
    assert digits.count("3") == digits.count("7") == 12
    assert len(list((settings.DATA / "demo" / "digits").iterdir())) == len(rows) > 1400
    assert demo.sources.get().truth_from.endswith("truth.csv")
