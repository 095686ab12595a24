"""The table of which question helps which, as the featuriser's page shows it."""

from typing import Any

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning.models import Helping
from labeller.projects.models import Project

KIND = "help"
WIDEST = 10  # points to either side of a picture of an interval


def ask(project: Project) -> Job:
    """Ask for a comparison of all questions; where one is pending already, that is the one."""
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project)


def shown(project: Project) -> dict[str, Any]:
    """The comparisons there are, what helps most first; and whether they are being made anew."""
    job = Job.objects.filter(kind=KIND, project=project, state__in=Job.OPEN).order_by("-pk").first()
    found = Helping.objects.filter(question__project=project, question__closing_at=None, helper__closing_at=None)
    return {
        "is_several": project.questions.count() > 1,
        "rows": [_row(each) for each in found.select_related("question", "helper").order_by("-loss_low", "pk")],
        "job": job,
    }


def _row(each: Helping) -> dict[str, Any]:
    gain, low, high = (100 * value for value in (each.joined - each.alone, each.low, each.high))
    x, end, at = (50 + 50 * max(-1.0, min(1.0, value / WIDEST)) for value in (low, high, gain))
    return {
        "question": each.question.text,
        "helper": each.helper.text,
        "n": each.n,
        "alone": round(100 * each.alone, 1),
        "joined": round(100 * each.joined, 1),
        "gain": f"{gain:+.1f}",
        "low": f"{low:+.1f}",
        "high": f"{high:+.1f}",
        "x": round(x, 1),
        "width": round(end - x, 1),
        "at": round(at, 1),
        "is_kept": each.companion_id is not None,
    }
