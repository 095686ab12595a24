# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Word vectors as they come, trained on the pool, and continued on it: what each is worth at so many labels.

    python -m benchmarks.text_tuning FILE... [--most 3000] [--seeds 10] [--sizes 200 1000] [--source NAME]
        [--arms ARM...] [--json FILE]

Each FILE is as for `benchmarks.text_efficiency`. Vectors are GloVe's of 50 numbers for English, spaCy's of 300 for
French, or --source. All see the texts without labels; labels are drawn at random, the same ones for all arms, and
the plain head is judged on texts held out. Each arm is compared in pairs, seed by seed, with the best of the untuned
ways to weigh the vectors; also what the vectors know of the pool's words, and the verdict on 1,000 labels. Last line:
JSON.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import corpora
from benchmarks.corpora import Corpus
from benchmarks.label_efficiency import paired
from benchmarks.replay import make_head
from tl_core import threads

ARMS = {
    "untuned, mean": ("pretrained", "mean"),
    "untuned, idf": ("pretrained", "idf"),
    "untuned, sif": ("pretrained", "sif"),
    "continued": ("continued", "mean"),
    "word2vec": ("word2vec", "mean"),
    "fasttext": ("fasttext", "mean"),
}
UNTUNED = "untuned"


def embedded(corpus: Corpus, arm: str, source: str) -> tuple[NDArray[np.float32], float]:
    """Embeddings of all texts by an arm, fitted on them without labels, and the seconds the fit took."""
    from tl_core.texts import registry
    from tl_core.texts.words import WordFeaturiser

    method, weighting = ARMS[arm]
    options = {"source": source} if method in ("pretrained", "continued") else {}
    started = time.perf_counter()
    arrays = registry.fittable("words", method=method, weighting=weighting, **options).fit(lambda: iter(corpus.texts))
    return WordFeaturiser(f"words/{arm}", arrays).embed(corpus.texts), time.perf_counter() - started


def accuracies(corpus: Corpus, X: NDArray[np.float32], sizes: list[int], seeds: int) -> dict[int, list[float]]:
    """Accuracy at each number of labels, a seed after the other."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    with threads.single():
        for seed in range(seeds):
            data = corpora.split(corpus, X, seed)
            order = np.random.default_rng([seed, 3]).permutation(len(data.y))
            for size in sizes:
                rows = order[:size]
                head = make_head("plain", data).fit(data.X[rows], data.y[rows])
                found[size].append(float((head.predict(data.X_test) == data.y_test).mean()))
    return found


def known(corpus: Corpus, source: str) -> dict[str, Any]:
    """What the vectors know of the words, and the verdict on up to 1,000 labels beside the SVD's."""
    from tl_core.texts.reporting import LabelledTexts, report

    rng = np.random.default_rng(0)
    at = np.sort(rng.permutation(len(corpus.texts))[:1000])
    labelled = LabelledTexts(
        [corpus.texts[place] for place in at],
        corpus.y[at],
        corpora.block(corpus, "svd")[at],
        None if corpus.group is None else corpus.group[at],
    )
    whole = report(source, lambda: iter(corpus.texts), rng, labelled, most=15)
    return {
        "coverage": asdict(whole.coverage),
        "grade": whole.verdict.grade,
        "reasons": [str(reason) for reason in whole.verdict.reasons],
        "frequent": [[word.word, word.mapped_to, list(word.like)] for word in whole.frequent],
        "telling": [[word.word, word.mapped_to, list(word.like)] for word in whole.telling],
    }


def source_of(corpus: Corpus) -> str:
    from tl_core.texts.languages import language

    return "fr_core_news_md" if language(corpus.texts).code == "fr" else "glove-6b-50d"


def measured(file: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All of one corpus."""
    corpus = corpora.read(file, options.most)
    source = options.source or source_of(corpus)
    print(f"\n{corpus.name}: {len(corpus.texts)} texts, {len(corpus.classes)} classes, {source}", flush=True)
    words = known(corpus, source)
    print("  unknown: " + ", ".join(f"{name} {words['coverage'][name]:.1%}" for name in ("types", "tokens", "mass")))
    print(f"  {words['grade']}: {'; '.join(words['reasons'])}")
    print("  telling: " + ", ".join(word for word, *_ in words["telling"]), flush=True)
    found, seconds = {}, {}
    for arm in options.arms:
        X, seconds[arm] = embedded(corpus, arm, source)
        found[arm] = accuracies(corpus, X, options.sizes, options.seeds)
        shown = "  ".join(f"{np.mean(found[arm][size]):.3f}" for size in options.sizes)
        print(f"  {arm:14s} {shown}  {seconds[arm]:6.1f} s", flush=True)
    return {"corpus": corpus.name, "source": source, "words": words, "arms": against_untuned(found, seconds)}


def against_untuned(found: dict[str, dict[int, list[float]]], seconds: dict[str, float]) -> dict[str, Any]:
    """Each arm's accuracy, and its gain over the best untuned one with its interval, in pairs over seeds."""
    out: dict[str, Any] = {arm: {"seconds": seconds[arm], "at": {}} for arm in found}
    for size in next(iter(found.values())):
        untuned = [arm for arm in found if arm.startswith(UNTUNED)]
        best = max(untuned, key=lambda arm: np.mean(found[arm][size]), default=None)
        for arm, all_ in found.items():
            row: dict[str, Any] = {"accuracy": float(np.mean(all_[size]))}
            if best is not None and arm not in untuned:
                row["gain"] = paired(all_[size], found[best][size])
                gain, low, high = (100 * each for each in row["gain"])
                print(f"  {arm} at {size}: {gain:+.1f} points ({low:+.1f} to {high:+.1f}) over {best}", flush=True)
            out[arm]["at"][size] = row
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--source", default="")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), metavar="ARM")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [measured(file, options) for file in options.files]
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
