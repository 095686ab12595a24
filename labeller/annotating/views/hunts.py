"""The JSON endpoints of hunts: starting one, and what it brings."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.annotating import forms, hunts
from labeller.annotating.views.common import asked, explains
from labeller.annotating.wire.shown import OF_EXAMPLE, excerpts


@require_POST
@explains
def hunt_start(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Ask a worker for what looks like some samples, or is likeliest of a class."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    wanted = hunts.aim(member.person, body, question)
    job = hunts.start(member.person, question, wanted, forms.tab(body))
    found = hunts.examples(member.person, question, wanted)
    texts = excerpts(question.project, [*found, *wanted.like], OF_EXAMPLE)
    told = {"excerpts": texts} if texts else {}
    return JsonResponse({"job": job.pk, "state": "hunting", "examples": found, **told})


@require_POST
@explains
def hunt_tiles(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Tiles of a hunt, once a worker has been through the pool."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    wanted = forms.wanted(body)
    without = hunts.passed_over(body)
    found = hunts.outcome(member.person, question, forms.whole_number(body.get("job"), "job"))
    return JsonResponse(hunts.page_json(member.person, question, wanted, found, without))
