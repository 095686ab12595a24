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
from labeller.projects.models import Question
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


def _screen(
    request: HttpRequest, member: Member, question: Question, mode: str, template: str, *endpoints: str
) -> HttpResponse:
    project = member.project
    place = [project.slug, question.key]
    boot = {
        "mode": mode,
        "project": {"slug": project.slug, "name": project.name},
        **pages.questions_json(question),
        "show_suggestions": question.show_suggestions,
        "reads_texts": mode == "hunt" and networks.reads_texts(project.featuriser),
        "urls": {
            **{name: reverse(f"annotating:{name}", args=place) for name in (*ENDPOINTS, *endpoints)},
            "hunt": reverse("annotating:hunt", args=place),
            "progress": reverse("insights:question", args=place),
            "image": "/samples/0/1280.jpg",
        },
        "can_create_classes": pages.may_add_classes(member),
        "csrf": get_token(request),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "user": member.person.get_username(),
        "keys": keymap.table(member.person.keys, mode),
    }
    context: dict[str, Any] = {
        "project": project,
        "role": member.role,
        "question": question,
        "boot": boot,
        "mode": mode,
        "is_one_of_several": project.questions.exclude(pk=question.pk).exists(),
    }
    return render(request, template, context)
