"""Compute embeddings on CPUs with ONNX Runtime."""

import json
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers import int8
from tl_core.featurisers.base import Featuriser
from tl_core.featurisers.sessions import session
from tl_core.store import files

BATCH_SIZES = (1, 2, 4, 8)
TRIAL_SECONDS = 0.25
WORTHWHILE = 1.05  # a larger batch must be that much faster than a smaller one: it costs memory and latency


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class OnnxRuntime:
    """A featuriser, ready to embed on this machine's cores. Make it in the process that uses it, after any fork.

    Every call computes on one thread, and calls run side by side, one a core: on two cores EfficientNet-Lite0 was
    faster so than with two threads that share each batch, for one small batch's activations stay in the cache. How
    many calls, and of how many images, is tried out once a machine and network, for a second, and kept beside the
    graph.

    Parameters
    ----------
    featuriser : Featuriser
        What to compute.
    cache_dir : Path
        Keeps the exported graph as ``<network>-<fingerprint>.onnx``; made where missing. Only where that file is
        missing is torch imported, to export it. Processes may share the directory.
    threads : int or None
        Threads that decode for it, and the most calls side by side; None = the cores this process may use.
    batch_size : int or None
        Images a call; None = what is fastest here.

    Raises
    ------
    FeaturiserUnavailable
        A package it needs is not installed, or 8-bit integers change its embeddings too much.
    OSError
        From writing to ``cache_dir``.
    """

    device = "cpu"

    def __init__(
        self, featuriser: Featuriser, cache_dir: Path, threads: int | None = None, batch_size: int | None = None
    ) -> None:
        self.featuriser = featuriser
        self.threads = self.in_flight = threads or cores()
        self.cache_dir = Path(cache_dir)
        graph = graph_of(featuriser, self.cache_dir)
        self._session = session(graph)
        if batch_size is None:
            self._tune(graph.with_suffix(".json"))
        else:
            self.batch_size = batch_size

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the embeddings of preprocessed images. Safe to call from several threads.

        Parameters
        ----------
        batch : ndarray of uint8, shape (n, image_size, image_size, 3)
            From `Featuriser.preprocess`; ``n`` may be 0.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            The same for an image in whatever batch it came.

        Raises
        ------
        ValueError
            The batch has another shape or dtype.
        """
        self.featuriser.check(batch)
        if len(batch) == 0:
            return np.empty((0, self.featuriser.dimension), np.float32)
        embedding: NDArray[np.float32] = self._session.run(["embedding"], {"image": batch})[0]
        return embedding

    def _tune(self, path: Path) -> None:
        """Set how many calls of how many images are fastest on this machine; found out where nobody has yet."""
        machine = f"{platform.machine()} {platform.processor()} {platform.node()} {self.threads} threads"
        try:
            known: dict[str, list[int]] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            known = {}
        if machine not in known:
            known[machine] = list(self._fastest())
            files.write_bytes(path, json.dumps(known).encode())
        self.in_flight, self.batch_size = known[machine]

    def _fastest(self) -> tuple[int, int]:
        """Try out a call a core or one for two (which share a real one on some machines), then larger batches."""
        calls = max((self.threads, max(1, self.threads // 2)), key=lambda calls: self._rate(calls, 1))
        size, rate = 1, self._rate(calls, 1)
        for larger in BATCH_SIZES[1:]:
            larger_rate = self._rate(calls, larger)
            if larger_rate < rate * WORTHWHILE:
                break
            size, rate = larger, larger_rate
        return calls, size

    def _rate(self, calls: int, size: int) -> float:
        """Return how many images a second so many calls at a time embed in batches of ``size``."""
        side = self.featuriser.image_size
        batch = np.random.default_rng(0).integers(0, 256, (size, side, side, 3), dtype=np.uint8)

        return size * times_a_second(lambda: self.embed(batch), calls)


def times_a_second(work: Callable[[], object], calls: int) -> float:
    """Try out how often a second something is done by so many threads at a time.

    Parameters
    ----------
    work : callable
        Done once beforehand: the first of a size allocates.
    calls : int
        Threads.

    Returns
    -------
    float
        Times a second, all threads together.
    """

    def repeated(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            work()
            done += 1
        return done

    work()
    with ThreadPoolExecutor(calls) as pool:
        started = time.perf_counter()
        done = sum(pool.map(repeated, [started + TRIAL_SECONDS] * calls))
        return done / (time.perf_counter() - started)


def graph_path(featuriser: Featuriser, cache_dir: Path) -> Path:
    """Return where an `OnnxRuntime` keeps a featuriser's exported graph, whether or not it is there."""
    # The name may hold slashes and whole paths; the fingerprint alone tells featurisers apart.
    word = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in featuriser.name)[:60]
    return cache_dir / f"{word}-{featuriser.fingerprint}.onnx"


def graph_of(featuriser: Featuriser, cache_dir: Path) -> Path:
    """Return the featuriser's exported graph, made where it is missing.

    Parameters
    ----------
    featuriser, cache_dir
        As of `OnnxRuntime`.

    Returns
    -------
    Path
        See `graph_path`.

    Raises
    ------
    FeaturiserUnavailable, OSError
        As `OnnxRuntime`.
    """
    graph = graph_path(featuriser, cache_dir)
    if not graph.is_file():
        cache_dir.mkdir(parents=True, exist_ok=True)
        files.remove_abandoned(cache_dir)
        if featuriser.precision == "int8":
            int8.export(featuriser, graph)
        else:
            featuriser.export_onnx(graph)
    return graph
