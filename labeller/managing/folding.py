"""Folding a text again that somebody had made a sample of its own: what was said of it stays, or it is not folded.

A job, for embeddings of it are to be forgotten. Done twice it changes nothing.
"""

from collections.abc import Sequence

from django.utils import timezone

from labeller.annotating.models import Assignment
from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels.models import Check, Default, Flag, Label
from labeller.managing import removing_samples
from labeller.samples import copies
from labeller.samples.models import Text
from tl_core.notices import notice

KIND = "fold"


class Held(jobs.Postponed):
    """Somebody has it on the screen."""


def ask(text: Text) -> Job:
    """Have a text folded into the one that it was unfolded from."""
    return jobs.enqueue(KIND, key=f"sample:{text.pk}", project=text.project, payload={"sample": text.pk})


def under_way(pks: Sequence[int]) -> set[int]:
    """Which of these samples are about to be folded."""
    keys = {f"sample:{pk}": pk for pk in pks}
    waiting = Job.objects.filter(kind=KIND, key__in=list(keys), state__in=Job.OPEN)
    return {keys[key] for key in waiting.values_list("key", flat=True)}


def spoken_of(pks: Sequence[int]) -> set[int]:
    """Those of these samples of which something was said."""
    return marked(pks) | set(Label.objects.filter(sample__in=list(pks)).values_list("sample", flat=True))


def marked(pks: Sequence[int]) -> set[int]:
    """Those of these samples of which something other than a label was said."""
    found: set[int] = set()
    for model in (Check, Flag, Default):
        found |= set(model.objects.filter(sample__in=list(pks)).values_list("sample", flat=True))
    return found


def fold(progress: jobs.Progress) -> None:
    """Fold it, unless something was said of it."""
    text = Text.objects.filter(pk=progress.job.payload["sample"]).exclude(like=None).first()
    if text is None:
        return
    holds = Assignment.objects.filter(sample=text.pk, is_done=False, expires_at__gt=timezone.now())
    if holds.exists():
        raise Held(notice(WorkerCode.HELD_BY_SOMEBODY))
    removing_samples.wait_for_embedding(progress.project)
    original = int(text.like_id or 0)

    def still(pks: Sequence[int]) -> list[int]:
        going = sorted(set(pks) - spoken_of(pks))
        copies.note(dict.fromkeys(going, original))
        return going

    if spoken_of([text.pk]) or not removing_samples.take_out(progress.project, [text.pk], still):
        progress(0, 1, notice(WorkerCode.HAS_LABELS), now=True)
