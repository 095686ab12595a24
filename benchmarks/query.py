# ruff: noqa: N803, N806 - matrices are X and P here
"""What choosing a batch costs: against reading the pool once, and against modAL and scikit-activeml in the same run.

    python -m benchmarks.query [--rows 1000000] [--dim 1280] [--classes 20] [--repeats 5] [--peer-seconds 60]
                               [--json [FILE]]

Synthetic embeddings in clusters; a head on 1,000 labels; batches of 100. The limit is one pass over the matrix, by
whichever way of reading it is the fastest here, on one thread or one a core. Ours and the limit take turns; of each the
best of the repeats counts, for others use the machine too, and the medians are given beside it. Ours have what a caller
keeps between rounds, the compact copy of the pool too; margin is also measured without that, and with nothing. Peers
run once, at the largest size, up to all rows, that takes them no longer than so many seconds. Memory: rows x dim x 5
bytes and some; the peak is that of ours, before peers run.
With --json only the last line, which is JSON, is printed; with --json FILE it is written there as well.
"""

import argparse
import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tl_core import geometry, query
from tl_core.geometry import each
from tl_core.heads.logistic import LogisticHead

BATCH = 100
LABELS = 1000
REFITS = (1000, 10_000)
NEW_LABELS = 5
CLUSTERS_A_CLASS = 3
RANKED_ROWS = 20_000
STRATEGIES = ("margin", "entropy", "cluster_margin", "kcenter", "badge", "auto")

Timed = dict[str, dict[str, float]]


def embeddings(rows: int, dim: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a frozen network's kind: clusters, not negative, mostly small; and classes, one in twenty wrong."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((classes * CLUSTERS_A_CLASS, dim), np.float32)
    cluster = rng.integers(0, len(middles), rows)
    X = np.empty((rows, dim), np.float32)
    for start in range(0, rows, 8192):
        block = X[start : start + 8192]
        rng.standard_normal(dtype=np.float32, out=block)
        block += 0.3 * middles[cluster[start : start + 8192]]
        np.maximum(block, -0.2, out=block)
    y = np.where(rng.random(rows) < 0.05, rng.integers(0, classes, rows), cluster % classes)
    return X, y


def once(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of a call."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def memory_peak() -> float:
    """The most memory this process has had so far, in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def in_turns(functions: dict[str, Callable[[], Any]], repeats: int) -> Timed:
    """Best and median seconds of each; they take turns, after one call each that does not count."""
    spent: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            seconds, _ = once(function)
            if turn:
                spent[name].append(seconds)
    return {name: {"best": min(times), "median": statistics.median(times)} for name, times in spent.items()}


def passes(X: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Ways to read all of a matrix."""

    def squares(_: slice, block: np.ndarray) -> float:
        return float(np.dot(block.ravel(), block.ravel()))

    return {
        "pass: sum, one thread": lambda: [X[s : s + 4096].sum() for s in range(0, len(X), 4096)],
        "pass: sum, a thread a core": lambda: each(X, lambda _, block: block.sum()),
        "pass: squares, a thread a core": lambda: each(X, squares),
    }


def largest(call: Callable[[int], Any], rows: int, cap: float) -> dict[str, float]:
    """The largest size, in steps of two from 1,000, that takes a peer no longer than ``cap`` seconds, and how long."""
    size = min(1000, rows)
    while True:
        seconds, _ = once(lambda size=size: call(size))
        if size == rows or seconds > cap / 3:
            return {"rows": size, "seconds": seconds}
        size = min(size * 2 if seconds > cap / 12 else size * 5, rows)


def peers(X: np.ndarray, y: np.ndarray, head: LogisticHead, cap: float) -> dict[str, dict[str, Any]]:
    """Peers' strategies by name: whose, ours of the same kind, and what they took."""
    from modAL.uncertainty import entropy_sampling, margin_sampling
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Badge, CoreSet, UncertaintySampling

    labelled, labels = X[:LABELS], y[:LABELS].astype(float)
    wrapped = SklearnClassifier(head, classes=np.unique(y).astype(float), missing_label=np.nan)
    wrapped.fit(X[:LABELS], y[:LABELS].astype(float))

    def pool_of(size: int) -> dict[str, Any]:
        pool = X[LABELS : LABELS + size]
        missing = np.full(len(pool), np.nan)
        return {"X": np.concatenate([labelled, pool]), "y": np.concatenate([labels, missing]), "batch_size": BATCH}

    ask = {
        "modAL margin": ("margin", lambda n: margin_sampling(head, X[:n], BATCH)),
        "modAL entropy": ("entropy", lambda n: entropy_sampling(head, X[:n], BATCH)),
        "scikit-activeml margin": (
            "margin",
            lambda n: UncertaintySampling("margin_sampling", random_state=0).query(
                **pool_of(n), clf=wrapped, fit_clf=False
            ),
        ),
        "scikit-activeml k-centre": ("kcenter", lambda n: CoreSet(random_state=0).query(**pool_of(n))),
        "scikit-activeml BADGE": (
            "badge",
            lambda n: Badge(random_state=0).query(**pool_of(n), clf=wrapped, fit_clf=False),
        ),
    }
    found = {}
    for name, (ours, call) in ask.items():
        found[name] = {"ours": ours, **largest(call, len(X) - LABELS if "modAL" not in name else len(X), cap)}
    return found


def ranked_batch(X: np.ndarray, y: np.ndarray, head: LogisticHead) -> float:
    """Seconds of modAL's ranked batch on 20,000 rows."""
    from modAL.batch import uncertainty_batch_sampling
    from sklearn.base import clone

    from tl_core.loop import make_learner

    learner = make_learner(clone(head), X[:LABELS], y[:LABELS], uncertainty_batch_sampling)
    return once(lambda: uncertainty_batch_sampling(learner, X[LABELS : LABELS + RANKED_ROWS], BATCH))[0]


def refits(X: np.ndarray, y: np.ndarray, repeats: int) -> dict[str, float]:
    """Seconds of fitting again after a few more labels, by the number of labels; the best of some."""
    found = {}
    for labels in REFITS:
        if labels + NEW_LABELS * repeats > len(X):
            continue
        head = LogisticHead().fit(X[:labels], y[:labels])
        ends = range(labels + NEW_LABELS, labels + NEW_LABELS * repeats + 1, NEW_LABELS)
        found[f"refit_{labels}_s"] = min(once(lambda end=end, head=head: head.fit(X[:end], y[:end]))[0] for end in ends)
    return found


def strategies(X: np.ndarray, head: LogisticHead, units: query.Units) -> dict[str, Callable[[int], Any]]:
    """Ours by name, each asked for a batch from the first rows, as in a later round: norms and the like are at hand."""
    mean = head.center_
    norms = geometry.lengths(X, mean)
    nearest = np.full(len(X), 4, np.float32)
    query.bring_nearer(nearest, X, X[:LABELS], mean=mean, norms=norms)

    def asking(name: str) -> Callable[[int], Any]:
        def ask(n: int) -> Any:
            kept = {"norms": norms[:n], "nearest": nearest[:n], "mean": mean, "X_labelled": X[:LABELS]}
            kept["units"] = query.Units(units.codes[:n], units.steps[:n], units.lost[:n], mean)
            strategy = query.get(name)
            return strategy(head, X[:n], BATCH, random_state=0, **query.wanted(strategy, kept))

        return ask

    found = {name: asking(name) for name in STRATEGIES if name in query.names()}
    found["margin, no copy"] = lambda n: query.margin(head, X[:n], BATCH, random_state=0, norms=norms[:n])
    return found


def measure(rows: int, dim: int, classes: int, repeats: int, cap: float) -> dict[str, Any]:
    """All of it."""
    from modAL.uncertainty import margin_sampling

    X, y = embeddings(rows, dim, classes)
    head = LogisticHead(pool_mean=geometry.mean_row(X)).fit(X[:LABELS], y[:LABELS])
    compact_s, units = once(lambda: query.compact(X, head.center_))
    ours = strategies(X, head, units)
    quick = {name: lambda name=name: ours[name](rows) for name in ("margin", "entropy", "margin, no copy")}
    quick["margin, first round"] = lambda: query.margin(head, X, BATCH, random_state=0)
    times = in_turns(passes(X) | quick, repeats)
    slow = {name: lambda ask=ask: ask(rows) for name, ask in ours.items() if name not in quick}
    times |= in_turns(slow, 2)
    small = min(RANKED_ROWS, rows)
    times |= in_turns({"cluster_margin of 20,000": lambda: ours["cluster_margin"](small)}, repeats)
    peak = memory_peak()
    found = peers(X, y, head, cap)
    for each_peer in found.values():
        mine = in_turns({"": lambda one=each_peer: ours[one["ours"]](one["rows"])}, 2)[""]["best"]
        each_peer |= {"ours_seconds": mine, "ratio": each_peer["seconds"] / mine}
    expected = margin_sampling(head, X, BATCH)[0]
    identical = set(expected.tolist()) == set(ours["margin"](rows)[0].tolist())
    ranked = ranked_batch(X, y, head)
    return {
        "times": times,
        "peers": found,
        "identical": identical,
        "ranked_s": ranked,
        "compact_s": compact_s,
        "memory": {"pool_gb": X.nbytes / 1e9, "copy_gb": units.codes.nbytes / 1e9, "peak_gb": peak},
    } | refits(X, y, repeats)


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The figures to watch."""
    times = result["times"]
    best = {name: each_time["best"] for name, each_time in times.items()}
    limit = min((name for name in times if name.startswith("pass")), key=best.__getitem__)
    return {
        "pass_s": best[limit],
        "pass_way": limit,
        "margin_s": best["margin"],
        "margin_share": best["margin"] / best[limit],
        "margin_share_of_sum": best["margin"] / min(best[name] for name in best if name.startswith("pass: sum")),
        "margin_share_median": times["margin"]["median"] / times[limit]["median"],
        "margin_no_copy_s": best["margin, no copy"],
        "margin_first_round_s": best["margin, first round"],
        "compact_s": result["compact_s"],
        **result["memory"],
        "vs_modal_margin": result["peers"]["modAL margin"]["ratio"],
        "identical": result["identical"],
        "diverse_s": best["cluster_margin"],
        "vs_modal_ranked_batch": result["ranked_s"] / best["cluster_margin of 20,000"],
        "modal_ranked_batch_s": result["ranked_s"],
        **{f"{name}_s": best[name] for name in STRATEGIES[1:] if name in best},
        **{name: seconds for name, seconds in result.items() if name.startswith("refit_")},
    }


def show(result: dict[str, Any]) -> None:
    """Print for people."""
    for name, seconds in result["times"].items():
        print(f"  {name:34} best {seconds['best']:9.3f} s   median {seconds['median']:9.3f} s")
    for name, peer in result["peers"].items():
        took = f"{peer['seconds']:9.3f} s of {peer['rows']:>9,} rows"
        print(f"  {name:34} {took}; {peer['ours']} {peer['ours_seconds']:.3f} s: {peer['ratio']:.0f} times as long")
    for name, value in result["summary"].items():
        print(f"  {name:34} {value}")


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-seconds", type=float, default=60)
    parser.add_argument("--json", type=Path, nargs="?", const=Path("-"))
    options = parser.parse_args()
    if options.rows < 2 * LABELS:
        sys.exit(f"expected at least {2 * LABELS} rows")
    warnings.simplefilter("ignore")
    result = measure(options.rows, options.dim, options.classes, options.repeats, options.peer_seconds)
    result["summary"] = summary(result)
    if options.json is None:
        show(result)
    shape = {"rows": options.rows, "dim": options.dim, "classes": options.classes, "repeats": options.repeats}
    line = shape | result["summary"] | {"times": result["times"], "peers": result["peers"]}
    if options.json is not None and options.json != Path("-"):
        options.json.write_text(json.dumps(line, indent=2) + "\n")
    print(json.dumps(line))


if __name__ == "__main__":
    main()
