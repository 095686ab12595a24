"""How few labels texts need, replayed on labelled corpora: ours, its blocks alone, and what others do.

    python -m benchmarks.text_efficiency FILE... [--budget 600] [--batch 20] [--seeds 10] [--most N] [--arms ARM...]
        [--encoder SPEC] [--table] [--json FILE]

Each FILE is a CSV (also .xz, .gz) with columns text and label; FILE:N sets another budget for one. Where it has a
column group, whole groups are judged on; where split, the rows called test; else 30 % of each class. What is judged on
is drawn anew for every seed. Vectors are fitted on all texts, without labels, and kept in the temporary folder.

The baseline is random sampling with TF-IDF of words and pairs of words and scikit-learn's logistic regression (C = 30).
Ours sees SVD and encoder, weighed by cross-validation anew when the labels have doubled; no label but those asked for.
Peers see both blocks, evenly weighed, and choose with the plain head, which is also what judges them. --table instead
prints accuracies at 50, 200 and 1,000 random labels: each block alone, and as weighed. Last line: JSON.
"""

import argparse
import json
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import corpora
from benchmarks.label_efficiency import paired, parsed, rounded
from benchmarks.replay import Choose, Looking, Played, Split, make_head, make_strategy, replayed
from benchmarks.text_strategies import Sleuth, TfidfHead, by_margin, by_small_text
from tl_core import threads
from tl_core.evaluation import aubc, labels_to

BASELINE, DEFAULT = "tfidf+random", "default+auto"
ARMS = (
    BASELINE, "tfidf+margin", DEFAULT, "svd+auto", "encoder+auto", "default+random", "plain+margin",
    "plain+scikit-activeml BADGE", "plain+scikit-activeml TypiClust", "plain+small-text BreakingTies",
    "plain+small-text ContrastiveActiveLearning", "plain+small-text EmbeddingKMeans", "plain+Label Sleuth",
)  # fmt: skip
WEIGHTS = ((1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.0, 0.0), (0.0, 1.0))  # both, unless another is clearly better
SIZES = (50, 200, 1000)
HEADS = {"default", "svd", "encoder"}


@lru_cache(maxsize=1)
def corpus_of(file: Path, most: int | None) -> corpora.Corpus:
    return corpora.read(file, most)


def encoder_of(corpus: corpora.Corpus) -> str:
    """The encoder that the program would take for these texts."""
    from tl_core.texts.languages import language
    from tl_core.texts.registry import default

    told = language(corpus.texts)
    return (*default(told.code if told.is_certain else ""), "")[1]


def blocks(corpus: corpora.Corpus, encoder: str) -> list[tuple[str, NDArray[np.float32]]]:
    return [(spec, corpora.block(corpus, spec)) for spec in ("svd", encoder) if spec]


def looking(corpus: corpora.Corpus, encoder: str, seed: int) -> Looking:
    parts = blocks(corpus, encoder)
    whole = corpora.split(corpus, np.concatenate([X for _, X in parts], axis=1), seed)
    everything = [corpora.split(corpus, X, seed).everything for _, X in parts]
    named = [(spec, X, False) for (spec, _), X in zip(parts, everything, strict=True)]
    return Looking(whole, named, seed, WEIGHTS if len(parts) == 2 else ((1.0,),))


def play(file: Path, most: int | None, encoder: str, arm: str, seed: int, budget: int, batch: int) -> Played:
    """Replay one arm."""
    corpus = corpus_of(file, most)
    head, _, strategy = arm.partition("+")
    counted = corpora.tfidf(tuple(corpus.texts)) if head == "tfidf" or strategy == "Label Sleuth" else None
    source: Split | Looking
    if head == "tfidf":
        source = corpora.split(corpus, counted, seed)
    elif head in ("svd", "encoder"):
        source = corpora.split(corpus, corpora.block(corpus, "svd" if head == "svd" else encoder), seed)
    else:
        source = looking(corpus, encoder, seed)
        source = source if head == "default" else source.data()

    def strategies(name: str, data: Split, of_seed: int) -> Choose:
        if name == "margin" and head in ("tfidf", "plain"):
            return by_margin(data)
        if name.startswith("small-text"):
            return by_small_text(name, data)
        if name == "Label Sleuth":
            return Sleuth(data, corpora.split(corpus, counted, of_seed).X).choose
        return make_strategy(name, data, of_seed)

    def heads(name: str, data: Split) -> Any:
        return TfidfHead() if name == "tfidf" else make_head("default" if name in HEADS else name, data)

    return replayed(head, strategy, source, seed, budget, batch, heads, strategies)


def accuracies(file: Path, most: int | None, encoder: str, seed: int) -> dict[str, list[float]]:
    """At 50, 200 and 1,000 random labels: TF-IDF, each block alone, evenly together, and as cross-validation weighs."""
    warnings.simplefilter("ignore")
    corpus = corpus_of(file, most)
    seen = looking(corpus, encoder, seed)
    even = seen.data()
    ways = {spec: corpora.split(corpus, X, seed) for spec, X in blocks(corpus, encoder)} | {"evenly": even}
    pool = np.random.default_rng([seed, 3]).permutation(len(even.y))
    found: dict[str, list[float]] = {way: [] for way in ("tfidf", *ways, "weighed", "weighed, default head")}
    counted = corpora.split(corpus, corpora.tfidf(tuple(corpus.texts)), seed)
    with threads.single():
        for n in SIZES:
            rows = pool[:n]
            found["tfidf"].append(_accuracy(TfidfHead(), counted, rows))
            for way, data in ways.items():
                found[way].append(_accuracy(make_head("plain", data), data, rows))
            seen.due, seen.chosen = 0, 0
            seen.changes(rows)
            data = seen.data()
            found["weighed"].append(_accuracy(make_head("plain", data), data, rows))
            found["weighed, default head"].append(_accuracy(make_head("default", data), data, rows))
    return found


def _accuracy(head: Any, data: Split, rows: NDArray[np.intp]) -> float:
    return float((head.fit(data.X[rows], data.y[rows]).predict(data.X_test) == data.y_test).mean())


def summary(played: dict[str, list[Played]], budget: int) -> dict[str, dict[str, Any]]:
    """The figures of one corpus, by arm; the target is where the baseline ends."""
    target = float(np.mean([one.macro_f1[-1] for one in played[BASELINE]]))
    areas = {arm: [aubc(one.labels, one.macro_f1, budget) for one in runs] for arm, runs in played.items()}
    rows = {}
    for arm, runs in played.items():
        mean = np.mean([one.macro_f1 for one in runs], axis=0)
        reached = labels_to(runs[0].labels, mean, target)
        row: dict[str, Any] = {
            "seeds": len(runs),
            "aubc": float(np.mean(areas[arm])),
            "macro_f1_final": float(mean[-1]),
            "share_of_random": None if reached is None else reached / budget,
            "labels_to_all_classes": float(np.mean([one.labels_to_all() for one in runs])),
        }
        if arm != DEFAULT and DEFAULT in played:
            row["default_ahead_aubc"] = paired(areas[DEFAULT][: len(runs)], areas[arm])
        rows[arm] = rounded(row)
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| head + strategy | seeds | AUBC | macro-F1 at the end | share of random's labels | labels to every class "
        "| default ahead in AUBC |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm, row in sorted(rows.items(), key=lambda item: -item[1]["aubc"]):
        reached = "not reached" if row["share_of_random"] is None else f"{row['share_of_random']:.2f}"
        ahead = "{:+.3f} ({:+.3f} to {:+.3f})".format(*row["default_ahead_aubc"]) if "default_ahead_aubc" in row else ""
        lines.append(
            f"| {arm} | {row['seeds']} | {row['aubc']:.3f} | {row['macro_f1_final']:.3f} | {reached} "
            f"| {row['labels_to_all_classes']:.0f} | {ahead} |"
        )
    return "\n".join(lines)


def measured(file: Path, budget: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one corpus."""
    corpus = corpus_of(file, options.most)
    encoder = options.encoder or encoder_of(corpus)
    print(f"{corpus.name}: {len(corpus.texts)} texts, {len(corpus.classes)} classes; svd + {encoder}", flush=True)
    blocks(corpus, encoder)  # made once, not in every process
    with ProcessPoolExecutor(options.processes) as executor:
        if options.table:
            asked = [(file, options.most, encoder, seed) for seed in range(options.seeds)]
            found = list(executor.map(_accuracies, asked))
            means = {way: np.mean([one[way] for one in found], axis=0).round(3).tolist() for way in found[0]}
            for way, values in means.items():
                print(f"  {way}: " + " / ".join(f"{value:.3f}" for value in values), flush=True)
            return means
        futures = {
            arm: [
                executor.submit(play, file, options.most, encoder, arm, seed, budget, options.batch)
                for seed in range(options.seeds)
            ]
            for arm in dict.fromkeys([BASELINE, *options.arms])
        }
        played = {}
        for arm, runs in futures.items():
            played[arm] = [run.result() for run in runs]
            print(f"  {arm}: macro-F1 {np.mean([one.macro_f1[-1] for one in played[arm]]):.3f}", flush=True)
    rows = summary(played, budget)
    print(table(rows), flush=True)
    return rows


def _accuracies(arguments: tuple[Path, int | None, str, int]) -> dict[str, list[float]]:
    return accuracies(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE[:N]", help="a CSV with text and label; N = its own budget")
    parser.add_argument("--budget", type=int, default=600)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, help="texts of a corpus, drawn once; default all")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), metavar="HEAD+STRATEGY")
    parser.add_argument("--encoder", help="instead of the one for the language")
    parser.add_argument("--table", action="store_true", help="accuracies at 50, 200 and 1,000 random labels instead")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures = {}
    for text in options.files:
        file, budget = parsed(text, options.budget)
        figures[corpus_of(file, options.most).name] = measured(file, budget, options)
    shares = [rows[DEFAULT]["share_of_random"] for rows in figures.values() if DEFAULT in rows]
    if shares and None not in shares:
        print(f"geometric mean of the default's share of random's labels: {np.exp(np.mean(np.log(shares))):.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
