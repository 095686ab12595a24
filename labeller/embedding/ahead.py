"""Embeds pictures while an import has them in memory, decoded; the shard's job finds their vectors and writes them.

A vector is filed under its picture's content, in a file of this machine's cache, before anybody hears of the shard.
Nothing depends on it: what the file lacks, or is damaged in, the job computes.
"""

import functools
import io
import logging
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.projects.models import Project
from tl_core import featurisers
from tl_core.featurisers.spec import parse
from tl_core.store import storage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tl_core.images import Examined
    from tl_core.pipeline import Runtime

log = logging.getLogger(__name__)

FOLDER = "ahead"  # of the cache
# Networks that compute in the time of a few decodings, and need no torch: it would stay in each process that imports.
LIGHT = {"efficientnet-lite0", "efficientnet-lite2"}
MOST_WAITING = 32  # pictures that wait for the network, 150 kB each


def watch(sender: Any, *, project: Project, shard: int, **kwargs: Any) -> AbstractContextManager["Ahead"] | None:
    """Be shown a shard's pictures, where the processes that import may as well embed them."""
    # With a broker of its own the site is this machine alone: a GPU somewhere else isn't kept waiting by its CPUs.
    if not settings.EMBEDDED_REDIS or project.kind == Project.Kind.TEXT:
        return None
    run = EmbeddingRun.in_use(project)
    if run is None or run.state != EmbeddingRun.State.ACTIVE or run.base_id or parse(run.featuriser)[0] not in LIGHT:
        return None
    network = _network(runs.spec_of_pass(run))
    if network is None or featurisers.get(run.featuriser).fingerprint != run.fingerprint:
        return None
    return _watching(run, shard, network)


@contextmanager
def _watching(run: EmbeddingRun, shard: int, network: "Runtime") -> Iterator["Ahead"]:
    with ThreadPoolExecutor(1, thread_name_prefix="embed") as pool:
        try:
            yield Ahead(run, shard, network, pool)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _network(spec: str) -> "Runtime | None":
    """The network, where it would be computed on this machine's CPUs and lies there exported already."""
    from tl_core.featurisers import onnx_runtime, torch_runtime

    if (settings.DEVICE or torch_runtime.detect()) != "cpu":
        return None
    try:
        featuriser = featurisers.get(spec)
        is_exported = onnx_runtime.graph_path(featuriser, settings.MODELS).is_file()
    except (featurisers.FeaturiserUnavailable, KeyError, ValueError):
        return None  # whoever embeds says why
    return _loaded(spec) if is_exported else None


@functools.lru_cache(maxsize=1)
def _loaded(spec: str) -> "Runtime":
    from tl_core.featurisers.onnx_runtime import OnnxRuntime

    # One thread: there is a process a core that imports.
    return OnnxRuntime(featurisers.get(spec), settings.MODELS, threads=1, batch_size=1)


class Ahead:
    """Embeds the pictures of one shard in a thread of its own; see `labeller.samples.onlooking.Onlooker`."""

    def __init__(self, run: EmbeddingRun, shard: int, network: "Runtime", pool: ThreadPoolExecutor) -> None:
        self._run, self._shard, self._network, self._pool = run, shard, network, pool
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._waiting: deque[tuple[str, Future[NDArray[np.float32]]]] = deque()

    @property
    def min_side(self) -> int:
        """The short side that the network needs."""
        return self._network.featuriser.decode_side

    def see(self, examined: "Examined") -> None:
        """Embed a picture, soon; one that can't be is left to the shard's job."""
        if examined.pixels is None:
            return
        try:
            prepared = self._network.featuriser.preprocess(examined.pixels)
        except Exception:
            log.exception("%s is left to the job of shard %d", examined.sha256, self._shard)
            return
        self._waiting.append((examined.sha256, self._pool.submit(self._network.embed, prepared[None])))
        if len(self._waiting) > MOST_WAITING:
            self._take()

    def _take(self) -> None:
        sha256, vector = self._waiting.popleft()
        try:
            self._vectors[sha256] = vector.result()[0]
        except Exception:
            log.exception("%s is left to the job of shard %d", sha256, self._shard)

    def keep(self) -> None:
        """Write the vectors where the shard's job looks for them."""
        import numpy as np

        while self._waiting:
            self._take()
        if not self._vectors:
            return
        content = io.BytesIO()
        np.savez(content, sha256=np.array(list(self._vectors)), vectors=np.stack(list(self._vectors.values())))
        try:
            kept(self._run).write(_name(self._shard), content.getbuffer())
        except OSError as error:
            log.warning("shard %d is left to its job: %s", self._shard, error)

    def forget(self) -> None:
        """Delete them again."""
        forget(self._run, self._shard)


def of_project(project_id: int) -> storage.Storage:
    """Where vectors of a project wait for the jobs that take them over."""
    return storage.at(settings.CACHE / FOLDER).child(f"project-{project_id}")


def kept(run: EmbeddingRun) -> storage.Storage:
    """The same of a run, a file a shard."""
    return of_project(run.project_id).child(run.fingerprint)


def _name(shard: int) -> str:
    return f"shard-{shard:06d}.npz"


def found(run: EmbeddingRun, shard: int) -> "dict[str, NDArray[np.float32]]":
    """What an import computed of a shard: vectors of all that the run's pass gives, by their pictures' content."""
    import numpy as np

    try:
        with np.load(kept(run).local(_name(shard))) as arrays:
            vectors = dict(zip(arrays["sha256"].tolist(), arrays["vectors"], strict=True))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        log.warning("what was computed ahead of shard %d of %s is not used: %s", shard, run, error)
        return {}
    # Where the companion went or came since then, it is another pass.
    shape = (runs.dimension_of_pass(run),)
    return {sha256: vector for sha256, vector in vectors.items() if vector.shape == shape}


def forget(run: EmbeddingRun, shard: int) -> None:
    """Delete what was computed ahead of a shard; a missing one is fine."""
    kept(run).delete(_name(shard))


def forget_all(of: storage.Storage) -> None:
    """Delete what was computed ahead of all shards, from `kept` or `of_project`."""
    for name in of.names():
        of.delete(name)
