"""Zip files of texts: unpacked beside the site's own data, and then looked through as a folder is."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.messages import as_json
from labeller.samples import names
from labeller.samples.models import Source
from labeller.samples.scanning import FolderError
from labeller.samples.walking import Found
from tl_core.notices import Notice, notice
from tl_core.texts.reading.refusals import TextRefused

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_AT = 64 << 20  # bytes of the table that is shown before anything is imported
STAMP = "stamp.json"  # size and time of the zip that was unpacked, and what was not taken: written last


def unpack(source: Source, progress: jobs.Progress, check: "Callable[[], None]") -> list[Found]:
    """Unpack a source that is a zip, where that was not done yet; what could not be taken, and why.

    `check` is called now and then, and raises where there is no room. Killed half-way, it begins anew. Raises
    FolderError where nothing can be unpacked.
    """
    place, zipped = source.unpacked, Path(source.folder)
    status = zipped.stat()
    stamp = [status.st_size, status.st_mtime_ns]
    known = _known(place)
    if known.get("stamp") == stamp:
        return [_found(*each) for each in known["refused"]]
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "files").mkdir(parents=True)
    refused = [[path, why.reason, as_json(why.detail)] for path, why in _unpacked(zipped, part, progress, check)]
    (part / STAMP).write_text(json.dumps({"stamp": stamp, "refused": refused}), encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
    return [_found(*each) for each in refused]


def _unpacked(
    zipped: Path, part: Path, progress: jobs.Progress, check: "Callable[[], None]"
) -> Iterator[tuple[str, TextRefused]]:
    from tl_core.texts import reading

    def tell(done: int, total: int) -> None:
        check()
        progress(done, total, notice(WorkerCode.UNPACKING, path=names.shown(zipped)))

    try:
        for path, why in reading.unpack(zipped, part / "files", tell):
            yield names.encode(path), why
    except TextRefused as why:
        raise FolderError(why.detail) from why


def _known(place: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        known: dict[str, Any] = json.loads((place / STAMP).read_text("utf-8"))
        return known
    return {}


def _found(path: str, reason: str, detail: dict[str, Any]) -> Found:
    return Found(path, reason=reason, detail=Notice(**detail))


def paths(zipped: Path) -> list[str]:
    """The files in a zip, by their paths. Raises FolderError where it can't be read."""
    from tl_core.texts import reading

    try:
        return [names.encode(each) for each in reading.paths_of(zipped)]
    except TextRefused as why:
        raise FolderError(why.detail) from why


@contextmanager
def beginning(zipped: Path, is_wanted: "Callable[[str], bool]") -> Iterator[Path | None]:
    """The first table in a zip that was not unpacked yet, as much of it as it takes to see how it is laid out.

    Raises FolderError where the zip can't be read.
    """
    from tl_core.texts import reading

    with tempfile.TemporaryDirectory() as folder:
        try:
            found = reading.first_member(zipped, Path(folder), is_wanted, LOOKED_AT)
        except TextRefused as why:
            raise FolderError(why.detail) from why
        yield found
