"""What is known of a deployment, as a manager writes it down."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from labeller.samples.models import Deployment

SHIFT = re.compile(r"\s*([+-]?)\s*(?:(\d{1,6})\s+)?(\d{1,6}):([0-5]\d)(?::([0-5]\d))?\s*", re.ASCII)
LONGEST_SHIFT = timedelta(days=36_525)
LOCAL = "%Y-%m-%dT%H:%M"


class ShiftField(forms.CharField):
    """A time to add, written as hours:minutes:seconds, days before them, a sign in front of all; `nothing` if empty."""

    def __init__(self, *, nothing: timedelta | None = timedelta(), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nothing = nothing

    def prepare_value(self, value: Any) -> Any:
        return written(value) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> timedelta | None:
        text = super().clean(value)
        if not text.strip():
            return self.nothing
        found = SHIFT.fullmatch(text)
        if found is None:
            raise ValidationError(_("Write hours and minutes with a colon between them, such as -1:00 or 366 0:00:30."))
        sign, *numbers = found.groups()
        days, hours, minutes, seconds = (int(number or 0) for number in numbers)
        shift = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if shift > LONGEST_SHIFT:
            raise ValidationError(_("No clock is wrong by more than a hundred years."))
        return -shift if sign == "-" else shift


def written(shift: timedelta) -> str:
    """The shift as `ShiftField` reads it."""
    minutes, seconds = divmod(int(abs(shift).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    sign = "-" if shift < timedelta() else ""
    return f"{sign}{f'{days} ' if days else ''}{hours}:{minutes:02}:{seconds:02}"


class _TimeInput(forms.DateTimeInput):
    def __init__(self) -> None:
        super().__init__(attrs={"type": "datetime-local"}, format=LOCAL)


class DeploymentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where the camera stood, from when to when, and what was wrong with its clock."""

    clock_shift = ShiftField(
        label=_("To add to the camera’s clock"),
        required=False,
        help_text=_(
            "Hours:minutes:seconds, days before them, a minus in front where the clock was ahead: 1:00, -0:03:20, "
            "366 0:00. The times the camera wrote are kept beside those put right, and bursts are formed anew."
        ),
    )
    clock_shift_end = ShiftField(
        label=_("To add at the end"),
        required=False,
        nothing=None,
        help_text=_(
            "Of a clock that went too fast or too slow: what was wrong with it when the camera was taken down. What "
            "lies between grows evenly from the one to the other."
        ),
    )

    class Meta:
        model = Deployment
        fields = [
            "location_name", "latitude", "longitude", "camera", "start", "end", "time_zone", "clock_shift",
            "clock_shift_end", "keeps_offset",
        ]  # fmt: skip
        labels = {
            "location_name": _("Name of the place"),
            "latitude": _("Latitude"),
            "longitude": _("Longitude"),
            "camera": _("Camera"),
            "start": _("From"),
            "end": _("Until"),
            "time_zone": _("Time zone"),
            "keeps_offset": _("The clock did not follow daylight saving time"),
        }
        help_texts = {
            "latitude": _("In degrees, WGS84; south is negative."),
            "longitude": _("In degrees, WGS84; west is negative."),
            "camera": _("Its number or name."),
            "start": _("When the camera was set up, by the clocks of the place."),
            "end": _("When it was taken down."),
            "time_zone": _("Which the times of its photographs are in, such as Europe/Amsterdam."),
            "keeps_offset": _("It stayed as it was set on the first day; its times are put right by the time zone."),
        }
        widgets = {"start": _TimeInput(), "end": _TimeInput()}

    def clean_time_zone(self) -> str:
        return known_zone(self.cleaned_data["time_zone"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name, most in (("latitude", 90), ("longitude", 180)):
            number = given.get(name)
            if number is not None and not -most <= number <= most:
                self.add_error(name, _("It lies between -%(most)d and %(most)d degrees.") % {"most": most})
        if not self.errors and (given["latitude"] is None) != (given["longitude"] is None):
            self.add_error("longitude", _("Give both latitude and longitude, or neither."))
        if given.get("start") and given.get("end") and given["end"] < given["start"]:
            self.add_error("end", _("It ends before it begins."))
        if not self.errors:
            self._check_clock(given)
        return given

    def _check_clock(self, given: dict[str, Any]) -> None:
        """What is put right over time needs to know which time that is."""
        start, end = given["start"], given["end"]
        if given["clock_shift_end"] is not None and (not start or not end or start == end):
            self.add_error("clock_shift_end", _("Write down from when until when: it grows over that time."))
        if given["keeps_offset"] and not (start and given["time_zone"]):
            self.add_error("keeps_offset", _("Write down the time zone, and from when: the clock was set then."))


class ZoneForm(forms.Form):
    """One time zone for all cameras of which none is written down."""

    time_zone = forms.CharField(
        label=_("Time zone of all that have none"), max_length=60, help_text=_("Such as Europe/Amsterdam.")
    )

    def clean_time_zone(self) -> str:
        return known_zone(self.cleaned_data["time_zone"])


def known_zone(given: str) -> str:
    """The name of a time zone, or nothing.

    Raises ValidationError: there is none of this name.
    """
    name = given.strip()
    if name and name not in available_timezones():
        raise ValidationError(_("There is no time zone of this name. Write one such as Europe/Amsterdam or UTC."))
    return name
