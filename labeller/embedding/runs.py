"""Embedding runs: what is missing becomes one job a shard, which any number of workers share.

A shard counts as embedded when its row is there, and the row is written after the file. So whatever dies, the rows say
what is left to do, and doing a shard twice writes the same file again.
"""

import functools
import importlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max
from django.utils import timezone

from labeller.codes import WorkerCode
from labeller.embedding import text_featurisers
from labeller.embedding.models import EmbeddingRun, GivenUpShard
from labeller.embedding.signals import embeddings_changed
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.projects.models import Project
from labeller.samples.models import Sample, TableReading
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.spec import with_option
from tl_core.notices import notice
from tl_core.store import storage
from tl_core.store.embeddings import EmbeddingStore, Shard
from tl_core.store.shards import StoreCorrupt

if TYPE_CHECKING:
    from tl_core.featurisers.base import Featuriser
    from tl_core.texts.base import TextFeaturiser

log = logging.getLogger(__name__)

State = EmbeddingRun.State
# What a derived run's featuriser ends in: how it is made from the run that is named before it.
WHITEN, ADAPT, FORESEE = ",whiten=", ",adapt=", ",foresee="
LEVELS = "levels"  # the output of a network that is kept beside its last layer
FIRST_PAUSE = timedelta(minutes=1)  # before a shard that was given up is tried again, ten times as long each time
LONGEST_PAUSE = timedelta(days=1)


# --- runs -----------------------------------------------------------------------------------------


def current_run(project: Project) -> EmbeddingRun:
    """The embedding run that the project learns from, made where it is missing.

    Raises FeaturiserUnavailable where the featuriser's weights can't be had here, NotFitted where texts come first.
    """
    if project.kind == Project.Kind.TEXT and text_featurisers.unfitted(project.featuriser):
        raise NotFitted(notice(WorkerCode.TEXTS_FIRST))
    if is_derived(project.featuriser) and (run := EmbeddingRun.in_use(project)):
        return run  # made by deriving.start, before the project could choose it
    return run_of(project, project.featuriser)


class NotFitted(jobs.Postponed):
    """What the project learns from is to be fitted to its texts first."""

    seconds = 5.0


def is_derived(spec: str) -> bool:
    """Whether a run of that featuriser is made from another run's embeddings."""
    return WHITEN in spec or ADAPT in spec or FORESEE in spec


def underived(spec: str) -> str:
    """The featuriser that computes what such a run is made from."""
    return spec.split(WHITEN)[0].split(ADAPT)[0].split(FORESEE)[0]


@functools.cache
def import_own() -> None:
    """Import the modules that register featurisers of this site's own (FEATURISERS), once a process."""
    for name in settings.FEATURISERS:
        importlib.import_module(name)


def featuriser_of(project: Project, spec: str) -> "Featuriser | TextFeaturiser":
    """The featuriser of pictures, or of texts, that the spec means. Raises as `featurisers.get` does."""
    import_own()
    return text_featurisers.loaded(spec) if project.kind == Project.Kind.TEXT else featurisers.get(spec)


def run_of(project: Project, spec: str, *, beside: EmbeddingRun | None = None) -> EmbeddingRun:
    """The project's run of that featuriser, made where it is missing: beside another one, where that is said.

    Raises as `featuriser_of` does.
    """
    featuriser = featuriser_of(project, spec)
    run, is_new = EmbeddingRun.objects.get_or_create(
        project=project,
        fingerprint=featuriser.fingerprint,
        defaults={
            "featuriser": featuriser.name,
            "dimension": featuriser.dimension,
            "beside": beside,
            "fitted_on": getattr(featuriser, "fitted_on", 0),  # of texts alone, and where it says so itself
        },
    )
    # Whoever died after the run was made has not made its companion; one that has embeddings is left as it is.
    if run.beside_id is None and project.keeps_levels and (is_new or not run.shards.exists()):
        accompany(run)
    if is_new:  # other weights, or another preprocessing, under the same name: what was made before is not continued
        for superseded in project.embedding_runs.filter(featuriser=run.featuriser).exclude(pk=run.pk):
            cancel(superseded)
    return run


def accompany(run: EmbeddingRun) -> EmbeddingRun | None:
    """The run beside this one, made where missing; None where it has none.

    Beside a network it is of its intermediate levels, beside what was fitted to texts of an encoder.
    """
    if is_derived(run.featuriser):
        return None
    try:
        spec = _beside(run)
        if not spec:
            return None
        featuriser = featuriser_of(run.project, spec)
    except (FeaturiserUnavailable, KeyError, ValueError):
        return None  # not a network, cut elsewhere, or not to be traced
    companion, _ = EmbeddingRun.objects.get_or_create(
        project=run.project,
        fingerprint=featuriser.fingerprint,
        defaults={"featuriser": featuriser.name, "dimension": featuriser.dimension, "beside": run},
    )
    return companion


def _beside(run: EmbeddingRun) -> str:
    if run.project.kind == Project.Kind.TEXT:
        return text_featurisers.companion(run.project, run.featuriser)
    return with_option(run.featuriser, "output", LEVELS)


def has_levels(project: Project) -> bool:
    """Whether levels are embedded beside what the project learns from."""
    run = EmbeddingRun.in_use(project)
    return run is not None and run.companions.filter(base=None, state=State.ACTIVE).exists()


def in_one_pass(run: EmbeddingRun) -> bool:
    """Whether the jobs of the run that this one is beside embed it, too."""
    if run.beside is None or is_derived(run.beside.featuriser):
        return False
    if run.project.kind == Project.Kind.TEXT:
        return False
    return run.featuriser == with_option(run.beside.featuriser, "output", LEVELS)


def passed_with(run: EmbeddingRun) -> EmbeddingRun | None:
    """The companion that this run's jobs embed in the same pass, where there is one at work."""
    companions = run.companions.filter(state=State.ACTIVE).select_related("beside")
    return next((each for each in companions if in_one_pass(each)), None)


def spec_of_pass(run: EmbeddingRun) -> str:
    """The featuriser whose pass gives all that a run's jobs embed."""
    return run.featuriser if passed_with(run) is None else with_option(run.featuriser, "output", "both")


def dimension_of_pass(run: EmbeddingRun) -> int:
    """How many numbers that pass gives."""
    companion = passed_with(run)
    return run.dimension + (companion.dimension if companion else 0)


def store(run: EmbeddingRun) -> EmbeddingStore:
    """Where this run's embeddings lie. What is only weighed beside others is kept in half the bytes."""
    dtype: Literal["float16", "float32"] = "float32" if run.beside_id is None else "float16"
    return EmbeddingStore(root().child(f"project-{run.project_id}"), run.fingerprint, run.dimension, dtype=dtype)


def root() -> storage.Storage:
    """Where the embeddings of all projects lie, a folder a project and in it one a fingerprint."""
    return storage.at(settings.EMBEDDINGS, settings.CACHE / "embeddings")


def networks() -> storage.Storage:
    """Where networks of this site's own lie."""
    return storage.at(settings.NETWORKS, settings.CACHE / "networks")


def shards(run: EmbeddingRun) -> list[Shard]:
    """The finished shards, in the order of their numbers."""
    rows = run.shards.order_by("number").values_list("number", "embedded", "failed", "sha256")
    return [Shard(number, embedded + failed, sha256) for number, embedded, failed, sha256 in rows]


def pause(run: EmbeddingRun) -> None:
    """Let the shards in hand be finished, and begin no other."""
    _halt(run, State.PAUSED, [Job.State.QUEUED])


def cancel(run: EmbeddingRun) -> None:
    """Stop at once: workers let go of the shards in hand. What is embedded stays."""
    _halt(run, State.CANCELLED, Job.OPEN)


def _halt(run: EmbeddingRun, state: str, job_states: Any) -> None:
    with transaction.atomic():
        for each in [run, *run.companions.all()]:
            EmbeddingRun.objects.filter(pk=each.pk).update(state=state)
            jobs.cancel(shard_jobs(each).filter(state__in=job_states))


def resume(run: EmbeddingRun) -> int:
    """Go on with whatever is missing; returns how many shards that is. Also repairs: what failed is tried again."""
    with transaction.atomic():
        EmbeddingRun.objects.filter(pk=run.pk).update(state=State.ACTIVE)
        # What is in use first: with it people can begin, and an encoder beside it may take an hour for a million texts.
        queued = enqueue(run, missing(run))
        for companion in run.companions.select_related("beside"):
            EmbeddingRun.objects.filter(pk=companion.pk).update(state=State.ACTIVE)
            enqueue(companion, missing(companion))
        return queued


class Repairing(jobs.Postponed):
    """Shards turned out to be damaged and are embedded again: what needs them waits."""

    seconds = 5.0


def repair(run: EmbeddingRun) -> int:
    """Forget the shards whose files are gone or damaged and queue them again; returns how many."""
    files = store(run)
    damaged = []
    for shard in shards(run):
        try:
            files.read_shard(shard.number, sha256=shard.sha256)
        except (StoreCorrupt, FileNotFoundError) as error:
            log.error("shard %d of %s is embedded again: %s", shard.number, run, error)
            damaged.append(shard.number)
    with transaction.atomic():
        run.shards.filter(number__in=damaged).delete()
        enqueue(run, {number: count for number, count in missing(run).items() if number in damaged})
    return len(damaged)


# --- jobs -----------------------------------------------------------------------------------------


def shard_jobs(run: EmbeddingRun) -> Any:
    return Job.objects.filter(project=run.project_id, kind="embed", key__startswith=f"run:{run.pk}:")


def missing(run: EmbeddingRun) -> dict[int, int]:
    """Shards without embeddings that nobody is at work on: {number: samples}, in the order they are needed."""
    known = run.shards.values_list("number", flat=True)
    open_keys = set(shard_jobs(run).filter(state__in=Job.OPEN).values_list("key", flat=True))
    counts = Sample.objects.filter(project=run.project_id).values_list("shard").annotate(n=Count("pk"))
    for first, end in _being_read(run.project_id):
        counts = counts.exclude(shard__gte=first, shard__lt=end)
    if run.beside is not None and in_one_pass(run):  # what that one lacks comes with it
        counts = counts.filter(shard__in=run.beside.shards.values("number"))
    return {
        number: count
        for number, count in counts.exclude(shard__in=known).order_by("shard")
        if _key(run, number) not in open_keys
    }


def _being_read(project_id: int) -> list[tuple[int, int]]:
    """Shards that rows of tables are still written to: the first, and the one after the last."""
    open_shards = TableReading.objects.filter(source__project=project_id, total__isnull=False).annotate(
        first=F("first_shard") + F("announced"), end=F("first_shard") + F("shards")
    )
    return list(open_shards.values_list("first", "end"))


def _key(run: EmbeddingRun, number: int) -> str:
    return f"run:{run.pk}:shard:{number}"


def enqueue(run: EmbeddingRun, counts: dict[int, int]) -> int:
    """One job for each of these shards; returns how many."""
    # Ascending: a shard is spread over the whole folder, and the first ones are looked at first.
    for number, count in sorted(counts.items()):
        payload = {"run": run.pk, "shard": number}
        jobs.enqueue("embed", key=_key(run, number), project=run.project, payload=payload, total=count)
    return len(counts)


def adopt_shard(sender: Any, *, project: Project, shard: int, count: int, **kwargs: Any) -> None:
    """A shard was imported: embed it in every active run. Where there is no run yet, a worker makes the first one."""
    runs = list(project.embedding_runs.select_related("beside").order_by("pk"))
    for run in runs:
        if run.state == State.ACTIVE and not in_one_pass(run):
            enqueue(run, {shard: count})
    if not runs:
        jobs.enqueue("plan", key=f"project:{project.pk}", project=project)
    elif project.kind == Project.Kind.TEXT:
        fit_again(project)


def fit_again(project: Project) -> None:
    """Ask for what was fitted to the texts to be fitted anew, where they have doubled since."""
    run = EmbeddingRun.in_use(project)
    if run is None or not text_featurisers.is_fitted_by_itself(run.featuriser):
        return
    if run.fitted_on and tallies.samples(project) >= 2 * run.fitted_on:
        ask_for_fit(project, delay=10.0)


def ask_for_fit(project: Project, *, delay: float = 0.0) -> None:
    """Have the project's featuriser fitted to its texts: transfer/fitting_texts.py."""
    jobs.enqueue("fit", key=f"project:{project.pk}", project=project, delay=delay)


def embed_again(sender: Any, *, project: Project, shard: int, count: int, **kwargs: Any) -> None:
    """Pictures of a shard changed: embed it anew in every run. Until then the old embeddings serve, where they can."""
    for run in project.embedding_runs.select_related("beside").order_by("pk"):  # before what is derived its base
        # Derived ones must not be made from the old ones, and a halted run has only its rows to remember it by.
        if run.state != State.ACTIVE or run.base_id or run.derived.exists():
            run.shards.filter(number=shard).delete()
        if run.state == State.ACTIVE and not in_one_pass(run):
            enqueue(run, {shard: count})


def retry_missing() -> int:
    """Periodic: queue again what is missing without anybody being at work on it.

    That heals what was lost in any way. A shard that was given up after several attempts waits longer each time.
    """
    queued = 0
    active = EmbeddingRun.objects.filter(state=State.ACTIVE, project__closing_at=None)
    for run in active.select_related("project", "beside").order_by("pk"):
        last = Sample.objects.filter(project=run.project_id).aggregate(last=Max("shard"))["last"]
        if last is None or run.shards.count() > last:
            continue
        gone = missing(run)
        waiting = _given_up(run) if gone else set()
        queued += enqueue(run, {number: n for number, n in gone.items() if _key(run, number) not in waiting})
    return queued


def _given_up(run: EmbeddingRun) -> set[str]:
    """Keys of shards whose last failure is too recent to try again."""
    now = timezone.now()
    return {
        _key(run, number)
        for number, times, last in run.given_up.values_list("number", "times", "last_at")
        if now < last + min(FIRST_PAUSE * 10 ** (min(times, 9) - 1), LONGEST_PAUSE)
    }


def note_given_up(sender: Any, *, job: Job, **kwargs: Any) -> None:
    """Remember a shard that could not be embedded. Runs inside the transaction that gives its job up."""
    if job.kind != "embed":
        return
    payload, now = job.payload, timezone.now()
    for run in EmbeddingRun.objects.filter(pk=payload["run"]):
        row, is_new = GivenUpShard.objects.get_or_create(run=run, number=payload["shard"], defaults={"last_at": now})
        if not is_new:
            GivenUpShard.objects.filter(pk=row.pk).update(times=F("times") + 1, last_at=now)


# --- choosing -------------------------------------------------------------------------------------


def use(run: EmbeddingRun) -> None:
    """Let the project learn from this run from now on."""
    with transaction.atomic():
        Project.objects.filter(pk=run.project_id).update(featuriser=run.featuriser)
        if run.fitted_on:  # what stands beside an older fit of the same texts goes on beside this one
            others = EmbeddingRun.objects.filter(project=run.project_id, beside__fitted_on__gt=0, base=None)
            others.exclude(pk=run.pk).update(beside=run)
        embeddings_changed.send(EmbeddingRun, project=run.project)
