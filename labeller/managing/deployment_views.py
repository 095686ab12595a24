"""Deployments: where the cameras stood, and clocks that were wrong.

Times are by the clocks of the place and stored as if they were UTC, so they are shown and read in UTC.
"""

import datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.managing.deployment_forms import DeploymentForm, written
from labeller.samples import bursts

PAGE = 100


@require_safe
def deployments(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's deployments by name, a page at a time."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    after = request.GET.get("after", "")
    found = list(member.project.deployments.filter(name__gt=after).order_by("name")[: PAGE + 1])
    shown = found[:PAGE]
    context = {
        "project": member.project,
        "role": member.role,
        "rows": [(each, written(each.clock_shift) if each.clock_shift else "") for each in shown],
        "more": shown[-1].name if len(found) > PAGE else "",
    }
    return render(request, "projects/deployments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@timezone.override(datetime.UTC)
def deployment(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """One of them; another shift of its clock is applied by a job, which forms its bursts anew."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    one = get_object_or_404(member.project.deployments, pk=deployment_id)
    form = DeploymentForm(request.POST if request.method == "POST" else None, instance=one)
    if form.is_valid():
        with transaction.atomic():
            one.save(update_fields=list(form.fields))  # what a job writes of it meanwhile stays
            if "clock_shift" in form.changed_data:
                bursts.regroup(member.project)
        messages.success(request, _("The deployment was saved."))
        return redirect("projects:deployments", slug)
    context = {"project": member.project, "role": member.role, "deployment": one, "form": form}
    return render(request, "projects/deployment.html", context)
