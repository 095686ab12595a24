"""Forms of the classes page."""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labeller.accounts.keymap import class_key_problem
from labeller.projects.making import class_named, classes_by_name, tidy_class_name
from labeller.projects.models import LabelClass, Question
from labeller.text import clean, fold

MOST_NAMES = 500  # written into a field; making them takes about a second
MOST_TO_TICK = 200  # classes that check boxes are shown for


class TidyField(forms.CharField):
    """One line of text, cleaned before it is judged."""

    def to_python(self, value: Any) -> Any:
        return clean(super().to_python(value) or "")


class ClassNamesField(forms.CharField):
    """Class names, one a line."""

    widget = forms.Textarea(attrs={"rows": 5})

    def clean(self, value: Any) -> Any:
        names = [tidy_class_name(line) for line in super().clean(value).splitlines() if line.strip()]
        if len(names) > MOST_NAMES:
            raise ValidationError(gettext("At most %(n)d names at once: take a file for more.") % {"n": MOST_NAMES})
        return names


class NamedClassesField(ClassNamesField):
    """Classes that a question has, by name, one a line."""

    def __init__(self, question: Question, **options: Any) -> None:
        super().__init__(**options)
        self.question = question

    def clean(self, value: Any) -> Any:
        names = super().clean(value)
        known = classes_by_name(self.question)
        missing = [name for name in names if fold(name) not in known]
        if missing:
            raise ValidationError([gettext("There is no class “%(name)s”.") % {"name": name} for name in missing])
        return [known[fold(name)] for name in names]


class AddClassesForm(forms.Form):
    """Classes by name only."""

    names = ClassNamesField(label=_("Names"), help_text=_("One a line."))


class TaxonomyForm(forms.Form):
    """A table of classes."""

    file = forms.FileField(label=_("File"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))


class ClassForm(forms.ModelForm):  # type: ignore[type-arg]
    """One class. Its parent is written by name: there may be thousands."""

    parent = forms.CharField(
        label=_("Parent"),
        max_length=200,
        required=False,
        help_text=_("The class it belongs to, such as its genus. People may answer with that where they can't tell."),
    )
    key = forms.CharField(
        label=_("Key"),
        max_length=1,
        required=False,
        help_text=_("The letter that picks it. Without one it is picked by typing its name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = LabelClass
        fields = ["name", "scientific_name", "local_name", "code", "key", "parent", "is_blank", "is_starred"]
        field_classes = dict.fromkeys(["name", "scientific_name", "local_name", "code"], TidyField)
        labels = {
            "name": _("Name"),
            "scientific_name": _("Scientific name"),
            "local_name": _("Local name"),
            "code": _("Code"),
            "is_blank": _("Blank: there is nothing to see"),
            "is_starred": _("Starred: looked for on purpose, however rare"),
        }
        help_texts = {
            "local_name": _("What people there call it."),
            "is_blank": "",
            "is_starred": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent = self.instance.parent
        self.initial["parent"] = parent.name if parent else ""

    def clean_name(self) -> str:
        return tidy_class_name(self.cleaned_data["name"])

    def clean_key(self) -> str:
        key = unicodedata.normalize("NFC", self.cleaned_data["key"]).lower()
        if problem := class_key_problem(key):
            raise ValidationError(problem)
        return key

    def clean_parent(self) -> LabelClass | None:
        name = clean(self.cleaned_data["parent"])
        if not name:
            return None
        found = class_named(self.instance.question, name)
        if found is None:
            raise ValidationError(gettext("There is no class “%(name)s”.") % {"name": name})
        if found == self.instance:
            raise ValidationError(gettext("“%(name)s” would lie below itself.") % {"name": found.name})
        return found


class FollowingQuestionForm(forms.Form):
    """A question asked in the same pass, right after another."""

    text = TidyField(label=_("Question"), max_length=300)
    multi_label = forms.BooleanField(label=_("A picture may show several classes"), required=False)
    class_names = ClassNamesField(label=_("Classes"), help_text=_("One a line."))
    only_for = forms.ModelMultipleChoiceField(
        label=_("Asked after these answers"),
        queryset=LabelClass.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("With none chosen: after every answer but a blank one."),
    )

    def __init__(self, *args: Any, follows: Question, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_for: Any = self.fields["only_for"]
        self.is_only_for_written = follows.classes.count() > MOST_TO_TICK
        if self.is_only_for_written:
            self.fields["only_for"] = NamedClassesField(
                follows,
                label=only_for.label,
                required=False,
                help_text=_("Their names, one a line. With none: after every answer but a blank one."),
            )
        else:
            only_for.queryset = follows.classes.all()
