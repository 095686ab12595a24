"""POST …/grid/tiles/: pages of tiles, held as single samples are."""

import random
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeller.annotating import holding
from labeller.annotating.handing import single, tiles
from labeller.annotating.holding import Candidate, Holder, Wanted
from labeller.annotating.models import Assignment
from labeller.jobs.models import Job
from labeller.labels.models import Check, Label
from labeller.learning.models import Round, TileGroup
from labeller.projects.models import Question
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_checks_by_chance(monkeypatch):
    monkeypatch.setattr(tiles, "CHECKED", 0)


def group(foxes, samples, name=None, number=1, n=None, kind=None):
    return TileGroup.objects.create(
        question=foxes.question,
        round=Round.objects.get(is_current=True),
        kind=kind or ("predicted" if name else "cluster"),
        label_class_id=foxes.class_id(name) if name else None,
        number=number,
        head_version=3 if name else None,
        n=n or len(samples),
        tiles=[[sample.pk, round(0.99 - 0.01 * place, 4)] for place, sample in enumerate(samples)],
    )


@pytest.fixture
def grouped(foxes):
    """Twelve samples, ranked: six look like foxes, four like badgers."""
    made = factories.samples(foxes.project, 12)
    factories.ranking(foxes.question, made)
    group(foxes, made[:6], "fox", n=70)
    group(foxes, made[6:10], "badger", number=2)
    return made


@pytest.fixture
def ask(client, foxes):
    def post(user=None, **body):
        client.force_login(user or foxes.ana)
        url = reverse("annotating:grid_tiles", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, {"tab": "a", "count": 60, **body}, content_type="application/json")

    return post


@pytest.fixture
def save(client, foxes):
    def post(events, user=None):
        client.force_login(user or foxes.ana)
        url = reverse("annotating:save", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, {"tab": "a", "events": events}, content_type="application/json").json()["results"]

    return post


def event(foxes, tile, name="fox", **fields):
    return {
        "uuid": str(uuid.uuid4()), "sample": tile["sample"], "entry": None, "verdict": "answer",
        "classes": [foxes.class_id(name)], "supersedes": None, "mode": "grid", "dwell_ms": 250,
        "suggestion_shown": False, "head_version": None, **fields,
    }  # fmt: skip


def hand_out(foxes, user=None, count=60, keep=(), tab="a", **asked):
    return tiles.next_page(user or foxes.ana, foxes.question, Wanted(count, keep, tab), **asked)


def ids(page):
    return [tile.assignment.sample_id for tile in page.tiles]


def pks(samples):
    return [sample.pk for sample in samples]


# --- what a page is told --------------------------------------------------------------------------


def test_a_page_says_all_that_is_needed(ask, foxes, grouped):
    answer = ask(count=2).json()
    fox, badger = TileGroup.objects.order_by("pk")
    of_foxes = {"id": fox.pk, "kind": "predicted", "class": foxes.class_id("fox"), "number": 1, "n": 70,
                "head_version": 3, "left": 70}  # fmt: skip
    of_badgers = {"id": badger.pk, "kind": "predicted", "class": foxes.class_id("badger"), "number": 2, "n": 4,
                  "head_version": 3, "left": 4}  # fmt: skip
    tile = {"width": 640, "height": 480, "box": None, "previous": None, "group": fox.pk}
    assert answer == {
        "group": of_foxes,
        "tiles": [{"sample": grouped[0].pk, **tile, "p": 0.99}, {"sample": grouped[1].pk, **tile, "p": 0.98}],
        "groups": [of_foxes, of_badgers],
        "kept": [],
        "round": {"number": 1, "strategy": "margin", "n_labels": 0},
        "pool": {"labelled": 0, "total": 12, "embedded": 0},
        "state": "ready",
        "message": "",
        "audits": 0,
    }


def test_what_is_kept_is_not_counted_anew(ask, foxes, grouped):
    first = ask(count=2).json()
    kept = [tile["sample"] for tile in first["tiles"]]
    second = ask(count=2, keep=kept).json()
    assert (second["kept"], second["pool"]) == (kept, None)
    assert [tile["sample"] for tile in second["tiles"]] == pks(grouped[2:4])


def test_where_suggestions_are_hidden_a_group_is_similar_pictures_and_no_more(ask, save, foxes, grouped):
    Question.objects.update(show_suggestions=False)
    answer = ask(**{"class": foxes.class_id("badger")}).json()
    assert {(each["kind"], each["class"], each["head_version"]) for each in answer["groups"]} == {
        ("cluster", None, None)
    }
    assert {tile["p"] for tile in answer["tiles"]} == {None}
    assert [tile["sample"] for tile in answer["tiles"]] == pks(grouped[:6]), "asking for a class would tell it"
    save([event(foxes, answer["tiles"][0])])
    assert not Label.objects.get().suggestion_shown


def test_a_tile_taken_back_brings_what_was_said(ask, save, foxes, grouped):
    tile = ask(count=1).json()["tiles"][0]
    (said,) = save([event(foxes, tile)])
    back = event(foxes, tile, verdict="withdraw", classes=[], supersedes=said["uuid"])
    save([back])
    Assignment.objects.all().delete()  # a reload, long after
    assert ask(count=1).json()["tiles"][0]["previous"] == {"uuid": back["uuid"], "verdict": "withdraw", "classes": []}


def test_before_the_first_ranking_it_says_what_one_waits_for(ask, foxes):
    factories.samples(foxes.project, 3)
    answer = ask().json()
    assert (answer["tiles"], answer["groups"], answer["group"], answer["round"]) == ([], [], None, None)
    assert answer["state"] == "preparing" and answer["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"count": "ten"}, "`count`"),
        ({"count": 61}, "`count`"),
        ({"group": "x"}, "`group`"),
        ({"group": -1}, "`group`"),
        ({"class": [1]}, "`class`"),
        ({"keep": 7}, "`keep`"),
    ],
)
def test_nonsense_is_answered_with_422_naming_the_field(ask, foxes, body, field):
    answer = ask(**body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


@pytest.mark.parametrize(("who", "status"), [("vic", 403), ("sam", 404), ("ana", 200), ("mia", 200), ("olga", 200)])
def test_roles(ask, foxes, who, status):
    assert ask(user=getattr(foxes, who)).status_code == status


def test_nobody_who_is_not_logged_in(client, foxes):
    url = reverse("annotating:grid_tiles", args=[foxes.project.slug, foxes.question.key])
    assert client.post(url, {}, content_type="application/json").status_code in {302, 401, 403}


# --- which tiles ----------------------------------------------------------------------------------


def test_the_best_group_comes_first_and_any_other_on_demand(foxes, grouped):
    badger = TileGroup.objects.get(label_class__name="badger")
    assert ids(hand_out(foxes)) == pks(grouped[:6])
    assert ids(hand_out(foxes, group_id=badger.pk)) == pks(grouped[6:10])
    assert ids(hand_out(foxes, class_id=foxes.class_id("badger"))) == pks(grouped[6:10])
    assert ids(hand_out(foxes, class_id=foxes.class_id("empty"))) == pks(grouped[:6]), "none of that class"
    assert ids(hand_out(foxes, group_id=987654)) == pks(grouped[:6]), "no such group"


def test_a_group_that_is_used_up_gives_way_to_the_next(foxes, grouped):
    page = hand_out(foxes, count=6)
    more = hand_out(foxes, keep=ids(page), group_id=page.group.id)
    assert more.group.class_id == foxes.class_id("badger")
    assert ids(more) == pks(grouped[6:10])


def test_a_group_with_few_tiles_left_waits_for_the_fuller_ones(foxes):
    made = factories.samples(foxes.project, 80)
    factories.ranking(foxes.question, made)
    group(foxes, made[:40], "fox")
    group(foxes, made[40:], "badger", number=2)
    assert ids(hand_out(foxes, count=20)) == pks(made[:20])
    assert ids(hand_out(foxes, foxes.bo)) == pks(made[40:])
    assert ids(hand_out(foxes, foxes.mia)) == pks(made[20:40])


def test_a_group_of_an_older_ranking_is_looked_for_in_the_newest(foxes, grouped):
    old = TileGroup.objects.get(label_class__name="badger")
    factories.ranking(foxes.question, grouped)
    group(foxes, grouped[:3], "fox")
    group(foxes, grouped[3:5], "badger", number=2)
    page = hand_out(foxes, group_id=old.pk)
    assert page.group.id != old.pk
    assert ids(page) == pks(grouped[3:5])


def test_groups_of_other_questions_and_hunts_are_not_shown(foxes, grouped):
    other = Question.objects.create(project=foxes.project, key="other", text="Other?")
    strange = TileGroup.objects.create(question=other, kind="cluster", n=1, tiles=[[grouped[0].pk, 1]])
    hunted = TileGroup.objects.create(question=foxes.question, kind="hunt", n=1, tiles=[[grouped[11].pk, 1]])
    for each in (strange, hunted):
        page = hand_out(foxes, group_id=each.pk)
        assert ids(page) == pks(grouped[:6])
        assert each.pk not in {group.id for group in page.groups}


def test_what_was_labelled_meanwhile_is_left_out(foxes, grouped):
    factories.label(foxes.question, grouped[0], foxes.ana, foxes.class_id("fox"))
    factories.label(foxes.question, grouped[1], None, foxes.class_id("fox"), mode="import")
    single.next_batch(foxes.bo, foxes.question, Wanted(2, tab="b", sample=grouped[2].pk))
    assert set(ids(hand_out(foxes))) <= set(pks(grouped[3:6]))


def test_what_the_round_drew_for_its_audit_is_never_a_tile(ask, foxes):
    made = factories.samples(foxes.project, 4)
    factories.ranking(foxes.question, made, audits=made[1:3])
    group(foxes, made, "fox")
    answer = ask().json()
    assert [tile["sample"] for tile in answer["tiles"]] == [made[0].pk, made[3].pk]
    assert answer["audits"] == 2
    single.next_batch(foxes.bo, foxes.question, Wanted(4, tab="b"))
    assert ask().json()["audits"] == 0, "bo has them"


# --- holding --------------------------------------------------------------------------------------


def test_two_people_and_two_tabs_never_share_a_tile(foxes, grouped):
    mine = hand_out(foxes, count=3)
    other_tab = hand_out(foxes, count=3, tab="b")
    bo = hand_out(foxes, foxes.bo, count=3)
    found = [*ids(mine), *ids(other_tab), *ids(bo)]
    assert len(found) == len(set(found)) == 9


def test_with_redundancy_two_people_see_a_tile_and_no_third(foxes, grouped):
    Question.objects.update(redundancy=2)
    foxes.question.refresh_from_db()
    assert ids(hand_out(foxes)) == ids(hand_out(foxes, foxes.bo)) == pks(grouped[:6])
    assert ids(hand_out(foxes, foxes.mia)) == pks(grouped[6:10])


def test_what_is_not_kept_is_given_back(foxes, grouped):
    page = hand_out(foxes, count=4)
    again = hand_out(foxes, count=2, keep=ids(page)[:1])
    assert again.kept == {grouped[0].pk}
    assert ids(again) == pks(grouped[1:3])
    assert set(Assignment.objects.values_list("sample_id", flat=True)) == set(pks(grouped[:3]))


def test_tiles_of_somebody_who_left_come_to_the_next_person(foxes, grouped):
    hand_out(foxes)
    Assignment.objects.update(expires_at="2020-01-01T00:00Z")
    assert ids(hand_out(foxes, foxes.bo)) == pks(grouped[:6])


def test_a_label_tells_that_it_came_from_the_grid(save, ask, foxes, grouped):
    page = ask().json()
    claimed = {"head_version": 99, "suggestion_shown": False}
    results = save([event(foxes, tile, **claimed) for tile in page["tiles"][:2]])
    assert {result["status"] for result in results} == {200}
    for label in Label.objects.all():
        assert (label.mode, label.strategy, label.propensity) == ("grid", "grid", None)
        assert (label.predicted_id, label.head_version, label.suggestion_shown) == (foxes.class_id("fox"), 3, True)
    left = {group["class"]: group["left"] for group in ask(count=0).json()["groups"]}
    assert left == {foxes.class_id("fox"): 68, foxes.class_id("badger"): 4}


def test_a_batch_taken_back_is_there_again(save, ask, foxes, grouped):
    page = ask(count=3).json()
    said = save([event(foxes, tile) for tile in page["tiles"]])
    save([
        event(foxes, tile, verdict="withdraw", classes=[], supersedes=result["uuid"])
        for tile, result in zip(page["tiles"], said, strict=True)
    ])  # fmt: skip
    assert Assignment.objects.filter(is_done=False).count() == 3
    assert not Label.objects.filter(is_current=True).exclude(verdict="withdraw").exists()


@pytest.mark.parametrize("count", [0, 3])
def test_renewing_keeps_what_is_held(foxes, grouped, count):
    page = hand_out(foxes, count=3)
    Assignment.objects.update(expires_at="2020-01-01T00:00Z")
    again = hand_out(foxes, count=count, keep=ids(page))
    assert again.kept == set(ids(page))
    assert len(ids(again)) == count


# --- when nothing is left -------------------------------------------------------------------------


def test_when_all_groups_are_used_up_a_fresh_ranking_is_asked_for(save, ask, foxes, grouped):
    Question.objects.update(refit_every=100)
    page = ask().json()
    save([event(foxes, tile) for tile in page["tiles"]])
    badgers = ask().json()
    save([event(foxes, tile, "badger") for tile in badgers["tiles"]])
    Job.objects.all().delete()
    answer = ask().json()
    assert (answer["tiles"], answer["state"]) == ([], "preparing")
    assert Job.objects.filter(kind="refit", state="queued").count() == 1


def test_where_a_refit_would_change_nothing_none_is_asked_for(ask, foxes, grouped):
    ask(user=foxes.bo)
    ask(user=foxes.bo, tab="b")
    answer = ask().json()
    assert (answer["tiles"], answer["state"]) == ([], "used_up")
    assert not Job.objects.filter(kind="refit").exists()


def test_when_everything_is_labelled_it_is_finished(ask, foxes, grouped):
    factories.labelled(foxes.question, grouped, foxes.bo, "fox")
    for sample in grouped:
        Assignment.objects.create(
            question=foxes.question,
            sample=sample,
            slot=0,
            annotator=foxes.bo,
            is_done=True,
            expires_at="2030-01-01T00:00Z",
        )
    assert ask().json()["state"] == "finished"


# --- known answers --------------------------------------------------------------------------------


@pytest.fixture
def known(foxes, grouped, monkeypatch):
    """Twenty imported answers, ten foxes and ten badgers; every third tile is a check."""
    monkeypatch.setattr(tiles, "CHECKED", 0.3)
    random.seed(1)
    made = factories.samples(foxes.project, 20)
    factories.labelled_each(
        foxes.question,
        [(sample, "fox" if place < 10 else "badger") for place, sample in enumerate(made)],
        None,
        mode="import",
    )
    return set(pks(made))


def test_checks_are_mixed_in_and_told_apart_by_nothing(ask, foxes, grouped, known):
    answer = ask().json()
    tiles = answer["tiles"]
    checked = [tile for tile in tiles if tile["sample"] in known]
    assert len(tiles) - len(checked) == 6 and len(checked) > 5
    assert {frozenset(tile) for tile in tiles} == {frozenset(tiles[0])}
    assert {tile["group"] for tile in tiles} == {answer["group"]["id"]}
    plain = {tile["p"] for tile in tiles if tile not in checked}
    assert {tile["p"] for tile in checked} <= plain
    numbers = [tile["p"] for tile in tiles]
    assert numbers == sorted(numbers, reverse=True)
    assert "check" not in str(answer)


def test_a_page_of_one_tile_is_no_check_alone(foxes, grouped, known, monkeypatch):
    monkeypatch.setattr(tiles, "CHECKED", 1)
    assert ids(hand_out(foxes, count=1)) == pks(grouped[:1])
    assert not set(ids(hand_out(foxes, count=2))) <= known


def test_where_others_were_faster_with_a_whole_group_the_next_one_is_shown(foxes, grouped, monkeypatch):
    take = holding.take

    def slow(holder, candidates):
        monkeypatch.setattr(holding, "take", take)
        take(Holder(foxes.bo, foxes.question), [Candidate(sample.pk) for sample in grouped[:6]])
        take(holder, candidates)

    monkeypatch.setattr(holding, "take", slow)
    page = hand_out(foxes)
    assert ids(page) == pks(grouped[6:10])
    assert page.group.class_id == foxes.class_id("badger")


def test_half_of_the_checks_are_of_another_class(foxes, grouped, known, monkeypatch):
    fox = foxes.class_id("fox")
    truth = dict(Label.objects.values_list("sample", "labelled_classes__label_class"))
    monkeypatch.setattr(tiles, "PLANTED", 1)
    assert {truth[sample] for sample in ids(hand_out(foxes)) if sample in known} == {foxes.class_id("badger")}
    monkeypatch.setattr(tiles, "PLANTED", 0)
    assert {truth[sample] for sample in ids(hand_out(foxes, foxes.bo, group_id=None)) if sample in known} <= {
        fox, foxes.class_id("badger")
    }  # fmt: skip


def test_a_check_s_answer_is_kept_apart_from_labels(ask, save, foxes, grouped, known):
    tiles = ask().json()["tiles"]
    results = save([event(foxes, tile) for tile in tiles])
    assert {result["status"] for result in results} == {200}
    assert {frozenset(result["label"]) for result in results} == {frozenset({"uuid", "verdict", "classes"})}
    checked = {tile["sample"] for tile in tiles} & known
    assert set(Check.objects.values_list("sample_id", flat=True)) == checked
    assert not Label.objects.filter(annotator=foxes.ana, sample__in=checked).exists()
    truth = dict(Label.objects.filter(annotator=None).values_list("sample", "labelled_classes__label_class"))
    assert {check.sample_id: check.is_hit for check in Check.objects.all()} == {
        sample: truth[sample] == foxes.class_id("fox") for sample in checked
    }


def test_nobody_is_checked_on_a_sample_twice(ask, foxes, grouped, known):
    seen = []
    for _ in range(8):
        Assignment.objects.exclude(kind="check").delete()
        seen += [tile["sample"] for tile in ask().json()["tiles"] if tile["sample"] in known]
    assert len(seen) == len(set(seen)) <= 20


def test_two_people_may_be_checked_on_the_same_sample_at_once(foxes, grouped, known):
    Question.objects.update(redundancy=2)
    foxes.question.refresh_from_db()
    seen = [set(), set()]
    for _ in range(12):
        for user, found in zip((foxes.ana, foxes.bo), seen, strict=True):
            Assignment.objects.exclude(kind="check").delete()
            found |= set(ids(hand_out(foxes, user))) & known
    assert seen[0] & seen[1]


def test_a_check_that_is_saved_late_is_still_none_but_a_check(ask, save, foxes, grouped, known):
    tiles = [tile for tile in ask().json()["tiles"] if tile["sample"] in known]
    Assignment.objects.update(expires_at="2020-01-01T00:00Z")
    single.next_batch(foxes.bo, foxes.question, Wanted(5))  # throws out what ran out
    save([event(foxes, tile) for tile in tiles])
    assert Check.objects.count() == len(tiles)
    assert not Label.objects.filter(annotator=foxes.ana).exists()


def test_a_check_taken_back_comes_with_what_was_said(ask, save, foxes, grouped, known):
    tile = next(tile for tile in ask().json()["tiles"] if tile["sample"] in known)
    (said,) = save([event(foxes, tile)])
    (back,) = save([event(foxes, tile, verdict="withdraw", classes=[], supersedes=said["uuid"])])
    assert back["status"] == 200
    assert [check.is_current for check in Check.objects.order_by("pk")] == [False, True]
    (again,) = save([event(foxes, tile, "badger", supersedes=back["uuid"])])
    assert again["status"] == 200


def test_without_known_answers_there_are_no_checks(foxes, grouped, monkeypatch):
    monkeypatch.setattr(tiles, "CHECKED", 1)
    factories.labelled(foxes.question, grouped[6:], foxes.bo, "fox")
    assert not [tile for tile in hand_out(foxes).tiles if tile.assignment.kind == "check"]


def test_questions_with_several_classes_have_no_checks(foxes, grouped, known):
    Question.objects.update(multi_label=True)
    foxes.question.refresh_from_db()
    assert not set(ids(hand_out(foxes))) & known


# --- cost -----------------------------------------------------------------------------------------


def test_the_number_of_queries_is_bounded_and_does_not_grow(client, foxes, grouped, monkeypatch):
    monkeypatch.setattr(tiles, "CHECKED", 0.3)
    client.force_login(foxes.ana)
    url = reverse("annotating:grid_tiles", args=[foxes.project.slug, foxes.question.key])

    def queries(count, keep):
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(url, {"count": count, "keep": keep, "tab": "a"}, content_type="application/json")
        assert answer.json()["tiles"]
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    keep = [
        tile["sample"]
        for tile in client.post(url, {"count": 1, "tab": "a"}, content_type="application/json").json()["tiles"]
    ]
    small = queries(1, keep)
    more = factories.samples(foxes.project, 80)
    group(foxes, more, "empty", number=0)
    assert small <= 13
    assert queries(60, keep) <= small + 1
