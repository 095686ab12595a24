"""Text at the edge: what people type, paste and send is cleaned here, and names are compared by one key.

Databases fold case each in their own way, and one look has many spellings. So both happen in Python, once.
"""

import re
import unicodedata

# Written by their numbers, for they can't be seen. Blanks are not among them: `split` knows all of those but one.
_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_SURROGATES = "\ud800-\udfff"
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_NO_CHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
_DROPPED = re.compile(f"[{_CONTROLS}{_SURROGATES}{_INVISIBLE}{_NO_CHARACTERS}]")

# Joiners and variants are part of how some scripts, and emoji, are written; anywhere else they are only invisible.
_JOINERS = "\u200c\u200d"
_VARIANTS = "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_JOINING = (
    "\u0600-\u109f\u1780-\u180a\u1810-\u18af\ua840-\ua8ff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefe\U00010a00-\U00011fff"
)
_EMOJI = "\u2190-\u27ff\u2900-\u2bff\U0001f000-\U0001faff"
_IDEOGRAPHS = "\u3400-\u9fff\U00020000-\U0003fffd"
_STRAY_VARIANT = re.compile(f"(?<![{_JOINING}{_EMOJI}{_IDEOGRAPHS}])[{_VARIANTS}]")
_STRAY_JOINER = re.compile(
    f"(?<![{_JOINING}{_EMOJI}{_VARIANTS}])[{_JOINERS}]|[{_JOINERS}](?![{_JOINING}{_EMOJI}])",
)
_FOLDED_AWAY = re.compile(f"[{_JOINERS}{_VARIANTS}]")
_NOT_STORABLE = re.compile(f"[\x00{_SURROGATES}]")
_LINE_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_EMPTY_BRAILLE = "\u2800"


def clean(text: str, *, lines: bool = False) -> str:
    """The text as it may be stored: NFC, single blanks, trimmed, and without what nobody can see.

    Gone are NUL and other control characters, lone surrogates, zero-width and bidirectional characters, and joiners
    where no script needs them. With `lines`, a note keeps its line ends, as ``\\n``.
    """
    if lines:
        return "\n".join(clean(line) for line in _LINE_ENDS.split(text)).strip("\n")
    if not (text.isascii() and text.isprintable()):
        text = _DROPPED.sub("", text.replace(_EMPTY_BRAILLE, " "))
        text = _STRAY_JOINER.sub("", _STRAY_VARIANT.sub("", text))
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def storable(text: str) -> str:
    """The text without what no database takes, else as it is: for passwords, paths, and what is cleaned later."""
    return _NOT_STORABLE.sub("", text)


def fold(name: str) -> str:
    """What a name is compared by: cleaned, without case, joiners and variants; the same for every spelling of one look.

    Python's word, never a database's: "İnek" and "inek" are two names everywhere, "Éland" is one however it is coded.
    """
    name = _FOLDED_AWAY.sub("", clean(name))
    # Folding what is composed would miss some marks: Unicode's canonical caseless match decomposes first.
    return clean(unicodedata.normalize("NFD", name).casefold())
