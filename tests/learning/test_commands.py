"""manage.py train, rank and evaluate."""

import json

import pytest
from django.core.management import CommandError, call_command

from labeller.embedding import runs
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning import asking
from labeller.learning.management.commands import train
from labeller.learning.models import Head, Round
from labeller.projects.models import Question
from tests import factories

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """90 embedded samples in three groups, sixty of them labelled, two wrongly."""
    vectors, groups = factories.clusters(90, 3)
    made = factories.samples(foxes.project, 90)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [
            (sample, NAMES[group if number > 1 else 2])
            for number, (sample, group) in enumerate(list(zip(made, groups, strict=True))[:60])
        ],
        foxes.ana,
    )
    return made, groups


@pytest.fixture
def manage(capsys):
    """Run a command on the project; returns what it printed, JSON where that was asked for."""

    def run(name, *args):
        call_command(name, "--project", "foxes", *args)
        printed = capsys.readouterr().out
        return json.loads(printed) if "--json" in args else printed

    return run


@pytest.mark.parametrize("name", ["train", "rank", "evaluate"])
def test_an_unknown_project_is_said(name, db):
    with pytest.raises(CommandError, match="There is no project 'bears'"):
        call_command(name, "--project", "bears")


# --- train ----------------------------------------------------------------------------------------


def test_train_does_a_full_refit_and_says_what_it_chose(foxes, pool, manage):
    (row,) = manage("train", "--json")["questions"]
    head = Head.objects.get()
    assert head.is_full and Round.objects.get(is_current=True).head == head
    assert (row["question"], row["version"], row["labels"]) == ("species", 1, 60)
    assert (row["C"], row["temperature"]) == (head.C, head.temperature)
    assert row["cv_accuracy"] == head.cv_accuracy == pytest.approx(58 / 60)
    assert row["seconds"] > 0
    printed = manage("train")
    assert f"penalty C {head.C:.3g}" in printed and "no claim about the pool" in printed


def test_train_waits_for_a_worker_that_is_at_it_already(foxes, pool, manage, monkeypatch):
    asking.request_retrain(foxes.question)
    Job.objects.update(state=Job.State.RUNNING)

    def worker(seconds):  # finishes, and takes what was asked for meanwhile
        Job.objects.filter(state=Job.State.RUNNING).update(state=Job.State.DONE)

    monkeypatch.setattr(train.time, "sleep", worker)
    assert manage("train", "--json")["questions"][0]["version"] == 1
    assert set(Job.objects.filter(kind="retrain").values_list("state", flat=True)) == {"done"}


def test_train_without_two_classes_says_what_is_missing(foxes, pool, manage):
    factories.forget(Label.objects.exclude(classes=foxes.class_id("fox")))
    with pytest.raises(CommandError, match="two classes"):
        manage("train")


def test_train_says_why_it_failed_and_leaves_nothing_queued(foxes, pool, manage):
    Question.objects.update(head="no.such.Head")
    with pytest.raises(CommandError, match=r"no\.such\.Head.*can't be used"):
        manage("train")
    assert [job.state for job in Job.objects.all()] == ["cancelled"]


# --- rank -----------------------------------------------------------------------------------------


def counts():
    return Head.objects.count(), Round.objects.count(), Job.objects.count()


def test_rank_shows_what_would_come_and_writes_nothing(foxes, pool, manage, settings):
    Question.objects.update(audit_share=0.0)
    shown = manage("rank", "--strategy", "entropy", "--n", "7", "--json")
    rows = shown["entries"]
    assert (shown["strategy"], shown["committed"]) == ("entropy", False)
    assert [row["rank"] for row in rows] == list(range(7))
    unlabelled = {sample.file.path: NAMES[group] for sample, group in list(zip(*pool, strict=True))[60:]}
    assert all(row["suggestion"] == unlabelled[row["path"]] for row in rows)
    assert {row["strategy"] for row in rows} == {"entropy"}
    assert counts() == (0, 0, 0) and not settings.HEADS.exists()
    assert Question.objects.get().strategy == "auto"


def test_rank_can_be_read_by_people(foxes, pool, manage):
    lines = manage("rank", "--n", "3").splitlines()
    assert len(lines) == 3 and all("fox/" in line for line in lines)


def test_rank_may_be_committed(foxes, pool, manage):
    rows = manage("rank", "--n", "5", "--commit", "--json")["entries"]
    current = Round.objects.get(is_current=True)
    assert list(current.entries.order_by("rank").values_list("sample__file__path", flat=True)) == [
        row["path"] for row in rows
    ]
    assert current.head == Head.objects.get()


@pytest.mark.parametrize(
    "args", [("--n", "0"), ("--strategy", "guess"), ("--strategy", "a.b"), ("--strategy", "positive_first")]
)
def test_rank_refuses_what_cannot_be(foxes, pool, manage, args):
    with pytest.raises(CommandError):
        manage("rank", *args)
    assert counts() == (0, 0, 0)


def test_rank_without_embeddings_says_what_to_do(foxes, manage):
    with pytest.raises(CommandError, match=r"manage\.py embed"):
        manage("rank")


# --- evaluate -------------------------------------------------------------------------------------


def test_evaluate_tells_audit_from_cross_validation(foxes, pool, manage):
    made, groups = pool
    factories.label(foxes.question, made[70], foxes.ana, foxes.class_id(NAMES[groups[70]]))
    fields = {"strategy": "audit", "predicted_id": foxes.class_id(NAMES[groups[71]])}
    factories.label(foxes.question, made[71], foxes.ana, foxes.class_id(NAMES[groups[71]]), **fields)
    found = manage("evaluate", "--json")
    assert (found["audit"]["n"], found["audit"]["accuracy"]) == (1, 1.0)
    assert found["audit"]["low"] < 0.1 and found["audit"]["high"] == 1.0
    by_name = {row["name"]: row for row in found["cross_validation"]["classes"]}
    assert found["cross_validation"]["labels"] == 62
    assert found["cross_validation"]["accuracy"] == pytest.approx(60 / 62)
    # Two labels say empty where the pictures show a fox and a badger: both count against empty's recall.
    n = by_name["empty"]["n"]
    assert by_name["empty"]["recall"] == pytest.approx((n - 2) / n)
    assert by_name["empty"]["precision"] == 1.0
    assert sum(row["n"] for row in by_name.values()) == sum(row["n_predicted"] for row in by_name.values()) == 62
    assert counts() == (0, 0, 0)


def test_evaluate_in_words_claims_nothing_from_chosen_labels(foxes, pool, manage):
    printed = manage("evaluate")
    audit, cross_validation = printed.split("\n\n")
    assert "nothing to claim yet" in audit
    assert "no accuracy of the pool" in cross_validation and "badger" in cross_validation


def test_evaluate_with_too_few_labels_says_so(foxes, pool, manage):
    factories.forget(Label.objects.all())
    assert manage("evaluate", "--json")["cross_validation"] is None
    assert "not yet" in manage("evaluate")


def test_evaluate_by_a_head_that_cannot_be_had_says_why(foxes, pool, manage):
    Question.objects.update(head="no.such.Head")
    with pytest.raises(CommandError, match="can't be used"):
        manage("evaluate")
    assert runs.current_run(foxes.project).heads.count() == 0
