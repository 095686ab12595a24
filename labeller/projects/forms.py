"""Forms of project pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from labeller.accounts.models import Role


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
        names = [" ".join(line.split()) for line in self.cleaned_data["class_names"].splitlines()]
        too_long = next((name for name in names if len(name) > 200), None)
        if too_long:
            raise forms.ValidationError(_("This name is longer than 200 characters: %s…") % too_long[:40])
        return [name for name in names if name]


class MemberForm(forms.Form):
    """A person and their role."""

    username = forms.SlugField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
