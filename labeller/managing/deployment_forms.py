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
    """A time to add, written as hours:minutes:seconds, days before them, a sign in front of all."""

    def prepare_value(self, value: Any) -> Any:
        return written(value) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> timedelta:
        text = super().clean(value)
        if not text.strip():
            return timedelta()
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

    class Meta:
        model = Deployment
        fields = ["location_name", "latitude", "longitude", "camera", "start", "end", "time_zone", "clock_shift"]
        labels = {
            "location_name": _("Name of the place"),
            "latitude": _("Latitude"),
            "longitude": _("Longitude"),
            "camera": _("Camera"),
            "start": _("From"),
            "end": _("Until"),
            "time_zone": _("Time zone"),
        }
        help_texts = {
            "latitude": _("In degrees, WGS84; south is negative."),
            "longitude": _("In degrees, WGS84; west is negative."),
            "camera": _("Its number or name."),
            "start": _("When the camera was set up, by the clocks of the place."),
            "end": _("When it was taken down."),
            "time_zone": _("Which the times of its photographs are in, such as Europe/Amsterdam."),
        }
        widgets = {"start": _TimeInput(), "end": _TimeInput()}

    def clean_time_zone(self) -> str:
        given: str = self.cleaned_data["time_zone"].strip()
        if given and given not in available_timezones():
            raise ValidationError(_("There is no time zone of this name. Write one such as Europe/Amsterdam or UTC."))
        return given

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
        return given
