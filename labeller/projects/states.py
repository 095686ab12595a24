"""What a class says of a picture: an animal, or one of the states that are no animal's and must never be mixed up."""

import enum
import unicodedata
from collections.abc import Collection

from labeller.projects.making import BLANK_NAMES
from labeller.projects.models import LabelClass, Project
from labeller.text import fold


class State(enum.StrEnum):
    """As Camtrap DP names them, and set-up beside them, which it keeps in a column of its own."""

    ANIMAL = "animal"
    BLANK = "blank"  # somebody looked, and there is nothing
    UNKNOWN = "unknown"  # somebody looked, and cannot tell
    SETUP = "setup"  # the camera is being put up, moved or has been knocked down
    HUMAN = "human"
    VEHICLE = "vehicle"
    UNCLASSIFIED = "unclassified"  # nobody looked


_NAMES = {
    State.BLANK: {*BLANK_NAMES, "nothing", "false trigger", "no animal", "niets", "rien", "nichts", "nada"},
    State.UNKNOWN: {
        "unknown", "unidentified", "unidentifiable", "indeterminate", "cannot tell", "unknown animal",
        "unknown species", "onbekend", "inconnu", "unbekannt", "desconocido",
    },
    State.SETUP: {
        "setup", "set up", "camera setup", "setup pickup", "calibration", "test", "knocked down", "camera down",
        "opstelling", "installation", "aufbau", "instalacion",
    },
    State.HUMAN: {
        "human", "humans", "person", "people", "homo sapiens", "mens", "mensen", "humain", "personne", "mensch",
        "menschen", "humano", "persona",
    },
    State.VEHICLE: {"vehicle", "vehicles", "car", "voertuig", "vehicule", "fahrzeug", "vehiculo"},
    State.UNCLASSIFIED: {"unclassified", "not reviewed", "unreviewed", "no cv result", "todo"},
}  # fmt: skip


def _plain(name: str) -> str:
    """A name without case, accents and what stands between its words."""
    letters = "".join(each for each in unicodedata.normalize("NFD", fold(name)) if not unicodedata.combining(each))
    return " ".join(letters.translate(str.maketrans("-_/", "   ")).split())


_BY_NAME = {_plain(name): state for state, names in _NAMES.items() for name in names}


def state_of_name(name: str) -> State:
    """What a class of that name says, however it is spelt; an animal where it is none of the names known here."""
    return _BY_NAME.get(_plain(name), State.ANIMAL)


def humans(class_ids: Collection[int]) -> set[int]:
    """Of these classes those that say that a person is in the picture: of texts none does."""
    found = LabelClass.objects.filter(pk__in=list(class_ids), question__project__kind=Project.Kind.IMAGE)
    return {each.pk for each in found.select_related("parent__parent__parent") if state_of(each) is State.HUMAN}


def state_of(label_class: LabelClass) -> State:
    """What a class says: by its mark of being blank, its names, or those of a class it lies below."""
    if label_class.is_blank:
        return State.BLANK
    names = (label_class.scientific_name, label_class.name)
    found = next((state for name in names if name and (state := state_of_name(name)) is not State.ANIMAL), None)
    if found is not None:
        return found
    return state_of(label_class.parent) if label_class.parent is not None else State.ANIMAL
