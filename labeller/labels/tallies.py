"""Counts that pages show, kept by whoever writes labels (`answering`): so no request goes through all of them.

A count is the sum of its rows. Writers only append: two people who label at the same moment never wait for each
other's count, and a periodic task folds the rows.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from labeller.labels.models import Answer, Tally
from labeller.projects.models import Project, Question
from labeller.samples.models import Sample

What = Tally.What
Key = tuple[int, int | None, str, int | None]  # project, question, what is counted, class
KEY = ("project_id", "question_id", "what", "label_class_id")


@dataclass(frozen=True)
class Counts:
    """What there is of one question, and of the samples that it is asked of."""

    samples: int
    labelled: int  # samples with an answer
    settled: int  # samples that somebody decided on: answered, skipped, was unsure of, or left out
    answers: int  # labels that count
    classes: dict[int, int]  # samples whose answer names a class, by its id


# --- reading --------------------------------------------------------------------------------------


def of(question: Question) -> Counts:
    """The counts of a question now, in one query however much was labelled."""
    rows = Tally.objects.filter(Q(question=question) | Q(question=None), project=question.project_id)
    sums = {(what, class_id): n for what, class_id, n in rows.values_list("what", "label_class").annotate(n=Sum("n"))}
    classes = {class_id: n for (what, class_id), n in sums.items() if what == What.CLASS and n}
    everything = What.SAMPLES if question.follows_id is None else What.ASKED
    samples, labelled, settled, answers = (
        sums.get((what, None), 0) for what in (everything, What.LABELLED, What.SETTLED, What.ANSWERS)
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


def add(parts: Counter[Key]) -> None:
    """Change counts by that much."""
    Tally.objects.bulk_create(Tally(**dict(zip(KEY, key, strict=True)), n=n) for key, n in parts.items() if n)


def add_samples(sender: Any, project: Project, count: int, **kwargs: Any) -> None:
    """Count samples that an import has written. Runs inside the import's transaction."""
    add(Counter({(project.pk, None, What.SAMPLES.value, None): count}))


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
    add(Counter({key: sums[key] for key in folded}))
    return sum(len(pks) - 1 for pks in folded.values())


# --- counting anew --------------------------------------------------------------------------------


def counted(project: Project) -> Counter[Key]:
    """The counts of a project by going through its samples and answers: what the rows should add up to."""
    found: Counter[Key] = Counter({(project.pk, None, What.SAMPLES.value, None): project.samples.count()})
    for question in project.questions.all():
        answers = Answer.objects.of(question)
        if question.follows_id is not None:
            asked = Answer.objects.asking(question).count()
            found[project.pk, question.pk, What.ASKED.value, None] = asked
        found[project.pk, question.pk, What.SETTLED.value, None] = answers.settled().count()
        found[project.pk, question.pk, What.LABELLED.value, None] = answers.answered().count()
        found[project.pk, question.pk, What.ANSWERS.value, None] = answers.aggregate(n=Sum("votes"))["n"] or 0
        named = answers.answered().values_list("label__labelled_classes__label_class").annotate(n=Count("pk"))
        for class_id, n in named:
            found[project.pk, question.pk, What.CLASS.value, class_id] = n
    return Counter({key: n for key, n in found.items() if n})


def kept_now(project: Project) -> Counter[Key]:
    """What the rows add up to."""
    rows = Tally.objects.filter(project=project).values_list(*KEY).annotate(total=Sum("n"))
    return Counter({tuple(key): n for *key, n in rows if n})


def off(project: Project) -> int:
    """How many counts of a project are off."""
    return _off(counted(project), project)


def _off(right: Counter[Key], project: Project) -> int:
    found = kept_now(project)
    found.subtract(right)
    return sum(n != 0 for n in found.values())


@transaction.atomic
def recount(project: Project) -> int:
    """Count a project anew, and return how many counts were off. Nobody labels meanwhile."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Answer._meta.db_table}, {Sample._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
    right = counted(project)
    found = _off(right, project)
    Tally.objects.filter(project=project).delete()
    add(right)
    return found
