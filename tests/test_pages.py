"""What pages and endpoints ask of the database: the same however much there is, and by an index each."""

import csv
import json
import re
import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.annotating.handing import single, state, tiles
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.jobs.models import Job
from labeller.labels import selectors
from labeller.labels.models import Label
from labeller.learning.models import TileGroup
from labeller.managing import opening
from labeller.samples import ingesting
from labeller.samples.known import Given
from labeller.samples.layouts import TextLayout
from labeller.samples.models import PeopleSeen
from tests import factories

pytestmark = pytest.mark.django_db

GROWING = (
    "labels_label labels_labelledclass labels_answer labels_flag samples_sample samples_file annotating_assignment"
    " learning_roundentry jobs_job samples_peopleseen"
)
URL = "/projects/foxes/"
LABEL = f"{URL}label/species/"


def post(client, place, **body):
    body = {"tab": str(uuid.uuid4()), "keep": [], **body}
    answer = client.post(f"{LABEL}{place}", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer


def get(client, url):
    answer = client.get(url)
    assert answer.status_code == 200
    return answer


def save(client, foxes, count):
    """Save so many labels of new samples."""
    events = [
        {
            "uuid": str(uuid.uuid4()), "sample": sample.pk, "entry": None, "verdict": "answer", "supersedes": None,
            "classes": [foxes.class_id("fox")], "mode": "single", "dwell_ms": 1000, "suggestion_shown": False,
        }
        for sample in factories.samples(foxes.project, count)
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        post(client, "labels/", events=events)
    return captured


# By name what is asked for, and the most statements it may take, those that begin and end a transaction left out.
PAGES = {
    "next": (lambda client, foxes: post(client, "next/", count=5), 11),
    "grid": (lambda client, foxes: post(client, "grid/tiles/", count=20), 22),
    "hunt": (lambda client, foxes: post(client, "hunt/start/", **{"class": foxes.class_id("fox")}), 11),
    "review": (lambda client, foxes: post(client, "review/next/", count=5), 21),
    "progress": (lambda client, foxes: get(client, URL), 60),
    "curve": (lambda client, foxes: get(client, f"{URL}questions/species/curve.json"), 18),
    "projects": (lambda client, foxes: get(client, "/"), 10),
    "history": (lambda client, foxes: get(client, f"{URL}history/"), 16),
    "flagged": (lambda client, foxes: get(client, f"{URL}flagged/"), 14),
    "classes": (lambda client, foxes: get(client, f"{URL}classes/"), 12),
    "deployments": (lambda client, foxes: get(client, f"{URL}deployments/"), 8),
    "settings": (lambda client, foxes: get(client, f"{URL}settings/"), 14),
    "learning settings": (lambda client, foxes: get(client, f"{URL}questions/species/settings/"), 14),
    "people": (lambda client, foxes: get(client, f"{URL}people/"), 8),
    "hidden": (lambda client, foxes: get(client, f"{URL}hidden/"), 10),
    "exports": (lambda client, foxes: get(client, f"{URL}export/"), 10),
    "label": (lambda client, foxes: get(client, LABEL), 14),
}


@pytest.fixture
def grow(foxes):
    """Label so many samples, now and then by two people who differ; finish so many jobs; rank as many again."""

    def more(count):
        made = factories.samples(foxes.project, 2 * count)
        by_mia = factories.labelled(foxes.question, made[:count], foxes.mia, foxes.class_id("fox"))
        factories.labelled(foxes.question, made[:count:4], foxes.ana, foxes.class_id("badger"))
        for number, (sample, label) in enumerate(zip(made[:count], by_mia, strict=True)):
            Assignment.objects.create(
                question=foxes.question, sample=sample, annotator=foxes.mia, is_done=True, slot=0,
                expires_at=timezone.now(),
            )  # fmt: skip
            if number % 5 == 0:
                foxes.question.flags.create(
                    uuid=uuid.uuid4(), project=foxes.project, sample=sample, author=foxes.ana, note="odd"
                )
            Job.objects.create(
                project=foxes.project, kind="refit", key=f"{label.pk}", state="done", not_before=timezone.now(),
                finished_at=timezone.now(),
            )  # fmt: skip
            if number % 5 == 1:
                PeopleSeen.objects.create(file=sample.file, project=foxes.project, by_models=True)
        ranked = factories.ranking(foxes.question, made[count:], suggest=[foxes.class_id("fox")])
        TileGroup.objects.create(
            question=foxes.question, kind="predicted", round=ranked, number=1, n=count,
            label_class_id=foxes.class_id("fox"), tiles=[[sample.pk, 0.9] for sample in made[count:]],
        )  # fmt: skip

    return more


@pytest.fixture
def manager(client, foxes, sent, monkeypatch):
    monkeypatch.setattr(tiles, "CHECKED", 0.0)  # by chance a page has known answers, and takes some statements more
    client.force_login(foxes.mia)
    return client


def statements(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    begins = re.compile(r"BEGIN|COMMIT|SAVEPOINT|RELEASE")
    return [query["sql"] for query in captured if not begins.match(query["sql"])]


@pytest.mark.parametrize("name", PAGES)
def test_the_number_of_statements_is_fixed(manager, foxes, grow, name):
    call, most = PAGES[name]
    found = []
    for count in (20, 30, 40):
        grow(count)
        Assignment.objects.filter(is_done=False).delete()
        Job.objects.filter(state="queued").delete()
        call(manager, foxes)
        found.append(len(statements(lambda: call(manager, foxes))))
    assert len(set(found[1:])) == 1 and max(found) <= most, found


def test_handing_out_takes_six_statements_with_those_of_its_transaction(foxes, grow):
    grow(20)
    Assignment.objects.filter(is_done=False).delete()
    with CaptureQueriesContext(connection) as captured:
        batch = single.next_batch(foxes.ana, foxes.question, Wanted(10, tab="a"))
    assert len(batch.assignments) == 10
    assert len(captured) == 6, [query["sql"][:80] for query in captured]


def test_a_question_is_found_in_one_statement_and_only_by_who_may(foxes, django_assert_num_queries):
    with django_assert_num_queries(1):
        member, found = access.member_asked(foxes.ana, "foxes", "species", Role.ANNOTATOR)
    assert (found, member.person, member.project, member.role) == (
        foxes.question,
        foxes.ana,
        foxes.project,
        Role.ANNOTATOR,
    )
    assert access.member_asked(foxes.ada, "foxes", "species", Role.OWNER)[0].role == Role.OWNER
    for person, key, refusal in (
        (foxes.sam, "species", Http404),
        (foxes.sam, "none", Http404),
        (foxes.vic, "species", PermissionDenied),
        (foxes.vic, "none", PermissionDenied),
        (foxes.ana, "none", Http404),
    ):
        with pytest.raises(refusal):
            access.member_asked(person, "foxes", key, Role.ANNOTATOR)


def test_a_page_that_fills_up_takes_eight_statements_besides_those_of_the_session_and_the_person(manager, foxes, grow):
    grow(20)
    first = post(manager, "next/", count=5, tab="a", pool=False).json()["samples"]
    body = {"count": 3, "tab": "a", "pool": False, "keep": [each["sample"] for each in first[:2]]}
    assert len(post(manager, "next/", **body).json()["samples"]) == 3
    assert len(statements(lambda: post(manager, "next/", **body))) == 2 + 8


def test_saving_takes_as_many_statements_in_a_large_project_and_for_many_labels(manager, foxes, grow):
    save(manager, foxes, 10)  # asks for a refit
    found = {len(save(manager, foxes, 5)), len(save(manager, foxes, 25))}
    grow(40)
    found |= {len(save(manager, foxes, 5)), len(save(manager, foxes, 25))}
    # With those that begin and end transactions; on PostgreSQL one more takes locks.
    assert found == {30 + (connection.vendor == "postgresql")}


def test_whether_anything_is_open_takes_two_statements_and_one_when_nothing_is(foxes, django_assert_num_queries):
    made = factories.samples(foxes.project, 3)
    for sample in made[:2]:
        factories.label(foxes.question, sample, foxes.ana, verdict=Label.Verdict.SKIP)
    with django_assert_num_queries(2):  # one counts the boxes that nobody is asked about
        assert state.has_open_samples(foxes.question)
    factories.label(foxes.question, made[2], None, foxes.class_id("fox"), mode="import")
    with django_assert_num_queries(1):
        assert not state.has_open_samples(foxes.question)


# --- plans ----------------------------------------------------------------------------------------


def plan(sql):
    """How the database would go about it where a table were very large."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return [row[3] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan = off")  # a small table would always be gone through
        cursor.execute(f"EXPLAIN {sql}")
        found = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan = on")
        return found


def gone_through(sql):
    """The growing tables that a statement goes through from beginning to end."""
    names = re.findall(r"^\s*SCAN (\w+)|Seq Scan on (\w+)", "\n".join(plan(sql)), re.MULTILINE)
    aliases = dict(re.findall(r'(?:FROM|JOIN) "(\w+)" (U\d|T\d)\b', sql))
    return {
        table
        for pair in names
        for name in pair
        if (table := {v: k for k, v in aliases.items()}.get(name, name)) in GROWING.split()
    }


@pytest.mark.parametrize("name", PAGES)
def test_no_statement_goes_through_a_table_that_grows(manager, foxes, grow, name):
    grow(20)
    call, _ = PAGES[name]
    call(manager, foxes)
    Assignment.objects.filter(is_done=False).delete()
    asked = [sql for sql in statements(lambda: call(manager, foxes)) if sql.startswith("SELECT")]
    assert asked and not [(gone_through(sql), sql) for sql in asked if gone_through(sql)]


def test_a_claim_reads_audits_and_counts_all_other_labels_by_an_index(foxes, grow, monkeypatch):
    """With every round, however many labels there are: also those that claims may count from are found so."""
    monkeypatch.setattr(selectors, "STARTS", (2, 4, 8, 16, 64))
    grow(20)
    # So many that PostgreSQL, which weighs what each way costs, has no second choice as good, whatever tests before
    # this one left in its statistics and on its pages.
    imported = {"sample": foxes.question.labels.first().sample, "verdict": "answer", "mode": "import"}
    Label.objects.bulk_create(
        Label(uuid=uuid.uuid4(), project=foxes.project, question=foxes.question, is_current=False, **imported)
        for _ in range(5000)
    )
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")
    asked = [sql for sql in statements(lambda: selectors.trail(foxes.question)) if '"labels_label"' in sql]
    found = ["\n".join(plan(sql)) for sql in asked]
    assert len(asked) == 4 and not [(sql, gone_through(sql)) for sql in asked if gone_through(sql)]
    assert [name for each in found for name in ("label_audits", "label_by_people") if name in each] == [
        "label_audits", "label_audits", "label_by_people", "label_by_people",
    ], found  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_no_statement_excludes_by_a_list_of_all(manager, foxes, grow, name):
    grow(5)
    call, _ = PAGES[name]
    asked = statements(lambda: call(manager, foxes))
    assert not [sql for sql in asked if re.search(r'NOT \("?[\w".]+ IN \(SELECT', sql)]


def test_the_places_of_rows_are_found_by_an_index_however_large_the_table(tmp_path):
    table = tmp_path / "reviews.csv"

    def wrote(words):
        with table.open("w", newline="") as file:
            rows = [(f"{word} number {number} of many", "good") for number, word in enumerate(words)]
            csv.writer(file).writerows([("text", "label"), *rows])

    def work():
        return [sql for sql in statements(factories.work) if re.search(r'"start" (IN|>)', sql)]

    wrote(["apple", "banana", "cherry"] * 4)
    project = opening.open_new(folder=table, owner=None, layout=TextLayout(), given=Given(truth="column"))
    asked = work()
    wrote(["apple", "banana", "cherry", "damson"] * 3)
    ingesting.ask_for_scan(project.sources.get())
    asked += work()
    assert {re.search(r"samples_\w+", sql)[0] for sql in asked} == {"samples_sample", "samples_textcopy"}
    assert not [sql for sql in asked if gone_through(sql)]
    if connection.vendor == "sqlite":  # of a small table PostgreSQL's choice tells nothing
        assert not [sql for sql in asked if not re.search("(sample|copy)_by_start", "\n".join(plan(sql)))]
