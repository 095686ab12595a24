"""Serving of images: always a derivative, never the original file."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.samples import deriving, services
from labeller.samples.models import Sample


@require_safe
def image(request: HttpRequest, sample_id: int, size: int) -> HttpResponseBase:
    """The sample's picture, at least `size` pixels on the long side where it has so many."""
    sample = get_object_or_404(access.rows(request.user, Sample.objects.all()), pk=sample_id)
    path = services.derivative(sample, size)
    if path is None:
        raise Http404("no such size")
    mark = f'"{sample.sha256[:32]}-{size}"'
    if request.headers.get("If-None-Match") == mark:
        return _kept(HttpResponseNotModified(), mark)
    try:
        return _kept(FileResponse(path.open("rb"), content_type="image/jpeg"), mark)
    except FileNotFoundError:
        return _made_anew(sample)


def _kept(response: HttpResponseBase, mark: str) -> HttpResponseBase:
    """A photograph may be edited: what the browser keeps is shown at once, and compared behind the person's back."""
    response["ETag"] = mark
    response["Cache-Control"] = "private, max-age=600, stale-while-revalidate=31536000"
    return response


def _made_anew(sample: Sample) -> HttpResponse:
    """The picture is gone: a worker makes it from the photograph, and the page asks again in a moment."""
    deriving.ask(sample)
    gone = deriving.is_gone(sample)
    text = _("The photograph is not there any more.") if gone else _("The picture is being made anew.")
    response = HttpResponse(text, status=410 if gone else 503, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["Retry-After"] = "2"
    return response
