"""Where a question stands: what there is to hand out, and why nothing may be left."""

from django.db.models import Exists, OuterRef

from labeller.labels import applying, tallies
from labeller.labels.models import Answer
from labeller.learning import asking as learning
from labeller.learning.models import Round
from labeller.projects.models import Question
from labeller.samples import hiding
from labeller.samples.models import Sample

MOST_LOOKED_AT = 20_000  # samples: where more are open, a request does not go through them


def current_round(question: Question) -> Round | None:
    return Round.objects.filter(question=question, is_current=True).select_related("head").first()


def has_open_samples(question: Question) -> bool:
    """Whether there is a sample on which nobody has decided yet; imports and labels keep the counts."""
    counts = tallies.of(question)
    return counts.settled < counts.samples


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
    if only_audit or not has_open_samples(question) or _only_people_left(question, current):
        return "finished"
    if in_groups and not learning.new_labels(question):
        return "used_up"
    learning.request_refit(question, at_once=True)
    return "preparing"


def _only_people_left(question: Question, current: Round | None) -> bool:
    """Whether all that is open is hidden from annotators: the last ranking found nothing else."""
    if current is None or current.n_pool or hiding.is_asked_about(question.project):
        return False
    counts = tallies.of(question)
    left = counts.samples - counts.settled
    hidden = Sample.objects.filter(file__people__project=question.project_id, file__people__is_hidden=True)
    decided = Answer.objects.of(question).settled().filter(sample=OuterRef("pk"))
    still_open = applying.limited(hidden.exclude(Exists(decided)), question, "pk")
    return left <= MOST_LOOKED_AT and still_open[:left].count() >= left
