"""The labelling screens: one page a mode, each with what its script needs to begin."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeller.accounts import keymap
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.annotating.views.common import asked
from labeller.annotating.wire import pages
from labeller.projects.models import Project, Question
from labeller.transfer import networks

ENDPOINTS = ("next", "save", "classes", "release")


@require_safe
def label(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One image after the other."""
    return _screen(request, *asked(request, slug, key), "single", "annotating/label.html")


@require_safe
def sequence(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One burst of frames after the other."""
    return _screen(request, *asked(request, slug, key), "sequence", "annotating/sequence.html")


@require_safe
def grid(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Pages of tiles that probably are of one class."""
    return _screen(request, *asked(request, slug, key), "grid", "annotating/grid.html", "grid_tiles")


@require_safe
def hunt(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Look-alikes of an example or of a class."""
    return _screen(request, *asked(request, slug, key), "hunt", "annotating/hunt.html", "hunt_start", "hunt_tiles")


@require_safe
def review(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Disagreements and likely label errors first."""
    member, question = asked(request, slug, key, at_least=Role.MANAGER)
    return _screen(request, member, question, "review", "annotating/review.html", "review_next")


def text_urls(slug: str, key: str | None = None) -> dict[str, str]:
    """Addresses of a text's pieces, and of its words that speak for a class of a question."""
    pieces = {"reading": reverse("annotating:reading", args=[slug, 0, 0])}
    return pieces if key is None else {**pieces, "speaking": reverse("annotating:speaking", args=[slug, key])}


def _screen(
    request: HttpRequest, member: Member, question: Question, mode: str, template: str, *endpoints: str
) -> HttpResponse:
    project = member.project
    place = [project.slug, question.key]
    is_text = project.kind == Project.Kind.TEXT
    boot = {
        "mode": mode,
        "project": {"slug": project.slug, "name": project.name},
        **pages.questions_json(question),
        "show_suggestions": question.show_suggestions,
        "kind": project.kind,
        "reads_texts": mode == "hunt" and (is_text or networks.reads_texts(project.featuriser)),
        "urls": {
            **{name: reverse(f"annotating:{name}", args=place) for name in (*ENDPOINTS, *endpoints)},
            **(text_urls(project.slug, question.key) if is_text else {}),
            "hunt": reverse("annotating:hunt", args=place),
            "progress": reverse("insights:question", args=place),
            "image": "/samples/0/1280.jpg",
        },
        "can_create_classes": pages.may_add_classes(member),
        "csrf": get_token(request),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "user": member.person.get_username(),
        "keys": keymap.table(member.person.keys, mode, project.kind),
    }
    context: dict[str, Any] = {
        "is_text": is_text,
        "project": project,
        "role": member.role,
        "question": question,
        "boot": boot,
        "mode": mode,
        "is_one_of_several": project.questions.exclude(pk=question.pk).exists(),
    }
    return render(request, template, context)
