"""Pages of numbers: projects, progress, the learning curve; and what managers accept by them."""

import csv

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.insights import downloads, estimates, selectors
from labeller.learning import accepting
from labeller.learning.models import Acceptance
from labeller.samples import refused


class HtmxRequest(HttpRequest):
    """A request as its middleware leaves it."""

    htmx: HtmxDetails


@require_safe
def progress(request: HtmxRequest, slug: str) -> HttpResponse:
    """The project's progress page, with its first question."""
    return _progress(request, access.member(request.user, slug))


@require_safe
def question(request: HtmxRequest, slug: str, key: str) -> HttpResponse:
    """The progress page of one question."""
    return _progress(request, access.member(request.user, slug), key)


def _progress(request: HtmxRequest, member: Member, key: str | None = None) -> HttpResponse:
    """What is known of the project and one of its questions, its first by default; for htmx the part that changes."""
    project = member.project
    questions = list(project.questions.order_by("position", "pk"))
    question = next((each for each in questions if key in (None, each.key)), None)
    if key is not None and question is None:
        raise Http404("no such question")
    if question is not None:
        question.project = project
    context = {
        "project": project,
        "role": member.role,
        "questions": questions,
        **selectors.progress(project, question, member.person),
    }
    template = "insights/_progress.html" if request.htmx else "insights/progress.html"
    return render(request, template, context)


@require_safe
def curve(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The learning curve of one question."""
    _member, question = access.member_asked(request.user, slug, key)
    return JsonResponse(estimates.curve(question))


@require_safe
def refused_files(request: HttpRequest, slug: str) -> HttpResponse:
    """Every file that was refused, with what is wrong with it; of one reason, where one is named."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    reason, after = request.GET.get("reason", ""), request.GET.get("after", "")
    reason = reason if reason in refused.REASONS else ""
    rows, more = refused.page(project, reason, int(after) if after.isdecimal() and len(after) < 19 else 0)
    context = {
        "project": project,
        "role": member.role,
        "counts": refused.counts(project),
        "reason": reason,
        "rows": rows,
        "after": after,
        "more": more,
    }
    return render(request, "insights/refused.html", context)


@require_safe
def refused_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """All of them as a table."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    return downloads.table(refused.rows(project), f"{project.slug}-refused.csv", quoting=csv.QUOTE_ALL)


@require_POST
def acceptance_action(request: HttpRequest, slug: str, acceptance_id: int, action: str) -> HttpResponse:
    """Accept what a look offers, or revoke what was accepted."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    found = Acceptance.objects.select_related("question")
    acceptance = get_object_or_404(found, pk=acceptance_id, question__project=project)
    if action == "accept":
        try:
            accepting.accept(acceptance, member.person)
            messages.success(request, _("Accepted. Exports say so in every row, and it can be revoked here."))
        except accepting.NotOffered as error:
            messages.warning(request, str(error))
    elif action == "revoke":
        accepting.revoke(acceptance)
        messages.success(request, _("Revoked: nothing is accepted any more."))
    else:
        raise Http404("no such action")
    return redirect("insights:question", slug, acceptance.question.key)
