"""Storing what is known of samples beforehand: the difference to what is stored already, and no more."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from django.db import transaction

from labeller.projects.models import Question
from labeller.samples.models import HiddenTruth, Sample, Source
from labeller.samples.signals import labels_known
from labeller.samples.tables import Problem

CHUNK = 500  # samples written in one transaction
PAUSE = 0.01  # seconds between two writes in which others get their turn


def chunks(wanted: dict[int, frozenset[int]]) -> Iterator[tuple[int, dict[int, frozenset[int]]]]:
    """What is written together, each part with how much comes before it."""
    keys = sorted(wanted)
    for start in range(0, len(keys), CHUNK):
        yield start, {pk: wanted[pk] for pk in keys[start : start + CHUNK]}


def write_truth(question: Question, wanted: Mapping[int, frozenset[int]], own: Container[int]) -> int:
    """Store hidden truth where it isn't yet; returns how many of these samples have one now."""
    stored: dict[int, set[int]] = {}
    truths = HiddenTruth.objects.filter(label_class__question=question, sample__in=list(wanted))
    for sample_id, class_id in truths.values_list("sample", "label_class"):
        stored.setdefault(sample_id, set()).add(class_id)
    # What the sample's own source says of it goes before what a twin's says.
    open_to = {pk: each for pk, each in wanted.items() if pk in own or pk not in stored}
    changed = {pk: each for pk, each in open_to.items() if stored.get(pk, set()) != each}
    if changed:
        with transaction.atomic():
            HiddenTruth.objects.filter(label_class__question=question, sample__in=list(changed)).delete()
            HiddenTruth.objects.bulk_create(
                HiddenTruth(sample_id=pk, label_class_id=class_id) for pk, each in changed.items() for class_id in each
            )
    return sum(map(bool, wanted.values()))


def write_labels(
    question: Question,
    wanted: dict[int, frozenset[int]],
    own: Container[int],
    problems: list[Problem],
    moved: Container[int] = (),
) -> int:
    """Have the labels app store what isn't yet; returns how many of these samples have a label by it now."""
    applied = 0
    for of_others in (False, True):
        part = {pk: each for pk, each in wanted.items() if (pk not in own) == of_others}
        if not part:
            continue
        # What the sample's own source says of it goes before what a twin's says.
        replies = labels_known.send(Source, question=question, known=part, may_change=not of_others)
        for _receiver, reply in replies:
            kept: Any = reply  # the kind of problem of each sample that kept another label
            applied += sum(map(bool, part.values())) - len(kept)
            paths = dict(Sample.objects.filter(pk__in=list(kept)).values_list("pk", "file__path"))
            kinds = {pk: "moved" if kind == "twins" and pk in moved else kind for pk, kind in kept.items()}
            problems += [Problem(kind, 0, paths[pk], paths[pk]) for pk, kind in kinds.items()]
    return applied
