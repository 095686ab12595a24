"""What an exporter is: a name, the options it takes, and a function that streams a project into a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import available_timezones

from labeller.exchange.exporters.contents import ProjectContents
from labeller.exchange.exporters.folder import Folder
from labeller.messages import Explained
from labeller.projects.models import Project, Question

Tell = Callable[[int], None]  # how many files are done
Choices = tuple[tuple[str, Any], ...]  # values, each with what people read


class Impossible(Explained):
    """The project can't be written in that format, or not with these options: for a reason that people can mend."""


@dataclass(frozen=True)
class ExportOption:
    """What may be chosen of a format. What kind of value it takes is its default's; `choices` are all that it takes."""

    name: str
    title: Any
    default: bool | str | int
    choices: Choices = ()
    help: Any = ""


@dataclass(frozen=True)
class Exporter:
    """One format. `lost` says what it has no place for; `write` fills the folder, and raises Impossible."""

    name: str
    title: Any
    about: Any
    lost: str
    write: Callable[["ExportWanted", Folder, Tell], None]
    options: tuple[ExportOption, ...] = ()
    kinds: tuple[str, ...] = (Project.Kind.IMAGE,)
    several: bool = False  # whether it takes more questions than the first and those about what it is of

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A value for each option, the default where none is given. Raises ValueError for what it doesn't take."""
        if unknown := sorted(given.keys() - {each.name for each in self.options}):
            raise ValueError(f"{self.name} has no option {unknown[0]!r}")
        return {each.name: _value(each, given.get(each.name, each.default)) for each in self.options}


_ANSWERS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _value(option: ExportOption, given: Any) -> bool | str | int:
    """What was given as the option takes it: commands and rows of the database give texts."""
    if option.choices:
        if isinstance(given, bool):  # of an export that was asked for when there were but two choices
            given = "yes" if given else "no"
        if given not in [value for value, _ in option.choices]:
            known = ", ".join(value or "(nothing)" for value, _ in option.choices)
            raise ValueError(f"{option.name} is one of {known}, not {given!r}")
        return str(given)
    if option.name == "time_zone" and given and given not in available_timezones():
        raise ValueError(f"there is no time zone {given!r}: they are called as Europe/Amsterdam is")
    if isinstance(option.default, bool):
        if str(given).lower() not in _ANSWERS:
            raise ValueError(f"{option.name} is yes or no, not {given!r}")
        return _ANSWERS[str(given).lower()]
    if isinstance(option.default, int):
        if not str(given).isdecimal():
            raise ValueError(f"{option.name} is a number, not {given!r}")
        return int(given)
    return str(given)


@dataclass(frozen=True)
class ExportWanted:
    """What is to be exported: by whom it was asked is for formats that name somebody to turn to."""

    project: Project
    questions: tuple[Question, ...]
    options: Mapping[str, Any]
    made_at: datetime
    asked_by: str = ""

    @property
    def question(self) -> Question:
        """What the format is about, where it is about one: the species."""
        return self.questions[0]

    @cached_property
    def contents(self) -> ProjectContents:
        """The project, as it is read page by page."""
        return ProjectContents(self.project, self.questions)
