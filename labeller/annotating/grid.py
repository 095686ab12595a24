"""Handing out tiles: pages of samples that probably are of one class, held by one tab as single samples are.

A few tiles have a known answer: they measure how carefully a person looks. Nothing that is told of them differs.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from labeller.accounts.models import User
from labeller.annotating import handing, selectors
from labeller.annotating.handing import Wanted
from labeller.annotating.holding import in_all, is_settled_for, open_assignments, take, within_share
from labeller.annotating.models import CHECK_SLOT, REVIEW_SLOT, Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import applying, checks
from labeller.labels.models import Answer, AnswerQuerySet, Check, Label
from labeller.labels.selectors import AUDIT
from labeller.learning import asking as learning
from labeller.learning.models import Round, RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.samples.models import Sample

MOST_AT_ONCE = 60
LISTED = 240  # tiles of a group that a ranking lists, at most
WORTHWHILE = 30  # tiles that a group should have left to be turned to before others
CHECKED = 1 / 30  # share of tiles whose answer is known, where there are any
PLANTED = 0.5  # share of these that are of another class than the page's

Kind = TileGroup.Kind


@dataclass(frozen=True)
class Group:
    """A group of the current ranking and how many of it nobody has decided on through it."""

    id: int
    kind: str
    class_id: int | None
    number: int
    n: int
    head_version: int | None
    left: int
    free: int  # of those listed; about, for other rankings' assignments don't count


@dataclass(frozen=True)
class Tile:
    """A tile as handed out: its assignment, and how sure the head is of it (or how typical it is)."""

    assignment: Assignment
    number: float | None


@dataclass(frozen=True)
class Page:
    """Tiles for one tab, all of one group; and where the project stands: ready, preparing, used up or finished."""

    group: Group | None
    tiles: list[Tile]
    kept: set[int]
    groups: list[Group]
    round: Round | None
    state: str
    audits: int  # of the round that wait for this person


@again_on_deadlock
def hand_out(
    user: User, question: Question, wanted: Wanted, *, group_id: int | None = None, class_id: int | None = None
) -> Page:
    """Up to `count` tiles of the group asked for, else of that class, else of the group that brings labels fastest.

    What is asked for and used up, or gone with an older ranking, gives way to the next best. What the tab holds beside
    `keep` is given back first.
    """
    current = handing.current_round(question)
    with transaction.atomic():
        kept = _keep(user, question, wanted)
        groups = _groups(question, current)
        asked = _asked(question, groups, group_id, class_id if question.show_suggestions else None)
        best_first = [group for group in groups if group.left and group is not asked]
        best_first.sort(key=lambda group: group.free < min(group.n, WORTHWHILE))
        order = [asked, *best_first] if asked else best_first
        group, tiles = _take(user, question, wanted, order) if wanted.count else (None, [])
    return Page(
        group=group,
        tiles=tiles,
        kept=kept,
        groups=groups,
        round=current,
        state=_state(question, current, bool(tiles or wanted.keep)),
        audits=_audits(user, question),
    )


@again_on_deadlock
def hand_out_of(
    user: User, question: Question, wanted: Wanted, group_id: int, tiles: list[tuple[int, float]]
) -> tuple[list[Tile], set[int]]:
    """Up to `count` tiles of one group, a hunt's: without checks, for those would count as found; and what is kept."""
    with transaction.atomic():
        kept = _keep(user, question, wanted)
        free = _free(user, question, [sample_id for sample_id, _ in tiles]) if wanted.count else set()
        open_tiles = [(sample_id, number) for sample_id, number in tiles if sample_id in free]
        return _held(user, question, wanted, group_id, open_tiles, min(wanted.count, MOST_AT_ONCE)), kept


def _keep(user: User, question: Question, wanted: Wanted) -> set[int]:
    """Give back what the tab holds beside `keep`, and hold that longer; returns what is still the tab's of it."""
    kept = handing.keep(user, question, wanted)
    handing.give_back(user, question, wanted)
    return kept


def _groups(question: Question, current: Round | None) -> list[Group]:
    """The groups of the current ranking, best first."""
    if current is None:
        return []
    groups = TileGroup.objects.filter(question=question, round=current).order_by("number")
    rows = groups.values_list("pk", "kind", "label_class", "number", "n", "head_version").annotate(
        done=Count("assignments", filter=Q(assignments__is_done=True, assignments__is_check=False)),
        taken=Count("assignments", filter=Q(assignments__is_check=False)),
    )
    return [
        Group(pk, kind, class_id, number, n, version, left=max(0, n - done), free=min(n, LISTED) - taken)
        for pk, kind, class_id, number, n, version, done, taken in rows
    ]


def _asked(question: Question, groups: list[Group], group_id: int | None, class_id: int | None) -> Group | None:
    """The group that was asked for: itself, or what became of it in the current ranking."""
    if group_id is not None:
        found = next((group for group in groups if group.id == group_id), None)
        if found is not None:
            return found
        old = TileGroup.objects.filter(pk=group_id, question=question).values_list("label_class", flat=True).first()
        class_id = old if old is not None else class_id
    return next((group for group in groups if class_id is not None and group.class_id == class_id), None)


def _take(user: User, question: Question, wanted: Wanted, order: list[Group]) -> tuple[Group | None, list[Tile]]:
    """Hold tiles of the first of these groups that has any left."""
    # The first group mostly has some; else all others are looked at together.
    for groups in (order[:1], order[1:]):
        listed = dict(TileGroup.objects.filter(pk__in=[group.id for group in groups]).values_list("pk", "tiles"))
        free = _free(user, question, {sample_id for tiles in listed.values() for sample_id, _ in tiles})
        for group in groups:
            open_tiles = [(sample_id, number) for sample_id, number in listed[group.id] if sample_id in free]
            tiles = _hold(user, question, wanted, group, open_tiles)
            if tiles:
                return group, tiles
    return None, []


def _free(user: User, question: Question, sample_ids: Collection[int]) -> set[int]:
    """Of these samples the ones this person may be handed: a slot is free, and they aren't to be audited blind."""
    taken = Q(assignments__question=question, assignments__slot__lt=REVIEW_SLOT)
    own = Assignment.objects.filter(question=question, annotator=user, sample=OuterRef("pk"))
    found = (
        Sample.objects.filter(pk__in=sample_ids)
        .annotate(taken=Count("assignments", filter=taken))
        .filter(taken__lt=question.redundancy)
        .exclude(Exists(own))
        .exclude(is_settled_for(user, question, "pk"))
        .exclude(Exists(_drawn(question).filter(sample=OuterRef("pk"))))
    )
    found = applying.limited(found, question, "pk")
    return set(found.values_list("pk", flat=True))


def _hold(user: User, question: Question, wanted: Wanted, group: Group, tiles: list[tuple[int, float]]) -> list[Tile]:
    """Take the first of these tiles that nobody else takes at the same moment, and mix checks among them."""
    if not tiles:
        return []
    count = min(wanted.count, MOST_AT_ONCE)
    planned = _planned_checks(question, count)
    page = _held(user, question, wanted, group.id, tiles, count - planned)
    for check in _checks(user, question, wanted.tab, group, planned) if page else []:
        # Tiles come the surest first: one in between is as sure as its neighbour.
        place = random.randrange(len(page))
        page.insert(place, Tile(check, page[place].number))
    return page


def _held(
    user: User, question: Question, wanted: Wanted, group_id: int, tiles: list[tuple[int, float]], missing: int
) -> list[Tile]:
    """Take so many of these tiles, the first that nobody else takes at the same moment."""
    number_of = dict(tiles)
    while missing > 0 and tiles:
        page, tiles = tiles[:missing], tiles[missing:]
        missing -= take(user, question, wanted.tab, {sample_id: {"group_id": group_id} for sample_id, _ in page})
    found = list(
        open_assignments(question)
        .filter(annotator=user, tab=wanted.tab, sample__in=number_of)
        .exclude(sample__in=wanted.keep)
        .select_related("sample__file")
        .annotate(in_all=in_all(user, question))
    )
    place = {sample_id: at for at, sample_id in enumerate(number_of)}
    found.sort(key=lambda assignment: place[assignment.sample_id])
    held = {each.sample_id: each for each in within_share(found, keeps=bool(wanted.keep))}
    return [Tile(held[sample_id], number) for sample_id, number in number_of.items() if sample_id in held]


# --- known answers --------------------------------------------------------------------------------


def _planned_checks(question: Question, count: int) -> int:
    """How many of so many tiles are to be checks. With several classes a sample none: a tile is confirmed as one."""
    planned = sum(random.random() < CHECKED for _ in range(count))
    return planned if planned and not question.multi_label and Answer.objects.of(question).known().exists() else 0


def _checks(user: User, question: Question, tab: str, group: Group, planned: int) -> list[Assignment]:
    """Hold up to so many samples whose answer is known: of the page's class, or planted ones of another."""
    if not planned:
        return []
    planted = sum(random.random() < PLANTED for _ in range(planned)) if group.class_id is not None else 0
    answers = checks.unknown_to(question, user).exclude(
        Exists(Assignment.objects.filter(question=question, annotator=user, sample=OuterRef("sample")))
    )
    # Questions that are checked take one class a sample.
    of_class = Q(classes=str(group.class_id)) if group.class_id is not None else Q()
    samples = [
        *_drawn_from(answers.filter(of_class), planned - planted),
        *_drawn_from(answers.exclude(of_class), planted),
    ]
    if not samples:
        return []
    slots = Assignment.objects.filter(question=question, sample__in=samples, slot__gte=CHECK_SLOT)
    used: dict[int, int] = {}
    for sample_id, slot in slots.values_list("sample", "slot"):
        used[sample_id] = max(slot, used.get(sample_id, 0))
    Assignment.objects.bulk_create(
        (
            Assignment(
                question=question,
                sample_id=sample_id,
                slot=used.get(sample_id, CHECK_SLOT - 1) + 1,
                annotator=user,
                tab=tab,
                group_id=group.id,
                is_check=True,
                expires_at=Now(),
            )
            for sample_id in samples
        ),
        ignore_conflicts=True,
    )
    held = Assignment.objects.filter(question=question, annotator=user, sample__in=samples, is_check=True)
    return list(held.select_related("sample__file"))


def _drawn_from(answers: AnswerQuerySet, count: int) -> list[int]:
    """Samples of so many of these answers, from a random place on: drawing from all would read them all."""
    if not count:
        return []
    newest = Answer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    start = random.randint(0, newest)
    found = list(answers.filter(pk__gte=start).order_by("pk").values_list("sample", flat=True)[:count])
    if len(found) < count:
        before = answers.filter(pk__lt=start).order_by("pk").values_list("sample", flat=True)
        found += before[: count - len(found)]
    return found


# --- where things stand ---------------------------------------------------------------------------


def _drawn(question: Question) -> QuerySet[RoundEntry]:
    """What the current round drew for its audit: seen in a group, these samples would not be labelled blind."""
    drawn = RoundEntry.objects.filter(round__question=question, round__is_current=True, strategy=AUDIT)
    return applying.limited(drawn, question)


def _audits(user: User, question: Question) -> int:
    """How many audit samples wait for this person."""
    taken = Q(sample__assignments__question=question, sample__assignments__slot__lt=REVIEW_SLOT)
    own = Assignment.objects.filter(question=question, annotator=user, sample=OuterRef("sample"))
    waiting = _drawn(question).annotate(taken=Count("sample__assignments", filter=taken))
    waiting = waiting.filter(taken__lt=question.redundancy).exclude(Exists(own))
    return waiting.exclude(is_settled_for(user, question, "sample")).count()


def _state(question: Question, current: Round | None, has_tiles: bool) -> str:
    if current is None and (question.follows_id is None or handing.has_open_samples(question)):
        return "preparing"
    if has_tiles:
        return "ready"
    if not handing.has_open_samples(question):
        return "finished"
    if not learning.new_labels(question):
        return "used_up"  # what is left is in no group, or others hold it: another refit would change nothing
    learning.request_refit(question, at_once=True)
    return "preparing"


# --- as JSON --------------------------------------------------------------------------------------


def page_json(user: User, question: Question, page: Page) -> dict[str, Any]:
    """What the page is told. Where suggestions are hidden a group is one of similar pictures and no more."""
    shows = question.show_suggestions
    return {
        "group": _group_json(page.group, shows) if page.group else None,
        "tiles": tiles_json(user, question, page.tiles, shows),
        "groups": [_group_json(group, shows) for group in page.groups],
        "kept": sorted(page.kept),
        "round": selectors.round_json(page.round),
        "pool": None if page.kept else selectors.pool(question),
        "state": page.state,
        "message": selectors.preparing_message(question) if page.state == "preparing" else "",
        "audits": page.audits,
    }


def _group_json(group: Group, shows: bool) -> dict[str, Any]:
    plain = {"id": group.id, "number": group.number, "n": group.n, "left": group.left}
    if not shows:
        return {**plain, "kind": Kind.CLUSTER, "class": None, "head_version": None}
    return {**plain, "kind": group.kind, "class": group.class_id, "head_version": group.head_version}


def tiles_json(user: User, question: Question, tiles: Sequence[Tile], shows: bool = True) -> list[dict[str, Any]]:
    """Tiles as plain values."""
    previous = _previous(user, question, [tile.assignment.sample_id for tile in tiles])
    return [
        {
            "sample": sample.pk,
            "width": sample.file.width,
            "height": sample.file.height,
            "box": sample.box,
            "p": tile.number if shows else None,
            "previous": selectors.label_json(previous.get(sample.pk)),
            "group": tile.assignment.group_id,
        }
        for tile in tiles
        for sample in [tile.assignment.sample]
    ]


def _previous(user: User, question: Question, sample_ids: Collection[int]) -> dict[int, Label | Check]:
    """What this person said of them before and took back, or still stands."""
    said = {"question": question, "annotator": user, "sample__in": sample_ids, "is_current": True}
    labels: list[Label | Check] = list(Label.objects.filter(**said).prefetch_related("labelled_classes"))
    return {each.sample_id: each for each in [*labels, *Check.objects.filter(**said)]}
