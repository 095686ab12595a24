"""A project as exporters read it: event by event, with what was decided of every picture and every box, and by whom.

Only what people said and what was accepted is a decision: what a head merely suggests never leaves as one. A page is
read whole before it is passed on, so no cursor and no transaction is open while files are written.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import QuerySet

from labeller.labels.models import Answer, Label
from labeller.learning import accepting, seeing
from labeller.learning.models import Acceptance
from labeller.projects.models import LabelClass, Project, Question
from labeller.projects.states import State, state_of
from labeller.samples.models import Box, Deployment, File, Sample, Sequence, Source, Text, place_of

EVENTS = 200  # read at once
PAGE = 1000  # files without an event, or samples, read at once


class Decision(NamedTuple):
    """What stands on one question of one sample. `how` is human, imported, simulated or machine."""

    classes: tuple[int, ...]
    state: str  # an Answer's; of what was accepted “accepted”
    how: str
    by: str
    at: datetime
    probability: float | None

    @property
    def is_answer(self) -> bool:
        """Whether classes stand."""
        return bool(self.classes)


class KnownClass(NamedTuple):
    """A class as exporters need it."""

    pk: int
    name: str
    scientific_name: str
    state: State
    parent: int | None
    place: int  # among the classes of its question
    code: str = ""
    local_name: str = ""

    @property
    def taxon(self) -> str:
        """Its scientific name, or what there is instead."""
        return self.scientific_name or self.name


class Part(NamedTuple):
    """A sample, with the decisions on it by question."""

    pk: int
    part: str
    box: Box | None
    start: float | None
    end: float | None
    decisions: dict[int, Decision]

    @property
    def place(self) -> str:
        """Where in its file it lies, as the program writes it everywhere."""
        return place_of(self.part, *(self.box or ()), self.start, self.end)


class Shot(NamedTuple):
    """A file with its samples: the whole, and its boxes."""

    pk: int
    source: int
    path: str
    sha256: str
    bytes: int
    width: int | None
    height: int | None
    taken_at: datetime | None
    clock_time: datetime | None
    deployment: int | None
    sequence: int | None
    people: tuple[Box, ...] | None = None  # where people are that are hidden, () = somewhere; None = nobody is
    parts: tuple[Part, ...] = ()

    @property
    def event(self) -> str:
        """What tells the event it belongs to from all others of the project."""
        return f"event-{self.sequence}" if self.sequence is not None else self.sha256[:16]

    @property
    def whole(self) -> Part | None:
        return next((part for part in self.parts if part.part == Sample.Part.WHOLE), None)

    @property
    def boxes(self) -> list[Part]:
        return [part for part in self.parts if part.box is not None]


class EventPictures(NamedTuple):
    """Frames of one event in the order they were taken; a picture by itself is one too, without a `sequence`."""

    sequence: int | None
    pictures: tuple[Shot, ...]

    @property
    def key(self) -> str:
        """What tells it from all others of the project."""
        return self.pictures[0].event


FILE = [name for name in Shot._fields if name not in {"source", "deployment", "sequence", "people", "parts"}]
COLUMNS = ("pk", "source_id", *FILE[1:], "deployment_id", "sequence_id")
BOX = ("box_left", "box_top", "box_width", "box_height")
SAID = (
    "sample", "state", "classes", "label__annotator", "label__created_at",
)  # fmt: skip


class ProjectContents:
    """A project and the questions that are asked of it, read page by page; what is small is read once and kept."""

    def __init__(self, project: Project, questions: Collection[Question]) -> None:
        self.project, self.questions = project, tuple(questions)
        self._people: dict[int | None, tuple[str, str]] = {None: ("imported", "")}

    # --- what is small ----------------------------------------------------------------------------

    @cached_property
    def sources(self) -> dict[int, Source]:
        return self.project.sources.in_bulk()

    @cached_property
    def deployments(self) -> dict[int, Deployment]:
        """All of them, by name."""
        return {each.pk: each for each in self.project.deployments.order_by("name")}

    @cached_property
    def classes(self) -> dict[int, KnownClass]:
        """The classes of all questions, as they are listed."""
        found = LabelClass.objects.filter(question__in=[each.pk for each in self.questions])
        rows = {each.pk: each for each in found.order_by("question", "position", "pk")}
        for each in rows.values():
            each.parent = rows.get(each.parent_id) if each.parent_id else None
        return {
            each.pk: KnownClass(
                each.pk, each.name, each.scientific_name, state_of(each), each.parent_id, place, each.code,
                each.local_name,
            )
            for place, each in enumerate(rows.values())
        }  # fmt: skip

    def of_question(self, question: Question) -> list[KnownClass]:
        """The classes of one question, as they are listed."""
        pks = set(question.classes.values_list("pk", flat=True))
        return [each for each in self.classes.values() if each.pk in pks]

    @cached_property
    def rules(self) -> dict[int, Acceptance]:
        """The rules by which predictions are accepted, by question."""
        found = {each.pk: Acceptance.standing(each) for each in self.questions}
        return {pk: rule for pk, rule in found.items() if rule is not None and rule.head is not None}

    @cached_property
    def accepted(self) -> dict[int, dict[int, accepting.Accepted]]:
        """What these accept, by question and sample."""
        return {pk: accepting.accepted(rule) for pk, rule in self.rules.items()}

    @cached_property
    def _roots(self) -> dict[int, str]:
        """What stands before paths: with several sources the name of each, for they may hold files of one name."""
        if len(self.sources) < 2:
            return dict.fromkeys(self.sources, "")
        roots: dict[int, str] = {}
        for pk, source in sorted(self.sources.items()):
            name = source.path.rstrip("/").rpartition("/")[2] or "source"
            taken = f"{name}/" in roots.values()
            roots[pk] = f"{name}-{pk}/" if taken else f"{name}/"
        return roots

    def path(self, picture: Shot) -> str:
        """Where a file is: relative to its source, or to the folder of all sources where there are several."""
        return f"{self._roots.get(picture.source, '')}{picture.path}"

    def location(self, picture: Shot) -> Any:
        """Where to read a file: a path of this machine, or a URL."""
        return self.sources[picture.source].location(picture.path)

    def count(self) -> int:
        """How many files there are."""
        return self._files().count()

    # --- what is large ----------------------------------------------------------------------------

    def events(self) -> Iterator[EventPictures]:
        """All events, then all files that belong to none; those without a deployment among the latter."""
        sequences = Sequence.objects.filter(deployment__in=list(self.deployments)).order_by("pk")
        last = 0
        while ids := list(sequences.filter(pk__gt=last).values_list("pk", flat=True)[:EVENTS]):
            rows = self._files().filter(sequence__in=ids).order_by("sequence", "taken_at", "pk")
            frames: dict[int, list[Shot]] = {}
            for picture in self._pictures(rows):
                frames.setdefault(picture.sequence or 0, []).append(picture)
            yield from (EventPictures(pk, tuple(pictures)) for pk, pictures in frames.items())
            last = ids[-1]
        alone, last = self._files().filter(sequence=None).order_by("pk"), 0
        while page := self._pictures(alone.filter(pk__gt=last)[:PAGE]):
            yield from (EventPictures(None, (picture,)) for picture in page)
            last = page[-1].pk

    def samples(self, *, with_text: bool = False) -> "Iterator[tuple[Shot, Part, str, str]]":
        """All samples by themselves, for a file of texts may hold any number: the file, the sample, what it belongs
        together with, and what it says where that is asked for.
        """
        rows, last = Sample.objects.filter(project=self.project).order_by("pk"), 0
        columns = [f"file__{name}" for name in COLUMNS]
        while page := list(
            rows.filter(pk__gt=last).values_list("pk", "part", *BOX, "start", "end", *columns)[:PAGE],
        ):
            parts = self._parts([row[:8] for row in page])
            texts = self._texts(list(parts), with_text) if self.project.kind == Project.Kind.TEXT else {}
            for row in page:
                picture = Shot(*row[8:])
                place = self.deployments.get(picture.deployment or 0)
                group, said = texts.get(row[0], ("", ""))
                yield picture, parts[row[0]], group or (place.name if place else ""), said
            last = page[-1][0]

    def _files(self) -> QuerySet[File]:
        return File.objects.filter(project=self.project)

    def _pictures(self, rows: QuerySet[File]) -> list[Shot]:
        told = rows.values_list(*COLUMNS, "people__is_hidden")
        found = [Shot(*row[:-1])._replace(people=() if row[-1] else None) for row in told]
        hidden = [each.pk for each in found if each.people is not None]
        people = seeing.boxes(self.project, hidden) if hidden else {}
        samples = Sample.objects.filter(file__in=[each.pk for each in found]).order_by("pk")
        listed = list(samples.values_list("pk", "part", *BOX, "start", "end", "file"))
        parts = self._parts([row[:8] for row in listed])
        of_file: dict[int, list[Part]] = {}
        for pk, *_, file_id in listed:
            of_file.setdefault(file_id, []).append(parts[pk])
        return [
            each._replace(
                parts=tuple(of_file.get(each.pk, ())),
                people=None if each.people is None else tuple(people.get(each.pk, ())),
            )
            for each in found
        ]

    def _parts(self, rows: list[Any]) -> dict[int, Part]:
        """The samples of a page, from their columns, with what was decided of them."""
        decided = self._decisions([row[0] for row in rows])
        return {
            pk: Part(pk, part, None if left is None else (left, top, width, height), start, end, decided.get(pk, {}))
            for pk, part, left, top, width, height, start, end in rows
        }

    def _texts(self, ids: list[int], with_text: bool) -> dict[int, tuple[str, str]]:
        columns = ["pk", "deployment__name", *(["content"] if with_text else [])]
        rows = Text.objects.filter(sample__in=ids).values_list(*columns)
        return {pk: (group or "", said[0] if said else "") for pk, group, *said in rows}

    # --- decisions --------------------------------------------------------------------------------

    def _decisions(self, ids: list[int]) -> dict[int, dict[int, Decision]]:
        """What stands of these samples, by sample and question."""
        found: dict[int, dict[int, Decision]] = {}
        for question in self.questions:
            answers = Answer.objects.of(question).filter(sample__in=ids).exclude(state=Answer.State.OPEN)
            for sample_id, *said in answers.values_list(*SAID):
                found.setdefault(sample_id, {})[question.pk] = self._said(*said)
            if question.pk in self.rules:
                for sample_id in ids:
                    accepted = self.accepted[question.pk].get(sample_id)
                    if accepted is not None and question.pk not in found.get(sample_id, {}):
                        found.setdefault(sample_id, {})[question.pk] = self._by_rule(question.pk, accepted)
        return found

    def _said(self, state: str, classes: str, person: int | None, at: datetime) -> Decision:
        if person not in self._people:
            self._people |= _people(self.project)
        how, by = self._people[person]
        named = tuple(map(int, classes.split()))
        if not self.classes.keys() >= set(named):  # somebody added a class meanwhile
            del self.classes
        named = tuple(sorted(named, key=lambda pk: self.classes[pk].place))
        # People who answered, with nobody against them, are sure; how sure an import was nobody said.
        is_sure = how == "human" and state == Answer.State.ANSWERED
        return Decision(named, state, how, by, at, 1.0 if is_sure else None)

    def _by_rule(self, question_id: int, accepted: accepting.Accepted) -> Decision:
        rule = self.rules[question_id]
        classes, probability = accepted
        return Decision(classes, "accepted", "machine", machine(rule), rule.made_at or rule.created_at, probability)


def _people(project: Project) -> dict[int | None, tuple[str, str]]:
    """Everybody who said something in a project: how it counts, and what they are called."""
    said = Label.objects.filter(project=project, annotator__isnull=False).order_by().values_list("annotator").distinct()
    people = said.values_list("annotator", "annotator__is_simulated", "annotator__username")
    return {pk: ("simulated" if is_simulated else "human", name) for pk, is_simulated, name in people}


def machine(rule: Acceptance) -> str:
    """The head whose predictions a rule accepts, as rows name it."""
    head = rule.head
    return f"labeller head {head.version} ({head.run.featuriser})" if head is not None else "labeller"
