# ruff: noqa: N806 - matrices are X here, as in scikit-learn
"""Which level of a network to transfer, and whether to tune it: accuracies of random labels on labelled photographs.

    python -m benchmarks.transfer DIR... [--seeds 5] [--labels 50 200 800] [--finetune MINUTES] [--docs] [--json FILE]

Each DIR holds one folder a class. `groups.csv` (file, group) or a column `speaker` in `labels.csv` says what belongs
together: whole groups are judged on, a third of them drawn anew for each seed (the group "test" where there is one);
else 30 % of each class. Embeddings are EfficientNet-Lite0's last layer and levels, from one pass; heads are logistic
regression (C = 30, centred unit vectors), so that only what they see differs. "chosen" is what `weighing` takes by the
labels alone. "all" is every label that is not judged on. With --finetune the network is tuned on all labels within so
many minutes, on one seed, and compared with the linear head on the chosen mix by the same pictures held out.

Last line: JSON {set: {"last": {"200": accuracy, …}, "chosen": {…}, "lead": {"200": [mean, low, high]}, …}}.
"""

import argparse
import csv
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import plot
from benchmarks.label_efficiency import paired
from benchmarks.replay import BOTH, WEIGHTS, embedded
from tl_core import featurisers, threads
from tl_core.evaluation import macro_f1
from tl_core.heads import weighing
from tl_core.heads.logistic import LogisticHead
from tl_core.spaces import mixing

DOC = Path(__file__).parent.parent / "docs" / "transfer.md"
CHOSEN = "chosen"
BY_SEVERAL = 1000  # labels, above which fewer seeds tell enough


class Pictures:
    """A set: embeddings of both kinds, classes, and what belongs together."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.X, self.paths = embedded(directory, BOTH)
        self.y = np.unique([path.split("/")[0] for path in self.paths], return_inverse=True)[1]
        self.groups = self._groups()
        self.blocks = featurisers.make(BOTH).blocks
        stop = self.blocks[0].stop
        parts = [("last", self.X[:, :stop], False), ("levels", self.X[:, stop:], True)]
        even = mixing.fit(parts, np.random.default_rng(0))
        self.even = np.concatenate(even.scales)
        self.stop = stop

    def _groups(self) -> NDArray[np.str_] | None:
        for name, column in (("groups.csv", "group"), ("labels.csv", "speaker")):
            if not (self.directory / name).exists():
                continue
            with (self.directory / name).open(newline="") as file:
                rows = list(csv.DictReader(file))
            if rows and column in rows[0]:
                of = {row["file"]: row[column] for row in rows}
                return np.array([of[path] for path in self.paths])
        return None

    def judged_on(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """What is judged on, never labelled: bool (n,)."""
        if self.groups is not None:
            names = np.unique(self.groups)
            if "test" in names:
                return np.asarray(self.groups == "test")
            return np.isin(self.groups, rng.permutation(names)[: max(1, len(names) // 3)])
        test = np.zeros(len(self.y), np.bool_)
        for one in range(self.y.max() + 1):
            members = rng.permutation(np.flatnonzero(self.y == one))
            test[members[: max(1, round(0.3 * len(members)))]] = True
        return test

    def ways(self) -> dict[str, NDArray[np.float32]]:
        """What a head may see, by name: what columns are multiplied by, 0 = not seen."""
        by_weights = [np.where(np.arange(len(self.even)) < self.stop, *pair).astype(np.float32) for pair in WEIGHTS]
        ways = {"last": by_weights[0], "levels": by_weights[-1], "both": by_weights[2]}
        for block in self.blocks[1:]:
            ways[block.name] = np.zeros(len(self.even), np.float32)
            ways[block.name][block.start : block.stop] = 1
        return {name: way * self.even for name, way in ways.items()}

    def seen(self, scale: NDArray[np.float32]) -> NDArray[np.float32]:
        """The pictures as a head sees them."""
        return np.ascontiguousarray(self.X[:, scale > 0] * scale[scale > 0])

    def chosen(self, labelled: NDArray[np.intp], seed: int) -> NDArray[np.float32]:
        """What the labels speak for."""
        scales = [
            np.where(np.arange(len(self.even)) < self.stop, *pair).astype(np.float32) * self.even for pair in WEIGHTS
        ]
        groups = None if self.groups is None else np.unique(self.groups[labelled], return_inverse=True)[1]
        several = groups is not None and groups.max() >= weighing.FOLDS
        seen = [self.seen(scale) for scale in scales]
        weighed = weighing.weigh(
            [each[labelled] for each in seen],
            self.y[labelled],
            [each.mean(axis=0) for each in seen],
            groups.astype(np.int64) if several and groups is not None else None,
            np.random.default_rng(seed),
        )
        return scales[weighed.chosen]


def judged(pictures: Pictures, seed: int, counts: list[int]) -> dict[str, dict[str, tuple[float, float]]]:
    """Accuracy and macro-F1 of each way by number of labels, "all" = every one."""
    rng = np.random.default_rng(seed)
    test = pictures.judged_on(rng)
    pool = rng.permutation(np.flatnonzero(~test))
    rows: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for count in [*[count for count in counts if count < len(pool)], len(pool)]:
        labelled = pool[:count]
        ways = {**pictures.ways(), CHOSEN: pictures.chosen(labelled, seed)}
        for name, scale in ways.items():
            X = pictures.seen(scale)
            head = LogisticHead(pool_mean=X.mean(axis=0)).fit(X[labelled], pictures.y[labelled])
            said = head.predict(X[test])
            accuracy = float((said == pictures.y[test]).mean())
            rows[name]["all" if count == len(pool) else str(count)] = accuracy, macro_f1(pictures.y[test], said)
    return rows


def figures(directory: Path, seeds: int, counts: list[int]) -> dict[str, Any]:
    """The figures of one set: means over seeds, and the chosen mix's lead over the last layer in pairs."""
    pictures = Pictures(directory)
    started = time.perf_counter()
    with threads.single():
        runs = [judged(pictures, seed, counts) for seed in range(seeds)]
    found: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 1)}
    for name in runs[0]:
        found[name] = {n: round(float(np.mean([run[name][n][0] for run in runs])), 3) for n in runs[0][name]}
        found[f"{name} macro-F1"] = {
            n: round(float(np.mean([run[name][n][1] for run in runs])), 3) for n in runs[0][name]
        }
    found["lead"] = {
        n: [round(each, 3) for each in paired([run[CHOSEN][n][0] for run in runs], [run["last"][n][0] for run in runs])]
        for n in runs[0][CHOSEN]
    }
    found["megabytes"] = {
        "last": round(len(pictures.y) * pictures.stop * 4 / 1e6, 1),
        "levels": round(len(pictures.y) * (len(pictures.even) - pictures.stop) * 2 / 1e6, 1),
    }
    return found


def finetuned(directory: Path, minutes: float) -> dict[str, Any]:
    """The network tuned on all labels but those judged on, and its rival there."""
    from tl_core.adaptation import finetuning
    from tl_core.adaptation.outputs import Target
    from tl_core.adaptation.work import Work
    from tl_core.featurisers.onnx_runtime import OnnxRuntime
    from tl_core.pipeline import Picture

    pictures = Pictures(directory)
    mirrored = "spectrogram" not in directory.name
    groups = None if pictures.groups is None else np.unique(pictures.groups, return_inverse=True)[1]
    with tempfile.TemporaryDirectory(prefix="labeller-finetuning-") as home:
        work = Work(
            featuriser=featurisers.get("efficientnet-lite0"),  # type: ignore[arg-type]
            pictures=[Picture(directory / path) for path in pictures.paths],
            targets=[Target(pictures.y.astype(np.int64), int(pictures.y.max()) + 1)],
            rivals=[pictures.seen(pictures.chosen(np.arange(len(pictures.y)), 0))],
            directory=Path(home),
            runtime=lambda featuriser: OnnxRuntime(featuriser, Path(home) / "models"),
            groups=groups,
            seconds=60 * minutes,
            mirrored=mirrored,
        )
        tuned = finetuning.tune(work)
    first = tuned.comparisons[0]
    return {"seconds": round(tuned.seconds, 1), "cut": tuned.plan.cut, "epochs": tuned.plan.epochs, **vars(first)}


def table(name: str, found: dict[str, Any]) -> str:
    """Markdown."""
    counts = list(found["last"])
    ways = [key.removesuffix(" macro-F1") for key in found if key.endswith(" macro-F1")]

    def row(title: str, cells: list[str]) -> str:
        return f"| {' | '.join([title, *cells])} |"

    leads = ["{:+.3f} ({:+.3f} to {:+.3f})".format(*found["lead"][n]) for n in counts]
    rows = [row(way, [f"{found[way][n]:.3f}" for n in counts]) for way in ways]
    head = [row(name, [f"{n} labels" for n in counts]), "|---|" + "---|" * len(counts)]
    return "\n".join([*head, *rows, row("chosen before last", leads)])


def document(everything: dict[str, Any]) -> str:
    """The table of docs/transfer.md: what heads see, and the lead of what the labels speak for."""
    lines = ["| set | labels | last layer | levels | both | chosen | chosen before last (95 %) |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, found in everything.items():
        for at, n in enumerate(found["last"]):
            lead = "{:+.3f} ({:+.3f} to {:+.3f})".format(*found["lead"][n])
            cells = [f"{found[way][n]:.3f}" for way in ("last", "levels", "both", CHOSEN)]
            lines.append(f"| {' | '.join(['' if at else name, n, *cells, lead])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 200, 800])
    parser.add_argument("--finetune", type=float, metavar="MINUTES", help="also tune the network, in so many minutes")
    parser.add_argument("--docs", action="store_true", help="write table and plot into docs/transfer.md")
    parser.add_argument("--json", nargs="?", const="", help="also write the figures to this file")
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    for directory in options.sets:
        found = everything[directory.name] = figures(directory, options.seeds, options.labels)
        print(table(directory.name, found), flush=True)
        if options.finetune:
            found["finetuned"] = finetuned(directory, options.finetune)
            print(f"finetuned: {found['finetuned']}", flush=True)
    if options.docs:
        start, end = "<!-- measured: levels -->", "<!-- measured: end -->"
        before, _, rest = DOC.read_text().partition(start)
        DOC.write_text(f"{before}{start}\n{document(everything)}\n{end}{rest.partition(end)[2]}")
        ways = {"last layer": "last", "levels": "levels", "chosen by the labels": CHOSEN}
        drawn = {
            name: {title: found[way]["200"] for title, way in ways.items()}
            for name, found in everything.items()
            if "200" in found["last"]
        }
        plot.dots(drawn, "accuracy at 200 random labels", DOC.parent / "images" / "levels.svg")
    if options.json:
        Path(options.json).write_text(json.dumps(everything, indent=2, default=float) + "\n")
    print(json.dumps(everything, default=float))


if __name__ == "__main__":
    main()
