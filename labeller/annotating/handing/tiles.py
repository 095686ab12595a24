"""Pages of tiles: samples that probably are of one class, of a group of the newest ranking or of a hunt.

A few tiles have a known answer: they measure how carefully a person looks. Nothing that is told of them differs.
"""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from labeller.accounts.models import User
from labeller.annotating.handing import state
from labeller.annotating.holding import MOST_AT_ONCE, Candidate, Holder, Wanted, hand_out, is_free_for
from labeller.annotating.models import Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import applying, checks
from labeller.labels.models import Answer, AnswerQuerySet
from labeller.labels.selectors import AUDIT
from labeller.learning.models import Round, RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.samples.models import Sample

LISTED = 240  # tiles of a group that a ranking lists, at most
WORTHWHILE = 30  # tiles that a group should have left to be turned to before others
CHECKED = 1 / 30  # share of tiles whose answer is known, where there are any
PLANTED = 0.5  # share of these that are of another class than the page's

Kind = Assignment.Kind
Listed = list[tuple[int, float]]  # samples, and how sure the head is of them


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
def next_page(
    user: User, question: Question, wanted: Wanted, *, group_id: int | None = None, class_id: int | None = None
) -> Page:
    """Up to `count` tiles of the group asked for, else of that class, else of the group that brings labels fastest.

    What is asked for and used up, or gone with an older ranking, gives way to the next best.
    """
    holder = Holder(user, question, wanted.tab)
    current = state.current_round(question)
    ranked = _Ranked(holder, wanted, current, group_id, class_id if question.show_suggestions else None)
    handed = hand_out(holder, replace(wanted, sample=None), ranked)
    tiles = [Tile(each, ranked.numbers[each.sample_id]) for each in handed.held]
    return Page(
        group=next((each for each in ranked.groups if tiles and each.id == tiles[-1].assignment.group_id), None),
        tiles=tiles,
        kept=handed.kept,
        groups=ranked.groups,
        round=current,
        state=state.of(question, current, bool(tiles or wanted.keep), in_groups=True),
        audits=_drawn(question).filter(is_free_for(holder, "sample")).count(),
    )


@again_on_deadlock
def next_of_group(
    user: User, question: Question, wanted: Wanted, group_id: int, listed: Listed
) -> tuple[list[Tile], set[int]]:
    """Up to `count` tiles of one group, a hunt's: without checks, for those would count as found; and what is kept."""
    holder = Holder(user, question, wanted.tab)
    number_of = dict(listed)
    proposals = _open_pages(holder, group_id, listed, _size(wanted))
    handed = hand_out(holder, replace(wanted, sample=None), proposals)
    return [Tile(each, number_of[each.sample_id]) for each in handed.held], handed.kept


def _open_pages(holder: Holder, group_id: int, listed: Listed, size: int) -> Iterator[list[Candidate]]:
    free = _free(holder, [sample_id for sample_id, _ in listed]) if size else ()
    yield from _pages(group_id, [(sample_id, number) for sample_id, number in listed if sample_id in free], size)


class _Ranked:
    """What the current ranking proposes: tiles of one group, and of the next one where none of it was to be had."""

    def __init__(
        self, holder: Holder, wanted: Wanted, current: Round | None, group_id: int | None, class_id: int | None
    ) -> None:
        self.holder, self.size, self.current = holder, _size(wanted), current
        self.group_id, self.class_id = group_id, class_id
        self.groups: list[Group] = []
        self.numbers: dict[int, float] = {}

    def __iter__(self) -> Iterator[list[Candidate]]:
        self.groups = _groups(self.holder.question, self.current)
        order = self._order() if self.size else []
        # The first group mostly has some; else all others are looked at together.
        for groups in (order[:1], order[1:]):
            listed = dict(TileGroup.objects.filter(pk__in=[each.id for each in groups]).values_list("pk", "tiles"))
            free = _free(self.holder, {sample_id for tiles in listed.values() for sample_id, _ in tiles})
            for group in groups:
                tiles = [(sample_id, number) for sample_id, number in listed[group.id] if sample_id in free]
                yield from self._pages(group, tiles)

    def _order(self) -> list[Group]:
        """Which groups to turn to one after the other."""
        asked = _asked(self.holder.question, self.groups, self.group_id, self.class_id)
        best_first = [group for group in self.groups if group.left and group is not asked]
        best_first.sort(key=lambda group: group.free < min(group.n, WORTHWHILE))
        return [asked, *best_first] if asked else best_first

    def _pages(self, group: Group, tiles: Listed) -> Iterator[list[Candidate]]:
        """These tiles, as many at a time as are wanted, with checks among the first."""
        checked = _checks(self.holder, group, self.size) if tiles else []
        self.numbers.update(tiles)
        for page in _pages(group.id, tiles, self.size - len(checked)):
            for check in checked:
                # Tiles come the surest first: one in between is as sure as its neighbour.
                place = random.randrange(len(page))
                self.numbers[check] = self.numbers[page[place].sample_id]
                page.insert(place, Candidate(check, group_id=group.id, is_check=True))
            checked = []
            yield page


def _size(wanted: Wanted) -> int:
    return min(wanted.count, MOST_AT_ONCE)


def _pages(group_id: int, tiles: Listed, size: int) -> Iterator[list[Candidate]]:
    """These tiles, so many at a time."""
    for start in range(0, len(tiles), size or 1):
        yield [Candidate(sample_id, group_id=group_id) for sample_id, _ in tiles[start : start + size]]


def _groups(question: Question, current: Round | None) -> list[Group]:
    """The groups of the current ranking, best first."""
    if current is None:
        return []
    groups = TileGroup.objects.filter(question=question, round=current).order_by("number")
    ours = Q(assignments__kind=Kind.LABEL)
    rows = groups.values_list("pk", "kind", "label_class", "number", "n", "head_version").annotate(
        done=Count("assignments", filter=ours & Q(assignments__is_done=True)), taken=Count("assignments", filter=ours)
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


def _free(holder: Holder, sample_ids: Collection[int]) -> set[int]:
    """Of these samples the ones this person may be handed: a slot is free, and they aren't to be audited blind."""
    drawn = Exists(_drawn(holder.question).filter(sample=OuterRef("pk")))
    found = Sample.objects.filter(is_free_for(holder, "pk"), ~Q(drawn), pk__in=sample_ids)
    return set(applying.limited(found, holder.question, "pk").values_list("pk", flat=True))


def _drawn(question: Question) -> QuerySet[RoundEntry]:
    """What the current round drew for its audit: seen in a group, these samples would not be labelled blind."""
    drawn = RoundEntry.objects.filter(round__question=question, round__is_current=True, strategy=AUDIT)
    return applying.limited(drawn, question)


# --- known answers --------------------------------------------------------------------------------


def _checks(holder: Holder, group: Group, size: int) -> list[int]:
    """Of a page of that size the samples whose answer is known: of the page's class, or planted ones of another.

    Where a question takes several classes there are none: a tile is confirmed as one.
    """
    planned = min(size - 1, sum(random.random() < CHECKED for _ in range(size)))
    if not planned or holder.question.multi_label or not Answer.objects.of(holder.question).known().exists():
        return []
    planted = sum(random.random() < PLANTED for _ in range(planned)) if group.class_id is not None else 0
    answers = checks.unknown_to(holder.question, holder.person)
    answers = answers.filter(holder.may_see("sample"))
    answers = answers.exclude(Exists(holder.rows().filter(sample=OuterRef("sample"))))
    # Questions that are checked take one class a sample.
    of_class = Q(classes=str(group.class_id)) if group.class_id is not None else Q()
    newest = Answer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    start = random.randint(0, newest)
    return [
        *_drawn_from(answers.filter(of_class), start, planned - planted),
        *_drawn_from(answers.exclude(of_class), start, planted),
    ]


def _drawn_from(answers: AnswerQuerySet, start: int, wanted: int) -> list[int]:
    """Samples of so many of these answers, from a random place on: drawing from all would read them all."""
    if not wanted:
        return []
    found = list(answers.filter(pk__gte=start).order_by("pk").values_list("sample", flat=True)[:wanted])
    if len(found) < wanted:
        before = answers.filter(pk__lt=start).order_by("pk").values_list("sample", flat=True)
        found += before[: wanted - len(found)]
    return found
