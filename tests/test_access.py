"""Every address of the site, and what each kind of person gets there. An address without a row fails."""

import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from labeller.exchange.models import Import
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples import ingesting as samples
from labeller.samples.models import Deployment, Sample, Source
from tests import factories

pytestmark = pytest.mark.django_db

PEOPLE = ("anonymous", "stranger", "viewer", "annotator", "manager", "owner", "admin")
NAMES = dict(zip(PEOPLE[1:], ("sam", "vic", "ana", "mia", "olga", "ada"), strict=True))

LOGIN = 302  # anonymous people are sent to the login page
PUBLIC = (200,) * 7
MEMBERS = (LOGIN, 404, 200, 200, 200, 200, 200)
ANNOTATORS = (LOGIN, 404, 403, 200, 200, 200, 200)
MANAGERS = (LOGIN, 404, 403, 403, 200, 200, 200)
OWNERS = (LOGIN, 404, 403, 403, 403, 200, 200)
ADMINISTRATORS = (LOGIN, 403, 403, 403, 403, 403, 200)
EVERYBODY_INSIDE = (LOGIN, 200, 200, 200, 200, 200, 200)


@dataclass(frozen=True)
class Row:
    """An address, how it is asked, and the answer for each of PEOPLE."""

    method: str
    path: str
    expected: tuple[int, ...]
    body: str | dict | None = None

    def __str__(self):
        return f"{self.method} {self.path}"


FORM = {}  # refused by the form, but the person is let in: 200 with the mistakes shown
LANGUAGE = Row("POST", "language/", (302,) * 7, FORM)  # anybody's, back to the page it was chosen on
ROWS = [
    Row("GET", "healthz", PUBLIC),
    Row("GET", "readyz", (503,) * 7),  # no broker and no workers here
    Row("GET", "login/", PUBLIC),
    Row("POST", "login/", PUBLIC, FORM),
    Row("POST", "logout/", (LOGIN, *(302,) * 6), FORM),
    LANGUAGE,
    Row("GET", "keys/", EVERYBODY_INSIDE),
    Row("POST", "keys/", (LOGIN, *(302,) * 6), FORM),  # nothing filled in: the usual keys
    Row("GET", "account/", EVERYBODY_INSIDE),
    Row("GET", "account/password/", EVERYBODY_INSIDE),
    Row("POST", "account/password/", EVERYBODY_INSIDE, FORM),
    Row("POST", "account/log-out/", (LOGIN, *(302,) * 6), FORM),
    Row("GET", "people/", ADMINISTRATORS),
    Row("POST", "people/<int:user_id>/password/", ADMINISTRATORS, FORM),
    Row("POST", "people/<int:user_id>/active/", (LOGIN, *(403,) * 5, 302), FORM),
    Row("POST", "people/<int:user_id>/log-out/", (LOGIN, *(403,) * 5, 302), FORM),
    Row("GET", "people/<int:user_id>/delete/", ADMINISTRATORS),
    Row("POST", "people/<int:user_id>/delete/", ADMINISTRATORS, FORM),
    Row("GET", "networks/", ADMINISTRATORS),
    Row("POST", "networks/", ADMINISTRATORS, FORM),
    Row("POST", "networks/pieces/<uuid:token>/<int:number>/", (LOGIN, *(403,) * 5, 204), "{}"),
    Row("GET", "networks/<slug:digest>/delete/", (LOGIN, *(403,) * 5, 404)),  # there is none
    Row("POST", "networks/<slug:digest>/delete/", (LOGIN, *(403,) * 5, 404), FORM),
    Row("POST", "deletions/<int:job_id>/cancel/", (LOGIN, *(404,) * 6), FORM),  # nothing is being deleted
    Row("GET", "", EVERYBODY_INSIDE),
    Row("GET", "projects/new/", ADMINISTRATORS),
    Row("POST", "projects/new/", ADMINISTRATORS, FORM),
    Row("GET", "projects/<slug:slug>/people/", MANAGERS),
    Row("POST", "projects/<slug:slug>/people/", MANAGERS, FORM),
    Row("POST", "projects/<slug:slug>/embedding/<slug:action>/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    Row("POST", "projects/<slug:slug>/train/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    Row("GET", "projects/<slug:slug>/hidden/", MANAGERS),
    Row("POST", "projects/<slug:slug>/hidden/", (LOGIN, 404, 403, 403, 404, 404, 404), FORM),  # names no file
    Row("GET", "projects/<slug:slug>/deployments/", MANAGERS),
    Row("POST", "projects/<slug:slug>/deployments/", MANAGERS, FORM),  # names no zone
    Row("GET", "projects/<slug:slug>/deployments/<int:deployment_id>/", MANAGERS),
    Row(
        "POST",
        "projects/<slug:slug>/deployments/<int:deployment_id>/",
        (LOGIN, 404, 403, 403, 302, 302, 302),
        FORM,
    ),
    Row("GET", "projects/<slug:slug>/repeated-boxes/", MANAGERS),
    Row("POST", "projects/<slug:slug>/repeated-boxes/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    *(Row(method, "projects/<slug:slug>/tables/", (LOGIN, 404, 403, 403, 404, 404, 404)) for method in ("GET", "POST")),
    *(  # of texts only
        Row(method, f"projects/<slug:slug>/copies/{path}", refused)
        for method, path, refused in (
            ("GET", "", (LOGIN, 404, 403, 404, 404, 404, 404)),
            ("GET", "<int:sample_id>/", (LOGIN, 404, 403, 404, 404, 404, 404)),
            ("POST", "<int:sample_id>/", (LOGIN, 404, 403, 403, 404, 404, 404)),
        )
    ),
    Row("GET", "projects/<slug:slug>/settings/", MANAGERS),
    Row("POST", "projects/<slug:slug>/settings/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/settings/", MANAGERS),
    Row("POST", "projects/<slug:slug>/questions/<slug:key>/settings/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/featuriser/", MANAGERS),
    Row(
        "POST", "projects/<slug:slug>/featuriser/tune/<int:tuning_id>/use/", (LOGIN, 404, 403, 403, 404, 404, 404), FORM
    ),
    Row("POST", "projects/<slug:slug>/featuriser/questions/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    *(
        Row("POST", f"projects/<slug:slug>/featuriser/{what}/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM)
        for what in ("levels", "advise", "advise/stop", "adapt", "adapt/stop", "use", "use/stop", "tune", "tune/stop")
    ),
    *(
        Row(
            "POST",
            f"projects/<slug:slug>/featuriser/adapt/<slug:way>/{what}/",
            (LOGIN, 404, 403, 403, 404, 404, 404),
            FORM,
        )
        for what in ("use", "leave")  # nothing was tried yet
    ),
    Row(
        "POST",
        "projects/<slug:slug>/featuriser/network/<slug:digest>/",
        (LOGIN, 404, 403, 403, 404, 404, 404),  # there is none
        FORM,
    ),
    # Words are in texts, and this project is of photographs.
    Row("GET", "projects/<slug:slug>/featuriser/vocabulary/", (LOGIN, 404, 403, 403, 404, 404, 404)),
    *(
        Row("POST", f"projects/<slug:slug>/featuriser/vocabulary/{what}/", (LOGIN, 404, 403, 403, 404, 404, 404), FORM)
        for what in ("look", "stop")
    ),
    *(
        Row("POST", f"projects/<slug:slug>/featuriser/{what}/", (LOGIN, 404, 403, 403, 404, 404, 404), FORM)
        for what in ("vectors", "vectors/stop", "encoder")  # of texts alone
    ),
    Row("GET", "projects/<slug:slug>/classes/", MANAGERS),
    Row("POST", "projects/<slug:slug>/classes/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/classes/<int:class_id>/", MANAGERS),
    Row("POST", "projects/<slug:slug>/classes/<int:class_id>/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/delete/", OWNERS),
    Row("POST", "projects/<slug:slug>/delete/", OWNERS, FORM),
    Row("GET", "projects/<slug:slug>/sources/<int:source_id>/delete/", OWNERS),
    Row("POST", "projects/<slug:slug>/sources/<int:source_id>/delete/", OWNERS, FORM),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/delete/", OWNERS),
    Row("POST", "projects/<slug:slug>/questions/<slug:key>/delete/", OWNERS, FORM),
    Row("GET", "projects/<slug:slug>/classes/<int:class_id>/delete/", MANAGERS),
    Row("POST", "projects/<slug:slug>/classes/<int:class_id>/delete/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/follow-up/", MANAGERS),
    Row("POST", "projects/<slug:slug>/questions/<slug:key>/follow-up/", MANAGERS, FORM),
    Row(
        "GET",
        "projects/<slug:slug>/known/<int:source_id>/<slug:purpose>.csv",
        (LOGIN, 404, 403, 403, 404, 404, 404),  # nothing was given
    ),
    Row("GET", "samples/<int:sample_id>/<int:size>.jpg", MEMBERS),
    Row("GET", "samples/<int:sample_id>/part-<int:size>.jpg", MEMBERS),
    Row("GET", "projects/<slug:slug>/label/<slug:key>/", ANNOTATORS),
    Row("GET", "projects/<slug:slug>/label/<slug:key>/grid/", ANNOTATORS),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/grid/tiles/", ANNOTATORS, "{}"),
    Row("GET", "projects/<slug:slug>/label/<slug:key>/sequence/", ANNOTATORS),
    Row("GET", "projects/<slug:slug>/label/<slug:key>/hunt/", ANNOTATORS),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/hunt/start/", (LOGIN, 404, 403, 422, 422, 422, 422), "{}"),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/hunt/tiles/", (LOGIN, 404, 403, 422, 422, 422, 422), "{}"),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/release/", (LOGIN, 404, 403, 204, 204, 204, 204), "{}"),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/next/", ANNOTATORS, "{}"),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/labels/", ANNOTATORS, "EVENTS"),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/classes/", ANNOTATORS, '{"name": "fox"}'),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/speaking/", (LOGIN, 404, 403, 422, 422, 422, 422), "{}"),
    Row(
        "GET",
        "projects/<slug:slug>/texts/<int:sample_id>/<int:start>/",
        (LOGIN, 404, 403, 404, 404, 404, 404),  # it is a photograph
    ),
    Row("GET", "projects/<slug:slug>/label/<slug:key>/review/", MANAGERS),
    Row("POST", "projects/<slug:slug>/label/<slug:key>/review/next/", MANAGERS, "{}"),
    Row("GET", "projects/<slug:slug>/together/", (LOGIN, 404, 403, 302, 302, 302, 302)),  # there is one question alone
    Row("POST", "projects/<slug:slug>/together/next/", ANNOTATORS, "{}"),
    Row("POST", "projects/<slug:slug>/together/labels/", ANNOTATORS, "EVENTS"),
    Row("POST", "projects/<slug:slug>/together/release/", (LOGIN, 404, 403, 204, 204, 204, 204), "{}"),
    Row("GET", "projects/<slug:slug>/history/", ANNOTATORS),
    Row("POST", "projects/<slug:slug>/history/withdraw/", (LOGIN, 404, 403, 404, 404, 404, 404), FORM),  # names nothing
    Row("GET", "projects/<slug:slug>/flagged/", ANNOTATORS),
    Row("POST", "projects/<slug:slug>/flagged/close/", (LOGIN, 404, 403, 404, 404, 404, 404), FORM),
    Row("GET", "projects/<slug:slug>/", MEMBERS),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/", MEMBERS),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/curve.json", MEMBERS),
    Row("GET", "projects/<slug:slug>/refused/", MANAGERS),
    Row("GET", "projects/<slug:slug>/questions/<slug:key>/site-days/", MEMBERS),
    Row("POST", "projects/<slug:slug>/questions/<slug:key>/site-days/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    *(
        Row("GET", f"projects/<slug:slug>/questions/<slug:key>/{path}", (LOGIN, 404, 403, 403, 404, 404, 404))
        for path in ("site-days.csv", "site-days/history.csv")  # nothing was worked out yet
    ),
    Row("GET", "projects/<slug:slug>/refused.csv", MANAGERS),
    Row(
        "POST",
        "projects/<slug:slug>/acceptances/<int:acceptance_id>/<slug:action>/",
        (LOGIN, 404, 403, 403, 404, 404, 404),  # nothing is offered yet
        FORM,
    ),
    Row("GET", "projects/<slug:slug>/import/", MANAGERS),
    Row("POST", "projects/<slug:slug>/import/", MANAGERS, FORM),
    Row("GET", "projects/<slug:slug>/import/<int:import_id>/", MANAGERS),
    Row("POST", "projects/<slug:slug>/import/<int:import_id>/", (LOGIN, 404, 403, 403, 302, 302, 302), FORM),
    Row("GET", "projects/<slug:slug>/import/<int:import_id>/not-taken.csv", (LOGIN, 404, 403, 403, 404, 404, 404)),
    Row("GET", "projects/<slug:slug>/export/", MANAGERS),
    Row("GET", "projects/<slug:slug>/export/labels.csv", MANAGERS),
    Row("GET", "projects/<slug:slug>/export/deployments.csv", MANAGERS),
    Row("GET", "projects/<slug:slug>/export/predictions.csv", (LOGIN, 404, 403, 403, 404, 404, 404)),  # no head yet
    Row("GET", "projects/<slug:slug>/export/<slug:kind>.manifest.json", (LOGIN, 404, 403, 403, 404, 404, 404)),
    Row("GET", "projects/<slug:slug>/export/<int:export_id>.zip", (LOGIN, 404, 403, 403, 404, 404, 404)),
    Row("POST", "projects/<slug:slug>/export/make/<slug:name>/", MANAGERS, FORM),
    Row("POST", "projects/<slug:slug>/export/<int:export_id>/remove/", (LOGIN, 404, 403, 403, 404, 404, 404), FORM),
]
IN_A_PROJECT = [row for row in ROWS if "<slug:slug>" in row.path]


def routes(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


def test_every_address_has_a_row():
    assert {row.path for row in ROWS} == set(routes(get_resolver().url_patterns))


@pytest.fixture
def world(foxes, tmp_path):
    """The cast's project with one imported photograph."""
    folder = tmp_path / "photographs"
    factories.photograph(folder / "one.jpg")
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "bursts")
    besides(foxes.project)
    return foxes


def besides(project):
    """What some addresses name, and pages tell of."""
    factories.person("spare")
    _import(project)
    return Deployment.objects.get_or_create(project=project, defaults={"name": "north"})[0]


def client_of(world, who):
    client = Client()
    if who != "anonymous":
        client.force_login(getattr(world, NAMES[who]))
    return client


def ask(client, row, slug="foxes", key="species", sample_id=None, method=None):
    places = {
        "slug:slug": lambda: slug,
        "slug:key": lambda: key,
        "int:sample_id": lambda: sample_id or Sample.objects.get().pk,
        "int:tuning_id": lambda: 1,
        "int:size": lambda: 256,
        "slug:action": lambda: "resume",
        "slug:way": lambda: "whitening",
        "int:acceptance_id": lambda: 1,
        "int:user_id": lambda: factories.person("spare").pk,
        "int:source_id": lambda: Source.objects.filter(project__slug="foxes").first().pk,
        "int:job_id": lambda: 1,
        "uuid:token": uuid.uuid4,
        "int:number": lambda: 0,
        "int:start": lambda: 0,
        "int:export_id": lambda: 1,
        "slug:name": lambda: "camtrap-dp",
        "slug:digest": lambda: "0123456789abcdef",
        "slug:purpose": lambda: "labels",
        "slug:kind": lambda: "predictions",
        "int:deployment_id": lambda: besides(Project.objects.get(slug="foxes")).pk,
        "int:import_id": lambda: _import(Project.objects.get(slug="foxes")).pk,
        "int:class_id": lambda: LabelClass.objects.filter(question__project__slug="foxes").first().pk,
    }
    path = re.sub(r"<(\w+:\w+)>", lambda place: str(places[place[1]]()), "/" + row.path)
    method = method or row.method
    if method != "POST":
        return client.generic(method, path)
    body = row.body
    if body == "EVENTS":
        sample = places["int:sample_id"]()
        body = {"events": [{"uuid": str(uuid.uuid4()), "sample": sample, "verdict": "skip"}]}
    return client.post(path, body) if body == FORM else client.post(path, body, content_type="application/json")


def _import(project):
    question = project.first_question
    return Import.objects.get_or_create(project=project, question=question, name="md.json", path="/nowhere")[0]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_person_gets_what_the_table_says(world, row):
    got = tuple(ask(client_of(world, who), row).status_code for who in PEOPLE)
    assert dict(zip(PEOPLE, got, strict=True)) == dict(zip(PEOPLE, row.expected, strict=True))


def test_anonymous_people_are_sent_to_the_login_page_and_learn_nothing(world):
    for row in ROWS:
        if row.expected[0] != LOGIN or row == LANGUAGE:
            continue
        for slug in ("foxes", "no-such-project"):
            answer = ask(Client(), row, slug=slug)
            assert answer["Location"].startswith("/login/"), row
            assert answer.content == b"", row


def visible(response):
    """The body without the token that differs from answer to answer."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", response.content)


def test_a_stranger_cannot_tell_a_project_from_one_that_does_not_exist(world):
    client = client_of(world, "stranger")
    for row in IN_A_PROJECT:
        theirs, nobodys = ask(client, row), ask(client, row, slug="no-such-project")
        assert (theirs.status_code, nobodys.status_code) == (404, 404), row
        assert visible(theirs) == visible(nobodys), row
        assert theirs.headers.keys() == nobodys.headers.keys(), row


def test_walking_through_ids_of_images_finds_only_ones_own(world, tmp_path):
    other = factories.project("other")
    folder = tmp_path / "other"
    factories.photograph(folder / "secret.jpg", 99)
    samples.add_source(other, folder)
    factories.work("scan", "ingest")
    mine, theirs = Sample.objects.get(project=world.project).pk, Sample.objects.get(project=other).pk
    row = next(row for row in ROWS if row.path.startswith("samples/"))
    client = client_of(world, "viewer")
    answers = {sample_id: ask(client, row, sample_id=sample_id) for sample_id in range(max(1, mine - 20), theirs + 20)}
    assert [sample_id for sample_id, answer in answers.items() if answer.status_code == 200] == [mine]
    bodies = {visible(answer) for sample_id, answer in answers.items() if sample_id != mine}
    assert len(bodies) == 1


def test_an_image_is_a_picture_and_nothing_else(world):
    row = next(row for row in ROWS if row.path.startswith("samples/"))
    answer = ask(client_of(world, "viewer"), row)
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert "private" in answer["Cache-Control"]
    assert b"".join(answer.streaming_content)[:3] == b"\xff\xd8\xff"


def test_questions_and_samples_of_another_project_are_not_reached_through_ones_own(world):
    other = factories.project("other")
    Question.objects.create(project=other, key="secret", text="Secret?")
    client = client_of(world, "owner")
    for row in IN_A_PROJECT:
        if "<slug:key>" in row.path:
            assert ask(client, row, key="secret").status_code == 404
    assert client.get("/projects/foxes/export/labels.csv?question=secret").status_code == 404


def test_methods_an_address_does_not_know_are_refused(world):
    client = client_of(world, "admin")
    for path in dict.fromkeys(row.path for row in ROWS):
        rows = [row for row in ROWS if row.path == path]
        known = {row.method for row in rows}
        known |= {"HEAD", "OPTIONS"} if "GET" in known else {"OPTIONS"}
        if path == "login/":
            known.add("PUT")  # Django's form view treats it as POST
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
            answer = ask(client, rows[0], method=method)
            assert answer.status_code == 405, f"{method} {path}"


def test_without_its_csrf_token_nothing_is_taken(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.ada)
    for row in ROWS:
        if row.method == "POST":
            assert ask(client, row).status_code == 403, row


def test_the_originals_are_not_served(world):
    client = client_of(world, "admin")
    original = Path(Sample.objects.get().file.source.path, "one.jpg")
    for path in (f"/{original}", "/static/../secret_key", "/derivatives/", "/media/", "/data/secret_key"):
        assert client.get(path).status_code == 404
