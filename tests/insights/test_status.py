"""`manage.py status` and the numbers on the pages."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from labeller.annotating import saving
from labeller.annotating.handing import single as annotating
from labeller.annotating.holding import Wanted
from labeller.insights import selectors
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.samples import ingesting as samples
from tests import factories

pytestmark = pytest.mark.django_db


def status(*options):
    out = StringIO()
    call_command("status", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def played(foxes, folder):
    """Three photographs and a broken file, embedded; one audit label and one taken back."""
    for number in range(3):
        factories.photograph(folder / f"{number}.png", number)
    (folder / "broken.jpg").touch()
    (folder / ".hidden").touch()
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed", "bursts")
    Job.objects.filter(kind="refit").delete()
    made = list(foxes.project.samples.order_by("pk"))
    fox = foxes.class_id("fox")
    factories.ranking(foxes.question, made, audits=made[:1], suggest=[fox, foxes.class_id("badger")])
    for assignment in annotating.next_batch(foxes.ana, foxes.question, Wanted(2)).assignments:
        given = factories.judgement(foxes.question, assignment.sample, foxes.ana, fox)
        saving.save_judgement(foxes.member("ana"), foxes.question, given, assignment.entry_id)
    last = Label.objects.order_by("pk").last()
    back = factories.judgement(
        foxes.question, last.sample, foxes.ana, verdict=Label.Verdict.WITHDRAW, supersedes=last.uuid
    )
    saving.save_judgement(foxes.member("ana"), foxes.question, back)
    return foxes


def test_json_has_exactly_this_shape(played):
    (project,) = json.loads(status("--json"))["projects"]
    (found,) = project.pop("questions")
    assert [check["met"] for check in found.pop("stop")["checks"]] == [False, False, False]
    assert found.pop("missing_classes") == {"observed": 1, "estimate": 1, "low": 1, "high": 7, "missing": 0}
    assert found.pop("coverage") == {"estimate": 0.0, "low": 0.0, "high": 1.0}
    assert found.pop("forecast")["labels"] is None
    assert found == {
        "question": "species",
        "asked_of": 3,
        "labels": {"fox": 1, "badger": 0, "empty": 0},
        "rounds": 1,
        "queue": 2,
        "audit": {"n": 1, "accuracy": 1.0, "low": 0.0, "high": 1.0, "lacks": None},
        "accepted": None,
    }
    assert project == {
        "slug": "foxes",
        "samples": 3,
        "embedded": 3,
        "quarantined": {"empty": 1},
        "left_out": {"hidden": 1},
        "missing": 0,
        "jobs": {"done": 5},
        "known": [],
    }


def test_an_empty_site_has_no_projects(db):
    assert json.loads(status("--json")) == {"projects": []}


def test_a_fresh_project_claims_nothing(foxes):
    (project,) = json.loads(status("--json"))["projects"]
    (found,) = project.pop("questions")
    assert found.pop("stop")["advised"] is False
    assert found.pop("forecast")["target"] == 0.9
    assert found == {
        "question": "species",
        "asked_of": 0,
        "labels": {"fox": 0, "badger": 0, "empty": 0},
        "rounds": 0,
        "queue": 0,
        "audit": {"n": 0, "accuracy": None, "low": 0.0, "high": 1.0, "lacks": None},
        "missing_classes": None,
        "coverage": None,
        "accepted": None,
    }
    assert project == {
        "slug": "foxes",
        "samples": 0,
        "embedded": 0,
        "quarantined": {},
        "left_out": {},
        "missing": 0,
        "jobs": {},
        "known": [],
    }


def test_a_project_without_questions_is_listed_too(db):
    from labeller.projects.models import Project

    Project.objects.create(slug="bare", name="Bare")
    (found,) = json.loads(status("--json"))["projects"]
    assert (found["slug"], found["questions"]) == ("bare", [])


def test_one_project_may_be_asked_for(played):
    factories.project("other")
    assert [each["slug"] for each in json.loads(status("--json"))["projects"]] == ["foxes", "other"]
    assert [each["slug"] for each in json.loads(status("--json", "--project", "other"))["projects"]] == ["other"]
    with pytest.raises(CommandError, match="nowhere"):
        status("--project", "nowhere")


def test_the_text_says_the_same_in_words(played):
    text = status()
    for words in ("foxes: 3 samples, 3 embedded", "empty 1", "fox 1", "2 samples queued", "100 %", "n = 1"):
        assert words.replace(" %", "%") in text
    factories.project("fresh")
    assert "nothing to claim yet" in status("--project", "fresh")


# --- pages ----------------------------------------------------------------------------------------


def test_the_progress_page_and_its_fragment_show_the_numbers(client, played):
    client.force_login(played.vic)
    page = client.get("/projects/foxes/")
    fragment = client.get("/projects/foxes/", headers={"HX-Request": "true"})
    assert "<html" in page.content.decode()
    assert "<html" not in fragment.content.decode()
    numbers = {
        "samples": 3,
        "embedded": 3,
        "quarantined_total": 1,
        "labelled": 1,
        "queue": 2,
        "rounds": 1,
    }
    for answer in (page, fragment):
        assert answer.context["numbers"] == numbers
        assert "broken.jpg" in answer.content.decode()


def test_names_of_files_cannot_break_out_of_the_progress_page(client, foxes, folder):
    (folder / "<script>alert(1)<!--.jpg").write_text("no picture")
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    client.force_login(foxes.vic)
    page = client.get("/projects/foxes/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_work_that_ends_while_it_is_counted_is_none(foxes):
    """Jobs end whenever they like, also between two questions about them."""
    Job.objects.create(
        kind="ingest", key="a", project=foxes.project, state="running", total=3, not_before="2020-01-01T00:00Z"
    )

    def end(execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if sql.startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.cursor.execute("UPDATE jobs_job SET state = 'done'")
        return found

    with connection.execute_wrapper(end):
        found = selectors.work(foxes.project, ["ingest"])
    assert found is None or found["total"] in {0, 3}
    assert selectors.work(foxes.project, ["ingest"]) is None


def test_work_is_counted_in_samples_while_it_is_open(foxes):
    assert selectors.work(foxes.project, ["ingest"]) is None
    for key, state, done in (("a", "done", 10), ("b", "running", 4), ("c", "queued", 0)):
        Job.objects.create(
            project=foxes.project, kind="ingest", key=key, state=state, done=done, total=10,
            not_before="2020-01-01T00:00Z", finished_at="2099-01-01T00:00Z" if state == "done" else None,
            message="decoding b.jpg" if state == "running" else "",
        )  # fmt: skip
    work = selectors.work(foxes.project, ["ingest"])
    assert (work["done"], work["total"], work["message"]) == (14, 30, "decoding b.jpg")


def test_the_list_of_projects_shows_each_person_their_own(client, played):
    factories.project("secret")
    client.force_login(played.vic)
    answer = client.get("/")
    (card,) = answer.context["projects"]
    assert (card["project"], card["role"], card["n_samples"], card["n_labels"]) == (played.project, "viewer", 3, 1)
    assert (card["n_embedded"], card["n_classes"], card["importing"]) == (3, 3, False)
    assert "Secret" not in answer.content.decode()
    client.force_login(played.ada)
    assert {card["project"].slug for card in client.get("/").context["projects"]} == {"foxes", "secret"}
