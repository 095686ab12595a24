"""Where files lie that several machines share: a directory, or a bucket of an object store, behind one small interface.

Names are parts joined by ``/``. A part is made of letters, digits and ``_ . = + -`` and does not begin with a dot: so
no name leaves its root, means something to a shell or a URL, or looks like a temporary file.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tl_core.store import files

_PART = r"[A-Za-z0-9_=+-][A-Za-z0-9_.=+-]*"
_NAME = re.compile(rf"{_PART}(/{_PART})*")
_DOWNLOADS = 16  # at a time; each waits for the network more than it works


class StorageUnavailable(OSError):
    """The object store cannot be used at all: package missing, no credentials, no answer. One line says what to do."""


class Storage(ABC):
    """Named files under one root. Writers and readers may be many processes on many machines."""

    @abstractmethod
    def write(self, name: str, *parts: bytes | memoryview) -> None:
        """Write ``parts``, one after the other, as one file; a reader sees all of it or what was there before.

        Parameters
        ----------
        name : str
            An existing file of that name is replaced.
        *parts : bytes or memoryview
            The content. Several parts spare joining large ones.

        Raises
        ------
        ValueError
            The name is not one.
        OSError
            From writing, for instance a full disk; what was there before stays. `StorageUnavailable` is one of them.
        """

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Hand out a local file to write, inside a ``with`` statement: for content that never is in memory as a whole.

        Parameters
        ----------
        name : str
            An existing file of that name is replaced, when the statement ends well.

        Yields
        ------
        Path
            Where the body writes, and closes, one file. There is none yet.

        Raises
        ------
        ValueError, OSError
            As `write`. Nothing is left of what was written then, nor where the body raises.
        """

    @abstractmethod
    def local(self, name: str, *, fresh: bool = False) -> Path:
        """Return a local file with the content of ``name``, to read or to map, not to change.

        Parameters
        ----------
        name : str
            Of an existing file.
        fresh : bool
            Fetch it again even where a copy was fetched before. Without, a copy may be older than the file.

        Returns
        -------
        Path
            The file itself, or a copy in the cache.

        Raises
        ------
        ValueError
            The name is not one.
        FileNotFoundError
            There is no such file.
        OSError
            From fetching.
        """

    @abstractmethod
    def fetch(self, names: Iterable[str]) -> None:
        """Make `local` quick for all ``names``: fetch what has no local copy, many at a time. Raises as `local`."""

    @abstractmethod
    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with ``prefix``, sorted, as they are now; temporary files are not among them.

        Parameters
        ----------
        prefix : str
            May end anywhere, also within a part.

        Raises
        ------
        OSError
            From looking. A directory that is missing is empty.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file and its local copy; one that is missing is fine. Raises ValueError and OSError as `write`."""

    @abstractmethod
    def child(self, prefix: str) -> "Storage":
        """Return the storage of what lies under ``<root>/<prefix>/``. Raises ValueError where that is not a name."""


def at(url_or_path: str | Path, cache: Path | None = None) -> Storage:
    """Return the storage at a path or URL. Nothing is made and nobody is asked yet.

    Parameters
    ----------
    url_or_path : str or Path
        A path or ``file://`` URL; or a URL of any kind fsspec knows: ``s3://bucket/folder``, ``gs://...``. Credentials
        and endpoint come from where the store's own package looks for them, ``AWS_ENDPOINT_URL`` for one.
    cache : Path or None
        Directory for local copies of objects, which several processes may share. Only a directory does without.

    Returns
    -------
    Storage
        A `Directory` or an `ObjectStorage`.

    Raises
    ------
    ValueError
        An object store without a cache, or a ``file://`` URL of another machine.
    """
    text = str(url_or_path)
    if isinstance(url_or_path, Path) or "://" not in text:
        return Directory(Path(text))
    if text.startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise ValueError(f"{text} is not on this machine; write file:///path")
        return Directory(Path(unquote(parts.path)))
    if cache is None:
        raise ValueError(f"{text} needs a cache: a local directory for copies of its objects")
    return ObjectStorage(text if text.endswith("://") else text.rstrip("/"), Path(cache))


def _make_room(path: Path) -> None:
    """Make the directory that a file is to be written to, and clear it of what killed writers left."""
    files.make_directory(path.parent)
    files.remove_abandoned(path.parent)


@dataclass(frozen=True)
class Directory(Storage):
    """Files in a directory of this machine, or one it has mounted.

    Parameters
    ----------
    path : Path
        Made on the first write.
    """

    path: Path

    def write(self, name: str, *parts: bytes | memoryview) -> None:
        """See `Storage.write`. Durable: it survives a power cut."""
        target = self._path(name)
        _make_room(target)
        files.write_bytes(target, *parts)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """See `Storage.writing`. As durable as what `write` writes."""
        target = self._path(name)
        _make_room(target)
        with files.replacing(target) as path:
            yield path

    def local(self, name: str, *, fresh: bool = False) -> Path:
        """See `Storage.local`. It is the file itself."""
        path = self._path(name)
        path.stat()  # raises FileNotFoundError
        return path

    def fetch(self, names: Iterable[str]) -> None:
        """See `Storage.fetch`. There is nothing to do."""

    def names(self, prefix: str = "") -> list[str]:
        """See `Storage.names`."""
        start = self.path / _folder(prefix)
        paths = (Path(folder, file) for folder, _, names in os.walk(start, onerror=_unless_missing) for file in names)
        return _chosen((path.relative_to(self.path).as_posix() for path in paths), prefix)

    def delete(self, name: str) -> None:
        """See `Storage.delete`."""
        self._path(name).unlink(missing_ok=True)

    def child(self, prefix: str) -> "Directory":
        """See `Storage.child`."""
        return Directory(self._path(prefix))

    def _path(self, name: str) -> Path:
        return self.path / _checked(name)


@dataclass(frozen=True)
class ObjectStorage(Storage):
    """Objects in a store that fsspec knows; readers map local copies.

    Writing an object is one request, which these stores carry out whole or not at all. Holds no connection: fsspec
    keeps one a process and makes a new one after a fork.

    Parameters
    ----------
    url : str
        ``protocol://bucket/folder``, without a slash at its end.
    cache : Path
        Local copies are ``<cache>/<protocol>/<bucket>/<folder>/<name>``. Made on the first fetch.
    """

    url: str
    cache: Path

    def write(self, name: str, *parts: bytes | memoryview) -> None:
        """See `Storage.write`."""
        copy = self._copy(name)
        with self._remote(name) as (store, path):
            store.pipe_file(path, b"".join(parts))
        copy.unlink(missing_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """See `Storage.writing`. What was written stays as the local copy."""
        copy = self._copy(name)
        _make_room(copy)
        with files.replacing(copy) as path:
            yield path
            with self._remote(name) as (store, where):
                store.put_file(str(path), where)

    def local(self, name: str, *, fresh: bool = False) -> Path:
        """See `Storage.local`. It is a copy in the cache. An object must fit into memory."""
        copy = self._copy(name)
        if fresh or not copy.exists():
            with self._remote(name) as (store, path):
                content = store.cat_file(path)
            _make_room(copy)
            files.write_bytes(copy, content)
        return copy

    def fetch(self, names: Iterable[str]) -> None:
        """See `Storage.fetch`."""
        missing = [name for name in names if not self._copy(name).exists()]
        if missing:
            with ThreadPoolExecutor(min(_DOWNLOADS, len(missing))) as threads:
                list(threads.map(self.local, missing))

    def names(self, prefix: str = "") -> list[str]:
        """See `Storage.names`."""
        with self._remote(_folder(prefix)) as (store, path):
            root = store._strip_protocol(self.url).strip("/")
            objects = [each.lstrip("/") for each in store.find(path)]
        # Those not below the root: asked for a folder that is an object, fsspec answers with that object.
        return _chosen((each[len(root) :].lstrip("/") for each in objects if each.startswith(root)), prefix)

    def delete(self, name: str) -> None:
        """See `Storage.delete`. Copies on other machines stay."""
        copy = self._copy(name)
        with suppress(FileNotFoundError), self._remote(name) as (store, path):
            store.rm_file(path)
        copy.unlink(missing_ok=True)

    def child(self, prefix: str) -> "ObjectStorage":
        """See `Storage.child`. It shares the cache."""
        return ObjectStorage(self._address(_checked(prefix)), self.cache)

    def _address(self, name: str) -> str:
        return f"{self.url}{name}" if self.url.endswith("://") else f"{self.url}/{name}"

    def _copy(self, name: str) -> Path:
        protocol, _, rest = self.url.partition("://")
        parts = [part.replace("\0", "") for part in (protocol, *rest.split("/")) if part not in ("", ".", "..")]
        return self.cache.joinpath(*parts, _checked(name))

    def _remote(self, name: str) -> AbstractContextManager[tuple[Any, str]]:
        return remote(self._address(name) if name else self.url)


@contextmanager
def remote(url: str) -> Iterator[tuple[Any, str]]:
    """Connect to the object store of a URL, inside a ``with`` statement.

    Parameters
    ----------
    url : str
        Of an object or a folder, of any kind fsspec knows.

    Yields
    ------
    fsspec.AbstractFileSystem
        That does not keep listings.
    str
        What it calls the place the URL names.

    Raises
    ------
    StorageUnavailable
        Whatever goes wrong there, in the body too, that is not an OSError already.
    """
    store, path = _connect(url)
    try:
        yield store, path
    except OSError:
        raise
    except Exception as error:
        raise StorageUnavailable(f"{url} cannot be used: {error}") from error


def _connect(url: str) -> tuple[Any, str]:
    protocol = url.partition("://")[0]
    try:
        import fsspec.core  # not for those who only have a directory

        # Kept listings would hide what other processes write. Above one, s3fs fetches a large object in ranges, which
        # may be of two versions where it is replaced meanwhile.
        store, path = fsspec.core.url_to_fs(url, use_listings_cache=False, max_concurrency=1)
    except ImportError as error:
        raise StorageUnavailable(f"{protocol}:// needs a package: {_remedy(protocol, error)}") from error
    except ValueError as error:
        raise StorageUnavailable(f"{url} cannot be used: {error}") from error
    return store, path


def _remedy(protocol: str, error: ImportError) -> str:
    try:
        from fsspec.registry import known_implementations
    except ImportError:
        return "pip install fsspec"
    package: str = known_implementations.get(protocol, {}).get("class", "fsspec").partition(".")[0]
    return str(error) if package == "fsspec" else f"pip install {package}"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: parts of letters, digits and _ . = + - joined by /, no dot first")
    return name


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _folder(prefix: str) -> str:
    """Return the folder in which all names with ``prefix`` lie, to look no further."""
    folder = prefix.rpartition("/")[0]
    return _checked(folder) if folder else ""


def _chosen(names: Iterable[str], prefix: str) -> list[str]:
    return sorted(name for name in names if name.startswith(prefix) and _NAME.fullmatch(name))
