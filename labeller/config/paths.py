"""Where things live on disk, from the one knob DATA; who may read them; and the secret kept there.

Whoever reads DATA reads the sessions, and with them may do what an administrator may: it is its owner's alone.
"""

import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
import zoneinfo
from pathlib import Path

import tzlocal

PRIVATE = 0o700
# What the program itself writes at the top of DATA; the first ones tell a DATA from any other directory.
SIGNS = ("secret_key", "labeller.sqlite3", "beat-schedule*", "derivatives", "embeddings")
OWN = (
    *SIGNS,
    "labeller.sqlite3-*",
    "logs",
    "logs/*",
    "heads",
    "models",
    "networks",
    "cache",
    "static",
    "demo",
    "copies",
)
LONGEST_SOCKET = 107  # bytes a Unix socket's path may have
RUN_NOTE = "run_directory"  # the file in DATA that says where the running program keeps its sockets


class Unsafe(Exception):
    """A directory that others may read or have made; the message says in one line what to do."""


def data_directory(environ: dict[str, str]) -> Path:
    """The directory of database, derivatives and embeddings (knob DATA, default ./data)."""
    return Path(environ.get("DATA") or "data").expanduser().resolve()


def data_mode(environ: dict[str, str]) -> int:
    """The permissions of DATA (knob DATA_MODE, default 0700). Raises Unsafe where the knob is none."""
    given = environ.get("DATA_MODE") or "0700"
    try:
        mode = int(given, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777 or mode & PRIVATE != PRIVATE:
        raise Unsafe(f"DATA_MODE must be permissions such as 0700 or 0770, not {given!r}.")
    return mode


def protect(data: Path, environ: dict[str, str]) -> list[str]:
    """Make DATA where it is missing, and see that nobody reads in it but who may; returns what was mended, in words.

    Raises Unsafe where it belongs to another account and DATA_MODE doesn't say that this is meant, or where others
    may read it and that can't be changed, or must not be: it holds other things. OSError where it can't be made.
    """
    mode = data_mode(environ)
    data.mkdir(mode=mode, parents=True, exist_ok=True)
    owner = data.stat().st_uid
    if owner != os.getuid() and not environ.get("DATA_MODE"):
        raise Unsafe(
            f"{data} belongs to another account (uid {owner}, this is {os.getuid()}): set DATA to a directory of your "
            "own, or DATA_MODE=0770 where several accounts are meant to share it."
        )
    was_open = _excess(data, mode) and any(data.iterdir())
    if was_open and not _is_ours(data):
        raise Unsafe(f"{data} holds other things and is open to other accounts: set DATA to a directory of its own.")
    if owner == os.getuid():
        _set_mode(data, mode)
    if left := _excess(data, mode):
        raise Unsafe(
            f"{data} can be read by others and that cannot be changed here: set DATA to a directory of your own on a "
            f"disk that keeps permissions, or DATA_MODE={mode | left:04o} to accept it."
        )
    for entry in (found for pattern in OWN for found in data.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):  # gone meanwhile
            _protect_entry(entry, mode)
    return [f"{data} could be read by other accounts of this machine: that is mended."] if was_open else []


def _excess(path: Path, mode: int) -> int:
    """The permissions that a path gives beyond those."""
    return path.stat().st_mode & 0o777 & ~mode


def _is_ours(data: Path) -> bool:
    """Whether this is a DATA of an earlier start, or will be one: nothing else lies in it."""
    if data.stat().st_mode & stat.S_ISVTX:  # the system's temporary directory
        return False
    others = [path for path in data.iterdir() if path.name != "lost+found" and not path.name.startswith(".")]
    return not others or any(True for pattern in SIGNS for _ in data.glob(pattern))


def _protect_entry(entry: Path, mode: int) -> None:
    """Take from others what the program left open; below the top of DATA nobody else gets in anyway."""
    found = entry.lstat()
    if stat.S_ISLNK(found.st_mode):
        return
    allowed = mode if stat.S_ISDIR(found.st_mode) else mode & 0o666
    if found.st_mode & 0o777 & ~allowed:
        _set_mode(entry, found.st_mode & 0o777 & allowed)


def _set_mode(path: Path, mode: int) -> None:
    found = stat.S_IMODE(path.stat().st_mode)
    with contextlib.suppress(PermissionError):
        if found & 0o777 != mode:
            path.chmod(found & ~0o777 | mode)


def runtime_directory(data: Path, environ: dict[str, str]) -> Path:
    """Where the sockets go: a private directory with a short path, for DATA may be deep.

    The one the running program noted in DATA, else one in XDG_RUNTIME_DIR, else in the system's temporary directory,
    unless somebody else sits there. It is not made here: see `make_private`.
    """
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    with contextlib.suppress(OSError, ValueError):
        noted = Path((data / RUN_NOTE).read_text().strip())
        if noted.is_absolute() and noted.name.endswith(digest) and is_private(noted):  # not that of a copied DATA
            return noted
    temporary = Path(tempfile.gettempdir()) / f"labeller-{os.getuid()}-{digest}"
    places = [temporary] if not os.path.lexists(temporary) or is_private(temporary) else []
    own = Path(environ.get("XDG_RUNTIME_DIR") or "")
    if own.is_absolute() and is_private(own):
        places.insert(0, own / f"labeller-{digest}")
    fitting = (place for place in places if len(os.fsencode(place / "redis.sock")) <= LONGEST_SOCKET)
    return next(fitting, data / "run")


def is_private(directory: Path) -> bool:
    """Whether this is a directory, no link, that belongs to this account and lets nobody else in."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def make_private(directory: Path) -> None:
    """Make a directory for this account's sockets alone, or take one that is. Raises Unsafe where it can't be that."""
    if len(os.fsencode(directory / "redis.sock")) > LONGEST_SOCKET:
        raise Unsafe(
            f"The path {directory} is too long for a socket: set XDG_RUNTIME_DIR to a shorter one of your own."
        )
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=PRIVATE, parents=True)
    if not is_private(directory):
        raise Unsafe(
            f"{directory} is no directory of this account's alone: remove it, or set XDG_RUNTIME_DIR or TMPDIR to "
            "another place."
        )


def time_zone(environ: dict[str, str]) -> str:
    """The zone that hours are meant in: the knob TIME_ZONE, else this machine's own. Raises ValueError for no zone."""
    name = environ.get("TIME_ZONE") or _own_zone()
    if name not in zoneinfo.available_timezones():
        raise ValueError(f"TIME_ZONE names no time zone: {name!r}. Name one such as Europe/Amsterdam.")
    return name


def _own_zone() -> str:
    try:
        return tzlocal.get_localzone_name() or "UTC"
    except LookupError:  # TZ spells out its rules instead of naming a zone
        return "UTC"


def site_mark(data: Path, database_url: str = "") -> str:
    """What tells this site's cookies from those of another site on the same host: browsers ignore the port.

    Web servers of one team share a database and so the mark, wherever their DATA is.
    """
    return hashlib.sha256((database_url or str(data)).encode()).hexdigest()[:8]


def secret_key(data: Path) -> str:
    """The key that signs sessions, made on first use and readable by whoever may read DATA."""
    path = data / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    data.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(temporary, path)  # fails where another process was first: theirs counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text().strip()
