"""Pictures with people in them, for those who may see them: which are hidden and why; uncovered, or hidden, by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import F, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.learning import asking as learning
from labeller.projects.models import Project
from labeller.samples import hiding
from labeller.samples.models import File, PeopleSeen, Sample

A_PAGE = 60
SHOWN = "shown"  # those that a manager uncovered, instead of those that are hidden


@dataclass(frozen=True)
class HiddenRow:
    """A file, a sample that shows it, and who or what says that people are in it."""

    seen: Any  # with `sample`
    why: list[str]


@require_http_methods(["GET", "HEAD", "POST"])
def hidden(request: HttpRequest, slug: str) -> HttpResponse:
    """The hidden pictures, newest first; posted to, a manager's word on one of them."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    if not member.sees_people:
        raise Http404("not theirs to see")
    project = member.project
    is_shown = SHOWN in request.GET
    if request.method == "POST":
        _tell(request, project)
        if request.POST.get("back") == "flagged":
            return redirect("annotating:flagged", slug)
        return redirect(request.get_full_path())
    found = list(_rows(project, request.GET.get("before", ""), is_shown=is_shown)[: A_PAGE + 1])
    context = {
        "project": project,
        "role": member.role,
        "is_shown": is_shown,
        "rows": list(_told(found[:A_PAGE])),
        "older": found[A_PAGE - 1].pk if len(found) > A_PAGE else None,
        "question": project.first_question,
    }
    return render(request, "projects/hidden.html", context)


def _rows(project: Project, before: str, *, is_shown: bool) -> Any:
    whole = Sample.objects.filter(file=OuterRef("pk")).order_by(F("box_left").asc(nulls_first=True), "pk")
    rows = PeopleSeen.objects.filter(project=project, is_hidden=not is_shown)
    rows = rows.filter(word=hiding.Word.SHOW) if is_shown else rows
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    return rows.select_related("file").annotate(sample=Subquery(whole.values("pk")[:1])).order_by("-pk")


def _told(found: Iterable[PeopleSeen]) -> Iterable[HiddenRow]:
    for seen in found:
        reasons = [
            (seen.word == hiding.Word.HIDE, _("hidden by hand")),
            (seen.by_labels, _("by a label")),
            (seen.by_models, _("by a model of others")),
        ]
        yield HiddenRow(seen, [words for holds, words in reasons if holds])


def _tell(request: HttpRequest, project: Project) -> None:
    """Keep a manager's word; what is shown from now on is ranked again."""
    given, word = request.POST.get("file", ""), request.POST.get("word", "")
    if word not in hiding.Word.values or not given.isdecimal() or len(given) > 18:
        raise Http404("says nothing")
    file = get_object_or_404(File, project=project, pk=int(given))
    hiding.tell(file, word)
    if PeopleSeen.objects.get(pk=file.pk).is_hidden:
        messages.success(request, _("The picture is hidden from those who must not see people."))
    else:
        learning.rank_anew(None, project=project)
        messages.success(request, _("The picture is shown to everybody in the project."))
