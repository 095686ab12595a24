"""How fast somebody's file comes in, and how much memory that takes: rows a second, megabytes.

    python -m benchmarks.importing_formats [--format megadetector] [--media 100000] [--json FILE]

A project of so many photographs (rows only) in a site of its own on SQLite, in the system's temporary directory; a file
of the format with a box and a half a photograph, or a label and a half: each of them is a row, and each photograph.
`look` and `apply` are rows a second of the dry run and of applying; `again` is the same file once more, which changes
nothing; `floor` is how many samples a second Django's bulk_create writes, and `share` is apply over floor. `peak_mb` is
the memory of the process at its most, of which `start_mb` were there before. Last line: JSON.
"""

import argparse
import csv
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CAMERAS = 50
BOX = (0.1, 0.2, 0.3, 0.4)


def path_of(number: int) -> str:
    return f"camera-{number % CAMERAS:02}/IMG_{number:07}.JPG"


def megadetector(folder: Path, media: int) -> Path:
    """None, one, two or three boxes in turn."""
    file = folder / "detections.json"
    with file.open("w") as target:
        target.write('{"info": {"format_version": "1.4", "detector": "md_v5a"}, "images": [')
        for number in range(media):
            boxes = [
                {"category": "1", "conf": 0.9, "bbox": [0.05 * (each + 1), 0.2, 0.3, 0.4]} for each in range(number % 4)
            ]
            entry = {"file": path_of(number), "detections": boxes}
            target.write(("," if number else "") + json.dumps(entry))
        target.write('], "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"}}')
    return file


def camtrap_dp(folder: Path, media: int) -> Path:
    """A label each, and half of the photographs have a second one, with a box."""
    package = folder / "package"
    package.mkdir()
    resources = [{"name": each, "path": f"{each}.csv"} for each in ("deployments", "media", "observations")]
    profile = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/camtrap-dp-profile.json"
    (package / "datapackage.json").write_text(json.dumps({"profile": profile, "resources": resources}))
    tables = {
        each: (package / f"{each}.csv").open("w", newline="") for each in ("deployments", "media", "observations")
    }
    deployments, medias, observations = (csv.writer(each) for each in tables.values())
    deployments.writerow(("deploymentID", "latitude", "longitude", "deploymentStart", "deploymentEnd"))
    medias.writerow(("mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileMediatype"))
    observations.writerow((
        "observationID", "deploymentID", "mediaID", "eventStart", "eventEnd", "observationLevel", "observationType",
        "scientificName", "bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationMethod",
    ))  # fmt: skip
    when = "2026-05-01T12:00:00+0200"
    for number in range(CAMERAS):
        deployments.writerow((f"camera-{number:02}", 52.0, 5.0, when, when.replace("05", "06", 1)))
    for number in range(media):
        where = f"camera-{number % CAMERAS:02}"
        medias.writerow((f"m{number}", where, when, path_of(number), "true", "image/jpeg"))
        kind, name = ("blank", "") if number % 3 == 0 else ("animal", f"Species {number % 20}")
        said = (where, f"m{number}", when, when, "media", kind, name)
        observations.writerow((f"o{number}", *said, "", "", "", "", "human"))
        if number % 2:
            observations.writerow((f"b{number}", *said[:5], "animal", f"Species {number % 20}", *BOX, "human"))
    for each in tables.values():
        each.close()
    return package


FILES: dict[str, Callable[[Path, int], Path]] = {"megadetector": megadetector, "camtrap-dp": camtrap_dp}


def project(media: int) -> Any:
    from labeller.projects.making import create_project
    from labeller.samples.models import File, Sample, Source

    made = create_project(name="season", owner=None, question_text="Which animal?", class_names=("animal", "blank"))
    source = Source.objects.create(project=made, path="/nowhere/season")
    for start in range(0, media, 5_000):
        files = File.objects.bulk_create(
            File(
                project=made, source=source, path=path_of(number), bytes=1, modified_ns=0, width=1920, height=1080,
                sha256=hashlib.sha256(str(number).encode()).hexdigest(),
            )
            for number in range(start, min(media, start + 5_000))
        )  # fmt: skip
        Sample.objects.bulk_create(Sample(project=made, file=file, shard=file.pk // 512) for file in files)
    return made.first_question


def floor(rows: int) -> float:
    """Rows a second of samples written as they are, some thousand in a transaction, and taken back."""
    from django.db import transaction

    from labeller.samples.models import File, Sample

    file, started = File.objects.first(), time.monotonic()
    for start in range(0, rows, 1_000):
        with transaction.atomic():
            Sample.objects.bulk_create(
                Sample(project_id=file.project_id, file=file, part="row", shard=10**6, start=start + number)
                for number in range(min(1_000, rows - start))
            )
    seconds = time.monotonic() - started
    Sample.objects.filter(part="row").delete()
    return rows / seconds


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(name: str, media: int, folder: Path) -> dict[str, float]:
    from labeller.exchange import importing, starting

    question = project(media)
    file = FILES[name](folder, media)
    result: dict[str, float] = {"media": media, "floor": round(floor(min(media, 50_000)))}
    result["start_mb"] = round(megabytes())
    wanted = starting.of_path(question, file)
    for step in ("look", "apply", "again"):
        started = time.monotonic()
        if step == "look":
            importing.look(wanted, lambda _done, _total: None)
        else:
            importing.apply(wanted, lambda _done, _total: None)
        wanted.refresh_from_db()
        if wanted.problem:
            raise RuntimeError(wanted.problem)
        told = wanted.look
        rows = told["pictures"] + (told["boxes"] if name == "megadetector" else told["labels"])
        result[step] = round(rows / (time.monotonic() - started))
    result |= {each: told[each] for each in ("pictures", "boxes", "labels", "predictions", "blanks")}
    result["wrong"] = sum(each["n"] for each in told["wrong"])
    result["share"] = round(result["apply"] / result["floor"], 3)
    result["peak_mb"] = round(megabytes())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=sorted(FILES), action="append")
    parser.add_argument("--media", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here is None:
        found = {name: _apart(name, given.media) for name in given.format or FILES}
        if given.json:
            given.json.write_text(json.dumps(found))
        print(json.dumps(found))
        return
    os.environ |= {"DJANGO_SETTINGS_MODULE": "labeller.config.settings", "DATA": str(given.here), "LOG_LEVEL": "ERROR"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(measured(given.format[0], given.media, given.here.parent)))


def _apart(name: str, media: int) -> Any:
    """In a process of its own: memory at its most is the process's."""
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--format", name, "--media", str(media), "--here", f"{folder}/data"]
        command = [sys.executable, "-m", "benchmarks.importing_formats", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
