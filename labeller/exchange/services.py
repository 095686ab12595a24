"""Exports: labels, and predictions for the whole pool, as rows that stream."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from labeller.labels import flags
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import accepting
from labeller.learning.embedding import store
from labeller.learning.models import Acceptance, Head
from labeller.projects.models import LabelClass, Question
from labeller.samples.models import Sample
from tl_core.heads import files as head_files

LABEL_COLUMNS = (
    "path", "question", "classes", "verdict", "overruled", "annotator", "decided_by", "labelled_at", "mode", "strategy",
    "propensity", "suggestion_shown", "head_version", "dwell_ms", "flag", "uuid",
)  # fmt: skip
PREDICTION_COLUMNS = (
    "path",
    "question",
    "predicted_class",
    "probability",
    "decided_by",
    "labelled_class",
    "is_labelled",
)
CHUNK = 2000


def label_rows(question: Question) -> Iterator[tuple[Any, ...]]:
    """Every current label that wasn't taken back, oldest first; those that a review has overruled say so."""
    decided = labels.deciding(question)
    flagged = {
        sample_id: " | ".join(note or "flagged" for note in notes) for sample_id, notes in flags.notes(question).items()
    }
    found = (
        Label.objects.filter(question=question, is_current=True)
        .exclude(verdict=Label.Verdict.WITHDRAW)
        .select_related("sample", "annotator")
        .prefetch_related("classes")
        .order_by("pk")
    )
    yield LABEL_COLUMNS
    for label in found.iterator(chunk_size=CHUNK):
        yield (
            label.sample.path,
            question.key,
            "|".join(each.name for each in label.classes.all()),
            label.verdict,
            int(decided.get(label.sample_id, label.pk) != label.pk),
            label.annotator.username if label.annotator else "",
            _who(label),
            label.created_at.isoformat(),
            label.mode,
            label.strategy,
            "" if label.propensity is None else f"{label.propensity:.6g}",
            int(label.suggestion_shown),
            "" if label.head_version is None else label.head_version,
            "" if label.dwell_ms is None else label.dwell_ms,
            flagged.get(label.sample_id, ""),
            label.uuid,
        )


def _who(label: Label) -> str:
    if label.annotator is None:
        return "imported"
    return "simulated" if label.annotator.is_simulated else "human"


def latest_head(question: Question) -> Head | None:
    """The newest one that knows all labels: those that decide what to accept leave the audit labels out."""
    stored = Head.objects.filter(question=question, acceptances=None).exclude(directory="")
    return stored.select_related("run__project").order_by("-version").first()


def prediction_rows(question: Question, head: Head) -> Iterator[tuple[Any, ...]]:
    """The head's top class for every embedded sample that isn't left out, and what people said where they did.

    Where a prediction has been accepted, it is that of the head it was accepted of.
    """
    yield PREDICTION_COLUMNS
    stored = head_files.load(settings.HEADS / head.directory)
    names = dict(LabelClass.objects.filter(question=question).values_list("pk", "name"))
    answers = labels.consensus(question)
    left_out = set(labels.left_out(question).values_list("sample_id", flat=True))
    rule = Acceptance.standing(question)
    accepted = accepting.accepted(rule)
    by_rule = f"{_machine(rule.head)}, accepted at error <= {rule.epsilon * 100:g} %" if rule else ""
    embeddings = store(head.run)
    for number in head.run.shards.order_by("number").values_list("number", flat=True):
        shard = embeddings.open([number])
        probabilities = stored.predict_proba(shard.vectors[:])
        best = probabilities.argmax(axis=1)
        paths = dict(Sample.objects.filter(pk__in=shard.ids.tolist()).values_list("pk", "path"))
        for row, sample_id in enumerate(shard.ids.tolist()):
            if sample_id in left_out:
                continue
            answer = answers.get(sample_id)
            own = head.class_ids[best[row]], probabilities[row, best[row]]
            class_id, probability = accepted.get(sample_id, own)
            yield (
                paths[sample_id],
                question.key,
                names[class_id],
                f"{probability:.4f}",
                by_rule if sample_id in accepted else _machine(head),
                "|".join(sorted(names[each] for each in answer)) if answer else "",
                int(answer is not None),
            )


def _machine(head: Head) -> str:
    return f"machine: head {head.version}"
