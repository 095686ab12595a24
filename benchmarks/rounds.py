"""From labels saved to the next round, in the running program with its default settings, on a large pool.

    python -m benchmarks.rounds [--samples 100000] [--labels 1000] [--classes 20] [--rounds 40] [--turns 3]
                                [--directory DIR | --pool DIR] [--json FILE]

The pool is synthetic: samples without files, whose embeddings lie in overlapping clusters. DIR (default: the system's
temporary directory) needs room for samples x 6.8 kB: 0.7 GB for 100,000, 6.8 GB for 1,000,000. With --pool it is
prepared there once, and stays to be measured again. Then the first two rounds of processes that begin anew, with the
file that the pool is summed up by and without it, in turns; and the same refits within this process, to see where the
time goes. Beside seconds there are those that processors were at work for: on a machine that others use, these tell
more. Last line: JSON.
"""

import argparse
import contextlib
import cProfile
import json
import os
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.fresh_worker import SUMMED, UNSUMMED, memory
from benchmarks.pool import BYTES_A_SAMPLE, prepare, set_up, truth_of
from benchmarks.site import ROOT, Site, report, running

PER_ROUND = 5  # labels saved at once: as many as the program waits for before it refits
WARM_UP = 3  # rounds after the start, in which a worker reads what it then keeps
PATIENCE = 180.0  # seconds until a round counts as lost
POLL = 0.05  # seconds between two looks; a person's browser looks far less often
PROFILED = 5  # refits
QUEUES = ("train", "embed")


# --- the running program --------------------------------------------------------------------------


def known_labels(site: Site) -> int:
    """How many labels the current round knows; -1 while there is none."""
    return int((site.next(1)["round"] or {"n_labels": -1})["n_labels"])


def wait_for(site: Site, labelled: int) -> float:
    """Seconds until a round knows so many labels."""
    started = time.monotonic()
    while known_labels(site) < labelled:
        if time.monotonic() - started > PATIENCE:
            sys.exit(f"no round knows {labelled} labels after {PATIENCE:.0f} s: {site.status()['jobs']}")
        time.sleep(POLL)
    return time.monotonic() - started


def play(site: Site, labelled: int, count: int) -> Iterator[float]:
    """Save labels again and again; yields the seconds from each answer to that to a round that knows them."""
    classes = site.classes()
    for _ in range(count):
        batch = site.next(PER_ROUND)["samples"]
        site.save([(sample, classes[truth_of(sample["path"])]) for sample in batch])
        labelled += len(batch)
        yield wait_for(site, labelled)


@dataclass
class Workers:
    """The processes of a program that do jobs, by queue: how much each was at work, and the most memory it held."""

    site: Site
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, dict[int, dict[str, int]]] = field(default_factory=lambda: {queue: {} for queue in QUEUES})

    def look(self) -> float:
        """Note what there is; processor seconds of those that refit, since the last look."""
        before, self.seconds = self.seconds, {}
        for each in psutil.Process(self.site.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):  # it may end while it is looked at
                command, parent = each.cmdline(), each.parent()  # Celery's own process only watches
                for queue in QUEUES:
                    if queue in command and parent and queue in parent.cmdline():
                        self._note(queue, each)
        return sum(spent - before.get(each, 0.0) for each, spent in self.seconds.items())

    def _note(self, queue: str, process: psutil.Process) -> None:
        held, now = self.peaks[queue].get(process.pid, {}), memory(process.pid)
        self.peaks[queue][process.pid] = {name: max(most, held.get(name, 0)) for name, most in now.items()}
        if queue == "train":
            spent = process.cpu_times()
            self.seconds[str(process.pid)] = spent.user + spent.system

    def figures(self) -> dict[str, int]:
        """The most that one process of each queue held; where more than one refitted, the program had replaced it."""
        most = {
            f"{queue}_{name}": max((each.get(name, 0) for each in of_queue.values()), default=0)
            for queue, of_queue in self.peaks.items()
            for name in ("peak_mb", "own_mb")
        }
        return {"train_processes": len(self.peaks["train"]), **most}


def measure(folder: Path, data: Path, labels: int, count: int) -> dict[str, Any]:
    """Start the program on what was prepared, and time its rounds."""
    with running(folder, data=data) as site:
        wait_for(site, labels)
        first_round, workers = time.monotonic() - site.started, Workers(site)
        print(f"first round {first_round:.1f} s after the start", flush=True)
        workers.look()
        site.wait_until_embedded()
        summed_up = time.monotonic() - site.started
        print(f"nothing left to do {summed_up:.1f} s after the start", flush=True)
        waits, spent = list[float](), list[float]()
        workers.look()
        for wait in play(site, labels, WARM_UP + count):
            waits.append(wait)
            spent.append(workers.look())
            print(f"{len(waits):4} {wait:7.2f} s {spent[-1]:7.2f} s", flush=True)
    timed, worked = np.array(waits[WARM_UP:]), np.array(spent[WARM_UP:])
    return {
        "first_round_s": round(first_round, 1),
        "summed_up_s": round(summed_up, 1),
        "first_s": [round(wait, 2) for wait in waits[:WARM_UP]],
        "rounds": len(timed),
        "p50_s": round(float(np.percentile(timed, 50)), 2),
        "p95_s": round(float(np.percentile(timed, 95)), 2),
        "max_s": round(float(timed.max()), 2),
        "processor_p50_s": round(float(np.percentile(worked, 50)), 2),
        "processor_p95_s": round(float(np.percentile(worked, 95)), 2),
        **workers.figures(),
    }


# --- processes that begin anew --------------------------------------------------------------------


def fresh(data: Path, turns: int) -> dict[str, dict[str, float]]:
    """What the first two rounds of a process cost, with what the pool is summed up by and without it; medians."""
    runs: dict[str, list[dict[str, float]]] = {SUMMED: [], UNSUMMED: []}
    for _ in range(turns):
        for way, found in runs.items():
            command = [sys.executable, "-m", "benchmarks.fresh_worker", str(data), way]
            output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
            found.append(json.loads(output.splitlines()[-1]))
            print(way, found[-1], flush=True)
    return {
        way: {name: round(statistics.median(run[name] for run in found), 2) for name in found[0]}
        for way, found in runs.items()
        if found
    }


# --- where the time goes --------------------------------------------------------------------------


def profile(count: int) -> dict[str, float]:
    """Processor seconds that each part of a refit takes within this process, the median of some."""
    from labeller.embedding import runs
    from labeller.labels import selectors as labels
    from labeller.learning import assessing, fitting, listing, rounds
    from labeller.projects.models import Question
    from tl_core.query import planning

    question = Question.objects.select_related("project").get()
    parts = {
        "shards": runs.shards,
        "consensus": labels.consensus,
        "settled": labels.settled,
        "trail": labels.trail,
        "fit": fitting.fit,
        "plan": planning.plan,
        "entries": listing.entries,
        "agreement": assessing.agreement,
        "rank": rounds.rank,
        "switch": rounds.switch,
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(WARM_UP + count):
        label_more(question)
        profiler = cProfile.Profile(time.process_time)
        profiler.enable()
        rounds.switch(rounds.rank(question))
        profiler.disable()
        stats: Any = pstats.Stats(profiler).stats
        for name, function in parts.items():
            code = function.__code__
            seconds[name].append(stats[code.co_filename, code.co_firstlineno, code.co_name][3])
    return {name: round(float(np.median(spent[WARM_UP:])), 3) for name, spent in seconds.items()}


def label_more(question: Any) -> None:
    """Label what the current round ranks first."""
    from labeller.accounts.models import User
    from labeller.labels import recording
    from labeller.labels.models import Label
    from labeller.learning.models import RoundEntry

    annotator = User.objects.get(username="annotator")
    class_ids = dict(question.classes.values_list("name", "pk"))
    entries = RoundEntry.objects.filter(round__question=question, round__is_current=True, sample__labels=None)
    for entry in entries.select_related("sample__file").order_by("rank")[:PER_ROUND]:
        recording.record(
            recording.Judgement(
                uuid=uuid.uuid4(),
                question=question,
                sample_id=entry.sample_id,
                annotator=annotator,
                verdict=Label.Verdict.ANSWER,
                class_ids=(class_ids[truth_of(entry.sample.file.path)],),
            )
        )


# --- putting it together --------------------------------------------------------------------------


@contextlib.contextmanager
def place(options: argparse.Namespace) -> Iterator[Path]:
    """Where the pool lies, or is to lie."""
    if options.pool:
        options.pool.mkdir(parents=True, exist_ok=True)
        yield options.pool
        return
    with tempfile.TemporaryDirectory(prefix="labeller-rounds-", dir=options.directory) as name:
        yield Path(name)


def counted() -> int:
    """Labelled samples of the pool there is; and the program gives its administrator a one-time password again."""
    from django.db import connection

    from labeller.accounts.models import User
    from labeller.labels.models import Answer

    User.objects.filter(is_superuser=True).update(last_login=None)
    found = Answer.objects.answered().count()
    connection.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--turns", type=int, default=3, help="of processes that begin anew")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--directory", type=Path, help="for a pool that goes again")
    where.add_argument("--pool", type=Path, help="one that stays; the one that is there is taken as it is")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with place(options) as there:
        data, folder = there / "data", there / "images"
        is_new, needed, free = not data.exists(), options.samples * BYTES_A_SAMPLE, shutil.disk_usage(there).free
        if is_new and free < 1.2 * needed:
            sys.exit(f"{there} has {free / 1e9:.1f} GB left, this needs {needed / 1e9:.1f}: choose another place")
        set_up(data)
        if is_new:
            prepare(folder, options.samples, options.labels, options.classes)
        figures = {
            "samples": options.samples,
            "labels": options.labels,
            "classes": options.classes,
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
            **measure(folder, data, counted(), options.rounds),
            "fresh": fresh(data, options.turns),
            "parts_processor_s": profile(PROFILED),
        }
    report(figures, options.json)


if __name__ == "__main__":
    main()
