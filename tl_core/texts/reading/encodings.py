"""Which encoding bytes are in, and why we think so. Nothing here replaces a character without telling."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tl_core.notices import Code, Notice, notice

BROKEN = "\udcff"  # stands for bytes that make no character; no text can hold it, and UTF-8 cannot write it
ON_BROKEN = "tl-core-broken"  # the error handler that puts it there
_SAMPLE_BYTES = 1 << 16
_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
# What is looked for where UTF-8 does not fit. Others look alike, and are met once in a thousand files.
_LEGACY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "mac_roman", "tis_620"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
_ALIKE = {"cp1250", "cp1252", "cp1254"}  # the same letters but a few: what language it is decides
_BY_LANGUAGE = {
    **dict.fromkeys(("Czech", "Slovak", "Polish", "Hungarian", "Romanian", "Slovene", "Croatian"), "cp1250"),
    "Turkish": "cp1254",
}


@dataclass(frozen=True)
class Encoding:
    """What bytes are in.

    Attributes
    ----------
    name : str
        As Python calls it.
    reason : Notice
        Why, for people.
    """

    name: str
    reason: Notice


def _mark_broken(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return BROKEN, error.end


codecs.register_error(ON_BROKEN, _mark_broken)


def encoding_of(chunks: Iterable[bytes]) -> Encoding | None:
    """Tell the encoding of a stream of bytes, in one pass over it.

    Parameters
    ----------
    chunks : iterable of bytes
        The content, or as much of it as is to be looked at.

    Returns
    -------
    Encoding or None
        UTF-8 where it fits, or where most of what is not ASCII fits it; otherwise what charset-normalizer thinks of
        the lines that are not ASCII. None: no encoding that we know fits.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(ON_BROKEN)
    beginning, odd, broken, beyond = b"", bytearray(), 0, 0
    for chunk in chunks:
        if len(beginning) < 4096:
            beginning += chunk[:4096]
            if (marked := _by_beginning(beginning)) is not None:
                return marked
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(chunk)
        broken += text.count(BROKEN)
        beyond += len(chunk) - len(text)  # each character beyond ASCII takes one byte more at least
        if len(odd) < _SAMPLE_BYTES:
            odd += _lines_beyond_ascii(chunk)
    broken += decoder.decode(b"", final=True).count(BROKEN)
    if not broken:
        return Encoding("utf-8", notice(Code.ENCODING_FITS, name="UTF-8"))
    if beyond > 3 * broken:
        return Encoding("utf-8", notice(Code.ENCODING_MOSTLY, name="UTF-8", n=broken))
    name = _legacy(bytes(odd[:_SAMPLE_BYTES]))
    return None if name is None else Encoding(name, notice(Code.ENCODING_LIKELY, name=name))


def _by_beginning(beginning: bytes) -> Encoding | None:
    """By a byte order mark, or by the zeros that plain letters have in UTF-16."""
    for mark, name in _MARKS:
        if beginning.startswith(mark):
            return Encoding(name, notice(Code.ENCODING_MARKED, name=name.removesuffix("-sig").upper()))
    if len(beginning) > 3:
        pairs = len(beginning) // 2
        for name, at in (("utf-16-le", 1), ("utf-16-be", 0)):
            zeros, others = beginning[at::2].count(0), beginning[1 - at :: 2].count(0)
            if zeros > 0.4 * pairs and others < 0.05 * pairs:
                return Encoding(name, notice(Code.ENCODING_LIKELY, name=name.upper()))
    return None


def _lines_beyond_ascii(chunk: bytes) -> bytes:
    """What tells encodings apart; the first and the last line of a large chunk may be cut in a character."""
    lines = chunk.splitlines(keepends=True)
    whole = lines[1:-1] if len(lines) > 2 and len(chunk) > _SAMPLE_BYTES else lines
    return b"".join([line for line in whole if not line.isascii()][:1000])


def _legacy(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_LEGACY).best()
    if best is None or best.encoding not in _LEGACY:
        return "cp1252" if _fits(sample, "cp1252") else None
    if best.encoding in _ALIKE:
        name = _BY_LANGUAGE.get(best.language, "cp1252")
        return name if _fits(sample, name) else str(best.encoding)
    return str(best.encoding)


def _fits(sample: bytes, name: str) -> bool:
    try:
        sample.decode(name)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class DecodedText:
    """A text and how it was come by.

    Attributes
    ----------
    text : str
        With "\\n" between lines, without a byte order mark. What could not be read is U+FFFD.
    encoding : str
        As Python calls it.
    n_replaced : int
        How many places could not be read.
    """

    text: str
    encoding: str
    n_replaced: int = 0


def decode(content: bytes, declared: str = "") -> DecodedText | None:
    """Decode a whole text.

    Parameters
    ----------
    content : bytes
        All of it.
    declared : str
        What it says it is in: taken where it fits.

    Returns
    -------
    DecodedText or None
        None: it is no text in any encoding that we know.
    """
    name = _known(declared)
    # What is UTF-8 beyond ASCII is never anything else by chance: then the declaration is of an earlier file.
    if name and not (_fits(content, "utf-8") and not content.isascii()) and _fits(content, name):
        return DecodedText(plain_lines(content.decode(name)), name)
    encoding = encoding_of([content])
    if encoding is None:
        return None
    text = content.decode(encoding.name, ON_BROKEN)
    n_replaced = text.count(BROKEN)
    return DecodedText(plain_lines(text.replace(BROKEN, "�").removeprefix("\ufeff")), encoding.name, n_replaced)


def plain_lines(text: str) -> str:
    """Return a text with "\\n" wherever a line or a page ends."""
    return re.sub(r"\r\n?|\x0b|\u2028|\u0085", "\n", text).replace("\x0c", "\n\n").replace("\u2029", "\n\n")


def _known(declared: str) -> str:
    """Python's name of a declared text encoding. Latin-1 means cp1252, as in every browser."""
    try:
        codec = codecs.lookup(declared.strip().strip("\"'")) if declared else None
    except (LookupError, ValueError):
        return ""
    if codec is None or not getattr(codec, "_is_text_encoding", True):
        return ""
    return "cp1252" if codec.name in ("iso8859-1", "ascii") else codec.name
