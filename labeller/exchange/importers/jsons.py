"""JSON of any size, an item at a time."""

import codecs
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any

from labeller.exchange.importers.base import Unreadable
from labeller.exchange.importers.inputs import Input

LOOKED_AT = 1_000_000  # bytes that tell what a file is
_MARKS = {b"\xef\xbb\xbf": "", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def outline(given: Input, member: str) -> dict[str, Any]:
    """The keys at the top with the first item of each list, as far as the beginning shows; a list's own is ""."""
    import ijson  # here: web processes that import nothing need not load it

    found: dict[str, Any] = {}
    at = ""
    builder, prefix = None, ""
    try:
        for place, event, value in ijson.parse(_plain(BytesIO(given.beginning(member, LOOKED_AT))), use_float=True):
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
    except ijson.JSONError:
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


def _plain(stream: IO[bytes]) -> Any:
    """The stream in UTF-8, without the mark that some programs put in front."""
    start = stream.read(3)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            rest: Any = _Joined(start[len(mark) :], stream)
            return codecs.StreamRecoder(rest, *_recoding(encoding)) if encoding else rest
    return _Joined(start, stream)


def _recoding(encoding: str) -> Any:
    utf8, other = codecs.lookup("utf-8"), codecs.lookup(encoding)
    return utf8.encode, utf8.decode, other.streamreader, other.streamwriter


class _Joined:
    """What was read already, and the rest."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        if self._start and size != 0:
            start, self._start = self._start, b""
            return start
        return self._rest.read(size)
