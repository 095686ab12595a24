"""Recording judgements: once per UUID, append-only, never over somebody's newer decision."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.labels.models import Check, Label, LabelledClass
from labeller.projects.models import LabelClass, Question
from labeller.samples.models import Sample

Verdict = Label.Verdict


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


@dataclass(frozen=True)
class Recorded:
    """The answer to a judgement: 200 with the label, 409 with what stands instead, 404 or 422 with the reason."""

    status: int
    label: Label | Check | None = None
    current: Label | Check | None = None
    detail: str = ""
    is_new: bool = False


def record(judgement: Judgement) -> Recorded:
    """Store a judgement; the same UUID again gets the same answer and changes nothing."""
    wrong = problem(judgement)
    if wrong:
        return Recorded(422, detail=wrong)
    try:
        with transaction.atomic():
            return _record(judgement)
    except IntegrityError:
        # Somebody was faster between our read and our write: their row decides what the answer is.
        detail = _("This label was changed at the same moment.")
        return _already(judgement) or Recorded(409, current=_current(judgement), detail=detail)


def _record(judgement: Judgement) -> Recorded:
    already = _already(judgement)
    if already is not None:
        return already
    current = _current(judgement)
    if not is_expected(current, judgement):
        return Recorded(409, current=current, detail=_("This label was changed elsewhere."))
    if current is not None and not Label.objects.filter(pk=current.pk, is_current=True).update(is_current=False):
        return Recorded(409, current=_current(judgement), detail=_("This label was changed elsewhere."))
    label = Label.objects.create(
        uuid=judgement.uuid,
        project_id=judgement.question.project_id,
        question=judgement.question,
        sample_id=judgement.sample_id,
        annotator=judgement.annotator,
        verdict=judgement.verdict,
        supersedes=current,
        mode=judgement.mode,
        dwell_ms=judgement.dwell_ms,
        suggestion_shown=judgement.suggestion_shown,
        head_version=judgement.head_version,
        strategy=judgement.strategy,
        propensity=judgement.propensity,
        predicted_id=judgement.predicted_id,
    )
    LabelledClass.objects.bulk_create(
        LabelledClass(label=label, label_class_id=class_id) for class_id in judgement.class_ids
    )
    return Recorded(200, label=label, is_new=True)


def _already(judgement: Judgement) -> Recorded | None:
    """The answer given the first time this UUID came; a UUID of somebody else tells nothing but that it is taken."""
    label = Label.objects.filter(uuid=judgement.uuid).first()
    if label is None:
        return None
    same = (label.annotator_id, label.question_id, label.sample_id) == (
        judgement.annotator.pk if judgement.annotator else None,
        judgement.question.pk,
        judgement.sample_id,
    )
    return Recorded(200, label=label) if same else Recorded(409, detail=_("This UUID has been used."))


def _current(judgement: Judgement) -> Label | None:
    return Label.objects.filter(
        question=judgement.question,
        sample_id=judgement.sample_id,
        annotator=judgement.annotator,
        is_current=True,
    ).first()


def is_expected(current: Label | Check | None, judgement: Judgement) -> bool:
    """Whether the client knew the label it is about to supersede; one taken back may be followed afresh."""
    if current is None:
        return judgement.supersedes is None
    if current.verdict == Verdict.WITHDRAW and judgement.supersedes is None:
        return True
    return judgement.supersedes == current.uuid


def problem(judgement: Judgement) -> str:
    """What is wrong with the judgement itself, in one sentence; empty where nothing is."""
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
    if LabelClass.objects.filter(question=judgement.question, pk__in=classes).count() != len(classes):
        return _("A class named here is not one of this question’s.")
    return ""


# --- labels of an import --------------------------------------------------------------------------


def adopt_known(
    sender: Any,
    question: Question,
    known: Mapping[int, frozenset[int]] | Sequence[tuple[Sample, LabelClass]],
    *,
    may_change: bool = True,
    **kwargs: Any,
) -> dict[int, str]:
    """Bring the labels of an import to what is known: {sample id: class ids}, or pairs of a sample and a class.

    What stands already is left alone; another label of an import is superseded, unless it may not be changed; no class
    takes one back. Samples that people have answered differently keep theirs. Returns the samples that keep another
    label, each with the code of why. A few hundred at a time: they are written in one transaction.
    """
    if not isinstance(known, Mapping):
        known = _by_sample(known)
    imported, people = _standing(question, known)
    new, kept = [], {}
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
    if new:
        with transaction.atomic():
            _write_imported(question, new)
    return kept


def _by_sample(pairs: Sequence[tuple[Sample, LabelClass]]) -> dict[int, frozenset[int]]:
    found: dict[int, frozenset[int]] = {}
    for sample, label_class in pairs:
        found[sample.pk] = found.get(sample.pk, frozenset()) | {label_class.pk}
    return found


def _standing(
    question: Question, sample_ids: Iterable[int]
) -> tuple[dict[int, tuple[int, frozenset[int]]], dict[int, list[frozenset[int]]]]:
    """The imported label of each sample with its class ids, and what people said that an import must not outvote."""
    labels = Label.objects.filter(question=question, sample__in=list(sample_ids), is_current=True)
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


def _write_imported(question: Question, new: list[tuple[int, frozenset[int], int | None]]) -> None:
    """Add labels of an import, each in place of the one with that id."""
    before = [label for _sample, _classes, label in new if label is not None]
    Label.objects.filter(pk__in=before, is_current=True).update(is_current=False)
    labels = Label.objects.bulk_create(
        Label(
            uuid=uuid4(),
            project_id=question.project_id,
            question=question,
            sample_id=sample_id,
            verdict=Verdict.ANSWER if classes else Verdict.WITHDRAW,
            mode=Label.Mode.IMPORT,
            supersedes_id=label,
        )
        for sample_id, classes, label in new
    )
    LabelledClass.objects.bulk_create(
        LabelledClass(label=label, label_class_id=class_id)
        for label, (_sample, classes, _before) in zip(labels, new, strict=True)
        for class_id in classes
    )
