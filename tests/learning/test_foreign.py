"""Other people's models suggest, and bring what they are least clear of, until there is a head; they never label."""

import pytest

from labeller.annotating.models import Assignment
from labeller.annotating.wire import samples as wire
from labeller.labels.models import Label
from labeller.learning import foreign, rounds
from labeller.learning.foreign import Predicted
from labeller.learning.models import ForeignPrediction, RoundEntry
from labeller.projects.models import LabelClass
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(foxes, sent):
    """Forty embedded samples, of ten of which a model says something: the clearer the later."""
    vectors, _ = factories.clusters(40, 4)
    made = factories.samples(foxes.project, 40)
    factories.embed(foxes.project, made, vectors)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    told = [
        Predicted(sample.pk, "fox", 0.9, ((fox, 0.5 + 0.04 * at), (badger, 0.5 - 0.04 * at)))
        for at, sample in enumerate(made[:10])
    ]
    foreign.store(foreign.model(foxes.question, "md_v5a"), told)
    return made


def ranked(question):
    rounds.switch(rounds.rank(question))
    return list(RoundEntry.objects.filter(round__is_current=True).order_by("rank"))


def test_what_a_model_is_least_clear_of_comes_first_with_its_name(foxes, pool):
    entries = ranked(foxes.question)
    first = [each for each in entries if each.strategy == foreign.STRATEGY]
    assert [each.rank for each in first] == list(range(10)) and len(entries) == 40
    assert {each.sample_id for each in first} == {each.pk for each in pool[:10]}
    assert first[0].sample_id == pool[0].pk
    assert first[0].suggestions == [[foxes.class_id("fox"), 0.5], [foxes.class_id("badger"), 0.5]]
    assert first[0].suggested_by == "md_v5a" and entries[-1].suggested_by == ""
    assert not Label.objects.exists()


def test_what_may_be_of_a_starred_class_comes_before_that(foxes, pool):
    LabelClass.objects.filter(pk=foxes.class_id("empty")).update(is_starred=True)
    says = foreign.model(foxes.question, "other")
    foreign.store(says, [Predicted(pool[20].pk, suggestions=((foxes.class_id("empty"), 0.7),))])
    first = ranked(foxes.question)[0]
    assert first.sample_id == pool[20].pk and first.reason == f"hunted:{foxes.class_id('empty')}"


def test_a_head_of_its_own_ends_it(foxes, pool):
    for sample, name in zip(pool[:4], ("fox", "badger") * 2, strict=True):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
    entries = ranked(foxes.question)
    assert entries[0].round.head and {each.suggested_by for each in entries} == {""}
    assert foreign.STRATEGY not in {each.strategy for each in entries}
    assert not {each.sample_id for each in entries} & {each.pk for each in pool[:4]}


def test_the_page_is_told_whose_suggestion_it_is(foxes, pool):
    (entry, *_) = ranked(foxes.question)
    told = wire._why(foxes.ana, foxes.question, Assignment(entry=entry), {})
    assert told["by_model"] == "md_v5a" and not told["by_names"]
    assert told["suggestions"] and told["head_version"] is None


def test_said_again_nothing_changes_and_something_else_replaces_it(foxes, pool):
    by = foreign.model(foxes.question, "md_v5a")
    before = list(ForeignPrediction.objects.order_by("pk").values())
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    assert foreign.store(by, [Predicted(pool[0].pk, "fox", 0.9, ((fox, 0.5), (badger, 0.5)))]) == 0
    assert list(ForeignPrediction.objects.order_by("pk").values()) == before
    assert foreign.store(by, [Predicted(pool[0].pk, failure="truncated")]) == 1
    row = ForeignPrediction.objects.get(sample=pool[0])
    assert (row.category, row.suggestions, row.label_class, row.clarity) == ("", [], None, None)


def test_a_class_that_is_gone_is_suggested_no_more(foxes, pool):
    LabelClass.objects.filter(pk=foxes.class_id("badger")).delete()
    _name, pairs = foreign.suggestions(foxes.question, [pool[0].pk])[pool[0].pk]
    assert pairs == [[foxes.class_id("fox"), 0.5]]
