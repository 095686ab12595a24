"""manage.py simulate: an oracle that knows the truth, and errs as often as it is told to."""

import json

import pytest
from django.core.management import CommandError, call_command

from labeller.annotating.management.commands import simulate
from labeller.annotating.models import Assignment
from labeller.labels.models import Label
from labeller.learning import asking
from labeller.learning.models import Round
from labeller.projects.models import Question
from labeller.samples.models import HiddenTruth
from tests import factories

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes, monkeypatch):
    """120 embedded samples in three groups whose truth is known, and workers that work while the oracle waits."""
    vectors, groups = factories.clusters(120, 3)
    made = factories.samples(foxes.project, 120)
    factories.embed(foxes.project, made, vectors)
    truth = [foxes.class_id(NAMES[group]) for group in groups]
    HiddenTruth.objects.bulk_create(
        HiddenTruth(sample=sample, label_class_id=class_id) for sample, class_id in zip(made, truth, strict=True)
    )
    monkeypatch.setattr(simulate, "PATIENCE", 30.0)
    monkeypatch.setattr(simulate.time, "sleep", lambda seconds: factories.work("refit"))
    asking.request_refit(foxes.question, at_once=True)
    return dict(zip((sample.pk for sample in made), truth, strict=True))


def play(capsys, *args):
    call_command("simulate", "--project", "foxes", "--labels", "40", "--json", *args)
    return json.loads(capsys.readouterr().out)


def answers():
    rows = Label.objects.filter(verdict="answer").values_list("sample_id", "classes")
    return dict(rows)


def test_the_oracle_says_the_truth(pool, capsys):
    assert play(capsys)["labels"] == 40
    given = answers()
    assert len(given) == 40 and all(pool[sample_id] == class_id for sample_id, class_id in given.items())


def test_with_noise_it_errs_that_often_and_for_the_same_seed_the_same_way(foxes, pool, capsys):
    Question.objects.update(refit_every=50)
    outcomes = []
    for seed in ("1", "1", "2"):
        Assignment.objects.all().delete()
        Label.objects.all().delete()
        Round.objects.all().delete()
        asking.request_refit(foxes.question, at_once=True)
        call_command("simulate", "--project", "foxes", "--labels", "100", "--noise", "0.3", "--seed", seed, "--json")
        outcomes.append(answers())
    capsys.readouterr()
    wrong = [sum(pool[sample_id] != class_id for sample_id, class_id in given.items()) for given in outcomes]
    assert all(abs(n - 30) < 4 * (100 * 0.3 * 0.7) ** 0.5 for n in wrong)
    # In which order samples came differs each time: that decides nothing.
    first, again, other = outcomes
    common = first.keys() & again.keys()
    assert len(common) >= 80 and all(first[each] == again[each] for each in common)
    assert any(first[each] != other[each] for each in first.keys() & other.keys())


def test_another_strategy_holds_while_it_plays_and_no_longer(pool, capsys):
    Question.objects.update(audit_share=0.0)
    play(capsys, "--strategy", "entropy")
    assert set(Label.objects.order_by("-pk").values_list("strategy", flat=True)[:10]) == {"entropy"}
    assert Question.objects.get().strategy == "auto"


def test_a_strategy_that_fails_is_said_and_the_projects_own_comes_back(pool, capsys, monkeypatch):
    monkeypatch.setattr(simulate, "PATIENCE", 0.2)
    with pytest.raises(CommandError, match=r"no\.such\.strategy.*can't be used"):
        play(capsys, "--strategy", "no.such.strategy")
    assert Question.objects.get().strategy == "auto"


@pytest.mark.parametrize("args", [("--strategy", "guess"), ("--noise", "1.5"), ("--noise", "much"), ("--noise", "nan")])
def test_what_cannot_be_is_refused(pool, capsys, args):
    with pytest.raises(CommandError):
        play(capsys, *args)
    assert not Label.objects.exists()


def test_where_one_class_is_all_there_is_no_answer_can_be_wrong(foxes, pool, capsys):
    HiddenTruth.objects.exclude(label_class=foxes.class_id("fox")).delete()
    foxes.question.classes.exclude(name="fox").delete()
    with pytest.raises(CommandError, match="one class"):
        play(capsys, "--noise", "0.1")
