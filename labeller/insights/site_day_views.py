"""Pages of site-days: what was seen at which deployment on which day."""

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.insights import downloads, site_days, site_days_shown
from labeller.insights.models import SiteDays
from labeller.projects.models import LabelClass, Project, Question


@require_http_methods(["GET", "HEAD", "POST"])
def days(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Of a class the days and deployments it was seen at; posted to, a worker works it out anew."""
    least = Role.MANAGER if request.method == "POST" else Role.VIEWER
    member, question = _asked(request, slug, key, least)
    if request.method == "POST":
        site_days.ask(question)
        messages.info(request, _("The site-days are being worked out; load this page anew in a while."))
        return redirect("insights:site_days", slug, key)
    made = SiteDays.latest(question)
    context = {
        "project": question.project,
        "role": member.role,
        "question": question,
        "questions": question.project.questions.order_by("position", "pk"),
        "made": made,
        "is_busy": site_days.is_under_way(question),
        **(_shown(request, made, member) if made else {}),
    }
    return render(request, "insights/site_days.html", context)


def _shown(request: HttpRequest, made: SiteDays, member: access.Member) -> dict[str, Any]:
    classes = site_days_shown.classes(made)
    chosen = next((each["class"] for each in classes if str(each["class"].pk) == request.GET.get("class")), None)
    chosen = chosen or (classes[0]["class"] if classes else None)
    found: dict[str, Any] = {"classes": classes, "chosen": chosen, "effort": site_days_shown.effort(made)}
    if chosen:
        found |= {
            "claim": site_days_shown.claim(made, chosen),
            "chart": site_days_shown.chart(made, chosen, request.GET.get("after", "")),
            "to_look_at": site_days_shown.to_look_at(made, chosen, member),
            "legend": [
                ("people", _("seen by people")),
                ("head", _("by the head alone")),
                ("effort", _("pictures taken")),
            ],
        }
    return found


@require_safe
def days_csv(request: HttpRequest, slug: str, key: str) -> HttpResponse | StreamingHttpResponse:
    """Every day of every class, one row each."""
    made = _made(request, slug, key)
    return downloads.table(site_days_shown.day_rows(made), f"{slug}-{key}-site-days.csv")


@require_safe
def history_csv(request: HttpRequest, slug: str, key: str) -> HttpResponse | StreamingHttpResponse:
    """The detection history of a class, as packages that model occupancy read it."""
    made = _made(request, slug, key)
    named = request.GET.get("class", "")
    label_class = LabelClass.objects.filter(question=made.question_id, pk=named if named.isdecimal() else 0).first()
    if label_class is None:
        raise Http404("no such class")
    by_people_only = request.GET.get("by") == "people"
    rows = site_days_shown.history_rows(made, label_class, by_people_only=by_people_only)
    who = "-by-people" if by_people_only else ""
    name = re.sub("[^A-Za-z0-9._-]", "-", label_class.name)
    return downloads.table(rows, f"{slug}-{key}-{name}{who}-history.csv")


def _asked(request: HttpRequest, slug: str, key: str, least: Role) -> tuple[access.Member, Question]:
    member, question = access.member_asked(request.user, slug, key, at_least=least)
    if question.project.kind != Project.Kind.IMAGE:
        raise Http404("for photographs only")
    return member, question


def _made(request: HttpRequest, slug: str, key: str) -> SiteDays:
    _member, question = _asked(request, slug, key, Role.MANAGER)
    made = SiteDays.latest(question)
    if made is None:
        raise Http404("nothing was worked out yet")
    return made
