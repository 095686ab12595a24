"""Known answers: what people say of samples whose answer is known already. It measures people and is no label."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.labels import recording
from labeller.labels.models import Check, Label
from labeller.labels.recording import Judgement, Recorded
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
    """Class ids of what is known of a sample; empty where nothing is."""
    answer = Answer.objects.of(question).known().filter(sample=sample_id).first()
    return answer.class_ids if answer else frozenset()


def unknown_to(question: Question, user: User) -> AnswerQuerySet:
    """Of the known ones those that this person never labelled and was never checked on."""
    mine = {"question": question, "annotator": user, "sample": OuterRef("sample")}
    known = Answer.objects.of(question).known()
    return known.exclude(Exists(Label.objects.filter(**mine))).exclude(Exists(Check.objects.filter(**mine)))


def hit_rates(project: Project, among: Iterable[int]) -> dict[int, HitRate]:
    """For each of these people who was asked known answers, how they did. For managers only."""
    checks = Check.objects.filter(project=project, annotator__in=among, is_current=True, is_hit__isnull=False)
    rows = checks.values_list("annotator").annotate(n=Count("pk"), hits=Count("pk", filter=Q(is_hit=True)))
    return {annotator: HitRate(hits, n) for annotator, n, hits in rows}


# --- recording ------------------------------------------------------------------------------------


def record(judgement: Judgement, answer: frozenset[int]) -> Recorded:
    """Store what somebody said of a sample with a known answer, as `labels.services.record` stores a label.

    The answers to the client are the same, or people would know which samples are checks.
    """
    problem = recording.problem(judgement, recording.classes_named([judgement]))
    if problem:
        return Recorded(422, detail=problem)
    try:
        with transaction.atomic():
            return _record(judgement, answer)
    except IntegrityError:
        detail = _("This label was changed at the same moment.")
        return _already(judgement) or Recorded(409, current=_current(judgement), detail=detail)


def _record(judgement: Judgement, answer: frozenset[int]) -> Recorded:
    already = _already(judgement)
    if already is not None:
        return already
    current = _current(judgement)
    if not recording.is_expected(current, judgement):
        return Recorded(409, current=current, detail=_("This label was changed elsewhere."))
    if current is not None and not Check.objects.filter(pk=current.pk, is_current=True).update(is_current=False):
        return Recorded(409, current=_current(judgement), detail=_("This label was changed elsewhere."))
    given = frozenset(judgement.class_ids)
    check = Check.objects.create(
        uuid=judgement.uuid,
        project_id=judgement.question.project_id,
        question=judgement.question,
        sample_id=judgement.sample_id,
        annotator=judgement.annotator,
        verdict=judgement.verdict,
        given=sorted(given),
        is_hit=given == answer if judgement.verdict == Verdict.ANSWER and answer else None,
        mode=judgement.mode,
        dwell_ms=judgement.dwell_ms,
        supersedes=current,
    )
    return Recorded(200, label=check, is_new=True)


def _already(judgement: Judgement) -> Recorded | None:
    check = Check.objects.filter(uuid=judgement.uuid).first()
    if check is None:
        return None
    same = (check.annotator_id, check.question_id, check.sample_id) == (
        judgement.annotator.pk if judgement.annotator else None,
        judgement.question.pk,
        judgement.sample_id,
    )
    return Recorded(200, label=check) if same else Recorded(409, detail=_("This UUID has been used."))


def _current(judgement: Judgement) -> Check | None:
    return Check.objects.filter(
        question=judgement.question,
        sample_id=judgement.sample_id,
        annotator=judgement.annotator,
        is_current=True,
    ).first()
