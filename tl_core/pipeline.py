"""From image files to embeddings: decode while the backbone computes."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tl_core import images
from tl_core.featurisers.base import Featuriser


class Runtime(Protocol):
    """What computes embeddings: `tl_core.featurisers.onnx_runtime.OnnxRuntime` or its like."""

    featuriser: Featuriser
    threads: int

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Preprocessed images (n, size, size, 3) in, embeddings (n, dimension) out."""


@dataclass(frozen=True)
class Embedded:
    """What became of one path.

    Attributes
    ----------
    index : int
        Position in the paths that were given.
    vector : ndarray of float32, shape (dimension,), or None
        The embedding; None where the file was refused.
    refused : ImageRefused or None
        Why there is no embedding.
    """

    index: int
    vector: NDArray[np.float32] | None
    refused: images.ImageRefused | None


def embed_images(
    paths: Sequence[Path], runtime: Runtime, *, batch_size: int = 32, decode_threads: int | None = None
) -> Iterator[Embedded]:
    """Embed image files, in order, a batch at a time. A broken file is reported and stops nothing.

    While one batch is computed the next two are decoded; there are never more than three in memory.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    runtime : Runtime
        Computes the embeddings.
    batch_size : int
        Images decoded ahead and handed to the runtime at a time, at least 1.
    decode_threads : int or None
        Threads that decode; None = as many as the runtime uses. They share the cores with the runtime's: with little
        more work than cores, nothing waits.

    Yields
    ------
    Embedded
        One for each path, in order.

    Raises
    ------
    ValueError
        ``batch_size`` is below 1.
    """
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    return _embed(paths, runtime, batch_size, decode_threads or runtime.threads)


def _embed(paths: Sequence[Path], runtime: Runtime, batch_size: int, threads: int) -> Iterator[Embedded]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    ahead: deque[list[Future[NDArray[np.uint8] | images.ImageRefused]]] = deque()
    starts = iter(range(0, len(paths), batch_size))
    done = 0

    def decode_one_more_batch() -> None:
        start = next(starts, None)
        if start is not None:
            batch = paths[start : start + batch_size]
            ahead.append([pool.submit(_decode, path, runtime.featuriser) for path in batch])

    try:
        decode_one_more_batch()
        decode_one_more_batch()
        while ahead:
            decoded = [future.result() for future in ahead.popleft()]
            decode_one_more_batch()
            yield from _forward(decoded, runtime, done)
            done += len(decoded)
    finally:
        # Also when the caller stops half-way: what has not started is not worth decoding any more.
        pool.shutdown(wait=True, cancel_futures=True)


def _decode(path: Path, featuriser: Featuriser) -> NDArray[np.uint8] | images.ImageRefused:
    try:
        return featuriser.preprocess(images.load(path, min_side=featuriser.image_size))
    except images.ImageRefused as refused:
        return refused
    except MemoryError:
        return images.ImageRefused("out-of-memory", "There was not enough memory to decode the image.")


def _forward(
    decoded: list[NDArray[np.uint8] | images.ImageRefused], runtime: Runtime, first: int
) -> Iterator[Embedded]:
    good = [image for image in decoded if not isinstance(image, images.ImageRefused)]
    vectors = iter(runtime.embed(np.stack(good)) if good else ())
    for index, image in enumerate(decoded, start=first):
        if isinstance(image, images.ImageRefused):
            yield Embedded(index, None, image)
        else:
            yield Embedded(index, next(vectors), None)
