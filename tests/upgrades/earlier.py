"""What `reading` asks of every version and 0.1.0 had not yet: here it is counted anew, or said in today's words."""

import sys
from types import ModuleType, SimpleNamespace

from django.db.models import Count

from labeller.annotating import reviewing
from labeller.labels import models, selectors
from labeller.labels.models import LabelledClass
from labeller.samples.models import Source


def lend() -> None:
    """Let `reading` be imported in a checkout of 0.1.0; in a later one nothing changes."""
    if hasattr(models, "Tally"):
        return
    tallies = ModuleType("labeller.labels.tallies")
    tallies.of, tallies.samples = _counts, lambda project: project.samples.count()
    sys.modules[tallies.__name__] = sys.modules["labeller.labels"].tallies = tallies
    models.Dispute = None
    Source.labels_from = property(lambda source: "folders" if source.meaning == "labels" else "")
    Source.truth_from = property(lambda source: "folders" if source.meaning == "truth" else "")
    Source.class_level = property(lambda source: -1 if source.meaning != "nothing" else None)
    import reading

    reading._disputes = lambda question: sorted(
        question.project.samples.filter(pk__in=list(reviewing._disagreements(question))).values_list("path", flat=True)
    )


def _counts(question):
    answers = selectors.answers(question)
    named = LabelledClass.objects.filter(label__in=answers).values_list("label_class")
    return SimpleNamespace(
        labelled=answers.values("sample").distinct().count(),
        settled=len(selectors.settled(question)),
        answers=answers.count(),
        classes=dict(named.annotate(n=Count("pk"))),
    )
