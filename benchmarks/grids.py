# ruff: noqa: N806 - probabilities are P here
"""What labels by the page are worth: 200 looked at one by one, with and without a thousand confirmed as tiles.

    python -m benchmarks.grids DIR... [--seeds 5] [--json FILE]

Sets and embeddings as in `benchmarks.label_efficiency`. An oracle answers 200 samples that the default asks for, 20 at
a time; after each 20 it confirms two pages of 60 tiles, the ones that bring labels fastest, as the grid orders them,
and leaves out what is not of the page's class. ``alone`` = without any page; ``folded`` = pages count as they do in the
program; ``in_full`` = each tile counts as a label that was looked at. Figures are macro-F1 on samples that are never
asked for, and the lead over ``alone`` in pairs of seeds. Last line: JSON.
"""

import argparse
import json
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency import paired
from benchmarks.replay import Looking, Split, make_head, make_strategy
from tl_core import threads
from tl_core.evaluation import macro_f1
from tl_core.heads import strokes

WAYS = ("alone", "folded", "in_full")
LOOKED_AT, BATCH = 200, 20
PAGES, TILES = 2, 60
FEWEST = 6  # tiles that make a page
LOOK, CORRECT, TURN = 0.25, 1.2, 1.3  # seconds a tile, a wrong one, a page: labeller.learning.tiles


class Labelled:
    """Rows of the pool in the order in which they were labelled, and which of them were confirmed as tiles."""

    def __init__(self, data: Split, way: str) -> None:
        self.y, self.way = data.y, way
        self.rows = np.empty(0, np.intp)
        self.confirmed = np.empty(0, np.bool_)

    def add(self, rows: NDArray[np.intp], confirmed: bool) -> None:
        self.rows = np.concatenate([self.rows, rows])
        self.confirmed = np.concatenate([self.confirmed, np.full(len(rows), confirmed)])

    @property
    def rest(self) -> NDArray[np.intp]:
        return np.setdiff1d(np.arange(len(self.y)), self.rows)

    def fit(self, head: Any, data: Split) -> None:
        alone = np.full(len(self.rows), -1)
        weight = None if self.way == "in_full" else strokes.weights(self.y[self.rows], self.confirmed, alone)
        head.fit(data.X[self.rows], self.y[self.rows], weight)


def page(head: Any, data: Split, rest: NDArray[np.intp]) -> tuple[NDArray[np.intp], int]:
    """The tiles of the page that brings labels fastest, and their class; none where no class has enough."""
    P = head.predict_proba(data.X[rest])
    likeliest, sure = P.argmax(axis=1), P.max(axis=1)
    best, found = 0.0, (np.empty(0, np.intp), -1)
    for column in range(P.shape[1]):
        members = np.flatnonzero(likeliest == column)
        members = members[np.argsort(-sure[members], kind="stable")][:TILES]
        wrong = len(members) - float(sure[members].sum())
        pace = len(members) / (LOOK * len(members) + CORRECT * wrong + TURN)
        if len(members) >= FEWEST and pace > best:
            best, found = pace, (rest[members], int(head.classes_[column]))
    return found


def play(directory: Path, way: str, seed: int) -> tuple[list[float], int]:
    """Macro-F1 after each 20 samples that were looked at, and how many tiles were confirmed beside them."""
    warnings.simplefilter("ignore")
    looking = Looking.at_levels(directory, seed)
    data = looking.data()
    labelled, scores = Labelled(data, way), list[float]()
    rng = np.random.default_rng([seed, 7])
    with threads.single():
        head, choose = make_head("default", data), make_strategy("auto", data, seed)
        while not scores or len(scores) * BATCH < LOOKED_AT:
            asked = choose(head if len(labelled.rows) else None, labelled.rows, labelled.rest, BATCH, rng)
            labelled.add(asked, confirmed=False)
            if looking.changes(labelled.rows[~labelled.confirmed]):
                data = looking.data()
                head, choose = make_head("default", data), make_strategy("auto", data, seed)
            labelled.fit(head, data)
            for _ in range(PAGES if way != "alone" else 0):
                tiles, of_class = page(head, data, labelled.rest)
                labelled.add(tiles[data.y[tiles] == of_class], confirmed=True)
            labelled.fit(head, data)
            scores.append(macro_f1(data.y_test, head.predict(data.X_test)))
    return scores, int(labelled.confirmed.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR", help="one folder a class")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for directory in options.sets:
        with ProcessPoolExecutor(2) as executor:
            asked = {
                way: [executor.submit(play, directory, way, each) for each in range(options.seeds)] for way in WAYS
            }
            played = {way: [future.result() for future in futures] for way, futures in asked.items()}
        ends = {way: [scores[-1] for scores, _ in runs] for way, runs in played.items()}
        halves = {way: [scores[len(scores) // 2 - 1] for scores, _ in runs] for way, runs in played.items()}
        figures[directory.name] = {
            way: {
                "macro_f1": round(float(np.mean(ends[way])), 3),
                "confirmed": round(float(np.mean([count for _, count in played[way]]))),
                "ahead_of_alone": [round(each, 3) for each in paired(ends[way], ends["alone"])],
                "ahead_at_half": [round(each, 3) for each in paired(halves[way], halves["alone"])],
            }
            for way in WAYS
        }
        print(directory.name, json.dumps(figures[directory.name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
