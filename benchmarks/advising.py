# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Whether the advice picks the right network, and says where none serves: half of a set advises, the other half judges.

    python -m benchmarks.advising DIR... [--pictures 2000] [--networks efficientnet-lite0 efficientnet-lite2] [--noise]
                                  [--json FILE]

Each DIR holds one folder a class. Candidates are the networks' last layer, levels and both; what has learnt nothing
stands beside them. The pick of the advice, and the picks by neighbours, by LogME and by size, are judged by a linear
head's balanced accuracy in folds of the other half: the loss is what a pick misses there of the best candidate. Then
random weights are the only candidate: the advice must say that they are no better than pixels. --noise adds a set of
three classes of noise. Last line: JSON {set: {"pick": …, "loss": …, "by neighbours": …, "verdict": …, "seconds": …}}.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.featurise import SUFFIXES
from tl_core import featurisers, threads
from tl_core.evaluation import advice, likeness
from tl_core.evaluation import transferability as transfer
from tl_core.featurisers import baselines
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture, embed_images

NETWORKS = ("efficientnet-lite0", "efficientnet-lite2")
AGAIN = "random weights again"  # by another seed, where they alone are to be advised
NOISE = 3, 400  # classes, and pictures of each


class Candidates:
    """All that is tried of a set's pictures: unit rows by name, whose network each is, and seconds a picture."""

    def __init__(self, files: list[Path], networks: list[str], work: Path) -> None:
        self.y = np.unique([file.parent.name for file in files], return_inverse=True)[1]
        self.pictures = [Picture(file) for file in files]
        self.rows: dict[str, NDArray[np.float32]] = {}
        self.network: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        wide = [f"{name},output=both" for name in networks]
        for name, spec in zip(networks, wide, strict=True):
            self._add(name, spec, work)
        self._add(baselines.UNTRAINED, baselines.untrained(wide[0], work), work)
        self._add(AGAIN, baselines.untrained(wide[0], work, seed=1), work)
        for small in (baselines.SmallPicture(), baselines.Gradients()):
            self._try(small.name, self._embedded(small.name, small), small.parts)

    def _add(self, name: str, spec: str, work: Path) -> None:
        featuriser = featurisers.get(spec)
        X = self._embedded(name, OnnxRuntime(featuriser, work / "models"))
        stop = next(block.stop for block in featuriser.blocks if block.name == "last")
        last, levels = (slice(0, stop), False), (slice(stop, featuriser.dimension), True)
        for part, columns in (("last", (last,)), ("levels", (levels,)), ("both", (last, levels))):
            self._try(f"{name}, {part}", X, columns, name)

    def _embedded(self, name: str, runtime: Any) -> NDArray[np.float32]:
        started = time.perf_counter()
        found = [each.vector for each in embed_images(self.pictures, runtime)]
        self.seconds[name] = (time.perf_counter() - started) / len(found)
        return np.stack([each for each in found if each is not None])

    def _try(self, title: str, X: NDArray[np.float32], columns: Any, network: str = "") -> None:
        self.rows[title], self.network[title] = transfer.mixed(X, columns), network or title

    def advised(
        self, at: NDArray[np.intp], titles: list[str], trained: list[str], rng: np.random.Generator
    ) -> advice.Verdict:
        """The advice from these pictures, where the networks named so count as trained."""
        fold = transfer.folds(self.y[at], np.arange(len(at)), rng)
        tried = [
            advice.Tried(
                network=self.network[title],
                title=title,
                is_trained=self.network[title] in trained,
                seconds=self.seconds[self.network[title]],
                dimension=self.rows[title].shape[1],
                correct=transfer.head_correct(self.rows[title][at], self.y[at], fold),
            )
            for title in titles
        ]
        return advice.judge(tried, self.y[at], np.arange(len(at)), rng)


def figures(files: list[Path], networks: list[str], work: Path) -> dict[str, Any]:
    """The picks of one set and what they miss."""
    rng = np.random.default_rng(0)
    found = Candidates(files, networks, work)
    order = rng.permutation(len(files))
    ours, theirs = order[: len(order) // 2], order[len(order) // 2 :]
    learnt = [title for title in found.rows if found.network[title] in networks]
    nothing = [baselines.PIXELS, baselines.GRADIENTS]
    first = f"{baselines.UNTRAINED}, both"
    again = [title for title in found.rows if found.network[title] == AGAIN]
    started = time.perf_counter()
    told = found.advised(ours, [*learnt, *nothing, first], networks, rng)
    seconds = time.perf_counter() - started + sum(found.seconds[name] for name in networks) * len(files)
    random = found.advised(ours, [*again, *nothing, first], [AGAIN], rng)
    y = found.y[theirs]
    fold = transfer.folds(y, np.arange(len(theirs)), rng)
    resamples = transfer.Resamples(y, np.arange(len(theirs)), rng)
    truth = {title: resamples.score(transfer.head_correct(found.rows[title][theirs], y, fold)) for title in learnt}
    here = transfer.Resamples(found.y[ours], np.arange(len(ours)), rng)
    near = {title: here.score(likeness.neighbours_correct(found.rows[title][ours], found.y[ours])) for title in learnt}
    at = transfer.folds(found.y[ours], np.arange(len(ours)), rng)
    evidence = {title: np.nanmean(transfer.logme_parts(found.rows[title][ours], found.y[ours], at)) for title in learnt}
    best = max(truth.values())

    def loss(title: str) -> float:
        return round(best - truth[title], 4)

    pick = learnt[told.pick] if told.pick is not None else ""
    return {
        "pictures": len(files),
        "pick": pick,
        "loss": loss(pick) if pick else None,
        "by neighbours": loss(max(near, key=lambda title: near[title])),
        "by LogME": loss(max(evidence, key=lambda title: evidence[title])),
        "by size": loss(f"{networks[-1]}, last"),
        "verdict": told.sentence.code,
        "random weights": random.sentence.code,
        "seconds": round(seconds, 1),
    }


def noise(directory: Path) -> list[Path]:
    """Three classes of pictures that nothing tells apart."""
    rng = np.random.default_rng(0)
    files = []
    for name in range(NOISE[0]):
        (directory / f"noise-{name}").mkdir()
        for number in range(NOISE[1]):
            files.append(directory / f"noise-{name}" / f"{number}.png")
            Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(files[-1])
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--pictures", type=int, default=2000, help="of each set, at most")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="the largest last")
    parser.add_argument("--noise", action="store_true")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="labeller-advising-") as scratch, threads.single():
        work = Path(scratch)
        sets = {
            each.name: sorted(file for file in each.glob("*/*") if file.suffix.lower() in SUFFIXES)
            for each in options.sets
        }
        if options.noise:
            sets["noise"] = noise(work)
        for name, files in sets.items():
            some = np.random.default_rng(0).permutation(len(files))[: options.pictures]
            everything[name] = figures([files[at] for at in some], options.networks, work)
            print(json.dumps({name: everything[name]}), flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2) + "\n")
    print(json.dumps(everything))


if __name__ == "__main__":
    main()
