"""Serving of images: always a derivative, never the original file; and what of a table was not taken.

Every picture goes through `_shown`, which knows who may see it, and leaves with what `_kept` says of keeping it.
"""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.samples import deriving, hiding, known, told
from labeller.samples.models import Box, File, Sample


@require_safe
def image(request: HttpRequest, sample_id: int, size: int) -> HttpResponseBase:
    """The picture that the sample is of, or is a box of, at least `size` pixels on the long side if it has so many."""
    return _picture(request, _shown(request, sample_id), size)


@require_safe
def part(request: HttpRequest, sample_id: int, size: int) -> HttpResponseBase:
    """The sample itself, for pages that draw no boxes: of a box just what is in it, and a little around."""
    sample = _shown(request, sample_id)
    return _picture(request, sample, size, sample.box)


def _shown(request: HttpRequest, sample_id: int) -> Sample:
    """The sample; what this person must not see isn't there for them."""
    rows = access.rows(request.user, Sample.objects.select_related("file__people"))
    sample = get_object_or_404(rows, pk=sample_id)
    if hiding.has_people(sample.file) and not access.in_project(request.user, sample.project).sees_people:
        raise Http404("no such sample")
    return sample


def _picture(request: HttpRequest, sample: Sample, size: int, box: Box | None = None) -> HttpResponseBase:
    path = deriving.picture(sample.file, size, box)
    if path is None:
        raise Http404("no such size")
    place = "".join(f"-{share:.6f}" for share in box or ())  # which somebody may move
    mark = f'"{sample.file.sha256[:32]}-{size}{place}"'
    if request.headers.get("If-None-Match") == mark:
        return _kept(HttpResponseNotModified(), mark, hiding.has_people(sample.file))
    try:
        shown = FileResponse(path.open("rb")) if box is None else HttpResponse(deriving.cut(path, box, size))
    except FileNotFoundError:
        return _made_anew(sample.file)
    shown["Content-Type"] = "image/jpeg"
    return _kept(shown, mark, hiding.has_people(sample.file))


def _kept(response: HttpResponseBase, mark: str, has_people: bool) -> HttpResponseBase:
    """A photograph may be edited: what the browser keeps is shown at once, and compared behind the person's back.

    People are kept by no browser: the next person who logs in there may be one who must not see them.
    """
    response["ETag"] = mark
    response["Cache-Control"] = (
        "private, no-store" if has_people else "private, max-age=600, stale-while-revalidate=31536000"
    )
    return response


def _made_anew(file: File) -> HttpResponse:
    """The picture is gone: a worker makes it from the photograph, and the page asks again in a moment."""
    deriving.ask(file)
    gone = deriving.is_gone(file)
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
