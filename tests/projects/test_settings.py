"""The settings pages, a project's and a question's: what managers may change, and what of it is stored."""

from datetime import time

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from labeller.jobs.models import Job
from labeller.projects import forms
from labeller.projects.forms import EXPLAINED
from labeller.projects.making import ensure_class
from labeller.projects.models import (
    DEFAULT_HEAD,
    DEFAULT_STRATEGY,
    HEADS,
    HUNTS,
    STRATEGIES,
    LabelClass,
    Project,
    Question,
)
from tests import factories
from tl_core import heads, importing, query

pytestmark = pytest.mark.django_db

PROJECT_PAGE = "/projects/foxes/settings/"
PAGE = "/projects/foxes/questions/species/settings/"
OF_PICTURES = {"people_shown_to": "manager", "people_from": "20", "box_threshold": "0.2"}


def form(**fields):
    return {
        "strategy": "entropy",
        "head": "svm",
        "audit_share": "12.5",
        "round_size": "300",
        "refit_every": "7",
        "redundancy": "2",
        "retrain_at": "02:30",
        "target_accuracy": "95",
        "accept_error": "2",
        "show_suggestions": "on",
        **fields,
    }


@pytest.fixture
def manager(client, foxes):
    client.force_login(foxes.mia)
    return client


@pytest.fixture
def administrator(client, foxes):
    client.force_login(foxes.ada)
    return client


def now():
    return Question.objects.get(key="species")


# --- names ----------------------------------------------------------------------------------------


def test_the_page_offers_what_is_registered():
    assert sorted([*STRATEGIES, *HUNTS]) == sorted(query.names())
    assert sorted(HEADS) == sorted(heads.names())
    assert DEFAULT_STRATEGY in STRATEGIES and DEFAULT_HEAD in HEADS
    assert set(EXPLAINED) == {*STRATEGIES, *HEADS}


# --- the page -------------------------------------------------------------------------------------


def test_what_a_manager_saves_is_stored_and_a_refit_asked_for(manager, foxes):
    answer = manager.post(PAGE, form(starred=[foxes.class_id("badger")]))
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    question = now()
    assert (question.strategy, question.head, question.audit_share) == ("entropy", "svm", 0.125)
    assert (question.round_size, question.refit_every, question.redundancy) == (300, 7, 2)
    assert (question.retrain_at, question.target_accuracy, question.accept_error) == (time(2, 30), 0.95, 0.02)
    assert question.show_suggestions
    assert list(foxes.question.classes.filter(is_starred=True).values_list("name", flat=True)) == ["badger"]
    assert Job.objects.get().kind == "refit"


def test_each_question_has_settings_of_its_own(manager, foxes):
    other = Question.objects.create(project=foxes.project, key="age", text="How old is it?", position=1)
    adult, _ = ensure_class(other, "adult")
    page = "/projects/foxes/questions/age/settings/"
    bound = manager.get(page).context["form"]
    assert [choice.data["label"] for choice in bound["starred"].subwidgets] == ["adult"]
    foxes.question.classes.filter(name="fox").update(is_starred=True)
    assert manager.post(page, form(starred=[adult.pk])).status_code == 302
    other.refresh_from_db()
    assert (other.strategy, now().strategy) == ("entropy", DEFAULT_STRATEGY)
    assert set(LabelClass.objects.filter(is_starred=True).values_list("name", flat=True)) == {"fox", "adult"}
    assert Job.objects.get().payload == {"question": other.pk}


def test_the_settings_of_the_project_lead_to_those_of_its_questions(manager, foxes):
    Question.objects.create(project=foxes.project, key="age", text="How old is it?", position=1)
    page = manager.get(PROJECT_PAGE).content.decode()
    assert page.index(PAGE) < page.index("/projects/foxes/questions/age/settings/")


def test_what_concerns_every_question_is_saved_with_the_project(manager, foxes):
    answer = manager.post(PROJECT_PAGE, {**OF_PICTURES, "burst_gap": "60"})
    assert (answer.status_code, answer["Location"]) == (302, PROJECT_PAGE)
    project = Project.objects.get()
    assert (project.annotators_add_classes, project.burst_gap) == (False, 60)
    assert (project.people_shown_to, project.people_from) == ("manager", 0.2)
    assert not Job.objects.exists()


def test_another_gap_between_bursts_groups_the_frames_anew(manager):
    manager.post(PROJECT_PAGE, {**OF_PICTURES, "burst_gap": "0"})
    assert Project.objects.get().burst_gap == 0
    assert set(Job.objects.values_list("kind", flat=True)) == {"bursts"}


@pytest.mark.parametrize("wrong", ["-1", "3601", ""])
def test_a_gap_that_cannot_be_is_refused_beside_its_field(manager, wrong):
    answer = manager.post(PROJECT_PAGE, {**OF_PICTURES, "burst_gap": wrong})
    assert answer.status_code == 200 and list(answer.context["form"].errors) == ["burst_gap"]
    assert Project.objects.get().burst_gap == 60


def test_another_threshold_of_boxes_ranks_anew(manager):
    manager.post(PROJECT_PAGE, {**OF_PICTURES, "burst_gap": "60", "box_threshold": "0.05"})
    assert Project.objects.get().box_threshold == 0.05
    assert set(Job.objects.values_list("kind", flat=True)) == {"refit", "repeats"}


@pytest.mark.parametrize("wrong", ["0.04", "1.1", "", "nan"])
def test_a_threshold_that_cannot_be_is_refused_beside_its_field(manager, wrong):
    answer = manager.post(PROJECT_PAGE, {**OF_PICTURES, "burst_gap": "60", "box_threshold": wrong})
    assert answer.status_code == 200 and list(answer.context["form"].errors) == ["box_threshold"]
    assert Project.objects.get().box_threshold == 0.2


def test_saving_the_page_as_it_is_changes_nothing(manager, foxes):
    foxes.question.classes.filter(name="fox").update(is_starred=True)
    before = Question.objects.values().get()
    bound = manager.get(PAGE).context["form"]
    shown = {name: bound[name].value() for name in bound.fields}
    shown["retrain_at"] = shown["retrain_at"].strftime("%H:%M")
    manager.post(PAGE, shown)
    assert Question.objects.values().get() == before
    assert list(foxes.question.classes.filter(is_starred=True).values_list("name", flat=True)) == ["fox"]


def test_without_a_time_there_is_no_nightly_refit_and_stars_come_off(manager, foxes):
    foxes.question.classes.update(is_starred=True)
    manager.post(PAGE, form(retrain_at=""))
    assert now().retrain_at is None
    assert not foxes.question.classes.filter(is_starred=True).exists()


def test_of_very_many_classes_only_the_starred_ones_are_listed_and_stay_so(manager, foxes, monkeypatch):
    monkeypatch.setattr(forms, "MOST_TO_TICK", 1)
    fox = foxes.question.classes.get(name="fox")
    foxes.question.classes.filter(pk=fox.pk).update(is_starred=True)
    bound = manager.get(PAGE).context["form"]
    assert [choice.data["label"] for choice in bound["starred"].subwidgets] == ["fox"]
    manager.post(PAGE, form(starred=[fox.pk]))
    assert list(foxes.question.classes.filter(is_starred=True)) == [fox]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("strategy", "guess"),
        ("strategy", "os.system"),
        ("head", ""),
        ("audit_share", "51"),
        ("audit_share", "nan"),
        ("round_size", "0"),
        ("refit_every", "-1"),
        ("redundancy", "0"),
        ("retrain_at", "25:00"),
        ("target_accuracy", "100"),
        ("accept_error", "0"),
        ("starred", ["999999"]),
    ],
)
def test_a_mistake_is_shown_beside_its_field_and_changes_nothing(manager, field, wrong):
    before = Question.objects.values().get()
    answer = manager.post(PAGE, form(**{field: wrong}))
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert Question.objects.values().get() == before and not Job.objects.exists()


def test_a_class_of_another_project_cannot_be_starred(manager):
    other = factories.project("other").first_question.classes.first()
    answer = manager.post(PAGE, form(starred=[other.pk]))
    assert "starred" in answer.context["form"].errors


# --- code by its dotted path ----------------------------------------------------------------------


def test_an_administrator_may_name_code(administrator, foxes):
    paths = {"strategy_path": "modAL.uncertainty.margin_sampling", "head_path": "sklearn.svm.LinearSVC"}
    assert administrator.post(PAGE, form(**paths)).status_code == 302
    assert (now().strategy, now().head) == tuple(paths.values())


@pytest.mark.parametrize("path", ["margin", "a.b()", "a..b", ".a", "a.", "a.b\nc", "1.b", "a b.c"])
def test_what_is_no_dotted_path_is_refused(administrator, path):
    errors = administrator.post(PAGE, form(strategy_path=path)).context["form"].errors
    assert list(errors) == ["strategy_path"]


@pytest.mark.parametrize("path", ["os.system", "labeller.accounts.admitting.reset_password", "sklearnx.svm.SVC"])
def test_code_of_a_package_that_is_not_allowed_is_refused_beside_its_field(administrator, path):
    before = now().strategy, now().head
    errors = administrator.post(PAGE, form(strategy_path=path, head_path=path)).context["form"].errors
    assert set(errors) == {"strategy_path", "head_path"}
    assert "modAL, sklearn, tl_core" in str(errors["head_path"]) and "MODULES" in str(errors["head_path"])
    assert (now().strategy, now().head) == before


def test_the_operator_allows_a_package_by_the_setting_modules(administrator, settings, monkeypatch):
    monkeypatch.setattr(importing, "_allowed", set(importing.ALLOWED))
    settings.MODULES = ["ourlab"]
    apps.get_app_config("learning").ready()
    assert administrator.post(PAGE, form(strategy_path="ourlab.strategies.wise")).status_code == 302
    assert now().strategy == "ourlab.strategies.wise"


def test_a_manager_may_not_name_code_but_keeps_what_an_administrator_named(manager, foxes):
    Question.objects.update(strategy="mine.strategy")
    manager.post(PAGE, form(strategy="mine.strategy", strategy_path="os.system", head_path="os.system"))
    assert (now().strategy, now().head) == ("mine.strategy", "svm")


# --- the database ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_accuracy": 0.0},
        {"target_accuracy": 1.0},
        {"accept_error": 0.0},
        {"accept_error": 0.6},
        {"round_size": 0},
    ],
)
def test_the_database_holds_the_ranges(foxes, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Question.objects.update(**wrong)
