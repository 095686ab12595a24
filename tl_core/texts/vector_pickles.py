"""gensim's ``.kv`` files: pickles, read as what they say, not as what they do, and without gensim.

A pickle is a program that may call any function. Here its instructions are only looked at: lists, strings and numbers
are taken as they are, numpy's arrays are made of their bytes, and an object of gensim is its attributes. What names
anything else is refused.
"""

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.notices import notice
from tl_core.texts.fasttext_files import Pieces, with_pieces
from tl_core.texts.vectors import WIDEST, Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

_OF_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
_RECONSTRUCT, _NDARRAY, _DTYPE = "_reconstruct", "ndarray", "dtype"
_OF_GENSIM = ("KeyedVectors", "FastTextKeyedVectors", "Word2VecKeyedVectors")
_BROKEN = (AttributeError, IndexError, KeyError, ValueError, TypeError, AssertionError, OverflowError)
_MARK = object()


class _Unsafe(Exception):
    """The pickle names something else."""


class _Named:
    """A function or class that the pickle names."""

    def __init__(self, module: str, name: str) -> None:
        is_numpy = module in _OF_NUMPY and name in (_RECONSTRUCT, _NDARRAY, _DTYPE)
        if not is_numpy and not (module.startswith("gensim.models.") and name in _OF_GENSIM):
            raise _Unsafe(f"{module}.{name}")
        self.name = name


class _Made:
    """What the pickle makes by calling that: its arguments, and what is set on it afterwards."""

    def __init__(self, of: _Named, arguments: tuple[Any, ...]) -> None:
        self.of, self.arguments = of.name, arguments
        self.state: Any = None

    def plain(self) -> Any:
        """Return a type, an array, or the attributes of an object of gensim."""
        if self.of == _DTYPE:
            kind = np.dtype(str(self.arguments[0]))
            return kind.newbyteorder(self.state[1]) if self.state and self.state[1] in "<>" else kind
        if self.of == _RECONSTRUCT:
            _, shape, kind, in_columns, content = self.state
            flat = np.frombuffer(content, kind.plain())
            return flat.reshape(shape, order="F" if in_columns else "C")
        return {
            name: each.plain() if isinstance(each, _Made) else each for name, each in dict(self.state or {}).items()
        }


class _Program:
    """The instructions of a pickle, one after the other."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Take one instruction. Raises ValueError where it is of a kind that no array and no list takes."""
        if name in _IGNORED:
            return
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif "UNICODE" in name or "BINBYTES" in name or name.startswith(("BININT", "LONG1", "BINFLOAT", "BYTEARRAY")):
            self.stack.append(argument)
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name.startswith("TUPLE"):
            self.stack.append(tuple(self._unmarked() if name == "TUPLE" else self._taken(int(name[5:]))))
        else:
            self._act(name, argument)

    def _act(self, name: str, argument: Any) -> None:
        if name in ("STACK_GLOBAL", "GLOBAL"):
            module, named = self._taken(2) if name == "STACK_GLOBAL" else str(argument).split(" ")
            self.stack.append(_Named(module, named))
        elif name in ("NEWOBJ", "REDUCE"):
            of, arguments = self._taken(2)
            self.stack.append(_Made(of, arguments))
        elif name == "FROZENSET":
            self.stack.append(tuple(self._unmarked()))  # what gensim leaves out of a file: nobody reads it
        elif name == "BUILD":
            (state,) = self._taken(1)
            self.stack[-1].state = state
        elif name in ("APPEND", "APPENDS"):
            values = self._taken(1) if name == "APPEND" else self._unmarked()
            self.stack[-1].extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = self._taken(2) if name == "SETITEM" else self._unmarked()
            self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
        else:
            raise ValueError(f"the instruction {name} has no place in vectors")

    def _taken(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("it ends too early")
        if not count:
            return []
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def _unmarked(self) -> list[Any]:
        place = max(at for at, each in enumerate(self.stack) if each is _MARK)
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values


_IGNORED = ("PROTO", "FRAME", "STOP")
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}


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
    """Return the attributes of the object in a pickle; none where it holds something else."""
    program = _Program()
    try:
        with path.open("rb") as file:
            for instruction, argument, _ in pickletools.genops(file):
                program.step(instruction.name, argument)
        (made,) = program.stack
        return made.plain() if isinstance(made, _Made) and made.of in _OF_GENSIM else {}
    except _Unsafe as error:
        detail = notice(WordCode.UNSAFE_PICKLE, file=path.name, name=str(error))
        raise VectorsRefused("unsafe", detail) from error
    except _BROKEN as error:
        detail = notice(WordCode.BAD_LINE, file=path.name, place=1, error=str(error))
        raise VectorsRefused("damaged", detail) from error


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
