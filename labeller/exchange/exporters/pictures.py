"""Pictures that go out with what was said of them: as links, as copies, or not at all."""

from django.utils.translation import gettext_lazy as _

from labeller.codes import WorkerCode
from labeller.exchange.exporters.base import ExportOption, ExportWanted, Impossible
from labeller.exchange.exporters.contents import Shot
from labeller.exchange.exporters.folder import Many
from tl_core.notices import notice

CHOICES = (("link", _("as links, in a zip as copies")), ("copy", _("as copies")))
PICTURES = ExportOption("pictures", _("Pictures"), "none", (("none", _("stay where they are")), *CHOICES))
OWN = ExportOption("pictures", _("Pictures"), "link", CHOICES)  # of formats that are nothing without them


def take(wanted: ExportWanted, many: Many, shot: Shot, name: str) -> None:
    """Take a picture in under that name, where pictures are asked for. Raises Impossible where it can't be read."""
    how = wanted.options["pictures"]
    if how == "none":
        return
    try:
        many.take(wanted.contents.location(shot), name, is_linked=how == "link")
    except OSError as error:
        raise Impossible(notice(WorkerCode.NOT_LOOKED_AT, error=f"{shot.path}: {error.strerror or error}")) from error
