"""Pages of numbers: projects, progress, the learning curve."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.insights import selectors


@require_safe
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """The progress page; for htmx only the part that changes."""
    project = access.project(request.user, slug)
    context = {"project": project, "role": project.role, **selectors.progress(project)}
    template = "insights/_progress.html" if request.htmx else "insights/progress.html"
    return render(request, template, context)


@require_safe
def curve(request: HttpRequest, slug: str) -> HttpResponse:
    """The learning curve of the first question."""
    question = access.project(request.user, slug).first_question
    return JsonResponse({"rounds": selectors.curve(question) if question else []})


@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """The projects of this person."""
    context = {"projects": selectors.overview(request.user), "can_create": request.user.is_superuser}
    return render(request, "projects/list.html", context)
