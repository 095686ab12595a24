"""Setting projects up: a new one, and its people. Here, at the top, because a new project starts an import."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts import services as accounts
from labeller.accounts.models import Membership, Role
from labeller.operations import opening
from labeller.projects.forms import MemberForm, NewProjectForm
from labeller.samples.scanning import FolderError


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Folder, question, classes. Reading the server's folders is for administrators only."""
    access.require_administrator(request.user)
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            project = opening.open_new(
                folder=given["folder"],
                owner=request.user,
                name=given["name"],
                question_text=given["question_text"],
                multi_label=given["multi_label"],
                class_names=given["class_names"],
                meaning=given["folder_meaning"],
            )
        except FolderError as error:
            form.add_error("folder", str(error))
        else:
            return redirect("insights:progress", project.slug)
    return render(request, "projects/new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is in the project; a new name makes an account and shows its password once."""
    project = access.project(request.user, slug, at_least=Role.MANAGER)
    form = MemberForm(request.POST or None)
    password = None
    if request.method == "POST" and form.is_valid():
        try:
            password = accounts.set_role(
                project, form.cleaned_data["username"], Role(form.cleaned_data["role"]), by=project.role
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if password is None:
                return redirect("projects:people", slug)
    members = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    context = {
        "project": project,
        "role": project.role,
        "members": members,
        "form": form,
        "one_time_password": password,
        "new_username": form.cleaned_data["username"] if password else "",
    }
    return render(request, "projects/people.html", context)
