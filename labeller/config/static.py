"""Static files by content: what the site serves lies in a folder named by a digest of everything in it.

JavaScript modules, workers and style sheets name each other by plain relative names, without a build step. Under
`static/DIGEST/` those names always lead to files of one version, so versions never mix and browsers may keep them for
good. Times of files say nothing: an archive, a checkout or a copy may date them as it likes.

`STATIC_ROOT/CURRENT` names the version in use: it is written once all files are there.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from whitenoise.storage import CompressedStaticFilesStorage

CURRENT = "CURRENT"
DIGITS = 16
KEPT = 7 * 24 * 3600  # seconds for which pages that are still open find the files they began with


class VersionedStaticFiles(CompressedStaticFilesStorage):
    """Collects into, and links to, the folder of a version."""

    @cached_property
    def root(self) -> Path:
        return Path(settings.STATIC_ROOT)

    @cached_property
    def version(self) -> str:
        """Of the files as they lie in the sources now."""
        return digest(sources())

    @cached_property
    def served(self) -> str:
        """The version that was collected last; a server goes on with it while its sources are being exchanged."""
        try:
            return (self.root / CURRENT).read_text().strip() or self.version
        except OSError:
            return self.version

    @cached_property
    def base_location(self) -> str:
        return str(self.root / self.version)

    @cached_property
    def location(self) -> str:
        return str(Path(self.base_location).absolute())

    def url(self, name: str | None) -> str:
        return str(super().url(f"{self.served}/{name or ''}"))

    def get_modified_time(self, name: str) -> datetime:
        """Long ago: what lies in the target is never taken for the newer one."""
        return datetime.min.replace(tzinfo=UTC)

    def is_collected(self) -> bool:
        """Whether all files of the sources, as they are now, lie where they are served from."""
        folder = Path(self.location)
        try:
            current = (self.root / CURRENT).read_text().strip()
            return current == self.version == digest((name, folder / name) for name, _ in sources())
        except OSError:
            return False

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        yield from super().post_process(paths, dry_run, **options)
        if not dry_run:
            self._switch()
            self._tidy()

    def _switch(self) -> None:
        for each in self._in_use():
            os.utime(each)  # pages that are open count from now on
        fresh = self.root / f"{CURRENT}.{os.getpid()}"
        fresh.write_text(self.version)
        fresh.replace(self.root / CURRENT)
        self.__dict__.pop("served", None)

    def _in_use(self) -> list[Path]:
        """What is being replaced: the version of now, or all that lies there from before there were versions."""
        try:
            return [folder for folder in [self.root / (self.root / CURRENT).read_text().strip()] if folder.is_dir()]
        except OSError:
            return list(self.root.iterdir())

    def _tidy(self) -> None:
        """Drop versions that no page can have open any more, and files of before there were versions."""
        for each in self.root.iterdir():
            if each.name in {CURRENT, self.version} or time.time() - each.stat().st_mtime < KEPT:
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink(missing_ok=True)


def sources() -> Iterator[tuple[str, Path]]:
    """Name and file of everything that is served, by name; of two with one name the first found, as Django has it."""
    found: dict[str, Path] = {}
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            name = Path(getattr(storage, "prefix", None) or "", path).as_posix()
            found.setdefault(name, Path(storage.path(path)))
    yield from sorted(found.items())


def digest(files: Iterator[tuple[str, Path]]) -> str:
    """A name for these files: another one as soon as a name or a byte differs."""
    whole = hashlib.sha256()
    for name, file in files:
        whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:DIGITS]


def collect() -> None:
    """Put the files of the sources where they are served from, unless they lie there already."""
    if isinstance(staticfiles_storage, VersionedStaticFiles) and staticfiles_storage.is_collected():
        folder = Path(staticfiles_storage.location)
        os.utime(folder)  # in use: it is not the one to be tidied away next
        return
    call_command("collectstatic", verbosity=0, interactive=False)
