"""The page of boxes that come again and again: each place is dismissed as one decision, or brought back."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.managing import repeating
from labeller.samples.models import RepeatedBox

A_PAGE = 10  # places
OF_ONE = 8  # crops of a place
DISMISSED = 20  # places that can be brought back here


@require_http_methods(["GET", "HEAD", "POST"])
def repeated(request: HttpRequest, slug: str) -> HttpResponse:
    """The places that hold most boxes, and those that were dismissed last."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    if request.method == "POST":
        _act(request, slug)
        return redirect("projects:repeated", slug)
    work = Job.objects.filter(kind=repeating.KIND, project=project)
    under_way, failed = jobs.under_way_or_failed(work)
    places = RepeatedBox.objects.filter(project=project).select_related("deployment")
    dismissed = places.filter(dismissed_at__isnull=False).select_related("dismissed_by")
    found = list(places.filter(dismissed_at=None).order_by("-pictures", "pk")[: A_PAGE + 1])
    context = {
        "project": project,
        "role": member.role,
        "rows": [(each, repeating.shown_of(each, OF_ONE)) for each in found[:A_PAGE]],
        "more": len(found) > A_PAGE,
        "dismissed": [
            (each, repeating.shown_of(each, 1)[0]) for each in dismissed.order_by("-dismissed_at")[:DISMISSED]
        ],
        "under_way": under_way,
        "failed": failed,
    }
    return render(request, "projects/repeated.html", context)


def _act(request: HttpRequest, slug: str) -> None:
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    for name, act in (("dismiss", _dismiss), ("back", _bring_back)):
        given = request.POST.get(name, "")
        if given:
            if not given.isdecimal() or len(given) > 18:
                raise Http404("no such place")
            place = get_object_or_404(RepeatedBox, project=member.project, pk=int(given))
            place.project = member.project
            messages.success(request, act(place, request))
            return
    repeating.ask(member.project)


def _dismiss(place: RepeatedBox, request: HttpRequest) -> str:
    n = repeating.dismiss(place, access.account(request.user))
    return ngettext("%(n)d box was dismissed.", "%(n)d boxes were dismissed.", n) % {"n": n}


def _bring_back(place: RepeatedBox, request: HttpRequest) -> str:
    n = repeating.bring_back(place)
    return ngettext("%(n)d box is back.", "%(n)d boxes are back.", n) % {"n": n}
