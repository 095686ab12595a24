"""What many tests begin with and takes long to make: it is made once, from nothing, and copied from then on.

It lies in `.prepared/DIGEST`; another line in the program, in what it requires or in what makes it here is another
digest.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".prepared"
MAKERS = ("tests/prepared.py", *(f"tests/browser/{name}.py" for name in ("photographs", "drawing", "names")))
DATABASE = "labeller.sqlite3"  # in a site's data directory
NETWORKS = (  # exports both networks that an embedding run computes
    "import sys; from pathlib import Path; from tl_core import featurisers; "
    "from tl_core.featurisers.onnx_runtime import OnnxRuntime; "
    "[OnnxRuntime(featurisers.get(featurisers.DEFAULT + each), Path(sys.argv[1])) for each in ('', ',output=both')]"
)


@cache
def _digest() -> str:
    found = hashlib.sha256(sys.version.encode())
    sources = (file for package in ("labeller", "tl_core", "static") for file in (ROOT / package).rglob("*"))
    for file in sorted([*sources, *ROOT.glob("requirements*.txt"), *map(ROOT.joinpath, MAKERS)]):
        if file.is_file() and file.suffix != ".pyc":
            found.update(f"{file.relative_to(ROOT)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:16]


def kept(name: str, make: Callable[[Path], object]) -> Path:
    """What `make` made at the path it was given; whoever comes meanwhile waits for it."""
    folder = FOLDER / _digest()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name).exists():
            with tempfile.TemporaryDirectory(dir=folder) as unfinished:
                make(Path(unfinished) / name)
                (Path(unfinished) / name).rename(folder / name)
            for other in FOLDER.iterdir():
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
    return folder / name


def site() -> Path:
    """A data directory whose SQLite database has all its tables, with the static files collected."""
    return kept("site", lambda data: _run(data, "manage.py", "migrate") or _run(data, "manage.py", "collectstatic"))


def networks() -> Path:
    """A models directory with the exported networks in it."""
    return kept("networks", lambda models: _run(models, "-c", NETWORKS, models))


def migrate(url: str) -> None:
    """Make the tables in the PostgreSQL database of that URL."""
    with tempfile.TemporaryDirectory() as data:
        _run(Path(data), "manage.py", "migrate", DATABASE_URL=url)


def _run(data: Path, *words: str | Path, **environment: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    settings = {"DATA": str(data), "DJANGO_SETTINGS_MODULE": "labeller.config.settings"}
    options = ["--no-input", "--verbosity", "0"] if "manage.py" in words else []
    data.mkdir(exist_ok=True)
    command = [sys.executable, *words, *options]
    subprocess.run(command, cwd=ROOT, env={**kept, **settings, **environment}, check=True)
