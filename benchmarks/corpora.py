# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Labelled texts to measure on: a column of text, of label and, where there is one, of group; embeddings are kept."""

import csv
import functools
import gzip
import hashlib
import lzma
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.replay import TEST_SHARE, Split, of_each_class, pooled
from tl_core.store import storage

CACHE = Path(tempfile.gettempdir()) / "labeller-benchmarks" / "texts"
_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}


@dataclass(frozen=True)
class Corpus:
    """Texts with classes `y` (n,) of `classes`; `group` (n,) says which belong together, `test` which are judged on."""

    name: str
    texts: list[str]
    y: NDArray[np.intp]
    classes: list[str]
    group: NDArray[np.intp] | None
    test: NDArray[np.bool_] | None

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256("\0".join(self.texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read(file: Path, most: int | None = None) -> Corpus:
    """A CSV file with columns text and label, and perhaps group or split; some of its rows, always the same."""
    csv.field_size_limit(1 << 30)
    with _OPENERS.get(file.suffix, open)(file, "rt", encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    if most and len(rows) > most:
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:most])
        rows = [rows[at] for at in kept]
    classes, y = np.unique([row["label"] for row in rows], return_inverse=True)
    group = np.unique([row["group"] for row in rows], return_inverse=True)[1] if "group" in rows[0] else None
    if group is not None and group.max() < 20:
        group = None  # a folder of origin, not things that belong together
    test = np.array([row["split"] == "test" for row in rows]) if "split" in rows[0] else None
    name = file.parent.name if file.name.startswith("data.csv") else file.name.partition(".")[0]
    return Corpus(name, [row["text"] for row in rows], y, classes.tolist(), group, test)


def tested(corpus: Corpus, seed: int) -> NDArray[np.bool_]:
    """Which texts are judged on: the corpus' own, or 30 % of the groups, or of each class, drawn for the seed."""
    if corpus.test is not None:
        return corpus.test
    rng = np.random.default_rng(seed)
    if corpus.group is not None:
        chosen = rng.random(corpus.group.max() + 1) < TEST_SHARE
        return np.asarray(chosen[corpus.group])
    return of_each_class(corpus.y, rng)


def split(corpus: Corpus, X: Any, seed: int) -> Split:
    """The pool and what is judged on; classes that the pool lacks are judged on nowhere."""
    return pooled(X, corpus.y, tested(corpus, seed))


def block(corpus: Corpus, spec: str) -> NDArray[np.float32]:
    """Embeddings of all texts, (n, d), by a featuriser; one that has to be fitted is fitted on them, without labels."""
    from tl_core.texts import fitted, pieces, registry, svd, tokens

    if spec in registry.kinds():
        code = b"".join(Path(str(module.__file__)).read_bytes() for module in (pieces, svd, tokens))
        key = f"{spec}-{hashlib.sha256(code).hexdigest()[:8]}"
    else:
        key = registry.make(spec).fingerprint
    kept = CACHE / f"{corpus.name}-{corpus.digest}-{key}.npy"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        if spec in registry.kinds():
            fitted.configure(lambda: storage.at(CACHE / "fitted"))
            made = fitted.save(spec, registry.fittable(spec).fit(lambda: iter(corpus.texts)))
            X = registry.make(made).embed(corpus.texts)
        else:
            X = registry.make(spec).embed(corpus.texts)
        print(f"  {spec}: {len(X) / (time.perf_counter() - started):.0f} texts/s", flush=True)
        np.save(kept, X)
    loaded: NDArray[np.float32] = np.load(kept)
    return loaded


@functools.lru_cache(maxsize=2)
def tfidf(texts: tuple[str, ...]) -> Any:
    """What most people do: TF-IDF of words and pairs of words, sublinear; sparse (n, features), rows of length one."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=50_000)
    return vectoriser.fit_transform(texts).astype(np.float32)
