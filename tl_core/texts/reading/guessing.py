"""Guess how a table of texts is to be read: kind, encoding, delimiter, header, columns. With reasons, for people."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.notices import Code, notice
from tl_core.texts.reading.datasets import class_names_of, tables_of
from tl_core.texts.reading.encodings import ON_BROKEN, Encoding, encoding_of
from tl_core.texts.reading.layouts import Layout, columns_of, looks_like_header, names_columns
from tl_core.texts.reading.opening import refuse_unless_regular, unpacked
from tl_core.texts.reading.records import Names, columnar, object_of, objects, records, separated
from tl_core.texts.reading.refusals import TextRefused

_SAMPLE_BYTES = 1 << 20
_SCANNED_BYTES = 64 << 20  # looked at for the encoding
_LOOKED_AT = 500  # rows that tell which columns are what
_DELIMITERS = ",;\t|"
_CHUNK = 1 << 18


def guess(
    path: Path | str, *, encoding: str | None = None, delimiter: str | None = None, has_header: bool | None = None
) -> Layout:
    """Guess how a table is to be read, from its first rows; its encoding from up to 64 MB.

    Parameters
    ----------
    path : Path or str
        As of `open_table`.
    encoding, delimiter, has_header
        What is known already, such as a person's correction.

    Returns
    -------
    Layout
        With the reasons. Its text is empty where no column can be one: a person has to say.

    Raises
    ------
    TextRefused
        It is no table.
    """
    path = Path(path)
    first = tables_of(path)[0]
    kind = _columnar_kind(first)
    if kind:
        return _named_layout(
            first, kind, Encoding("utf-8", notice(Code.ENCODING_FITS, name="UTF-8")), class_names_of(path)
        )
    sample, told = _sample(first, encoding)
    text = sample.decode(told.name, ON_BROKEN).removeprefix("\ufeff")
    if not text.strip():
        raise TextRefused("empty", notice(Code.NO_TEXT))
    if text.count("\0") > len(text) / 100:
        raise TextRefused("not-a-text", notice(Code.BINARY))
    kind = _json_kind(text)
    if kind:
        return _named_layout(first, kind, told, class_names_of(path))
    return _separated_layout(text, told, delimiter, has_header)


def _columnar_kind(path: Path) -> str:
    refuse_unless_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return ""  # told where it is opened
    if head.startswith(b"PAR1"):
        return "parquet"
    return "arrow" if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")) else ""


def _sample(path: Path, encoding: str | None) -> tuple[bytes, Encoding]:
    """The first bytes, whole lines of them, and what they are in."""
    sample = bytearray()
    with unpacked(path) as file:

        def chunks() -> Iterator[bytes]:
            left = _SCANNED_BYTES
            while left > 0 and (chunk := file.read(_CHUNK)):
                left -= len(chunk)
                if len(sample) < _SAMPLE_BYTES:
                    sample.extend(chunk)
                yield chunk

        if encoding is None:
            told = encoding_of(chunks())
        else:
            told = Encoding(encoding, notice(Code.ENCODING_GIVEN, name=encoding))
            next(chunks(), None)
    if told is None:
        raise TextRefused("not-a-text", notice(Code.ENCODING_UNKNOWN))
    try:
        b"".decode(told.name)
    except LookupError as error:
        raise TextRefused("wrong-layout", notice(Code.ENCODING_UNKNOWN)) from error
    return bytes(sample), told


def _json_kind(text: str) -> str:
    start = text.lstrip()
    if re.match(r"\[\s*(\{|\])", start):
        return "json"
    if not start.startswith("{"):
        return ""
    lines = [line for line in start[:_SAMPLE_BYTES].splitlines() if line.strip()][:5]
    if any(isinstance(object_of(line), dict) for line in lines):
        return "jsonl"
    raise TextRefused("json", notice(Code.NO_JSON_ROWS))


def _named_layout(path: Path, kind: str, told: Encoding, names: Names) -> Layout:
    """The layout of a format whose values have names, by its first records."""
    columns: tuple[str, ...]
    if kind in ("parquet", "arrow"):
        with columnar(path, kind) as (schema, _batches):
            columns = tuple(schema.names)
    else:
        columns = _keys(path, kind, told.name)
    bare = Layout(kind, columns, (), encoding=told.name)
    rows = [
        each
        for each in itertools.islice(records(path, bare, range(len(columns)), names), _LOOKED_AT)
        if isinstance(each, list)
    ]
    chosen = columns_of(columns, rows)
    reasons = (told.reason, *chosen.reasons)
    return replace(bare, text=chosen.text, labels=chosen.labels, group=chosen.group, reasons=reasons)


def _keys(path: Path, kind: str, encoding: str) -> tuple[str, ...]:
    """All keys of the first objects, in the order in which they come."""
    keys: dict[str, None] = {}
    with unpacked(path) as file:
        for each in itertools.islice(objects(file, kind, encoding), _LOOKED_AT):
            if isinstance(each, dict):
                keys.update(dict.fromkeys(each))
    if not keys:
        raise TextRefused("json", notice(Code.NO_JSON_ROWS))
    return tuple(keys)


# --- separated by characters ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Separation:
    """What stands between cells and around them, and how well that parts the sample into equal rows."""

    delimiter: str
    quote: str
    rows: list[list[str]]
    width: int
    share: float  # of the records that have this width
    n_odd: int  # records that are no CSV

    @property
    def rank(self) -> tuple[bool, bool, float, int]:
        names = self.rows[0] if self.rows else []
        named = self.width > 1 and len(names) == self.width and names_columns(names)
        return named and self.share > 0.5, self.width > 1 and self.share >= 0.9, self.share, self.width


def _separation(text: str, delimiter: str, quote: str) -> _Separation:
    stream = separated(iter(text.splitlines(keepends=True)), delimiter, quote)
    looked_at = list(itertools.islice(stream, _LOOKED_AT))
    rows = [each for each in looked_at if isinstance(each, list)]
    widths = Counter(map(len, rows))
    width, n = widths.most_common(1)[0] if widths else (0, 0)
    return _Separation(delimiter, quote, rows, width, n / max(1, len(looked_at)), len(looked_at) - len(rows))


def _separated_layout(text: str, told: Encoding, given: str | None, has_header: bool | None) -> Layout:
    announced = re.match(r'"?sep=(.)"?[^\r\n]*(\r\n|\r|\n)', text, re.IGNORECASE)
    text = _whole_lines(text[announced.end() :] if announced else text)
    if given is None and announced:
        given = announced[1]
    best = _best(text, given)
    reasons = [told.reason]
    if best.width > 1:
        name = "\\t" if best.delimiter == "\t" else best.delimiter
        reasons.append(notice(Code.DELIMITER_PARTS, name=name, n=best.width))
    else:
        reasons.append(notice(Code.LINES_ARE_TEXTS))
    if not best.quote:
        reasons.append(notice(Code.QUOTES_ARE_PLAIN))
    first = best.rows[0] if best.rows else []
    if has_header is None:
        has_header = len(best.rows) > 1 and (names_columns(first) or looks_like_header(best.rows))
    reasons.append(notice(Code.HEADER if has_header else Code.NO_HEADER))
    columns = tuple(first) if has_header else ("",) * best.width
    chosen = columns_of(columns, best.rows[1:] if has_header else best.rows)
    return Layout(
        "csv",
        columns,
        chosen.text,
        chosen.labels,
        chosen.group,
        encoding=told.name,
        delimiter=best.delimiter,
        quote=best.quote,
        has_header=has_header,
        skipped=1 if announced else 0,
        reasons=(*reasons, *chosen.reasons),
    )


def _best(text: str, given: str | None) -> _Separation:
    """The delimiter that parts most rows into equally many cells, and whether quotes mean anything."""
    ways = [_separation(text, each, '"') for each in (_DELIMITERS if given is None else [given])]
    best = max(ways, key=lambda way: way.rank)
    plain = max(
        (_separation(text, each, "") for each in (_DELIMITERS if given is None else [given])), key=lambda way: way.rank
    )
    # Quotes count, unless they break rows that are whole without them.
    if best.n_odd and not plain.n_odd and plain.rank[1] and (plain.share, plain.rank[0]) > (best.share, best.rank[0]):
        best = plain
    if given is None and not (best.rank[0] or best.rank[1]):
        best = _separation(text, "", '"')
        if best.n_odd:
            best = _separation(text, "", "")
    return best


def _whole_lines(text: str) -> str:
    """A sample without its last line, which may be cut."""
    if len(text) < _SAMPLE_BYTES // 4:
        return text
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text[: end + 1] if end > 0 else text
