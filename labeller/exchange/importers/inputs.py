"""What is imported from: a file, a folder, or a zip of either. Of a zip nothing is written to disk: members stream."""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from labeller.exchange.importers.base import Unreadable
from tl_core.texts.reading.archives import is_archive, member_name, members_of, refused_member
from tl_core.texts.reading.opening import BROKEN, is_litter
from tl_core.texts.reading.refusals import TextRefused

BEGINNING = 65_536  # bytes that tell what a file is
MOST_TABLES = 100_000_000_000  # bytes of one member, unpacked: what is larger is no table of anybody's pictures


class Input:
    """Named files, read as streams."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> list[str]:
        """All files in it, with forward slashes; of a single file its own name. Raises Unreadable."""
        if self.path.is_dir():
            return [name for name in self._walked() if not is_litter(name)]
        if not self.path.is_file():
            raise Unreadable("no-such-file", self.path.name)
        return list(self._entries) if self.is_zip else [self.path.name]

    def _walked(self) -> Iterator[str]:
        """The files of a folder, in order; links are not followed out of it."""
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            inside = Path(folder).relative_to(self.path).as_posix()
            yield from sorted(name if inside == "." else f"{inside}/{name}" for name in files)

    @cached_property
    def _entries(self) -> dict[str, zipfile.ZipInfo]:
        """The files of a zip that are safe to read, by name."""
        try:
            return {member_name(each): each for each in members_of(self._archive) if refused_member(each) is None}
        except TextRefused as refused:
            raise Unreadable("too-many-files", refused.reason) from refused
        except BROKEN as error:
            raise Unreadable("broken-zip", str(error)) from error

    @cached_property
    def left_out(self) -> list[str]:
        """Files of a zip that are not taken: their names lead out of it, they are links, or encrypted."""
        if not self.is_zip:
            return []
        return [member_name(each) for each in members_of(self._archive) if refused_member(each) is not None]

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        """Opened once: each time its whole list of files would be read."""
        return zipfile.ZipFile(self.path)

    @cached_property
    def is_zip(self) -> bool:
        return self.path.is_file() and is_archive(self.path)

    @cached_property
    def is_single(self) -> bool:
        """Whether it is one file by itself."""
        return not self.path.is_dir() and not self.is_zip

    def find(self, name: str) -> str:
        """The member of that name, the one that lies highest; empty where there is none."""
        named = [each for each in self.names if each.rpartition("/")[2].lower() == name]
        return min(named, key=lambda each: (each.count("/"), each), default="")

    def only(self, *suffixes: str) -> str:
        """The one file that ends so; empty where there is none, or several."""
        named = [each for each in self.names if each.lower().endswith(suffixes)]
        return named[0] if len(named) == 1 else ""

    def beginning(self, name: str, size: int = BEGINNING) -> bytes:
        parts: list[bytes] = []
        with self.open(name) as stream:
            # In parts: room for all that is asked for would be set aside, however small the file is.
            while size > 0 and (part := stream.read(min(size, BEGINNING))):
                parts.append(part)
                size -= len(part)
        return b"".join(parts)

    def location(self, name: str) -> Path:
        """Where one of its files is, unless it is in a zip."""
        return self.path / name if self.path.is_dir() else self.path

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """One of its files as a stream. Raises Unreadable where it is damaged."""
        try:
            if not self.is_zip:
                with self.location(name).open("rb") as stream:
                    yield stream
                return
            if self._entries[name].file_size > MOST_TABLES:
                raise Unreadable("too-large", name)
            with self._archive.open(self._entries[name]) as stream:
                yield stream
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Unreadable("broken-zip", str(error)) from error
        except OSError as error:
            raise Unreadable("cannot-be-read", error.strerror or str(error)) from error

    def json(self, name: str, most: int = 5_000_000) -> Any:
        """A small file of JSON as a whole. Raises Unreadable."""
        content = self.beginning(name, most)
        try:
            return json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise Unreadable("no-json", str(error)[:200]) from error
