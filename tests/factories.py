"""The named cast, and short ways to a project, its pictures, its embeddings and its rounds.

olga owns the project, mia manages it, ana and bo annotate, vic views; sam is a stranger to it, ada runs the site.
"""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from PIL import Image

import labeller.embedding.tasks
import labeller.exchange.tasks
import labeller.insights.tasks
import labeller.labels.tasks
import labeller.learning.tasks
import labeller.managing.tasks
import labeller.samples.tasks
import labeller.transfer.tasks  # noqa: F401 - registers the handlers of jobs, as a worker does
from labeller.accounts import access
from labeller.accounts import admitting as accounts
from labeller.accounts.access import Member
from labeller.accounts.models import Membership, Role, User
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingShard
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.labels import answering, tallies
from labeller.labels import recording as labels
from labeller.labels.models import Label
from labeller.labels.recording import Judgement
from labeller.learning.models import Head, Round, RoundEntry
from labeller.projects import making as projects
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import File, Refusal, Sample, Source

ROLES = {
    "olga": Role.OWNER,
    "mia": Role.MANAGER,
    "ana": Role.ANNOTATOR,
    "bo": Role.ANNOTATOR,
    "vic": Role.VIEWER,
}
DIMENSION = 8
Answer = tuple[Sample, *tuple[int | str, ...]]


def people(**fields: dict[str, Any]) -> dict[str, User]:
    """Everybody of these names, with these fields where they are new."""
    there = {each.username: each for each in User.objects.filter(username__in=fields)}
    new = User.objects.bulk_create(User(username=name, **fields[name]) for name in fields if name not in there)
    there |= {each.username: each for each in new}
    return {name: there[name] for name in fields}


def person(name: str, **fields: Any) -> User:
    return User.objects.get_or_create(username=name, defaults=fields)[0]


def password(user: User, chosen: str = "seven grey herons") -> str:
    """Give somebody a password of their own, as if they had chosen it."""
    accounts.choose_password(user, chosen)
    return chosen


def annotators(project: Project, count: int) -> list[User]:
    made = [*people(**{f"annotator-{number}": {} for number in range(count)}).values()]
    Membership.objects.bulk_create(
        [Membership(project=project, user=each, role=Role.ANNOTATOR) for each in made], ignore_conflicts=True
    )
    return made


def project(slug: str = "foxes", classes: Iterable[str] = ("fox", "badger", "empty"), **learning: Any) -> Project:
    """A project with nobody in it, and one question that is learnt like this."""
    made = Project.objects.create(slug=slug, name=slug.title())
    question = Question.objects.create(project=made, key="species", text="Which animal is this?", **learning)
    named: list[LabelClass] = []  # as `ensure_class` would one after the other
    for position, name in enumerate(classes):
        fields = projects.fields_of_new(name, position, [each.key for each in named])
        named.append(LabelClass(question=question, **fields))
    LabelClass.objects.bulk_create(named)
    return made


@dataclass
class Cast:
    """A project and everybody around it."""

    project: Project
    question: Question
    olga: User
    mia: User
    ana: User
    bo: User
    vic: User
    sam: User
    ada: User

    def class_id(self, name: str) -> int:
        return int(self.question.classes.get(name=name).pk)

    def member(self, who: str | User) -> Member:
        """One of them in the project; a stranger as a viewer."""
        person = getattr(self, who) if isinstance(who, str) else who
        return Member(person, self.project, access.role(person, self.project) or Role.VIEWER)


def cast(multi_label: bool = False, **learning: Any) -> Cast:
    made = project(multi_label=multi_label, **learning)
    question = Question.objects.select_related("project").get(project=made)
    everybody = people(**{name: {} for name in [*ROLES, "sam"]}, ada={"is_superuser": True, "is_staff": True})
    Membership.objects.bulk_create(
        Membership(project=made, user=everybody[name], role=role) for name, role in ROLES.items()
    )
    return Cast(made, question, **everybody)


def samples(of: Project, count: int, shard: int = 0) -> list[Sample]:
    """Samples whose files are not on the disk."""
    source, _ = Source.objects.get_or_create(project=of, path=f"/nowhere/{of.slug}")
    first = File.objects.filter(project=of).count()
    tallies.add_samples(None, project=of, count=count)  # as an import does
    files = (
        File(
            project=of,
            source=source,
            path=f"fox/{first + number:04}.jpg",
            sha256=hashlib.sha256(f"{of.slug} {first + number}".encode()).hexdigest(),
            bytes=1000,
            modified_ns=0,
            width=640,
            height=480,
        )
        for number in range(count)
    )
    return wholes(files, shard)


def wholes(files: Iterable[File], shard: int = 0) -> list[Sample]:
    """Store these files, and a sample of the whole of each."""
    stored = File.objects.bulk_create(files)
    return Sample.objects.bulk_create(Sample(project=file.project, file=file, shard=shard) for file in stored)


def twin(of: File, path: str) -> Refusal:
    """A file that was left out because it has the same content as that one."""
    fields = {"bytes": of.bytes, "modified_ns": 0, "reason": "duplicate", "detail": f"Same content as {of.path}"}
    return Refusal.objects.create(project=of.project, source=of.source, path=path, twin=of, **fields)


def judgement(question: Question, sample: Sample, annotator: User | None, *classes: int, **fields: Any) -> Judgement:
    """An answer with those class ids, unless `verdict` says otherwise."""
    given = {"uuid": uuid.uuid4(), "verdict": Label.Verdict.ANSWER, **fields}
    return Judgement(question=question, sample_id=sample.pk, annotator=annotator, class_ids=classes, **given)


def label(question: Question, sample: Sample, annotator: User | None, *classes: int, **fields: Any) -> Label:
    recorded = labels.record(judgement(question, sample, annotator, *classes, **fields))
    assert recorded.status == 200, recorded
    return recorded.label


def labelled(
    question: Question, of: Iterable[Sample], annotator: User | None, *classes: int | str, **fields: Any
) -> list[Label]:
    """As `label`, of many samples at once: some statements for all of them."""
    return labelled_each(question, [(each, *classes) for each in of], annotator, **fields)


def labelled_each(question: Question, of: Iterable[Answer], annotator: User | None, **fields: Any) -> list[Label]:
    """As `labelled`, with classes of its own for each sample: their ids or names follow it."""
    named = dict(question.classes.values_list("name", "pk"))
    given = [
        judgement(
            question, sample, annotator, *(named[each] if isinstance(each, str) else each for each in classes), **fields
        )
        for sample, *classes in of
    ]
    return recorded(given)


def recorded(given: Sequence[Judgement]) -> list[Label]:
    """The labels of these judgements, each of another sample."""
    with transaction.atomic(), answering.kept([each.sample_id for each in given]):
        made = labels.record_together(given)
    assert {each.status for each in made} <= {200}, made
    return [each.label for each in made]


def forget(given: QuerySet[Label]) -> None:
    """As if these labels had never counted."""
    with transaction.atomic(), answering.kept(list(given.values_list("sample", flat=True))):
        given.update(is_current=False)


def ranking(
    question: Question, ranked: Sequence[Sample], audits: Iterable[Sample] = (), suggest: Iterable[int] = ()
) -> Round:
    """A current round that ranks these samples in this order, without a refit."""
    last = Round.objects.filter(question=question).order_by("-number").first()
    Round.objects.filter(question=question).update(is_current=False)
    head = None
    class_ids = list(suggest)
    if class_ids:
        run = runs.current_run(question.project)
        numbers = {"directory": "none", "class_ids": class_ids, "n_labels": 2, "fit_seconds": 0.0}
        head, _ = Head.objects.get_or_create(question=question, run=run, version=7, defaults=numbers)
    made = Round.objects.create(
        project=question.project,
        question=question,
        number=last.number + 1 if last else 1,
        head=head,
        strategy="margin",
        seed=1,
        n_labels=0,
        n_classes=0,
        n_pool=len(ranked),
        is_current=True,
    )
    blind = {sample.pk for sample in audits}
    RoundEntry.objects.bulk_create(
        RoundEntry(
            round=made,
            sample=sample,
            rank=rank,
            strategy="audit" if sample.pk in blind else "margin",
            score=1.0,
            propensity=0.25 if sample.pk in blind else 1.0,
            reason="because",
            suggestions=[[class_id, 0.5] for class_id in class_ids],
        )
        for rank, sample in enumerate(ranked)
    )
    return made


# --- files ----------------------------------------------------------------------------------------


def photograph(path: Path, seed: int = 0, size: tuple[int, int] = (64, 48), **options: Any) -> Path:
    """A smooth coloured picture, another one for each seed; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, size).save(path, **options)
    return path


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    corners = np.random.default_rng(seed).integers(0, 255, (2, 2, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)


# --- jobs and embeddings --------------------------------------------------------------------------


def work(*kinds: str) -> list[Job]:
    """Do the queued jobs (of these kinds) one after the other, as workers would, until none is left.

    What was put back waits until others are done.
    """
    done = []
    put_back = set[int]()
    while True:
        waiting = Job.objects.filter(state=Job.State.QUEUED).order_by("pk")
        waiting = waiting.filter(kind__in=kinds) if kinds else waiting
        job = waiting.exclude(pk__in=put_back).first() or waiting.first()
        if job is None:
            return done
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        assert jobs.run(job.pk, registry.get)
        job.refresh_from_db()
        put_back = {*put_back, job.pk} if job.state == Job.State.QUEUED else set()
        done.append(job)
        assert len(done) < 2_000, f"{job} is put back again and again"


def embed(of: Project, embedded: Sequence[Sample], vectors: np.ndarray, shard: int = 0) -> None:
    """Write these embeddings as one finished shard."""
    run = runs.current_run(of)
    ids = np.array([sample.pk for sample in embedded], np.int64)
    written = runs.store(run).write_shard(shard, ids, vectors.astype(np.float32), np.ones(len(ids), bool))
    EmbeddingShard.objects.create(run=run, number=shard, embedded=len(ids), sha256=written.sha256)


def clusters(count: int, groups: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings in well separated groups: vectors (count, DIMENSION) and the group of each."""
    rng = np.random.default_rng(seed)
    of_group = rng.normal(0, 5, (groups, DIMENSION))
    group = np.arange(count) % groups
    return of_group[group] + rng.normal(0, 0.3, (count, DIMENSION)), group


SEVERAL = (("fox",), ("badger",), ("fox", "badger"), ("empty",))  # the classes of each of the groups of `several`


def several(count: int) -> tuple[Cast, list[Sample], np.ndarray]:
    """A cast whose samples may have several classes, so many embedded samples in four groups, and the group of each."""
    made_cast = cast(multi_label=True)
    vectors, groups = clusters(count, len(SEVERAL))
    made = samples(made_cast.project, count)
    embed(made_cast.project, made, vectors)
    return made_cast, made, groups
