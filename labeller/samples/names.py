"""How the name of a file is stored: as it is, but for what no database and no page can hold.

Names of files are bytes. Those that are not UTF-8, and characters that can't be seen (line breaks, escape codes), are
stored as %XX, as in addresses: `caf%E9.jpg`. All other names, those with a % in them too, are stored as they are; the
few that would be taken for such an escape have their % stored as %25. So `decode(encode(name)) == name` for all.
"""

import hashlib
import os
import re
from pathlib import Path

LONGEST = 2000  # characters; what the column holds
LONGEST_BYTES = 2600  # what PostgreSQL takes into an index
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


def encode(name: str) -> str:
    """A name as the system gives it (`os.fsdecode`), as it is stored and shown."""
    if not _ODD.search(name) and decode(name) == name:
        return name
    return _ODD.sub(_escaped, name.replace("%", "%25"))


def decode(stored: str) -> str:
    """The name to open a file by, from what is stored."""
    if "%" not in stored:
        return stored
    content = stored.encode("utf-8", "surrogateescape")
    name = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), content).decode("utf-8", "surrogateescape")
    # What stands for an ordinary name wasn't escaped by us, unless that name itself looks like an escape.
    is_ours = name != stored and (_ODD.search(name) or decode(name) != name)
    return name if is_ours else stored


def plain(text: str) -> str:
    """A text with nothing in it that no database holds and no page shows: other people's errors quote all sorts."""
    return _ODD.sub(_escaped, text)


def _escaped(odd: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in odd[0].encode("utf-8", "surrogateescape"))


def shortened(stored: str) -> str:
    """The name itself, or what stands in lists for one that is too long to be stored; another one for each."""
    if len(stored) <= LONGEST and len(stored.encode()) <= LONGEST_BYTES:
        return stored
    return f"{stored[:300]}…{hashlib.sha256(stored.encode()).hexdigest()[:12]}…{stored[-100:]}"


def shown(path: Path | str) -> str:
    """A path in a message, whatever bytes it has."""
    return encode(os.fspath(path))
