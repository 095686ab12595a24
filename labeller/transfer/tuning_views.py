"""What is pressed in the part about fine-tuning."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import encoder_shown, nightly, switching, tuning
from labeller.transfer.models import FineTuning
from labeller.transfer.tuning_forms import TuningForm


@require_POST
def tune(request: HttpRequest, slug: str) -> HttpResponse:
    """Remember what was chosen, and begin unless only that was wanted."""
    project = access.of_photographs(request.user, slug, at_least=Role.MANAGER).project
    form = TuningForm(request.POST, project=project)
    if not form.is_valid():
        problems = [f"{form.fields[name].label}: {problem}" for name, (problem, *_rest) in form.errors.items()]
        messages.warning(request, " ".join(problems))
        return redirect("transfer:featuriser", slug)
    chosen = form.cleaned_data
    nightly.remember(project, chosen)
    if "only_remember" in request.POST:
        messages.success(request, _("Remembered."))
    else:
        tuning.ask(
            chosen["question"],
            60 * chosen["minutes"],
            is_quick=chosen["is_quick"],
            is_mirrored=chosen["is_mirrored"],
            is_joint=chosen.get("is_joint", False),
        )
    return redirect("transfer:featuriser", slug)


@require_POST
def tune_encoder(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the sentence encoder tuned on a question's answers, where there are enough."""
    project = access.of_texts(request.user, slug, at_least=Role.MANAGER).project
    question = access.question(project, request.POST.get("question"))
    if not encoder_shown.can_be_asked(question):
        messages.warning(request, _("Not yet: label more texts first."))
    else:
        tuning.ask(question, 0, is_mirrored=False)
    return redirect("transfer:featuriser", slug)


@require_POST
def stop_tuning(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop it: nothing changes."""
    tuning.cancel(access.member(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def use_tuned(request: HttpRequest, slug: str, tuning_id: int) -> HttpResponse:
    """Change to a tuned network that came out better, after going back from it."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    better = FineTuning.objects.filter(project=project, verdict=FineTuning.Verdict.BETTER)
    switching.ask(project, spec=get_object_or_404(better, pk=tuning_id).spec)
    return redirect("transfer:featuriser", slug)
