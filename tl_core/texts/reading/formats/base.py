"""What every kind of document becomes, and how its paragraphs are put together."""

import re
from dataclasses import dataclass, field

from tl_core.notices import Notice

_BLANKS = re.compile(r"[ \t\n\r\f\v\xa0]+")


@dataclass
class Extracted:
    """The text of a document, before anybody looks whether it is one.

    Attributes
    ----------
    text : str
        Paragraphs with an empty line between them.
    encoding : str
        What its bytes were in; empty where the format settles it.
    title : str
        Empty where it says none.
    notes : list of Notice
        What a person should know about it.
    """

    text: str
    encoding: str = ""
    title: str = ""
    notes: list[Notice] = field(default_factory=list)


class Paragraphs:
    """Puts a text together from pieces: words run on, lines and paragraphs end where they are told to."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._breaks = 0  # line ends that are due before the next words

    def words(self, text: str) -> None:
        """Add words to the line; white space in them is one blank."""
        text = _BLANKS.sub(" ", text)
        if not self._line or self._line[-1][-1:] in ("", " ", "\t", "\n"):
            text = text.lstrip(" ")
        if text:
            self._line.append(text)

    def exactly(self, text: str) -> None:
        """Add a text as it is, with its blanks and its lines."""
        if text:
            self._line.append(text)

    def cell(self) -> None:
        """End a cell of a table."""
        if self._line:
            self._line[-1] = self._line[-1].rstrip(" ")
        self._line.append("\t")

    def line(self) -> None:
        """End the line."""
        self._end(1)

    def paragraph(self) -> None:
        """End the paragraph."""
        self._end(2)

    def closer(self) -> None:
        """Take back the end of the paragraph before: only a line ended."""
        self._breaks = min(self._breaks, 1)

    def text(self) -> str:
        """Return all that was put together."""
        self._end(0)
        return "".join(self._done).strip("\n")

    def _end(self, breaks: int) -> None:
        line = "".join(self._line).rstrip()
        self._line = []
        if line:
            if self._done:
                self._done.append("\n" * self._breaks)
            self._done.append(line)
            self._breaks = 0
        self._breaks = max(self._breaks, breaks)
