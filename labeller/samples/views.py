"""Serving of images: always a derivative, never the original file."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.samples import services
from labeller.samples.models import Sample


@require_safe
def image(request: HttpRequest, sample_id: int, size: int) -> HttpResponseBase:
    """The sample's picture, at least `size` pixels on the long side where it has so many."""
    sample = get_object_or_404(access.rows(request.user, Sample.objects.all()), pk=sample_id)
    path = services.derivative(sample, size)
    if path is None:
        raise Http404("no such size")
    try:
        response = FileResponse(path.open("rb"), content_type="image/jpeg")
    except FileNotFoundError as error:
        raise Http404("the derivative is missing") from error
    # The file's name is its content's hash: it can never change under this address.
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
