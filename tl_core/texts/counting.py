"""Count the words of a pool in one pass, in bounded memory."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tl_core.texts.tokens import is_number, tokens

MOST_TYPES = 2_000_000  # of a million short texts there are fewer; beyond, the rarest are forgotten
TOLD = 1000  # texts between two calls of a callback


@dataclass(eq=False)
class WordCounts:
    """How often words are in a pool.

    Attributes
    ----------
    of_word : Counter of str
        How often each was said.
    texts_with : Counter of str
        In how many texts each is.
    texts : int
        How many there are.
    tokens : int
        Words said in all, forgotten ones too.
    """

    of_word: Counter[str] = field(default_factory=Counter)
    texts_with: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    tokens: int = 0

    def idf(self, word: str) -> float:
        """Return how telling a word is: ``ln((1 + texts) / (1 + texts with it)) + 1``, as scikit-learn has it."""
        return math.log((1 + self.texts) / (1 + self.texts_with[word])) + 1

    def share(self, word: str) -> float:
        """Return a word's share of all that is said, 0 to 1."""
        return self.of_word[word] / max(self.tokens, 1)

    def by_frequency(self, least: int = 1) -> list[str]:
        """Return the words said ``least`` times or more, the most frequent first, equals by their letters."""
        often = [word for word, count in self.of_word.items() if count >= least]
        return sorted(often, key=lambda word: (-self.of_word[word], word))

    def vocabulary(self) -> list[str]:
        """Return all words but numbers, in the order of `by_frequency`."""
        return [word for word in self.by_frequency() if not is_number(word)]


def count(
    texts: Iterable[str], tell: Callable[[int], None] = lambda done: None, most_types: int = MOST_TYPES
) -> WordCounts:
    """Count the words of texts.

    Parameters
    ----------
    texts : iterable of str
        Read once.
    tell : callable
        Told how many texts are done, now and then; what it raises stops the work.
    most_types : int
        Different words that are kept at most: beyond, those said least are forgotten, as often as it takes.

    Returns
    -------
    WordCounts

    References
    ----------
    Manku, Motwani: Approximate frequency counts over data streams, 2002 (why frequent words survive it).
    """
    counts, least = WordCounts(), 1
    for text in texts:
        words = tokens(text)
        counts.texts += 1
        counts.tokens += len(words)
        counts.of_word.update(words)
        counts.texts_with.update(set(words))
        while len(counts.of_word) > most_types:
            _forget(counts, least)
            least += 1
        if counts.texts % TOLD == 0:
            tell(counts.texts)
    if counts.texts % TOLD:
        tell(counts.texts)
    return counts


class Cumulative:
    """Tells of several passes over a pool as of one that goes on: a count that does not rise begins another pass.

    Parameters
    ----------
    tell : callable
        Told how many texts were read until now, all passes together.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell, self._before, self._last = tell, 0, 0

    def skip(self, texts: int) -> None:
        """Count texts as read that were read before the work was stopped."""
        self._before += texts

    def __call__(self, done: int) -> None:
        """Take the texts done in the pass in hand."""
        if done <= self._last:
            self._before += self._last
        self._last = done
        self._tell(self._before + done)


def _forget(counts: WordCounts, least: int) -> None:
    for word in [word for word, times in counts.of_word.items() if times <= least]:
        del counts.of_word[word], counts.texts_with[word]
