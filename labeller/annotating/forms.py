"""Parsing of what the labelling page posts as JSON: explicit fields, a clear sentence for each mistake."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from labeller.accounts.models import User
from labeller.labels.models import Label
from labeller.labels.services import Judgement
from labeller.projects.models import Question

MOST_EVENTS = 200
MAX_DWELL_MS = 24 * 3600 * 1000
MODES = {Label.Mode.SINGLE}


class BadRequest(Exception):
    """The body can't be understood; the message names the field."""


@dataclass(frozen=True)
class Event:
    """A judgement as posted, or what is wrong with it."""

    uuid: str
    judgement: Judgement | None
    entry: int | None = None
    problem: str = ""


def body(request: HttpRequest) -> dict[str, Any]:
    try:
        parsed = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise BadRequest("The body must be a JSON object.")
    return parsed


def whole_number(value: object, field: str, *, low: int = 0, high: int = 2**62) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"`{field}` must be a whole number from {low} to {high}.")
    return value


def whole_numbers(value: object, field: str) -> list[int]:
    if not isinstance(value, list) or len(value) > 1000:
        raise BadRequest(f"`{field}` must be a list of at most 1,000 numbers.")
    return [whole_number(each, field) for each in value]


def events(parsed: dict[str, Any], user: User, question: Question) -> list[Event]:
    """The judgements in a body; a broken one doesn't stop the others."""
    given = parsed.get("events")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_EVENTS:
        raise BadRequest(f"`events` must be a list of 1 to {MOST_EVENTS} judgements.")
    return [_event(each, user, question) for each in given]


def _event(given: object, user: User, question: Question) -> Event:
    if not isinstance(given, dict):
        return Event("", None, problem="A judgement must be a JSON object.")
    shown = str(given.get("uuid", ""))[:64]
    try:
        entry = given.get("entry")
        judgement = Judgement(
            uuid=_uuid(given.get("uuid"), "uuid"),
            question=question,
            sample_id=whole_number(given.get("sample"), "sample"),
            annotator=user,
            verdict=str(given.get("verdict", ""))[:20],
            class_ids=tuple(whole_numbers(given.get("classes", []), "classes")),
            supersedes=_uuid(given["supersedes"], "supersedes") if given.get("supersedes") else None,
            mode=next((mode for mode in MODES if mode == given.get("mode")), Label.Mode.SINGLE),
            dwell_ms=_dwell(given.get("dwell_ms")),
            suggestion_shown=given.get("suggestion_shown") is True,
        )
        return Event(shown, judgement, None if entry is None else whole_number(entry, "entry"))
    except BadRequest as error:
        return Event(shown, None, problem=str(error))


def _uuid(value: object, field: str) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError as error:
        raise BadRequest(f"`{field}` must be a UUID.") from error


def _dwell(value: object) -> int | None:
    """Time in view, kept within a day: a laptop that slept must not cost somebody their label."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(min(max(value, 0), MAX_DWELL_MS))
