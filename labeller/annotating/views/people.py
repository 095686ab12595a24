"""What one person said, at what pace, and what was flagged."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role, User
from labeller.annotating import flagged as flagging
from labeller.annotating import history as past
from labeller.labels import flags
from labeller.projects.models import Project, Question

ZONE_COOKIE = "labeller-zone"


@require_safe
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """A person's own labels and pace; for managers anybody's."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    person = _person(request, member)
    zone = past.zone(request.COOKIES.get(ZONE_COOKIE, ""))
    before = request.GET.get("before", "")
    context = {
        **_frame(member),
        "person": person,
        "is_own": person == member.person,
        "people": _people(member.project) if member.manages else [],
        "page": past.page(member.project, person, before),
        "pace": past.pace(member.project, person, zone) if not before else None,
        "before": before,
        "n_questions": member.project.questions.count(),
    }
    with timezone.override(zone):
        return render(request, "annotating/history.html", context)


@require_POST
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one of one's own labels back."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    said = past.find(member.project, member.person, _uuid(request, "label"))
    if said is None:
        raise Http404("no such label")
    recorded = past.withdraw(said, member, _uuid(request, "uuid"))
    if recorded.status == 200:
        is_text = member.project.kind == Project.Kind.TEXT
        messages.success(
            request,
            _("Taken back. The text may come again.") if is_text else _("Taken back. The image may come again."),
        )
    elif recorded.status == 409:
        messages.warning(request, _("This label was changed meanwhile: nothing was taken back."))
    else:
        messages.error(request, recorded.detail)
    before = request.POST.get("before", "")
    query = f"?{urlencode({'before': before})}" if before else ""
    return HttpResponseRedirect(f"{reverse('annotating:history', args=[slug])}{query}")


@require_safe
def flagged(request: HttpRequest, slug: str) -> HttpResponse:
    """Flagged samples: one's own, for managers everybody's."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    before = request.GET.get("before", "")
    context = {
        **_frame(member),
        "manages": member.manages,
        "questions": member.project.questions.order_by("position", "pk"),
        "page": flagging.page(member, int(before) if before.isdecimal() and len(before) < 19 else None),
        "n_questions": member.project.questions.count(),
    }
    with timezone.override(past.zone(request.COOKIES.get(ZONE_COOKIE, ""))):
        return render(request, "annotating/flagged.html", context)


@require_POST
def close_flag(request: HttpRequest, slug: str) -> HttpResponse:
    """Close a flag: one's own, or, as a manager, anybody's."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    uuid = _uuid(request, "flag")
    question = Question.objects.filter(project=member.project, flags__uuid=uuid).first()
    if question is None:
        raise Http404("no such flag")
    question.project = member.project
    if flags.lower_flag(uuid, question, member).status != 200:
        raise Http404("no such flag")
    messages.success(request, _("The flag is closed."))
    return redirect("annotating:flagged", slug)


def _frame(member: Member) -> dict[str, Any]:
    return {"project": member.project, "role": member.role, "sees_people": member.sees_people}


def _person(request: HttpRequest, member: Member) -> User:
    """Whose history is wanted: one's own, unless a manager names somebody else."""
    name = request.GET.get("person", "")
    if name in ("", member.person.get_username()):
        return member.person
    if not member.manages:
        raise PermissionDenied("only managers see other people's history")
    return get_object_or_404(_people(member.project), username=name)


def _people(project: Project) -> QuerySet[User]:
    """Who may label here: members, and the site's administrators."""
    here = User.objects.filter(Q(memberships__project=project) | Q(is_superuser=True))
    return here.distinct().order_by("username")


def _uuid(request: HttpRequest, field: str) -> UUID:
    try:
        return UUID(request.POST.get(field, ""))
    except ValueError as error:
        raise Http404(f"`{field}` names nothing") from error
