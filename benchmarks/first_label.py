"""From `make run` to the first image ready to label, and from labels saved to the next round.

    python -m benchmarks.first_label --images DIR [--rounds 40] [--json FILE]

DIR holds one folder a class. The limit beside the figure: decoding and embedding the same files with nothing around.
Last line: JSON.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.site import Site, report, running
from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture, embed_images


def time_to_first_image(site: Site) -> float:
    """Seconds until the server has handed out a sample and its picture."""
    while True:
        batch = site.next(1)
        if batch["samples"]:
            picture = site.client.get(f"{site.address}/samples/{batch['samples'][0]['sample']}/1280.jpg")
            picture.raise_for_status()
            return time.monotonic() - site.started
        time.sleep(0.1)


def rounds(site: Site, count: int, per_round: int = 5) -> list[float]:
    """Seconds from sending labels to a round that knows them, for each of `count` batches."""
    classes, paths = site.classes(), site.paths()
    waits, labelled = [], 0
    for _ in range(count):
        batch = site.next(per_round)["samples"]
        answers = [(sample, classes[paths[sample["sample"]].split("/")[0]]) for sample in batch]
        sent = time.monotonic()
        site.save(answers)
        labelled += len(answers)
        while True:
            current = site.next(per_round)["round"]
            if current and current["n_labels"] >= labelled:
                break
            time.sleep(0.02)
        waits.append(time.monotonic() - sent)
    return waits


def embedding_alone(images: Path) -> float:
    """Seconds to decode and embed the same files in one process, the network loaded already."""
    paths = sorted(path for path in images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    with tempfile.TemporaryDirectory() as cache:
        runtime = OnnxRuntime(featurisers.get(), Path(cache))
        started = time.monotonic()
        for _ in embed_images([Picture(path) for path in paths], runtime):
            pass
        return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with running(options.images, TRUTH="folders") as site:
        first = time_to_first_image(site)
        site.wait_until_embedded()
        everything = time.monotonic() - site.started
        waits = rounds(site, options.rounds)
        status = site.status()
    alone = embedding_alone(options.images)
    figures = {
        "images": status["samples"],
        "cores": len(os.sched_getaffinity(0)),
        "first_image_s": round(first, 1),
        "all_embedded_s": round(everything, 1),
        "embedding_alone_s": round(alone, 1),
        "all_embedded_vs_alone": round(everything / alone, 2),
        "next_round_p50_s": round(float(np.percentile(waits, 50)), 2),
        "next_round_p95_s": round(float(np.percentile(waits, 95)), 2),
        "rounds": len(waits),
    }
    report(figures, options.json)


if __name__ == "__main__":
    main()
