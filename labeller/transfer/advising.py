"""Which featuriser serves a project: asked for, measured by a job of the queue `tune`, kept, and shown."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from labeller.codes import WorkerCode
from labeller.embedding import computing, runs
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import Explained
from labeller.projects.models import Project
from labeller.samples.models import Sample
from labeller.transfer import candidates, judging, sampling, trying
from labeller.transfer.models import Advice
from labeller.transfer.trying import Tell
from tl_core import threads
from tl_core.notices import notice

KIND = "advise"
SAMPLES = 3000
KEPT = 5  # pieces of advice of a project: older ones are of other labels


class NothingToTry(Explained):
    """No picture of the project could be looked at."""


@dataclass(frozen=True)
class Advising:
    """What a page shows of it."""

    job: Job | None
    failed: Job | None
    advice: Advice | None
    lines: list[dict[str, Any]]
    pictures: list[dict[str, Any]]
    chance: float | None
    samples: int


# --- asking ---------------------------------------------------------------------------------------


def ask(project: Project, samples: int = SAMPLES) -> Job:
    """Have it measured, as soon as the worker for such things is free."""
    payload = {"samples": samples}
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project, payload=payload, total=samples)


def cancel(project: Project) -> None:
    """Stop measuring; what was advised before stays."""
    jobs.cancel(_jobs(project))


def _jobs(project: Project) -> Any:
    return Job.objects.filter(project=project, kind=KIND)


# --- measuring ------------------------------------------------------------------------------------


def advise(progress: jobs.Progress) -> None:
    """Measure, and keep what came out. Done twice it is measured twice, and the newer counts."""
    measure(progress.project, progress.job.payload.get("samples", SAMPLES), progress)


def measure(project: Project, samples: int, tell: Tell) -> Advice:
    """Try every network at hand on some of the project's pictures and keep what came out.

    Raises NothingToTry where there are no pictures that can be read.
    """
    started = time.monotonic()
    question = sampling.question_of(project)
    rng = np.random.default_rng(project.pk)
    drawn = sampling.draw(project, question, samples, rng)
    if len(drawn.ids) < 2:
        raise NothingToTry(notice(WorkerCode.NOTHING_TO_TRY))
    tried, missing = candidates.of(project, lambda spec: computing.runtime(spec, settings.DEVICE))
    found = trying.compute(drawn, tried, tell)
    if len(found.drawn.ids) < 2:
        raise NothingToTry(notice(WorkerCode.NOTHING_TO_TRY))
    tell(samples, samples, notice(WorkerCode.COMPARING), now=True)
    with threads.single():
        report = judging.report(project, tried, missing, found, rng)
    tell(samples, samples, notice(WorkerCode.COMPARING), now=True)  # whoever lost the job keeps nothing
    by = question if drawn.is_labelled else None
    advice = Advice.objects.create(project=project, question=by, report=report, seconds=time.monotonic() - started)
    old = project.advice.order_by("-pk").values_list("pk", flat=True)[KEPT:]
    project.advice.filter(pk__in=list(old)).delete()
    return advice


# --- showing --------------------------------------------------------------------------------------


def newest(project: Project) -> Advice | None:
    """The last advice."""
    return project.advice.order_by("-pk").select_related("question").first()


def shown(project: Project) -> Advising:
    """What is under way, and the last advice with what its page needs besides."""
    job, failed = jobs.under_way_or_failed(_jobs(project))
    advice = newest(project)
    if failed and advice and failed.finished_at and advice.created_at > failed.finished_at:
        failed = None
    return Advising(
        job=job,
        failed=failed,
        advice=advice,
        lines=_lines(project, advice.report) if advice else [],
        pictures=_pictures(project, advice.report) if advice else [],
        chance=round(100 / advice.report["classes"], 1) if advice and advice.report["labelled"] else None,
        samples=SAMPLES,
    )


def _lines(project: Project, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The table, the best first, in percent."""
    lines = []
    has_levels = runs.has_levels(project)
    for at, line in enumerate(report["candidates"]):
        percent = {
            f"{name}_percent": round(100 * value, 1)
            for name in ("behind", "behind_low", "behind_high", "neighbours", "twins", "mates")
            if (value := line.get(name)) is not None
        }
        low, high, value = (round(100 * line[name], 1) for name in ("low", "high", "score"))
        of_project = {
            "number": at,
            "is_pick": at == report["pick"],
            "is_in_use": (
                line["is_trained"] and line["spec"] == project.featuriser and (has_levels or not line["levels"])
            ),
            "bar": {"low": low, "high": high, "width": max(0.5, round(high - low, 1)), "value": value},
        }
        lines.append({**line, **percent, **of_project})
    return sorted(lines, key=lambda line: -line["score"])


def _pictures(project: Project, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The neighbours to look at, of the samples that are still there."""
    wanted = {pk for row in report["pictures"] for pk in _samples_of(row)}
    there = set(Sample.objects.filter(project=project, pk__in=wanted).values_list("pk", flat=True))
    return [
        {
            "sample": row["sample"],
            "near": [
                {
                    "line": report["candidates"][position],
                    "samples": [{"id": pk, "same": same} for pk, same in near if pk in there],
                }
                for position, near in zip(report["shown"], row["near"], strict=True)
            ],
        }
        for row in report["pictures"]
        if row["sample"] in there
    ]


def _samples_of(row: dict[str, Any]) -> list[int]:
    return [row["sample"], *(pk for near in row["near"] for pk, _ in near)]


def chosen(project: Project, advice_id: int, number: int) -> dict[str, Any] | None:
    """A line of the last advice that can be used: its featuriser's spec, or a run's id. None where there is none."""
    advice = newest(project)
    lines = advice.report["candidates"] if advice and advice.pk == advice_id else []
    if number >= len(lines) or not lines[number]["is_trained"]:
        return None
    line: dict[str, Any] = lines[number]
    return line
