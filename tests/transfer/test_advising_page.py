"""What a manager, and who sits at the server, sees of advice, and what they do by it."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from labeller.embedding import runs
from labeller.jobs.models import Job
from labeller.messages import sentence
from labeller.transfer import advising
from labeller.transfer.models import Advice
from tests import factories
from tests.transfer.trials import measured

pytestmark = pytest.mark.django_db


# --- the command ----------------------------------------------------------------------------------


def test_the_command_says_what_to_use(foxes, labelled, tried, capsys):
    call_command("advise", project="foxes", samples=50)
    said = capsys.readouterr().out
    assert "Use good." in said
    assert "Transfers well" in said
    assert "not tried: far: pip install far" in said


def test_the_command_as_json(foxes, labelled, tried, capsys):
    call_command("advise", "--project", "foxes", "--json", "--samples", "50")
    said = json.loads(capsys.readouterr().out)
    assert said["candidates"][said["pick"]]["spec"] == "good"
    assert (said["project"], said["looked_at"]) == ("foxes", 50)
    assert said["seconds"] > 0


@pytest.mark.parametrize("wrong", [["--project", "none"], ["--project", "foxes", "--samples", "1"]])
def test_the_command_names_what_is_wrong(foxes, wrong):
    with pytest.raises(CommandError, match=r"no project 'none'|2 or more"):
        call_command("advise", *wrong)


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def mia(foxes, client):
    client.force_login(foxes.mia)
    return client


def page(mia):
    return mia.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()


def use(mia, **given):
    return mia.post(reverse("transfer:use", args=["foxes"]), given, follow=True).content.decode()


def test_a_manager_asks_watches_and_stops(foxes, mia):
    assert "Find out" in page(mia)
    mia.post(reverse("transfer:advise", args=["foxes"]))
    assert "waiting for a worker" in page(mia)
    mia.post(reverse("transfer:stop_advising", args=["foxes"]))
    assert Job.objects.get().state == Job.State.CANCELLED
    assert "waiting for a worker" not in page(mia)


def test_the_page_shows_every_candidate_and_pictures(foxes, labelled, tried, mia, django_assert_max_num_queries):
    measured(foxes.project)
    with django_assert_max_num_queries(45):
        shown = page(mia)
    assert shown.count('data-testid="candidate"') == 3
    assert shown.index("good, last layer") < shown.index("poor, last layer")
    assert "Transfers well" in shown
    assert shown.count('data-testid="use"') == 2
    assert 'class="same"' in shown


def test_pictures_that_are_gone_are_not_shown(foxes, labelled, tried, mia):
    report = measured(foxes.project)
    report["pictures"][0]["sample"] = 10**6
    report["pictures"][1]["near"][0][0][0] = 10**6
    Advice.objects.update(report=report)
    assert "/samples/1000000/" not in page(mia)


def test_a_line_is_used_and_one_of_an_older_advice_is_not(foxes, labelled, tried, mia):
    measured(foxes.project)
    old, report = advising.newest(foxes.project), measured(foxes.project)
    new = advising.newest(foxes.project)
    assert "newer advice" in use(mia, line=f"{old.pk}-{report['pick']}")
    for line in (f"{new.pk}-99", f"{new.pk}-{len(report['candidates']) - 1}", "nonsense", ""):
        use(mia, line=line)
    assert not Job.objects.filter(kind="switch").exists()
    assert "Changing the featuriser" in use(mia, line=f"{new.pk}-{report['pick']}")
    assert Job.objects.get(kind="switch").payload == {"spec": "good", "levels": False}
    mia.post(reverse("transfer:keep", args=["foxes"]))
    assert Job.objects.get(kind="switch").state == Job.State.CANCELLED


def test_only_runs_of_the_project_can_be_used(foxes, mia):
    other = factories.project("other")
    run = runs.current_run(other)
    assert mia.post(reverse("transfer:use", args=["foxes"]), {"run": run.pk}).status_code == 404
    assert mia.post(reverse("transfer:use", args=["foxes"]), {"run": 2**70}).status_code == 302
    mine = runs.current_run(foxes.project)
    use(mia, run=mine.pk)
    assert Job.objects.get(kind="switch").payload == {"run": mine.pk, "levels": False}


def test_what_failed_is_told(foxes, mia, tried):
    advising.ask(foxes.project)
    for _attempt in range(3):
        factories.work("advise")
    assert sentence(Job.objects.get().error) in page(mia).replace("&#x27;", "'")
    assert "no photograph" in page(mia)
