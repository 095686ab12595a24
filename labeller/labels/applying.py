"""Which samples a question is asked of: every one; where it follows another, those whose answer to that one asks it.

The one place that says so: what learns, is ranked, counted, handed out or shown asks here.
"""

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet
from numpy.typing import NDArray

from labeller.labels.models import Answer, Label
from labeller.projects.models import LabelClass, Question

Row = TypeVar("Row", bound=Model)
PAGE = 5000  # answers read at once


@dataclass(frozen=True)
class Rule:
    """When a question is asked that follows another: where the answer names one of `only_for`, or else no blank."""

    follows: int
    only_for: frozenset[int]
    blanks: frozenset[int]

    def asks(self, classes: Collection[int]) -> bool:
        """Whether it is asked of a sample whose answer to the question before has these classes."""
        if self.only_for:
            return not self.only_for.isdisjoint(classes)
        return not self.blanks.issuperset(classes)


def rules(question_ids: Collection[int]) -> dict[int, Rule]:
    """The rules of those of these questions that follow another, and of those that follow these, by their ids."""
    these = Q(pk__in=question_ids, follows__isnull=False) | Q(follows__in=question_ids)
    following = list(Question.objects.filter(these).prefetch_related("only_for"))
    if not following:
        return {}
    before = {each.follows_id for each in following}
    blanks: dict[int | None, set[int]] = {question_id: set() for question_id in before}
    blank = LabelClass.objects.filter(question__in=before, is_blank=True)
    for question_id, class_id in blank.values_list("question_id", "pk"):
        blanks[question_id].add(class_id)
    return {
        each.pk: Rule(
            follows=each.follows_id or 0,
            only_for=frozenset(label_class.pk for label_class in each.only_for.all()),
            blanks=frozenset(blanks[each.follows_id]),
        )
        for each in following
    }


def limited(rows: QuerySet[Row], question: Question, sample: str = "sample") -> QuerySet[Row]:
    """Of rows about samples, named by that field, those about samples that the question is asked of."""
    if question.follows_id is None:
        return rows
    return rows.filter(Exists(Answer.objects.asking(question).filter(sample=OuterRef(sample))))


def asked_ids(question: Question, until: datetime | None = None) -> NDArray[np.int64] | None:
    """Ids of the samples that the question is asked of, ascending, by answers up to that time; None = of every one."""
    if question.follows is None:
        return None
    found = Answer.objects.asking(question)
    if question.follows.multi_label:  # read whole, and sorted out here: each page would join all labels' classes
        found = Answer.objects.of(question.follows).answered()
    if until is not None:
        found = found.filter(label__created_at__lte=until)
    rule = rules([question.pk])[question.pk]
    asks = functools.cache(lambda classes: rule.asks(frozenset(map(int, classes.split()))))
    ids = (sample_id for sample_id, classes in by_sample(found, "classes") if asks(classes))
    return np.fromiter(ids, np.int64)


def by_sample(answers: QuerySet[Answer], *fields: str) -> Iterator[Any]:
    """The samples and these fields of one question's answers, a page at a time: an open read keeps others waiting."""
    last = 0
    while page := list(answers.filter(sample__gt=last).order_by("sample").values_list("sample", *fields)[:PAGE]):
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1][0]


def newest_label(question: Question) -> int:
    """Id of the newest label that the question is learnt from, or asked because of; 0 while there is none."""
    ids = [question.pk] if question.follows_id is None else [question.pk, question.follows_id]
    return max(Label.objects.filter(question=each).aggregate(newest=Max("pk"))["newest"] or 0 for each in ids)
