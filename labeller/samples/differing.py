"""In which words two texts differ, for people to see."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

LONGEST = 20_000  # characters of a text that are shown and compared
MOST_WORDS = 1_500  # between the first and the last that differ: comparing takes time by its square
_WORD = re.compile(r"\s*\S+|\s+$")


class Stretch(NamedTuple):
    """Some words of a text, and whether the other one has others there."""

    content: str
    differs: bool


def differing(one: str, other: str) -> tuple[list[Stretch], list[Stretch]]:
    """Both texts in stretches, cut at their beginning's `LONGEST` characters."""
    words, others = (_WORD.findall(text[:LONGEST]) for text in (one, other))
    start = _same(words, others)
    rest = min(len(words), len(others)) - start
    end = min(_same(words[::-1], others[::-1]), rest)
    middle, other_middle = words[start : len(words) - end], others[start : len(others) - end]
    ends = words[len(words) - end :]
    if max(len(middle), len(other_middle)) > MOST_WORDS:
        pairs = [(middle, other_middle, True)]
    else:
        matcher = difflib.SequenceMatcher(None, middle, other_middle)
        pairs = [(middle[a:b], other_middle[c:d], what != "equal") for what, a, b, c, d in matcher.get_opcodes()]
    pairs = [(words[:start], words[:start], False), *pairs, (ends, ends, False)]
    return list(_stretches([(mine, is_other) for mine, _its, is_other in pairs])), list(
        _stretches([(its, is_other) for _mine, its, is_other in pairs])
    )


def _same(words: Sequence[str], others: Sequence[str]) -> int:
    """With how many equal words both begin."""
    return next(
        (at for at, (word, other) in enumerate(zip(words, others, strict=False)) if word != other),
        min(len(words), len(others)),
    )


def _stretches(parts: Sequence[tuple[Sequence[str], bool]]) -> Iterator[Stretch]:
    for words, differs in parts:
        if content := "".join(words):
            yield Stretch(content, differs)
