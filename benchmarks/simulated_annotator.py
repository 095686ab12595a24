"""A simulated annotator labels through the HTTP interface; the exported predictions are judged on the rest.

    python -m benchmarks.simulated_annotator --images DIR [--labels 130] [--runs 3] [--json FILE] [--plot FILE.svg]

DIR holds one folder a class. Each run is a fresh program. For comparison, the same budget drawn at random and given to
the same head, offline. Last line: JSON.
"""

import argparse
import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.site import Site, running
from tl_core.evaluation import macro_f1

PER_ROUND = 5
Point = tuple[int, float]


def truth_of(path: str) -> str:
    return path.split("/")[-2]


def play(site: Site, budget: int) -> list[Point]:
    """Label `budget` samples; returns (labels, macro-F1 of the export on photographs nobody labelled)."""
    classes, paths = site.classes(), site.paths()
    curve: list[Point] = []
    labelled = 0
    while labelled < budget:
        batch = _fresh_batch(site, labelled, min(PER_ROUND, budget - labelled))
        site.save([(sample, classes[truth_of(paths[sample["sample"]])]) for sample in batch])
        labelled += len(batch)
        if labelled % 10 == 0 and labelled >= 20:
            _wait_for_round(site, labelled)
            curve.append((labelled, exported_f1(site)))
            print(f"{labelled:4} labels  macro-F1 {curve[-1][1]:.3f}", flush=True)
    return curve


def _wait_for_round(site: Site, labelled: int) -> None:
    while (site.next(1)["round"] or {"n_labels": -1})["n_labels"] < labelled:
        time.sleep(0.05)


def _fresh_batch(site: Site, labelled: int, count: int) -> list[dict[str, Any]]:
    """Samples of a ranking that knows every label given so far."""
    while True:
        answer = site.next(count)
        if answer["samples"] and answer["round"]["n_labels"] >= labelled:
            return list(answer["samples"])
        time.sleep(0.05)


def exported_f1(site: Site) -> float:
    answer = site.client.get(f"{site.address}/projects/{site.slug}/export/predictions.csv")
    answer.raise_for_status()
    rows = [row for row in csv.DictReader(io.StringIO(answer.text)) if row["is_labelled"] == "0"]
    return macro_f1([truth_of(row["path"]) for row in rows], [row["predicted_class"] for row in rows])


def random_curve(data: Path, budget: int, seeds: int = 3) -> list[Point]:
    """Macro-F1 of the same head on labels drawn at random, from the program's own embeddings, mean over seeds."""
    from benchmarks.site import stored_embeddings
    from tl_core.heads.logistic import LogisticHead

    vectors, paths = stored_embeddings(data)
    y = np.array([truth_of(path) for path in paths])
    mean = vectors.mean(axis=0)
    points = []
    for n in range(20, budget + 1, 10):
        scores = []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(y))
            head = LogisticHead(pool_mean=mean).fit(vectors[order[:n]], y[order[:n]])
            scores.append(macro_f1(y[order[n:]], head.predict(vectors[order[n:]])))
        points.append((n, float(np.mean(scores))))
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--labels", type=int, default=130)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--plot", type=Path, help="draw the curves there (SVG)")
    options = parser.parse_args()
    curves, baseline = [], []
    for run in range(options.runs):
        print(f"run {run + 1}")
        with running(options.images, TRUTH="folders") as site:
            site.wait_until_embedded()
            curves.append(play(site, options.labels))
            if not baseline:
                baseline = random_curve(site.data, options.labels + 60)
    finals = [curve[-1][1] for curve in curves]
    figures = {
        "labels": options.labels,
        "macro_f1": [round(final, 3) for final in finals],
        "macro_f1_mean": round(float(np.mean(finals)), 3),
        "random_macro_f1": {n: round(score, 3) for n, score in baseline},
        "curves": [[(n, round(score, 3)) for n, score in curve] for curve in curves],
    }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.plot:
        from benchmarks.plot import learning_curves

        learning_curves(curves, baseline, options.plot)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
