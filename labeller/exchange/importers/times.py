"""Times as formats write them, as those of the clocks of a place: that is how this site keeps them, taken as UTC."""

import functools
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from labeller.exchange.importers.base import Unreadable

# Day and month are told apart by the separator and by what can't be a month; what is left open is not guessed.
FORMATS = (
    "%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y", "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y%m%d %H%M%S", "%Y%m%d",
)  # fmt: skip
SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?\s*([AP]M)?)?", re.I)
EARLIEST, LATEST = 1900, 2200


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of that name; None for no name. Raises Unreadable where there is none."""
    if not name.strip():
        return None
    if name.strip() not in _zones():
        raise Unreadable("no-such-zone", name)
    return ZoneInfo(name.strip())


def has_zone(text: str) -> bool:
    """Whether a time says how far it is from UTC."""
    return re.search(r"(Z|[+-]\d\d:?\d\d)$", text.strip()) is not None


def local_time(text: str, zone: ZoneInfo | None = None) -> datetime | None:
    """A time by the clocks of the place; None where it is no time, or may be two.

    With a zone, what says how far from UTC it is is brought there; without one its own clock is the place's.
    """
    text = text.strip()
    found = _read(text)
    if found is None or not EARLIEST <= found.year <= LATEST:
        return None
    if found.tzinfo is not None and zone is not None:
        found = found.astimezone(zone)
    return found.replace(tzinfo=UTC, fold=0)


def instant(text: str, zone: ZoneInfo | None = None) -> datetime | None:
    """When something was done, by the clocks of that zone if it names none; None where it is no time, or may be two."""
    found = _read(text.strip())
    if found is None or not EARLIEST <= found.year <= LATEST:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone or UTC)).astimezone(UTC)


def _read(text: str) -> datetime | None:
    if not text or not text[0].isdigit():
        return None
    if text.isdigit() and len(text) < 8:  # a year, or a number of seconds: Python takes some of them
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(?<=[+-]\d\d)(?=\d\d$)", ":", text))
    except ValueError:
        pass
    for pattern in FORMATS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return _slashed(text)


def _slashed(text: str) -> datetime | None:
    """13/2/2026 and 2/13/2026 are certain; 2/3/2026 is two days."""
    found = SLASHED.fullmatch(text)
    if found is None:
        return None
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    if first <= 12 and second <= 12 and first != second:
        return None
    day, month = (first, second) if first > 12 or first == second else (second, first)
    hour, minute, second = (int(found[each] or 0) for each in (4, 5, 6))
    if found[7]:
        hour = hour % 12 + 12 * (found[7].upper() == "PM")
    try:
        return datetime(year, month, day) + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
