"""Adapting embeddings to the pool without labels: tried by a job of the queue `tune`, kept where it helps, and shown.

Each way is judged in pairs with the network it was made from. Of what doesn't help nothing is kept but the figures. A
map of vectors is kept beside the embeddings it was fitted on, an adapted network among the site's own; what is made of
the pool by either is a run as any other.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.codes import WorkerCode
from labeller.embedding import deriving, runs, tidying
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import asking
from labeller.projects.models import Project
from labeller.transfer import networks, preparing, sampling, switching
from labeller.transfer.models import AdaptingResult, OwnNetwork
from labeller.transfer.preparing import Prepared, Steps
from tl_core import threads
from tl_core.adaptation import base as ways
from tl_core.adaptation import gains as measured
from tl_core.adaptation import ways as _registered  # noqa: F401 - makes them known
from tl_core.adaptation.base import CannotAdapt, Way
from tl_core.adaptation.gains import Gain, Views
from tl_core.featurisers.cards import PREFIX
from tl_core.notices import Notice, notice

KIND = "adapt"
LEVELS = "levels"  # no way of these, but what each is compared with
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


# --- asking ---------------------------------------------------------------------------------------


def ask(project: Project, names: Collection[str] = ()) -> Job:
    """Have these ways tried, or all, as soon as the worker for such things is free."""
    payload = {"ways": list(names) or [way.name for way in ways.ways()]}
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project, payload=payload)


def cancel(project: Project) -> None:
    """Stop trying; what was found out before stays."""
    jobs.cancel(_jobs(project))


def _jobs(project: Project) -> Any:
    return Job.objects.filter(project=project, kind=KIND)


def use(result: AdaptingResult) -> Job:
    """Have the project learn from what this way makes of the pool, once that is embedded.

    What goes beside the network is embedded as well; then each question weighs it, by evidence.
    """
    if result.is_beside:
        payload = {"beside": f"{PREFIX}{result.made}", "run": result.run_id}
        return jobs.enqueue(KIND, key=_key_of_beside(result), project=result.project, payload=payload)
    if result.is_network:
        return switching.ask(result.project, spec=f"{PREFIX}{result.made}")
    return switching.ask(result.project, run=deriving.start(result.run, result.made, result.dimension))


def leave(result: AdaptingResult) -> Job:
    """Delete what was embedded beside the network by what this way made."""
    jobs.cancel(_jobs(result.project).filter(key=_key_of_beside(result)))
    payload = {"leave": f"{PREFIX}{result.made}"}
    return jobs.enqueue(KIND, key=_key_of_beside(result), project=result.project, payload=payload)


def _key_of_beside(result: AdaptingResult) -> str:
    return f"beside:{result.project_id}:{result.way}"


# --- trying ---------------------------------------------------------------------------------------


def adapt(progress: jobs.Progress) -> None:
    """Try the ways that the job names, or embed by what goes beside. Done twice it comes to the same."""
    payload = progress.job.payload
    if "beside" in payload:
        _put_beside(progress, EmbeddingRun.objects.get(pk=payload["run"]), payload["beside"])
    elif "leave" in payload:
        _leave(progress.project, payload["leave"])
    else:
        try_ways(progress.project, payload["ways"], progress)


def _put_beside(progress: jobs.Progress, base: EmbeddingRun, spec: str) -> None:
    """Embed the pool by that network, too; then have each question weigh it. Raises NotEmbedded until it is."""
    run = runs.run_of(progress.project, spec)
    EmbeddingRun.objects.filter(pk=run.pk, beside=None).update(beside=base)
    if not (run.shards.exists() or runs.shard_jobs(run).exists()):
        runs.resume(run)
    switching.wait_for(run, progress)
    _weigh_anew(progress.project)


def _leave(project: Project, spec: str) -> None:
    """Delete what was embedded beside the network; what heads see is chosen anew."""
    for run in project.embedding_runs.filter(featuriser=spec).exclude(beside=None):
        tidying.remove(run)
    _weigh_anew(project)


def _weigh_anew(project: Project) -> None:
    for question in project.questions.all():
        asking.request_retrain(question)


def base_of(project: Project) -> EmbeddingRun:
    """The run of the network itself: what is in use, or what that is derived from. Raises as `runs.current_run`."""
    run = runs.current_run(project)
    while run.base is not None:
        run = run.base
    return run


def try_ways(project: Project, names: Collection[str], tell: Callable[..., None]) -> list[AdaptingResult]:
    """Fit each way on some of the pool, judge it, and keep the figures, and what was fitted where it helps.

    Raises NothingToAdapt where too little is embedded.
    """
    chosen = [ways.get(name) for name in names]
    run = base_of(project)
    rng = np.random.default_rng(project.pk)
    steps = Steps(tell, preparing.STEPS + len(chosen))
    prepared = preparing.prepare(run, sampling.question_of(project), rng, steps)
    if prepared.levels is not None:
        _keep(run, LEVELS, _judged(prepared, prepared.levels, beside=True), prepared)
    results = []
    for number, way in enumerate(chosen, 1):
        steps.begin(notice(WorkerCode.ADAPTING, n=number, wanted=len(chosen)))
        results.append(_tried(way, run, prepared, steps))
    steps(1)
    return results


def _tried(way: Way, run: EmbeddingRun, prepared: Prepared, steps: Steps) -> AdaptingResult:
    """Fit, judge and keep. Whoever lost the job keeps nothing: the last report before writing says so."""
    started = time.monotonic()
    if not way.needs <= prepared.pool.knows:
        return _keep(run, way.name, [], prepared, reason=notice(WorkerCode.NOTHING_KNOWN))
    rng = np.random.default_rng(run.pk)
    try:
        with threads.single():
            fitted: Any = way.fit(prepared.pool, rng, steps)
    except CannotAdapt as refusal:
        return _keep(run, way.name, [], prepared, reason=refusal.reason)
    if way.is_network:
        views = prepared.seen_by(fitted, steps)
    else:
        views = Views(fitted.apply(prepared.base.vectors), fitted.apply(prepared.base.twins))
    gains = _judged(prepared, views, beside=way.beside)
    steps(1)
    made = _made(way, run, fitted, gains) if measured.helps(gains) else ""
    seconds = time.monotonic() - started
    return _keep(run, way.name, gains, prepared, made=made, dimension=fitted.dimension, seconds=seconds)


def _made(way: Way, run: EmbeddingRun, fitted: Any, gains: list[Gain]) -> str:
    """Keep what was fitted; returns what it is found by."""
    if not way.is_network:
        return deriving.keep(run, fitted)
    card = replace(
        fitted.card,
        name=f"{run.project.name}: {fitted.card.name}",
        figures={each.measure: [round(each.base, 4), round(each.adapted, 4)] for each in gains},
    )
    return networks.keep(replace(fitted, card=card).save(runs.networks())).digest


def _judged(prepared: Prepared, views: Views, *, beside: bool) -> list[Gain]:
    # The same folds and resamples for every way.
    with threads.single():
        return measured.judge(prepared.base, views, prepared.known, np.random.default_rng(0), beside=beside)


def _keep(
    run: EmbeddingRun,
    name: str,
    gains: list[Gain],
    prepared: Prepared,
    *,
    made: str = "",
    dimension: int = 0,
    seconds: float = 0.0,
    reason: Notice | None = None,
) -> AdaptingResult:
    """The row of what came of it, in place of an earlier one."""
    way = None if name == LEVELS else ways.get(name)
    report = {
        "gains": [
            {key: round(value, 4) if key != "measure" else value for key, value in asdict(each).items()}
            for each in gains
        ],
        "labelled": prepared.drawn.is_labelled,
        "n": len(prepared.drawn.ids),
        "seconds": round(seconds, 1),
        "reason": asdict(reason) if reason else None,
    }
    earlier = AdaptingResult.objects.filter(project=run.project, way=name).exclude(made=made).first()
    result, _is_new = AdaptingResult.objects.update_or_create(
        project=run.project,
        way=name,
        defaults={
            "run": run,
            "report": report,
            "made": made,
            "dimension": dimension,
            "is_network": bool(way and way.is_network),
            "is_beside": bool(way and way.beside),
        },
    )
    if earlier is not None:
        _forget(earlier)
    return result


def _forget(earlier: AdaptingResult) -> None:
    """Delete a map that a newer fit takes the place of, where no run is made by it. Networks are listed, and kept."""
    if earlier.made and not earlier.is_network and not EmbeddingRun.objects.filter(adaptation=earlier.made).exists():
        deriving.forget(earlier.run, earlier.made)


# --- showing --------------------------------------------------------------------------------------


def shown(project: Project) -> Adapting:
    """What is under way, and of each way what is known of it."""
    job = _jobs(project).filter(state__in=runs.OPEN).order_by("-pk").first()
    last = _jobs(project).order_by("-pk").first()
    failed = last if last and last.state == Job.State.FAILED else None
    results = {each.way: each for each in AdaptingResult.objects.filter(project=project).select_related("run")}
    kept = set(
        OwnNetwork.objects.filter(digest__in=[each.made for each in results.values()]).values_list("digest", flat=True)
    )
    for each in results.values():
        if each.is_network and each.made not in kept:
            each.made = ""  # somebody deleted the network since
    span = _span(results.values())
    lines = [_line(project, name, results.get(name), span) for name in WORDS]
    lines.sort(key=lambda line: -max((gain["difference"] for gain in line.gains[:1]), default=-1.0))
    levels = next(line for line in lines if line.name == LEVELS)
    return Adapting(
        job, failed, [line for line in lines if line is not levels], levels if levels.result else None, 100 * span
    )


def _span(results: Collection[AdaptingResult]) -> float:
    """How far the plot reaches on both sides of nothing: to the largest end of an interval, in steps of five points."""
    ends = [abs(gain[end]) for each in results for gain in each.report["gains"] for end in ("low", "high")]
    return float(max(0.05, np.ceil(20 * max(ends, default=0.05)) / 20))


def _line(project: Project, name: str, result: AdaptingResult | None, span: float) -> Line:
    title, about = WORDS[name]
    gains = [_gain(each, span) for each in result.report["gains"]] if result else []
    gains.sort(key=lambda gain: [*SHOWN, measured.NEIGHBOURS].index(gain["measure"]))
    return Line(name, _(title), _(about), result, gains, bool(result and _is_used(project, result)))


def _gain(gain: dict[str, Any], span: float) -> dict[str, Any]:
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
        spec = f"{PREFIX}{result.made}"
        if result.is_beside:
            return project.embedding_runs.filter(featuriser=spec, beside=result.run).exists()
        return project.featuriser == spec
    return project.featuriser == deriving.spec_of(result.run, result.made)
