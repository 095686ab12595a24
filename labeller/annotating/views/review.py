"""The endpoint of the review screen: samples to look at again."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.accounts.models import Role
from labeller.annotating import forms
from labeller.annotating.handing import review, state
from labeller.annotating.views.common import asked, explains
from labeller.annotating.wire import pages
from labeller.annotating.wire.reviews import reviews_json


@require_POST
@explains
def review_next(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Samples to review next, each with the reason, who said what, and what the head thinks."""
    member, question = asked(request, slug, key, at_least=Role.MANAGER)
    body = forms.body(request)
    passed = forms.whole_numbers(body.get("passed", []), "passed")
    batch = review.next_reviews(member.person, question, forms.wanted(body), passed)
    return JsonResponse(
        {
            "samples": reviews_json(member.person, question, batch.held),
            "kept": sorted(batch.kept),
            "left": batch.left,
            "round": pages.round_json(state.current_round(question)),
            "pool": pages.pool(question) if body.get("pool", True) else None,
            "state": "ready" if batch.held or batch.kept else "finished",
            "message": "",
        }
    )
