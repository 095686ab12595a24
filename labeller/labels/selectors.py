"""Reads over many labels."""

import functools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from labeller.labels import applying
from labeller.labels.models import Label, LabelledClass
from labeller.projects.models import Question
from labeller.samples.bursts import pages
from tl_core.evaluation import confidence_sequence

AUDIT = "audit"  # the strategy name of audit samples
# An accuracy claim counts from one of these on, chosen before anybody looked: docs/decisions/0009.
STARTS = frozenset(50 * 2**doubling for doubling in range(24))
ERROR = 0.05  # chance that any interval ever shown for a question misses its truth


def answers(question: Question) -> QuerySet[Label]:
    """Labels that count: current answers, but none that a reviewer has overruled, nor on a sample left out."""
    found = Label.objects.filter(question=question, is_current=True, verdict=Label.Verdict.ANSWER)
    # Exists, not IN: on PostgreSQL the negation of an IN is no hashed subplan once there is much to hash.
    of_sample = {"sample": OuterRef("sample")}
    reviewed = reviews(question).filter(verdict=Label.Verdict.ANSWER, **of_sample)
    of_others = found.exclude(~Q(mode=Label.Mode.REVIEW), Exists(reviewed))
    return of_others.exclude(Exists(left_out(question).filter(**of_sample)))


def reviews(question: Question) -> QuerySet[Label]:
    """What reviewers decided and still stands."""
    decided = [Label.Verdict.ANSWER, Label.Verdict.UNSURE, Label.Verdict.IGNORE]
    return Label.objects.filter(question=question, is_current=True, mode=Label.Mode.REVIEW, verdict__in=decided)


def left_out(question: Question) -> QuerySet[Label]:
    """The reviewers' labels by which samples are left out. A later review that answers takes its sample in again."""
    given = reviews(question)
    later = given.filter(sample=OuterRef("sample"), verdict=Label.Verdict.ANSWER, pk__gt=OuterRef("pk"))
    return given.filter(verdict=Label.Verdict.IGNORE).exclude(Exists(later))


def deciding(question: Question) -> dict[int, int]:
    """For every sample that reviewers decided on the id of the label that counts: the latest review."""
    given = reviews(question).exclude(verdict=Label.Verdict.UNSURE)
    return dict(given.order_by("pk").values_list("sample_id", "pk"))


def consensus(question: Question, among: Any = None) -> dict[int, frozenset[int]]:
    """For every answered sample the ids of its classes.

    What the latest reviewer says, else the answer most annotators gave, the latest on a tie. Samples that a reviewer
    leaves out have none, nor have those that the question isn't asked of (any more). `among` are sample ids, or a query
    for them; None = all.
    """
    rows = LabelledClass.objects.filter(
        label__question=question, label__is_current=True, label__verdict=Label.Verdict.ANSWER
    ).exclude(Exists(left_out(question).filter(sample=OuterRef("label__sample"))))
    fields = ("label_id", "label__sample_id", "label_class_id", "label__mode")
    found: Iterable[Any]
    if among is None:
        found = (row for _, *row in pages(rows, *fields))
    else:
        found = applying.limited(rows.filter(label__sample__in=among), question, "label__sample").values_list(*fields)
    chosen: dict[int, set[int]] = defaultdict(set)
    sample_of: dict[int, int] = {}
    reviewed = set()
    for label_id, sample_id, class_id, mode in sorted(found):
        chosen[label_id].add(class_id)
        sample_of[label_id] = sample_id
        if mode == Label.Mode.REVIEW:
            reviewed.add(label_id)
    votes: dict[int, list[frozenset[int]]] = defaultdict(list)
    for label_id, classes in chosen.items():
        votes[sample_of[label_id]].append(frozenset(classes))
    decided = {sample_of[label_id]: frozenset(chosen[label_id]) for label_id in sorted(reviewed)}
    asked = applying.asked_ids(question) if among is None else None
    if asked is not None:
        votes = {sample_id: votes[sample_id] for sample_id in votes.keys() & set(asked.tolist())}
    return {sample_id: decided.get(sample_id) or _majority(given) for sample_id, given in votes.items()}


def _majority(given: list[frozenset[int]]) -> frozenset[int]:
    counts = Counter(given)
    return max(reversed(given), key=lambda answer: counts[answer])


def settled(question: Question) -> set[int]:
    """Samples that need no ranking any more: somebody answered, skipped or was unsure, or a reviewer left them out."""
    found = Label.objects.filter(question=question, is_current=True).exclude(verdict=Label.Verdict.WITHDRAW)
    return {sample_id for _, sample_id in pages(found, "sample_id")}


def newest_class(question: Question) -> int:
    """Id of the label that brought the last class of all; 0 while there is none."""
    that_count = Exists(answers(question).filter(pk=OuterRef("label")))
    of_class = LabelledClass.objects.filter(that_count, label_class=OuterRef("pk")).order_by("pk")
    firsts = question.classes.annotate(first=of_class.values("label")[:1])
    return firsts.aggregate(last=Max("first"))["last"] or 0


def disagreements(question: Question) -> QuerySet[Any]:
    """Samples whose annotators gave different answers, unless a reviewer has spoken since the last of them.

    This goes through all labels: pages read `Dispute`, which whoever writes labels keeps.
    """
    given = Label.objects.filter(question=question, is_current=True, verdict=Label.Verdict.ANSWER)
    several = given.values("sample").annotate(n=Count("pk")).filter(n__gt=1).values("sample")
    later = given.filter(sample=OuterRef("sample"), pk__gt=OuterRef("pk"))
    reviewed = reviews(question).exclude(Exists(later)).filter(sample=OuterRef("label__sample"))
    rows = LabelledClass.objects.filter(label__in=given, label__sample__in=several)
    counted = (
        rows.exclude(Exists(reviewed))
        .values("label__sample")
        .annotate(named=Count("pk"), n=Count("label", distinct=True), classes=Count("label_class", distinct=True))
    )
    # All answers are the same where each names every class that any of them names.
    return (
        counted.exclude(named=F("n") * F("classes")).order_by("label__sample").values_list("label__sample", flat=True)
    )


# --- audit ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Audited:
    """An audit sample: what a head said before, if there was one, and what people say."""

    label_id: int  # of the first judgement on it
    sample_id: int
    predicted: int | None
    given: frozenset[int]

    @property
    def is_correct(self) -> bool:
        """Whether the very class that was predicted is given.

        An ancestor of it (a genus, of somebody who backed off) counts as wrong. Whether the head was right nobody
        knows then; leaving the sample out would make the claim too good, for people back off where it is hard.
        """
        return self.predicted in self.given


@dataclass(frozen=True)
class Audit:
    """Accuracy on audit samples: drawn uniformly, labelled blind, predicted before they were trained on."""

    n: int
    correct: int
    confidence: float = 1 - ERROR

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Holds however often people look; (0, 1) while there is nothing to go by."""
        return intervals([self])[0]


def intervals(audits: Sequence[Audit]) -> list[tuple[float, float]]:
    """The interval of each."""
    found = [(0.0, 1.0)] * len(audits)
    for confidence in {each.confidence for each in audits}:
        at = [position for position, each in enumerate(audits) if each.confidence == confidence]
        ends = confidence_sequence([audits[i].correct for i in at], [audits[i].n for i in at], confidence)
        for position, low, high in zip(at, *np.stack(ends).tolist(), strict=True):
            found[position] = (low, high)
    return found


@dataclass(frozen=True)
class Trail:
    """All audit samples of a question, oldest first, and the labels that claims may count from."""

    audited: list[Audited]
    starts: list[int]  # ids of the 50th, 100th, 200th, ... label

    def audit(self, last_label: int | None = None) -> Audit:
        """What was known when that label was the newest; None = now."""
        first, end, part = self._window(last_label)
        correct = self._correct[end] - self._correct[first]
        # The parts of the error add up to the whole, however many windows there will be.
        return Audit(n=end - first, correct=correct, confidence=1 - ERROR / ((part + 1) * (part + 2)))

    @property
    def window(self) -> list[Audited]:
        """The audit samples that the claim of now rests on."""
        first, end, _ = self._window(None)
        return self.predicted[first:end]

    @functools.cached_property
    def predicted(self) -> list[Audited]:
        return [each for each in self.audited if each.predicted is not None]

    @functools.cached_property
    def _label_ids(self) -> list[int]:
        return [each.label_id for each in self.predicted]

    @functools.cached_property
    def _correct(self) -> list[int]:
        """How many of the first 0, 1, 2, ... were right."""
        return list(accumulate((each.is_correct for each in self.predicted), initial=0))

    def _window(self, last_label: int | None) -> tuple[int, int, int]:
        """Where the window begins and ends among the predicted ones, and which of all windows it is."""
        passed = len(self.starts) if last_label is None else bisect_right(self.starts, last_label)
        # From the last start but one: so the window always holds the later half of all labels, or more.
        part = max(passed - 1, 0)
        first = bisect_right(self._label_ids, self.starts[part - 1]) if part else 0
        end = len(self._label_ids) if last_label is None else bisect_right(self._label_ids, last_label)
        return first, max(first, end), part


def trail(question: Question) -> Trail:
    """Every audit sample with a standing answer, and what people say of it now."""
    audits = Label.objects.filter(question=question, strategy=AUDIT)
    given = consensus(question, audits.values("sample"))
    found: dict[int, Audited] = {}
    for label_id, sample_id, predicted in audits.order_by("pk").values_list("pk", "sample_id", "predicted_id"):
        # The first judgement only: a corrected one, or a second person's, is no new draw.
        if sample_id in given and sample_id not in found:
            found[sample_id] = Audited(label_id, sample_id, predicted, given[sample_id])
    # By all labels, also those replaced or taken back since: so a start never moves. Imported ones taught every head.
    rows = Label.objects.filter(question=question).exclude(mode=Label.Mode.IMPORT)
    starts = [label_id for number, (label_id,) in enumerate(pages(rows), 1) if number in STARTS]
    return Trail(list(found.values()), starts)


def audit(question: Question) -> Audit:
    """What can be claimed of the head's accuracy now."""
    return trail(question).audit()
