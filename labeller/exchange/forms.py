"""What is chosen of a format on the page of exports."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeller.exchange.exporters.base import Exporter, ExportOption
from labeller.projects.models import Question

LONGEST = 200  # of a text that somebody types in
LARGEST = 2**31 - 1


class ExportForm(forms.Form):
    """The options of one format, and which questions go out where it takes several; `chosen` is at first."""

    def __init__(self, exporter: Exporter, questions: Sequence[Question], chosen: Question, data: Any = None) -> None:
        super().__init__(data, auto_id=f"{exporter.name}-%s", initial=exporter.filled({}))
        self.exporter, self.chosen = exporter, chosen
        self._by_key = {each.key: each for each in questions}
        if exporter.several and len(questions) > 1:
            self.fields["questions"] = forms.MultipleChoiceField(
                choices=[(each.key, each.text) for each in questions],
                initial=[chosen.key],
                label=gettext_lazy("Questions"),
                widget=forms.CheckboxSelectMultiple,
            )
        self.fields |= {option.name: _field(option) for option in exporter.options}

    @property
    def options(self) -> dict[str, Any]:
        """What was chosen, by the names of the options."""
        return {each.name: self.cleaned_data[each.name] for each in self.exporter.options}

    @property
    def questions(self) -> list[Question]:
        """The questions that are to go out, in their order."""
        keys = self.cleaned_data.get("questions", [self.chosen.key])
        return [each for key, each in self._by_key.items() if key in keys]

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone and zone not in available_timezones():
            raise ValidationError(_("There is no such time zone: they are called as Europe/Amsterdam is."))
        return zone


def _field(option: ExportOption) -> forms.Field:
    about: dict[str, Any] = {"label": option.title, "help_text": option.help}
    if option.choices:
        return forms.ChoiceField(choices=option.choices, required="" not in dict(option.choices), **about)
    if isinstance(option.default, bool):
        return forms.BooleanField(required=False, **about)
    if isinstance(option.default, int):
        return forms.IntegerField(min_value=0, max_value=LARGEST, **about)
    return forms.CharField(required=False, max_length=LONGEST, **about)
