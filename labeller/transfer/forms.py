"""What is pressed on the page of a project's featuriser."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LARGEST = 2**63 - 1


class UseForm(forms.Form):
    """Which featuriser to change to: a run that there is, or a line of an advice as “advice-line”."""

    run = forms.IntegerField(min_value=1, max_value=LARGEST, required=False)
    line = forms.RegexField(r"^\d{1,18}-\d{1,4}$", required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("run") and not given.get("line"):
            raise ValidationError(_("Choose one of the networks that were tried."))
        return given

    @property
    def advised(self) -> tuple[int, int]:
        """The advice's id and the number of its line."""
        advice, line = self.cleaned_data["line"].split("-")
        return int(advice), int(line)


class VectorsForm(forms.Form):
    """In which of the word vectors at hand words are looked up; none = whichever serves by itself."""

    source = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source: Any = self.fields["source"]
        source.choices = choices
