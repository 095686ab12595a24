"""From image files to embeddings: read, decode and compute, all at once, with a bounded number of images in between."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tl_core import images
from tl_core.featurisers.base import Featuriser
from tl_core.featurisers.together import Computes, Prepares
from tl_core.notices import Code, notice

READERS = 4
REMOTE_READERS = 32  # an object store answers late but many at a time
READ_AHEAD_BYTES = 8_000_000  # a larger file is opened by the decoder itself, so that few of them lie in memory


class Runtime(Protocol):
    """What computes embeddings: `onnx_runtime.OnnxRuntime`, `torch_runtime.TorchRuntime` or their like.

    Attributes
    ----------
    featuriser : Featuriser
        Whose preprocessing it expects.
    threads : int
        Threads that decode for it.
    batch_size : int
        Images it likes to be given at a time.
    in_flight : int
        Calls of `embed` it likes to have at a time, each from a thread of its own.
    """

    featuriser: Featuriser
    threads: int
    batch_size: int
    in_flight: int

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Preprocessed images (n, size, size, 3) in, embeddings (n, dimension) out."""


@dataclass(frozen=True)
class Picture:
    """An image, or a box of it.

    Attributes
    ----------
    location : Path or str
        A file, or the URL of an object in a store.
    box : tuple of float or None
        Left, top, width, height in the upright image, as fractions of its width and height; None = all of it.
    """

    location: Path | str
    box: images.Box | None = None


@dataclass(frozen=True)
class EmbeddedPicture:
    """What became of one picture.

    Attributes
    ----------
    index : int
        Position in the pictures that were given.
    vector : ndarray of float32, shape (dimension,), or None
        The embedding; None where the file was refused.
    refused : ImageRefused or None
        Why there is no embedding.
    """

    index: int
    vector: NDArray[np.float32] | None
    refused: images.ImageRefused | None


Decoded = NDArray[np.uint8] | images.ImageRefused


def embed_images(pictures: Sequence[Picture], runtime: Computes) -> Iterator[EmbeddedPicture]:
    """Embed images, in order. A broken file is reported and stops nothing.

    Three pools of threads work side by side: some read, some decode and preprocess, some compute. All that costs time
    releases Python's lock, and threads share memory, which processes would have to copy through; on two cores they
    measured as fast as processes. What is in between them is bounded, so memory stays flat however many pictures come.

    Parameters
    ----------
    pictures : sequence of Picture
        What to embed.
    runtime : Computes
        A `Runtime`, or several as one. Computes the embeddings, and says how it likes to be fed.

    Yields
    ------
    EmbeddedPicture
        One for each picture, in order.

    Raises
    ------
    OSError
        An object store doesn't answer.
    Exception
        Whatever the runtime raises.
    """
    with ExitStack() as stack:

        def pool(threads: int, name: str) -> ThreadPoolExecutor:
            made = ThreadPoolExecutor(threads, thread_name_prefix=name)
            # Also when the caller stops half-way: what has not started is not worth doing any more.
            stack.callback(made.shutdown, wait=True, cancel_futures=True)
            return made

        remote = any(images.is_url(picture.location) for picture in pictures)
        compute = pool(runtime.in_flight, "embed")
        # Closed in the reverse order: nobody is left waiting for a pool that is closed already.
        readers = pool(REMOTE_READERS if remote else READERS, "read")
        decoders = pool(runtime.threads, "decode")
        decoded = _decoded(pictures, runtime, readers, decoders, ahead=4 * REMOTE_READERS if remote else 0)
        yield from _computed(decoded, runtime, compute)


def _decoded(
    pictures: Sequence[Picture],
    runtime: Computes,
    readers: ThreadPoolExecutor,
    decoders: ThreadPoolExecutor,
    ahead: int,
) -> Iterator[Decoded]:
    """Yield each picture preprocessed, in order, while the next ones are read and decoded."""
    window = max(ahead, 2 * runtime.batch_size, 8 * runtime.threads)
    waiting: deque[Future[Decoded]] = deque()
    for picture in pictures:
        content = readers.submit(_read, picture)
        waiting.append(decoders.submit(_decode, picture, content, runtime.featuriser))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _computed(decoded: Iterator[Decoded], runtime: Computes, compute: ThreadPoolExecutor) -> Iterator[EmbeddedPicture]:
    """Gather batches, and yield the embeddings of the oldest while the next ones are computed and gathered."""
    most = 4 * runtime.in_flight
    waiting: deque[tuple[list[Decoded], Future[NDArray[np.float32]] | None]] = deque()
    done = 0
    batch: list[Decoded] = []
    for image in decoded:
        batch.append(image)
        if len(batch) == runtime.batch_size:
            waiting.append((batch, _submit(batch, runtime, compute)))
            batch = []
        if len(waiting) >= most:
            yield from _answers(*waiting.popleft(), first=done)
            done += runtime.batch_size
    waiting.append((batch, _submit(batch, runtime, compute)))
    for rest, vectors in waiting:
        yield from _answers(rest, vectors, first=done)
        done += len(rest)


def _submit(batch: list[Decoded], runtime: Computes, compute: ThreadPoolExecutor) -> Future[NDArray[np.float32]] | None:
    good = [image for image in batch if not isinstance(image, images.ImageRefused)]
    if not good:
        return None
    return compute.submit(runtime.embed, good[0][None] if len(good) == 1 else np.stack(good))


def _answers(
    batch: list[Decoded], vectors: Future[NDArray[np.float32]] | None, *, first: int
) -> Iterator[EmbeddedPicture]:
    rows = iter(vectors.result() if vectors is not None else ())
    for index, image in enumerate(batch, start=first):
        if isinstance(image, images.ImageRefused):
            yield EmbeddedPicture(index, None, image)
        else:
            yield EmbeddedPicture(index, next(rows), None)


def _read(picture: Picture) -> bytes | images.ImageRefused | None:
    """Read a file ahead of its decoder; None where the decoder had better open it itself."""
    try:
        if not images.is_url(picture.location) and Path(picture.location).stat().st_size > READ_AHEAD_BYTES:
            return None
        return images.read(picture.location)
    except images.ImageRefused as refused:
        return refused
    except (OSError, ValueError):
        if images.is_url(picture.location):
            raise
        return None  # the decoder finds out what is wrong with the file, and says it


def _decode(picture: Picture, content: "Future[bytes | images.ImageRefused | None]", featuriser: Prepares) -> Decoded:
    read_ahead = content.result()
    if isinstance(read_ahead, images.ImageRefused):
        return read_ahead
    try:
        source = picture.location if read_ahead is None else read_ahead
        return featuriser.preprocess(images.load(source, min_side=featuriser.decode_side, box=picture.box))
    except images.ImageRefused as refused:
        return refused
    except MemoryError:
        return images.ImageRefused("out-of-memory", notice(Code.NO_MEMORY))
