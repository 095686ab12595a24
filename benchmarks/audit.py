"""What is claimed from audit samples: how narrow, how often right, and what it costs in learning.

    python -m benchmarks.audit DIR[:BUDGET]... [--seeds 3] [--runs 500] [--early 1 2.5 4] [--json [FILE]]

Each DIR is as for `benchmarks.label_efficiency`. The default head and `auto` are replayed, batches of 20, 600 labels;
of every head it is kept whether it is right about each sample that is unlabelled then, and how much it doubts it. From
these records audits are drawn anew, `--runs` times a set: so heads are real and change, and the truth is known exactly.

half-widths   after 30, 60, 120 and 240 audit samples, spread evenly over the replay: today's (`doubtful_sequence`, with
              that number foreseen) against the first version's (`confidence_sequence`), 95 %
coverage      the share of runs in which all intervals after 1, 2, ..., n samples hold what they claim
at 150        half-width, lower end and samples at 150 labels, as pages show them, against the first version's: a tenth
              audited, counted from the 50th label on
early         the trade: for each number of times that audits come early, AUBC up to 150 labels and to the budget
              (macro-F1 on what is never asked for), and the half-width at 150 labels
apart         half-width at 150 labels of one look (Clopper-Pearson, 97.5 %) at a head that never saw the audit samples

Last line: JSON {set: {old_half, new_half, ratio, coverage, half_at_150, ...}}.
"""

import argparse
import json
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency import parsed
from benchmarks.replay import AUDIT_SHARE, Looking, Played, Split, judge, make_head, must_hold
from tl_core import threads
from tl_core.evaluation import aubc, binomial_interval, confidence_sequence, doubtful_sequence
from tl_core.query import planning
from tl_core.query.covering import COLD_START, spread_centroids

NUMBERS = (30, 60, 120, 240)  # of audit samples
LOOK = 150  # labels
ERROR = 0.05
# From which label on is counted at 150 labels, and which part of the error that window has.
FIRST_VERSION, NOW = (50, ERROR / 6), (0, ERROR / 2)
FORESEEN = 32  # audit samples of the first window, see labeller.labels.selectors


@dataclass
class Told:
    """What a head was about to be asked of: its number of labels, and of all that was unlabelled what it thought."""

    labels: int
    right: NDArray[np.bool_]
    doubt: NDArray[np.float32]


@dataclass
class Replay:
    """What one seed brought."""

    told: list[Told] = field(default_factory=list)
    played: Played = field(default_factory=Played)
    audited: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    apart: float = np.nan


# --- replaying ------------------------------------------------------------------------------------


def play(directory: Path, seed: int, budget: int, batch: int, early: float) -> Replay:
    """Replay the default head with `auto`, audits coming `early` times as often at first."""
    warnings.simplefilter("ignore")
    looking = Looking.at_levels(directory, seed)
    data, rng, found = looking.data(), np.random.default_rng([seed, 7]), Replay()
    must_hold(data, budget)
    head, start = make_head("default", data), _start(data, seed)
    labelled = np.empty(0, np.intp)
    with threads.single():
        while True:
            if looking.changes(labelled):
                data = looking.data()
                head, start = make_head("default", data), _start(data, seed)
            if len(labelled):
                head.fit(data.X[labelled], data.y[labelled])
                judge(head, data, len(labelled), found.played)
            if len(labelled) >= budget:
                return found
            rest = np.setdiff1d(np.arange(len(data.y)), labelled)
            if len(labelled):
                said = head.predict_proba(data.X[rest])
                right = head.classes_[said.argmax(axis=1)] == data.y[rest]
                found.told.append(Told(len(labelled), right, 1 - said.max(axis=1)))
            if LOOK <= len(labelled) < LOOK + batch:
                found.apart = _apart(data, labelled, found.audited)
            share = planning.audit_share(AUDIT_SHARE, int(found.audited.sum()), early)
            picks = _picks(head if len(labelled) else None, data, labelled, rest, start, batch, share, rng)
            picks = picks[: budget - len(labelled)]
            labelled = np.concatenate([labelled, [pick.position for pick in picks]]).astype(np.intp)
            found.audited = np.concatenate([found.audited, [pick.strategy == planning.AUDIT for pick in picks]])


def _start(data: Split, seed: int) -> list[tuple[int, float]]:
    positions, scores = spread_centroids(data.X, COLD_START, np.random.default_rng(seed))
    return list(zip(positions.tolist(), scores.tolist(), strict=True))


def _picks(
    head: Any,
    data: Split,
    labelled: NDArray[np.intp],
    rest: NDArray[np.intp],
    start: list[tuple[int, float]],
    k: int,
    share: float,
    rng: np.random.Generator,
) -> list[planning.Pick]:
    allowed = np.zeros(len(data.y), bool)
    allowed[rest] = True
    given = planning.Situation(data.X, allowed, data.X[labelled], data.X.mean(axis=0), start=start)
    return planning.plan(head, given, k, audit_share=share, random_state=rng)


def _apart(data: Split, labelled: NDArray[np.intp], audited: NDArray[np.bool_]) -> float:
    """Half-width of one look at a head that is fitted on the labels that are no audits."""
    drawn, others = labelled[audited], labelled[~audited]
    head = make_head("default", data).fit(data.X[others], data.y[others])
    right = int((head.predict(data.X[drawn]) == data.y[drawn]).sum())
    low, high = binomial_interval(right, len(drawn), 1 - ERROR / 2)
    return (high - low) / 2


# --- drawing audits from what was told ------------------------------------------------------------


@dataclass
class Trail:
    """Audit samples drawn from records: outcome, doubts, and the accuracy of each one's head on its pool."""

    right: NDArray[np.bool_]
    doubt: NDArray[np.float64]
    pool_doubt: NDArray[np.float64]
    truth: NDArray[np.float64]


def drawn(told: list[Told], of: NDArray[np.intp], rng: np.random.Generator) -> Trail:
    """One audit sample of each of these heads, uniformly from its pool."""
    rows = []
    for each in (told[at] for at in of):
        at = int(rng.integers(len(each.right)))
        rows.append((each.right[at], each.doubt[at], each.doubt.mean(dtype=np.float64), each.right.mean()))
    right, *others = np.array(rows, np.float64).reshape(-1, 4).T
    return Trail(right.astype(bool), *others)


def widths(told: list[Told], n: int, runs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Of each run the first version's half-width after n samples, today's, and whether today's always held."""
    of = np.linspace(0, len(told) - 1, n).round().astype(np.intp)
    rows = []
    for _ in range(runs):
        trail = drawn(told, of, rng)
        old = confidence_sequence(int(trail.right.sum()), n, 1 - ERROR)
        low, high = doubtful_sequence(trail.right, trail.doubt, trail.pool_doubt, confidence=1 - ERROR, expected=n)
        truth = trail.truth.cumsum() / np.arange(1, n + 1)
        held = (low[1:] <= truth).all() and (truth <= high[1:]).all()
        rows.append(((old[1] - old[0]) / 2, (high[-1] - low[-1]) / 2, held))
    return np.array(rows, np.float64)


def at_look(told: list[Told], early: float, runs: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Half-width, lower end and number of samples at 150 labels: the first version's, and today's."""
    known = np.array([each.labels for each in told])
    gaps = np.diff(np.append(known, LOOK)).clip(0)
    old, new = [], []
    for _ in range(runs):
        tenth = _of_each(known, gaps, FIRST_VERSION[0], 1.0, rng)
        trail = drawn(told, tenth, rng)
        low, high = confidence_sequence(int(trail.right.sum()), len(tenth), 1 - FIRST_VERSION[1])
        old.append((float(high - low) / 2, float(low), len(tenth)))
        many = _of_each(known, gaps, NOW[0], early, rng)
        trail = drawn(told, many, rng)
        low, high = doubtful_sequence(
            trail.right, trail.doubt, trail.pool_doubt, [len(many)], confidence=1 - NOW[1], expected=FORESEEN
        )
        new.append((float(high[0] - low[0]) / 2, float(low[0]), len(many)))
    return {"old": np.mean(old, axis=0).tolist(), "new": np.mean(new, axis=0).tolist()}


def _of_each(
    known: NDArray[np.intp], gaps: NDArray[np.intp], since: int, early: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Which heads' audit samples are among the labels from one number on to 150."""
    of: list[int] = []
    audited = 0
    for at in np.flatnonzero(known < LOOK):
        n = int(rng.binomial(gaps[at], planning.audit_share(AUDIT_SHARE, audited, early)))
        audited += n
        of += [int(at)] * n if known[at] >= since - 10 else []  # a batch of the replay
    return np.array(of, np.intp)


# --- figures --------------------------------------------------------------------------------------


def figures(replays: dict[float, list[Replay]], budget: int, runs: int) -> dict[str, Any]:
    """Of one set; the half-widths from the replays with the program's own share of early audits."""
    rng, own = np.random.default_rng(0), replays[planning.EARLY]
    each = max(1, runs // len(own))
    found = {n: np.concatenate([widths(one.told, n, each, rng) for one in own]) for n in NUMBERS}
    means = {n: found[n].mean(axis=0) for n in NUMBERS}
    trade = {}
    for early, played in sorted(replays.items()):
        looks = [at_look(one.told, early, each, rng) for one in played]
        trade[str(early)] = {
            **{name: np.mean([look[name] for look in looks], axis=0).round(3).tolist() for name in ("old", "new")},
            "aubc_150": round(float(np.mean([_area(one.played, LOOK) for one in played])), 4),
            "aubc": round(float(np.mean([_area(one.played, budget) for one in played])), 4),
            "apart_half": round(float(np.nanmean([one.apart for one in played])), 3),
        }
    shown = trade[str(planning.EARLY)]
    return {
        "error": round(float(np.mean([1 - told.right.mean() for one in own for told in one.told])), 3),
        "explained": round(_explained(own), 3),
        "old_half": {n: round(float(means[n][0]), 4) for n in NUMBERS},
        "new_half": {n: round(float(means[n][1]), 4) for n in NUMBERS},
        "ratio": {n: round(float(means[n][1] / means[n][0]), 3) for n in NUMBERS},
        "coverage": {n: round(float(means[n][2]), 3) for n in NUMBERS},
        "half_at_150": shown["new"][0],
        "old_half_at_150": shown["old"][0],
        "early": trade,
    }


def _area(played: Played, budget: int) -> float:
    last = next(at for at, labels in enumerate(played.labels) if labels >= budget)
    return aubc(played.labels[: last + 1], played.macro_f1[: last + 1], budget)


def _explained(replays: list[Replay]) -> float:
    """Which part of the errors' variance the heads' doubts explain, on average."""
    told = [one for each in replays for one in each.told if 0 < one.right.mean() < 1]
    return float(np.mean([np.corrcoef(one.right, one.doubt)[0, 1] ** 2 for one in told]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="DIR[:BUDGET]")
    parser.add_argument("--budget", type=int, default=600)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=500, help="draws of audits a set")
    parser.add_argument("--early", type=float, nargs="*", default=[], help="besides the program's own")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", nargs="?", const="", help="also write the figures there")
    options = parser.parse_args()
    outcome = {}
    earlies = sorted({planning.EARLY, *options.early})
    sets = [parsed(text, options.budget) for text in options.sets]
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            (directory, early): [
                pool.submit(play, directory, seed, budget, options.batch, early) for seed in range(options.seeds)
            ]
            for directory, budget in sets
            for early in earlies
        }
        for directory, budget in sets:
            replays = {early: [each.result() for each in futures[directory, early]] for early in earlies}
            outcome[directory.name] = figures(replays, budget, options.runs)
            print(directory.name, json.dumps(outcome[directory.name]), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(outcome, indent=2) + "\n")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
