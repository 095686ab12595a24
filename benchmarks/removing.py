"""How long it takes to delete a project, and how others label meanwhile, on both databases.

    python -m benchmarks.removing [--samples 100000] [--labels 50000] [--only sqlite] [--keep DIR] [--json FILE]

A project with everything (as `benchmarks.pages` fills it, and files: small pictures, embeddings, heads) is deleted by a
job in a process of its own, while somebody labels another project in this one: one label after the other, with a
little time between, as with nothing else going on before. Last line: JSON, for each database the seconds that the
deletion took, those that its process worked (others' work on a busy machine is not in these), the milliseconds of a
label before and meanwhile (the middle one, and of 95 in 100 the slowest), and what is left in tables and folders, which
should be nothing.
"""

import argparse
import json
import os
import resource
import secrets
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks import filling
from benchmarks.pages import DATABASES, on_each_database, set_up

PEOPLE = 5
THINK = 0.05  # seconds between two labels
BEFORE = 100  # labels with nothing else going on
PICTURE = b"\xff" * 8000
HEADS = 50
MOST_SECONDS = 120.0


# --- the project ----------------------------------------------------------------------------------


def fill(samples: int, labels: int) -> None:
    """The large project and what lies in folders for it."""
    from django.conf import settings

    from labeller.projects.models import Project
    from labeller.samples.models import File

    filling.DONE_SAMPLES = 20_000
    filling.fill(samples, labels, PEOPLE)
    _spread_contents()
    project = Project.objects.get(slug=filling.SLUG)
    started = time.monotonic()
    for number, sha256 in enumerate(File.objects.filter(project=project).values_list("sha256", flat=True)):
        folder = Path(settings.MEDIA, sha256[:2])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{sha256}-256.jpg").write_bytes(PICTURE[: 4000 + number % 4000])
    run = project.embedding_runs.get()
    shards = Path(settings.EMBEDDINGS, f"project-{project.pk}", run.fingerprint)
    shards.mkdir(parents=True, exist_ok=True)
    for number in range(run.shards.count()):
        (shards / f"shard-{number:06d}.safetensors").write_bytes(b"\0" * 100_000)
    for _ in range(HEADS):
        folder = Path(settings.HEADS, f"question-{project.first_question.pk}", secrets.token_hex(8))
        folder.mkdir(parents=True)
        (folder / "head.safetensors").write_bytes(b"\0" * 200_000)
    print(
        f"{sum(1 for _ in Path(settings.MEDIA).rglob('*'))} files, {time.monotonic() - started:.0f} s", file=sys.stderr
    )


def _spread_contents() -> None:
    """Give files contents that begin alike as seldom as real ones, and that the two projects do not share."""
    from django.db import connection

    from labeller.projects.models import Project

    mark = "CASE WHEN project_id = %s THEN 'f' ELSE '0' END"
    with connection.cursor() as cursor:
        turned = f"substr(sha256, 63, 2) || {mark} || substr(sha256, 2, 61)"
        cursor.execute(f"UPDATE samples_file SET sha256 = {turned}", [Project.objects.get(slug=filling.SLUG).pk])


# --- somebody else --------------------------------------------------------------------------------


class Other:
    """Somebody who labels another project by the page's own way to save."""

    def __init__(self) -> None:
        from django.test import Client

        from labeller.accounts.models import User
        from labeller.projects.models import Project
        from labeller.samples.models import File, Sample, Source

        project = Project.objects.get(slug=filling.DONE)
        self.question = project.first_question
        self.class_ids = list(self.question.classes.values_list("pk", flat=True))
        source = Source.objects.get(project=project)
        last = Sample.objects.order_by("-pk").first()
        files = File.objects.bulk_create(
            File(
                project=project, source=source, path=f"new-{n}.jpg", sha256=uuid.uuid4().hex * 2, bytes=1,
                modified_ns=0, width=64, height=48,
            )
            for n in range(20_000)
        )  # fmt: skip
        made = Sample.objects.bulk_create(Sample(project=project, file=each, shard=0) for each in files)
        self.samples = iter([each.pk for each in made if each.pk > last.pk])
        self.client = Client(SERVER_NAME="localhost")
        person = User.objects.get(username=filling.person(0))
        self.client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        self.url = f"/projects/{filling.DONE}/label/{self.question.key}/labels/"

    def label(self) -> float:
        """Save one label; returns the milliseconds it took."""
        sample = next(self.samples)
        event = {
            "uuid": str(uuid.uuid4()), "sample": sample, "entry": None, "verdict": "answer",
            "classes": [self.class_ids[sample % len(self.class_ids)]], "supersedes": None, "mode": "single",
            "dwell_ms": 1000, "suggestion_shown": False,
        }  # fmt: skip
        started = time.perf_counter()
        answer = self.client.post(self.url, json.dumps({"events": [event]}), content_type="application/json")
        spent = 1000 * (time.perf_counter() - started)
        assert answer.status_code == 200 and answer.json()["results"][0]["status"] == 200, answer.content
        time.sleep(THINK)
        return spent


def figures_of(milliseconds: list[float]) -> dict[str, float]:
    found = sorted(milliseconds)
    at_95 = found[min(len(found) - 1, int(0.95 * len(found)))]
    return {"n": len(found), "median_ms": round(found[len(found) // 2], 1), "p95_ms": round(at_95, 1)}


# --- deleting -------------------------------------------------------------------------------------


def left(project_id: int, question_ids: list[int]) -> dict[str, int]:
    """Rows that hang on the project, by table, and files in its folders: of all that are not none."""
    from django.conf import settings

    from labeller.managing.closure import tied
    from labeller.projects.models import Project

    found = {}
    for each in tied(Project):
        n = max(each.rows(lookup, [project_id]).count() for lookup in each.lookups)
        found[each.model._meta.db_table] = n
    found["project"] = Project.everything.filter(pk=project_id).count()
    folders = [Path(settings.EMBEDDINGS, f"project-{project_id}"), Path(settings.MEDIA)]
    folders += [Path(settings.HEADS, f"question-{pk}") for pk in question_ids]
    for folder in folders:
        found[str(folder.relative_to(settings.DATA))] = sum(1 for each in folder.rglob("*") if each.is_file())
    return {name: n for name, n in found.items() if n}


def one(options: argparse.Namespace) -> dict[str, Any]:
    """Fill this process' database, and delete while somebody labels."""
    set_up()
    from labeller.jobs.models import Job
    from labeller.managing import removing
    from labeller.projects.models import Project

    fill(options.samples, options.labels)
    project = Project.objects.get(slug=filling.SLUG)
    question_ids = list(project.questions.values_list("pk", flat=True))
    before = left(project.pk, question_ids)
    other = Other()
    quiet = [other.label() for _ in range(BEFORE)]
    job = removing.ask(project, None)
    # Not before: the moment in which it could be cancelled is no work.
    Job.objects.filter(pk=job.pk).update(not_before=job.created_at)
    started = time.monotonic()
    words = [sys.executable, "-m", "benchmarks.removing", "--job", str(job.pk)]
    meanwhile = []
    with subprocess.Popen(words, env=os.environ) as worker:
        while worker.poll() is None:
            meanwhile.append(other.label())
    seconds = time.monotonic() - started
    job.refresh_from_db()
    assert worker.returncode == 0 and job.state == Job.State.DONE, job.error
    found = {
        "rows": sum(n for name, n in before.items() if "_" in name and "/" not in name),
        "seconds": round(seconds, 1),
        "worked": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 1),
        "before": figures_of(quiet),
        "meanwhile": figures_of(meanwhile),
        "left": left(project.pk, question_ids),
    }
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found


def do(job_id: int) -> None:
    """What a worker does."""
    set_up()
    from django.utils import timezone

    from labeller.jobs import queueing
    from labeller.jobs.models import Job
    from labeller.managing import removing

    # A long one lets other work come in between, and goes on.
    while Job.objects.filter(pk=job_id, state=Job.State.QUEUED).exists():
        Job.objects.filter(pk=job_id).update(not_before=timezone.now())
        queueing.run(job_id, lambda kind: removing.remove)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=50_000)
    parser.add_argument("--only", choices=DATABASES)
    parser.add_argument("--keep", type=Path, help="where databases stay")
    parser.add_argument("--json", nargs="?", const="", help="also write the figures to this file")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process' environment
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)  # do this one, as a worker
    options = parser.parse_args()
    if options.job:
        do(options.job)
        return
    if options.here:
        print(json.dumps(one(options)))
        return
    words = ["--samples", str(options.samples), "--labels", str(options.labels)]
    figures = on_each_database("benchmarks.removing", words, options.only, options.keep)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))
    sys.exit(any(each["left"] or each["seconds"] > MOST_SECONDS for each in figures.values()))


if __name__ == "__main__":
    main()
