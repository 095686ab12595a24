"""The key map: every command of the labelling screens, its keys, and what people may make of them.

The only list there is: the help, the page where keys are changed, the validation and the scripts all read it. A key is
written as what is pressed: `;`, `Space`, `Alt+B`, `Shift+ArrowLeft`.

Keyboards differ, answers must not. The scripts (static/js/core/keymap.js) take digits by their place, whatever a layout
writes there, with or without Shift where the layout needs it; letters by what is written on the key, one of another
script also for the Latin letter of its place; all other signs by what is written. A sign that a person chose comes
first.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise

MODES: dict[str, Text] = {
    "single": gettext_lazy("one image"),
    "together": gettext_lazy("all questions"),
    "sequence": gettext_lazy("sequence"),
    "grid": gettext_lazy("grid"),
    "hunt": gettext_lazy("hunt"),
    "review": gettext_lazy("review"),
}
ALL = tuple(MODES)
FRAMES = ("single", "sequence", "review")
IMAGES = (*FRAMES, "together")
TILES = ("grid", "hunt")
PICTURES, READING = ("image",), ("text",)  # the kinds of projects that a command may be of alone
ONE_BY_ONE = ("single", "sequence", "together")


@dataclass(frozen=True)
class Command:
    """What a key does. `keys` are the usual ones, which a person may replace by one of their own; `always` stay."""

    name: str
    text: Text
    modes: tuple[str, ...]
    keys: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    on_tiles: Text = ""  # the text where tiles are labelled, if it differs
    on_hunts: Text = ""  # and the one of hunts
    shown: tuple[tuple[Text, ...], ...] = ()  # instead of keys, for whole ranges of them
    repeats: bool = False  # whether holding the key down goes on
    decides: bool = False  # whether it judges: then its sign, written with Shift on a digit, gives way to the digit
    is_fixed: bool = False
    kinds: tuple[str, ...] = ("image", "text")  # of projects
    on_texts: Text = ""  # the text where texts are labelled

    def text_in(self, mode: str, kind: str = "image") -> Text:
        if self.on_texts and kind == "text":
            return self.on_texts
        if self.on_hunts and mode == "hunt":
            return self.on_hunts
        return self.on_tiles if self.on_tiles and mode in TILES else self.text


def _arrows(
    stem: str,
    prefix: str,
    texts: dict[str, Text],
    modes: tuple[str, ...] = TILES,
    kinds: tuple[str, ...] = ("image", "text"),
) -> list[Command]:
    keys = {side: (f"{prefix}Arrow{side.title()}",) for side in texts}
    return [
        Command(f"{stem}_{side}", text, modes, always=keys[side], repeats=True, is_fixed=True, kinds=kinds)
        for side, text in texts.items()
    ]


def _of_boxes(*rows: tuple[Text, tuple[tuple[Text, ...], ...]]) -> list[Command]:
    """What keys mean while boxes are drawn, for the help: static/js/parts/boxing.js takes them before all others."""
    return [
        Command(f"boxes_{number}", text, ("single",), shown=shown, is_fixed=True, kinds=PICTURES)
        for number, (text, shown) in enumerate(rows)
    ]


GLYPHS: dict[str, Text] = {
    "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Backspace": "⌫",
    "Space": gettext_lazy("Space"), "Escape": gettext_lazy("Esc"), "Delete": gettext_lazy("Del"),
}  # fmt: skip

COMMANDS: tuple[Command, ...] = (
    # deciding
    Command(
        "digit", gettext_lazy("take that suggestion, or the class in that place where nothing is suggested"), ALL,
        shown=(("1–9",), ("0",)), is_fixed=True, on_tiles=gettext_lazy("set the class of the tiles"),
        on_hunts=gettext_lazy("say what the marked tiles are, or what to hunt for"),
    ),
    Command(
        "letter", gettext_lazy("pick the class with that key; any other letter starts typing a name"), ALL,
        shown=(("a–z",),), is_fixed=True,
    ),
    Command("accept", gettext_lazy("accept the top suggestion"), IMAGES, ("Space",)),
    Command(
        "toggle", gettext_lazy("select the tile, or not"), TILES, ("Space",),
        on_hunts=gettext_lazy("mark the tile, or not"),
    ),
    Command(
        "confirm", gettext_lazy("confirm the chosen classes, where there may be several"),
        (*ONE_BY_ONE, *TILES), ("Enter",), on_tiles=gettext_lazy("confirm the tiles that are not selected"),
        on_hunts=gettext_lazy("confirm the tiles that are it, and go on"),
    ),
    Command("marks", gettext_lazy("whether marked tiles are it, or are not"), ("hunt",), ("Alt+N",)),
    Command("more_like", gettext_lazy("hunt for more like this tile"), ("hunt",), ("Alt+L",)),
    Command("keep", gettext_lazy("keep the label as it is"), ("review",), ("Enter",)),
    Command(
        "ignore", gettext_lazy("leave this image out"), ("review",), ("Delete", "Alt+X"),
        on_texts=gettext_lazy("leave this text out"),
    ),
    Command("ask_all", gettext_lazy("ask also what would be let stand"), ("together",), ("Alt+Q",)),
    Command("palette", gettext_lazy("type a class name"), ALL, ("/",)),
    Command("repeat", gettext_lazy("same answer as last"), ("single", "sequence"), ("'",), decides=True),
    Command(
        "blank", gettext_lazy("blank: nothing to see"), ALL, ("-",), decides=True,
        on_tiles=gettext_lazy("mark the selected tiles blank"),
    ),
    Command("unsure", gettext_lazy("unsure"), ALL, (";",), decides=True),
    Command("skip", gettext_lazy("skip"), ALL, (".",), decides=True),
    Command("flag", gettext_lazy("flag, with a note"), ALL, (",",), decides=True),
    Command(
        "undo", gettext_lazy("take the last decision back"), ALL, ("Backspace",), ("Ctrl+Z",),
        on_tiles=gettext_lazy("take the last batch back"),
    ),
    Command("redo", gettext_lazy("decide again what was taken back"), ALL, (), ("Ctrl+Shift+Z", "Ctrl+Y")),
    # moving and selecting
    Command(
        "previous", gettext_lazy("previous image"), IMAGES, ("ArrowLeft",), on_texts=gettext_lazy("previous text")
    ),
    Command("next", gettext_lazy("next image"), IMAGES, ("ArrowRight",), on_texts=gettext_lazy("next text")),
    Command(
        "resume", gettext_lazy("back to the first image without a decision"), ONE_BY_ONE, ("End",),
        on_texts=gettext_lazy("back to the first text without a decision"),
    ),
    Command("frame_previous", gettext_lazy("previous frame of the burst"), FRAMES, ("ArrowUp",), kinds=PICTURES),
    Command("frame_next", gettext_lazy("next frame of the burst"), FRAMES, ("ArrowDown",), kinds=PICTURES),
    Command("scroll_up", gettext_lazy("scroll up"), IMAGES, ("ArrowUp",), repeats=True, kinds=READING),
    Command("scroll_down", gettext_lazy("scroll down"), IMAGES, ("ArrowDown",), repeats=True, kinds=READING),
    Command("page_up", gettext_lazy("scroll up by a screen"), IMAGES, ("PageUp",), repeats=True, kinds=READING),
    Command("page_down", gettext_lazy("scroll down by a screen"), IMAGES, ("PageDown",), repeats=True, kinds=READING),
    *_arrows("focus", "", {
        "left": gettext_lazy("tile to the left"), "right": gettext_lazy("tile to the right"),
        "up": gettext_lazy("tile above"), "down": gettext_lazy("tile below"),
    }),
    *_arrows("extend", "Shift+", {
        "left": gettext_lazy("select on to the left"), "right": gettext_lazy("select on to the right"),
        "up": gettext_lazy("select on upwards"), "down": gettext_lazy("select on downwards"),
    }),
    Command("select_all", gettext_lazy("select all tiles"), TILES, always=("Ctrl+A",), is_fixed=True),
    Command("clear", gettext_lazy("select none"), TILES, always=("Escape",), is_fixed=True),
    # looking
    Command("zoom_in", gettext_lazy("zoom in"), IMAGES, ("=",), kinds=PICTURES),
    Command("fit", gettext_lazy("fit the image to the window"), IMAGES, ("\\",), kinds=PICTURES),
    Command("text_bigger", gettext_lazy("bigger type"), IMAGES, ("=",), kinds=READING),
    Command("text_smaller", gettext_lazy("smaller type"), IMAGES, ("\\",), kinds=READING),
    Command("spacing", gettext_lazy("more room between lines, then less again"), ALL, ("Alt+S",), kinds=READING),
    Command("typeface", gettext_lazy("another typeface"), ALL, ("Alt+T",), kinds=READING),
    Command("whole_text", gettext_lazy("read the whole text of the tile"), TILES, ("Alt+O",), kinds=READING),
    Command(
        "speaking", gettext_lazy("mark the words that speak for the suggestion, or not"), ("single",), ("Alt+W",),
        kinds=READING,
    ),
    *_arrows("pan", "Shift+", {
        "left": gettext_lazy("zoomed in: look further left"), "right": gettext_lazy("zoomed in: look further right"),
        "up": gettext_lazy("zoomed in: look further up"), "down": gettext_lazy("zoomed in: look further down"),
    }, IMAGES, PICTURES),
    Command("tile_bigger", gettext_lazy("bigger tiles"), TILES, ("=",)),
    Command("tile_smaller", gettext_lazy("smaller tiles"), TILES, ("\\",)),
    Command("whole_frame", gettext_lazy("whole frame, or only the box"), IMAGES, ("Alt+W",), kinds=PICTURES),
    Command("boxes", gettext_lazy("draw, move and delete boxes, and back"), ("single",), ("Alt+K",), kinds=PICTURES),
    *_of_boxes(
        (gettext_lazy("boxes: the next one"), (("Tab",),)),
        (gettext_lazy("boxes: a new one"), ((GLYPHS["Space"],),)),
        (gettext_lazy("boxes: move it"), (("←→↑↓",),)),
        (gettext_lazy("boxes: resize it"), (("Shift", "←→↑↓"),)),
        (gettext_lazy("boxes: keep what was changed"), (("Enter",),)),
        (gettext_lazy("boxes: delete it"), ((GLYPHS["Delete"],),)),
        (gettext_lazy("boxes: back to labelling"), ((GLYPHS["Escape"],),)),
    ),
    Command("full_screen", gettext_lazy("full screen"), ALL, ("Alt+Enter",)),
    Command("play", gettext_lazy("play the burst"), FRAMES, ("Alt+P",), kinds=PICTURES),
    Command(
        "this_frame", gettext_lazy("answer for the frame in view only, as with Shift"), ("sequence",), ("Alt+O",),
        kinds=PICTURES,
    ),
    Command("difference", gettext_lazy("difference to the burst’s median"), FRAMES, ("Alt+M",), kinds=PICTURES),
    Command("brighter", gettext_lazy("brightness"), ALL, ("Alt+B",), kinds=PICTURES),
    Command("contrast", gettext_lazy("contrast"), ALL, ("Alt+C",), kinds=PICTURES),
    Command("invert", gettext_lazy("invert"), ALL, ("Alt+I",), kinds=PICTURES),
    Command("reset", gettext_lazy("as the image was"), ALL, ("Alt+R",), kinds=PICTURES),
    Command("hide_suggestions", gettext_lazy("hide the suggestions, or show them"), ONE_BY_ONE, ("Alt+H",)),
    Command("help", gettext_lazy("all keys"), ALL, ("?",), ("F1",)),
)  # fmt: skip
BY_NAME = {command.name: command for command in COMMANDS}
REMAPPABLE = tuple(command for command in COMMANDS if not command.is_fixed)

# --- keys as people write them --------------------------------------------------------------------

_NAMES = {
    name.lower(): name
    for name in (
        "Space", "Enter", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown",
        "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Escape", "Tab",
        *(f"F{number}" for number in range(1, 13)),
    )
} | {
    "left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown", "esc": "Escape", "del": "Delete",
    "return": "Enter", "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown", "⌫": "Backspace",
}  # fmt: skip
_MODIFIERS = {
    "ctrl": "Ctrl", "control": "Ctrl", "cmd": "Ctrl", "meta": "Ctrl", "⌘": "Ctrl",
    "alt": "Alt", "option": "Alt", "⌥": "Alt", "shift": "Shift", "⇧": "Shift",
}  # fmt: skip
_ORDER = ("Ctrl", "Alt", "Shift")
LONGEST = 30
# Browsers and systems take these before, or instead of, the page.
_BROWSERS = {"Tab", "Escape", "F3", "F5", "F6", "F7", "F10", "F11", "F12", "Shift+Insert", "Shift+Delete"}
_ALT_LETTERS = set("ABCGHIJKLMNOPQRSTUVWXYZ")  # D is the address bar, E and F are menus


def tidy(written: str) -> str:
    """The key as it is stored, from how somebody wrote it: ` alt + b ` is `Alt+B`. What is no key comes back as is."""
    written = unicodedata.normalize("NFC", written.strip())
    if len(written) == 1:
        return _NAMES.get(written, written.lower())
    *modifiers, last = [part.strip() for part in re.split(r"\+(?=.)", written)]
    found = {_MODIFIERS.get(each.lower(), "") for each in modifiers}
    key = _NAMES.get(last.lower(), last.upper() if len(last) == 1 else "")
    if "" in found or not key:
        return written
    return "+".join([*(each for each in _ORDER if each in found), key])


def problem(key: str) -> str:
    """Why nobody can have this key for a command, in a sentence; empty where they can."""
    shown = " + ".join(str(part) for part in parts(key))
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    if not modifiers and len(last) == 1:
        if last.isalnum() or unicodedata.category(last)[0] in "LN":
            return _("“%(key)s” stays free: letters pick classes, and digits suggestions.") % {"key": shown}
        return "" if last.isprintable() and not last.isspace() else _("Write a key, such as ; or Alt+B or Space.")
    if not last:
        return _("Write a key, such as ; or Alt+B or Space.")
    if "Ctrl" in modifiers or key in _BROWSERS or modifiers == ["Alt", "Shift"]:
        return _("“%(key)s” belongs to the browser or the system.") % {"key": shown}
    if modifiers == ["Alt"]:
        is_free = last == "Enter" or last in _ALT_LETTERS
        return "" if is_free else _("“%(key)s” belongs to the browser or the system.") % {"key": shown}
    if last in _NAMES.values() and modifiers in ([], ["Shift"]):
        return ""
    return _("Write a key, such as ; or Alt+B or Space.")


def parts(key: str) -> list[Text]:
    """The key as it is shown, one part a key cap."""
    return [GLYPHS.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]


# --- one person's keys ----------------------------------------------------------------------------


def keys_of(command: Command, own: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a command for somebody with these of their own."""
    mine = own.get(command.name)
    return (*((mine,) if mine and not command.is_fixed else command.keys), *command.always)


def problems(own: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a person's own keys: a sentence by command."""
    found = {name: sentence for name, key in own.items() if (sentence := problem(key))}
    for name, key in own.items():
        command = BY_NAME[name]
        rival = next((each for each in COMMANDS if each is not command and _meet(each, command, key, own)), None)
        if rival and name not in found:
            found[name] = _("“%(key)s” is the key of “%(command)s” already.") % {
                "key": " + ".join(str(part) for part in parts(key)),
                "command": rival.text_in(next(mode for mode in rival.modes if mode in command.modes)),
            }
    return found


def _meet(other: Command, command: Command, key: str, own: Mapping[str, str]) -> bool:
    is_beside = set(other.modes) & set(command.modes) and set(other.kinds) & set(command.kinds)
    return bool(is_beside) and key in keys_of(other, own)


def changed(own: Mapping[str, str]) -> dict[str, str]:
    """Of these keys the ones that differ from the usual, of commands that may have others."""
    return {
        command.name: own[command.name]
        for command in REMAPPABLE
        if own.get(command.name) and own[command.name] not in command.keys[:1]
    }


def table(own: Mapping[str, str], mode: str, kind: str = "image") -> list[dict[str, Any]]:
    """The commands of a mode with this person's keys, as plain values for a page and its script."""
    mine = {name: key for name, key in own.items() if name in BY_NAME and not problem(key)}
    return [
        {
            "name": command.name,
            "text": str(command.text_in(mode, kind)),
            "keys": list(keys_of(command, mine)),
            "shown": [[str(part) for part in each] for each in command.shown or map(parts, keys_of(command, mine))],
            "own": command.name in mine and not command.is_fixed,
            "decides": command.decides,
            "repeats": command.repeats,
        }
        for command in COMMANDS
        if mode in command.modes and kind in command.kinds
    ]


# --- keys of classes ------------------------------------------------------------------------------


def class_key_problem(key: str) -> str:
    """Why a class can't have this key, in a sentence; empty where it can, or has none."""
    if not key or (len(key) == 1 and unicodedata.category(key)[0] == "L"):
        return ""
    if len(key) > 1:
        return _("The key of a class is one letter, unlike “%(key)s”.") % {"key": key[:40]}
    if key.isdigit():
        return _("“%(key)s” is taken: digits pick suggestions. The key of a class is a letter.") % {"key": key}
    command = next((each for each in COMMANDS if key in each.keys), None)
    if command:
        return _("“%(key)s” is taken: it is the key of “%(command)s”. The key of a class is a letter.") % {
            "key": key,
            "command": command.text,
        }
    return _("The key of a class is one letter, unlike “%(key)s”.") % {"key": key}
