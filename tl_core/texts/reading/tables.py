"""Tables of texts: CSV, TSV, JSON, JSON Lines, Parquet and Arrow, row by row with flat memory.

What a row says must be certain: one that is not is refused by its number, and never repaired.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tl_core.notices import Code, Notice, notice
from tl_core.texts.reading.copies import digest
from tl_core.texts.reading.datasets import class_names_of, tables_of
from tl_core.texts.reading.encodings import BROKEN
from tl_core.texts.reading.guessing import guess
from tl_core.texts.reading.layouts import Layout
from tl_core.texts.reading.records import MAX_CELL, Names, records
from tl_core.texts.reading.refusals import TextRefused


class TextRow(NamedTuple):
    """A row of a table that is taken.

    Attributes
    ----------
    number : int
        1 = the first row below the header; blank rows do not count.
    text : str
        With "\\n" between lines.
    labels : tuple of str
        The cells of the layout's columns of labels, without white space at their ends.
    group : str
        Empty where there is none.
    digest : str
        What equal texts share (`tl_core.texts.reading.copies.digest`).
    """

    number: int
    text: str
    labels: tuple[str, ...]
    group: str
    digest: str


class RefusedRow(NamedTuple):
    """A row of a table that is not taken.

    Attributes
    ----------
    number : int
        As of `TextRow`.
    reason : str
        As of `TextRefused`.
    detail : Notice
        What exactly is wrong.
    """

    number: int
    reason: str
    detail: Notice


def open_table(
    path: Path | str, layout: Layout | None = None, names: Names | None = None
) -> Iterator[TextRow | RefusedRow]:
    """Read a table of texts.

    Parameters
    ----------
    path : Path or str
        A file of this machine, also with gzip, bzip2, xz or zip around it; or a folder with a data set of Hugging Face.
    layout : Layout, optional
        How it is read; guessed where it is not given.
    names : mapping of str to list of str, optional
        Names of classes that numbers stand for, by column; of a folder they are looked up in it.

    Returns
    -------
    iterator of TextRow and RefusedRow
        In the order of the table. Going on raises `TextRefused` where the file ends early or is damaged.

    Raises
    ------
    TextRefused
        It is no table, or the layout does not fit it.
    """
    path = Path(path)
    layout = guess(path) if layout is None else layout
    chosen = [*layout.text, *layout.labels, *([] if layout.group is None else [layout.group])]
    if not layout.text:
        raise TextRefused("wrong-layout", notice(Code.NO_TEXT_COLUMN))
    for at in chosen:
        if not 0 <= at < len(layout.columns):
            raise TextRefused("wrong-layout", notice(Code.NO_SUCH_COLUMN, n=at + 1, of=len(layout.columns)))
    return _rows(tables_of(path), layout, frozenset(chosen), names or class_names_of(path))


def _rows(
    paths: Sequence[Path], layout: Layout, chosen: frozenset[int], names: Names
) -> Iterator[TextRow | RefusedRow]:
    number = 0
    width = len(layout.columns)
    for path in paths:
        stream = records(path, layout, chosen, names)
        if layout.kind == "csv" and layout.has_header:
            header = next(stream, None)
            if isinstance(header, list) and tuple(header[:width]) != layout.columns:
                raise TextRefused("wrong-layout", notice(Code.OTHER_COLUMNS, name=path.name))
        for record in stream:
            number += 1
            yield _row(number, record, layout, width)


def _row(number: int, record: list[str] | TextRefused, layout: Layout, width: int) -> TextRow | RefusedRow:
    try:
        if isinstance(record, TextRefused):
            raise record
        if len(record) != width:
            _refuse_by_width(record, width)
        text = _text(record, layout)
        labels = tuple([record[at].strip() for at in layout.labels])
        group = "" if layout.group is None else record[layout.group].strip()
        beside = "".join((*labels, group))
        if "\0" in text or "\0" in beside:
            raise TextRefused("nul", notice(Code.NUL_IN_TEXT))
        beside.encode()
        return TextRow(number, text, labels, group, digest(text))
    except TextRefused as refused:
        return RefusedRow(number, refused.reason, refused.detail)
    except UnicodeEncodeError:  # what stands for broken bytes, or half a surrogate pair from JSON
        return RefusedRow(number, "broken-bytes", notice(Code.BROKEN_BYTES, name=layout.encoding.upper()))


def _refuse_by_width(record: list[str], width: int) -> None:
    if len(record) < width:
        raise TextRefused("cells", notice(Code.FEW_CELLS, n=len(record), wanted=width))
    if any(map(str.strip, record[width:])):
        raise TextRefused("cells", notice(Code.MORE_CELLS, n=len(record), wanted=width))


def _text(record: list[str], layout: Layout) -> str:
    if len(layout.text) == 1:
        text = record[layout.text[0]]
    else:
        text = "\n\n".join(filter(str.strip, (record[at] for at in layout.text)))
    if not text or text.isspace():
        raise TextRefused("empty", notice(Code.NO_TEXT))
    if len(text) > MAX_CELL:
        raise TextRefused("too-large", notice(Code.LARGE_CELL, limit=MAX_CELL))
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def first_cells(path: Path | str, layout: Layout, n: int = 20) -> list[list[str]]:
    """Return the first rows as they are, for people to see what a layout makes of them.

    Parameters
    ----------
    path : Path or str
        As of `open_table`.
    layout : Layout
        How it is read.
    n : int
        How many rows.

    Returns
    -------
    list of lists of str
        All cells of each, without the header. Rows that cannot be read are left out; bytes that make no character are
        shown as U+FFFD.

    Raises
    ------
    TextRefused
        The file cannot be read.
    """
    path = Path(path)
    tables = tables_of(path)
    stream = records(tables[0], layout, range(len(layout.columns)), class_names_of(path))
    skipped = int(layout.kind == "csv" and layout.has_header)
    rows = itertools.islice((each for each in stream if isinstance(each, list)), skipped, skipped + n)
    return [[cell.replace(BROKEN, "�") for cell in row] for row in rows]
