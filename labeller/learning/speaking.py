"""Which words of a text speak for a class and which against it, as a linear head sees them.

A linear head weighs each column of an embedding. Where a featuriser of texts can say what a word adds to the columns,
as counts of words can, that times the weights is what the word adds to the class's logit: exactly, in well under a
millisecond. Else words are left out one after the other and the rest is embedded again: only where the featuriser says
that it is quick, for a page waits for the answer.
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.embedding import mixing
from labeller.learning.models import Head
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.heads import files as head_files
from tl_core.heads.files import HeadCorrupt
from tl_core.heads.plain import LinearHead
from tl_core.texts import registry
from tl_core.texts.base import TextFeaturiser

MOST = 12  # words that are marked: more, and none stands out
FAINT = 0.12  # share of the strongest word's weight below which a word is not marked
MOST_LEFT_OUT = 80  # distinct words that are tried one after the other

# A word, or a single character of a script that leaves no room between words.
_WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’-][^\W_]+)*")

Place = tuple[int, int]  # first character, and the one after the last
Weigh = Callable[[str, Sequence[Place], int], Sequence[float] | NDArray[np.floating]]


@dataclass(frozen=True)
class Span:
    """A word that is marked, and how much it speaks for the class: of the strongest one's weight, -1 to 1."""

    start: int
    end: int
    weight: float


@runtime_checkable
class TellsWords(Protocol):
    """A featuriser that can say what each word adds along a direction of its embeddings."""

    def word_weights(
        self, text: str, places: Sequence[Place], direction: NDArray[np.float32]
    ) -> Sequence[float] | NDArray[np.floating]:
        """What the words at these places add to the text's embedding along that direction, (D,): a number a word."""


def places(text: str) -> list[Place]:
    """Where the words of a text are."""
    return [found.span() for found in _WORD.finditer(text)]


def spans(text: str, class_id: int, weigh: Weigh) -> list[Span]:
    """The words that speak most for the class or against it, in the order of the text.

    `weigh` is told the text, where its words are and the class, and gives each word's weight. What occurs twice is
    marked wherever it is.
    """
    words = places(text)
    if not words:
        return []
    weights = np.nan_to_num(np.asarray(weigh(text, words, class_id), np.float64))
    strongest = float(np.abs(weights).max())
    if strongest <= 0:
        return []
    by_word: dict[str, float] = {}
    for (start, end), weight in zip(words, weights, strict=True):
        word = text[start:end].casefold()
        by_word[word] = max(by_word.get(word, 0.0), abs(float(weight)))
    best = sorted((word for word in by_word if by_word[word] >= FAINT * strongest), key=lambda word: -by_word[word])
    marked = set(best[:MOST])
    return [
        Span(start, end, float(weight) / strongest)
        for (start, end), weight in zip(words, weights, strict=True)
        if text[start:end].casefold() in marked and abs(weight) >= FAINT * strongest
    ]


def left_out(score: Callable[[list[str]], NDArray[np.floating]]) -> Weigh:
    """A word's weight as what the score of the text loses without it; of texts with few words, for each is tried."""

    def weigh(text: str, words: Sequence[Place], class_id: int) -> Sequence[float]:
        by_word: dict[str, list[Place]] = {}
        for start, end in words:
            by_word.setdefault(text[start:end].casefold(), []).append((start, end))
        if len(by_word) > MOST_LEFT_OUT:
            return [0.0] * len(words)
        scores = score([text, *(_without(text, each) for each in by_word.values())])
        lost = dict(zip(by_word, (scores[0] - scores[1:]).tolist(), strict=True))
        return [lost[text[start:end].casefold()] for start, end in words]

    return weigh


def _without(text: str, words: Sequence[Place]) -> str:
    kept, last = [], 0
    for start, end in words:
        kept.append(text[last:start])
        last = end
    return "".join([*kept, text[last:]])


def words_of(head: Head, text: str, class_id: int) -> list[Span]:
    """The words of a text that speak for a class of this head; none where nobody can say."""
    linear = _linear(head.directory)
    if linear is None or class_id not in linear.classes:
        return []
    try:
        weigh = _weigh(head, linear)
        return spans(text, class_id, weigh) if weigh else []
    except (FeaturiserUnavailable, mixing.MixGone):
        return []


@functools.lru_cache(maxsize=8)
def _linear(directory: str) -> LinearHead | None:
    """The stored head, where it is a linear one and is here."""
    if not directory:
        return None
    try:
        stored = head_files.load(settings.HEADS / directory)
    except (FileNotFoundError, HeadCorrupt):
        return None
    return stored if isinstance(stored, LinearHead) else None


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of what a head sees: its featuriser, its columns, and what these are multiplied by."""

    featuriser: TextFeaturiser | None
    columns: slice
    scale: NDArray[np.float32] | np.float32


def _weigh(head: Head, linear: LinearHead) -> Weigh | None:
    parts = _parts(head)
    if any(isinstance(part.featuriser, TellsWords) for part in parts):
        return functools.partial(_added, linear, parts)
    quick = [part.featuriser for part in parts if part.featuriser and part.featuriser.is_quick]
    if len(quick) < len(parts):
        return None

    def weigh(text: str, words: Sequence[Place], class_id: int) -> Sequence[float] | NDArray[np.floating]:
        column = linear.classes.tolist().index(class_id)

        def score(texts: list[str]) -> NDArray[np.floating]:
            columns = [each.embed(texts) * part.scale for each, part in zip(quick, parts, strict=True) if each]
            logits = linear.logits(np.hstack(columns))
            lead: NDArray[np.floating] = logits[:, column] - logits.mean(axis=1)
            return lead

        return left_out(score)(text, words, class_id)

    return weigh


def _added(
    linear: LinearHead, parts: Sequence[_Part], text: str, words: Sequence[Place], class_id: int
) -> NDArray[np.floating]:
    """What each word adds to the class's lead, by all parts that can say so."""
    column = linear.classes.tolist().index(class_id)
    direction = linear.coef[column] - (0 if linear.multilabel else linear.coef.mean(axis=0))
    weights = np.zeros(len(words))
    for part in parts:
        if isinstance(part.featuriser, TellsWords):
            along = (direction[part.columns] * part.scale).astype(np.float32)
            weights += np.asarray(part.featuriser.word_weights(text, words, along), np.float64)
    return weights


def _parts(head: Head) -> list[_Part]:
    if not head.mix:
        return [_Part(featuriser(head.run.featuriser), slice(None), np.float32(1))]
    found, start = [], 0
    scales = mixing.named(head.run, head.mix).scales
    for run, scale in zip(mixing.parts(head.run, head.mix), scales, strict=True):
        found.append(_Part(featuriser(run.featuriser), slice(start, start + len(scale)), scale))
        start += len(scale)
    return found


@functools.lru_cache(maxsize=2)  # what was fitted to a large pool takes 150 MB
def featuriser(spec: str) -> TextFeaturiser | None:
    """The featuriser of texts of that name, kept by the process; None for one whose words nobody knows."""
    try:
        return registry.make(spec)
    except (KeyError, ValueError):
        return None
