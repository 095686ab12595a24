"""Nobody holds more than their share of the samples, whatever their pages ask for."""

import pytest
from django.urls import reverse

from labeller.annotating import holding
from labeller.annotating.holding import Candidate, Holder
from labeller.annotating.models import Assignment
from tests import factories

pytestmark = pytest.mark.django_db

MOST = 30


@pytest.fixture
def pool(foxes, monkeypatch):
    """A ranking of 100, and a limit that is reached soon."""
    monkeypatch.setattr(holding, "MOST_HELD", MOST)
    made = factories.samples(foxes.project, 100)
    factories.ranking(foxes.question, made)
    return made


@pytest.fixture
def ask(client, foxes):
    def ask(tab="a", name="next", user=foxes.ana, **body):
        client.force_login(user)
        url = reverse(f"annotating:{name}", args=["foxes", "species"])
        return client.post(url, {"tab": tab, **body}, content_type="application/json")

    return ask


def held(user):
    return Assignment.objects.filter(annotator=user, is_done=False).count()


@pytest.mark.parametrize("name", ["next", "grid_tiles"])
def test_keeping_takes_no_more_than_a_persons_share(ask, foxes, pool, name):
    answer = ask(name=name, count=0, keep=[each.pk for each in pool])
    assert answer.status_code == 200
    assert len(answer.json()["kept"]) == held(foxes.ana) == MOST


def test_tabs_share_what_a_person_may_hold_and_it_is_said_in_one_line(ask, foxes, pool):
    assert len(ask("a", count=20).json()["samples"]) == 20
    assert len(ask("b", count=20).json()["samples"]) == 10
    refused = ask("c", count=20)
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith(f"You hold {MOST} undecided photographs")
    assert held(foxes.ana) == MOST
    assert len(ask("a", user=foxes.bo, count=20).json()["samples"]) == 20


def test_a_tab_that_has_all_goes_on_with_what_it_has(ask, foxes, pool):
    mine = [each["sample"] for each in ask("a", count=MOST).json()["samples"]]
    answer = ask("a", count=10, keep=mine)
    assert answer.status_code == 200
    assert answer.json()["samples"] == [] and answer.json()["kept"] == mine
    # Given back, there is room again.
    assert len(ask("a", count=10, keep=mine[:5]).json()["samples"]) == 10


def test_asking_for_samples_by_name_goes_no_further(ask, foxes, pool):
    mine = []
    for each in pool[: MOST + 10]:
        mine = ask("a", count=0, keep=mine, sample=each.pk).json()
        mine = [*mine["kept"], *(row["sample"] for row in mine["samples"])]
    assert held(foxes.ana) == len(mine) == MOST


def test_a_late_save_takes_its_place_however_much_is_held(foxes, pool):
    holding.take(Holder(foxes.ana, foxes.question, "a"), [Candidate(each.pk) for each in pool[:MOST]])
    holding.take(Holder(foxes.ana, foxes.question), [Candidate(pool[50].pk)], is_done=True)
    assert Assignment.objects.get(sample=pool[50]).is_done


def test_reviewers_have_a_share_too(ask, foxes, pool):
    ask(name="review_next", user=foxes.mia, count=0, keep=[each.pk for each in pool])
    assert Assignment.objects.filter(kind="review", annotator=foxes.mia).count() == MOST
