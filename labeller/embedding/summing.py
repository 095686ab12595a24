"""Keeps up what the embeddings of a large pool are summed up by: `loading` has what that saves each process.

It takes 3.5 s of a core for 100,000 embeddings, and a quarter of their size or a little more. So a job writes it once
nobody is at work on the run any more; until then rounds do without it, and read the embeddings themselves.
"""

from collections.abc import Callable, Iterable

from labeller.embedding import loading, mixing, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.samples.ingesting import check_disk
from tl_core import summing

DELAY = 5.0  # seconds: whoever wrote the last shard is to have finished its job by then
ADDING = ("scan", "ingest")  # jobs that bring samples


def keep_up(run: EmbeddingRun, mixes: Iterable[str]) -> None:
    """Ask for what is missing of these mixes, which are all that heads see ("" = the run's own embeddings)."""
    wanted = sorted(mixes)
    if not _is_at_work(run) and any(_lacks(run, mix) for mix in wanted):
        payload = {"run": run.pk, "mixes": wanted}
        jobs.enqueue("sum", key=f"run:{run.pk}", project=run.project, payload=payload, delay=DELAY, total=100)


def build(progress: jobs.Progress) -> None:
    """Sum up what is missing and delete what is of other embeddings; done twice, it writes nothing."""
    payload = progress.job.payload
    run = EmbeddingRun.objects.select_related("project").get(pk=payload["run"])
    if _is_at_work(run):  # the round after the last shard asks again
        return
    for mix in payload["mixes"]:
        if _lacks(run, mix):
            check_disk()
            _write(run, mix, lambda share: progress(round(100 * share), 100, now=True))
    # By the shards of now: those of samples that were deleted meanwhile must not live on in what was written of them.
    names = {_name(run, mix) for mix in payload["mixes"]}
    storage = runs.store(run).storage
    for name in storage.names(loading.SUMMARY):
        if name not in names:
            storage.delete(name)


def _write(run: EmbeddingRun, mix: str, done: Callable[[float], None]) -> None:
    shards = loading.parts(run, mix)
    vectors = loading.opened(run, mix, shards).vectors
    if len(vectors) >= loading.LARGE_POOL:  # samples that have no embedding count as well where it is asked for
        summing.write(runs.store(run).storage, loading.summary_name(mix, shards), vectors, done)


def _name(run: EmbeddingRun, mix: str) -> str:
    try:
        return loading.summary_name(mix, loading.parts(run, mix))
    except mixing.MixGone:
        return ""


def _lacks(run: EmbeddingRun, mix: str) -> bool:
    try:
        shards = loading.parts(run, mix)
    except mixing.MixGone:
        return False
    count = sum(shard.count for shard in shards[0][1])
    return count >= loading.LARGE_POOL and loading.summary(run, mix, shards) is None


def _is_at_work(run: EmbeddingRun) -> bool:
    """Whether shards may still be added: each would need another summary."""
    adding = Job.objects.filter(project=run.project_id, kind__in=ADDING, state__in=Job.OPEN)
    return adding.exists() or runs.shard_jobs(run).filter(state__in=Job.OPEN).exists()
