"""Whether fine-tuning is worth it and how long it takes, told before anything is tuned; and what its page shows."""

from dataclasses import dataclass
from typing import Any

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning.models import Head
from labeller.projects.models import Project, Question
from labeller.transfer import gathering, tuning
from labeller.transfer.models import FineTuning, TuningPolicy
from tl_core.adaptation import planning
from tl_core.adaptation.worth import Evidence, Worth, worth

WIDTH, HEIGHT = 240, 80  # of the curve, in its own units


@dataclass(frozen=True)
class Foretold:
    """What to expect for one question."""

    question: Question
    answers: int
    worth: Worth
    gain: float  # percentage points
    minutes: int  # that the better way takes
    quick: int  # seconds that the quick one takes

    @property
    def is_worth_it(self) -> bool:
        return self.worth.verdict == "worth it"


@dataclass(frozen=True)
class Shown:
    """What a page shows of fine-tuning."""

    questions: list[Foretold]
    job: Job | None
    failed: Job | None
    under_way: FineTuning | None
    remaining: float | None  # seconds
    last: FineTuning | None
    results: list[dict[str, Any]]
    curve: dict[str, Any] | None
    policy: TuningPolicy | None
    is_in_use: bool
    is_wished: bool

    @property
    def remaining_minutes(self) -> int | None:
        """Rounded up."""
        return None if self.remaining is None else int(self.remaining // 60) + 1

    @property
    def took(self) -> int:
        """Minutes that the last one took, rounded up."""
        return int(self.last.report.get("seconds", 0) // 60) + 1 if self.last else 0

    @property
    def question(self) -> Foretold | None:
        """The one that is asked of first: for which it is worth most."""
        return max(self.questions, key=lambda each: (each.is_worth_it, each.answers), default=None)


def foretell(question: Question) -> Foretold:
    """What to expect of tuning the project's network on this question's answers now; reads a few rows."""
    counts = tallies.of(question)
    answers = min(counts.labelled, gathering.MOST)
    before = _tuned_with(question.project)
    heads = Head.objects.filter(question=question, is_full=True).exclude(cv_accuracy=None)
    if before is not None:  # on a tuned network, cross-validation tells too much: it has seen these labels
        heads = heads.filter(run__featuriser=before.base)
    head = heads.order_by("-version").first()
    evidence = Evidence(
        answers=counts.labelled,
        classes=max(2, len(head.class_ids) if head else 0),
        accuracy=head.cv_accuracy if head else None,
        tuned_with=before.report.get("labels", 0) if before else 0,
    )
    expected = worth(evidence)
    longest = planning.plan(planning.REFERENCE, answers, 1e9, mirrored=True)
    quick = planning.plan(planning.REFERENCE, answers, 1e9, mirrored=True, quick=True)
    return Foretold(
        question,
        counts.labelled,
        expected,
        round(100 * (expected.gain or 0.0), 1),
        max(1, round(longest.seconds / 60 + 0.5)),
        max(10, 10 * round(quick.seconds / 10)),
    )


def shown(project: Project) -> Shown:
    """All of it."""
    job, failed = jobs.under_way_or_failed(tuning.of_project(project))
    under_way = tuning.running(project) if job else None
    questions = [foretell(each) for each in project.questions.order_by("position", "pk")]
    last = project.tunings.exclude(finished_at=None).select_related("question").order_by("-pk").first()
    wished = {each.payload.get("spec") for each in _wishes(project)}
    return Shown(
        questions=questions,
        job=job,
        failed=failed,
        under_way=under_way,
        remaining=_remaining(under_way),
        last=last,
        results=_results(last) if last else [],
        curve=_curve((under_way or last).report) if under_way or last else None,  # type: ignore[union-attr]
        policy=TuningPolicy.objects.filter(project=project).first(),
        is_in_use=bool(last and last.spec and last.spec == project.featuriser),
        is_wished=bool(last and last.spec in wished),
    )


def _wishes(project: Project) -> Any:
    return Job.objects.filter(project=project, kind="switch", state__in=Job.OPEN)


def _tuned_with(project: Project) -> FineTuning | None:
    """What made the network in use, where it is a tuned one."""
    return project.tunings.filter(spec=project.featuriser).exclude(spec="").order_by("-pk").first()


def _remaining(under_way: FineTuning | None) -> float | None:
    if under_way is None or not under_way.report.get("share"):
        return None
    share, spent = under_way.report["share"], under_way.report["seconds"]
    planned = (under_way.report["plan"] or {}).get("seconds") or 0.0
    # What was planned counts at the beginning, what it took so far ever more.
    return float((1 - share) * ((1 - share) * planned + share * (spent / share) if planned else spent / share))


def _results(last: FineTuning) -> list[dict[str, Any]]:
    """Tuned and today's for each question, in percent."""
    return [
        {name: round(100 * each[name], 1) for name in ("tuned", "rival", "gain", "low", "high")} | {"n": each["n"]}
        for each in last.report.get("comparisons", [])
    ]


def _curve(report: dict[str, Any]) -> dict[str, Any] | None:
    """The share that is right on what is held out, epoch by epoch, as points of a line; None while there are none."""
    epochs = [each for each in report.get("curve", []) if each["accuracy"] is not None]
    if not epochs:
        epochs = [each for curve in report.get("curves", [])[:1] for each in curve if each["accuracy"] is not None]
    if not epochs:
        return None
    values = [each["accuracy"] for each in epochs]
    low, high = min(values), max(values)
    spread = max(high - low, 0.02)
    step = WIDTH / max(1, len(values) - 1)
    points = [(round(at * step, 1), round(HEIGHT * (high - value) / spread, 1)) for at, value in enumerate(values)]
    return {
        "points": " ".join(f"{x},{y}" for x, y in points),
        "dots": points,
        "epochs": len(values),
        "first": round(100 * values[0], 1),
        "best": round(100 * high, 1),
        "view_width": WIDTH + 8,
        "view_height": HEIGHT + 8,
    }
