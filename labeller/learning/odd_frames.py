"""Frames that are labelled otherwise than the rest of their burst: one animal walked by, and one frame says another.

That some frames of a burst show nothing is as it should be, so blank ones are neither odd nor count against others.
"""

from collections import Counter
from typing import Any

from labeller.labels.models import Answer
from labeller.projects.models import Question
from labeller.samples import bursts
from labeller.samples.models import Sample

LEAST = 2  # others that say the same
SHARE = 0.75  # of all others


def odd_frames(question: Question, most: int) -> list[dict[str, Any]]:
    """Up to `most` of them as an assessment keeps label errors, those first that most others contradict."""
    blanks = {str(pk) for pk in question.classes.filter(is_blank=True).values_list("pk", flat=True)}
    rows = Answer.objects.of(question).answered().filter(sample__part=Sample.Part.WHOLE)
    rows = rows.exclude(sample__file__sequence=None).exclude(classes__in=blanks)
    frames: dict[int, list[tuple[int, str]]] = {}
    for _pk, sequence, sample_id, classes in bursts.pages(rows, "sample__file__sequence", "sample", "classes"):
        frames.setdefault(sequence, []).append((sample_id, classes))
    found = []
    for told in frames.values():
        counts = Counter(classes for _sample, classes in told)
        usual, agreed = counts.most_common(1)[0]
        if len(counts) == 1 or agreed < LEAST or agreed < SHARE * (len(told) - 1):
            continue
        found += [(agreed, sample_id, classes, usual) for sample_id, classes in told if classes != usual]
    found.sort(key=lambda each: (-each[0], each[1]))
    return [
        {"sample": sample_id, "given": _ids(question, given), "suggested": _ids(question, usual), "burst": agreed}
        for agreed, sample_id, given, usual in found[:most]
    ]


def _ids(question: Question, classes: str) -> int | list[int]:
    ids = [int(each) for each in classes.split()]
    return ids if question.multi_label else ids[0]
