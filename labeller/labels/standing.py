"""What stands of all that is said of one sample: the rule, without the database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from labeller.labels.models import Answer, Label

Mode, State, Verdict = Label.Mode, Answer.State, Label.Verdict


@dataclass(frozen=True)
class Said:
    """A current label, as far as it matters for what stands."""

    pk: int
    verdict: str
    mode: str
    is_imported: bool
    at: datetime
    classes: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Standing:
    """What stands, as an Answer keeps it."""

    state: str
    classes: frozenset[int]
    label: int
    votes: int
    is_imported: bool
    reviewed_at: datetime | None
    is_doubted: bool
    newest: int

    @property
    def is_answered(self) -> bool:
        return self.state in {State.ANSWERED, State.DISPUTED}


def standing(labels: Sequence[Said]) -> Standing:
    """What stands of a sample's current labels, one or more.

    What the latest reviewer says, else the answer most annotators gave, the latest on a tie. What a reviewer leaves out
    stays out until a reviewer answers.
    """
    labels = sorted(labels, key=lambda each: each.pk)
    reviews = [each for each in labels if each.mode == Mode.REVIEW and each.verdict in _DECIDED]
    last_review = max((each.pk for each in reviews), default=0)
    counted = _counted(labels)
    state, deciding = _decided(labels, counted, last_review)
    return Standing(
        state=state,
        classes=deciding.classes if counted else frozenset(),
        label=deciding.pk,
        votes=len(counted),
        is_imported=any(each.is_imported and each.verdict == Verdict.ANSWER for each in labels),
        reviewed_at=max((each.at for each in reviews), default=None),
        is_doubted=any(
            each.verdict == Verdict.UNSURE and each.mode != Mode.REVIEW and each.pk > last_review for each in labels
        ),
        newest=labels[-1].pk,
    )


_DECIDED = {Verdict.ANSWER, Verdict.UNSURE, Verdict.IGNORE}  # a reviewer who skips has decided nothing


def _counted(labels: Sequence[Said]) -> list[Said]:
    """The labels that count: answers, but none that a reviewer has overruled, nor of a sample left out."""
    answers = [each for each in labels if each.verdict == Verdict.ANSWER]
    reviews = [each for each in answers if each.mode == Mode.REVIEW]
    left_out = max((each.pk for each in labels if each.verdict == Verdict.IGNORE), default=0)
    if left_out > max((each.pk for each in reviews), default=0):
        return []
    return reviews or answers


def _decided(labels: Sequence[Said], counted: Sequence[Said], last_review: int) -> tuple[str, Said]:
    """The state, and the label that says what stands."""
    if counted:
        answers = [each for each in labels if each.verdict == Verdict.ANSWER]
        differ = len({each.classes for each in answers}) > 1 and last_review < answers[-1].pk
        return State.DISPUTED if differ else State.ANSWERED, _deciding(counted)
    for verdict, state in _WITHOUT_ANSWER.items():
        if found := [each for each in labels if each.verdict == verdict]:
            return state, found[-1]
    return State.OPEN, labels[-1]


_WITHOUT_ANSWER = {
    Verdict.IGNORE: State.LEFT_OUT,
    Verdict.UNSURE: State.UNSURE,
    Verdict.SKIP: State.SKIPPED,
}


def _deciding(counted: Sequence[Said]) -> Said:
    """The latest review; else the first label that gives what most give, of several such the latest given."""
    if counted[-1].mode == Mode.REVIEW:
        return counted[-1]
    counts = Counter(each.classes for each in counted)
    stands = max(reversed(counted), key=lambda each: counts[each.classes])
    return next(each for each in counted if each.classes == stands.classes)
