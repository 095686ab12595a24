"""The forms by which a file is brought in."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labeller.exchange.importers import IMPORTERS
from labeller.projects.class_forms import TidyField
from labeller.projects.models import Project


class ImportForm(forms.Form):
    """Which file, and what it answers."""

    question = forms.ChoiceField(label=_("Question that its classes answer"))
    file = forms.FileField(label=_("File"), required=False, allow_empty_file=True, max_length=300)
    path = forms.CharField(
        label=_("Or its path on the server"),
        max_length=4000,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
        help_text=_("A file, a folder or a zip in one of this project’s folders. Large files are best named so."),
    )
    format = forms.ChoiceField(label=_("Format"), required=False)

    def __init__(self, *args: Any, project: Project, **options: Any) -> None:
        super().__init__(*args, **options)
        questions = project.questions.order_by("position", "pk")
        self.fields["question"].choices = [(each.key, each.text) for each in questions]  # type: ignore[attr-defined]
        formats = [("", _("as recognised")), *((each.name, gettext(each.title)) for each in IMPORTERS.values())]
        self.fields["format"].choices = formats  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if bool(given.get("file")) == bool(given.get("path")) and "file" not in self.errors:
            self.add_error("file", _("Choose a file, or write a path: one of the two."))
        return given


class OptionsForm(forms.Form):
    """How the file is read: what was guessed, to be corrected."""

    def __init__(self, *args: Any, guesses: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(*args, **options)
        for each in guesses:
            shown: dict[str, Any] = {"label": gettext(each["title"]), "required": False, "initial": each["value"]}
            if each["choices"]:
                choices = [(value, gettext(WORDS.get(value, value)) or "–") for value in each["choices"]]
                self.fields[each["name"]] = forms.ChoiceField(choices=choices, **shown)
            else:
                widget = forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"})
                self.fields[each["name"]] = TidyField(max_length=1000, widget=widget, **shown)


WORDS = {
    "make": _("are made"),
    "known": _("are left out"),
    "labels": _("labels"),
    "predictions": _("predictions"),
    "yes": _("yes"),
    "no": _("no"),
    "comma": _("comma"),
    "semicolon": _("semicolon"),
    "tab": _("tab"),
    "bar": _("bar"),
}
