"""From labels saved to the next round, in the running program with its default settings, on a large pool.

    python -m benchmarks.rounds [--samples 100000] [--labels 1000] [--classes 20] [--rounds 40] [--directory DIR]
                                [--json FILE]

The pool is synthetic: samples without files, whose embeddings lie in overlapping clusters. DIR (default: the system's
temporary directory) needs room for samples x 5.4 kB: 0.6 GB for 100,000, 5.5 GB for 1,000,000. Then the same refits
once more within this process, to see where the time goes. Last line: JSON.
"""

import argparse
import contextlib
import cProfile
import os
import pstats
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.site import PRODUCT, Site, report, running

PER_ROUND = 5  # labels saved at once: as many as the program waits for before it refits
WARM_UP = 3  # rounds after the start, in which a worker reads what it then keeps
PATIENCE = 180.0  # seconds until a round counts as lost
POLL = 0.1  # seconds between two looks; a person's browser looks far less often
PROFILED = 5  # refits
SHARD = 512
BYTES_A_SAMPLE = 5400
GROUPS = 15  # clusters a class
LATENT = 64
AUDITED = 10  # every how many labels one is of an audit sample
GUESSED = 0.7  # of these the head knew before
EARLIER = 0.8  # of the labels there were at the last full refit


# --- the pool -------------------------------------------------------------------------------------


class Pool:
    """Classes of several overlapping clusters each; embeddings as a network's, few dimensions behind many numbers."""

    def __init__(self, classes: int, dimension: int) -> None:
        rng = np.random.default_rng(0)
        self.middles = rng.standard_normal((classes, GROUPS, LATENT), np.float32) * np.float32(1.2)
        self.middles += rng.standard_normal((classes, 1, LATENT), np.float32) * np.float32(0.5)
        self.spread = rng.standard_normal((LATENT, dimension), np.float32) / np.float32(np.sqrt(LATENT))

    def draw(self, number: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Of shard `number` the classes (rows,) and embeddings (rows, dimension)."""
        rng = np.random.default_rng([1, number])
        classes = rng.integers(len(self.middles), size=rows)
        latent = self.middles[classes, rng.integers(GROUPS, size=rows)]
        latent = latent + rng.standard_normal(latent.shape, np.float32)
        noise = rng.standard_normal((rows, self.spread.shape[1]), np.float32) * np.float32(0.3)
        return classes, np.maximum(latent @ self.spread + noise, -0.3)


def set_up(data: Path) -> None:
    """Let Django work on that data directory, in this process."""
    os.environ |= {**PRODUCT, "DATA": str(data)}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def prepare(folder: Path, samples: int, labels: int, classes: int) -> None:
    """A project on that folder with everything embedded and some of it labelled, a refit queued.

    The last full refit was a while ago, and the next one, which comes when labels have doubled, is far.
    """
    from labeller.embedding import runs
    from labeller.embedding.models import EmbeddingShard
    from labeller.labels import answering
    from labeller.learning import fitting, rounds
    from labeller.learning.asking import request_refit
    from labeller.managing.opening import QUESTION
    from labeller.projects import making as projects
    from labeller.samples.models import File, Sample, Source

    names = [f"class-{number:02}" for number in range(classes)]
    project = projects.create_project(name="pool", owner=None, question_text=QUESTION, class_names=names)
    source = Source.objects.create(project=project, path=str(folder.resolve()))
    run = runs.current_run(project)
    pool, store = Pool(classes, run.dimension), runs.store(run)
    for number, start in enumerate(range(0, samples, SHARD)):
        truth, vectors = pool.draw(number, min(SHARD, samples - start))
        files = File.objects.bulk_create(
            File(
                project=project,
                source=source,
                path=f"{names[each]}/{place:07}.jpg",
                sha256=f"{place:064x}",
                bytes=1000,
                modified_ns=0,
                width=640,
                height=480,
            )
            for place, each in enumerate(truth.tolist(), start)
        )
        rows = Sample.objects.bulk_create(Sample(project=project, file=file, shard=number) for file in files)
        ids = np.array([row.pk for row in rows], np.int64)
        written = store.write_shard(number, ids, vectors, np.ones(len(ids), bool))
        EmbeddingShard.objects.create(run=run, number=number, embedded=len(ids), sha256=written.sha256)
        if number % 200 == 0:
            print(f"{start + len(rows):10,} samples", flush=True)
    # The program wants a folder with something in it, and what is imported already is not looked at again.
    first = folder / File.objects.earliest("pk").path
    first.parent.mkdir(parents=True)
    first.touch()
    question = project.first_question
    give_labels(question, int(EARLIER * labels))
    rounds.switch(rounds.rank(question, fitting.Tuned({"C": 30.0, "temperature": 1.0}, None, None)))
    give_labels(question, labels - int(EARLIER * labels))
    answering.recount(project)
    request_refit(question, at_once=True)


def give_labels(question: Any, count: int) -> None:
    """Label samples drawn at random, as somebody does whom a round has handed them."""
    from django.utils import timezone

    from labeller.accounts.models import User
    from labeller.annotating.models import Assignment
    from labeller.labels.models import Label, LabelledClass
    from labeller.labels.selectors import AUDIT
    from labeller.learning.models import Round, RoundEntry
    from labeller.samples.models import Sample

    number = Round.objects.count() + 1
    rng = np.random.default_rng([2, number])
    everyone = np.array(Sample.objects.filter(labels=None).order_by("pk").values_list("pk", flat=True))
    found = Sample.objects.select_related("file").in_bulk(rng.choice(everyone, count, replace=False).tolist())
    samples = list(found.values())
    class_ids = dict(question.classes.values_list("name", "pk"))
    given = [class_ids[truth_of(sample.file.path)] for sample in samples]
    guesses = np.where(rng.random(count) < GUESSED, given, rng.permutation(given)).tolist()
    annotator, _ = User.objects.get_or_create(username="annotator")
    strategies = [AUDIT if place % AUDITED == 0 else "auto" for place in range(count)]
    common = {"project": question.project, "question": question}
    earlier = Round.objects.create(
        **common, number=number, strategy="auto", seed=0, n_labels=0, n_classes=0, n_pool=len(everyone)
    )
    entries = RoundEntry.objects.bulk_create(
        RoundEntry(round=earlier, sample=sample, rank=rank, strategy=strategy, score=0.0, propensity=1.0, reason="")
        for rank, (sample, strategy) in enumerate(zip(samples, strategies, strict=True))
    )
    Assignment.objects.bulk_create(
        Assignment(
            question=question,
            sample=entry.sample,
            slot=0,
            annotator=annotator,
            entry=entry,
            is_done=True,
            expires_at=timezone.now(),
        )
        for entry in entries
    )
    labels = Label.objects.bulk_create(
        Label(
            **common,
            uuid=uuid.uuid4(),
            sample=entry.sample,
            annotator=annotator,
            verdict=Label.Verdict.ANSWER,
            strategy=entry.strategy,
            propensity=1.0,
            predicted_id=guess,
        )
        for entry, guess in zip(entries, guesses, strict=True)
    )
    LabelledClass.objects.bulk_create(
        LabelledClass(label=label, label_class_id=class_id) for label, class_id in zip(labels, given, strict=True)
    )


def truth_of(path: str) -> str:
    return path.split("/")[0]


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


def trainers(site: Site) -> dict[int, tuple[int, int]]:
    """The processes that refit: bytes of memory of each, with the embeddings that are mapped and without."""
    found = {}
    for each in psutil.Process(site.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end while it is looked at
            parent = each.parent()  # Celery's own process only watches
            if parent and "train" in each.cmdline() and "train" in parent.cmdline():
                memory = each.memory_info()
                found[each.pid] = (memory.rss, memory.rss - memory.shared)
    return found


def measure(folder: Path, data: Path, labels: int, count: int) -> dict[str, Any]:
    """Start the program on what was prepared, and time its rounds."""
    with running(folder, data=data) as site:
        wait_for(site, labels)
        first_round = time.monotonic() - site.started
        print(f"first round {first_round:.1f} s after the start", flush=True)
        waits: list[float] = []
        memory: dict[int, tuple[int, int]] = {}
        for wait in play(site, labels, WARM_UP + count):
            waits.append(wait)
            memory |= trainers(site)
            print(f"{len(waits):4} {wait:7.2f} s", flush=True)
    timed = np.array(waits[WARM_UP:])
    return {
        "first_round_s": round(first_round, 1),
        "first_s": [round(wait, 2) for wait in waits[:WARM_UP]],
        "rounds": len(timed),
        "p50_s": round(float(np.percentile(timed, 50)), 2),
        "p95_s": round(float(np.percentile(timed, 95)), 2),
        "max_s": round(float(timed.max()), 2),
        "trainer_processes": len(memory),  # more than one: the program replaced it, and it began anew
        "trainer_rss_mb": round(max((rss for rss, _ in memory.values()), default=0) / 1e6),
        "trainer_unmapped_mb": round(max((own for _, own in memory.values()), default=0) / 1e6),
    }


# --- where the time goes --------------------------------------------------------------------------


def profile(count: int) -> dict[str, float]:
    """Seconds that each part of a refit takes within this process, the median of some."""
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
        "audit": labels.audit,
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
        profiler = cProfile.Profile()
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labeller-rounds-", dir=options.directory) as name:
        needed, free = options.samples * BYTES_A_SAMPLE, shutil.disk_usage(name).free
        if free < 1.2 * needed:
            sys.exit(f"{name} has {free / 1e9:.1f} GB left, this needs {needed / 1e9:.1f}: pass another --directory")
        data, folder = Path(name, "data"), Path(name, "images")
        set_up(data)
        prepare(folder, options.samples, options.labels, options.classes)
        from django.db import connection

        connection.close()
        figures = {
            "samples": options.samples,
            "labels": options.labels,
            "classes": options.classes,
            "cores": len(os.sched_getaffinity(0)),
            **measure(folder, data, options.labels, options.rounds),
            "parts_s": profile(PROFILED),
        }
    for key, value in figures["parts_s"].items():
        print(f"{key:24} {value}")
    report(figures, options.json)


if __name__ == "__main__":
    main()
