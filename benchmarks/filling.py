"""A database as years of labelling leave it: written straight into the tables, for `benchmarks.pages`."""

import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.loading import load

SLUG, DONE, MANAGER = "large", "done", "manager"
CLASSES = 60
SHARD = 512
PER_ROUND = 100  # labels from one round to the next
WAITING, SERVED = 200, 50  # entries of the current round that nobody, and that somebody has labelled
TILES = 240
BURST = 3
DEPLOYMENTS = 200
DONE_SAMPLES = 50_000
IMPORTED, SKIPPED, UNSURE, CHANGED, SECOND, REVIEWED = 0.05, 0.05, 0.01, 0.04, 0.01, 0.005  # shares of the labels
FOLLOWED = 10  # one in so many of the answers has another one to the question that follows
AUDITED, GUESSED = 0.10, 0.7
START = datetime(2024, 1, 1, tzinfo=UTC)


def person(number: int) -> str:
    return f"person-{number}"


def reserved(samples: int) -> range:
    """Ids of samples that nothing is filled in for: labels that are measured go there."""
    return range(samples - min(20_000, samples // 4) + 1, samples + 1)


def hand_out(question: Any, who: str, count: int) -> list[int]:
    """Let that person hold some samples that nobody has labelled; returns their ids."""
    from django.db.models import Max
    from django.utils import timezone

    from labeller.accounts.models import User
    from labeller.annotating.models import Assignment
    from labeller.samples.models import Sample

    everything = range(1, Sample.objects.filter(project=question.project).aggregate(n=Max("pk"))["n"] + 1)
    first = reserved(len(everything)).start
    used = Assignment.objects.filter(question=question, sample__gte=first).aggregate(last=Max("sample"))["last"]
    ids = list(range((used or first) + 1, (used or first) + 1 + count))
    assert ids[-1] in everything, "no sample is left to label: fill another database"
    held = {"question": question, "annotator": User.objects.get(username=who), "slot": 0}
    Assignment.objects.bulk_create(
        Assignment(sample_id=each, expires_at=timezone.now() + timedelta(minutes=10), **held) for each in ids
    )
    return ids


def fill(samples: int, labels: int, people: int) -> None:
    """Make the tables and write everything, unless that was done before."""
    from django.core.management import call_command, get_commands
    from django.db import connection, transaction

    from labeller.projects.models import Project

    started = time.monotonic()
    call_command("migrate", verbosity=0, interactive=False)
    _say("migrated", started)
    if Project.objects.filter(slug=SLUG).exists():
        return
    with transaction.atomic():
        _Filler(samples, labels, people).everything()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")
    if "recount" in get_commands():
        call_command("recount", verbosity=0)
    _say("filled", started)


def catch_up() -> None:
    """Do once what workers do after each round, in versions that have it."""
    from labeller.insights import estimates
    from labeller.projects.models import Project

    started = time.monotonic()
    if hasattr(estimates, "keep_summary"):
        estimates.keep_summary(None, question=Project.objects.get(slug=SLUG).first_question)
        _say("summarised", started)


def _say(what: str, started: float) -> None:
    print(f"{what} after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


class _Filler:
    """Writes one project with everything, and a small one in which everything is labelled."""

    def __init__(self, samples: int, labels: int, people: int) -> None:
        self.rng = np.random.default_rng(0)
        self.samples, self.labels, self.people = samples, labels, people
        self.open_ids: list[int] = []
        self.now = datetime.now(UTC)

    def everything(self) -> None:
        self._projects()
        self._samples()
        self._rounds_and_labels()
        self._done()
        self._jobs()

    def _projects(self) -> None:
        from labeller.accounts.models import Membership, Role, User
        from labeller.projects import making as projects
        from labeller.projects.models import LabelClass, Question

        names = [f"Class {number:02}" for number in range(CLASSES)]
        owner = User.objects.create(username="owner")
        self.users = [User.objects.create(username=person(number)) for number in range(self.people)]
        self.manager = User.objects.create(username=MANAGER)
        self.project, self.done = (
            projects.create_project(
                name=slug, slug=slug, owner=owner, question_text="Which animal is this?", class_names=names
            )
            for slug in (SLUG, DONE)
        )
        Membership.objects.bulk_create(
            Membership(project=project, user=user, role=Role.MANAGER if user == self.manager else Role.ANNOTATOR)
            for project in (self.project, self.done)
            for user in [*self.users, self.manager]
        )
        self.question = self.project.first_question
        self.following = Question.objects.create(
            project=self.project, key="behaviour", text="What does it do?", position=1, follows=self.question
        )
        for name in ("rests", "feeds", "walks", "plays"):
            projects.ensure_class(self.following, name)
        self.class_ids = np.array(self.question.classes.order_by("pk").values_list("pk", flat=True))
        LabelClass.objects.filter(pk__in=self.class_ids[:3].tolist()).update(is_starred=True)
        shares = 1 / np.arange(1, CLASSES + 1)
        self.shares = shares / shares.sum()

    def _samples(self) -> None:
        from labeller.embedding.models import EmbeddingRun, EmbeddingShard
        from labeller.samples.models import Deployment, File, Refusal, Sample, Sequence, Source

        source = Source.objects.create(project=self.project, path="/nowhere/large")
        load(
            Deployment, ("id", "name"), ((n, f"camera {n:03}") for n in range(1, DEPLOYMENTS + 1)),
            project_id=self.project.pk,
        )  # fmt: skip
        bursts = self.samples // BURST + 1
        load(
            Sequence,
            ("id", "deployment_id", "started_at"),
            ((n, n % DEPLOYMENTS + 1, START + timedelta(seconds=60 * n)) for n in range(1, bursts + 1)),
        )
        load(
            File,
            ("id", "path", "sha256", "taken_at", "clock_time", "deployment_id", "sequence_id"),
            (
                (
                    n,
                    f"season/camera-{n % DEPLOYMENTS:03}/IMG_{n:07}.JPG",
                    f"{n:064x}",
                    START + timedelta(seconds=20 * n),
                    START + timedelta(seconds=20 * n),
                    (n // BURST + 1) % DEPLOYMENTS + 1,
                    n // BURST + 1,
                )
                for n in range(1, self.samples + 1)
            ),
            project_id=self.project.pk,
            source_id=source.pk,
            bytes=2_000_000,
            modified_ns=0,
            width=4000,
            height=3000,
        )
        self.shards = max(1, self.samples // SHARD)
        load(
            Sample, ("id", "file_id", "shard"), ((n, n, n % self.shards) for n in range(1, self.samples + 1)),
            project_id=self.project.pk,
        )  # fmt: skip
        run = EmbeddingRun.objects.create(
            project=self.project, featuriser=self.project.featuriser, fingerprint="f" * 16, dimension=1280
        )
        self.run = run
        load(
            EmbeddingShard, ("number",), ((n,) for n in range(self.shards)),
            run_id=run.pk, embedded=SHARD, sha256="0" * 64,
        )  # fmt: skip
        load(
            Refusal, ("path", "reason"), ((f"bad/{n}.jpg", ["truncated", "not-an-image"][n % 2]) for n in range(300)),
            project_id=self.project.pk, source_id=source.pk, bytes=10, modified_ns=0,
        )  # fmt: skip

    def _rounds_and_labels(self) -> None:
        everyone = np.arange(1, reserved(self.samples).start)
        chosen = self.rng.permutation(everyone)
        n = min(self.labels, len(everyone) - 20 * TILES)
        self.labelled, self.open_ids = chosen[:n], chosen[n:].tolist()
        self.imported = int(IMPORTED * n)
        self.is_audit = self.rng.random(n) < AUDITED
        self.given = self.rng.choice(self.class_ids, n, p=self.shares)
        self.guess = np.where(self.rng.random(n) < GUESSED, self.given, self.rng.choice(self.class_ids, n))
        self._rounds(n)
        self._entries(n)
        self._tiles()
        self._assignments(n)
        self._labels(n)
        self._besides()

    def _rounds(self, n: int) -> None:
        from labeller.learning.models import Acceptance, Assessment, Head, Round

        self.rounds = n // PER_ROUND + 1
        class_ids = self.class_ids.tolist()
        load(
            Head,
            ("id", "version", "n_labels", "last_label", "is_full", "created_at"),
            ((r, r, r * PER_ROUND, r * PER_ROUND, r % 500 == 1, self._at(r * PER_ROUND, n))
             for r in range(1, self.rounds + 1)),
            question_id=self.question.pk, run_id=self.run.pk, name="transductive", directory="", class_ids=class_ids,
            fit_seconds=0.5,
        )  # fmt: skip
        load(
            Round,
            ("id", "number", "head_id", "is_current", "last_label", "n_labels", "created_at"),
            ((r, r, r, r == self.rounds, r * PER_ROUND, r * PER_ROUND, self._at(r * PER_ROUND, n))
             for r in range(1, self.rounds + 1)),
            project_id=self.project.pk, question_id=self.question.pk, strategy="margin", seed=0, n_classes=CLASSES,
            n_pool=self.samples - n, kappa=0.98,
        )  # fmt: skip
        share = {"value": 0.8, "n": 100}
        errors = [
            {"sample": int(sample), "given": int(given), "suggested": int(self.class_ids[0]), "margin": 0.9}
            for sample, given in zip(self.labelled[-60:], self.given[-60:], strict=True)
        ]
        report = {
            "classes": {str(each): {"precision": share, "recall": share} for each in class_ids},
            "label_errors": errors,
            "savings": {"reason": "too early to tell"},
            "recall": [],
        }
        Assessment.objects.create(question=self.question, head_id=self.rounds, n_labels=n, report=report)
        Acceptance.objects.create(
            question=self.question, epsilon=0.05, bound=0.1, confidence=0.95, n_audited=1000, audited=0, wrong=0,
            accepted=0, newest_sample=self.samples, reason="nothing is safe",
        )  # fmt: skip

    def _at(self, label: int, n: int) -> datetime:
        """When a label was given: the last ones now, the first ones a year ago."""
        return self.now - timedelta(seconds=100 * max(0, n - label))

    def _round_of(self, number: int, n: int) -> int:
        """The round that brought label `number`; the last ones are of the current one."""
        return self.rounds if number >= n - SERVED else min(number // PER_ROUND + 1, self.rounds - 1)

    def _entries(self, n: int) -> None:
        from labeller.learning.models import RoundEntry

        suggestions = [[int(each), 0.2] for each in self.class_ids[:5]]
        waiting = self.open_ids[:WAITING]

        def rows() -> Iterator[tuple[Any, ...]]:
            for number in range(self.imported, n):
                strategy = "audit" if self.is_audit[number] else "margin"
                yield number + 1, self._round_of(number, n), self.labelled[number], number - self.imported, strategy
            for place, sample in enumerate(waiting):
                yield n + place + 1, self.rounds, sample, n + place, "audit" if place % 10 == 0 else "margin"

        load(
            RoundEntry, ("id", "round_id", "sample_id", "rank", "strategy"), rows(),
            score=1.0, propensity=0.5, reason="doubt", suggestions=suggestions,
        )  # fmt: skip

    def _tiles(self) -> None:
        from labeller.learning.models import TileGroup

        free = self.open_ids[WAITING:]
        load(
            TileGroup,
            ("label_class_id", "number", "tiles"),
            (
                (each, number + 1, [[s, 0.9] for s in free[number * TILES : (number + 1) * TILES] or free[:TILES]])
                for number, each in enumerate(self.class_ids.tolist())
            ),
            question_id=self.question.pk, kind="predicted", round_id=self.rounds, head_version=self.rounds, n=TILES,
        )  # fmt: skip

    def _assignments(self, n: int) -> None:
        from labeller.annotating.models import Assignment

        load(
            Assignment,
            ("sample_id", "annotator_id", "entry_id"),
            ((self.labelled[number], self._who(number), number + 1) for number in range(self.imported, n)),
            question_id=self.question.pk, slot=0, tab="", is_done=True, expires_at=self.now,
        )  # fmt: skip

    def _who(self, number: int) -> int:
        return int(self.users[number % self.people].pk)

    def _labels(self, n: int) -> None:
        """Labels in the order of their ids: first imports, then people's; then what changes and reviews them."""
        from labeller.labels.models import Label, LabelledClass

        draw = self.rng.random(n)
        verdicts = np.where(draw < SKIPPED, "skip", np.where(draw < SKIPPED + UNSURE, "unsure", "answer"))
        verdicts[: self.imported] = "answer"
        changed = set((self.imported + self.rng.permutation(n - self.imported)[: int(CHANGED * n)]).tolist())
        second = (self.imported + self.rng.permutation(n - self.imported)[: int(SECOND * n)]).tolist()
        reviewed = (self.imported + self.rng.permutation(n - self.imported)[: int(REVIEWED * n)]).tolist()
        named: list[tuple[int, int]] = []
        last = n

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal last
            for number in range(n):
                imported = number < self.imported
                if verdicts[number] == "answer":
                    named.append((number + 1, int(self.given[number])))
                yield (
                    number + 1, self._uuid(number + 1), self.labelled[number],
                    None if imported else self._who(number), str(verdicts[number]), None, number not in changed,
                    "import" if imported else "grid" if number % 3 == 0 else "single",
                    "" if imported else "audit" if self.is_audit[number] else "margin",
                    None if imported else self.guess[number], self._at(number, n),
                )  # fmt: skip
            for kind, numbers in (("change", changed), ("second", second), ("review", reviewed)):
                for place, number in enumerate(numbers):
                    last += 1
                    who = self._who(number) if kind == "change" else self._who(number + 1)
                    verdict = "answer"
                    if place % 5 == 0:
                        verdict = {"change": "withdraw", "second": "skip", "review": "ignore"}[kind]
                    if verdict == "answer":
                        named.append((last, int(self.class_ids[place % CLASSES])))
                    yield (
                        last, self._uuid(last), self.labelled[number],
                        self.manager.pk if kind == "review" else who, verdict,
                        number + 1 if kind == "change" else None, True,
                        "review" if kind == "review" else "single", "review" if kind == "review" else "", None,
                        self.now,
                    )  # fmt: skip

        load(
            Label,
            ("id", "uuid", "sample_id", "annotator_id", "verdict", "supersedes_id", "is_current", "mode", "strategy",
             "predicted_id", "created_at"),
            rows(),
            project_id=self.project.pk, question_id=self.question.pk, dwell_ms=900,
        )  # fmt: skip
        load(LabelledClass, ("label_id", "label_class_id"), named)
        self.last_label = last
        self._followed(np.flatnonzero(verdicts == "answer")[::FOLLOWED].tolist())

    def _followed(self, numbers: list[int]) -> None:
        """Answers to the question that follows, of the samples of these labels."""
        class_ids = list(self.following.classes.values_list("pk", flat=True))
        self._answers(self.following, [(self.labelled[number], self._who(number)) for number in numbers], class_ids)

    def _answers(self, question: Any, given: list[tuple[int, int]], class_ids: list[int]) -> None:
        """Plain answers of these samples by these people, the classes in turn."""
        from labeller.labels.models import Label, LabelledClass

        first = self.last_label + 1
        load(
            Label,
            ("id", "uuid", "sample_id", "annotator_id"),
            ((label, self._uuid(label), *answer) for label, answer in enumerate(given, first)),
            project_id=question.project_id, question_id=question.pk, verdict="answer", mode="single",
        )  # fmt: skip
        named = ((first + place, class_ids[place % len(class_ids)]) for place in range(len(given)))
        load(LabelledClass, ("label_id", "label_class_id"), named)
        self.last_label += len(given)

    def _uuid(self, number: int) -> uuid.UUID:
        return uuid.UUID(int=number + (4 << 76) + (8 << 60))

    def _besides(self) -> None:
        from labeller.labels.models import Check, Flag

        some = self.labelled[: max(1, len(self.labelled) // 100)].tolist()
        load(
            Check, ("uuid", "sample_id", "annotator_id"),
            ((uuid.uuid4(), sample, self._who(place)) for place, sample in enumerate(some[:3000])),
            project_id=self.project.pk, question_id=self.question.pk, verdict="answer", is_hit=True, mode="grid",
        )  # fmt: skip
        load(
            Flag, ("uuid", "sample_id", "author_id"),
            ((uuid.uuid4(), sample, self._who(place)) for place, sample in enumerate(some[:1000])),
            project_id=self.project.pk, question_id=self.question.pk, note="odd",
        )  # fmt: skip

    def _done(self) -> None:
        """A project in which nothing is left to label."""
        from labeller.samples.models import File, Sample, Source

        source = Source.objects.create(project=self.done, path="/nowhere/done")
        question = self.done.first_question
        count, first = min(DONE_SAMPLES, self.samples), self.samples + 1
        load(
            File,
            ("id", "path", "sha256"),
            ((first + n, f"{n:07}.jpg", f"{n:064x}") for n in range(count)),
            project_id=self.done.pk, source_id=source.pk, bytes=1, modified_ns=0, width=64, height=48,
        )  # fmt: skip
        load(
            Sample, ("id", "file_id"), ((first + n, first + n) for n in range(count)),
            project_id=self.done.pk, shard=0,
        )  # fmt: skip
        self._answers(question, [(first + n, self._who(n)) for n in range(count)], [question.classes.first().pk])

    def _jobs(self) -> None:
        from labeller.jobs.models import Job

        kinds = [("refit", self.rounds), ("embed", self.shards), ("ingest", self.shards)]
        load(
            Job,
            ("kind", "key", "finished_at"),
            ((kind, f"{kind}:{n}", self.now) for kind, count in kinds for n in range(count)),
            project_id=self.project.pk, state="done", done=SHARD, total=SHARD, not_before=self.now,
            started_at=self.now, heartbeat_at=self.now,
        )  # fmt: skip
