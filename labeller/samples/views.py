"""Serving of images: always a derivative, never the original file; and what of a table was not taken."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.samples import deriving, ingesting, known, told
from labeller.samples.models import Sample


@require_safe
def image(request: HttpRequest, sample_id: int, size: int) -> HttpResponseBase:
    """The sample's picture, at least `size` pixels on the long side where it has so many."""
    sample = get_object_or_404(access.rows(request.user, Sample.objects.all()), pk=sample_id)
    path = ingesting.derivative(sample, size)
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
    response = HttpResponse(text, status=410 if gone else 202, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["Retry-After"] = "2"
    return response


@require_safe
def not_taken(request: HttpRequest, slug: str, source_id: int, purpose: str) -> HttpResponseBase:
    """Every row of a table, or file of a folder, that gave no label, and why."""
    project = access.member(request.user, slug, at_least=Role.MANAGER).project
    source = get_object_or_404(project.sources, pk=source_id)
    if purpose not in known.PURPOSES:
        raise Http404("no such list")
    try:
        file = told.list_path(source.pk, purpose).open("rb")
    except FileNotFoundError as error:
        raise Http404("everything was taken") from error
    return FileResponse(file, as_attachment=True, filename=f"{slug}-{purpose}-not-taken.csv", content_type="text/csv")
