"""The JSON endpoint of the grid: pages of tiles."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.annotating import forms
from labeller.annotating.handing import tiles
from labeller.annotating.views.common import asked, explains
from labeller.annotating.wire.tiles import page_json


@require_POST
@explains
def grid_tiles(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Tiles to look at next, all of one group."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    chosen = {
        name: None if body.get(given) is None else forms.whole_number(body[given], given)
        for name, given in (("group_id", "group"), ("class_id", "class"))
    }
    page = tiles.next_page(member.person, question, forms.wanted(body), **chosen)
    return JsonResponse(page_json(member.person, question, page))
