"""What adapting a network to a pool without labels is worth, beside its intermediate levels, which cost nothing.

    python -m benchmarks.adapting DIR... [--featuriser efficientnet-lite0] [--labels 50 200] [--seeds 5]
        [--ways NAME...] [--json FILE]

Each DIR holds one folder a class. Every way to adapt is fitted on all photographs without their classes; then so many
random labels are drawn, a plain logistic regression (C = 30 on centred unit vectors) is fitted on what the way makes of
them, and judged on all other photographs. Differences to the last layer alone are paired over seeds (t, 95 %). Ways
that go beside the network weigh as much as it does. Last line: JSON.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency import paired
from tl_core import featurisers, images, threads
from tl_core.adaptation import base, ways  # noqa: F401 - makes the ways known
from tl_core.adaptation.base import CannotAdapt, Pool
from tl_core.evaluation.transferability import mixed
from tl_core.featurisers.baselines import PIXELS, SmallPicture
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.featurisers.together import Together, twin
from tl_core.heads.logistic import LogisticHead
from tl_core.pipeline import Picture, Runtime, embed_images

CACHE = Path("/tmp/adapting-benchmark")
SUFFIXES = {".png", ".jpg", ".jpeg"}
TAUGHT = 900
LAST, LEVELS = "last", "levels"


def seen(files: list[Path], runtime: Runtime) -> NDArray[np.float32]:
    """What a network makes of the pictures; all of them must be readable."""
    return np.stack([each.vector for each in embed_images([Picture(file) for file in files], runtime)])


def prepared(files: list[Path], featuriser: Any) -> NDArray[np.uint8]:
    """The pictures as a featuriser's graph takes them."""
    return np.stack([featuriser.preprocess(images.load(file, min_side=featuriser.decode_side)) for file in files])


def looked_at(files: list[Path], spec: str) -> dict[str, Any]:
    """Of all pictures the last layer, levels and pixels; twins of the first that are drawn; seconds for these."""
    key = hashlib.sha256(f"{spec} {[str(file) for file in files]}".encode()).hexdigest()[:16]
    kept = CACHE / f"{key}.npz"
    if not kept.exists():
        network = OnnxRuntime(featurisers.get(f"{spec},output=both"), CACHE)
        both = seen(files, Together({LAST: network, PIXELS: SmallPicture()}))
        width = next(block.stop for block in network.featuriser.blocks if block.name == LAST)
        started = time.monotonic()
        taught = [files[at] for at in drawn(len(files))[:TAUGHT]]
        twins = seen(taught, Together({LAST: OnnxRuntime(featurisers.get(spec), CACHE)}, twin))
        took = time.monotonic() - started
        last, levels, small = np.split(both, [width, network.featuriser.dimension], axis=1)
        CACHE.mkdir(exist_ok=True)
        np.savez(kept, last=last, levels=levels, pixels=small, twins=twins, seconds=took)
    return dict(np.load(kept))


def drawn(n: int) -> NDArray[np.intp]:
    """The order in which pictures are given to ways."""
    return np.random.default_rng(0).permutation(n)


def arms(files: list[Path], spec: str, names: list[str]) -> Iterator[tuple[str, NDArray[np.float32], float]]:
    """Each arm with unit rows of all pictures, and seconds that it took beyond embedding them."""
    known = looked_at(files, spec)
    last, order = known[LAST], drawn(len(files))
    width = last.shape[1]
    pool = Pool(
        spec,
        last[order],
        twins=known["twins"],
        pictures=lambda featuriser, most: prepared([files[at] for at in order[:most]], featuriser),
    )

    def beside(other: NDArray[np.float32]) -> NDArray[np.float32]:
        widths = (slice(0, width), False), (slice(width, width + other.shape[1]), True)
        return mixed(np.concatenate([last, other], axis=1), widths)

    yield LAST, mixed(last, [(slice(0, width), False)]), 0.0
    for name in (LEVELS, PIXELS):
        yield name, beside(known[name]), 0.0
    for way in base.ways():
        if way.name not in names or not way.needs <= pool.knows:
            continue
        started = time.monotonic()
        try:
            fitted: Any = way.fit(pool, np.random.default_rng(0), lambda share: None)
        except CannotAdapt as error:
            print(f"  {way.name}: {error}")
            continue
        seconds = time.monotonic() - started + (float(known["seconds"]) if base.TWINS in way.needs else 0)
        made = seen(files, fitted) if way.is_network else fitted.apply(last)
        yield way.name, beside(made) if way.beside else mixed(made, [(slice(0, made.shape[1]), False)]), seconds


def accuracy(Z: NDArray[np.float32], y: NDArray[Any], labels: int, seed: int) -> float:  # noqa: N803
    """Of a head fitted on so many random labels, on all others."""
    order = np.random.default_rng(seed).permutation(len(y))
    head = LogisticHead(C=30.0, pool_mean=np.zeros(Z.shape[1], np.float32)).fit(Z[order[:labels]], y[order[:labels]])
    return float((head.predict(Z[order[labels:]]) == y[order[labels:]]).mean())


def measure(directory: Path, spec: str, labels: list[int], seeds: int, names: list[str]) -> dict[str, Any]:
    """The figures of one set, by arm and label count."""
    files = sorted(file for file in directory.glob("*/*") if file.suffix.lower() in SUFFIXES)
    y = np.array([file.parent.name for file in files])
    print(f"{directory.name}: {len(files)} photographs, {len(np.unique(y))} classes", flush=True)
    found: dict[str, Any] = {}
    scores: dict[str, dict[int, list[float]]] = {}
    for arm, Z, seconds in arms(files, spec, names):  # noqa: N806
        with threads.single():
            scores[arm] = {n: [accuracy(Z, y, n, seed) for seed in range(seeds)] for n in labels}
        row: dict[str, Any] = {"seconds": round(seconds, 1), "dimension": Z.shape[1]}
        for n in labels:
            mean, low, high = paired(scores[arm][n], scores[LAST][n])
            row[str(n)] = {"accuracy": round(float(np.mean(scores[arm][n])), 4), "gain": round(mean, 4)}
            row[str(n)] |= {"low": round(low, 4), "high": round(high, 4)}
        found[arm] = row
        told = ", ".join(
            f"{n}: {row[str(n)]['accuracy']:.3f} ({100 * row[str(n)]['gain']:+.1f}, {100 * row[str(n)]['low']:+.1f} to "
            f"{100 * row[str(n)]['high']:+.1f})"
            for n in labels
        )
        print(f"  {arm:17} {told}  {seconds:.0f} s", flush=True)
    return found


def main() -> None:
    """Measure each set and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="+", type=Path)
    parser.add_argument("--featuriser", default="efficientnet-lite0")
    parser.add_argument("--labels", nargs="+", type=int, default=[50, 200])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ways", nargs="+", default=[way.name for way in base.ways()], metavar="NAME")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {
        each.name: measure(each, options.featuriser, options.labels, options.seeds, options.ways)
        for each in options.directories
    }
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
