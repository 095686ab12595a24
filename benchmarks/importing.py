"""What becomes of a folder on its way to vectors, a picture: processor time, against the network alone.

    python -m benchmarks.importing --images DIR [--against CHECKOUT] [--repeats 3] [--json FILE]

The jobs of an import and those that embed are done one after the other in a process that has loaded the network, in a
site of its own in the system's temporary directory; a project has a few pictures already. `share` is the processor time
of the network alone over that of both kinds of jobs. Processor time, for on a machine that others use as well seconds
say more of them. `written` is how long an import waits for its disk and others, in seconds over processor seconds.
CHECKOUT is another version of the program, measured in turns with this one. Last line: JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WARM = 8  # pictures of each of the first two folders


def network_alone(runtime: Any, times: int = 60) -> float:
    """Processor milliseconds a picture."""
    side = runtime.featuriser.image_size
    picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    runtime.embed(picture)
    started = time.thread_time()
    for _ in range(times):
        runtime.embed(picture)
    return 1000 * (time.thread_time() - started) / times


def done(*kinds: str) -> tuple[float, float]:
    """Do the queued jobs of these kinds; processor seconds and seconds."""
    from django.utils import timezone

    from labeller.jobs import queueing, registry
    from labeller.jobs.models import Job

    busy, started = time.process_time(), time.monotonic()
    while job := Job.objects.filter(state="queued", kind__in=kinds).order_by("pk").first():
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        queueing.run(job.pk, registry.get)
        job.refresh_from_db()
        if job.state != Job.State.DONE:
            raise RuntimeError(f"{job}: {job.error} {job.message}")
    return time.process_time() - busy, time.monotonic() - started


def measured(images: Path) -> dict[str, float]:
    """Take the folder into a project of a new site."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from unittest import mock

    import labeller.embedding.tasks
    import labeller.samples.tasks  # noqa: F401 - registers what does the jobs
    from labeller.embedding import computing, runs
    from labeller.jobs import queueing
    from labeller.projects import making
    from labeller.samples import ingesting
    from labeller.samples.models import Sample

    files = sorted(file for file in images.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    with mock.patch.object(queueing, "current_app", mock.Mock()), tempfile.TemporaryDirectory() as warm:
        project = making.create_project(name="pictures", owner=None, question_text="Which?")
        for start in (0, WARM):  # the second time with what was loaded the first time
            folder = Path(warm, str(start))
            folder.mkdir()
            for file in files[start : start + WARM]:
                shutil.copy(file, folder)
            ingesting.add_source(project, folder)
            done("scan", "plan", "ingest", "embed")
        run = runs.current_run(project)
        runtime = computing.runtime(f"{run.featuriser},output=both", "")
        before, known = network_alone(runtime), Sample.objects.count()
        ingesting.add_source(project, images)
        done("scan", "plan")
        (ingesting_cpu, seconds), (embedding_cpu, _) = done("ingest"), done("embed")
        count, network = Sample.objects.count() - known, (before + network_alone(runtime)) / 2
        return {
            "images": count,
            "network_ms": network,
            "ingest_ms": 1000 * ingesting_cpu / count,
            "embed_ms": 1000 * embedding_cpu / count,
            "share": network * count / 1000 / (ingesting_cpu + embedding_cpu),
            "written": seconds / ingesting_cpu,
        }


def of_checkout(root: Path, images: Path) -> dict[str, float]:
    """Measure that version of the program in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="labeller-benchmark-") as data:
        environment = {
            **os.environ,
            "DATA": str(Path(data, "data")),
            "DJANGO_SETTINGS_MODULE": "labeller.config.settings",
            "PYTHONPATH": str(root),
            "LOG_LEVEL": "WARNING",
        }
        words = [sys.executable, str(Path(__file__).resolve()), "--here", "--images", str(images)]
        output = subprocess.run(words, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return dict(json.loads(output.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--against", type=Path, help="another checkout of the program")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        import django

        sys.path[0] = str(Path.cwd())  # that checkout, not this file's folder
        django.setup()
        print(json.dumps(measured(options.images)))
        return
    roots = {"now": ROOT} | ({"before": options.against.resolve()} if options.against else {})
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in roots}
    for _ in range(options.repeats):
        for name, root in roots.items():
            runs[name].append(of_checkout(root, options.images.resolve()))
            print(name, {key: round(value, 2) for key, value in runs[name][-1].items()}, flush=True)
    figures = {
        name: {key: round(statistics.median(each[key] for each in found), 2) for key in found[0]}
        for name, found in runs.items()
    }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
