"""What was observed, as the formats of ecologists have it: of a picture, and of an event.

A class that was said of a box is not said of the whole picture again. Of an event each class is said once, with the
most individuals that any of its pictures shows; that there is nothing only where no picture shows anything.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from labeller.exchange.exporters.contents import Decision, KnownClass, Part, ProjectContents, Shot
from labeller.exchange.traits import trait_of
from labeller.labels.models import Answer
from labeller.projects.models import Question
from labeller.projects.states import State
from labeller.samples.models import Box

# Columns that questions fill which follow, by their keys without case and dashes.
VOCABULARIES = {"sex": {"female", "male"}, "lifeStage": {"adult", "subadult", "juvenile"}}
ORDER = (State.ANIMAL, State.HUMAN, State.VEHICLE, State.SETUP, State.UNKNOWN, State.UNCLASSIFIED, State.BLANK)


class Observation(NamedTuple):
    """One thing that was seen, or that nothing was; without a decision nobody has looked."""

    state: State
    seen: KnownClass | None = None
    decision: Decision | None = None
    box: Box | None = None
    individuals: int | None = None
    traits: Mapping[str, str] = MappingProxyType({})  # by the columns that `trait_of` names, without the count
    tags: tuple[str, ...] = ()


class Observing:
    """Observations by one question and those that follow it."""

    def __init__(self, contents: ProjectContents, question: Question) -> None:
        self.contents, self.question = contents, question
        self._columns = {each.pk: trait_of(each.key) for each in contents.questions if each.pk != question.pk}
        self._keys = {each.pk: each.key for each in contents.questions}

    # --- of a picture -----------------------------------------------------------------------------

    def of_picture(self, picture: Shot) -> list[Observation]:
        """What was observed in a picture; nothing at all where a reviewer has left it out."""
        of_boxes = [found for part in picture.boxes for found in self._of_part(part)]
        boxed = [found for found in of_boxes if found.state is not State.BLANK]  # a box that holds nothing is no news
        whole = picture.whole
        if whole is not None and self._is_left_out(whole):
            return boxed
        said = {found.seen.pk for found in boxed if found.seen is not None}
        of_whole = [] if whole is None else self._of_part(whole)
        rest = [found for found in of_whole if found.seen is None or found.seen.pk not in said]
        if boxed:
            rest = [found for found in rest if found.state is not State.BLANK]
        elif not rest and of_boxes and len(of_boxes) == len(picture.boxes):  # all of them were looked at
            rest = [of_boxes[0]._replace(box=None)]
        return [*rest, *boxed] or [Observation(State.UNCLASSIFIED)]

    def _is_left_out(self, part: Part) -> bool:
        decision = part.decisions.get(self.question.pk)
        return decision is not None and decision.state == Answer.State.LEFT_OUT

    def _of_part(self, part: Part) -> list[Observation]:
        decision = part.decisions.get(self.question.pk)
        if decision is None:
            return []
        tags = (decision.state,) if decision.state in {Answer.State.DISPUTED, Answer.State.UNSURE} else ()
        if not decision.is_answer:
            return [Observation(State.UNKNOWN, None, decision, part.box, tags=tags)] if tags else []
        classes = [self.contents.classes[pk] for pk in decision.classes]
        is_one = sum(each.state is State.ANIMAL for each in classes) == 1
        count, traits, more = self._traits(part, is_one)
        found = []
        for seen in classes:
            individuals = 1 if part.box is not None and seen.state is not State.BLANK else None
            if seen.state is State.ANIMAL:
                individuals = count or individuals
                found.append(Observation(seen.state, seen, decision, part.box, individuals, traits, (*tags, *more)))
            else:
                found.append(Observation(seen.state, seen, decision, part.box, individuals, tags=tags))
        return found

    def _traits(self, part: Part, is_one: bool) -> tuple[int | None, dict[str, str], tuple[str, ...]]:
        """The count, other columns, and as tags what no column takes, as answers to questions that follow give them.

        Where there are several animals nobody said of which one it is.
        """
        count: int | None = None
        traits: dict[str, str] = {}
        tags: list[str] = []
        for question_id, decision in part.decisions.items():
            if question_id == self.question.pk or not decision.is_answer:
                continue
            column, names = self._columns.get(question_id, ""), [self._name(pk) for pk in decision.classes]
            value = _value(column, names[0]) if is_one and len(names) == 1 else ""
            if column == "count" and value:
                count = int(value)
            elif column and value:
                traits[column] = value
            if not column or not value or (column == "count" and value != names[0]):
                tags += [f"{self._keys[question_id]}:{name}" for name in names]
        return count, traits, tuple(tag.replace("|", "/") for tag in tags)

    def _name(self, pk: int) -> str:
        return self.contents.classes[pk].name

    # --- of an event ------------------------------------------------------------------------------

    def of_event(self, pictures: Iterable[list[Observation]]) -> list[Observation]:
        """What was observed in an event, by what was in each of its pictures."""
        kinds: dict[_Kind, list[Observation]] = {}
        for observed in pictures:
            for kind, each in _of_one_picture(observed).items():
                kinds.setdefault(kind, []).append(each)
        found = sorted(map(_of_all_pictures, kinds.values()), key=lambda each: ORDER.index(each.state))
        told = [each for each in found if each.state not in {State.UNCLASSIFIED, State.BLANK}]
        return told or found[:1]  # that there is nothing only where everybody who looked found nothing


_Kind = tuple[State, int | None]


def _of_one_picture(observed: list[Observation]) -> dict[_Kind, Observation]:
    """What one picture shows of each kind: all individuals together, and of these what they have in common."""
    found: dict[_Kind, Observation] = {}
    for each in observed:
        kind = each.state, each.seen.pk if each.seen is not None and each.state is State.ANIMAL else None
        before = found.get(kind)
        if before is None:
            found[kind] = each._replace(box=None)
            continue
        found[kind] = _firmest([before, each])._replace(
            box=None,
            individuals=(before.individuals or 1) + (each.individuals or 1),
            traits={name: value for name, value in before.traits.items() if each.traits.get(name) == value},
            tags=_all_tags([before, each]),
        )
    return found


def _of_all_pictures(seen: list[Observation]) -> Observation:
    """Of one kind in several pictures, which show the same animals: the most at once, and what none contradicts."""
    said: dict[str, set[str]] = {}
    for each in seen:
        for name, value in each.traits.items():
            said.setdefault(name, set()).add(value)
    return _firmest(seen)._replace(
        individuals=max((each.individuals for each in seen if each.individuals), default=None),
        traits={name: values.pop() for name, values in said.items() if len(values) == 1},
        tags=_all_tags(seen),
    )


def _firmest(seen: list[Observation]) -> Observation:
    """That of a person, else the first that anybody or anything decided, else the first."""
    by_people = (each for each in seen if each.decision is not None and each.decision.how == "human")
    return next(by_people, next((each for each in seen if each.decision is not None), seen[0]))


def _all_tags(seen: list[Observation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for each in seen for tag in each.tags))


def _value(column: str, name: str) -> str:
    """What a column takes of a class of that name; of counts the number it begins with: “3”, “10+”, “2-5”."""
    if column == "count":
        digits = name[: len(name) - len(name.lstrip("0123456789"))][:6]
        return str(int(digits)) if digits and int(digits) else ""
    if column in VOCABULARIES:
        return name.lower() if name.lower() in VOCABULARIES[column] else ""
    return name
