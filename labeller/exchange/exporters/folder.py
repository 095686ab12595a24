"""The folder that an export is written into: every file is hashed, and its rows are counted, as it is written.

Nothing is kept in memory: rows go to the disk as they come. Names inside are always with forward slashes.
"""

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import fsspec

from labeller.samples.cells import Echo

SUMS = "SHA256SUMS"  # of pictures, as sha256sum writes and checks them
BLOCK = 1 << 20
BUFFERED = 1 << 16  # characters of a table that are written at once
Row = Iterable[Any]


@dataclass
class FileWritten:
    """A file of an export, as its manifest has it."""

    name: str
    rows: int
    bytes: int
    sha256: str


class _Hashed(io.RawIOBase):
    """Passes on what is written, and knows how much it was and what its hash is."""

    def __init__(self, raw: IO[bytes]) -> None:
        self.raw, self.size, self.digest = raw, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self.raw.write(data)


class CsvFile:
    """A CSV file that is being written, in UTF-8 with `\\r\\n` at line ends, as RFC 4180 has it."""

    def __init__(self, file: IO[str], columns: Row) -> None:
        self.rows = 0
        self._file, self._line = file, csv.writer(Echo()).writerow
        self._lines, self._waiting = [str(self._line(list(columns)))], 0

    def __call__(self, row: Row) -> None:
        """Write a row; None is an empty cell."""
        line = str(self._line(row))
        self.rows += 1
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting > BUFFERED:
            self.flush()

    def flush(self) -> None:
        self._file.write("".join(self._lines))
        self._lines, self._waiting = [], 0


class Folder:
    """A new folder at `path`. With `is_zipped` it is going to be packed: pictures in it may be links."""

    def __init__(self, path: Path, *, is_zipped: bool = False) -> None:
        self.path, self.is_zipped = path, is_zipped
        self.files: list[FileWritten] = []
        self.notes: list[str] = []
        self.pictures = 0
        path.mkdir(parents=True)

    def remark(self, text: str) -> None:
        """Have the manifest say something that whoever opens the export should know."""
        self.notes.append(text)

    # --- files ------------------------------------------------------------------------------------

    @contextmanager
    def bytes_of(self, name: str, rows: Callable[[], int] = lambda: 0) -> Iterator[IO[bytes]]:
        """A file to be written; `rows` says at its end how many it has."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as raw:
            hashed: Any = _Hashed(raw)
            yield hashed
        self.files.append(FileWritten(name, rows(), hashed.size, hashed.digest.hexdigest()))

    @contextmanager
    def table(self, name: str, columns: Row) -> Iterator[CsvFile]:
        """A CSV file to be written row by row."""
        counted: list[CsvFile] = []
        with self.bytes_of(name, lambda: counted[0].rows) as raw:
            file = io.TextIOWrapper(raw, "utf-8", "surrogateescape", newline="")
            counted.append(CsvFile(file, columns))
            yield counted[0]
            counted[0].flush()
            file.flush()
            file.detach()

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[str], None]]:
        """A file to be written line by line."""
        count = 0
        with self.bytes_of(name, lambda: count) as raw:

            def line(text: str) -> None:
                nonlocal count
                count += 1
                raw.write(f"{text}\n".encode("utf-8", "surrogateescape"))

            yield line

    def text(self, name: str, content: str, rows: int = 0) -> None:
        """Write a small file at once."""
        with self.bytes_of(name, lambda: rows) as raw:
            raw.write(content.encode("utf-8", "surrogateescape"))

    def json(self, name: str, content: Any) -> None:
        self.text(name, json.dumps(content, ensure_ascii=False, indent=2) + "\n")

    @contextmanager
    def arrays(self, name: str, head: Mapping[str, Any], *keys: str) -> "Iterator[Arrays]":
        """A JSON object: `head`, then an array of each of these keys, which are filled side by side.

        Each array lies in a file of its own until its turn comes.
        """
        arrays = Arrays(self.path / name, keys)
        try:
            yield arrays
            with self.bytes_of(name, lambda: sum(arrays.counts.values())) as raw:
                parts = [f" {json.dumps(key)}: {_json(value)}" for key, value in {**head, **arrays.last}.items()]
                raw.write(("{\n" + "".join(f"{part},\n" for part in parts)).encode("utf-8", "surrogateescape"))
                for key in keys:
                    raw.write(f" {json.dumps(key)}: [".encode())
                    arrays.move(key, raw)
                    raw.write(b"\n ]\n}\n" if key == keys[-1] else b"\n ],\n")
        finally:
            arrays.close()

    # --- pictures ---------------------------------------------------------------------------------

    @contextmanager
    def many(self) -> "Iterator[Many]":
        """Files of which there are too many for the manifest: their hashes are written beside them."""
        with self.lines(SUMS) as line:
            yield Many(self, line)

    def manifest(self, **about: Any) -> dict[str, Any]:
        """What the folder holds: every file with its rows and its hash. Written last of all."""
        files = [asdict(each) for each in sorted(self.files, key=lambda each: each.name)]
        found = {**about, "notes": self.notes, "pictures": self.pictures, "files": files}
        (self.path / "manifest.json").write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", "utf-8")
        return found


class Many:
    """Pictures, and small files about them, that are written into a folder."""

    def __init__(self, folder: Folder, line: Callable[[str], None]) -> None:
        self._folder, self._line = folder, line

    def free(self, name: str, beside: Callable[[str], str] = lambda stem: stem) -> str:
        """The name, or the next one to it that no file has yet; nor has the one that lies `beside` its stem."""
        stem, dot, suffix = name.rpartition(".")
        stem, suffix = (stem, dot + suffix) if dot else (name, "")
        number, found = 1, stem
        while self._is_taken(found + suffix) or self._is_taken(beside(found)):
            number += 1
            found = f"{stem}_{number}"
        return found + suffix

    def _is_taken(self, name: str) -> bool:
        return os.path.lexists(self._folder.path / name)

    def take(self, location: Path | str, name: str, *, is_linked: bool) -> None:
        """Take a picture in from where it is, or a link to it."""
        place = self._place(name)
        digest = _linked(location, place) if is_linked or self._folder.is_zipped else _copied(location, place)
        self._folder.pictures += 1
        self._line(f"{digest}  {name}")

    def write(self, picture: bytes, name: str) -> None:
        """Write a picture that was made for this."""
        self._folder.pictures += 1
        self._write(picture, name)

    def text(self, name: str, content: str) -> None:
        """Write a small file."""
        self._write(content.encode("utf-8", "surrogateescape"), name)

    def _write(self, data: bytes, name: str) -> None:
        with self._place(name).open("xb") as file:
            file.write(data)
        self._line(f"{hashlib.sha256(data).hexdigest()}  {name}")

    def _place(self, name: str) -> Path:
        place = self._folder.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


class Arrays:
    """The arrays of a JSON object while they are being filled; `last` is what is only known at the end."""

    def __init__(self, place: Path, keys: Row) -> None:
        self.counts = dict.fromkeys(keys, 0)
        self.last: dict[str, Any] = {}
        self._places = {key: place.with_name(f"{place.name}.{key}.part") for key in self.counts}
        place.parent.mkdir(parents=True, exist_ok=True)
        self._files = {key: place.open("x+b") for key, place in self._places.items()}

    def add(self, key: str, value: Any) -> None:
        """Add an element to the array of that key."""
        comma = "," if self.counts[key] else ""
        self._files[key].write(f"{comma}\n  {_json(value)}".encode("utf-8", "surrogateescape"))
        self.counts[key] += 1

    def move(self, key: str, to: IO[bytes]) -> None:
        self._files[key].seek(0)
        while block := self._files[key].read(BLOCK):
            to.write(block)

    def close(self) -> None:
        for key, file in self._files.items():
            file.close()
            self._places[key].unlink(missing_ok=True)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _linked(location: Path | str, place: Path) -> str:
    if isinstance(location, str):  # in an object store: there is nothing to link to
        return _copied(location, place)
    place.symlink_to(location)
    with location.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copied(location: Path | str, place: Path) -> str:
    opened = fsspec.open(location, "rb") if isinstance(location, str) else location.open("rb")
    with opened as source, place.open("xb") as raw:
        hashed: Any = _Hashed(raw)
        shutil.copyfileobj(source, hashed, BLOCK)
    return str(hashed.digest.hexdigest())


def synced(path: Path) -> None:
    """See that what was written is on the disk before anybody is told that it is there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
