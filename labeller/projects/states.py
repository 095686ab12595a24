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


DEEPEST = 100  # levels of classes that are gone up: two people at once might make a circle of them


def _plain(name: str) -> str:
    """A name without case, accents and what stands between its words."""
    letters = "".join(each for each in unicodedata.normalize("NFD", fold(name)) if not unicodedata.combining(each))
    return " ".join(letters.translate(str.maketrans("-_/", "   ")).split())


_BY_NAME = {_plain(name): state for state, names in _NAMES.items() for name in names}


def state_of_name(name: str) -> State:
    """What a class of that name says, however it is spelt; an animal where it is none of the names known here."""
    return _BY_NAME.get(_plain(name), State.ANIMAL)


def humans(class_ids: Collection[int]) -> set[int]:
    """Of these classes those that say that a person is in the picture: of texts none does.

    Each label that is saved asks this: a statement for each level that has to be gone up, and no rows made.
    """
    found: set[int] = set()
    looked = {class_id: {class_id} for class_id in class_ids}  # by what is looked at, those that lie below it
    for _level in range(DEEPEST):
        if not looked:
            break
        rows = LabelClass.objects.filter(pk__in=list(looked), question__project__kind=Project.Kind.IMAGE)
        above: dict[int, set[int]] = {}
        for pk, parent, is_blank, *names in rows.values_list("pk", "parent", "is_blank", "scientific_name", "name"):
            state = _own_state(is_blank, *names)
            if state is State.HUMAN:
                found |= looked[pk]
            elif state is State.ANIMAL and parent is not None:
                above.setdefault(parent, set()).update(looked[pk])
        looked = above
    return found


def state_of(label_class: LabelClass) -> State:
    """What a class says: by its mark of being blank, its names, or those of a class it lies below."""
    state = _own_state(label_class.is_blank, label_class.scientific_name, label_class.name)
    if state is State.ANIMAL and label_class.parent is not None:
        return state_of(label_class.parent)
    return state


def _own_state(is_blank: bool, *names: str) -> State:
    """What a class says by itself."""
    if is_blank:
        return State.BLANK
    states = (state_of_name(name) for name in names if name)
    return next((state for state in states if state is not State.ANIMAL), State.ANIMAL)
