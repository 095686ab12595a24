"""Known answers: what people say of samples whose answer is known already. It measures people and is no label."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from labeller.accounts.models import User
from labeller.labels.models import Answer, AnswerQuerySet, Check, Label
from labeller.labels.recording import Judgement, Recorded, Written, record_together, said
from labeller.projects.models import Project, Question

Verdict = Label.Verdict


@dataclass(frozen=True)
class HitRate:
    """How many known answers somebody was asked for and gave, and how many of them rightly."""

    hits: int
    n: int

    @property
    def percent(self) -> int:
        return round(100 * self.hits / self.n)


def known_answer(question: Question, sample_id: int) -> frozenset[int]:
    """Class ids of what is known of a sample, by the latest review, else the import; empty where nothing is."""
    answer = Answer.objects.of(question).known().filter(sample=sample_id).select_related("label").first()
    if answer is None or answer.label.mode == Label.Mode.REVIEW:
        return answer.class_ids if answer else frozenset()
    imported = Label.objects.filter(question=question, sample=sample_id, annotator=None, is_current=True)
    return frozenset(imported.values_list("labelled_classes__label_class", flat=True))


def unknown_to(question: Question, user: User) -> AnswerQuerySet:
    """Of the known ones those that this person never labelled and was never checked on."""
    mine = {"question": question, "annotator": user, "sample": OuterRef("sample")}
    known = Answer.objects.of(question).known().filter(sample__taken_away_at=None)
    return known.exclude(Exists(Label.objects.filter(**mine))).exclude(Exists(Check.objects.filter(**mine)))


def hit_rates(project: Project, among: Iterable[int]) -> dict[int, HitRate]:
    """For each of these people who was asked known answers, how they did. For managers only."""
    checks = Check.objects.filter(project=project, annotator__in=among, is_current=True, is_hit__isnull=False)
    rows = checks.values_list("annotator").annotate(n=Count("pk"), hits=Count("pk", filter=Q(is_hit=True)))
    return {annotator: HitRate(hits, n) for annotator, n, hits in rows}


# --- recording ------------------------------------------------------------------------------------


def record(judgement: Judgement, answer: frozenset[int]) -> Recorded:
    """Store what somebody said of a sample with a known answer."""
    return record_together([judgement], Written(Check, functools.partial(_check, answer)))[0]


def _check(answer: frozenset[int], judgement: Judgement, supersedes: Any) -> Check:
    given = frozenset(judgement.class_ids)
    return Check(
        **said(judgement),
        supersedes=supersedes,
        given=sorted(given),
        is_hit=given == answer if judgement.verdict == Verdict.ANSWER and answer else None,
    )
