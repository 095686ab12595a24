"""Forms of project pages."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from labeller.accounts.models import Role, User
from labeller.projects.class_forms import MOST_TO_TICK, TidyField
from labeller.projects.making import tidy_class_name
from labeller.projects.models import HEADS, STRATEGIES, LabelClass, Project, Question
from tl_core import importing

DOTTED_PATH = RegexValidator(
    re.compile(r"\A[^\W\d]\w*(\.[^\W\d]\w*)+\Z", re.ASCII),
    _("Write a dotted path, such as package.module.function."),
)


def check_allowed(path: str) -> None:
    """Raises ValidationError where code in that package may not be named: whoever names it, runs it."""
    if not importing.is_allowed(path):
        raise ValidationError(
            _("Only code in these packages may be named: %(allowed)s. The server’s setting MODULES allows more."),
            params={"allowed": ", ".join(importing.allowed())},
        )


EXPLAINED = {
    "auto": _("auto: finds classes first, then what is doubtful"),
    "random": _("random: any sample, to compare with"),
    "kmeans_centroid": _("kmeans_centroid: the middle of each group of similar pictures"),
    "kcenter": _("kcenter: least like anything labelled, finds unseen classes"),
    "typiclust": _("typiclust: typical of groups without a label, for few labels"),
    "margin": _("margin: between two classes"),
    "entropy": _("entropy: between many classes"),
    "least_confidence": _("least_confidence: the likeliest class is unlikely"),
    "power_margin": _("power_margin: margin with chance, for large rounds"),
    "cluster_margin": _("cluster_margin: margin spread over groups, for large rounds"),
    "badge": _("badge: doubtful and varied"),
    "uherding": _("uherding: doubtful and typical"),
    "seals": _("seals: margin among the neighbours of what is labelled, for huge pools"),
    "committee": _("committee: several heads disagree"),
    "transductive": _("logistic regression that also learns from what is not labelled"),
    "logistic": _("logistic regression"),
    "centroid": _("nearest class centre, for very few labels"),
    "svm": _("linear support vector machine"),
    "knn": _("nearest labelled samples"),
}


class NewProjectForm(forms.Form):
    """Folder, question, classes: all a project needs to begin."""

    kind = forms.ChoiceField(
        label=_("What is labelled"), choices=Project.Kind, initial=Project.Kind.IMAGE, required=False
    )
    name = TidyField(label=_("Name"), max_length=120)
    folder = forms.CharField(
        label=_("Folder"),
        max_length=4000,
        help_text=_(
            "A folder on the server, such as /home/me/photos. Of texts it may be a table or a zip as well, such as "
            "/home/me/reviews.csv, or the folder of a data set of Hugging Face."
        ),
    )
    cut = forms.ChoiceField(
        label=_("Documents are taken"),
        choices=[
            ("whole", _("whole")),
            ("paragraph", _("paragraph by paragraph")),
            ("sentence", _("sentence by sentence")),
        ],
        required=False,
        help_text=_("Of texts: the rows of a table are taken as they are."),
    )
    text_columns = forms.CharField(
        label=_("Column of the text"),
        max_length=1000,
        required=False,
        help_text=_(
            "Of a table of texts. Empty: as guessed. Of several columns, names or numbers with | between them."
        ),
    )
    label_column = forms.CharField(
        label=_("Column of labels"), max_length=1000, required=False, help_text=_("The same. A dash: none.")
    )
    group_column = forms.CharField(
        label=_("Column of what belongs together"),
        max_length=1000,
        required=False,
        help_text=_(
            "Such as an author or a conversation: what is held out for a test is held out whole. A dash: none."
        ),
    )
    folder_meaning = forms.ChoiceField(
        label=_("The names of the folders inside, or the classes of the table, are"),
        choices=[
            ("nothing", _("just folders, or nothing")),
            ("truth", _("the true classes, kept hidden to try things out")),
            ("labels", _("labels that are known already")),
        ],
    )
    table = forms.CharField(
        label=_("Table"),
        max_length=4000,
        required=False,
        help_text=_(
            "Instead of the folders’ names: a CSV of paths and classes on the server, such as /home/me/labels.csv."
        ),
    )
    class_level = forms.IntegerField(
        label=_("Folder level that names the classes"),
        min_value=-20,
        max_value=20,
        required=False,
        help_text=_("1 = the first, -1 = the last. Empty: the first that can."),
    )
    question_text = TidyField(label=_("Question"), max_length=300, initial=_("What is in the picture?"))
    multi_label = forms.BooleanField(label=_("A picture, or a text, may have several classes"), required=False)
    class_names = forms.CharField(
        label=_("Classes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One a line. May be left empty: class names can be typed while labelling."),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("table") and given.get("folder_meaning") == "nothing":
            self.add_error("folder_meaning", _("Say what the classes of the table are."))
        given["kind"] = given.get("kind") or Project.Kind.IMAGE
        if given.get("class_level") == 0:
            self.add_error("class_level", _("Levels count from 1, or from -1 for the last."))
        return given

    def clean_class_names(self) -> list[str]:
        return [tidy_class_name(line) for line in self.cleaned_data["class_names"].splitlines() if line.strip()]


class MemberForm(forms.Form):
    """A person and their role."""

    username = forms.SlugField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)

    def clean_username(self) -> str:
        """The name as the existing account spells it: a capital letter makes no second account."""
        given: str = self.cleaned_data["username"]
        alike = User.objects.filter(username__iexact=given).order_by("pk").values_list("username", flat=True)
        return given if given in alike else alike.first() or given


class PercentField(forms.FloatField):
    """A share from 0 to 1, written in percent."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value * 100:.6g}" if isinstance(value, float) else value

    def clean(self, value: Any) -> float | None:
        percent = super().clean(value)
        return None if percent is None else percent / 100

    def has_changed(self, initial: Any, data: Any) -> bool:
        shown = self.prepare_value(initial)
        return super().has_changed(float(shown) if isinstance(initial, float) else shown, data)


class StarredClasses(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Check boxes of a question's classes; of very many the starred ones only."""

    starred_only = False

    def offer(self, question: Question) -> None:
        """List that question's classes, with those ticked that are starred."""
        classes: Any = question.classes.all()
        # Others are starred on their own pages.
        self.starred_only = classes.count() > MOST_TO_TICK
        self.queryset = classes.filter(is_starred=True) if self.starred_only else classes
        self.initial = [each.pk for each in self.queryset if each.is_starred]


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a project is labelled, whatever the question."""

    burst_gap = forms.IntegerField(
        label=_("Seconds between two frames of one burst, at most"),
        min_value=0,
        max_value=3600,
        help_text=_("Frames of one camera that follow each other as closely are labelled together. 0: no bursts."),
    )
    people_from = PercentField(
        label=_("A model of others says “person” from a certainty of (%)"),
        min_value=1,
        max_value=100,
        help_text=_("Detectors that are imported. Lower hides more pictures in which nobody is."),
    )

    box_threshold = forms.FloatField(
        label=_("Boxes from this confidence on"),
        min_value=0.05,
        max_value=1.0,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text=_(
            "Boxes that a detector is less sure of are neither asked about nor shown; they come back when this is "
            "lowered, to 0.1 for small animals, say. Boxes that people drew are always shown."
        ),
    )

    class Meta:
        model = Project
        fields = ["annotators_add_classes", "burst_gap", "box_threshold", "people_shown_to", "people_from"]
        labels = {
            "annotators_add_classes": _("Annotators may add classes while labelling"),
            "people_shown_to": _("Pictures with people in them are seen by"),
        }
        help_texts = {
            "annotators_add_classes": _("Managers always may."),
            "people_shown_to": _(
                "From all others they are hidden, as soon as a label or a model of others says that a person is in "
                "them. While annotators don’t see them, nobody is asked about them in the queue, and claims about "
                "accuracy are not about them."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.kind != Project.Kind.IMAGE:
            for name in ("burst_gap", "box_threshold", "people_shown_to", "people_from"):
                del self.fields[name]


class LearningForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a question is learnt. Code by dotted path is for administrators of the site, and of allowed packages only."""

    audit_share = PercentField(
        label=_("Audit samples (%)"),
        min_value=0,
        max_value=50,
        help_text=_(
            "Drawn at random and labelled blind: all that is said about accuracy rests on them. This is their share in "
            "the long run. Until there are 60 they come two and a half times as often, then less and less so until "
            "there are 150."
        ),
    )
    target_accuracy = PercentField(
        label=_("Target accuracy (%)"),
        min_value=1,
        max_value=99.9,
        help_text=_("From here on the question may be done."),
    )
    accept_error = PercentField(
        label=_("Errors allowed among accepted predictions (%)"),
        min_value=0.1,
        max_value=50,
        help_text=_("When the head labels the rest, it stays below this, with a confidence of 95 %."),
    )
    round_size = forms.IntegerField(label=_("Samples in a round"), min_value=1, max_value=10_000)
    refit_every = forms.IntegerField(
        label=_("Labels between two refits"),
        min_value=1,
        max_value=10_000,
        help_text=_("After so many new labels the head learns from them and ranks anew."),
    )
    redundancy = forms.IntegerField(label=_("People who label each sample"), min_value=1, max_value=20)
    retrain_at = forms.TimeField(
        label=_("Full refit every night at"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=format_lazy(
            _(
                "In the server's time zone, {zone}; chooses penalty and temperature anew. Empty: only on demand, and "
                "when the labels have doubled."
            ),
            zone=settings.TIME_ZONE,
        ),
    )
    starred = StarredClasses(
        label=_("Starred classes"),
        queryset=LabelClass.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Looked for on purpose, however rare they are."),
    )

    class Meta:
        model = Question
        fields = ["strategy", "head", "audit_share", "round_size", "refit_every", "redundancy", "retrain_at",
                  "target_accuracy", "accept_error", "show_suggestions"]  # fmt: skip
        labels = {"show_suggestions": _("Show suggestions while labelling")}
        help_texts = {
            "show_suggestions": _("Quicker, but they sway people. Audit samples are labelled without them always.")
        }

    def __init__(self, *args: Any, may_name_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, registered in (
            ("strategy", _("Query strategy"), STRATEGIES),
            ("head", _("Head"), HEADS),
        ):
            # Code that an administrator has named stays among the choices: else saving anything would undo it.
            names = dict.fromkeys([*registered, getattr(self.instance, name)])
            self.fields[name] = forms.ChoiceField(
                label=label, choices=[(each, EXPLAINED.get(each, each)) for each in names]
            )
            if may_name_code:
                self.fields[f"{name}_path"] = forms.CharField(
                    label=_("…or code of your own, by its dotted path"),
                    required=False,
                    max_length=200,
                    validators=[DOTTED_PATH, check_allowed],
                )
        starred: Any = self.fields["starred"]
        starred.offer(self.instance)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in ("strategy", "head"):
            if given.get(f"{name}_path"):
                given[name] = given[f"{name}_path"]
        return given
