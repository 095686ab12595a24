"""gensim's ``.kv`` files, which are pickles: read without running what is in them, and without gensim.

A pickle may name any function and have it called. Here it may name gensim's two classes, of which nothing but the
attributes is kept, and what numpy's arrays are made of.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.notices import notice
from tl_core.texts.fasttext_files import Pieces, with_pieces
from tl_core.texts.vectors import WIDEST, Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

_ARRAYS = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
_OF_NUMPY = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric"}
_OF_GENSIM = {"KeyedVectors", "FastTextKeyedVectors", "Word2VecKeyedVectors", "Vocab"}
_BROKEN = (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, ValueError, TypeError, MemoryError)


class _Kept:
    """Stands for an object of gensim: its attributes, without behaviour."""


class _Unsafe(Exception):
    """The pickle names something else."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle may name; see the module."""
        if module.startswith("gensim.models.") and name in _OF_GENSIM:
            return _Kept
        if module in _OF_NUMPY and name in _ARRAYS:
            return super().find_class(module, name)
        raise _Unsafe(f"{module}.{name}")


def read(path: Path, taking: Taking) -> WordVectors:
    """Read a file that ``KeyedVectors.save`` wrote; large arrays beside it are mapped.

    Parameters
    ----------
    path : Path
        The ``.kv`` file; what gensim wrote beside it (``.vectors.npy``) has to lie there still.
    taking : Taking
        Which words.

    Returns
    -------
    WordVectors

    Raises
    ------
    VectorsRefused
        The pickle is broken, holds other things than vectors, or names what it must not.
    OSError
        From reading; also where an array beside it is missing.
    """
    state = _state(path)
    words: list[str] | None = state.get("index_to_key")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _refused(path)
    if isinstance(grams := _array(path, state, "vectors_ngrams"), np.ndarray) and state.get("bucket"):
        own = _array(path, state, "vectors_vocab")
        pieces = Pieces(grams, int(state["min_n"]), int(state["max_n"]))
        _check(path, own, words)
        for row, word in enumerate(words):
            if taking.wants(word):
                taking.add(word, _finite(path, with_pieces(own[row], word, pieces), row))
        return taking.taken(grams.shape[1], pieces)
    matrix = _array(path, state, "vectors")
    _check(path, matrix, words)
    for row, word in enumerate(words):
        if taking.wants(word):
            taking.add(word, _finite(path, matrix[row], row))
    return taking.taken(matrix.shape[1])


def _state(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            kept = _Reader(file).load()
    except _Unsafe as error:
        detail = notice(WordCode.UNSAFE_PICKLE, file=path.name, name=str(error))
        raise VectorsRefused("unsafe", detail) from error
    except _BROKEN as error:
        detail = notice(WordCode.BAD_LINE, file=path.name, place=1, error=str(error))
        raise VectorsRefused("damaged", detail) from error
    return dict(vars(kept)) if isinstance(kept, _Kept) else {}


def _array(path: Path, state: dict[str, Any], name: str) -> Any:
    """Return an array that is in the pickle, or beside it."""
    if name in (state.get("__numpys") or []):
        return np.load(path.with_name(f"{path.name}.{name}.npy"), mmap_mode="r", allow_pickle=False)
    return state.get(name)


def _check(path: Path, matrix: Any, words: list[str]) -> None:
    shaped = isinstance(matrix, np.ndarray) and matrix.ndim == 2 and matrix.dtype.kind == "f"
    if not shaped or len(matrix) < len(words) or not 1 <= matrix.shape[1] <= WIDEST:
        raise _refused(path)


def _finite(path: Path, vector: NDArray[Any], row: int) -> NDArray[np.float32]:
    if not np.isfinite(vector).all():
        error = "a number is not finite"
        raise VectorsRefused("damaged", notice(WordCode.BAD_LINE, file=path.name, place=row + 1, error=error))
    return np.asarray(vector, np.float32)


def _refused(path: Path) -> VectorsRefused:
    return VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=path.name))
