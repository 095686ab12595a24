"""A large project without files, for benchmarks: everything embedded, some of it labelled, a refit queued."""

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.site import PRODUCT

SHARD = 512
BYTES_A_SAMPLE = 5400
SUMMED_UP = 1350  # more bytes a sample, of what a large pool is summed up by
GROUPS = 15  # clusters a class
LATENT = 64
AUDITED = 10  # every how many labels one is of an audit sample
GUESSED = 0.7  # of these the head knew before
EARLIER = 0.8  # of the labels there were at the last full refit
TOLD = 100  # shards between two lines


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
    project.keeps_levels = False  # there are no files to see their levels of
    project.save()
    run = runs.current_run(project)
    pool, store = Pool(classes, run.dimension), runs.store(run)
    for number, start in enumerate(range(0, samples, SHARD)):
        truth, vectors = pool.draw(number, min(SHARD, samples - start))
        paths = [f"{names[each]}/{place:07}.jpg" for place, each in enumerate(truth.tolist(), start)]
        if number == 0:
            size = {"bytes": 1000, "modified_ns": 0, "width": 640, "height": 480}
            first = File.objects.create(project=project, source=source, path=paths[0], sha256=f"{0:064x}", **size)
            like = Sample.objects.create(project=project, file=first, shard=0)
        _write_samples(like, number, list(enumerate(paths, start))[number == 0 :])
        ids = np.fromiter(
            Sample.objects.filter(shard=number).order_by("pk").values_list("pk", flat=True), np.int64, len(truth)
        )
        written = store.write_shard(number, ids, vectors, np.ones(len(ids), bool))
        EmbeddingShard.objects.create(run=run, number=number, embedded=len(ids), sha256=written.sha256)
        if number % TOLD == 0:
            print(f"{start + len(ids):10,} samples", flush=True)
    # The program wants a folder with something in it, and what is imported already is not looked at again.
    there = folder / first.path
    there.parent.mkdir(parents=True)
    there.touch()
    question = project.first_question
    give_labels(question, int(EARLIER * labels))
    rounds.switch(rounds.rank(question, fitting.Tuned({"C": 30.0, "temperature": 1.0}, None, None)))
    give_labels(question, labels - int(EARLIER * labels))
    answering.recount(project)
    request_refit(question, at_once=True)


def _write_samples(like: Any, shard: int, paths: list[tuple[int, str]]) -> None:
    """Samples of files with these numbers and paths, else like one: by plain SQL, or millions would take hours."""
    from django.db import transaction

    last = type(like.file).objects.latest("pk").pk
    files = [(last + at, path, f"{place:064x}") for at, (place, path) in enumerate(paths, 1)]
    with transaction.atomic():
        _insert(like.file, ("id", "path", "sha256"), files)
        _insert(like, ("file_id", "shard"), [(file_id, shard) for file_id, _, _ in files])


def _insert(like: Any, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Rows that differ from one in these columns."""
    from django.db import connection

    table, fields = like._meta.db_table, like._meta.concrete_fields
    others = [f'"{each.column}"' for each in fields if each.column not in {"id", *columns}]
    given = ["%s"] * len(columns)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join([*columns, *others])}) "
            f"SELECT {', '.join([*given, *others])} FROM {table} WHERE id = %s",
            [(*row, like.pk) for row in rows],
        )


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
