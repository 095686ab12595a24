"""The one writer of answers and counts, kept by whoever writes labels: so no request goes through all of them.

What stands of a sample depends on all that is said of it, so whoever writes labels does it within `kept`: it keeps
other writers off these samples, and afterwards writes what stands of them now and how the counts have changed.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection, transaction

from labeller.labels import applying, people, tallies
from labeller.labels.applying import Rule
from labeller.labels.models import Answer, Label, Tally
from labeller.labels.standing import Said, Standing, standing
from labeller.labels.tallies import Key
from labeller.projects.models import Project
from labeller.samples.bursts import pages

What = Tally.What
Place = tuple[int, int, int]  # project, question, sample
LOCK, PLACES = 7411, 1024  # the first number of our advisory locks, and how many second ones there are
PAGE = 2000  # samples that are gone through at once when everything is looked at
TOLD = 20  # differences that are put in words
FIELDS = [each.name for each in fields(Standing)]


@contextmanager
def kept(sample_ids: Collection[int]) -> Iterator[None]:
    """Keep answers and counts right while labels of these samples are written, inside the writer's transaction."""
    _hold(sample_ids)
    yield
    labels = _labels(sample_ids)
    before, after = _stored(sample_ids), _standing(labels)
    _write(before, after)
    if before == after:
        return
    people.note(sample_ids, {class_id for said in labels.values() for each in said for class_id in each.classes})
    rules = applying.rules({question_id for _, question_id, _ in (*before, *after)})
    parts = _parts(after, rules)
    parts.subtract(_parts(before, rules))
    tallies.add(parts)


def forget(sample_ids: Collection[int]) -> None:
    """Take samples out of answers and counts, inside the transaction that deletes them and their labels."""
    _hold(sample_ids)
    before = _stored(sample_ids)
    parts: Counter[Key] = Counter()
    parts.subtract(_parts(before, applying.rules({question_id for _, question_id, _ in before})))
    Answer.objects.filter(sample__in=sample_ids).delete()
    tallies.add(parts)


def _hold(sample_ids: Collection[int]) -> None:
    """Make others who write labels of these samples wait, always in the same order; SQLite has one writer anyway.

    By locks of their own, not by those of the samples' rows: an import that updates these must not hold anybody up. And
    by what is left of ids, so that however many samples take only so many locks.
    """
    if connection.vendor == "postgresql":
        places = sorted({sample_id % PLACES for sample_id in sample_ids})
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, place) FROM unnest(%s::int[]) AS place", [LOCK, places])


def _stored(sample_ids: Collection[int]) -> dict[Place, Standing]:
    """What the rows say that stands of these samples."""
    rows = Answer.objects.filter(sample__in=sample_ids).values_list("question__project", "question", "sample", *FIELDS)
    return {
        (project_id, question_id, sample_id): Standing(state, frozenset(map(int, classes.split())), *rest)
        for project_id, question_id, sample_id, state, classes, *rest in rows
    }


def _labels(sample_ids: Collection[int]) -> dict[Place, list[Said]]:
    """All that is said of these samples."""
    current = Label.objects.filter(is_current=True, sample__in=sample_ids)
    told = ("pk", "verdict", "mode", "annotator", "created_at", "labelled_classes__label_class")
    labels: dict[Place, dict[int, Said]] = {}
    for *place, pk, verdict, mode, annotator, at, class_id in current.values_list(
        "project", "question", "sample", *told
    ):
        of_sample = labels.setdefault((place[0], place[1], place[2]), {})
        before = of_sample[pk].classes if pk in of_sample else frozenset()
        classes = before if class_id is None else before | {class_id}
        of_sample[pk] = Said(pk, verdict, mode, annotator is None, at, classes)
    return {place: list(said.values()) for place, said in labels.items()}


def _standing(labels: dict[Place, list[Said]]) -> dict[Place, Standing]:
    """What stands by all that is said."""
    return {place: standing(said) for place, said in labels.items()}


def _write(before: dict[Place, Standing], after: dict[Place, Standing]) -> int:
    """Write what stands where it isn't what the rows say; returns how many there are of these."""
    changed = [
        Answer(question_id=place[1], sample_id=place[2], **_columns(now))
        for place, now in after.items()
        if before.get(place) != now
    ]
    Answer.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["question", "sample"], update_fields=FIELDS
    )
    # Labels are superseded and never just gone, but whoever cleans up must not leave their answers behind.
    gone = before.keys() - after.keys()
    for question_id in {place[1] for place in gone}:
        sample_ids = [place[2] for place in gone if place[1] == question_id]
        Answer.objects.filter(question=question_id, sample__in=sample_ids).delete()
    return len(changed) + len(gone)


def _columns(now: Standing) -> dict[str, Any]:
    columns = {name: getattr(now, name) for name in FIELDS if name != "label"}
    return {**columns, "label_id": now.label, "classes": " ".join(map(str, sorted(now.classes)))}


def _parts(answers: dict[Place, Standing], rules: dict[int, Rule]) -> Counter[Key]:
    """What samples add to the counts; to those of a question that follows another where it is asked of them."""
    asked = {
        (project_id, following_id, sample_id)
        for (project_id, question_id, sample_id), each in answers.items()
        for following_id, rule in rules.items()
        if rule.follows == question_id and each.is_answered and rule.asks(each.classes)
    }
    parts: Counter[Key] = Counter((project_id, question_id, What.ASKED, None) for project_id, question_id, _ in asked)
    for place, each in answers.items():
        project_id, question_id, _ = place
        if question_id in rules and place not in asked:
            continue
        parts[project_id, question_id, What.SETTLED, None] += each.state != Answer.State.OPEN
        parts[project_id, question_id, What.LABELLED, None] += each.is_answered
        parts[project_id, question_id, What.ANSWERS, None] += each.votes
        parts.update((project_id, question_id, What.CLASS, class_id) for class_id in each.classes)
    return parts


# --- everything anew ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Off:
    """What of a project's answers and counts isn't what its labels say."""

    answers: int  # how many
    counts: int
    told: list[str]  # the first of these answers, in words

    def __bool__(self) -> bool:
        return bool(self.answers or self.counts)


def recount(project: Project) -> Off:
    """Bring all answers and counts of a project to what its labels say; returns what was off."""
    return _compare(project, mend=True)


def check(project: Project) -> Off:
    """What of a project is off, without changing anything; its counts are compared with the answers as they are."""
    return _compare(project, mend=False)


def _compare(project: Project, *, mend: bool) -> Off:
    off = 0
    told: list[str] = []
    for sample_ids in _batches(project):
        with transaction.atomic():
            _hold(sample_ids)
            before, after = _stored(sample_ids), _standing(_labels(sample_ids))
            if mend:
                _write(before, after)
        wrong = sorted(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))
        off += len(wrong)
        told += [_difference(place, before.get(place), after.get(place)) for place in wrong[: TOLD - len(told)]]
    return Off(off, (tallies.recount if mend else tallies.off)(project), told)


def _difference(place: Place, kept: Standing | None, right: Standing | None) -> str:
    """In which columns a row isn't what the labels say."""
    columns = [name for name in FIELDS if getattr(kept, name, None) != getattr(right, name, None)]
    words = [f"{name} {_word(kept, name)}, not {_word(right, name)}" for name in columns]
    return f"question {place[1]}, sample {place[2]}: {'; '.join(words)}"


def _word(standing: Standing | None, name: str) -> str:
    if standing is None:
        return "nothing"
    value = getattr(standing, name)
    return " ".join(map(str, sorted(value))) or "none" if name == "classes" else str(value)


def _batches(project: Project) -> Iterator[list[int]]:
    """The samples of a project, some at a time, in the order of their ids."""
    some: list[int] = []
    for (sample_id,) in pages(project.samples.all()):
        some.append(sample_id)
        if len(some) == PAGE:
            yield some
            some = []
    if some:
        yield some
