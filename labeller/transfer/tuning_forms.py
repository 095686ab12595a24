"""How a network is to be tuned."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeller.projects.models import Project, Question
from labeller.transfer.models import TuningPolicy

MOST_MINUTES = 24 * 60


class TuningForm(forms.Form):
    """Question, time, and whether mirror images are of the same class; also whether it is done by night."""

    question = forms.ModelChoiceField(Question.objects.none(), label=_("Answers of"), empty_label=None)
    minutes = forms.IntegerField(
        label=_("Minutes it may take"),
        min_value=1,
        max_value=MOST_MINUTES,
        help_text=_("More time trains more of the network."),
    )
    is_quick = forms.BooleanField(
        label=_("Quick"),
        required=False,
        help_text=_("The uppermost layers alone: about a minute for 3,000 photographs."),
    )
    is_mirrored = forms.BooleanField(
        label=_("Mirror images show the same class"),
        required=False,
        help_text=_("True of animals; not of spectrograms, text, left and right."),
    )
    is_joint = forms.BooleanField(
        label=_("Try all questions at once"),
        required=False,
        help_text=_("One network with an output for each question, kept where it beats one for each. Takes longer."),
    )
    is_nightly = forms.BooleanField(
        label=_("Every night, where it is worth it"),
        required=False,
        help_text=_("After the nightly full refit, with the minutes and the answers chosen here."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        questions: Any = self.fields["question"]
        questions.queryset = project.questions.order_by("position", "pk")
        if project.questions.count() < 2:
            del self.fields["is_joint"]


def initial(policy: TuningPolicy | None, question: Question | None) -> dict[str, Any]:
    """What the form begins with: what was chosen last."""
    if policy is None:
        return {"question": question, "minutes": 10, "is_mirrored": True}
    return {
        "question": policy.question_id,
        "minutes": policy.minutes,
        "is_mirrored": policy.is_mirrored,
        "is_joint": policy.is_joint,
        "is_nightly": policy.is_nightly,
    }
