"""Where a question stands: what there is to hand out, and why nothing may be left."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from labeller.labels import applying, tallies
from labeller.labels.models import Answer
from labeller.learning import asking as learning
from labeller.learning.models import Round
from labeller.projects.models import Question
from labeller.samples import hiding, set_aside
from labeller.samples.models import Sample


def current_round(question: Question) -> Round | None:
    return Round.objects.filter(question=question, is_current=True).select_related("head").first()


def has_open_samples(question: Question) -> bool:
    """Whether there is a sample on which nobody has decided yet; imports and labels keep the counts.

    Neither boxes that nobody is asked about nor pictures that annotators must not see are any. Which of these are
    decided on is only looked at near the end.
    """
    counts = tallies.of(question)
    undecided = counts.samples - counts.settled
    if undecided <= 0:
        return False
    # Those that annotators must not see, without boxes that nobody is asked about anyway.
    hidden = hiding.kept_apart(question.project).exclude(set_aside.is_set_aside(question.project, "pk"))
    first, *others = apart = [*set_aside.rows(question.project), hidden]
    together = first.values("pk").union(*(each.values("pk") for each in others), all=True)
    return undecided > together.count() or undecided > _undecided(question, apart)


def _undecided(question: Question, apart: Iterable[QuerySet[Sample]]) -> int:
    settled = Answer.objects.of(question).settled().filter(sample=OuterRef("pk"))
    rows = (each.filter(~Exists(settled)) for each in apart)
    return sum(applying.limited(each, question, "pk").count() for each in rows)


def of(
    question: Question, current: Round | None, is_served: bool, only_audit: bool = False, in_groups: bool = False
) -> str:
    """Whether a page has what it needs (ready), or waits for a ranking (preparing); used up, or finished.

    A fresh ranking brings more where this one is used up or others hold all of it; of groups only where labels came.
    """
    if current is None and (question.follows_id is None or has_open_samples(question)):
        return "preparing"
    if is_served:
        return "ready"
    if only_audit or not has_open_samples(question):
        return "finished"
    if in_groups and not learning.new_labels(question):
        return "used_up"
    learning.request_refit(question, at_once=True)
    return "preparing"
