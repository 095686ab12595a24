"""Deployments: where the cameras stood, and clocks that were wrong.

Times are by the clocks of the place and stored as if they were UTC, so they are shown and read in UTC.
"""

import datetime
from typing import NamedTuple

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.managing.deployment_forms import DeploymentForm, ZoneForm, written
from labeller.samples import bursts, clocks
from labeller.samples.models import Deployment, Sample

PAGE = 100
LOOKED_AT = 300  # photographs of a camera among which those are chosen that show what its clock said
SHOWN = 6


@require_http_methods(["GET", "HEAD", "POST"])
def deployments(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's deployments by name, a page at a time; a time zone for all that have none."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    zone = ZoneForm(request.POST if request.method == "POST" else None)
    if zone.is_valid():
        return _give_zone(request, slug, member.project.deployments.filter(time_zone=""), zone)
    after = request.GET.get("after", "")
    found = list(member.project.deployments.filter(name__gt=after).order_by("name")[: PAGE + 1])
    shown = found[:PAGE]
    context = {
        "project": member.project,
        "role": member.role,
        "rows": [
            _ListedCamera(each, _added(each), clocks.clock_of(each).way() != each.applied_clock) for each in shown
        ],
        "more": shown[-1].name if len(found) > PAGE else "",
        "zone": zone,
        "without_zone": member.project.deployments.filter(time_zone="").exists(),
    }
    return render(request, "projects/deployments.html", context)


class _ListedCamera(NamedTuple):
    deployment: Deployment
    added: str  # to the camera's clock
    is_due: bool  # not in the stored times yet


def _give_zone(request: HttpRequest, slug: str, lacking: QuerySet[Deployment], form: ZoneForm) -> HttpResponse:
    zone = form.cleaned_data["time_zone"]
    count = lacking.update(time_zone=zone)
    said = ngettext("%(n)s deployment is in %(zone)s now.", "%(n)s deployments are in %(zone)s now.", count)
    messages.success(request, said % {"n": number_format(count, force_grouping=True), "zone": zone})
    return redirect("projects:deployments", slug)


def _added(deployment: Deployment) -> str:
    """What is added to its clock, from the start to the end."""
    ends = [deployment.clock_shift, deployment.clock_shift_end]
    return " → ".join(written(each) for each in ends if each is not None) if any(ends) else ""


@require_http_methods(["GET", "HEAD", "POST"])
@timezone.override(datetime.UTC)
def deployment(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """One of them, beside what its clock said of some photographs and what that is put right to.

    With `look`, as it would be, and nothing is saved. A clock that is put right in another way is applied by a job,
    which forms its bursts anew.
    """
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    one = get_object_or_404(member.project.deployments, pk=deployment_id)
    form = DeploymentForm(request.POST if request.method == "POST" else None, instance=one)
    if form.is_valid() and "look" not in request.POST:
        with transaction.atomic():
            one.save(update_fields=list(form.fields))  # what a job writes of it meanwhile stays
            if not set(clocks.FIELDS).isdisjoint(form.changed_data):
                bursts.regroup(member.project)
        messages.success(request, _("The deployment was saved."))
        return redirect("projects:deployments", slug)
    context = {
        "project": member.project,
        "role": member.role,
        "deployment": one,
        "form": form,
        "shown": [] if form.errors else _clock_shown(one),
        "is_look": form.is_bound and not form.errors,
    }
    return render(request, "projects/deployment.html", context)


class _Shown(NamedTuple):
    """A photograph, what the camera's clock said, what it is put right to, and the difference in words."""

    sample: int
    said: datetime.datetime
    right: datetime.datetime
    added: str


def _clock_shown(deployment: Deployment) -> list[_Shown]:
    """Some photographs from the first to the last, of those imported first, which are spread over the folder."""
    timed = deployment.files.filter(clock_time__isnull=False).values_list("clock_time", "pk")[:LOOKED_AT]
    found = sorted((when, pk) for when, pk in timed if when is not None)
    if len(found) > SHOWN:
        found = [found[number * (len(found) - 1) // (SHOWN - 1)] for number in range(SHOWN)]
    wholes = Sample.objects.filter(part=Sample.Part.WHOLE, file__in=[pk for _when, pk in found])
    sample_of = dict(wholes.values_list("file", "pk"))
    clock = clocks.clock_of(deployment)
    return [
        _Shown(sample_of[pk], said, right, written(right - said) if right != said else "")
        for said, pk in found
        if pk in sample_of and (right := clock.right(said)) is not None
    ]
