"""The screen of all questions of a project, and its JSON: samples out, judgements in."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access, keymap
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.annotating import forms, holding
from labeller.annotating import together as taking
from labeller.annotating.handing import together
from labeller.annotating.views.common import explains
from labeller.annotating.views.screens import text_urls
from labeller.annotating.wire import pages
from labeller.annotating.wire import together as wire
from labeller.projects.models import Project, Question

MODE = "together"


def _asked(request: HttpRequest, slug: str) -> tuple[Member, list[Question]]:
    """Who asks, and the questions: all of the project, or those that the address names; else 404, weaker roles 403."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    questions = together.asked_together(member.project)
    named = [key for key in request.GET.get("questions", "").split(",") if key]
    questions = [each for each in questions if not named or each.key in named]
    if not questions:
        raise Http404("nothing is asked here")
    return member, questions


@require_safe
def screen(request: HttpRequest, slug: str) -> HttpResponse:
    """One image after the other, each asked what is doubtful about it; one question alone has a screen of its own."""
    member, questions = _asked(request, slug)
    project = member.project
    if len(questions) == 1:
        return redirect("annotating:label", slug, questions[0].key)
    first = questions[0]
    is_text = project.kind == Project.Kind.TEXT
    boot = {
        "mode": MODE,
        "project": {"slug": project.slug, "name": project.name},
        **wire.questions_json(questions),
        "show_suggestions": True,
        "urls": {
            **{name: _address(f"together_{name}", request, slug) for name in ("next", "save", "release")},
            "classes": {each.key: reverse("annotating:classes", args=[slug, each.key]) for each in questions},
            "hunt": reverse("annotating:hunt", args=[slug, first.key]),
            "progress": reverse("insights:progress", args=[slug]),
            "image": "/samples/0/1280.jpg",
            **(text_urls(slug) if is_text else {}),
        },
        "kind": project.kind,
        "can_create_classes": pages.may_add_classes(member),
        "csrf": get_token(request),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "user": member.person.get_username(),
        "keys": keymap.table(member.person.keys, MODE, project.kind),
    }
    context = {
        "project": project,
        "role": member.role,
        "question": first,
        "boot": boot,
        "is_text": is_text,
        "mode": MODE,
        "is_one_of_several": True,
    }
    return render(request, "annotating/together.html", context)


def _address(name: str, request: HttpRequest, slug: str) -> str:
    """An address of this screen, about the same questions."""
    named = request.GET.get("questions", "")
    return reverse(f"annotating:{name}", args=[slug]) + (f"?{urlencode({'questions': named})}" if named else "")


@require_POST
@explains
def next_samples(request: HttpRequest, slug: str) -> HttpResponse:
    """Samples next, each with the questions that are asked of it, and what is let stand of the others."""
    member, questions = _asked(request, slug)
    body = forms.body(request)
    batch = together.next_batch(member.person, questions, forms.wanted(body))
    return JsonResponse(
        {
            "samples": wire.batch_json(member.person, questions, batch),
            "kept": sorted(batch.kept),
            "round": wire.round_json(batch.rounds),
            "pool": wire.pool(questions) if body.get("pool", True) else None,
            "state": batch.state,
            "message": pages.preparing_message(questions[0]) if batch.state == "preparing" else "",
        }
    )


@require_POST
@explains
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Take judgements, flags and what was let stand in; each is answered for itself."""
    member, questions = _asked(request, slug)
    events = forms.events(forms.body(request), member.person, questions[0], defaults=True)
    results = pages.results_json([event.uuid for event in events], taking.save(member, questions, events))
    statuses = {result["status"] for result in results}
    return JsonResponse(
        {
            "results": results,
            "round": wire.round_json(together.current_rounds(questions)),
            **wire.counts(questions),
        },
        status=statuses.pop() if len(statuses) == 1 else 207,
    )


@require_POST
@explains
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """Give samples back that a tab holds and will not label: it is being closed."""
    member, questions = _asked(request, slug)
    body = forms.body(request)
    samples = forms.whole_numbers(body["samples"], "samples") if "samples" in body else None
    for question in questions:
        holding.release(member.person, question, forms.tab(body), samples)
    return HttpResponse(status=204)
