"""How few labels each strategy needs, replayed on labelled photographs: ours, its parts, and the peers.

    python -m benchmarks.label_efficiency DIR... [--budget 600] [--batch 20] [--seeds 10] [--strategies NAME...]
        [--thinned] [--docs] [--json FILE]

Each DIR holds one folder a class. `longtail.csv` in it (column file) says which files count, `groups.csv` (file, group)
its own split: the group "test" is judged on, the rest is the pool; without such a group 30 % of the groups are judged
on, without groups 30 % of each class, drawn anew for every seed. DIR:N sets another budget for one set. ``--thinned``
plays each pool as a long tail, from 100 of one class down to a single one of another, drawn anew for every seed.
Embeddings are EfficientNet-Lite0's and are kept between runs.

An arm is "head+strategy". The baseline is random sampling with plain logistic regression (C = 30 on centred unit
vectors; our fit, which reaches scikit-learn's optimum: the difference is printed). Our default head sees the embeddings
of all photographs, as it does in the program; no label but those asked for. Peers choose with the plain head, which is
also what judges them. Labels to a target are read off the mean curve of all seeds. Last line: JSON.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.replay import Played, embedded, fits, is_slow, play, sklearn_difference
from tl_core.evaluation import aubc, labels_to

DOC = Path(__file__).parent.parent / "docs" / "learning.md"
BASELINE = "plain+random"
DEFAULT = "default+auto"
MOMENTS = (100, 300, 600)  # labels at which classes are counted
ARMS = (
    BASELINE, DEFAULT, "last+auto", "default+random", "plain+auto", "default+margin", "plain+cluster_margin",
    "plain+uherding",
    "plain+modAL margin", "plain+modAL ranked batch", "plain+scikit-activeml BADGE", "plain+scikit-activeml TypiClust",
    "plain+scikit-activeml MaxHerding",
)  # fmt: skip


def paired(mine: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Mean difference over seeds and its 95 % interval (t)."""
    from scipy.stats import t

    difference = np.array(mine) - np.array(theirs)
    mean = float(difference.mean())
    if len(difference) < 2:
        return mean, -np.inf, np.inf
    half = float(t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference)))
    return mean, mean - half, mean + half


def summary(played: dict[str, list[Played]], budget: int) -> dict[str, dict[str, Any]]:
    """The figures of one set, by arm."""
    target = float(np.mean([one.macro_f1[-1] for one in played[BASELINE]]))
    areas = {arm: [aubc(one.labels, one.macro_f1, budget) for one in all_] for arm, all_ in played.items()}
    rows = {}
    for arm, runs in played.items():
        mean = np.mean([one.macro_f1 for one in runs], axis=0)
        reached = labels_to(runs[0].labels, mean, target)
        row: dict[str, Any] = {
            "seeds": len(runs),
            "aubc": float(np.mean(areas[arm])),
            "macro_f1_final": float(mean[-1]),
            "balanced_accuracy_final": float(np.mean([one.balanced[-1] for one in runs])),
            "labels_to_random_final": None if reached is None else reached / budget,
            "labels_to_all_classes": float(np.mean([one.labels_to_all() for one in runs])),
            **{f"labels_to_rare_{k}": float(np.mean([one.labels_to_rare(k) for one in runs])) for k in (1, 5)},
            **{f"classes_at_{n}": float(np.mean([one.classes_at(n) for one in runs])) for n in MOMENTS if n <= budget},
            "rare_recall": float(np.mean([one.rare_recall for one in runs])),
        }
        if arm != DEFAULT and DEFAULT in played:
            both = len(runs)
            row["default_ahead_aubc"] = paired(areas[DEFAULT][:both], areas[arm])
            rare = [[one.rare_recall for one in played[each][:both]] for each in (DEFAULT, arm)]
            row["default_ahead_rare_recall"] = paired(*rare)
        rows[arm] = rounded(row)
    return rows


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [round(each, 3) for each in value]
        if isinstance(value, tuple)
        else None
        if value is None
        else round(value, 3)
        for key, value in row.items()
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| head + strategy | seeds | AUBC | macro-F1 at the end | labels to random's end | labels to every class "
        "| to a first, a fifth of rare classes | rare recall | default ahead in AUBC | in rare recall |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for arm, row in sorted(rows.items(), key=lambda item: -item[1]["aubc"]):
        reached = "not reached" if row["labels_to_random_final"] is None else f"{row['labels_to_random_final']:.2f}"
        ahead = [
            "{:+.3f} ({:+.3f} to {:+.3f})".format(*row[key]) if key in row else ""
            for key in ("default_ahead_aubc", "default_ahead_rare_recall")
        ]
        lines.append(
            f"| {arm} | {row['seeds']} | {row['aubc']:.3f} | {row['macro_f1_final']:.3f} | {reached} "
            f"| {row['labels_to_all_classes']:.0f} | {row['labels_to_rare_1']:.0f}, {row['labels_to_rare_5']:.0f} "
            f"| {row['rare_recall']:.3f} | {ahead[0]} | {ahead[1]} |"
        )
    return "\n".join(lines)


def parsed(text: str, budget: int) -> tuple[Path, int]:
    path, _, own = text.rpartition(":")
    return (Path(path), int(own)) if path and own.isdigit() else (Path(text), budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="DIR[:N]", help="one folder a class; N = its own budget")
    parser.add_argument("--budget", type=int, default=600)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--slow-seeds", type=int, default=10, help="seeds of peers that take seconds a batch")
    parser.add_argument("--strategies", nargs="+", default=list(ARMS), metavar="HEAD+STRATEGY")
    parser.add_argument("--thinned", action="store_true", help="play long tails made of the sets")
    parser.add_argument("--docs", action="store_true", help="write tables and plots into docs/learning.md")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    arms = list(dict.fromkeys([BASELINE, *options.strategies]))
    figures: dict[str, Any] = {}
    for text in options.sets:
        directory, budget = parsed(text, options.budget)
        embedded(directory)
        here = [arm for arm in arms if fits(arm, directory)]
        print(
            f"{directory.name}: scikit-learn's macro-F1 minus ours {sklearn_difference(directory, budget):+.4f}",
            flush=True,
        )
        with ProcessPoolExecutor(2) as executor:
            runs = {
                arm: [
                    executor.submit(play, directory, arm, seed, budget, options.batch, options.thinned)
                    for seed in range(min(options.seeds, options.slow_seeds) if is_slow(arm) else options.seeds)
                ]
                for arm in here
            }
            played = {}
            for arm, futures in runs.items():
                played[arm] = [future.result() for future in futures]
                print(f"  {arm}: macro-F1 {np.mean([one.macro_f1[-1] for one in played[arm]]):.3f}", flush=True)
        name = f"{directory.name}-thinned" if options.thinned else directory.name
        figures[name] = summary(played, budget)
        print(table(figures[name]), flush=True)
        if options.docs:
            write_docs(name, played, figures[name])
    shares = [rows[DEFAULT]["labels_to_random_final"] for rows in figures.values() if DEFAULT in rows]
    if shares and None not in shares:
        print(f"geometric mean of the default's share of the budget: {np.exp(np.mean(np.log(shares))):.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def write_docs(name: str, played: dict[str, list[Played]], rows: dict[str, dict[str, Any]]) -> None:
    """The set's table between its markers in docs/learning.md, and its plot beside it."""
    from benchmarks.plot import curves

    means = {
        arm: list(zip(runs[0].labels, np.mean([one.macro_f1 for one in runs], axis=0).tolist(), strict=True))
        for arm, runs in played.items()
    }
    curves(means, DOC.parent / "images" / f"label-efficiency-{name}.svg", emphasised=(DEFAULT, BASELINE))
    start, end = f"<!-- measured: {name} -->", "<!-- measured: end -->"
    before, found, rest = DOC.read_text().partition(start)
    if found:
        DOC.write_text(f"{before}{start}\n{table(rows)}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
