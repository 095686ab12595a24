"""The labelling page and the three JSON endpoints it talks to."""

from functools import wraps
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.annotating import forms, selectors, services
from labeller.annotating.forms import BadRequest
from labeller.projects import services as projects
from labeller.projects.models import Question


def _question(request: HttpRequest, slug: str, key: str) -> Question:
    project = access.project(request.user, slug, at_least=Role.ANNOTATOR)
    question = get_object_or_404(project.questions, key=key)
    question.project = project
    return question


def _explains(view: Any) -> Any:
    """Answer a body that can't be understood with 422 and the reason."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except BadRequest as error:
            return JsonResponse({"detail": str(error)}, status=422)

    return wrapped


@require_safe
def label(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The labelling page."""
    question = _question(request, slug, key)
    project = question.project
    boot = {
        "project": {"slug": project.slug, "name": project.name},
        "question": {"key": question.key, "text": question.text, "multi_label": question.multi_label},
        "classes": selectors.classes_json(question),
        "urls": {
            "next": reverse("annotating:next", args=[slug, key]),
            "save": reverse("annotating:save", args=[slug, key]),
            "classes": reverse("annotating:classes", args=[slug, key]),
            "progress": reverse("insights:progress", args=[slug]),
            "image": "/samples/0/1280.jpg",
        },
        "can_create_classes": True,
        "csrf": get_token(request),
        "user": request.user.get_username(),
    }
    context = {"project": project, "role": project.role, "question": question, "boot": boot}
    return render(request, "annotating/label.html", context)


@require_POST
@_explains
def next_samples(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Samples to label next."""
    question = _question(request, slug, key)
    body = forms.body(request)
    count = forms.whole_number(body.get("count", 10), "count", high=services.MOST_AT_ONCE)
    keep = forms.whole_numbers(body.get("keep", []), "keep")
    batch = services.next_batch(request.user, question, count, keep)
    return JsonResponse(
        {
            "samples": selectors.samples_json(request.user, question, batch.assignments),
            "round": selectors.round_json(batch.round),
            "pool": selectors.pool(question),
            "state": batch.state,
            "message": selectors.preparing_message(question) if batch.state == "preparing" else "",
        }
    )


@require_POST
@_explains
def save(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Take judgements in; each is answered for itself, after it has been committed."""
    question = _question(request, slug, key)
    events = forms.events(forms.body(request), request.user, question)
    judged = [(event.judgement, event.entry) for event in events if event.judgement]
    recorded = iter(services.save(request.user, question, judged))
    results = [
        selectors.result_json(event.uuid, next(recorded))
        if event.judgement
        else {"uuid": event.uuid, "status": 422, "label": None, "current": None, "detail": event.problem}
        for event in events
    ]
    statuses = {result["status"] for result in results}
    return JsonResponse(
        {
            "results": results,
            "round": selectors.round_json(services.current_round(question)),
            **selectors.counts(question),
        },
        status=statuses.pop() if len(statuses) == 1 else 207,
    )


@require_POST
@_explains
def classes(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Make a class while labelling; the same name again gives the class there is."""
    question = _question(request, slug, key)
    name = forms.body(request).get("name")
    try:
        label_class, made = projects.ensure_class(question, name if isinstance(name, str) else "")
    except ValidationError as error:
        return JsonResponse({"detail": error.messages[0]}, status=422)
    return JsonResponse({"class": selectors.class_json(label_class)}, status=201 if made else 200)
