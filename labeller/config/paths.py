"""Where things live on disk, from the one knob DATA; and the secret kept there."""

import hashlib
import os
import secrets
import tempfile
import zoneinfo
from pathlib import Path

import tzlocal


def data_directory(environ: dict[str, str]) -> Path:
    """The directory of database, derivatives and embeddings (knob DATA, default ./data)."""
    return Path(environ.get("DATA") or "data").expanduser().resolve()


def runtime_directory(data: Path) -> Path:
    """A private directory for sockets: a Unix socket path must stay below 108 bytes, DATA may be deep."""
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"labeller-{os.getuid()}-{digest}"


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
    """The key that signs sessions, made on first use and readable by its owner only."""
    path = data / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    data.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(temporary, path)  # fails where another process was first: theirs counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text().strip()
