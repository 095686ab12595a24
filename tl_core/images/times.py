"""When a photograph was taken, from whichever tag the camera filled and however it spelled it."""

import email.utils
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from PIL import Image

from tl_core.images.refusals import BROKEN

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_GPS_DATE, _GPS_TIME = 29, 7
# Taken, digitised, written: each with where its fraction of a second stands.
_TAGS = ((0x9003, 0x9291), (0x9004, 0x9292), (0x0132, 0x9290))
_SPELLINGS = re.compile(
    r"""\s*(\d{4})\D(\d{1,2})\D(\d{1,2})\u65e5?  # 2023:06:01, 2023-06-01, 2023/6/1, 2023\u5e746\u67081\u65e5
    (?:\s+|\s*T\s*)                       # a blank or a T
    (\d{1,2})\D(\d{1,2})(?:\D(\d{1,2}))?  # 10:00:05
    (?:[.,](\d+))?                        # .25; a zone may follow: the camera's own clock counts, wherever it was
    (?:\s*([ap])\.?m\b)?                  # am, PM
    """,
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_RUN_TOGETHER = re.compile(r"\s*(\d{4})(\d\d)(\d\d)[T\s_-]*(\d\d)(\d\d)(\d\d)(?!\d)", re.ASCII)  # 20230601T100005
_XMP = re.compile(
    rb"(?:exif:DateTimeOriginal|photoshop:DateCreated|xmp:CreateDate)(?:>|\s*=\s*[\"'])\s*([^<\"']{10,40})"
)


def taken_at(exif: Image.Exif | None, info: dict[str, Any]) -> datetime | None:
    """Return the first time that makes sense.

    Parameters
    ----------
    exif : PIL.Image.Exif or None
        The file's EXIF.
    info : dict
        With ``xmp`` (bytes) and ``created`` (str), where the file has them.

    Returns
    -------
    datetime or None
        By the camera's own clock, so without a time zone; to the microsecond where the camera says so.
    """
    directories = _directories(exif) if exif is not None else []
    for tag, fraction in _TAGS:
        for directory in directories:
            if moment := parse(_text(directory.get(tag))):
                if moment.microsecond == 0:
                    fractions = (_text(each.get(fraction)) for each in directories)
                    moment = moment.replace(microsecond=_microseconds(next(filter(None, fractions), "")))
                return moment
    xmp = info.get("xmp") or b""
    texts = (
        [text.decode("utf-8", "replace") for text in _XMP.findall(xmp[:1_000_000])] if isinstance(xmp, bytes) else []
    )
    texts.append(str(info.get("created", "")))
    if exif is not None:
        texts.append(_satellites(exif))
    return next(filter(None, map(parse, texts)), None)


def _satellites(exif: Image.Exif) -> str:
    """Return the time by GPS, in UTC; empty without one. Better than none: within one camera it orders and spaces."""
    try:
        tags = exif.get_ifd(_GPS_IFD)
        hour, minute, second = (float(part) for part in tags[_GPS_TIME])
    except (*BROKEN, ZeroDivisionError):
        return ""
    return f"{_text(tags.get(_GPS_DATE))} {hour:02.0f}:{minute:02.0f}:{second:05.2f}"


def parse(text: str) -> datetime | None:
    """Read one spelling of a date and time; None for zeros, nonsense and nothing."""
    spelling = _SPELLINGS.match(_RUN_TOGETHER.sub(r"\1:\2:\3 \4:\5:\6", text, count=1))
    if spelling is None:
        return _mail(text)
    year, month, day, hour, minute = (int(part) for part in spelling.groups()[:5])
    second = int(spelling[6] or 0)
    if spelling[8] and 1 <= hour <= 12:  # a clock of twelve hours
        hour = hour % 12 + (12 if spelling[8].lower() == "p" else 0)
    # Phones write the first hour of a day as 24; only 24:00:00 itself is the end of the day (ISO 8601).
    days = 1 if (hour, minute, second) == (24, 0, 0) else 0
    try:
        at = (0 if hour == 24 else hour, minute, 59 if second == 60 else second)  # a leap second
        when = datetime(year, month, day, *at)
        return when.replace(microsecond=_microseconds(spelling[7] or "")) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def _mail(text: str) -> datetime | None:
    """Read a date as e-mails have it, which PNG recommends."""
    try:
        return email.utils.parsedate_to_datetime(text).replace(tzinfo=None)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _directories(exif: Image.Exif) -> list[dict[int, Any]]:
    """Return where tags may stand; one that is broken doesn't hide the other."""
    directories: list[dict[int, Any]] = []
    readers: list[Callable[[], dict[int, Any]]] = [lambda: exif.get_ifd(_EXIF_IFD), lambda: dict(exif)]
    for read in readers:
        try:
            directories.append(read())
        except BROKEN:
            continue
    return directories


def _text(value: object) -> str:
    if isinstance(value, tuple):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return str(value).replace("\0", " ").strip() if value is not None else ""


def _microseconds(digits: str) -> int:
    leading = re.match(r"\d+", digits.strip())
    return int(leading[0][:6].ljust(6, "0")) if leading else 0
