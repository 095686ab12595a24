"""Pictures that go out with what was said of them: as links, as copies, or not at all; people blurred, or not."""

import io
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _
from PIL import Image

from labeller.codes import WorkerCode
from labeller.exchange.exporters.base import ExportOption, ExportWanted, Impossible
from labeller.exchange.exporters.contents import Shot
from labeller.exchange.exporters.folder import Many
from tl_core.images import ImageRefused, load
from tl_core.images.blurring import blurred
from tl_core.notices import notice

CHOICES = (("link", _("as links, in a zip as copies")), ("copy", _("as copies")))
PICTURES = ExportOption("pictures", _("Pictures"), "none", (("none", _("stay where they are")), *CHOICES))
OWN = ExportOption("pictures", _("Pictures"), "link", CHOICES)  # of formats that are nothing without them
QUALITY = 92  # of a JPEG
KEPT = {".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}  # all others become JPEGs


def take(wanted: ExportWanted, many: Many, shot: Shot, name: str) -> None:
    """Take a picture in under that name, where pictures are asked for. Raises Impossible where it can't be read."""
    how = wanted.options["pictures"]
    if how == "none":
        return
    location = wanted.contents.location(shot)
    try:
        if shot.people is not None and wanted.options["people"] == "blur":
            many.write(_blurred(location, shot, name), name)
        else:
            many.take(location, name, is_linked=how == "link")
    except (OSError, ImageRefused) as error:
        why = getattr(error, "strerror", None) or error
        raise Impossible(notice(WorkerCode.NOT_LOOKED_AT, error=f"{shot.path}: {why}")) from error


def _blurred(location: Any, shot: Shot, name: str) -> bytes:
    """The picture made anew, upright, with nothing but its pixels: no small picture inside shows what was there."""
    pixels = blurred(load(location, min_side=min(shot.width or 1, shot.height or 1)), shot.people or ())
    content = io.BytesIO()
    kind = KEPT.get(f".{name.rpartition('.')[2].lower()}", "JPEG")
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, kind, quality=QUALITY)
    return content.getvalue()
