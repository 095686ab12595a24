"""Parsing of what the labelling screens post as JSON: explicit fields, a clear sentence for each mistake."""

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.request import RawPostDataException
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating import places
from labeller.annotating.holding import MOST_AT_ONCE, Wanted
from labeller.labels.models import Label
from labeller.labels.recording import Judgement
from labeller.projects.models import Question
from labeller.samples.boxing import Wish
from labeller.samples.models import Box
from labeller.text import clean, storable

MOST_EVENTS = 200
MAX_DWELL_MS = 24 * 3600 * 1000
MODES = {Label.Mode.SINGLE, Label.Mode.GRID, Label.Mode.SEQUENCE, Label.Mode.HUNT, Label.Mode.REVIEW}
MAX_NOTE = 1000
DEFAULT = "default"  # the kind of an event that says what was let stand
FARTHEST = 10  # pictures away from the picture that a corner of a box may lie
DEEPEST = 8  # a body inside itself; none that is meant goes half as deep


class BadRequest(Exception):
    """The body can't be understood; the message names the field."""


@dataclass(frozen=True)
class Event:
    """A judgement, a flag or a box as posted, or what is wrong with it."""

    uuid: str
    judgement: Judgement | None = None
    entry: int | None = None
    is_handed: bool = False  # the entry was named to this person; else it counts only where they hold it
    kind: str = "label"
    sample_id: int | None = None
    note: str = ""
    flag: UUID | None = None  # the one that is raised or lowered
    box: Wish | None = None
    problem: str = ""


def body(request: HttpRequest) -> dict[str, Any]:
    try:
        parsed = json.loads(request.body)
    except (ValueError, RecursionError, RawPostDataException) as error:  # the last: it was sent as a form
        raise BadRequest(_("The body is not JSON.")) from error
    parsed = _storable(parsed)
    if not isinstance(parsed, dict):
        raise BadRequest(_("The body must be a JSON object."))
    me = request.user.get_username()
    if parsed.get("user", me) != me:
        raise PermissionDenied("the page was opened by somebody else, who was logged in here before")
    return parsed


def _storable(value: Any, levels: int = DEEPEST) -> Any:
    """The parsed JSON without characters that no database takes; what lies too deep is left out."""
    if isinstance(value, str):
        return storable(value)
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return None
    if isinstance(value, list):
        return [_storable(each, levels - 1) for each in value]
    return {storable(name): _storable(each, levels - 1) for name, each in value.items()}


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(_("`%(field)s` must be a text.") % {"field": field})
    return value


def whole_number(value: object, field: str, *, low: int = 0, high: int = 2**62) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        limits = {"field": field, "low": low, "high": high}
        raise BadRequest(_("`%(field)s` must be a whole number from %(low)s to %(high)s.") % limits)
    return value


def whole_numbers(value: object, field: str) -> list[int]:
    if not isinstance(value, list) or len(value) > 1000:
        raise BadRequest(_("`%(field)s` must be a list of at most %(n)s numbers.") % {"field": field, "n": 1000})
    return [whole_number(each, field) for each in value]


def tab(parsed: dict[str, Any]) -> str:
    """The name that a browser tab gave itself."""
    return clean(_text(parsed.get("tab") or "", "tab"))[:36]


def wanted(parsed: dict[str, Any]) -> Wanted:
    """What a page asks to be handed out."""
    sample = parsed.get("sample")
    return Wanted(
        count=whole_number(parsed.get("count", 10), "count", high=MOST_AT_ONCE),
        keep=whole_numbers(parsed.get("keep", []), "keep"),
        tab=tab(parsed),
        only_audit=parsed.get("only") == "audit",
        sample=None if sample is None else whole_number(sample, "sample"),
    )


def events(parsed: dict[str, Any], user: User, question: Question, *, defaults: bool = False) -> list[Event]:
    """The judgements and flags in a body, and with `defaults` what was let stand; a broken one doesn't stop the others.

    What names no question is about this one.
    """
    given = parsed.get("events")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_EVENTS:
        raise BadRequest(_("`events` must be a list of 1 to %(n)s judgements.") % {"n": MOST_EVENTS})
    questions = {question.key: question}
    if any(isinstance(each, dict) and each.get("question", question.key) != question.key for each in given):
        questions = {each.key: each for each in question.project.questions.select_related("project")} | questions
    return [_event(each, user, question, questions, defaults) for each in given]


def _event(
    given: object, user: User, question: Question, questions: dict[str, Question], defaults: bool = False
) -> Event:
    if not isinstance(given, dict):
        return Event("", problem=_("A judgement must be a JSON object."))
    uuid = given.get("uuid")
    shown = uuid[:64] if isinstance(uuid, str) else ""  # it is answered in its place among the others in any case
    try:
        kind = given.get("kind", "label")
        if kind == "label":
            return _label(given, shown, user, _question(given, question, questions))
        if kind == DEFAULT and defaults:
            return replace(_label(given, shown, user, _question(given, question, questions)), kind=DEFAULT)
        if kind == "flag":
            return _flag(given, shown)
        if kind == "unflag":
            flag = _uuid(given.get("flag"), "flag")
            return Event(shown, kind=kind, sample_id=whole_number(given.get("sample"), "sample"), flag=flag)
        if kind == "box":
            return _box(given, shown, user, question)
        raise BadRequest(_("`kind` must be label, flag, unflag or box."))
    except BadRequest as error:
        return Event(shown, problem=str(error))


def _question(given: dict[str, Any], question: Question, questions: dict[str, Question]) -> Question:
    found = questions.get(_text(given.get("question", question.key), "question"))
    if found is None:
        raise BadRequest(_("`question` must be the key of one of this project’s questions."))
    return found


def _label(given: dict[str, Any], shown: str, user: User, question: Question) -> Event:
    judgement = Judgement(
        uuid=_uuid(given.get("uuid"), "uuid"),
        question=question,
        sample_id=whole_number(given.get("sample"), "sample"),
        annotator=user,
        verdict=_text(given.get("verdict", ""), "verdict")[:20],
        class_ids=tuple(whole_numbers(given.get("classes", []), "classes")),
        supersedes=_uuid(given["supersedes"], "supersedes") if given.get("supersedes") else None,
        mode=next((mode for mode in MODES if mode == given.get("mode")), Label.Mode.SINGLE),
        dwell_ms=_dwell(given.get("dwell_ms")),
        suggestion_shown=given.get("suggestion_shown") is True,
    )
    entry, is_handed = _entry(given.get("entry"), user)
    return Event(shown, judgement, entry, is_handed, sample_id=judgement.sample_id)


def _entry(given: object, user: User) -> tuple[int | None, bool]:
    """The place in a ranking that chose the sample, and whether it was named to this person.

    A name that is not theirs says nothing and refuses no label. Programs and pages of earlier versions tell a number.
    """
    if isinstance(given, str) and places.SEPARATOR in given:
        entry = places.read(given, user)
        return entry, entry is not None
    return (None if given is None else whole_number(given, "entry")), False


def _flag(given: dict[str, Any], shown: str) -> Event:
    note = clean(_text(given.get("note", ""), "note"), lines=True)
    if len(note) > MAX_NOTE:
        raise BadRequest(_("`note` must be a text of at most %(n)s characters.") % {"n": MAX_NOTE})
    flag = _uuid(given.get("uuid"), "uuid")
    sample_id = whole_number(given.get("sample"), "sample")
    return Event(shown, kind="flag", sample_id=sample_id, note=note, flag=flag)


def _box(given: dict[str, Any], shown: str, user: User, question: Question) -> Event:
    wish = Wish(
        uuid=_uuid(given.get("uuid"), "uuid"),
        project=question.project,
        author=user,
        beside=whole_number(given.get("sample"), "sample"),
        box=None if given.get("box") is None else _place(given["box"]),
        of=None if given.get("part") is None else whole_number(given["part"], "part"),
        supersedes=_uuid(given["supersedes"], "supersedes") if given.get("supersedes") else None,
    )
    return Event(shown, kind="box", sample_id=wish.beside, box=wish)


def _place(given: object) -> Box:
    """Four numbers; what lies outside of the picture is cut off later."""
    numbers = given if isinstance(given, list) else []
    are_numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers)
    if len(numbers) != 4 or not are_numbers or not all(-FARTHEST <= each <= FARTHEST for each in numbers):
        raise BadRequest(_("`box` must be four numbers: left, top, width and height as shares of the picture."))
    left, top, width, height = map(float, numbers)
    return left, top, width, height


def _uuid(value: object, field: str) -> UUID:
    try:
        return UUID(_text(value, field))
    except ValueError as error:
        raise BadRequest(_("`%(field)s` must be a UUID.") % {"field": field}) from error


def _dwell(value: object) -> int | None:
    """Time in view, kept within a day: a laptop that slept must not cost somebody their label."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(min(max(value, 0), MAX_DWELL_MS))
