# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Fine-tuning above a cut: its gain over a linear head on all levels, its time, and whether the advice was right.

    python -m benchmarks.finetuning DIR... [--labels 200 800] [--cuts _blocks.14] [--whole MINUTES] [--quick]

Each DIR holds one folder a class; what belongs together is told as to `benchmarks.transfer`, and a third of the groups
(else of the pictures) is judged on. For each number of labels ("all" is every one that is not judged on) the upper part
of EfficientNet-Lite0 is trained on them and compared, on the same pictures, with the linear head on the mix that the
labels speak for: accuracies, the gain with its interval (95 %, by groups), and the advice that was given
beforehand, by the head's cross-validation alone. "better" is a gain beyond the interval. Activations are kept beside
each other in one directory, as fine-tuning itself keeps them; --most bounds the pictures.

With --replays so many decisions are made as a site makes them, by nested folds on 300 random labels and more; where one
is to switch, the network for use is trained, and pictures that were never labelled say whether that was right.

With --whole the whole of it is run as a site does, all labels, nested folds, within so many minutes; with --quick in
its quick mode. Last line: JSON {set: {"cases": […], "replays": […], "whole": {…}, "quick": {…}, "megabytes": peak}}.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.transfer import Pictures
from tl_core import featurisers, threads
from tl_core.adaptation import finetuning, judging, splitting, training
from tl_core.adaptation.activations import Activations
from tl_core.adaptation.outputs import Target
from tl_core.adaptation.training import Recipe
from tl_core.adaptation.work import Work
from tl_core.adaptation.worth import Evidence, worth
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture

BASE = "efficientnet-lite0"
NOT_MIRRORED = "spectrogram"  # in a set's name: mirror images are of another class


class Tuned:
    """A set, its activations at a cut, and what is judged on."""

    def __init__(self, directory: Path, cut: str, home: Path, most: int, seed: int) -> None:
        self.pictures, self.cut, self.seed = Pictures(directory), cut, seed
        self.mirrored = NOT_MIRRORED not in directory.name
        rng = np.random.default_rng(seed)
        test = self.pictures.judged_on(rng)
        order = rng.permutation(len(test))
        kept = np.concatenate([order[~test[order]][:most], order[test[order]][: max(most // 2, 500)]])
        self.pool, self.tested = kept[~test[kept]], kept[test[kept]]
        self.place = np.full(len(test), -1)
        self.place[kept] = np.arange(len(kept))
        self.network: Any = featurisers.get(BASE)
        below = splitting.Below(self.network, cut, mirrored=self.mirrored)
        self.activations = Activations(home / directory.name / cut / str(most), len(kept), below.views, below.shape)
        started = time.perf_counter()
        paths = [Picture(directory / self.pictures.paths[at]) for at in kept]
        self.activations.compute(paths, OnnxRuntime(below, home / "models"))
        self.seconds_below = time.perf_counter() - started

    @property
    def groups(self) -> NDArray[np.intp] | None:
        """What belongs together, of the whole set."""
        known = self.pictures.groups
        return None if known is None else np.unique(known, return_inverse=True)[1]

    def case(self, count: int, recipe: Recipe) -> dict[str, Any]:
        """Train on so many labels, and compare."""
        labelled = self.pool[:count]
        classes = int(self.pictures.y.max()) + 1
        X = self.pictures.seen(self.pictures.chosen(labelled, self.seed))
        target = Target(self.pictures.y.astype(np.intp), classes)
        groups = self.groups
        rival = judging.head_right(X, target, labelled, self.tested)
        expected = worth(Evidence(count, len(np.unique(target.codes[labelled])), self._cross_validated(X, labelled)))
        here = Target(target.codes[self._kept()], classes)
        inner, held = judging.held_out(target, groups, labelled, self.seed)
        started = time.perf_counter()
        halves, trained = self._trained(here, inner, held, recipe)
        seconds = time.perf_counter() - started
        everything = np.concatenate([labelled, self.tested])
        tuned = judging.head_right(self._seen(halves, everything), target, labelled, self.tested)
        own = training.predict(halves.upper, trained.outputs, self.activations, self.place[self.tested])[0]
        compared = judging.compare(tuned, rival, None if groups is None else groups[self.tested])
        return {
            "labels": count,
            "cut": self.cut,
            "linear": round(compared.rival, 4),
            "tuned": round(compared.tuned, 4),
            "outputs": round(float((own.argmax(axis=1) == target.codes[self.tested]).mean()), 4),
            "gain": [round(each, 4) for each in (compared.gain, compared.low, compared.high)],
            "better": compared.is_better,
            "advice": expected.verdict,
            "reason": expected.reason,
            "expected": None if expected.gain is None else round(expected.gain, 4),
            "right": (expected.verdict == "worth it") == compared.is_better,
            "epochs": len(trained.curve),
            "seconds": round(seconds, 1),
        }

    def replay(self, count: int, seed: int, recipe: Recipe) -> dict[str, Any]:
        """Decide as a site does on so many random labels, and see on other pictures what a switch would have done."""
        rng = np.random.default_rng(seed)
        labelled = np.sort(rng.permutation(self.pool)[:count])
        target = Target(self.pictures.y.astype(np.intp), int(self.pictures.y.max()) + 1)
        groups = self.groups
        X = self.pictures.seen(self.pictures.chosen(labelled, seed))
        here = Target(target.codes[self._kept()], target.classes)
        part = Target(target.codes[labelled], target.classes)
        fold = judging.folds(part, None if groups is None else groups[labelled], seed)
        tuned, rival, best, parts = [], [], [], []
        for number in range(int(fold.max()) + 1):
            fitted, judged = labelled[fold != number], labelled[fold == number]
            inner, held = judging.held_out(target, groups, fitted, seed)
            halves, trained = self._trained(here, inner, held, recipe)
            best.append(trained.best)
            parts.append(judged)
            tuned.append(judging.head_right(self._seen(halves, labelled), target, fitted, judged))
            rival.append(judging.head_right(X, target, fitted, judged))
        together = None if groups is None else groups[np.concatenate(parts)]
        compared = judging.compare(np.concatenate(tuned), np.concatenate(rival), together)
        told: dict[str, Any] = {"labels": count, "seed": seed, "gain": round(compared.gain, 4)}
        told |= {"low": round(compared.low, 4), "switches": judging.is_better([compared])}
        if told["switches"]:
            epochs = max(1, round(float(np.median(best))))
            halves, _ = self._trained(here, labelled, labelled[:0], replace(recipe, epochs=epochs))
            everything = np.concatenate([labelled, self.tested])
            now = judging.head_right(self._seen(halves, everything), target, labelled, self.tested)
            before = judging.head_right(X, target, labelled, self.tested)
            real = judging.compare(now, before, None if groups is None else groups[self.tested])
            told["really"] = [round(each, 4) for each in (real.gain, real.low, real.high)]
        return told

    def _trained(self, here: Target, inner: Any, held: Any, recipe: Recipe) -> tuple[Any, training.Trained]:
        halves = splitting.split(self.network, self.cut)
        trained = training.train(halves.upper, self.activations, [here], self.place[inner], self.place[held], recipe)
        return halves, trained

    def _seen(self, halves: Any, at: NDArray[np.intp]) -> NDArray[np.float32]:
        """Embeddings of these pictures, in the places of all."""
        embeddings = np.zeros((len(self.place), halves.dimension), np.float32)
        embeddings[at] = training.embed(halves.upper, self.activations, self.place[at])
        return embeddings

    def _kept(self) -> NDArray[np.intp]:
        return np.argsort(np.where(self.place < 0, len(self.place), self.place), kind="stable")[
            : (self.place >= 0).sum()
        ]

    def _cross_validated(self, X: NDArray[np.float32], labelled: NDArray[np.intp]) -> float:
        """The linear head's accuracy on the labels themselves, each by a head without it: what a site knows."""
        target = Target(self.pictures.y[labelled].astype(np.intp), int(self.pictures.y.max()) + 1)
        groups = None if self.groups is None else self.groups[labelled]
        fold = judging.folds(target, groups, self.seed)
        parts = [
            judging.head_right(X[labelled], target, np.flatnonzero(fold != number), np.flatnonzero(fold == number))
            for number in range(fold.max() + 1)
        ]
        return float(np.concatenate(parts).mean())


def whole(directory: Path, minutes: float, *, quick: bool, most: int) -> dict[str, Any]:
    """All of it as a site does, on all labels: nested folds, and the network for use where it is better."""
    pictures = Pictures(directory)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(pictures.y))[:most])
    X = pictures.seen(pictures.chosen(chosen, 0))[chosen]
    groups = None if pictures.groups is None else np.unique(pictures.groups[chosen], return_inverse=True)[1]
    with tempfile.TemporaryDirectory(prefix="labeller-finetuning-") as home:
        network: Any = featurisers.get(BASE)
        work = Work(
            featuriser=network,
            pictures=[Picture(directory / pictures.paths[at]) for at in chosen],
            targets=[Target(pictures.y[chosen].astype(np.intp), int(pictures.y.max()) + 1)],
            rivals=[X],
            directory=Path(home),
            runtime=lambda featuriser: OnnxRuntime(featuriser, Path(home) / "models"),
            groups=groups,
            seconds=60 * minutes,
            quick=quick,
            mirrored=NOT_MIRRORED not in directory.name,
        )
        tuned = finetuning.tune(work)
    first = tuned.comparisons[0]
    return {
        "labels": len(chosen),
        "cut": tuned.plan.cut,
        "epochs": tuned.plan.epochs,
        "tested": first.n,
        "linear": round(first.rival, 4),
        "tuned": round(first.tuned, 4),
        "gain": [round(each, 4) for each in (first.gain, first.low, first.high)],
        "switches": tuned.state is not None,
        "planned": round(tuned.plan.seconds, 1),
        "seconds": round(tuned.seconds, 1),
    }


def _replays(prepared: Tuned, count: int, recipe: Recipe) -> list[dict[str, Any]]:
    """Decisions on 300 labels and more, up to all of the pool."""
    sizes = np.geomspace(300, len(prepared.pool), max(count, 1)).astype(int)
    told = []
    for seed in range(count):
        told.append(prepared.replay(int(sizes[seed]), seed, recipe))
        print(json.dumps({"replay": told[-1]}), flush=True)
    return told


def peak_megabytes() -> float:
    """The most memory this process has had."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--labels", type=int, nargs="*", default=[200, 800], help="besides all")
    parser.add_argument("--cuts", nargs="*", default=["_blocks.14"])
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--most", type=int, default=20_000, help="pictures to learn from; half as many are judged on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", type=float, metavar="MINUTES", help="also all of it, within so many minutes")
    parser.add_argument("--quick", action="store_true", help="also all of it in the quick mode")
    parser.add_argument("--replays", type=int, default=0, help="decisions on random labels, at the first cut")
    parser.add_argument("--keep", type=Path, help="directory for activations, for another run to find them")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="labeller-activations-") as scratch, threads.single():
        for directory in options.sets:
            cases: list[dict[str, Any]] = []
            for cut in options.cuts:
                prepared = Tuned(directory, cut, options.keep or Path(scratch), options.most, options.seed)
                print(f"{directory.name} {cut}: activations in {prepared.seconds_below:.0f} s", flush=True)
                counts = [count for count in options.labels if count < len(prepared.pool)]
                for count in [*counts, len(prepared.pool)]:
                    cases.append(prepared.case(count, Recipe(epochs=options.epochs)))
                    print(json.dumps({"set": directory.name, **cases[-1]}), flush=True)
                if cut == options.cuts[0]:
                    replays = _replays(prepared, options.replays, Recipe(epochs=options.epochs))
            found = everything[directory.name] = {"cases": cases, "replays": replays}
            if options.quick:
                found["quick"] = whole(directory, 1, quick=True, most=min(3000, options.most))
            if options.whole:
                found["whole"] = whole(directory, options.whole, quick=False, most=options.most)
            found["megabytes"] = peak_megabytes()
            print(json.dumps({directory.name: {key: found[key] for key in found if key != "cases"}}), flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2) + "\n")
    print(json.dumps(everything))


if __name__ == "__main__":
    main()
