"""How fast exports are written, and in how much memory, against reading the rows alone.

    python -m benchmarks.exporting [--files 100000] [--formats camtrap-dp csv] [--keep DIR] [--json FILE]

A season is written straight into the tables of a SQLite site in the system's temporary directory: as many photographs,
half of them in bursts of three, three boxes for every two, and nearly everything answered. Each format is then exported
by a process of its own, as `manage.py export` does. `rows_per_second` counts the rows of all tables of the export by
seconds of the processor, for on a machine that others use as well seconds say more of them; `reading` is the share of
these that a single way through the same files, samples, answers and labels takes, with nothing made of them.
`megabytes` holds 64 MB of pages that SQLite keeps. Last line: JSON.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SLUG = "season"
DEPLOYMENTS, BURST, CHUNK = 200, 3, 10_000
CLASSES = ("red fox", "badger", "roe deer", "wild boar", "blank", "person")
START = datetime(2024, 3, 1, tzinfo=UTC)
LEAST, MOST = 5000, 500  # rows a second, megabytes: what it should keep to


# --- the season -----------------------------------------------------------------------------------


def fill(count: int) -> None:
    """A project with so many photographs."""
    from django.core.management import call_command
    from django.db import transaction

    from labeller.accounts.models import User
    from labeller.projects import making
    from labeller.samples.models import Deployment, Source

    call_command("migrate", verbosity=0)
    person = User.objects.create_user("ana", password=None)
    project = making.create_project(
        name=SLUG, owner=person, question_text="Which species?", class_names=CLASSES, slug=SLUG
    )
    source = Source.objects.create(project=project, path="/card")
    places = Deployment.objects.bulk_create(
        Deployment(
            project=project, name=f"site {number:03}", latitude=52 + number / 1000, longitude=5.0,
            time_zone="Europe/Amsterdam",
        )
        for number in range(DEPLOYMENTS)
    )  # fmt: skip
    for first in range(0, count, CHUNK):
        with transaction.atomic():
            _chunk(project, source, places, person, range(first, min(first + CHUNK, count)))


def _chunk(project: Any, source: Any, places: list[Any], person: Any, numbers: range) -> None:
    """These photographs, with their bursts, boxes and answers."""
    from labeller.samples.models import File, Sample, Sequence

    def when(number: int) -> datetime:
        return START + timedelta(seconds=20 * number)

    bursts = Sequence.objects.bulk_create(
        Sequence(deployment=places[number // CHUNK % DEPLOYMENTS], started_at=when(number))
        for number in numbers[: len(numbers) // 2 : BURST]
    )
    files = File.objects.bulk_create(
        File(
            project=project, source=source, path=f"site/{number // 1000:04}/IMG_{number:07}.JPG",
            sha256=f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}".ljust(64, "0"), bytes=1, modified_ns=0, width=1920,
            height=1080, taken_at=when(number), clock_time=when(number),
            deployment=places[number // CHUNK % DEPLOYMENTS],
            sequence=bursts[at // BURST] if at // BURST < len(bursts) and at < len(numbers) // 2 else None,
        )
        for at, number in enumerate(numbers)
    )  # fmt: skip
    wholes = Sample.objects.bulk_create(Sample(project=project, file=file, shard=0) for file in files)
    boxes = Sample.objects.bulk_create(
        Sample(
            project=project, file=file, shard=0, part="box", box_left=0.1 * (1 + each), box_top=0.2, box_width=0.2,
            box_height=0.3,
        )
        for number, file in enumerate(files)
        for each in range(1 + number % 2)
    )  # fmt: skip
    _answers(project, person, [*wholes[:: len(CLASSES)], *boxes])


def _answers(project: Any, person: Any, samples: list[Any]) -> None:
    """An answer by that person on nine of ten of these."""
    from labeller.labels.models import Answer, Label

    question = project.first_question
    classes = list(question.classes.values_list("pk", flat=True))
    said = [sample for number, sample in enumerate(samples) if number % 10]
    labels = Label.objects.bulk_create(
        Label(
            uuid=uuid.UUID(int=sample.pk), project=project, question=question, sample=sample, annotator=person,
            verdict="answer",
        )
        for sample in said
    )  # fmt: skip
    Answer.objects.bulk_create(
        Answer(
            question=question, sample=sample, state="answered", classes=str(classes[sample.pk % len(classes)]),
            label=label, votes=1, is_imported=False, is_doubted=False, newest=label.pk,
        )
        for sample, label in zip(said, labels, strict=True)
    )  # fmt: skip


# --- measuring ------------------------------------------------------------------------------------


def read_alone() -> float:
    """Processor seconds that a way through all the rows takes, a page at a time."""
    from labeller.labels.models import Answer
    from labeller.samples.bursts import pages
    from labeller.samples.models import File, Sample

    started = time.process_time()
    for rows, columns in (
        (File.objects.all(), ("path", "sha256", "width", "height", "taken_at", "deployment_id", "sequence_id")),
        (Sample.objects.all(), ("part", "box_left", "box_top", "box_width", "box_height", "file_id")),
        (Answer.objects.all(), ("sample_id", "state", "classes", "label__annotator_id", "label__created_at")),
    ):
        for _ in pages(rows, *columns):
            pass
    return time.process_time() - started


def exported(name: str) -> dict[str, float]:
    """Export in that format; what it took. In a process of its own, for memory is never given back."""
    from django.core.management import call_command

    before, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        busy, started = time.process_time(), time.monotonic()
        call_command("export", project=SLUG, format=name, out=f"{folder}/out", json=True, stdout=said)
        seconds, busy = time.monotonic() - started, time.process_time() - busy
    manifest = json.loads(said.getvalue())
    rows = sum(each["rows"] for each in manifest["files"])
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "processor_seconds": round(busy, 2),
        "rows_per_second": round(rows / busy),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "megabytes_before": round(before),
        "bytes": sum(each["bytes"] for each in manifest["files"]),
    }


def _in_a_process(data: Path, *words: str) -> Any:
    """What a process that is given these words says on its last line."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "labeller.config.settings", "DATA": str(data)}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.exporting", "--do", *words],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(run.stdout.splitlines()[-1])


def do(what: str, argument: str) -> None:
    """One step, in the process that was started for it."""
    import django

    django.setup()
    if what == "fill":
        fill(int(argument))
        print(json.dumps({}))
    elif what == "read":
        print(json.dumps(read_alone()))
    else:
        print(json.dumps(exported(argument)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--formats", nargs="+", default=["camtrap-dp", "coco-camera-traps", "csv"])
    parser.add_argument("--keep", type=Path, help="where the site is made, or was made by an earlier run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--do", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        do(given.do[0], given.do[1] if len(given.do) > 1 else "")
        return
    with tempfile.TemporaryDirectory() as made:
        data = given.keep or Path(made, "data")
        if not (data / "labeller.sqlite3").exists():
            _in_a_process(data, "fill", str(given.files))
        found: dict[str, Any] = {"files": given.files, "formats": {}}
        for name in given.formats:
            reading = float(_in_a_process(data, "read"))
            took = _in_a_process(data, "export", name)
            found["formats"][name] = {**took, "reading": round(reading / took["processor_seconds"], 2)}
            print(name, found["formats"][name], file=sys.stderr)
    found["keeps_to_it"] = all(
        each["rows_per_second"] >= LEAST and each["megabytes"] <= MOST for each in found["formats"].values()
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
