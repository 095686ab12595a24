"""Recording judgements: once per UUID, append-only, never over somebody's newer decision.

What is written is a label, or, where the answer was known, a check: one recorder for both, for the answers to the
client must be the same, or people would know which samples are checks.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.labels import answering
from labeller.labels.models import Attribution, Check, Default, Label, LabelledClass
from labeller.projects.models import LabelClass, Question
from labeller.samples import bulk
from labeller.samples.models import BoxEdit, Sample

Verdict = Label.Verdict
Row = Label | Check | Default
IMPORTED = (
    "id", "uuid", "sample", "verdict", "supersedes", "project", "question", "mode", "is_current", "suggestion_shown",
    "strategy", "created_at",
)  # fmt: skip
MOST_NAMED = 1000  # classes that are asked for by their ids: a database takes only so many


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What somebody decided about a sample, and how it came before them."""

    uuid: UUID
    question: Question
    sample_id: int
    annotator: User | None
    verdict: str
    class_ids: tuple[int, ...] = ()
    supersedes: UUID | None = None
    mode: str = Label.Mode.SINGLE
    dwell_ms: int | None = None
    suggestion_shown: bool = False
    head_version: int | None = None
    strategy: str = ""
    propensity: float | None = None
    predicted_id: int | None = None
    predicted_classes: list[int] | None = None
    doubt: float | None = None
    pool_doubt: float | None = None


@dataclass(frozen=True)
class Recorded:
    """The answer to a judgement: 200 with the label, 409 with what stands instead, 404 or 422 with the reason.

    What is said of a box is answered in the same way.
    """

    status: int
    label: Row | BoxEdit | None = None
    current: Row | BoxEdit | None = None
    detail: str = ""
    is_new: bool = False


@dataclass(frozen=True)
class Written:
    """How judgements are written: into which table, and as what row in place of the person's standing one."""

    table: type[Label] | type[Check] | type[Default]
    row: Callable[[Judgement, Any], Row]


def record(judgement: Judgement) -> Recorded:
    """Store a judgement as a label; the same UUID again gets the same answer and changes nothing."""
    with transaction.atomic(), answering.kept([judgement.sample_id]):
        return record_together([judgement])[0]


def record_together(judgements: Sequence[Judgement], written: Written | None = None) -> list[Recorded]:
    """Store judgements, as labels unless something else is `written`, in as many statements as one takes.

    All are of one person, and no two have the same UUID, or are on the same question of the same sample. Who writes
    labels keeps the answers of all their samples.
    """
    written = written or LABELS
    if not judgements:
        return []
    try:
        with transaction.atomic():
            return _record(judgements, written)
    except IntegrityError:
        # Somebody was faster between our read and our write: what they wrote decides what the answer is.
        if len(judgements) > 1:
            return [record_together([each], written)[0] for each in judgements]
        detail = _("This label was changed at the same moment.")
        earlier = _Earlier(judgements, written.table)
        return [earlier.already(each) or Recorded(409, current=earlier.of(each), detail=detail) for each in judgements]


def _record(judgements: Sequence[Judgement], written: Written) -> list[Recorded]:
    classes = classes_named(judgements)
    earlier = _Earlier(judgements, written.table)
    answers = [_refused(each, classes, earlier) for each in judgements]
    new = [each for each, answer in zip(judgements, answers, strict=True) if answer is None]
    before = [current.pk for each in new if (current := earlier.of(each))]
    table: Any = written.table
    if before and table.objects.filter(pk__in=before, is_current=True).update(is_current=False) < len(before):
        raise IntegrityError("a label was superseded meanwhile")
    rows = table.objects.bulk_create(written.row(each, earlier.of(each)) for each in new)
    LabelledClass.objects.bulk_create(
        LabelledClass(label=row, label_class_id=class_id)
        for row, each in zip(rows, new, strict=True)
        if isinstance(row, Label)
        for class_id in each.class_ids
    )
    fresh = iter(rows)
    return [answer or Recorded(200, label=next(fresh), is_new=True) for answer in answers]


def _refused(judgement: Judgement, classes: Container[tuple[int, int]], earlier: "_Earlier") -> Recorded | None:
    """The answer to a judgement that isn't to be written; None where it is."""
    if wrong := problem(judgement, classes):
        return Recorded(422, detail=wrong)
    if already := earlier.already(judgement):
        return already
    if is_expected(current := earlier.of(judgement), judgement):
        return None
    return Recorded(409, current=current, detail=_("This label was changed elsewhere."))


def said(judgement: Judgement) -> dict[str, Any]:
    """The columns that labels and checks share."""
    return {
        "uuid": judgement.uuid,
        "project_id": judgement.question.project_id,
        "question": judgement.question,
        "sample_id": judgement.sample_id,
        "annotator": judgement.annotator,
        "verdict": judgement.verdict,
        "mode": judgement.mode,
        "dwell_ms": judgement.dwell_ms,
    }


def _label(judgement: Judgement, supersedes: Any) -> Label:
    return Label(
        **said(judgement),
        supersedes=supersedes,
        suggestion_shown=judgement.suggestion_shown,
        head_version=judgement.head_version,
        strategy=judgement.strategy,
        propensity=judgement.propensity,
        doubt=judgement.doubt,
        pool_doubt=judgement.pool_doubt,
        predicted_id=judgement.predicted_id,
        predicted_classes=judgement.predicted_classes,
    )


LABELS = Written(Label, _label)


class _Earlier:
    """What is there already of one person's judgements: their UUIDs, and what this person said of the same samples."""

    def __init__(self, judgements: Sequence[Judgement], table: Any) -> None:
        uuids = {each.uuid for each in judgements}
        current = table.objects.filter(
            annotator=judgements[0].annotator,
            sample__in={each.sample_id for each in judgements},
            question__in={each.question.pk for each in judgements},
            is_current=True,
        )
        # A union, not one condition with an OR: each part has an index of its own.
        rows = list(table.objects.filter(uuid__in=uuids).union(current, all=True))
        self._uuids = {each.uuid: each for each in rows if each.uuid in uuids}
        annotator = _annotator(judgements[0])
        self._current = {
            (each.question_id, each.sample_id): each
            for each in rows
            if each.is_current and each.annotator_id == annotator
        }

    def already(self, judgement: Judgement) -> Recorded | None:
        """The answer given the first time this UUID came; one of somebody else tells nothing but that it is taken."""
        row = self._uuids.get(judgement.uuid)
        if row is None:
            return None
        same = (row.annotator_id, row.question_id, row.sample_id) == (
            _annotator(judgement),
            judgement.question.pk,
            judgement.sample_id,
        )
        return Recorded(200, label=row) if same else Recorded(409, detail=_("This UUID has been used."))

    def of(self, judgement: Judgement) -> Row | None:
        """What this person said of it last, if it stands."""
        return self._current.get((judgement.question.pk, judgement.sample_id))


def _annotator(judgement: Judgement) -> int | None:
    return judgement.annotator.pk if judgement.annotator else None


def is_expected(current: Row | None, judgement: Judgement) -> bool:
    """Whether the client knew the label it is about to supersede; one taken back may be followed afresh."""
    if current is None:
        return judgement.supersedes is None
    if current.verdict == Verdict.WITHDRAW and judgement.supersedes is None:
        return True
    return judgement.supersedes == current.uuid


def classes_named(judgements: Iterable[Judgement]) -> set[tuple[int, int]]:
    """Of the classes that these judgements name those that exist: (question id, class id)."""
    named = {class_id for each in judgements for class_id in each.class_ids}
    if not named:
        return set()
    found = LabelClass.objects.filter(question__in={each.question.pk for each in judgements})
    if len(named) <= MOST_NAMED:
        found = found.filter(pk__in=named)
    return set(found.values_list("question", "pk"))


def problem(judgement: Judgement, existing: Container[tuple[int, int]]) -> str:
    """What is wrong with the judgement itself, in one sentence; empty where nothing is. See `classes_named`."""
    classes = set(judgement.class_ids)
    if judgement.verdict not in Verdict.values:
        known = {"verdict": judgement.verdict, "known": ", ".join(Verdict.values)}
        return _("Unknown verdict “%(verdict)s”: use one of %(known)s.") % known
    if judgement.verdict != Verdict.ANSWER:
        if classes:
            return _("A label with the verdict “%(verdict)s” names no class.") % {"verdict": judgement.verdict}
        if judgement.verdict == Verdict.WITHDRAW and judgement.supersedes is None:
            return _("To take a label back, name it in `supersedes`.")
        if judgement.verdict == Verdict.IGNORE and judgement.mode != Label.Mode.REVIEW:
            return _("Only a review leaves a sample out.")
        return ""
    if not classes or len(classes) != len(judgement.class_ids):
        return _("Name at least one class, and none twice.")
    if len(classes) > 1 and not judgement.question.multi_label:
        return _("This question takes one class a sample.")
    if not all((judgement.question.pk, class_id) in existing for class_id in classes):
        return _("A class named here is not one of this question’s.")
    return ""


# --- labels of an import --------------------------------------------------------------------------


class SaidBy(NamedTuple):
    """By whom a label was given, and when, as a file tells."""

    by: str
    at: datetime | None


def adopt_known(
    sender: Any,
    question: Question,
    known: Mapping[int, frozenset[int]] | Sequence[tuple[Sample, LabelClass]],
    *,
    may_change: bool = True,
    told: Mapping[int, SaidBy] = MappingProxyType({}),
    **kwargs: Any,
) -> dict[int, str]:
    """Bring the labels of an import to what is known: {sample id: class ids}, or pairs of a sample and a class.

    `told` is by whom and when those of some samples were given.

    What stands already is left alone; another label of an import is superseded, unless it may not be changed; no class
    takes one back. Samples that people have answered differently keep theirs. Returns the samples that keep another
    label, each with the code of why. A few hundred at a time: they are written in one transaction.
    """
    if not isinstance(known, Mapping):
        known = _by_sample(known)
    new, kept = _difference(question, known, may_change)
    if new:  # mostly there is nothing, and nobody has to wait
        with transaction.atomic(), answering.kept([sample_id for sample_id, *_ in new]):
            # Somebody may have answered meanwhile.
            new, since = _difference(question, {sample_id: known[sample_id] for sample_id, *_ in new}, may_change)
            _write_imported(question, new, told)
        kept |= since
    return kept


def _difference(
    question: Question, known: Mapping[int, frozenset[int]], may_change: bool
) -> tuple[list[tuple[int, frozenset[int], int | None]], dict[int, str]]:
    """What is to be written, each in place of the label with that id; and what keeps another label, with why."""
    imported, people = _imported_and_people(question, known)
    new: list[tuple[int, frozenset[int], int | None]] = []
    kept = {}
    for sample_id, classes in known.items():
        label, stands = imported.get(sample_id, (None, frozenset()))
        if stands == classes:
            continue
        if any(given != classes for given in people.get(sample_id, ())):
            kept[sample_id] = "people"
        elif stands and not may_change:
            kept[sample_id] = "twins"
        elif sample_id not in people:
            new.append((sample_id, classes, label))
    return new, kept


def _by_sample(pairs: Sequence[tuple[Sample, LabelClass]]) -> dict[int, frozenset[int]]:
    found: dict[int, frozenset[int]] = {}
    for sample, label_class in pairs:
        found[sample.pk] = found.get(sample.pk, frozenset()) | {label_class.pk}
    return found


def _imported_and_people(
    question: Question, sample_ids: Iterable[int]
) -> tuple[dict[int, tuple[int, frozenset[int]]], dict[int, list[frozenset[int]]]]:
    """The imported label of each sample with its class ids, and what people said that an import must not outvote."""
    labels = Label.objects.of_samples(question, sample_ids).filter(is_current=True)
    rows = labels.exclude(annotator__isnull=False, verdict=Verdict.WITHDRAW)
    classes: dict[int, set[int]] = {}
    for label_id, class_id in LabelledClass.objects.filter(label__in=rows).values_list("label", "label_class"):
        classes.setdefault(label_id, set()).add(class_id)
    imported: dict[int, tuple[int, frozenset[int]]] = {}
    people: dict[int, list[frozenset[int]]] = {}
    for pk, sample_id, annotator, verdict, mode in rows.values_list("pk", "sample", "annotator", "verdict", "mode"):
        given = frozenset(classes.get(pk, ()))
        if annotator is None:
            imported[sample_id] = pk, given
        elif verdict in {Verdict.ANSWER, Verdict.IGNORE} or mode == Label.Mode.REVIEW:
            people.setdefault(sample_id, []).append(given)
    return imported, people


def _write_imported(
    question: Question, new: list[tuple[int, frozenset[int], int | None]], told: Mapping[int, SaidBy]
) -> None:
    """Add labels of an import, each in place of the one with that id."""
    before = [label for _sample, _classes, label in new if label is not None]
    Label.objects.filter(pk__in=before, is_current=True).update(is_current=False)
    ids = bulk.new_ids(Label, len(new))
    now, key = connection.ops.adapt_datetimefield_value(timezone.now()), Label._meta.get_field("uuid")
    common = (question.project_id, question.pk, Label.Mode.IMPORT.value, True, False, "", now)
    rows = (
        (pk, key.get_db_prep_value(uuid4(), connection), sample_id, _imported_verdict(classes), label, *common)
        for pk, (sample_id, classes, label) in zip(ids, new, strict=True)
    )
    bulk.insert(Label, IMPORTED, rows)
    named = ((pk, each) for pk, (_sample, classes, _before) in zip(ids, new, strict=True) for each in classes)
    bulk.insert(LabelledClass, ("label", "label_class"), named)
    attributed = ((pk, told[sample_id]) for pk, (sample_id, *_) in zip(ids, new, strict=True) if sample_id in told)
    adapt = connection.ops.adapt_datetimefield_value
    bulk.insert(Attribution, ("label", "by", "at"), ((pk, each.by, adapt(each.at)) for pk, each in attributed))


def _imported_verdict(classes: frozenset[int]) -> str:
    return (Verdict.ANSWER if classes else Verdict.WITHDRAW).value
