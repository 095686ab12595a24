"""What an importer is, and what it makes of a file: neutral records, one a picture, the same from all formats.

A record is yielded as it is read: none of them, and no file, is ever in memory as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from labeller.samples.models import Box

if TYPE_CHECKING:
    from labeller.exchange.importers.inputs import Input

Options = Mapping[str, str]


class Taxon(NamedTuple):
    """A class as a file names it; of several spellings the site finds its own class."""

    name: str
    scientific_name: str = ""
    above: tuple[str, ...] = ()  # the names of what it lies below, the topmost first
    state: str = ""  # one of projects.states.State, where the file says so; "" = what the name says


class Remark(NamedTuple):
    """What a file says of a picture or of a box in it: a label, or, with a model's name, a prediction."""

    line: int
    classes: tuple[Taxon, ...] = ()  # of a prediction the likeliest first; none = looked at, and nothing found
    scores: tuple[float, ...] = ()  # a prediction's, one a class
    box: Box | None = None
    model: str = ""
    category: str = ""  # what a detector calls what it found
    confidence: float | None = None
    failure: str = ""  # why there is no prediction
    also: tuple[tuple[str, str], ...] = ()  # keys of other questions, and what is answered to them
    by: str = ""  # who gave a label
    at: datetime | None = None  # when; an instant


class Pictured(NamedTuple):
    """All that is said of one picture. A box is in fractions of its width and height."""

    line: int
    path: str
    remarks: tuple[Remark, ...] = ()
    otherwise: str = ""  # another path by which it may be known
    deployment: str = ""
    taken_at: datetime | None = None  # by the clocks of the place, as UTC
    pixels: bool = False  # boxes are in pixels: the site knows how large the picture is


class Stand(NamedTuple):
    """Where and when a camera stood."""

    line: int
    name: str
    location_name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    camera: str = ""
    start: datetime | None = None
    end: datetime | None = None
    time_zone: str = ""


class NotTaken(NamedTuple):
    """A row that is not taken, and why: one of `reasons.REFUSED`; with one of `reasons.REPAIRED` it was put right."""

    line: int
    path: str
    reason: str
    text: str = ""


Record = Pictured | Stand | NotTaken


class Unreadable(Exception):
    """The file as a whole can't be read: a code of `reasons.WRONG`, and what it is about."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(f"{reason}: {text}" if text else reason)
        self.reason, self.text = reason, text


@dataclass(frozen=True)
class Option:
    """Something about a file that is guessed, shown, and may be corrected."""

    name: str
    title: str  # a message for gettext
    guess: str = ""
    choices: Sequence[str] = ()  # none = any text
    help: str = ""


@dataclass
class Importer:
    """A format that can be read. Subclasses are listed in `importers.IMPORTERS`."""

    name: str = ""
    title: str = ""
    makes_classes: bool = field(default=True)  # whether predictions make classes that there are none of yet

    def refusal(self, given: "Input") -> str:
        """Why the file is none of this format, in a few words of English; empty where it is. Reads its beginning."""
        raise NotImplementedError

    def options(self, given: "Input") -> list[Option]:
        """What may be corrected of how it is read."""
        return []

    def read(self, given: "Input", options: Options) -> Iterator[Record]:
        """The records, in the order in which each reading has them. Raises Unreadable."""
        raise NotImplementedError
