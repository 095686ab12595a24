"""Reads over many answers and labels."""

import functools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from django.db.models import Exists, Max, OuterRef, Subquery

from labeller.labels import applying
from labeller.labels.models import Answer, Label, LabelledClass
from labeller.projects.models import Question
from labeller.samples import hiding, set_aside
from labeller.samples.bursts import pages
from tl_core.evaluation import doubtful_sequence

AUDIT = "audit"  # the strategy name of audit samples
# An accuracy claim counts from one of these on, chosen before anybody looked: docs/decisions/0009.
STARTS = frozenset(100 * 2**doubling for doubling in range(24))
NEWEST_PAGE, NEWEST_PAGES = 64, 16  # labels: most of a class's stand, so that one page is enough
ERROR = 0.05  # chance that any interval ever shown for a question misses its truth


def consensus(question: Question, among: Any = None) -> dict[int, frozenset[int]]:
    """For every answered sample that the question is asked of the ids of its classes, in the order of their labels.

    `among` are sample ids, or a query for them; None = all but boxes that were taken away: there is nothing there that
    could be learnt from.
    """
    rows: Iterable[Any]
    gone: set[int] = set()
    if among is None:
        gone.update(set_aside.taken_away(question.project).values_list("pk", flat=True))
        asked = applying.asked_ids(question)
        asked_of = None if asked is None else set(asked.tolist())
        answered = Answer.objects.filter(question=question).answered()
        read = applying.by_sample(answered, "label", "classes")
        rows = read if asked_of is None else (row for row in read if row[0] in asked_of)
    else:
        answered = Answer.objects.of(question).answered()
        rows = answered.filter(sample__in=among).values_list("sample", "label", "classes")
    sets: dict[str, frozenset[int]] = {}  # most samples share theirs with many
    found = {}
    for sample_id, _, classes in sorted((row for row in rows if row[0] not in gone), key=itemgetter(1)):
        if classes not in sets:
            sets[classes] = frozenset(map(int, classes.split()))
        found[sample_id] = sets[classes]
    return found


def strokes(question: Question) -> tuple[set[int], dict[int, int]]:
    """Samples that were confirmed as tiles, and those that were labelled with all of their burst, with its id.

    Only where that is what stands: a sample that somebody has looked at alone since is not among them.
    """
    standing = Label.objects.filter(question=question, is_current=True, answer__isnull=False)
    tiles = standing.filter(mode=Label.Mode.GRID)
    frames = standing.filter(mode=Label.Mode.SEQUENCE, sample__file__sequence__isnull=False)
    return (
        {sample_id for _, sample_id in pages(tiles, "sample_id")},
        {sample_id: burst for _, sample_id, burst in pages(frames, "sample_id", "sample__file__sequence")},
    )


def settled(question: Question) -> set[int]:
    """Samples that need no ranking any more: somebody answered, skipped or was unsure, or a reviewer left them out.

    Neither do boxes that nobody is asked about, nor samples with people in them that annotators must not see: no audit
    speaks for them, and nothing is accepted of them.
    """
    found = Answer.objects.filter(question=question).settled()
    decided = {sample_id for (sample_id,) in applying.by_sample(found)}
    hidden = hiding.kept_apart(question.project).values_list("pk", flat=True)
    return decided | set_aside.ids(question.project) | set(hidden)


def newest_naming(question: Question, class_id: int, most: int) -> list[int]:
    """Samples whose answer names the class, those that were labelled last first; looked for among its newest labels.

    In pages by an index of the labels: whoever joins answers to them reads all answers there are.
    """
    labels = LabelledClass.objects.filter(label_class=class_id).order_by("-label").values_list("label", flat=True)
    samples: list[int] = []
    before: dict[str, int] = {}
    for _ in range(NEWEST_PAGES):
        page = list(labels.filter(**before)[:NEWEST_PAGE])
        stands = Answer.objects.of(question).answered().filter(label__in=page)
        samples += stands.order_by("-label").values_list("sample", flat=True)
        if len(samples) >= most or len(page) < NEWEST_PAGE:
            break
        before = {"label__lt": page[-1]}
    return samples[:most]


def newest_class(question: Question) -> int:
    """Id of the label that brought the last class of all; 0 while there is none."""
    stands = Answer.objects.of(question).answered().filter(label=OuterRef("label"))
    of_class = LabelledClass.objects.filter(Exists(stands), label_class=OuterRef("pk")).order_by("pk")
    firsts = question.classes.annotate(first=of_class.values("label")[:1])
    return firsts.aggregate(last=Max("first"))["last"] or 0


# --- audit ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Audited:
    """An audit sample: what a head said before, if there was one, and what people say."""

    label_id: int  # of the first judgement on it
    sample_id: int
    predicted: int | None
    given: frozenset[int]
    named: frozenset[int] | None = None  # all classes predicted, where a sample may have several
    doubt: float | None = None  # of the head that predicted it; None where nobody reckoned it
    pool_doubt: float | None = None  # that head's, on average, of the pool it was drawn from

    @property
    def is_correct(self) -> bool:
        """Whether the very class that was predicted is given; of several, whether these are given and no others.

        An ancestor of it (a genus, of somebody who backed off) counts as wrong. Whether the head was right nobody
        knows then; leaving the sample out would make the claim too good, for people back off where it is hard.
        """
        return self.predicted in self.given if self.named is None else self.named == self.given

    @property
    def classes(self) -> frozenset[int]:
        """Every class that was predicted."""
        if self.named is not None:
            return self.named
        return frozenset() if self.predicted is None else frozenset([self.predicted])


@dataclass(frozen=True)
class Audit:
    """Accuracy on audit samples: drawn uniformly, labelled blind, predicted before they were trained on."""

    n: int
    correct: int
    interval: tuple[float, float] = (0.0, 1.0)  # holds however often people look
    confidence: float = 1 - ERROR

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.n if self.n else None


def claims(
    audited: Sequence[Audited], at: Sequence[int], confidence: float = 1 - ERROR, expected: float | None = None
) -> list[Audit]:
    """What the first so many of these audit samples, oldest first, say."""
    correct = np.array([each.is_correct for each in audited], np.int64)
    doubts = np.array([(each.doubt, each.pool_doubt) for each in audited], np.float64).reshape(-1, 2)
    own, pools = doubts.T
    ends = doubtful_sequence(correct, own, pools, at, confidence=confidence, expected=expected)
    so_far = np.concatenate([[0], correct.cumsum()])
    return [
        Audit(n, int(so_far[n]), (low, high), confidence)
        for n, low, high in zip(at, *(each.tolist() for each in ends), strict=True)
    ]


@dataclass(frozen=True)
class Trail:
    """All audit samples of a question, oldest first, and the labels that claims may count from."""

    audited: list[Audited]
    starts: list[int]  # ids of the 100th, 200th, 400th, ... label
    n_labels: int = 0  # all that ever were, but imported ones

    def audit(self, last_label: int | None = None) -> Audit:
        """What was known when that label was the newest; None = now."""
        return self._now if last_label is None else self.audits([last_label])[0]

    def audits(self, last_labels: Sequence[int | None]) -> list[Audit]:
        """What was known when each of these labels was the newest."""
        windows = [self._window(each) for each in last_labels]
        found: dict[tuple[int, int, int], Audit] = {}
        for first, part in {(first, part) for first, _, part in windows}:
            ends = sorted({end for begin, end, number in windows if (begin, number) == (first, part)})
            audited, at = self.predicted[first : ends[-1]], [end - first for end in ends]
            for end, audit in zip(ends, claims(audited, at, *terms(part)), strict=True):
                found[first, end, part] = audit
        return [found[window] for window in windows]

    @property
    def window(self) -> list[Audited]:
        """The audit samples that the claim of now rests on."""
        first, end, _ = self._window(None)
        return self.predicted[first:end]

    @functools.cached_property
    def _now(self) -> Audit:
        return self.audits([None])[0]

    @functools.cached_property
    def predicted(self) -> list[Audited]:
        return [each for each in self.audited if each.predicted is not None]

    @functools.cached_property
    def _label_ids(self) -> list[int]:
        return [each.label_id for each in self.predicted]

    def _window(self, last_label: int | None) -> tuple[int, int, int]:
        """Where the window begins and ends among the predicted ones, and which of all windows it is."""
        passed = len(self.starts) if last_label is None else bisect_right(self.starts, last_label)
        # From the last start but one: so the window always holds the later half of all labels, or more.
        part = max(passed - 1, 0)
        first = len(self._label_ids) - self.since(part)
        end = len(self._label_ids) if last_label is None else bisect_right(self._label_ids, last_label)
        return first, max(first, end), part

    def since(self, part: int) -> int:
        """How many samples there are since the start of a window that has begun."""
        return len(self._label_ids) - (bisect_right(self._label_ids, self.starts[part - 1]) if part else 0)


def terms(part: int) -> tuple[float, float]:
    """The confidence of a window, and about how many audit samples it holds in the middle of its time.

    What each may err adds up to the whole, however many windows there will be. Bets are chosen by the number, so it
    follows from the share of audits that questions have at first, and not from what somebody made of it since.
    """
    return 1 - ERROR / ((part + 1) * (part + 2)), max(32 * 1.5**part, 10 * 2.0**part)


def trail(question: Question) -> Trail:
    """Every audit sample with a standing answer, and what people say of it now."""
    audits = Label.objects.filter(question=question, strategy=AUDIT)
    given = consensus(question, audits.values("sample"))
    found: dict[int, Audited] = {}
    columns = "pk", "sample_id", "predicted_id", "predicted_classes", "doubt", "pool_doubt"
    for label_id, sample_id, predicted, named, *doubts in audits.order_by("pk").values_list(*columns):
        # The first judgement only: a corrected one, or a second person's, is no new draw.
        if sample_id in given and sample_id not in found:
            if named is None and question.multi_label and predicted is not None:
                named = [predicted]  # a round of an earlier version: no more is known, and so nothing looks too good
            several = None if named is None else frozenset(named)
            found[sample_id] = Audited(label_id, sample_id, predicted, given[sample_id], several, *doubts)
    return Trail(list(found.values()), *_starts(question))


def _starts(question: Question) -> tuple[list[int], int]:
    """Ids of the labels that claims may count from, and how many labels there are; see `Trail`."""
    # By all labels, also those replaced or taken back since: so a start never moves. Imported ones taught every head.
    # Counted with every round, so by an index that holds these alone: no label is read.
    ids = Label.objects.filter(question=question).exclude(mode=Label.Mode.IMPORT).order_by("pk").values("pk")
    n = ids.count()
    passed = [Subquery(ids[start - 1 : start]) for start in sorted(STARTS) if start <= n]
    _, *starts = Question.objects.values_list("pk", *passed).get(pk=question.pk)
    return starts, n


def audit(question: Question) -> Audit:
    """What can be claimed of the head's accuracy now."""
    return trail(question).audit()
