"""JSON of any size, an item at a time."""

import codecs
from collections.abc import Iterator
from io import BytesIO
from itertools import accumulate
from typing import IO, Any

from labeller.exchange.importers.base import Unreadable
from labeller.exchange.importers.inputs import Input

LOOKED_AT = 1_000_000  # bytes that tell what a file is
DEEPEST = 100  # levels of lists and objects
_STEPS = {ord(each): step for step, signs in ((1, "[{"), (-1, "]}")) for each in signs}
_UNCOUNTED = bytes(each for each in range(256) if each not in b'[]{}"')
_MARKS = {b"\xef\xbb\xbf": "", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def outline(given: Input, member: str) -> dict[str, Any]:
    """The keys at the top with the first item of each list, as far as the beginning shows; a list's own is ""."""
    import ijson  # here: web processes that import nothing need not load it

    found: dict[str, Any] = {}
    at = ""
    builder, prefix = None, ""
    start = given.beginning(member, LOOKED_AT)
    try:
        for place, event, value in ijson.parse(_plain(BytesIO(start)), use_float=True):
            if place == "" and event == "start_array":
                found[""] = None
            if place == "" and event == "map_key":
                at = str(value)
                found.setdefault(at, None)
            if builder is None and event == "start_map" and place == (f"{at}.item" if at else "item"):
                builder, prefix = (ijson.ObjectBuilder(), place) if found.get(at) is None else (None, "")
            if builder is not None:
                builder.event(event, value)
                if place == prefix and event == "end_map":
                    found[at], builder = builder.value, None
            elif place == at and at and event not in {"start_map", "start_array", "end_map", "end_array"}:
                found[at] = value
    except (ijson.JSONError, Unreadable):
        pass  # cut by us, most likely: whoever reads the whole is told
    return found


def items(given: Input, member: str, prefix: str) -> Iterator[Any]:
    """What lies at a place, one after the other, `images.item` for those of a list. Raises Unreadable."""
    import ijson

    with given.open(member) as stream:
        try:
            yield from ijson.items(_plain(stream), prefix, use_float=True)
        except ijson.IncompleteJSONError as error:
            said = _said(error)
            reason = "cut-off" if "premature" in said or "incomplete" in said.lower() else "no-json"
            raise Unreadable(reason, said) from error
        except (ijson.JSONError, UnicodeError, RecursionError) as error:
            raise Unreadable("no-json", _said(error)) from error


def value(given: Input, member: str, prefix: str) -> Any:
    """What lies at a place, the first of it; None where there is nothing. Raises Unreadable."""
    return next(items(given, member, prefix), None)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.strip().split("\n")[0][:200]


def _plain(stream: IO[bytes]) -> "Shallow":
    """The stream in UTF-8, without the mark that some programs put in front."""
    start = stream.read(3)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            rest: Any = _Begun(start[len(mark) :], stream)
            return Shallow(codecs.StreamRecoder(rest, *_recoding(encoding)) if encoding else rest)
    return Shallow(_Begun(start, stream))


def _recoding(encoding: str) -> Any:
    utf8, other = codecs.lookup("utf-8"), codecs.lookup(encoding)
    return utf8.encode, utf8.decode, other.streamreader, other.streamwriter


class Shallow:
    """A stream of JSON that is refused where it nests too deep: each level costs a parser the names of all above it.

    Counts brackets outside of strings, at the speed of the machine's own functions. Raises Unreadable.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._depth, self._in_string, self._left = 0, False, b""

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._stream.read(size)
        self._check(self._left + content, is_end=not content)
        return content

    def _check(self, content: bytes, *, is_end: bool) -> None:
        kept = content.rstrip(b"\\") if not is_end else content
        self._left = content[len(kept) :]  # what these escape comes next
        plain = kept.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _UNCOUNTED)
        parts = plain.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        for depth in accumulate(map(_STEPS.__getitem__, outside), initial=self._depth):
            self._depth = depth
            if depth > DEEPEST:
                raise Unreadable("no-json", f"more than {DEEPEST} levels")


class _Begun:
    """What was read already, and the rest."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        if self._start and size != 0:
            start, self._start = self._start, b""
            return start
        return self._rest.read(size)
