"""Which language a pool of texts is in, and how certainly.

Read off a few hundred texts by langid's classifier (py3langid: 4.5 MB, NumPy only, kept up): stop words fail on what
has none: titles, package descriptions, questions of five words.

References
----------
Lui, Baldwin: langid.py: an off-the-shelf language identification tool, 2012.
"""

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.featurisers.base import FeaturiserUnavailable

ENOUGH = 300  # texts tell
CERTAIN = 0.8  # share of the words from which on a pool is said to be in one language
LEAST_CERTAINTY = 0.5  # of a text; one that is less certain is in no language: code, names, numbers
_MOST_CHARACTERS = 1000  # of a text


@dataclass(frozen=True)
class Language:
    """What a pool's language seems to be.

    Attributes
    ----------
    code : str
        ISO 639-1; empty where nothing can be told.
    share : float
        Of the characters that were read, in texts whose language could be told; 0 to 1.
    others : tuple of (str, float)
        Further languages and their shares, of 5 % at least, most first.
    texts : int
        How many were read.
    """

    code: str
    share: float
    others: tuple[tuple[str, float], ...]
    texts: int

    @property
    def is_certain(self) -> bool:
        """Whether one language is nearly all there is."""
        return self.share >= CERTAIN


def language(texts: Sequence[str]) -> Language:
    """Tell a pool's language.

    Parameters
    ----------
    texts : sequence of str
        The pool, or some thousand of it; 300, evenly spread, are read.

    Returns
    -------
    Language
        Of texts without words, one without a code.

    Raises
    ------
    FeaturiserUnavailable
        py3langid is not installed.
    """
    rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), ENOUGH)).astype(np.intp))
    classifier = _classifier()
    read: Counter[str] = Counter()
    for row in rows:
        text = texts[row][:_MOST_CHARACTERS].strip()
        letters = sum(map(str.isalpha, text))
        code, certainty = classifier.classify(text) if letters else ("", 0.0)
        read[code if certainty >= LEAST_CERTAINTY else ""] += letters
    told = Counter({code: letters for code, letters in read.items() if code})
    if not told:
        return Language("", 0.0, (), len(rows))
    total = told.total()
    (code, most), *rest = told.most_common()
    others = tuple((other, letters / total) for other, letters in rest if letters >= total / 20)
    return Language(code, most / total, others, len(rows))


@functools.cache
def _classifier() -> Any:
    """Load the classifier, once a process."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise FeaturiserUnavailable("py3langid is not installed: pip install py3langid") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
