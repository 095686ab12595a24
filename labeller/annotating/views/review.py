"""The endpoint of the review screen: samples to look at again."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.accounts.models import Role
from labeller.annotating import forms, handing, reviewing, selectors
from labeller.annotating.views.common import asked, explains


@require_POST
@explains
def review_next(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Samples to review next, each with the reason, who said what, and what the head thinks."""
    member, question = asked(request, slug, key, at_least=Role.MANAGER)
    body = forms.body(request)
    wanted = forms.wanted(body, high=handing.MOST_AT_ONCE)
    passed = forms.whole_numbers(body.get("passed", []), "passed")
    batch = reviewing.next_reviews(member.person, question, wanted, passed)
    return JsonResponse(
        {
            "samples": reviewing.reviews_json(member.person, question, batch.reasons),
            "kept": sorted(batch.kept),
            "left": batch.left,
            "round": selectors.round_json(handing.current_round(question)),
            "pool": selectors.pool(question) if body.get("pool", True) else None,
            "state": "ready" if batch.reasons or batch.kept else "finished",
            "message": "",
        }
    )
