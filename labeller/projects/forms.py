"""Forms of project pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from labeller.accounts.models import Role
from labeller.projects.services import tidy_class_name


class NewProjectForm(forms.Form):
    """Folder, question, classes: all a project needs to begin."""

    name = forms.CharField(label=_("Name"), max_length=120)
    folder = forms.CharField(
        label=_("Folder"), max_length=4000, help_text=_("A folder on the server, such as /home/me/photos.")
    )
    folder_meaning = forms.ChoiceField(
        label=_("The names of the folders inside are"),
        choices=[
            ("nothing", _("just folders")),
            ("truth", _("the true classes, kept hidden to try things out")),
            ("labels", _("labels that are known already")),
        ],
    )
    question_text = forms.CharField(label=_("Question"), max_length=300, initial=_("What is in the picture?"))
    multi_label = forms.BooleanField(label=_("A picture may show several classes"), required=False)
    class_names = forms.CharField(
        label=_("Classes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One a line. May be left empty: class names can be typed while labelling."),
    )

    def clean_class_names(self) -> list[str]:
        return [tidy_class_name(line) for line in self.cleaned_data["class_names"].splitlines() if line.strip()]


class MemberForm(forms.Form):
    """A person and their role."""

    username = forms.SlugField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
