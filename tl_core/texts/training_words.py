"""Word vectors trained on the pool: from nothing (word2vec, fastText), or pretrained ones continued on it.

Trained a chunk of texts at a time in the caller's thread, so that what stops the work stops it there, and an epoch at a
time with a checkpoint behind each, so that a killed worker goes on where it was. With one worker the result is the same
each time, also when it was interrupted. Imports gensim: for workers.

References
----------
Mikolov et al.: Distributed representations of words and phrases and their compositionality, 2013 (skip-gram).
Bojanowski et al.: Enriching word vectors with subword information, 2017 (fastText).
"""

import hashlib
import importlib.util
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.store import files
from tl_core.texts.base import Fittable
from tl_core.texts.contexts import from_contexts
from tl_core.texts.counting import Cumulative, WordCounts, count
from tl_core.texts.tokens import tokens
from tl_core.texts.vector_reading import read
from tl_core.texts.vectors import COMMON, WordVectors
from tl_core.texts.words import KIND, PretrainedWords, Tell, Texts, Weighting, chunks, finished, with_more

Method = Literal["word2vec", "fasttext", "continued"]
OWN = "this project"  # the source of vectors that were trained from nothing
LEAST = 2  # times a word has to be said
MOST_WORDS = 200_000  # the most frequent are trained
_CHUNK = 5000  # texts
_LONGEST = 10_000  # words of a text that gensim reads; more are cut into several
_BUCKETS = 50_000  # n-grams of letters, of fastText
_ENOUGH = 6_000_000  # words to be read in all epochs together
_EPOCHS = (5, 30)  # at least, at most
_RATE, _LAST_RATE = 0.025, 0.0001
_NEEDS = "Training word vectors takes gensim. pip install gensim==4.4.0"


@dataclass(frozen=True)
class WordRecipe:
    """How to train.

    Attributes
    ----------
    method : str
        ``"word2vec"`` or ``"fasttext"`` from nothing, or ``"continued"`` from pretrained vectors.
    source : str
        Of the pretrained vectors, as for `tl_core.texts.vector_reading.read`.
    dimension : int
        Length of a vector; that of the source where there is one.
    epochs : int
        0 = as many as it takes to read six million words, 5 to 30.
    window : int
        Words to either side that are foretold, at most.
    negative : int
        Words that were not said, for each that was.
    workers : int
        Threads. With 1 the result is the same each time.
    seed : int
        Of everything.
    """

    method: Method = "word2vec"
    source: str = ""
    dimension: int = 100
    epochs: int = 0
    window: int = 5
    negative: int = 5
    workers: int = 1
    seed: int = 0

    def passes(self, tokens_in_pool: int) -> int:
        """Return how many epochs are trained on a pool of so many words."""
        return self.epochs or min(max(math.ceil(_ENOUGH / max(tokens_in_pool, 1)), _EPOCHS[0]), _EPOCHS[1])


class TrainedWords(Fittable):
    """Trains word vectors on a pool, and weighs them as `tl_core.texts.words` does.

    Parameters
    ----------
    recipe : WordRecipe
        How.
    weighting : str
        As for `PretrainedWords`.
    directory : Path or None
        Keeps a checkpoint an epoch; of this very pool. None = nothing is kept.

    Attributes
    ----------
    passes : int
        How often a fit reads all texts, about; 0 until they were counted.
    kept : int
        Epochs that this fit has trained and kept: whoever stops it now loses what came after.

    Raises
    ------
    ValueError
        ``"continued"`` without a source, or a source with another method.
    """

    kind = KIND

    def __init__(
        self, recipe: WordRecipe = WordRecipe(), weighting: Weighting = "mean", directory: Path | None = None
    ) -> None:
        if (recipe.method == "continued") != bool(recipe.source):
            raise ValueError("vectors that are continued have a source, and no others have")
        self.recipe, self.weighting, self.directory = recipe, weighting, directory
        self.passes, self.kept = 0, 0

    def _note(self) -> None:
        self.kept += 1

    def fit(self, texts: Texts, tell: Tell = lambda done: None) -> Mapping[str, NDArray[Any]]:
        """See the base class. Told are texts read in all passes: one to count, `WordRecipe.passes` to train, and up to
        three more for pretrained vectors and for what texts share.

        Raises
        ------
        FeaturiserUnavailable
            gensim is not installed, or what the source takes.
        VectorsRefused
            The source is broken.
        OSError
            From writing a checkpoint.
        """
        tell = Cumulative(tell)
        counts = count(texts(), tell)
        training = _Training(self.recipe, counts, self.directory, self._note)
        self.passes = 1 + training.epochs + (2 if self.recipe.source else 0)
        vectors = training.run(texts, tell)
        about = {**asdict(self.recipe), "source": self.recipe.source or OWN, "texts": counts.texts}
        return finished(vectors, counts, texts, tell, weighting=self.weighting, about=about)


def is_installed() -> bool:
    """Return whether what trains is here; nothing is imported."""
    return importlib.util.find_spec("gensim") is not None


def fittable(
    method: Literal["pretrained", "word2vec", "fasttext", "continued"] = "word2vec",
    source: str = "",
    weighting: Weighting = "mean",
    directory: Path | None = None,
    **options: Any,
) -> Fittable:
    """Return what fits word vectors to a pool, for the registry.

    Parameters
    ----------
    method : str
        ``"pretrained"`` vectors as they are, or a method of `WordRecipe`.
    source, weighting, directory
        As for `PretrainedWords` and `TrainedWords`.
    **options
        Further ones of `PretrainedWords`, or of `WordRecipe`.

    Raises
    ------
    ValueError
        From either.
    """
    if method == "pretrained":
        return PretrainedWords(source, weighting, **options)
    return TrainedWords(WordRecipe(method, source, **options), weighting, directory)


class _Training:
    """A training under way; the directory says which epochs are done already."""

    def __init__(
        self, recipe: WordRecipe, counts: WordCounts, directory: Path | None, kept: Callable[[], None]
    ) -> None:
        self.recipe, self.counts, self.kept = recipe, counts, kept
        self.words = counts.by_frequency(LEAST)[:MOST_WORDS]
        self.epochs = recipe.passes(counts.tokens)
        self.path = None if directory is None else directory / "words.npz"
        self.begun: WordVectors | None = None

    def run(self, texts: Texts, tell: Cumulative) -> WordVectors:
        """Everything, in order."""
        if not self.words:
            return WordVectors([], np.zeros((0, self.recipe.dimension), np.float32))
        if self.recipe.method == "continued":
            self.begun = self._started(texts, tell)
        self.model = self._built()
        done = self._restored()
        tell.skip(max(done, 0) * self.counts.texts)
        if self.begun is not None and done < 0:
            self._epoch(-1, texts, tell)
        for epoch in range(max(done, 0), self.epochs):
            self._epoch(epoch, texts, tell)
            self._save(epoch + 1)
        return self._result()

    # --- beginning -----------------------------------------------------------------------------------

    def _started(self, texts: Texts, tell: Tell) -> WordVectors:
        """Return the pretrained vectors, with those of new words begun: from letters, else from contexts."""
        vectors = read(self.recipe.source, self.counts.of_word.keys(), COMMON)
        missing = [word for word in self.words if word not in vectors.rows]
        if vectors.subwords is not None:
            vectors = with_more(vectors, {word: vectors.subwords.vector(word) for word in missing})
        return with_more(vectors, from_contexts(vectors, self.counts, self._without(vectors), texts, tell))

    def _without(self, vectors: WordVectors) -> list[str]:
        return [word for word in self.words if word not in vectors.rows]

    def _built(self) -> Any:
        try:
            from gensim.models import FastText, Word2Vec
        except ImportError as error:
            raise FeaturiserUnavailable(_NEEDS) from error
        logging.getLogger("gensim").setLevel(logging.WARNING)  # it tells of each chunk
        recipe = self.recipe
        dimension = recipe.dimension if self.begun is None else self.begun.dimension
        shared = {
            "vector_size": dimension,
            "window": recipe.window,
            "negative": recipe.negative,
            "sg": 1,
            "min_count": 1,
            "workers": recipe.workers,
            "seed": recipe.seed,
        }
        model = FastText(bucket=_BUCKETS, **shared) if recipe.method == "fasttext" else Word2Vec(**shared)
        frequencies = {word: self.counts.of_word[word] for word in self.words}
        model.lifecycle_events = None  # nor keep a list of them
        model.build_vocab_from_freq(frequencies, corpus_count=self.counts.texts)
        if self.begun is not None:
            for word, row in model.wv.key_to_index.items():
                vector = self.begun.find(word)
                if vector is not None:
                    model.wv.vectors[row] = vector
        return model

    # --- training ------------------------------------------------------------------------------------

    def _epoch(self, number: int, texts: Texts, tell: Tell) -> None:
        """Read all texts once. Before the first (-1) pretrained vectors stand still, until the outputs know them."""
        model, total = self.model, max(self.counts.texts, 1)
        model.random = np.random.RandomState(abs(self.recipe.seed * 1000 + number + 1) % 2**32)
        model.wv.vectors_lockf = np.full(1, float(number >= 0), np.float32)
        done = 0
        for chunk in chunks(texts(), _CHUNK):
            first = self._rate(number, done / total)
            done += len(chunk)
            said = [part for text in chunk for part in _parts(tokens(text))]
            if said:
                last = self._rate(number, done / total)
                model.train(said, total_examples=len(said), epochs=1, start_alpha=first, end_alpha=last)
            tell(done)

    def _rate(self, epoch: int, share: float) -> float:
        spent = min(1.0, (max(epoch, 0) + (share if epoch >= 0 else 0.0)) / self.epochs)
        return _RATE + (_LAST_RATE - _RATE) * spent

    # --- checkpoints ---------------------------------------------------------------------------------

    @property
    def _identity(self) -> str:
        """Another word for another training: its recipe, or its pool's words."""
        said = [self.counts.texts, self.counts.tokens, [(word, self.counts.of_word[word]) for word in self.words]]
        return hashlib.sha256(json.dumps([asdict(self.recipe), self.epochs, said]).encode()).hexdigest()

    def _numbers(self) -> dict[str, NDArray[Any]]:
        wv = self.model.wv
        own = {"own": wv.vectors_vocab, "grams": wv.vectors_ngrams} if hasattr(wv, "vectors_ngrams") else {}
        return {**own, "vectors": wv.vectors, "outputs": self.model.syn1neg}

    def _save(self, epochs: int) -> None:
        if self.path is None:
            return
        files.make_directory(self.path.parent)
        identity = np.frombuffer(self._identity.encode(), np.uint8)
        with files.replacing(self.path) as temporary, temporary.open("xb") as file:
            np.savez(file, identity=identity, epochs=np.array(epochs), **self._numbers())  # type: ignore[arg-type]
        self.kept()

    def _restored(self) -> int:
        """Take up the checkpoint, and return how many epochs it has; -1 where there is none of this training."""
        if self.path is None or not self.path.is_file():
            return -1
        with np.load(self.path, allow_pickle=False) as stored:
            if stored["identity"].tobytes().decode() != self._identity:
                return -1
            for name, array in self._numbers().items():
                array[:] = stored[name]
            return int(stored["epochs"])

    # --- the end -------------------------------------------------------------------------------------

    def _result(self) -> WordVectors:
        """Return what was trained, then what the pool says too seldom, then the source's other words."""
        wv = self.model.wv
        trained = WordVectors(list(wv.index_to_key), np.asarray(wv.vectors, np.float32))
        rare = [word for word in self.counts.by_frequency() if word not in trained.rows]
        if self.recipe.method == "fasttext":
            return with_more(trained, {word: np.asarray(wv.get_vector(word), np.float32) for word in rare})
        if self.begun is not None:
            others = [word for word in self.begun.words if word not in trained.rows]
            return with_more(trained, {word: self.begun.find(word) for word in others})
        return trained


def _parts(said: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(said), _LONGEST):
        yield said[start : start + _LONGEST]
