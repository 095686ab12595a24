"""The page of a project's featuriser, and what is pressed there."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.embedding.models import EmbeddingRun
from labeller.transfer import (
    adapting_shown,
    advising,
    encoder_shown,
    fitting_texts,
    foretelling,
    helping,
    levels,
    networks,
    switching,
    tuning_forms,
    vectors_shown,
)
from labeller.transfer.forms import UseForm


@require_safe
def featuriser(request: HttpRequest, slug: str) -> HttpResponse:
    """The network in use, what was tried of others, and the ways to a better one."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    if member.project.kind == member.project.Kind.TEXT:
        return _of_texts(request, member)
    # Each part of the page is a template of its own, and what it shows comes from the module that does the work.
    # Jobs are read before what they change: one that ends in between would leave an old page that asks for no newer.
    changing = switching.shown(member.project)
    member.project.refresh_from_db()
    tunings = foretelling.shown(member.project)
    asked = tunings.question.question if tunings.question else None
    context = {
        "project": member.project,
        "role": member.role,
        "levels": levels.shown(member.project),
        "switching": changing,
        "advising": advising.shown(member.project),
        "adapting": adapting_shown.shown(member.project),
        "helping": helping.shown(member.project),
        "offered": networks.offered(member.project),
        "tuning": tunings,
        "tuning_form": tuning_forms.TuningForm(
            project=member.project, initial=tuning_forms.initial(tunings.policy, asked)
        ),
    }
    return render(request, "transfer/featuriser.html", context)


def _of_texts(request: HttpRequest, member: access.Member) -> HttpResponse:
    changing = switching.shown(member.project)
    member.project.refresh_from_db()
    context = {
        "project": member.project,
        "role": member.role,
        "switching": changing,
        "texts": fitting_texts.shown(member.project),
        "vectors": vectors_shown.shown(member.project),
        "encoder": encoder_shown.shown(member.project),
        "tuning": foretelling.shown(member.project),
        "helping": helping.shown(member.project),
    }
    return render(request, "transfer/featuriser.html", context)


@require_POST
def advise(request: HttpRequest, slug: str) -> HttpResponse:
    """Have every network at hand tried."""
    advising.ask(access.of_photographs(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def stop_advising(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop trying; what was advised before stays."""
    advising.cancel(access.member(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def use(request: HttpRequest, slug: str) -> HttpResponse:
    """Change to a line of the advice, or to a run that there is: back to the former one, for instance."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    form = UseForm(request.POST)
    if not form.is_valid():
        messages.warning(request, _("Choose one of the networks that were tried."))
        return redirect("transfer:featuriser", slug)
    run_id, spec, levels = form.cleaned_data["run"], "", False
    if not run_id:
        line = advising.chosen(project, *form.advised)
        if line is None:
            messages.warning(request, _("There is a newer advice: look at it before you choose."))
            return redirect("transfer:featuriser", slug)
        run_id, spec, levels = line["run"], line["spec"], line["levels"]
    if run_id:
        switching.ask(project, run=get_object_or_404(EmbeddingRun, project=project, pk=run_id))
    else:
        switching.ask(project, spec=spec, levels=levels)
    return redirect("transfer:featuriser", slug)


@require_POST
def compare_questions(request: HttpRequest, slug: str) -> HttpResponse:
    """Have it measured which question helps which."""
    helping.ask(access.member(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def keep(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep what is in use: give up the change that is under way."""
    switching.keep(access.member(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)


@require_POST
def keep_levels(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep intermediate levels beside the last layer, or delete them."""
    project = access.of_photographs(request.user, slug, at_least=Role.MANAGER).project
    levels.ask(project, keeps=request.POST.get("keeps") == "yes")
    return redirect("transfer:featuriser", slug)
