"""Word vectors in word2vec's and GloVe's files, text and binary."""

import gzip
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tl_core.notices import notice
from tl_core.texts.vectors import WIDEST, Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

_LONGEST_LINE = 1 << 20  # bytes
_LONGEST_WORD = 4096  # bytes
_GZIP = b"\x1f\x8b"


def is_binary(start: bytes) -> bool:
    """Return whether a file that begins so is binary word2vec: a header in text, then numbers that are none."""
    header, _, rest = start.partition(b"\n")
    if _header(header) is None:
        return False
    return not _is_text(rest.partition(b"\n")[0])


def read_text(path: Path, taking: Taking) -> WordVectors:
    """Read a file of a word a line, with a header of two numbers or without one.

    Parameters
    ----------
    path : Path
        UTF-8, may be gzipped.
    taking : Taking
        Which words.

    Returns
    -------
    WordVectors

    Raises
    ------
    VectorsRefused
        A line has another length than the first, numbers that are none, or lines are missing.
    OSError
        From reading.
    """
    dimension, wanted, number = 0, None, 0
    for number, line in enumerate(_lines(path), 1):
        if number == 1:
            header = _header(line)
            if header is not None:
                wanted, dimension = header
                continue
            dimension = len(line.split()) - 1
            if not 1 <= dimension <= WIDEST or not _is_text(line):
                raise VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=path.name))
        _take_line(path, line, number, dimension, taking)
    lines = number - (wanted is not None)
    if number == 0:
        raise VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=path.name))
    if wanted is not None and lines < wanted:
        raise VectorsRefused("truncated", notice(WordCode.CUT_AT, file=path.name, place=number, wanted=wanted))
    return taking.taken(dimension)


def read_binary(path: Path, taking: Taking) -> WordVectors:
    """Read word2vec's binary format; the file is mapped.

    Parameters
    ----------
    path : Path
        Header ``words dimension``, then each word, a blank and its float32 numbers.
    taking : Taking
        Which words.

    Returns
    -------
    WordVectors

    Raises
    ------
    VectorsRefused
        It ends too early, or a word has no end.
    OSError
        From reading.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"\n") + 1
        header = _header(content[: place - 1])
        assert header is not None  # noqa: S101 - is_binary said so
        count, dimension = header
        size = 4 * dimension
        for number in range(1, count + 1):
            blank = content.find(b" ", place, place + _LONGEST_WORD)
            if blank < 0 or blank + 1 + size > len(content):
                raise VectorsRefused("truncated", notice(WordCode.CUT_AT, file=path.name, place=number, wanted=count))
            word = content[place:blank].lstrip(b"\n").decode("utf-8", "replace")
            if taking.wants(word):
                vector = np.frombuffer(content[blank + 1 : blank + 1 + size], "<f4")
                _check_finite(path, vector, number)
                taking.add(word, vector)
            place = blank + 1 + size
    return taking.taken(dimension)


def _take_line(path: Path, line: bytes, number: int, dimension: int, taking: Taking) -> None:
    separators = line.count(b" ") + line.count(b"\t")
    if separators < dimension:
        raise _bad(path, number, f"{separators} numbers instead of {dimension}")
    # A word may hold blanks itself, so numbers are counted from the end.
    parts = line.rsplit(None, dimension) if separators > dimension else line.split()
    if len(parts) != dimension + 1 or (separators > dimension and _is_text(parts[0])):
        raise _bad(path, number, f"{len(parts) - 1} numbers instead of {dimension}")
    word = parts[0].decode("utf-8", "replace")
    if not taking.wants(word):
        return
    try:
        vector = np.array(parts[1:], np.float32)
    except ValueError as error:
        raise _bad(path, number, str(error)) from error
    _check_finite(path, vector, number)
    taking.add(word, vector)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as plain:
        zipped = plain.read(2) == _GZIP
        plain.seek(0)
        file: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=plain) if zipped else plain
        number = 0
        try:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise _bad(path, number, "the line is too long")
                yield line.rstrip()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _bad(path, number + 1, str(error)) from error


def _header(line: bytes) -> tuple[int, int] | None:
    """Return words and dimension where a line is a header."""
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    count, dimension = int(parts[0]), int(parts[1])
    return (count, dimension) if 1 <= dimension <= WIDEST else None


def _is_text(line: bytes) -> bool:
    parts = line.split()
    try:
        return len(parts) > 1 and np.isfinite(float(parts[-1])).item() is True
    except ValueError:
        return False


def _check_finite(path: Path, vector: NDArray[np.float32], number: int) -> None:
    if not np.isfinite(vector).all():
        raise _bad(path, number, "a number is not finite")


def _bad(path: Path, number: int, error: str) -> VectorsRefused:
    return VectorsRefused("damaged", notice(WordCode.BAD_LINE, file=path.name, place=number, error=error))
