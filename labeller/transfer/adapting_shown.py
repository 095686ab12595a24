"""The ways to adapt a project's embeddings, as its page shows them: what each gained, and whether it is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.embedding import deriving
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.transfer.adapting import LEVELS, of_project
from labeller.transfer.models import AdaptingResult, OwnNetwork
from tl_core.adaptation import gains as measured

SHOWN = (measured.HEAD, measured.MATES, measured.TWINS)  # the first of these that was measured is the one to look at

# What each way is called and does, for people.
WORDS = {
    "autoencoder": (
        gettext_noop("Small autoencoder beside the network"),
        gettext_noop("A small network learns, layer by layer, to give the pictures back; its code is put beside."),
    ),
    "whitening": (
        gettext_noop("Whitening with shrinkage"),
        gettext_noop("Directions in which all pictures differ count no more than those in which few do."),
    ),
    "cameras": (
        gettext_noop("Without what cameras differ in"),
        gettext_noop("What tells the cameras apart, their place and lens, is taken out of the embeddings."),
    ),
    "agreement": (
        gettext_noop("Hidden layer, by agreement of twins"),
        gettext_noop("A further layer learns that a picture and an altered copy of it are the same (VICReg)."),
    ),
    "instances": (
        gettext_noop("Hidden layer, each picture a class"),
        gettext_noop("A further layer learns to tell every picture from all others, however it is altered (DIET)."),
    ),
    "batch-statistics": (
        gettext_noop("Batch statistics of these pictures"),
        gettext_noop("The network normalises by what is usual here, not by its training pictures (AdaBN)."),
    ),
    LEVELS: (
        gettext_noop("For comparison: its intermediate levels beside the last"),
        gettext_noop("Costs nothing and needs no adapting; on far domains it gained more than all of these."),
    ),
}


@dataclass(frozen=True)
class Line:
    """One way as the page shows it."""

    name: str
    title: str
    about: str
    result: AdaptingResult | None
    gains: list[dict[str, Any]]
    is_used: bool

    @property
    def can_be_used(self) -> bool:
        """Whether there is something kept that isn't in use yet."""
        return bool(self.result and self.result.made) and not self.is_used


@dataclass(frozen=True)
class Adapting:
    """What the page shows: the work under way, or that failed; each way; and what was compared with."""

    job: Job | None
    failed: Job | None
    lines: list[Line]
    levels: Line | None
    span: float

    @property
    def is_tried(self) -> bool:
        """Whether there is any figure to look at."""
        return any(line.gains for line in self.lines)


def shown(project: Project) -> Adapting:
    """What is under way, and of each way what is known of it."""
    job, failed = jobs.under_way_or_failed(of_project(project))
    results = {each.way: each for each in AdaptingResult.objects.filter(project=project).select_related("run")}
    kept = set(
        OwnNetwork.objects.filter(digest__in=[each.made for each in results.values()]).values_list("digest", flat=True)
    )
    for each in results.values():
        if each.is_network and each.made not in kept:
            each.made = ""  # somebody deleted the network since
    span = span_of(gain for each in results.values() for gain in each.report["gains"])
    lines = [_line(project, name, results.get(name), span) for name in WORDS]
    lines.sort(key=lambda line: -max((gain["difference"] for gain in line.gains[:1]), default=-1.0))
    levels = next(line for line in lines if line.name == LEVELS)
    return Adapting(
        job, failed, [line for line in lines if line is not levels], levels if levels.result else None, 100 * span
    )


def span_of(gains: Iterable[dict[str, Any]]) -> float:
    """How far the plot reaches on both sides of nothing: to the largest end of an interval, in steps of five points."""
    ends = [abs(gain[end]) for gain in gains for end in ("low", "high")]
    return float(max(0.05, np.ceil(20 * max(ends, default=0.05)) / 20))


def _line(project: Project, name: str, result: AdaptingResult | None, span: float) -> Line:
    title, about = WORDS[name]
    gains = [figures(each, span) for each in result.report["gains"]] if result else []
    gains.sort(key=lambda gain: [*SHOWN, measured.NEIGHBOURS].index(gain["measure"]))
    return Line(name, _(title), _(about), result, gains, bool(result and _is_used(project, result)))


def figures(gain: dict[str, Any], span: float) -> dict[str, Any]:
    """A gain in points, and where its bar is, in percent of the plot's width."""
    low, high, difference = gain["low"], gain["high"], gain["adapted"] - gain["base"]
    places = {
        key: round(50 + 50 * value / span, 1) for key, value in (("left", low), ("right", high), ("at", difference))
    }
    return {
        "measure": gain["measure"],
        "n": gain["n"],
        "difference": round(100 * difference, 1),
        "low": round(100 * low, 1),
        "high": round(100 * high, 1),
        "better": low > 0,
        "worse": high < 0,
        **places,
        "width": max(0.5, round(places["right"] - places["left"], 1)),
    }


def _is_used(project: Project, result: AdaptingResult) -> bool:
    """Whether the project learns from it, or, of what goes beside, whether it is embedded."""
    if not result.made:
        return False
    if result.is_network:
        if result.is_beside:
            return project.embedding_runs.filter(featuriser=result.spec, beside=result.run).exists()
        return project.featuriser == result.spec
    return project.featuriser == deriving.spec_of(result.run, result.made)
