"""Asking for a refit."""

from django.db.models import Exists, Max, OuterRef

from labeller.jobs import services as jobs
from labeller.labels.models import Label
from labeller.learning.models import Round
from labeller.projects.models import Question

REFIT_DEBOUNCE = 0.2  # seconds in which labels that arrive together share one refit


def request_refit(question: Question, *, at_once: bool = False) -> None:
    """Ask for a refit once enough labels are new: debounced, and one pending at most."""
    if at_once or new_labels(question) >= question.project.refit_every:
        jobs.enqueue(
            "refit",
            key=f"question:{question.pk}",
            project=question.project,
            payload={"question": question.pk},
            delay=REFIT_DEBOUNCE,
        )


def new_labels(question: Question) -> int:
    """Labels the current round doesn't know of."""
    known = Round.objects.filter(question=question, is_current=True).aggregate(known=Max("last_label"))["known"] or 0
    return Label.objects.filter(question=question, pk__gt=known).count()


def retrain_stale() -> int:
    """Periodic: ask for a refit wherever labels wait that no round knows, however few."""
    latest = Round.objects.filter(question=OuterRef("pk"), is_current=True).values("last_label")
    stale = Question.objects.filter(
        Exists(Label.objects.filter(question=OuterRef("pk"))),
    ).annotate(known=latest[:1], newest=Max("labels__pk"))
    found = [question for question in stale.select_related("project") if question.newest > (question.known or 0)]
    for question in found:
        request_refit(question, at_once=True)
    return len(found)
