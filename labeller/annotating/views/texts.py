"""The JSON endpoints of texts: how a long one goes on, and which of its words speak for a class."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.annotating import forms
from labeller.annotating.views.common import asked, explains
from labeller.annotating.wire.shown import piece
from labeller.annotating.wire.speaking import speaking_json
from labeller.samples.models import Text


@require_safe
def reading(request: HttpRequest, slug: str, sample_id: int, start: int) -> HttpResponse:
    """A piece of a text."""
    member = access.member(request.user, slug, at_least=Role.ANNOTATOR)
    content = Text.objects.filter(sample=sample_id, project=member.project).values_list("content", flat=True).first()
    if content is None:
        raise Http404("no such text")
    return JsonResponse(piece(content, start))


@require_POST
@explains
def speaking(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The words of a sample that speak for a class and against it."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    sample_id, class_id = (forms.whole_number(body.get(name), name) for name in ("sample", "class"))
    return JsonResponse({"spans": speaking_json(member.person, question, sample_id, class_id)})
