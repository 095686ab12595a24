"""Pictures as formats of machine learning take them: one by one, with what was observed, and without people."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters.base import ExportOption, ExportWanted, Tell
from labeller.exchange.exporters.contents import Decision, KnownClass, Shot
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.observing import Observation, Observing
from labeller.exchange.exporters.places import stamp
from labeller.exchange.exporters.splits import Splits
from labeller.projects.states import State
from labeller.samples.models import Box

PEOPLE = ExportOption("people", _("Pictures of people too"), False)  # of formats that name pictures, and hold none
OF_PEOPLE = ExportOption(
    "people",
    _("Pictures of people"),
    "no",
    (("no", _("are left out")), ("blur", _("are blurred")), ("yes", _("are taken as they are"))),
    _("Blurred is where a box says that a person is, without a box the whole picture; it cannot be undone."),
)
_DONE = {False: "Left out", "no": "Left out", "blur": "Blurred"}
WHO = ("decided_how", "decided_by", "decided_at", "probability")


class SeenShot(NamedTuple):
    """A picture, what was observed in it, and where in its event it comes."""

    shot: Shot
    observed: list[Observation]
    frame: int
    frames: int
    split: str


def chosen(wanted: ExportWanted, folder: Folder, tell: Tell, splits: Splits | None = None) -> Iterator[SeenShot]:
    """The pictures that go out: not those that reviewers left out, nor, unless asked for, those that show people.

    These are the ones in which people were observed, and all that are hidden: by a detector, or by hand.
    """
    observing, wish = Observing(wanted.contents, wanted.question), wanted.options["people"]
    done = people = 0
    for event in wanted.contents.events():
        for frame, shot in enumerate(event.pictures):
            observed = observing.of_picture(shot)
            if shot.people is None and any(each.state is State.HUMAN for each in observed):
                shot = shot._replace(people=())
            people += shot.people is not None
            if observed and (shot.people is None or wish not in (False, "no")):
                split = splits.of(shot) if splits is not None else ""
                yield SeenShot(shot, observed, frame, len(event.pictures), split)
        done += len(event.pictures)
        tell(done)
    if people and wish in _DONE:
        folder.remark(f"{_DONE[wish]}, for they show people: {people} pictures.")
    if splits is not None:
        splits.remark(folder)


def who(decision: Decision | None) -> dict[str, Any]:
    """Who or what decided, when, and how surely, by the names of WHO."""
    if decision is None:
        return dict.fromkeys(WHO)
    return dict(zip(WHO, (decision.how, decision.by, stamp(decision.at), decision.probability), strict=True))


def pixels(box: Box, shot: Shot) -> list[float]:
    """A box as left, top, width and height in pixels of the upright picture."""
    left, top, width, height = box
    across, down = shot.width or 1, shot.height or 1
    return [round(left * across, 2), round(top * down, 2), round(width * across, 2), round(height * down, 2)]


class Categories:
    """Numbers for the classes of a question, in their order; blank classes share a number where there is one for it."""

    def __init__(self, wanted: ExportWanted, first: int, *, blank: int | None = None) -> None:
        shown = [each for each in wanted.contents.of_question(wanted.question) if each.state is not State.BLANK]
        self.contents, self.blank = wanted.contents, blank
        self.classes: list[KnownClass] = shown
        self._numbers = {each.pk: number for number, each in enumerate(shown, first)}
        self._next = first + len(shown)

    def number(self, seen: KnownClass) -> int | None:
        """The number of a class; None where it says that there is nothing, and there is no number for that."""
        if seen.state is State.BLANK:
            return self.blank
        if seen.pk not in self._numbers:  # somebody added it meanwhile
            self.classes.append(seen)
            self._numbers[seen.pk], self._next = self._next, self._next + 1
        return self._numbers[seen.pk]

    def listed(self) -> Iterator[tuple[int, KnownClass]]:
        return ((self._numbers[each.pk], each) for each in self.classes)

    def parent(self, seen: KnownClass) -> str:
        """The name of the class above; empty where there is none."""
        above = self.contents.classes.get(seen.parent or 0)
        return above.name if above is not None else ""
