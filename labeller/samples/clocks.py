"""What was wrong with a camera's clock, and which times it meant.

A clock is wrong in three ways. It was set wrongly (a shift); it went too fast or too slow, so that it was wrong by
another amount when it was taken down (drift: what lies between is on a straight line); it stayed as it was set while
the clocks of the place changed for daylight saving. All times are by the clocks of the place, taken as UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from labeller.samples.models import Deployment

FIELDS = ("clock_shift", "clock_shift_end", "keeps_offset", "start", "end", "time_zone")  # what it is put right by


class Clock(NamedTuple):
    """How the times of one deployment are put right."""

    shift: timedelta = timedelta()  # to add from the start on
    end_shift: timedelta | None = None  # to add at the end; None = the same
    start: datetime | None = None
    end: datetime | None = None
    set_in: ZoneInfo | None = None  # the zone by whose time the clock was set at the start, and didn't change with it

    def right(self, clock: datetime | None) -> datetime | None:
        """The time that the clock meant; as it is where the calendar has no such time."""
        if clock is None:
            return None
        try:
            return self._in_place(clock + self._to_add(clock))
        except OverflowError:
            return clock

    def way(self) -> dict[str, Any]:
        """As it is stored and exported: {} where times stay as they are. Two that are alike do the same to each."""
        if self == Clock(start=self.start, end=self.end):
            return {}
        found: dict[str, Any] = {"clock_shift": self.shift.total_seconds()}
        if self.end_shift is not None:
            found |= {"clock_shift_end": self.end_shift.total_seconds(), "end": str(self.end)}
        if self.set_in is not None:
            found["set_in"] = self.set_in.key
        if len(found) > 1:
            found["start"] = str(self.start)
        return found

    def _to_add(self, clock: datetime) -> timedelta:
        if self.end_shift is None or self.start is None or self.end is None:
            return self.shift
        part = (clock + self.shift - self.start) / (self.end - self.start)
        return self.shift + min(max(part, 0.0), 1.0) * (self.end_shift - self.shift)

    def _in_place(self, shown: datetime) -> datetime:
        """By the clocks of the place, which changed for daylight saving while this one didn't."""
        if self.set_in is None or self.start is None:
            return shown
        offset = self.start.replace(tzinfo=self.set_in).utcoffset() or timedelta()
        return (shown - offset).astimezone(self.set_in).replace(tzinfo=UTC)


def clock_of(deployment: Deployment) -> Clock:
    """What is written down of its clock; what cannot be worked out without a start, an end or a zone is left out."""
    start, end = deployment.start, deployment.end
    drifts = deployment.clock_shift_end is not None and start is not None and end is not None and start < end
    stays = deployment.keeps_offset and start is not None and deployment.time_zone
    return Clock(
        deployment.clock_shift,
        deployment.clock_shift_end if drifts else None,
        start,
        end,
        ZoneInfo(deployment.time_zone) if stays else None,
    )
