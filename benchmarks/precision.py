"""What 8-bit integers cost in labels and gain in time: the default replayed on embeddings in either precision.

    python -m benchmarks.precision DIR... [--budget 300] [--batch 20] [--seeds 5] [--json FILE]

Each DIR holds one folder a class, as for `benchmarks.label_efficiency`. Both precisions are replayed by the default
head and strategy with the same splits and seeds; `difference` is int8's AUBC (macro-F1) minus float32's, the mean over
seeds with its 95 % interval. `cosine` compares the last layers of the same pictures, `agreement` what a head fitted on
300 float32 embeddings says of int8 ones of the rest. `speed` is the network alone on all cores, in turns. Last line:
JSON.
"""

import argparse
import json
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.featurise import alone, forward
from benchmarks.label_efficiency import paired
from benchmarks.replay import BOTH, Looking, Played, embedded, make_head, replayed, split
from tl_core import featurisers
from tl_core.evaluation import aubc
from tl_core.featurisers.spec import with_option

INT8 = with_option(BOTH, "precision", "int8")
LABELS = 300  # that a head is fitted on to compare what it predicts


def play(directory: Path, spec: str, seed: int, budget: int, batch: int) -> Played:
    return replayed("default", "auto", Looking.at_levels(directory, seed, spec), seed, budget, batch)


def alike(directory: Path) -> dict[str, float]:
    """How alike the embeddings are, and what is predicted from them."""
    stop = featurisers.make(BOTH).blocks[0].stop
    exact, rough = (split(directory, 0, spec) for spec in (BOTH, INT8))
    A, B = (each.everything[:, :stop] for each in (exact, rough))  # noqa: N806 - matrices, as in `replay`
    cosine = (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)
    head = make_head("plain", exact)
    rows = np.random.default_rng(0).choice(len(exact.y), min(LABELS, len(exact.y)), replace=False)
    head.fit(exact.X[rows], exact.y[rows])
    same = head.predict(exact.X_test) == head.predict(rough.X_test)
    return {
        "cosine_lowest": float(cosine.min()),
        "cosine_median": float(np.median(cosine)),
        "agreement": float(same.mean()),
    }


def measured(directory: Path, budget: int, batch: int, seeds: int) -> dict[str, Any]:
    for spec in (BOTH, INT8):
        embedded(directory, spec)
    with ProcessPoolExecutor(2) as executor:
        runs = {
            spec: [executor.submit(play, directory, spec, seed, budget, batch) for seed in range(seeds)]
            for spec in (BOTH, INT8)
        }
        areas = {
            spec: [aubc(one.labels, one.macro_f1, budget) for one in (each.result() for each in futures)]
            for spec, futures in runs.items()
        }
    found = {
        "aubc_float32": float(np.mean(areas[BOTH])),
        "aubc_int8": float(np.mean(areas[INT8])),
        **alike(directory),
    }
    return {
        **{name: round(value, 4) for name, value in found.items()},
        "difference": [round(each, 4) for each in paired(areas[INT8], areas[BOTH])],
    }


def speed(repeats: int = 3) -> float:
    """How many times as fast int8 is, the network alone."""
    with tempfile.TemporaryDirectory() as directory:
        ratios = []
        for _ in range(repeats):
            exact, rough = (alone(forward, spec, Path(directory))[0] for spec in (BOTH, INT8))
            ratios.append(rough / exact)
    return round(statistics.median(ratios), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures: dict[str, Any] = {"speed": speed()}
    print(figures, flush=True)
    for directory in options.sets:
        figures[directory.name] = measured(directory, options.budget, options.batch, options.seeds)
        print(directory.name, figures[directory.name], flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
