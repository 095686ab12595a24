"""Which embeddings a head may see beside those of the run in use, and in what mix."""

import functools
from datetime import datetime

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from tl_core.notices import notice
from tl_core.spaces import mixing
from tl_core.spaces.mixing import Mix, MixCorrupt


class MixGone(jobs.Postponed):
    """A mix lacks a part: its embeddings are being made again, or somebody deleted them."""

    seconds = 30.0


def companions(run: EmbeddingRun) -> list[EmbeddingRun]:
    """Companions that know all that the run has embedded; one that lacks shards is no candidate yet."""
    return [
        each
        for each in run.companions.order_by("pk")
        if each.shards.exists() and not run.shards.exclude(number__in=each.shards.values("number")).exists()
    ]


def lacked_shards(run: EmbeddingRun, companion: EmbeddingRun, moment: datetime) -> bool:
    """Whether the run had embedded at that moment what the companion had not."""
    had = companion.shards.filter(created_at__lte=moment)
    return run.shards.filter(created_at__lte=moment).exclude(number__in=had.values("number")).exists()


def keep(run: EmbeddingRun, mix: Mix) -> str:
    """Store a mix beside the run's embeddings, so that heads can name it; its digest."""
    return mix.save(runs.store(run).storage)


@functools.lru_cache(maxsize=4)
def named(run: EmbeddingRun, digest: str) -> Mix:
    """The mix of that digest. Raises MixGone where its file is."""
    try:
        return mixing.load(runs.store(run).storage, digest)
    except (FileNotFoundError, MixCorrupt) as error:
        raise MixGone(notice(WorkerCode.MIX_GONE, name=run.featuriser)) from error


def parts(run: EmbeddingRun, digest: str) -> list[EmbeddingRun]:
    """The runs that the mix is of, in its order. Raises MixGone where one is."""
    fingerprints = named(run, digest).fingerprints
    known = {each.fingerprint: each for each in run.project.embedding_runs.filter(fingerprint__in=fingerprints)}
    if len(known) < len(fingerprints) or not all(each.shards.exists() for each in known.values()):
        raise MixGone(notice(WorkerCode.MIX_GONE, name=run.featuriser))
    return [known[each] for each in fingerprints]


def weights(run: EmbeddingRun, digest: str) -> list[tuple[str, float]]:
    """What a mix is of, for people: featurisers and weights; nothing where it is no mix."""
    if not digest:
        return []
    mix = named(run, digest)
    names = dict(run.project.embedding_runs.values_list("fingerprint", "featuriser"))
    return [(names.get(each, each), weight) for each, weight in zip(mix.fingerprints, mix.weights, strict=True)]
