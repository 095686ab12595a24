"""Groups of tiles: by predicted class, or by likeness while nothing is predicted."""

from datetime import timedelta

import numpy as np
import pytest
from django.db.models import F
from django.utils import timezone

from labeller.annotating.models import Assignment
from labeller.learning import asking, choosing, rounds, tiles
from labeller.learning.models import Round, RoundEntry, TileGroup
from labeller.projects.models import LabelClass, Question
from tests import factories
from tl_core import query
from tl_core.query import planning

pytestmark = pytest.mark.django_db
NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes, monkeypatch):
    """Sixty samples of three kinds, embedded; the class of each."""
    monkeypatch.setattr(query, "COLD_START", 12)
    monkeypatch.setattr(planning, "COLD_LABELS", 3)
    made = factories.samples(foxes.project, 60)
    vectors, groups = factories.clusters(60, 3)
    factories.embed(foxes.project, made, vectors)
    return made, [NAMES[group] for group in groups]


def refit(foxes):
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    return Round.objects.get(is_current=True)


def answer(foxes, pool, *positions, user=None):
    factories.labelled_each(
        foxes.question, [(pool[0][position], pool[1][position]) for position in positions], user or foxes.ana
    )


def groups_of(made):
    return list(TileGroup.objects.filter(round=made).order_by("number"))


def samples_in(groups):
    return {sample_id for group in groups for sample_id, _ in group.tiles}


# --- by predicted class ---------------------------------------------------------------------------


def test_each_predicted_class_has_its_surest_samples_and_no_labelled_one(foxes, pool):
    Question.objects.update(audit_share=0)
    answer(foxes, pool, *range(6))
    made = refit(foxes)
    found = groups_of(made)
    truth = {sample.pk: foxes.class_id(name) for sample, name in zip(*pool, strict=True)}
    assert {group.label_class_id for group in found} == {foxes.class_id(name) for name in NAMES}
    for group in found:
        assert (group.kind, group.head_version, group.n) == ("predicted", made.head.version, len(group.tiles))
        assert {truth[sample_id] for sample_id, _ in group.tiles} == {group.label_class_id}
        numbers = [p for _, p in group.tiles]
        assert numbers == sorted(numbers, reverse=True) and 0.3 < numbers[-1] <= numbers[0] <= 1
    assert samples_in(found) == {sample.pk for sample in pool[0][6:]}


def test_what_the_round_audits_is_in_no_group(foxes, pool):
    Question.objects.update(audit_share=0.5)
    answer(foxes, pool, *range(6))
    made = refit(foxes)
    audits = set(made.entries.filter(strategy="audit").values_list("sample_id", flat=True))
    assert len(audits) > 10
    assert samples_in(groups_of(made)) == {sample.pk for sample in pool[0][6:]} - audits


def test_skipped_and_accepted_samples_are_in_no_group(foxes, pool, monkeypatch):
    Question.objects.update(audit_share=0)
    answer(foxes, pool, *range(6))
    factories.label(foxes.question, pool[0][7], foxes.ana, verdict="skip")
    monkeypatch.setattr(choosing.accepting, "accepted_ids", lambda question: {pool[0][8].pk})
    found = samples_in(groups_of(refit(foxes)))
    assert found == {sample.pk for sample in pool[0][6:]} - {pool[0][7].pk, pool[0][8].pk}


def test_of_several_classes_a_sample_those_with_one_are_shown(db, monkeypatch):
    several = factories.cast(multi_label=True, audit_share=0)
    made = factories.samples(several.project, 60)
    vectors, groups = factories.clusters(60, 3)
    factories.embed(several.project, made, vectors)
    fox, badger = several.class_id("fox"), several.class_id("badger")
    factories.labelled_each(
        several.question,
        [(made[position], *[(fox,), (badger,), (fox, badger)][group]) for position, group in enumerate(groups[:30])],
        several.ana,
    )
    found = {group.label_class_id: {each for each, _ in group.tiles} for group in groups_of(refit(several))}
    by_group = [{sample.pk for sample, group in zip(made[30:], groups[30:], strict=True) if group == n} for n in (0, 1)]
    assert found == {fox: by_group[0], badger: by_group[1]}


def test_there_is_an_end_to_what_is_listed_but_not_to_what_is_counted(foxes, pool, monkeypatch):
    monkeypatch.setattr(tiles, "MOST", 4)
    monkeypatch.setattr(tiles, "PAGE", 4)
    Question.objects.update(audit_share=0)
    answer(foxes, pool, *range(6))
    assert [(group.n, len(group.tiles)) for group in groups_of(refit(foxes))] == [(18, 4)] * 3


def test_with_many_classes_the_starred_and_the_common_ones_have_the_room(foxes, pool, monkeypatch):
    monkeypatch.setattr(tiles, "PAGE", 10)
    monkeypatch.setattr(tiles, "MOST_OF_ALL", 20)
    Question.objects.update(audit_share=0)
    answer(foxes, pool, *range(6), 6, 9)  # two foxes more: the others are more common in the pool
    assert {group.label_class.name for group in groups_of(refit(foxes))} == {"badger", "empty"}
    LabelClass.objects.filter(name="fox").update(is_starred=True)
    assert "fox" in {group.label_class.name for group in groups_of(refit(foxes))}


def test_full_and_pure_pages_come_first():
    def pace(n, sure):
        return tiles.Tiles(n, np.arange(n), np.full(n, sure, np.float32)).pace

    assert pace(60, 0.99) > pace(10, 0.99) > pace(2, 0.99)
    assert pace(60, 0.99) > pace(240, 0.6)
    assert pace(30, 0.99) > pace(60, 0.6)


# --- by likeness ----------------------------------------------------------------------------------


def test_while_no_class_is_predicted_similar_pictures_are_together(foxes, pool):
    answer(foxes, pool, 0)
    found = groups_of(refit(foxes))
    name_of = {sample.pk: name for sample, name in zip(*pool, strict=True)}
    assert {(group.kind, group.label_class_id, group.head_version) for group in found} == {("cluster", None, None)}
    assert all(len({name_of[sample_id] for sample_id, _ in group.tiles}) == 1 for group in found)
    sizes = [group.n for group in found]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) > 3
    assert samples_in(found) == {sample.pk for sample in pool[0][1:]}


def test_clusters_are_found_once_while_nothing_is_embedded(foxes, pool, monkeypatch):
    refit(foxes)
    monkeypatch.setattr(tiles, "likeness", lambda *given: pytest.fail("clustered anew"))
    answer(foxes, pool, 0)
    assert sum(group.n for group in groups_of(refit(foxes))) == 59


def test_without_a_free_sample_there_is_no_group():
    found = tiles.Likeness(np.arange(4), np.array([0, 0, 2, 2]), np.ones(4, np.float32))
    assert tiles.clusters(found, np.zeros(4, bool)) == []
    (only,) = tiles.clusters(found, np.array([False, False, True, True]))
    assert only.positions.tolist() == [2, 3]


# --- keeping --------------------------------------------------------------------------------------


def test_groups_go_with_old_rounds_unless_somebody_still_works_on_them(foxes, pool):
    answer(foxes, pool, *range(6))
    first = refit(foxes)
    kept, gone = groups_of(first)[:2]
    for group, minutes in ((kept, 5), (gone, -5)):
        Assignment.objects.create(
            question=foxes.question, sample_id=group.tiles[0][0], slot=0, annotator=foxes.ana, group=group,
            expires_at=timezone.now() + timedelta(minutes=minutes), is_done=True,
        )  # fmt: skip
    second = refit(foxes)
    assert len(groups_of(first)) == len(groups_of(second)) == 3
    Round.objects.update(created_at=F("created_at") - rounds.SERVED_WITHIN)
    refit(foxes)
    assert groups_of(first) == [kept]
    assert len(groups_of(second)) == 3
    assert set(Assignment.objects.values_list("group", flat=True)) == {kept.pk, None}


def test_a_crash_during_the_switch_leaves_no_group_without_its_round(foxes, pool, monkeypatch):
    answer(foxes, pool, *range(6))
    refit(foxes)
    before = list(TileGroup.objects.order_by("pk").values_list("pk", flat=True))
    ranking = rounds.rank(foxes.question)

    def crash(*args, **kwargs):
        raise RuntimeError("the plug was pulled")

    monkeypatch.setattr(TileGroup.objects, "bulk_create", crash)
    with pytest.raises(RuntimeError):
        rounds.switch(ranking)
    assert list(TileGroup.objects.order_by("pk").values_list("pk", flat=True)) == before
    assert RoundEntry.objects.filter(round__number__gt=1).count() == 0
