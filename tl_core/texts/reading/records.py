"""The records of a table, one after the other, as cells of text; what is wrong with one is told in its place."""

import csv
import io
import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tl_core.notices import Code, notice
from tl_core.texts.reading.encodings import ON_BROKEN
from tl_core.texts.reading.layouts import Layout
from tl_core.texts.reading.opening import refuse_unless_regular, unpacked
from tl_core.texts.reading.refusals import TextRefused

MAX_CELL = 1_000_000  # characters: a hundred times what anybody labels as one row
_MAX_LINE = 16_000_000
_BEYOND = "x" * (MAX_CELL + 1) + "\n"  # stands for a line that is longer: a cell beyond the limit
_AT_ONCE = 1 << 16  # characters of a JSON array, and more while a record goes on
_IN_BATCH = 2048
_NO_DELIMITER = "\x1f"  # Unicode's unit separator: in no text
Record = list[str] | TextRefused
Names = dict[str, list[str]]


def records(path: Path, layout: Layout, wanted: Collection[int], names: Names | None = None) -> Iterator[Record]:
    """Yield the records of one file.

    Parameters
    ----------
    path : Path
        A file of this machine.
    layout : Layout
        How it is read.
    wanted : collection of int
        Columns that are read. Of formats with names, others are left empty.
    names : mapping of str to list of str, optional
        Names of classes by column, of those that are stored as numbers.

    Yields
    ------
    list of str, or TextRefused
        The cells, or why this record has none. Blank ones are left out.

    Raises
    ------
    TextRefused
        The file cannot be read on.
    """
    if layout.kind in ("parquet", "arrow"):
        yield from _columnar(path, layout, wanted, names or {})
        return
    with unpacked(path) as file:
        if layout.kind == "csv":
            yield from _separated(file, layout)
            return
        for each in objects(file, layout.kind, layout.encoding):
            if isinstance(each, TextRefused):
                yield each
            else:
                yield [
                    _cell(each.get(name), (names or {}).get(name)) if at in wanted else ""
                    for at, name in enumerate(layout.columns)
                ]


# --- separated by characters ------------------------------------------------------------------------


def _separated(file: BinaryIO, layout: Layout) -> Iterator[Record]:
    lines = _lines(file, layout.encoding)
    for _ in range(layout.skipped):
        next(lines, None)
    yield from separated(lines, layout.delimiter, layout.quote)


def separated(lines: Iterator[str], delimiter: str, quote: str) -> Iterator[Record]:
    """Yield the records that lines hold, blank ones left out; after one that is no CSV the next line is a new one."""
    let_cells_be_large()
    reader = csv.reader(
        lines,
        delimiter=delimiter or _NO_DELIMITER,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _no_csv(str(error))
            continue
        if has_too_large(cells):
            yield _too_large()
        elif any(cells):
            yield cells


def let_cells_be_large() -> None:
    """Have the `csv` module read cells of up to `MAX_CELL` characters: see `has_too_large` for those beyond."""
    # Of the process, not of the reader: raised only, as others go on reading what they could. So it may be above ours.
    csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))


def has_too_large(cells: list[str]) -> bool:
    """Return whether one of these cells has more than `MAX_CELL` characters, whatever the `csv` module let through."""
    return max(map(len, cells), default=0) > MAX_CELL


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines with their ends. One without an end, such as a film's, becomes a cell that is beyond the limit."""
    text = io.TextIOWrapper(file, encoding=encoding, errors=ON_BROKEN, newline="")
    while line := text.readline(_MAX_LINE):
        if len(line) == _MAX_LINE and line[-1] not in "\r\n":
            while (rest := text.readline(_MAX_LINE)) and rest[-1] not in "\r\n":
                pass
            line = _BEYOND
        yield line


def _no_csv(error: str) -> TextRefused:
    if "field larger" in error:
        return _too_large()
    if "unexpected end" in error:
        return TextRefused("quotes", notice(Code.OPEN_QUOTE))
    return TextRefused("quotes", notice(Code.ODD_QUOTE))


def _too_large() -> TextRefused:
    return TextRefused("too-large", notice(Code.LARGE_CELL, limit=MAX_CELL))


# --- JSON -------------------------------------------------------------------------------------------


def objects(file: BinaryIO, kind: str, encoding: str) -> Iterator[dict[str, Any] | TextRefused]:
    """Yield the objects of JSON Lines, or of one large array."""
    if kind == "json":
        yield from _objects_of_array(file, encoding)
        return
    for line in _lines(file, encoding):
        if not line.isspace():
            yield object_of(line.removeprefix("\ufeff"))


def object_of(line: str) -> dict[str, Any] | TextRefused:
    """Return the object of one line of JSON Lines, or what is wrong with it."""
    if line is _BEYOND or len(line) > 4 * MAX_CELL:
        return _too_large()
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return TextRefused("json", notice(Code.BAD_JSON, error=str(error)))
    return value if isinstance(value, dict) else TextRefused("json", notice(Code.NO_OBJECT))


def _objects_of_array(file: BinaryIO, encoding: str) -> Iterator[dict[str, Any] | TextRefused]:
    """The objects of an array that is never held whole: what is read is let go of, object by object."""
    text = io.TextIOWrapper(file, encoding=encoding, errors=ON_BROKEN)
    decoder, held, asked = json.JSONDecoder(), text.read(_AT_ONCE).lstrip("\ufeff \t\r\n")[1:], _AT_ONCE
    while True:
        held = held.lstrip(" \t\r\n,")
        if held.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(held)
        except (ValueError, RecursionError) as error:
            more = text.read(asked) if asked <= 8 * MAX_CELL else ""
            if not more:
                raise TextRefused("json", notice(Code.BAD_JSON, error=str(error))) from error
            held, asked = held + more, 2 * asked
            continue
        held, asked = held[end:], _AT_ONCE
        yield value if isinstance(value, dict) else TextRefused("json", notice(Code.NO_OBJECT))


def _cell(value: Any, names: list[str] | None = None) -> str:
    """A value of JSON or Arrow as a cell: several plain ones with "|" between them, as in labels' own tables."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and names and 0 <= value < len(names):
        return names[value]
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return "|".join(_cell(each, names) for each in value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


# --- Arrow and Parquet --------------------------------------------------------------------------------


@contextmanager
def columnar(path: Path, kind: str) -> Iterator[tuple[Any, Any]]:
    """Open a Parquet or Arrow file.

    Parameters
    ----------
    path : Path
        A file of this machine.
    kind : str
        ``"parquet"`` or ``"arrow"``.

    Yields
    ------
    tuple
        Its pyarrow schema, and a function of a list of columns that returns an iterator of record batches.

    Raises
    ------
    TextRefused
        pyarrow is not installed, or the file is damaged.
    """
    refuse_unless_regular(path)
    try:
        import pyarrow
        from pyarrow import ipc, parquet
    except ImportError as error:
        raise TextRefused("package-missing", notice(Code.PACKAGE_MISSING, name="pyarrow")) from error
    try:
        with ExitStack() as stack:
            if kind == "parquet":
                table = stack.enter_context(parquet.ParquetFile(path, memory_map=True, pre_buffer=False))
                yield (
                    table.schema_arrow,
                    lambda columns: table.iter_batches(_IN_BATCH, columns=columns, use_threads=False),
                )
                return
            mapped = stack.enter_context(pyarrow.memory_map(str(path)))
            if mapped.read(6) == b"ARROW1":
                whole = ipc.open_file(mapped)
                yield whole.schema, lambda _columns: (whole.get_batch(n) for n in range(whole.num_record_batches))
                return
            mapped.seek(0)
            stream = ipc.open_stream(mapped)
            yield stream.schema, lambda _columns: iter(stream)
    except (pyarrow.ArrowException, OSError, ValueError, EOFError) as error:
        said = str(error).replace(str(path), path.name).partition("\n")[0]
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind=kind.title(), error=said)) from error


def class_names(features: Any) -> Names:
    """Return the names of classes in the features of a Hugging Face data set, by column.

    Parameters
    ----------
    features : object
        What JSON holds under "features"; anything else has none.

    Returns
    -------
    dict of str to list of str
    """
    if not isinstance(features, dict):
        return {}
    inner: dict[str, Any] = {
        name: each.get("feature", each.get("_inner", each)) if isinstance(each, dict) else {}
        for name, each in features.items()
    }
    return {
        name: [str(one) for one in each["names"]]
        for name, each in inner.items()
        if isinstance(each, dict) and isinstance(each.get("names"), list)
    }


def _columnar(path: Path, layout: Layout, wanted: Collection[int], beside: Names) -> Iterator[Record]:
    with columnar(path, layout.kind) as (schema, batches):
        try:
            stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        except ValueError:
            stored = {}
        info = stored.get("info") if isinstance(stored, dict) else None
        names = beside | class_names(info.get("features") if isinstance(info, dict) else None)
        places = {at: layout.columns[at] for at in wanted}
        if any(schema.get_field_index(name) < 0 for name in places.values()):
            raise TextRefused("wrong-layout", notice(Code.OTHER_COLUMNS, name=path.name))
        for batch in batches(list(places.values())):
            for start in range(0, batch.num_rows, _IN_BATCH):  # batches of Arrow are as large as their writer liked
                some = batch.slice(start, _IN_BATCH)
                values = {at: _values(some.column(name)) for at, name in places.items()}
                for row in range(some.num_rows):
                    yield _row_of_batch(values, row, layout.columns, names)


def _values(column: Any) -> list[Any]:
    """The values of a column as Python's; one that is no UTF-8 is a refusal."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_value(each) for each in column]
    return values


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return TextRefused("broken-bytes", notice(Code.BROKEN_BYTES, name="UTF-8"))


def _row_of_batch(values: dict[int, list[Any]], row: int, columns: tuple[str, ...], names: Names) -> Record:
    cells = [""] * len(columns)
    for at, column in values.items():
        if isinstance(column[row], TextRefused):
            return column[row]  # type: ignore[no-any-return]
        cells[at] = _cell(column[row], names.get(columns[at]))
    return cells
