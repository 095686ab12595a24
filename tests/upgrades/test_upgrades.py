"""Sites made by earlier versions, on either database, hold after an upgrade what they held before, and go on.

What a site held is told by `reading`, in the version that made it and today: see make_site.py.
"""

import csv
import io
import itertools
import json
import math
import os
import subprocess
import sys
import tarfile
import uuid
from collections import Counter
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SITES = Path(__file__).parent / "sites"
# Whether samples are grouped, the next shard's number, and questions of which no full refit was asked for.
KEPT = {"birds": [True, 2, 1], "foxes": [True, 1, 2], "pairs": [True, 1, 1]}
OF_TEXTS = ("/tables/", "/copies/", "/vocabulary/")  # pages that projects of photographs have not
WORKED_OUT = ("/site-days.csv", "/site-days/history.csv")  # not there before a worker was asked for them
TOLERANCE = {"rel_tol": 1e-3, "abs_tol": 2e-4}  # another processor may round a head's last digits otherwise


def unpack(version, home):
    with tarfile.open(SITES / f"{version}.tar.xz") as archive:
        archive.extractall(home, filter="data")
    return home


def environment(home, database_url=""):
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    kept |= {"DATABASE_URL": database_url} if database_url else {}
    return {**kept, "DATA": str(home / "data"), "TIME_ZONE": "UTC"}


def load(dump, url):
    """A database of its own on the server of that URL, filled by a dump; returns its URL."""
    server, _, _ = url.rpartition("/")
    name = f"upgrade_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(f"{server}/{name}", autocommit=True) as database:
        database.execute(dump.read_text())
    return f"{server}/{name}"


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_nothing_is_lost_or_changed_and_the_site_goes_on(version, tmp_path):
    home = unpack(version, tmp_path)
    url = os.environ.get("DATABASE_URL", "")
    if url:
        (home / "data" / "labeller.sqlite3").unlink()
        url = load(home / "postgresql.sql", url)
    before, after = in_todays_words(json.loads((home / "told.json").read_text())), migrated(home, url)
    assert list(differences(before, after["told"])) == []
    assert after["kept"] == KEPT
    assert after["saved"] == 200
    assert after["ranked"] == 1
    assert after["off"] == []
    assert len(after["pages"]) > 50
    others = {path: status for path, status in after["pages"].items() if status not in {200, 302, 405}}
    assert {path: status for path, status in others.items() if not path.endswith(OF_TEXTS + WORKED_OUT)} == {}


def migrated(home, url=""):
    """What is told of a site after an upgrade. See migrating.py."""
    command = [sys.executable, "-m", "tests.upgrades.migrating"]
    done = subprocess.run(command, cwd=ROOT, env=environment(home, url), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def in_todays_words(told):
    """What a site told; where a class counted its labels, it counts its samples since.

    And of a question that follows another is counted what it is asked of, and nothing else. Where a sample may have
    several classes, the probability is since that of all that is predicted of it. And a worker is asked to look where
    people are.
    """
    for project in told.values():
        whose = next(each.split()[1] for each in project["jobs"] if " project:" in each)
        project["jobs"] = sorted([*project["jobs"], f"people {whose} queued"])
        for question in project["questions"].values():
            asked = asked_of(question, project["questions"])
            answers = {path: names for path, names in question["answers"].items() if path in asked}
            said = [each for each in question["history"] if each["is_current"] and each["verdict"] != "withdraw"]
            if question["follows"]:
                question["counts"] = {
                    "labelled": len(answers),
                    "settled": len({each["sample"] for each in said} & asked),
                    "answers": sum(each["verdict"] == "answer" and each["sample"] in asked for each in said),
                }
            question["counts"]["classes"] = dict(Counter(itertools.chain(*answers.values())))
            if question["multi_label"]:
                question["predictions.csv"] = without_column(question["predictions.csv"], "probability")
    return told


def without_column(table, name):
    """A table without one of its columns."""
    rows, out = csv.DictReader(io.StringIO(table)), io.StringIO()
    written = csv.DictWriter(out, [column for column in rows.fieldnames or () if column != name], extrasaction="ignore")
    written.writeheader()
    written.writerows(rows)
    return out.getvalue()


def asked_of(question, questions):
    """The paths that a question is asked of: its own where it follows no other."""
    if not question["follows"]:
        return question["answers"].keys()
    before = questions[question["follows"]]
    blanks = {name for name, *_, is_blank, _ in before["classes"] if is_blank}
    wanted = set(question["only_for"]) or {name for name, *_ in before["classes"]} - blanks
    return {path for path, names in before["answers"].items() if wanted & set(names)}


# --- comparing ------------------------------------------------------------------------------------


def differences(before, after, place="site"):
    """Where two tellings differ, a line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from differences(before.get(name), after.get(name), f"{place} / {name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{place} / {number}")
    elif place.endswith(".csv"):
        yield from in_tables(before, after, place)
    elif not same(before, after):
        yield f"{place}: {str(before)[:100]} became {str(after)[:100]}"


def in_tables(before, after, place):
    """Every row of an export has the cells it had; a later version has more columns, and a row for each duplicate."""
    was, now = (list(csv.DictReader(io.StringIO(text))) for text in (before, after))
    if was and "duplicate_of" not in was[0]:
        now = [row for row in now if not row.get("duplicate_of")]
    if len(was) != len(now):
        yield f"{place}: {len(was)} rows became {len(now)}"
    for old, new in zip(was, now, strict=False):
        for column, cell in old.items():
            if not same(cell, new.get(column)):
                yield f"{place}: {column} of {old['path']}: {cell} became {new.get(column)}"


def same(before, after):
    """Whether two values are the same; numbers nearly."""
    if isinstance(before, bool) or isinstance(after, bool) or before is None or after is None:
        return before is after
    try:
        return math.isclose(float(before), float(after), **TOLERANCE)
    except (TypeError, ValueError):
        return before == after


def test_a_difference_is_told():
    table = "path,classes\na.jpg,fox\n"
    before = {"counts": {"fox": 2}, "answers": {"a.jpg": ["fox"]}, "score": 0.5, "labels.csv": table}
    after = {"counts": {"fox": 1}, "answers": {}, "score": 0.50001, "labels.csv": table.replace("fox", "badger")}
    assert [line.partition(":")[0] for line in differences(before, after)] == [
        "site / answers / a.jpg",
        "site / counts / fox",
        "site / labels.csv",
    ]
    assert list(differences(before, before)) == []
