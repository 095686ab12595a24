"""Adapting embeddings to the pool without labels: tried by a job of the queue `tune`, kept where it helps, and shown.

Each way is judged in pairs with the network it was made from. Of what doesn't help nothing is kept but the figures. A
map of vectors is kept beside the embeddings it was fitted on, an adapted network among the site's own; what is made of
the pool by either is a run as any other.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from labeller.codes import WorkerCode
from labeller.embedding import deriving, runs, tidying
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import asking
from labeller.projects.models import Project
from labeller.transfer import networks, preparing, sampling, switching
from labeller.transfer.models import AdaptingResult
from labeller.transfer.preparing import Prepared, Steps
from tl_core import threads
from tl_core.adaptation import base as ways
from tl_core.adaptation import gains as measured
from tl_core.adaptation import ways as _registered  # noqa: F401 - makes them known
from tl_core.adaptation.base import CannotAdapt, Way
from tl_core.adaptation.gains import Gain, Views
from tl_core.notices import Notice, notice

KIND = "adapt"
LEVELS = "levels"  # no way of these, but what each is compared with


# --- asking ---------------------------------------------------------------------------------------


def ask(project: Project, names: Collection[str] = ()) -> Job:
    """Have these ways tried, or all, as soon as the worker for such things is free."""
    payload = {"ways": list(names) or [way.name for way in ways.ways()]}
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project, payload=payload)


def cancel(project: Project) -> None:
    """Stop trying; what was found out before stays."""
    jobs.cancel(of_project(project))


def of_project(project: Project) -> Any:
    """Its jobs of this kind."""
    return Job.objects.filter(project=project, kind=KIND)


def use(result: AdaptingResult) -> Job:
    """Have the project learn from what this way makes of the pool, once that is embedded.

    What goes beside the network is embedded as well; then each question weighs it, by evidence.
    """
    if result.is_beside:
        payload = {"beside": result.spec, "run": result.run_id}
        return jobs.enqueue(KIND, key=_key_of_beside(result), project=result.project, payload=payload)
    if result.is_network:
        return switching.ask(result.project, spec=result.spec)
    return switching.ask(result.project, run=deriving.start(result.run, result.made, result.dimension))


def leave(result: AdaptingResult) -> Job:
    """Delete what was embedded beside the network by what this way made."""
    jobs.cancel(of_project(result.project).filter(key=_key_of_beside(result)))
    payload = {"leave": result.spec}
    return jobs.enqueue(KIND, key=_key_of_beside(result), project=result.project, payload=payload)


def _key_of_beside(result: AdaptingResult) -> str:
    return f"beside:{result.project_id}:{result.way}"


# --- trying ---------------------------------------------------------------------------------------


def adapt(progress: jobs.Progress) -> None:
    """Try the ways that the job names, or embed by what goes beside. Done twice it comes to the same."""
    payload = progress.job.payload
    if "beside" in payload:
        _put_beside(progress, payload["beside"])
    elif "leave" in payload:
        _leave(progress.project, payload["leave"])
    else:
        try_ways(progress.project, payload["ways"], progress)


def _put_beside(progress: jobs.Progress, spec: str) -> None:
    """Embed the pool by that network, too; then have each question weigh it. Raises NotEmbedded until it is."""
    base = _stood_beside(progress)
    if base.featuriser == spec:
        return  # somebody chose it meanwhile to learn from
    run = runs.run_of(progress.project, spec, beside=base)
    EmbeddingRun.objects.filter(pk=run.pk, beside=None).update(beside=base)
    if not (run.shards.exists() or runs.shard_jobs(run).exists()):
        runs.resume(run)
    switching.wait_for(run, progress)
    if progress.project.kind == Project.Kind.TEXT:  # of what was trained on the texts the latest alone
        for older in base.companions.filter(featuriser__startswith=f"{spec.partition('/')[0]}/").exclude(pk=run.pk):
            tidying.remove(older)
    _weigh_anew(progress.project)


def _stood_beside(progress: jobs.Progress) -> EmbeddingRun:
    """The run that it goes beside: of pictures its network's, of texts what is in use, which is fitted now and then."""
    if progress.project.kind == Project.Kind.TEXT:
        return runs.current_run(Project.objects.get(pk=progress.project.pk))
    return EmbeddingRun.objects.get(pk=progress.job.payload["run"])


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
        "gains": rounded(gains),
        "labelled": prepared.drawn.is_labelled,
        "n": len(prepared.drawn.ids),
        "seconds": round(seconds, 1),
        "reason": asdict(reason) if reason else None,
    }
    fields = {
        "run": run,
        "report": report,
        "made": made,
        "dimension": dimension,
        "is_network": bool(way and way.is_network),
        "is_beside": bool(way and way.beside),
    }
    earlier = AdaptingResult.objects.filter(project=run.project, way=name).exclude(made=made).first()
    result, _is_new = AdaptingResult.objects.update_or_create(project=run.project, way=name, defaults=fields)
    if earlier is not None:
        _forget(earlier)
    return result


def _forget(earlier: AdaptingResult) -> None:
    """Delete a map that a newer fit takes the place of, where no run is made by it. Networks are listed, and kept."""
    if earlier.made and not earlier.is_network and not EmbeddingRun.objects.filter(adaptation=earlier.made).exists():
        deriving.forget(earlier.run, earlier.made)


def rounded(gains: list[Gain]) -> list[dict[str, Any]]:
    """Gains as a row keeps them."""
    return [
        {key: round(value, 4) if key != "measure" else value for key, value in asdict(each).items()} for each in gains
    ]
