"""What the embedding store costs: against reading the same bytes once, and against one array that holds them all.

    python -m benchmarks.store [--rows 200000] [--dim 1280] [--open-rows 1000000] [--directory DIR] [--json]

One thread. Everything lies in the page cache, but for what is called cold. DIR (default: the system's temporary
directory) needs room for 1.5 times rows x dim x 4 bytes, and memory for 3 times that. With --json only the last line,
which is JSON, is printed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tl_core import threads
from tl_core.store.embeddings import EmbeddingStore

SHARD = 512
CLASSES = 20
BLOCK = 4096
PICKS = 1000
REPEATS = 5
DTYPES = ("float32", "float16")


def seconds(function: Callable[[], Any]) -> float:
    """The best of some calls, for others use the machine too; the first one warms up."""
    function()
    return min(_once(function) for _ in range(REPEATS))


def _once(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def margins(blocks: Iterator[tuple[int, np.ndarray]], weights: np.ndarray, n: int) -> np.ndarray:
    """Score a pool by margin, a block at a time; the highest is the most uncertain."""
    scores = np.empty(n, np.float32)
    for start, block in blocks:
        top = np.partition(block @ weights, CLASSES - 2, axis=1)[:, -2:]
        np.subtract(top[:, 0], top[:, 1], out=scores[start : start + len(block)])
    return scores


def evict(store: EmbeddingStore) -> None:
    """Have the system forget its copies of files that nobody has mapped."""
    for name in store.storage.names():
        with store.storage.local(name).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write(store: EmbeddingStore, rows: int) -> float:
    """Fill a store with rows of a frozen network's kind: not negative, mostly small. Returns the seconds of writing."""
    rng = np.random.default_rng(0)
    spent = 0.0
    for number, start in enumerate(range(0, rows, SHARD)):
        n = min(SHARD, rows - start)
        vectors = np.maximum(rng.standard_normal((n, store.dimension), np.float32), -0.2)
        arrays = np.arange(start, start + n), vectors, np.ones(n, bool)
        spent += _once(lambda arrays=arrays, number=number: store.write_shard(number, *arrays))
    return spent


def stored_bytes(store: EmbeddingStore) -> int:
    """How much of the disk its files take."""
    return sum(store.storage.local(name).stat().st_size for name in store.storage.names())


def opening(directory: Path, dimension: int) -> dict[str, float]:
    """Seconds and growth of memory from opening all shards, and then from taking some rows; in a fresh process."""
    process = psutil.Process()
    store = EmbeddingStore(directory, "linked", dimension)
    before, descriptors = process.memory_info().rss, process.num_fds()
    started = time.perf_counter()
    found = store.open()
    opened = time.perf_counter() - started
    grown = process.memory_info().rss - before
    positions = np.random.default_rng(0).integers(0, len(found.ids), 1000)
    return {
        "rows": len(found.ids),
        "open_seconds": opened,
        "open_rss_mb": grown / 1e6,
        "open_descriptors": process.num_fds() - descriptors,
        "slice_1000_seconds": _once(lambda: found.vectors[positions]),
    }


def opened_large(directory: Path, rows: int, dimension: int) -> dict[str, float]:
    """Open a store of `rows` rows whose shard files are links to one."""
    store = EmbeddingStore(directory, "linked", dimension)
    write(store, SHARD)
    first = store.storage.local(store.name(0))
    for number in range(1, rows // SHARD):
        os.link(first, first.with_name(store.name(number)))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(opening, directory, dimension).result()


def measure(directory: Path, rows: int, dimension: int) -> dict[str, Any]:
    """Seconds of everything that touches the whole matrix, by what holds it."""
    weights = np.random.default_rng(1).standard_normal((dimension, CLASSES), np.float32)
    positions = np.random.default_rng(2).permutation(rows)
    result: dict[str, Any] = {}
    likely: dict[str, set[int]] = {}
    for dtype in DTYPES:
        store = EmbeddingStore(directory, dtype, dimension, dtype=dtype)
        spent = write(store, rows)
        evict(store)
        cold = _once(lambda store=store: margins(store.open().vectors.blocks(BLOCK), weights, rows))
        vectors = store.open().vectors
        likely[dtype] = set(np.argsort(-margins(vectors.blocks(BLOCK), weights, rows))[:PICKS].tolist())
        result[dtype] = {
            "write_seconds": spent,
            "cold_score_seconds": cold,
            "bytes": stored_bytes(store),
            "open_seconds": seconds(store.open),
            "score_seconds": seconds(lambda v=vectors: margins(v.blocks(BLOCK), weights, rows)),
            "mean_seconds": seconds(vectors.mean),
            "slice_1000_seconds": seconds(lambda v=vectors: v[positions[:1000]]),
            "slice_10000_seconds": seconds(lambda v=vectors: v[positions[:10000]]),
            "slice_all_but_one_seconds": seconds(lambda v=vectors: v[np.arange(1, rows)]),
        }
        if dtype == DTYPES[0]:
            result["pass_seconds"] = seconds(lambda v=vectors: [block.sum() for _, block in v.blocks(BLOCK)])
            whole = np.asarray(vectors)
    result["same_picks"] = len(set.intersection(*likely.values())) / PICKS
    result["array"] = {
        "score_seconds": seconds(
            lambda: margins(((s, whole[s : s + BLOCK]) for s in range(0, rows, BLOCK)), weights, rows)
        ),
        "slice_1000_seconds": seconds(lambda: whole[positions[:1000]]),
        "slice_10000_seconds": seconds(lambda: whole[positions[:10000]]),
        "slice_all_but_one_seconds": seconds(lambda: whole[np.arange(1, rows)]),
    }
    return result


def ratios(result: dict[str, Any]) -> dict[str, float]:
    """The figures to watch, without units."""
    full, half, array = result["float32"], result["float16"], result["array"]
    return {
        "score float32 / one pass": full["score_seconds"] / result["pass_seconds"],
        "score float32 / score one array": full["score_seconds"] / array["score_seconds"],
        "score float16 / score float32": half["score_seconds"] / full["score_seconds"],
        "cold score float16 / float32": half["cold_score_seconds"] / full["cold_score_seconds"],
        "bytes float16 / float32": half["bytes"] / full["bytes"],
        "slice 10,000 float32 / one array": full["slice_10000_seconds"] / array["slice_10000_seconds"],
        "slice all but one float32 / one array": full["slice_all_but_one_seconds"] / array["slice_all_but_one_seconds"],
    }


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--open-rows", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.rows < BLOCK or arguments.open_rows < SHARD:
        sys.exit(f"expected at least {BLOCK} rows, and {SHARD} to open")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name, threads.single():
        result = measure(Path(name), arguments.rows, arguments.dim)
        result["large"] = opened_large(Path(name), arguments.open_rows, arguments.dim)
    result |= {"rows": arguments.rows, "dim": arguments.dim, "ratios": ratios(result)}
    if not arguments.json:
        for group in ("float32", "float16", "array", "large", "ratios"):
            print(group)
            for key, value in result[group].items():
                print(f"  {key:40} {value:>14,.4f}")
        print(f"one pass: {result['pass_seconds']:.3f} s")
        print(f"of the {PICKS} most uncertain, both precisions name the same: {result['same_picks']:.1%}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
