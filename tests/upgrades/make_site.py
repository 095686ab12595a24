"""Make the site of a released version, to be migrated by the tests ever after:

    git archive COMMIT | tar -x -C CHECKOUT
    cd CHECKOUT && PYTHONPATH=. python …/tests/upgrades/make_site.py 0.2.0

It runs the program of the directory it is started in, and leaves `sites/0.2.0.tar.xz` beside itself: DATA with the
SQLite file, the same content as a dump of PostgreSQL, the photographs, and `told.json`, what `reading` told of it all.
Take `reading` as of that version: a later one reads later schemas.
"""

import difflib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKSHOP = Path(tempfile.gettempdir()) / "labeller-old-site"  # as the site will say where its photographs are
KEPT = ("labeller.sqlite3", "embeddings", "heads")


def main(version: str) -> None:
    shutil.rmtree(WORKSHOP, ignore_errors=True)
    data = WORKSHOP / "data"
    data.mkdir(parents=True, mode=0o700)
    _process(data, "fill")
    from tests.faults import servers

    with servers.postgresql() as url:
        subprocess.run([servers.program("createdb"), "--maintenance-db", f"{url}/postgres", "labeller"], check=True)
        _process(data, "load", DATABASE_URL=f"{url}/labeller")
        dump = [servers.program("pg_dump"), "--inserts", "--no-owner", "--no-privileges", f"{url}/labeller"]
        text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    # Without what is for psql, and for this release of the server: what is left are statements for any of them.
    lines = [line for line in text.splitlines() if not line.startswith(("\\", "SET "))]
    (WORKSHOP / "postgresql.sql").write_text("\n".join(lines))
    _pack(HERE / "sites" / f"{version}.tar.xz")


def _process(data: Path, what: str, **environment: str) -> None:
    settings = {"DATA": str(data), "DJANGO_SETTINGS_MODULE": "labeller.config.settings", "TIME_ZONE": "UTC"}
    command = [sys.executable, str(HERE / "make_site.py"), what]
    subprocess.run(command, check=True, env={**os.environ, **settings, **environment})


def _pack(archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for name in ("told.json", "postgresql.sql", "photographs", *(f"data/{each}" for each in KEPT)):
            tar.add(WORKSHOP / name, name, filter=_nobodys)
    print(archive, archive.stat().st_size)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def fill() -> None:
    """The site on SQLite, and what it holds."""
    import filling
    import reading
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)  # a page without an export is one, too
    filling.fill(WORKSHOP / "photographs")
    # As XML: JSON would cut times to milliseconds.
    rows, made_by_migrations = str(WORKSHOP / "rows.xml"), ["contenttypes", "auth.permission"]
    call_command("dumpdata", format="xml", output=rows, exclude=[*made_by_migrations, "sessions"])
    (WORKSHOP / "told.json").write_text(json.dumps(reading.site(), indent=1, sort_keys=True))


def load() -> None:
    """The same rows on PostgreSQL."""
    import reading
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("loaddata", str(WORKSHOP / "rows.xml"), verbosity=0)
    found, told = json.dumps(reading.site(), indent=1, sort_keys=True), (WORKSHOP / "told.json").read_text()
    if found != told:
        sys.exit("\n".join(difflib.unified_diff(told.splitlines(), found.splitlines(), lineterm="", n=1)))


if __name__ == "__main__":
    if sys.argv[1] in {"fill", "load"}:
        import django

        django.setup()
        import earlier

        earlier.lend()
        globals()[sys.argv[1]]()
    else:
        main(sys.argv[1])
