"""Names are compared by what Python folds them to, on every database, whatever way a row is written."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects import making as projects
from labeller.projects.making import class_named, ensure_class
from labeller.projects.models import LabelClass, Project
from tests import factories


@pytest.fixture
def question(foxes):
    return foxes.question


@pytest.mark.parametrize(("first", "second"), [("İnek", "inek"), ("inek", "İnek"), ("Iğdır", "ığdır"), ("ẞ", "ſ")])
def test_names_that_a_database_might_take_for_one_are_two(question, first, second):
    one, other = ensure_class(question, first), ensure_class(question, second)
    assert one[1] and other[1] and one[0] != other[0]
    assert class_named(question, first) == one[0] and class_named(question, second) == other[0]


@pytest.mark.parametrize("spelling", ["E\u0301land", "ÉLAND", "e\u0301land", "É\u200bland", "\u202dÉland\u202c"])
def test_every_spelling_of_one_look_is_one_class(question, spelling):
    made, _ = ensure_class(question, "Éland")
    assert ensure_class(question, spelling) == (made, False)
    assert class_named(question, spelling) == made


def test_a_row_is_folded_whatever_way_it_is_written(question):
    given = {"question": question, "position": 9}
    created = LabelClass.objects.create(name="Éland", **given)
    saved = LabelClass(name="ZORRO", **given)
    saved.save()
    LabelClass.objects.bulk_create([LabelClass(name="LOUP", **given)])
    folded = question.classes.filter(position=9).order_by("pk").values_list("folded", flat=True)
    assert list(folded) == ["éland", "zorro", "loup"]
    created.name = "GNU"
    created.save()
    assert class_named(question, "gnu") == created
    for add in (LabelClass.objects.create, lambda **row: LabelClass.objects.bulk_create([LabelClass(**row)])):
        with pytest.raises(IntegrityError), transaction.atomic():
            add(question=question, name="Zorro")


def test_a_name_that_cannot_be_made_is_given_up(question, monkeypatch):
    """As where a database finds a name taken that Python doesn't."""

    def taken(**row):
        raise IntegrityError

    monkeypatch.setattr(LabelClass.objects, "create", taken)
    with pytest.raises(ValidationError, match="try again"):
        ensure_class(question, "wolf")


def test_a_job_that_cannot_be_queued_is_given_up(db, monkeypatch):
    def taken(**row):
        raise IntegrityError

    monkeypatch.setattr(Job.objects, "create", taken)
    with pytest.raises(OperationalError):
        jobs.enqueue("refit", key="question:1")


def test_a_slug_that_somebody_took_in_between_gives_way_to_the_next(db, monkeypatch):
    factories.project("night")
    free = projects.free_slug
    slugs = iter(["night"])
    monkeypatch.setattr(projects, "free_slug", lambda name: next(slugs, None) or free(name))
    assert projects.create_project(name="Night", owner=None, question_text="?").slug == "night-2"
    assert Project.objects.count() == 2


# --- earlier versions -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_classes_of_an_earlier_version_are_folded_and_none_is_lost():
    before = [("projects", "0004_questions_that_follow")]
    after = MigrationExecutor(connection).loader.graph.leaf_nodes("projects")
    executor = MigrationExecutor(connection)
    everything = executor.loader.graph.leaf_nodes()
    executor.migrate(before)
    try:
        apps = executor.loader.project_state(before).apps
        project = apps.get_model("projects", "Project").objects.create(slug="old", name="Old")
        question, other = (
            apps.get_model("projects", "Question").objects.create(project=project, key=key, text="?") for key in "ab"
        )
        classes = apps.get_model("projects", "LabelClass").objects
        names = ["Éland", "E\u0301land", "fox", "fo\u200bx", "İnek"]
        old = [classes.create(question=question, name=name, position=at).pk for at, name in enumerate(names)]
        classes.bulk_create(classes.model(question=other, name=f"Class {number}") for number in range(1100))
        MigrationExecutor(connection).migrate(after)
        kept = LabelClass.objects.filter(question=question.pk).order_by("pk")
        assert [(each.pk, each.name) for each in kept] == list(zip(old, names, strict=True))
        assert [each.folded.partition("\t")[0] for each in kept] == ["éland", "éland", "fox", "fox", "i̇nek"]
        assert LabelClass.objects.filter(question=other.pk, folded__startswith="class ").count() == 1100
        assert class_named(kept[1].question, "ÉLAND").pk == old[0]
        twin = kept[1]
        twin.colour = "#000000"
        twin.save()  # a twin can be changed, and stays one
        assert LabelClass.objects.get(pk=twin.pk).folded == f"éland\t{twin.pk}"
        twin.name = "Kudu"
        twin.save()
        assert LabelClass.objects.get(pk=twin.pk).folded == "kudu"
    finally:
        MigrationExecutor(connection).migrate(everything)
        Project.objects.all().delete()
