"""Serving of images: always a derivative, never the original file; and what of a table was not taken."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.samples import known, services, told
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


@require_safe
def not_taken(request: HttpRequest, slug: str, source_id: int, purpose: str) -> HttpResponseBase:
    """Every row of a table, or file of a folder, that gave no label, and why."""
    project = access.project(request.user, slug, at_least=Role.MANAGER)
    source = get_object_or_404(project.sources, pk=source_id)
    if purpose not in known.PURPOSES:
        raise Http404("no such list")
    try:
        file = told.list_path(source.pk, purpose).open("rb")
    except FileNotFoundError as error:
        raise Http404("everything was taken") from error
    return FileResponse(file, as_attachment=True, filename=f"{slug}-{purpose}-not-taken.csv", content_type="text/csv")
