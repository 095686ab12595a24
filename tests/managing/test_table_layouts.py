"""How tables are read: seen with their first rows, corrected and read anew, and no label lost."""

import csv
import re

import numpy as np
import pytest

from labeller.embedding import loading, runs
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.labels.models import Answer, Label
from labeller.managing import opening
from labeller.projects.making import ensure_class
from labeller.projects.models import Project
from labeller.samples.layouts import TextLayout
from labeller.samples.models import HiddenTruth, Sample, Text
from tests import factories

pytestmark = pytest.mark.django_db

REVIEWS = (
    ("first ticket", "The soup was cold, and nobody said sorry.", "food", "ann"),
    ("second ticket", "We waited for an hour until somebody came.", "service", "bob"),
    ("third call", "The café is loud; take a table in the garden.", "place", "ann"),
    ("fourth letter", "Best pancakes in the whole town, by far!", "food", "cem"),
)
ROLES = ["", "text", "label", "group"]


@pytest.fixture
def path(tmp_path):
    """A table whose column of texts is guessed wrong, by its name."""
    return written(tmp_path / "reviews.csv")


def written(path, encoding="utf-8", delimiter=",", rows=REVIEWS):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows([("text", "what was said of it", "kind", "by"), *rows])
    return path


@pytest.fixture
def project(db, path):
    made = opening.open_new(folder=path, owner=factories.person("olga"), name="Reviews", layout=TextLayout())
    factories.work()
    return Project.objects.get(pk=made.pk)


@pytest.fixture
def page(project, client):
    client.force_login(factories.person("olga"))

    def ask(**said):
        address = "/projects/reviews/tables/"
        if not said:
            return client.get(address)
        return client.post(address, {"source": project.sources.get().pk, **said}, follow=True)

    return ask


def contents():
    return set(Text.objects.values_list("content", flat=True))


def told(page):
    return re.sub(r"\s+>", ">", " ".join(page.content.decode().split()))


def test_guesses_are_shown_with_the_first_rows(project, page):
    said = told(page())
    assert "text is the text, by its name." in said
    assert all(review[1] in said for review in REVIEWS)
    assert 'data-testid="first-rows"' in said
    assert contents() == {review[0] for review in REVIEWS}


def test_a_corrected_column_is_shown_first_and_then_read(project, page):
    label = factories.label(
        project.first_question,
        Sample.objects.get(start=1),
        factories.person("ana"),
        ensure_class(project.first_question, "food")[0].pk,
    )
    shown = told(page(role=ROLES, do="show"))
    assert shown.count('<option value="text" selected>') == 1
    assert "columns" not in project.sources.get().layout
    page(role=ROLES, do="read", meaning="truth")
    factories.work()
    # What was read wrong is gone, but for the text of which somebody said something.
    assert contents() == {"first ticket", *(review[1] for review in REVIEWS)}
    assert Label.objects.get().pk == label.pk
    assert Answer.objects.answered().get().sample.place == "row 1, in an earlier version"
    assert set(HiddenTruth.objects.values_list("sample__text__content", "label_class__name")) == {
        (review[1], review[2]) for review in REVIEWS
    }
    groups = Text.objects.exclude(content="first ticket").values_list("content", "deployment__name")
    assert set(groups) == {(review[1], review[3]) for review in REVIEWS}
    assert tallies.samples(project) == Sample.objects.count() == 5
    assert tallies.off(project) == 0
    project.refresh_from_db()
    ids = set(np.asarray(loading.load_embeddings(runs.current_run(project)).ids).tolist())
    assert ids == set(Sample.objects.values_list("pk", flat=True))
    assert "is_corrected" not in project.sources.get().layout
    assert not Job.objects.filter(state="failed").exists()


def test_texts_that_stay_keep_their_samples_when_their_group_is_corrected(project, page):
    page(role=ROLES, do="read")
    factories.work()
    before = dict(Text.objects.values_list("content", "pk"))
    page(role=["group", "text", "label", ""], do="read")
    factories.work()
    assert dict(Text.objects.values_list("content", "pk")) == before
    assert set(Text.objects.values_list("deployment__name", flat=True)) == {
        "first ticket",
        "second ticket",
        "third call",
        "fourth letter",
    }


def test_encoding_and_separator_are_corrected(project, page, path):
    written(path, "cp1250", ";")
    page(role=ROLES, do="read", encoding="cp1250", delimiter=";")
    factories.work()
    assert contents() == {review[1] for review in REVIEWS}
    said = told(page())
    assert '<option value="cp1250" selected>' in said
    # A separator that is wrong: no column is left that is said to be the text.
    shown = told(page(role=ROLES, do="show", delimiter="|"))
    assert shown.count('name="role"') == 1


def test_rows_whose_encoding_is_corrected_keep_their_labels(project, page):
    page(role=ROLES, do="read", encoding="cp1252")
    factories.work()
    wrong = Text.objects.get(sample__start=3, sample__end=None)
    assert "caf\u00c3\u00a9" in wrong.content
    label = factories.label(
        project.first_question,
        wrong.sample,
        factories.person("ana"),
        ensure_class(project.first_question, "place")[0].pk,
    )
    page(role=ROLES, do="read", encoding="utf-8")
    factories.work()
    assert contents() == {review[1] for review in REVIEWS}
    assert Text.objects.get(content=REVIEWS[2][1]).pk == wrong.pk == label.sample_id
    assert tallies.off(project) == 0
    assert not {"is_corrected", "keeps_rows"} & project.sources.get().layout.keys()


def test_done_twice_it_changes_nothing(project, page):
    page(role=ROLES, do="read")
    factories.work()
    before = list(Text.objects.order_by("pk").values_list("pk", "content", "sample__start", "sample__end"))
    for job in Job.objects.filter(kind__in=["reread", "tidy"]):
        jobs.enqueue(job.kind, key=job.key, project=job.project, payload=job.payload)
    factories.work()
    assert list(Text.objects.order_by("pk").values_list("pk", "content", "sample__start", "sample__end")) == before
    assert tallies.off(project) == 0


def test_a_table_without_a_text_is_not_read(project, page):
    assert "Say which column is the text." in told(page(role=["", "", "label", ""], do="read"))
    assert not Job.objects.filter(kind="reread").exists()


def test_a_table_that_is_gone_is_said_so(project, page, path):
    path.unlink()
    answer = page()
    assert answer.status_code == 200
    assert page(role=ROLES, do="read").status_code == 200


def test_rows_that_a_table_has_no_more_let_go_of_their_places(project, page, path):
    written(path, rows=REVIEWS[:1])
    page(role=["text", "", "label", "group"], do="read")
    factories.work()
    assert contents() == {"first ticket"}
