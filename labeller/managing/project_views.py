"""Setting projects up: a new one, its settings and its people.

Here, at the top, because a new project starts an import, and changed settings a refit.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from labeller.accounts import access
from labeller.accounts import admitting as accounts
from labeller.accounts.models import Membership, Role, User
from labeller.insights import selectors
from labeller.labels import checks
from labeller.learning import asking as learning
from labeller.learning import seeing
from labeller.learning.models import Head
from labeller.managing import opening, removing, repeating
from labeller.projects import making as projects
from labeller.projects.forms import LearningForm, MemberForm, NewProjectForm, SettingsForm
from labeller.projects.models import Project
from labeller.samples import bursts
from labeller.samples.known import Given
from labeller.samples.layouts import TextLayout
from labeller.samples.scanning import FolderError


@require_safe
def all_of_person(request: HttpRequest) -> HttpResponse:
    """The projects of this person, and what they had deleted that is not gone yet."""
    person = access.account(request.user)
    context = {
        "projects": selectors.overview(person),
        "can_create": person.is_superuser,
        "removals": [removing.shown(job) for job in removing.under_way(person)[:20]],
    }
    return render(request, "projects/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Folder, question, classes. Reading the server's folders is for administrators only."""
    administrator = access.administrator(request.user)
    form = NewProjectForm(request.POST or None)
    lines: list[str] = []
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            layout = opening.layout_of(given) if given["kind"] == Project.Kind.TEXT else None
            of_folder = opening.given_of(given, layout)
            lines = opening.preview(given["folder"], of_folder, layout)
            if not lines or request.POST.get("seen", "").splitlines() == lines:
                return redirect("insights:progress", _open(administrator, given, of_folder, layout).slug)
        except FolderError as error:
            form.add_error("table" if given["table"] else "folder", str(error))
    return render(request, "projects/new.html", {"form": form, "lines": lines, "seen": "\n".join(lines)})


def _open(owner: User, given: dict[str, Any], of_folder: Given, layout: TextLayout | None) -> Project:
    return opening.open_new(
        folder=given["folder"],
        owner=owner,
        name=given["name"],
        question_text=given["question_text"],
        multi_label=given["multi_label"],
        class_names=given["class_names"],
        given=of_folder,
        layout=layout,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """How the project is labelled, and the way to what each of its questions learns by."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=project)
    if form.is_valid():
        form.save()
        if "burst_gap" in form.changed_data:
            bursts.regroup(project)
        if "people_from" in form.changed_data:
            seeing.ask(project)
        if {"people_shown_to", "box_threshold"} & set(form.changed_data):
            learning.rank_anew(None, project=project)
        if "box_threshold" in form.changed_data:
            repeating.ask(project)
        messages.success(request, _("The settings were saved."))
        return redirect("projects:settings", slug)
    context = {
        "project": project,
        "role": member.role,
        "form": form,
        "sources": project.sources.order_by("path"),
        "questions": project.questions.order_by("position", "pk"),
    }
    return render(request, "projects/settings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def question_settings(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """How one question is learnt; what is changed takes effect with the refit it asks for."""
    member, question = access.member_asked(request.user, slug, key, at_least=Role.MANAGER)
    project = question.project
    form = LearningForm(request.POST or None, instance=question, may_name_code=request.user.is_superuser)
    if request.method == "POST" and form.is_valid():
        projects.change_learning(form.instance, form.cleaned_data["starred"])
        learning.request_refit(question, at_once=True)
        messages.success(request, _("The settings were saved."))
        return redirect("projects:question_settings", slug, key)
    context = {
        "project": project,
        "role": member.role,
        "question": question,
        "questions": project.questions.order_by("position", "pk"),
        "form": form,
        "full_refit": Head.last_full(question),
    }
    return render(request, "projects/question_settings.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is in the project; a new name makes an account and shows its password once."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    form = MemberForm(request.POST or None)
    password = None
    if request.method == "POST" and form.is_valid():
        try:
            password = accounts.set_role(
                project, form.cleaned_data["username"], Role(form.cleaned_data["role"]), by=member.role
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if password is None:
                return redirect("projects:people", slug)
    memberships = list(Membership.objects.filter(project=project).select_related("user").order_by("user__username"))
    hit_rates = checks.hit_rates(project, [each.user_id for each in memberships])
    context = {
        "project": project,
        "role": member.role,
        "members": [(each, hit_rates.get(each.user_id)) for each in memberships],
        "has_checks": bool(hit_rates),
        "form": form,
        "one_time_password": password,
        "new_username": form.cleaned_data["username"] if password else "",
        "one_time_days": accounts.ONE_TIME_DAYS,
    }
    return render(request, "projects/people.html", context)
