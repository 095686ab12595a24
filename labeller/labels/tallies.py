"""Counts that pages show, and disputes, kept by whoever writes labels: so no request goes through all of them.

A count is the sum of its rows. Writers only append: two people who label at the same moment never wait for each
other's count, and a periodic task folds the rows. What a sample adds to the counts depends on all that is said of it,
so whoever writes labels does it within `kept`, which looks at these samples before and after, and keeps other writers
off them meanwhile.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from labeller.labels import selectors
from labeller.labels.models import Dispute, Label, LabelledClass, Tally
from labeller.projects.models import Project, Question
from labeller.samples.models import Sample

What, Mode, Verdict = Tally.What, Label.Mode, Label.Verdict
Place = tuple[int, int, int]  # project, question, sample
Key = tuple[int, int | None, str, int | None]  # project, question, what is counted, class
LOCK, PLACES = 7411, 1024  # the first number of our advisory locks, and how many second ones there are
KEY = ("project_id", "question_id", "what", "label_class_id")


@dataclass(frozen=True)
class Counts:
    """What there is of one question, and of its project's samples."""

    samples: int
    labelled: int  # samples with an answer that counts
    settled: int  # samples that somebody decided on: answered, skipped, was unsure of, or left out
    answers: int  # labels that count
    classes: dict[int, int]  # how many of these name a class, by its id


@dataclass(frozen=True)
class Said:
    """A standing label of a sample, as far as it counts."""

    pk: int
    verdict: str
    mode: str
    classes: set[int]


# --- reading --------------------------------------------------------------------------------------


def of(question: Question) -> Counts:
    """The counts of a question now, in one query however much was labelled."""
    rows = Tally.objects.filter(Q(question=question) | Q(question=None), project=question.project_id)
    sums = {(what, class_id): n for what, class_id, n in rows.values_list("what", "label_class").annotate(n=Sum("n"))}
    classes = {class_id: n for (what, class_id), n in sums.items() if what == What.CLASS and n}
    samples, labelled, settled, answers = (
        sums.get((what, None), 0) for what in (What.SAMPLES, What.LABELLED, What.SETTLED, What.ANSWERS)
    )
    return Counts(samples, labelled, settled, answers, classes)


def samples(project: Project) -> int:
    """How many samples a project has."""
    found = Tally.objects.filter(project=project, question=None, what=What.SAMPLES)
    return int(found.aggregate(n=Sum("n"))["n"] or 0)


def of_projects(projects: Collection[Project]) -> dict[int, tuple[int, int]]:
    """For each of these projects its samples, and those that its best-labelled question has an answer for."""
    rows = Tally.objects.filter(project__in=projects, what__in=[What.SAMPLES, What.LABELLED])
    found: dict[int, tuple[int, int]] = {}
    for project_id, _question, what, n in rows.values_list("project", "question", "what").annotate(total=Sum("n")):
        total, labelled = found.get(project_id, (0, 0))
        found[project_id] = (n, labelled) if what == What.SAMPLES else (total, max(labelled, n))
    return found


# --- writing --------------------------------------------------------------------------------------


@contextmanager
def kept(sample_ids: Collection[int]) -> Iterator[None]:
    """Keep the counts right while labels of these samples are written. Runs inside the writer's transaction."""
    _hold(sample_ids)
    before = _standing(sample_ids)
    yield
    after = _standing(sample_ids)
    parts = _parts(after)
    parts.subtract(_parts(before))
    _add(parts)
    _settle(_disputed(before), _disputed(after))


def _hold(sample_ids: Collection[int]) -> None:
    """Make others who write labels of these samples wait, always in the same order; SQLite has one writer anyway.

    By locks of their own, not by those of the samples' rows: an import that updates these must not hold anybody up. And
    by what is left of ids, so that however many samples take only so many locks.
    """
    if connection.vendor == "postgresql":
        places = sorted({sample_id % PLACES for sample_id in sample_ids})
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, place) FROM unnest(%s::int[]) AS place", [LOCK, places])


def _standing(sample_ids: Collection[int]) -> dict[Place, list[Said]]:
    """The labels that stand of these samples."""
    standing = Label.objects.filter(sample__in=sample_ids, is_current=True).exclude(verdict=Verdict.WITHDRAW)
    rows = standing.values_list(
        "project_id", "question_id", "sample_id", "pk", "verdict", "mode", "labelled_classes__label_class"
    )
    found: dict[Place, dict[int, Said]] = {}
    for *place, label_id, verdict, mode, class_id in rows:
        labels = found.setdefault((place[0], place[1], place[2]), {})
        label = labels.setdefault(label_id, Said(label_id, verdict, mode, set()))
        label.classes.update(() if class_id is None else (class_id,))
    return {place: list(labels.values()) for place, labels in found.items()}


def _parts(said: dict[Place, list[Said]]) -> Counter[Key]:
    """What samples add to the counts."""
    parts: Counter[Key] = Counter()
    for (project_id, question_id, _), labels in said.items():
        counted = that_count(labels)
        parts[project_id, question_id, What.SETTLED, None] += 1
        parts[project_id, question_id, What.LABELLED, None] += bool(counted)
        parts[project_id, question_id, What.ANSWERS, None] += len(counted)
        for label in counted:
            parts.update((project_id, question_id, What.CLASS, class_id) for class_id in label.classes)
    return parts


def that_count(labels: Sequence[Said]) -> list[Said]:
    """Of the standing labels of one sample those that `selectors.answers` finds."""
    answers = [each for each in labels if each.verdict == Verdict.ANSWER]
    reviews = [each for each in answers if each.mode == Mode.REVIEW]
    left_out = max((each.pk for each in labels if each.verdict == Verdict.IGNORE), default=0)
    if left_out > max((each.pk for each in reviews), default=0):
        return []
    return reviews or answers


def is_disputed(labels: Sequence[Said]) -> bool:
    """Whether `selectors.disagreements` finds the sample of these standing labels."""
    answers = [each for each in labels if each.verdict == Verdict.ANSWER]
    last = max((each.pk for each in answers), default=0)
    if any(each.mode == Mode.REVIEW and each.verdict != Verdict.SKIP and each.pk >= last for each in labels):
        return False
    return len({frozenset(each.classes) for each in answers}) > 1


def _disputed(said: dict[Place, list[Said]]) -> set[tuple[int, int]]:
    return {(question_id, sample_id) for (_, question_id, sample_id), labels in said.items() if is_disputed(labels)}


def _settle(before: set[tuple[int, int]], after: set[tuple[int, int]]) -> None:
    """Write which samples of which questions are disputed now and weren't, or were."""
    over: dict[int, list[int]] = {}
    for question_id, sample_id in before - after:
        over.setdefault(question_id, []).append(sample_id)
    for question_id, sample_ids in over.items():
        Dispute.objects.filter(question=question_id, sample__in=sample_ids).delete()
    new = [Dispute(question_id=question_id, sample_id=sample_id) for question_id, sample_id in after - before]
    Dispute.objects.bulk_create(new, ignore_conflicts=True)


def _add(parts: Counter[Key]) -> None:
    Tally.objects.bulk_create(Tally(**dict(zip(KEY, key, strict=True)), n=n) for key, n in parts.items() if n)


def add_samples(sender: Any, project: Project, count: int, **kwargs: Any) -> None:
    """Count samples that an import has written. Runs inside the import's transaction."""
    _add(Counter({(project.pk, None, What.SAMPLES.value, None): count}))


def fold() -> int:
    """Periodic: put rows of one count together; returns how many rows there are less. Nobody waits for it."""
    several = Tally.objects.values_list(*KEY).annotate(rows=Count("pk")).filter(rows__gt=1)
    return sum(_fold(project_id, question_id) for project_id, question_id in {tuple(key[:2]) for key in several})


@transaction.atomic
def _fold(project_id: int, question_id: int | None) -> int:
    # What somebody appends meanwhile isn't among the rows that are locked here, and stays.
    found = Tally.objects.select_for_update().filter(project=project_id, question=question_id)
    sums: Counter[Key] = Counter()
    several: dict[Key, list[int]] = {}
    for pk, *key, n in found.order_by("pk").values_list("pk", *KEY, "n"):
        sums[tuple(key)] += n
        several.setdefault(tuple(key), []).append(pk)
    folded = {key: pks for key, pks in several.items() if len(pks) > 1}
    for pks in folded.values():
        Tally.objects.filter(pk__in=pks).delete()
    _add(Counter({key: sums[key] for key in folded}))
    return sum(len(pks) - 1 for pks in folded.values())


# --- counting anew --------------------------------------------------------------------------------


def counted(project: Project) -> Counter[Key]:
    """The counts of a project by going through everything: what the rows should add up to."""
    found: Counter[Key] = Counter({(project.pk, None, What.SAMPLES.value, None): project.samples.count()})
    for question in project.questions.all():
        answers = selectors.answers(question)
        standing = Label.objects.filter(question=question, is_current=True).exclude(verdict=Verdict.WITHDRAW)
        found[project.pk, question.pk, What.SETTLED.value, None] = standing.values("sample").distinct().count()
        found[project.pk, question.pk, What.LABELLED.value, None] = answers.values("sample").distinct().count()
        found[project.pk, question.pk, What.ANSWERS.value, None] = answers.count()
        named = LabelledClass.objects.filter(label__in=answers).values_list("label_class").annotate(n=Count("pk"))
        for class_id, n in named:
            found[project.pk, question.pk, What.CLASS.value, class_id] = n
    return Counter({key: n for key, n in found.items() if n})


def kept_now(project: Project) -> Counter[Key]:
    """What the rows add up to."""
    rows = Tally.objects.filter(project=project).values_list(*KEY).annotate(total=Sum("n"))
    return Counter({tuple(key): n for *key, n in rows if n})


@transaction.atomic
def recount(project: Project) -> Counter[Key]:
    """Count a project anew, and return by how much each count was off. Nobody labels meanwhile."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Label._meta.db_table}, {Sample._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
    right, off = counted(project), kept_now(project)
    off.subtract(right)
    Tally.objects.filter(project=project).delete()
    _add(right)
    Dispute.objects.filter(question__project=project).delete()
    Dispute.objects.bulk_create(
        (
            Dispute(question=question, sample_id=sample_id)
            for question in project.questions.all()
            for sample_id in selectors.disagreements(question)
        ),
        batch_size=2000,
    )
    return Counter({key: n for key, n in off.items() if n})
