"""Turning files into vectors: against the machine's own limit, and against what people use else.

    python -m benchmarks.featurise --images DIR [--count 1000] [--repeats 3] [--json [FILE]]

Two sizes: the files of DIR as they are (`small`), and enlarged to 2048 x 1536 (`camera`). For each, in turn and
several times: decoding alone, the network alone, and all of it from files into the store. The first two share the same
cores, so together they allow 1 / (1/decode + 1/forward) images a second: the implied limit. Every figure is the median
over the repeats, shares and ratios are taken within a repeat. Peers do the same files with the same network.
Last line: JSON.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import peers
from tl_core import featurisers, images
from tl_core.featurisers.onnx_runtime import OnnxRuntime, cores
from tl_core.pipeline import Picture, Runtime, embed_images
from tl_core.store.embeddings import EmbeddingStore

SHARD = 512
CAMERA = (2048, 1536)
CAMERA_COUNT = 300
PEER_COUNT = 160  # peers are slow: fewer files tell their rate as well
SUFFIXES = {".jpg", ".jpeg", ".png"}


def made_camera_sized(files: list[Path], directory: Path) -> list[Path]:
    """Enlarge photographs to what a camera writes."""

    def enlarge(file: Path) -> Path:
        target = directory / f"{file.parent.name}-{file.stem}.jpg"
        with Image.open(file) as image:
            image.convert("RGB").resize(CAMERA, Image.Resampling.BICUBIC).save(target, quality=90)
        return target

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(enlarge, files))


# --- what is measured, each in a process of its own ------------------------------------------------


def decode(files: list[Path]) -> float:
    """Read and decode, as small as the network allows, on all cores."""
    side = featurisers.get().decode_side

    def one(file: Path) -> None:
        images.load(images.read(file), min_side=side)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(one, files[:32]))
        started = time.perf_counter()
        list(pool.map(one, files))
        return len(files) / (time.perf_counter() - started)


def forward(spec: str, models: Path, seconds: float = 3.0) -> float:
    """Compute on all cores what lies in memory already."""
    return sustained(OnnxRuntime(featurisers.get(spec), models), seconds)


def sustained(runtime: Runtime, seconds: float) -> float:
    """Images a second from this machine's memory and back, as many calls at a time as the runtime likes."""
    side, size = runtime.featuriser.image_size, runtime.batch_size
    batch = np.random.default_rng(0).integers(0, 256, (size, side, side, 3), dtype=np.uint8)
    until = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            done += len(runtime.embed(batch))
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(runtime.in_flight) as pool:
        done = sum(pool.map(work, range(runtime.in_flight)))
    return done / (time.perf_counter() - started)


def end_to_end(files: list[Path], spec: str, models: Path, threads: int | None = None, barrier: Any = None) -> float:
    """From files into the store, shard after shard; shards are written while the next one is embedded."""
    runtime = OnnxRuntime(featurisers.get(spec), models, threads)
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as writer:
        store = EmbeddingStore(Path(directory), runtime.featuriser.fingerprint, runtime.featuriser.dimension)
        list(embed_images([Picture(file) for file in files[:16]], runtime))
        if barrier is not None:
            barrier.wait()
        started = time.perf_counter()
        stream = embed_images([Picture(file) for file in files], runtime)
        for number in range(-(-len(files) // SHARD)):
            shard = list(islice(stream, SHARD))
            vectors = np.stack([one.vector for one in shard])
            ids = np.arange(number * SHARD, number * SHARD + len(shard))
            written = writer.submit(store.write_shard, number, ids, vectors, np.ones(len(shard), bool))
        written.result()
        return len(files) / (time.perf_counter() - started)


def alone(function: Callable[..., float], *arguments: Any) -> tuple[float, float]:
    """Run it in a fresh process; its result, and the most memory that process held, in megabytes."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, function, arguments).result()


def _with_peak(function: Callable[..., float], arguments: tuple[Any, ...]) -> tuple[float, float]:
    found = function(*arguments)
    # Not getrusage: what that says of a child begins with the size its parent had.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return found, int(peak.split()[1]) / 1024


def with_workers(files: list[Path], models: Path, workers: int) -> float:
    """Several processes, one thread each, that share the files as Celery workers do."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, context) as pool:
        barrier = manager.Barrier(workers)
        shares = [files[number::workers] for number in range(workers)]
        running = [pool.submit(end_to_end, share, featurisers.DEFAULT, models, 1, barrier) for share in shares]
        return sum(each.result() for each in running)


# --- putting it together --------------------------------------------------------------------------


def repeat(files: list[Path], models: Path) -> dict[str, float]:
    """Measure everything once, one right after the other."""
    int8 = f"{featurisers.DEFAULT},precision=int8"
    found: dict[str, float] = {}
    found["decode"], _ = alone(decode, files)
    for name, spec in (("", featurisers.DEFAULT), ("int8_", int8)):
        rate, _ = alone(forward, spec, models)
        done, peak = alone(end_to_end, files, spec, models)
        limit = 1 / (1 / found["decode"] + 1 / rate)
        found |= {f"{name}forward": rate, f"{name}implied_limit": limit, f"{name}end_to_end": done}
        found |= {f"{name}share_of_limit": done / limit, f"{name}peak_mb": peak}
    for name, variants in peers.PEERS.items():
        found[name] = max(alone(variant, files[:PEER_COUNT])[0] for variant in variants)
        found[f"vs_{name}"] = found["end_to_end"] / found[name]
        found[f"int8_vs_{name}"] = found["int8_end_to_end"] / found[name]
    return found


def measured(files: list[Path], models: Path, repeats: int) -> dict[str, float]:
    runs = [repeat(files, models) for _ in range(repeats)]
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    found["peak_mb_4x"] = alone(end_to_end, files * 4, featurisers.DEFAULT, models)[1]
    found["one_worker"], found["two_workers"] = (with_workers(files, models, workers) for workers in (1, 2))
    found["images"] = len(files)
    return {name: round(value, 3 if "share" in name else 1) for name, value in found.items()}


def rows(found: dict[str, dict[str, float]]) -> Iterator[str]:
    sizes = list(found)
    yield f"{'':28}" + "".join(f"{size:>12}" for size in sizes)
    for name in found[sizes[0]]:
        yield f"{name:28}" + "".join(f"{found[size][name]:>12}" for size in sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000, help="files of the small size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, nargs="?", const=Path(os.devnull), help="also write the figures there")
    options = parser.parse_args()
    files = sorted(file for file in options.images.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        parser.error(f"{options.images} holds no JPEG or PNG files")
    files = random.Random(0).sample(files, min(options.count, len(files)))
    with tempfile.TemporaryDirectory() as directory:
        models, large = Path(directory, "models"), Path(directory, "camera")
        large.mkdir()
        for spec in (featurisers.DEFAULT, f"{featurisers.DEFAULT},precision=int8"):
            OnnxRuntime(featurisers.get(spec), models)  # exported and calibrated before anything is timed
        camera = made_camera_sized(files[:CAMERA_COUNT], large)
        found = {
            "small": measured(files, models, options.repeats),
            "camera": measured(camera, models, options.repeats),
        }
    print("\n".join(rows(found)))
    outcome = {"cores": cores(), "featuriser": featurisers.DEFAULT, **found}
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=2) + "\n")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
