"""Cut a text into words: one way for counts, word vectors, reports of unknown words and training.

What is done, in this order:

1. Unicode is brought to one form (NFKC: full-width letters, ligatures of PDF files), soft hyphens and invisible blanks
   go, typographic apostrophes become ``'``, capitals become small letters. Not case folding: pretrained vectors know
   *straße*, not *strasse*.
2. A word is letters, their marks and digits: *h2o*, *3d*, *हिन्दी*. Hyphens, slashes and underscores part words. One
   letter may carry ``++`` or ``#``: *c++*, *f#*.
3. Contractions and elisions are parted as in the Penn Treebank and in spaCy, hence as in most pretrained vectors: *do*
   *n't*, *it* *'s*, *l'* *homme*, *qu'* *il*, *dell'* *arte*. Other apostrophes stay: *o'brien*, *aujourd'hui*.
4. A number is one word with its points and commas: *3.5*, *1,000*, *3.11.2*.
5. An emoji is one word, with its skin tone, its family or as a flag.
6. Scripts without blanks (Chinese, Japanese, Thai, Lao, Burmese, Khmer) are cut into overlapping pairs of characters,
   for most of their words are short; a lone character is itself. Katakana is kept whole: it spells foreign words.
7. All else (punctuation, lines, other signs) parts words and is none. Words longer than 64 characters, such as encoded
   files, end there.

References
----------
Marcus, Santorini, Marcinkiewicz: Building a large annotated corpus of English: the Penn Treebank, 1993.
Luk, Kwok: A comparison of Chinese document indexing strategies and retrieval models, 2002 (pairs of characters).
"""

import itertools
import re
import unicodedata

LONGEST = 64  # characters of a word

_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u02b9\u201b\u00b4\uff07"), "'")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200e\u200f\u2060\ufeff"))
_PLAIN = _APOSTROPHES | _INVISIBLE

_BLANKLESS = (
    "\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han and Hiragana
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecf\u1000-\u104f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
)
_PICTURED = (
    "\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001faff"
)
_TONE = "[\U0001f3fb-\U0001f3ff\ufe0f\u20e3]*"
_EMOJI = f"[\U0001f1e6-\U0001f1ff]{{2}}|[{_PICTURED}]{_TONE}(?:\u200d[{_PICTURED}]{_TONE})*"


def _marks() -> str:
    """Return the signs that belong to the letter before them, as ranges: Python's ``\\w`` has none of them."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x12000):
        if unicodedata.category(chr(code))[0] != "M":
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


def _word(letter: str, marks: str) -> str:
    """Return the pattern of a word: letters with marks, apostrophes between."""
    letters = f"{letter}+(?:[{marks}]+{letter}*)*"
    return f"{letters}(?:'{letters})*"


_MARKS = _marks()
_NUMBER = "[a-z](?:\\+\\+|#)(?!\\w)|\\d+(?:[.,]\\d+)*(?!'?[^\\W_])"
_ASCII = re.compile(f"{_NUMBER}|[^\\W_]+(?:'[^\\W_]+)*", re.ASCII)
# Nearly all alphabets have few marks, and Python is ten times as fast where it looks for few.
_FEW_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
_ALPHABETIC = re.compile(_NUMBER + "|" + _word("[^\\W_]", _FEW_MARKS))
_BEYOND = re.compile("[\u0700-\u1dff\u2070-\u20ab\u20ad-\U0010ffff]")
_ANY = re.compile(
    f"{_NUMBER}|" + _word(f"[^\\W_{_BLANKLESS}]", _MARKS) + f"|(?P<run>[{_BLANKLESS}]+)|(?P<emoji>{_EMOJI})"
)
_CHARACTER = re.compile(f"[^{_MARKS}][{_MARKS}]*")

# French, and what Italian has besides.
_ELIDED = re.compile(
    r"(?:[cdjlmnst]|ç|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu|presqu|un|gl|dell|all|nell|sull|dall|coll|quest|quell)'"
)
_CONTRACTED = re.compile(r"(.+?)(n't|'(?:s|ll|re|ve|d|m|em))$")
_WHOLE = frozenset({"aujourd'hui", "prud'homme", "prud'hommes", "d'ailleurs", "quelqu'un", "quelqu'une"})


def tokens(text: str) -> list[str]:
    """Return the words of a text, in order, as the module says.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    list of str
        Small letters; none is empty, none is longer than 64 characters.
    """
    if text.isascii():
        words = _ASCII.findall(text.lower())
    else:
        plain = unicodedata.normalize("NFKC", text.translate(_PLAIN)).lower()
        if _BEYOND.search(plain) is None:
            words = _ALPHABETIC.findall(plain)
        else:
            words = [token for match in _ANY.finditer(plain) for token in _of_match(match)]
    cut = (token[:LONGEST] for token in words)
    return [part for token in cut for part in (_parted(token) if "'" in token else (token,))]


def is_number(token: str) -> bool:
    """Return whether a word is a number: its digits, points and commas are no vocabulary."""
    return token[0].isdecimal() and token.replace(",", "").replace(".", "").isdecimal()


def _of_match(match: re.Match[str]) -> list[str]:
    if match.lastgroup == "run":
        return _pairs(match.group())
    if match.lastgroup == "emoji":
        return [match.group().replace("\ufe0f", "")]
    return [match.group()]


def _pairs(run: str) -> list[str]:
    """Return the overlapping pairs of characters, each with its marks, of a script without blanks."""
    characters = _CHARACTER.findall(run)
    if len(characters) < 2:
        return [run]
    return [first + second for first, second in itertools.pairwise(characters)]


def _parted(token: str) -> list[str]:
    """Part what was elided before a word, and contracted after it."""
    before: list[str] = []
    after: list[str] = []
    while token not in _WHOLE and (elided := _ELIDED.match(token)):
        before.append(elided.group())
        token = token[elided.end() :]
    while token not in _WHOLE and (contracted := _CONTRACTED.match(token)):
        token = contracted.group(1)
        after.append(contracted.group(2))
    return [*before, token, *reversed(after)]
