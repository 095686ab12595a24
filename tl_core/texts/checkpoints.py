"""What a directory of a sentence encoder holds: weights, settings, tokenizer and how its tokens become one vector.

Read as sentence-transformers writes them (``modules.json``, ``config.json``, ``model.safetensors``, ``tokenizer.json``)
and without that package; a plain checkpoint without ``modules.json`` is pooled by its mean.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable

MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert", "mpnet")
POOLINGS = ("mean", "cls", "max")
MOST_BYTES = 1_900_000_000  # a graph is one message, of 2 GB at most
_KNOWN_MODULES = {"Transformer", "Pooling", "Normalize"}
_MODE = "pooling_mode_"
_MODES = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
_PREFIXES = ("", "bert.", "roberta.", "mpnet.", "model.")


@dataclass(frozen=True)
class Checkpoint:
    """A sentence encoder's directory.

    Parameters
    ----------
    path : Path
        The directory.

    Raises
    ------
    FeaturiserUnavailable
        From every attribute: a file is missing or broken, or of a kind that is not read here; the message says which.
    """

    path: Path

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """``config.json`` of the transformer, checked."""
        config: dict[str, Any] = dict(_json(self._transformer / "config.json"))
        kind = config.get("model_type")
        if kind not in MODEL_TYPES:
            raise FeaturiserUnavailable(
                f"{self.path} is a model of the kind {kind!r}; encoders of the kinds {', '.join(MODEL_TYPES)} are read."
            )
        if config.get("hidden_act", "gelu") != "gelu":
            raise FeaturiserUnavailable(f"{self.path} computes {config['hidden_act']!r}; only gelu is read.")
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise FeaturiserUnavailable(f"{self.path} has relative positions of a kind that is not read.")
        self._check_width(config)
        return config

    @cached_property
    def pooling(self) -> str:
        """One of `POOLINGS`."""
        folder = self._folder("Pooling")
        if folder is None:
            return "mean"
        settings = _json(folder / "config.json")
        modes = [name.removeprefix(_MODE) for name, on in settings.items() if on is True and _MODE in name]
        chosen: list[str] = [_MODES.get(mode, mode) for mode in modes] or [str(settings.get("pooling_mode", "mean"))]
        if len(chosen) != 1 or chosen[0] not in POOLINGS:
            told = " and ".join(chosen)
            raise FeaturiserUnavailable(f"{self.path} pools by {told}; {', '.join(POOLINGS)} are read, one of them.")
        return chosen[0]

    @cached_property
    def normalised(self) -> bool:
        """Whether its vectors are brought to length one."""
        return any(kind == "Normalize" for kind, _ in self._modules)

    @cached_property
    def most_tokens(self) -> int:
        """Tokens of a text that it reads at once, its own marks among them."""
        settings = self._transformer / "sentence_bert_config.json"
        positions = int(self.config.get("max_position_embeddings", 512)) - self.first_position
        own = _json(settings).get("max_seq_length") if settings.is_file() else None
        return min(int(own), positions) if own else positions

    @property
    def first_position(self) -> int:
        """Row of the table of positions that the first token has."""
        return 0 if self.config["model_type"] == "bert" else int(self.config.get("pad_token_id", 1)) + 1

    @cached_property
    def prompt(self) -> str:
        """What it wants before each text; mostly nothing."""
        settings = self.path / "config_sentence_transformers.json"
        told = _json(settings) if settings.is_file() else {}
        name = told.get("default_prompt_name")
        return str(told.get("prompts", {}).get(name, "")) if name else ""

    @cached_property
    def lowers(self) -> bool:
        """Whether texts are brought to small letters before the tokenizer sees them."""
        settings = self._transformer / "sentence_bert_config.json"
        return bool(_json(settings).get("do_lower_case")) if settings.is_file() else False

    @property
    def tokenizer_file(self) -> Path:
        """``tokenizer.json``."""
        return self._file("tokenizer.json", "Save it by a tokenizer that is fast: AutoTokenizer(...).save_pretrained.")

    @property
    def weights_file(self) -> Path:
        """``model.safetensors``."""
        file = self._file("model.safetensors", "Save it by save_pretrained(..., safe_serialization=True).")
        if file.stat().st_size > MOST_BYTES:
            raise FeaturiserUnavailable(f"{file} is larger than {MOST_BYTES / 1e9} GB: too large for this computer.")
        return file

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Read the weights, by name, without what the whole network is called in front of them."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(self.weights_file)
        except (SafetensorError, TypeError, ValueError) as error:
            raise FeaturiserUnavailable(f"{self.weights_file} cannot be read: {error}") from error
        word = "embeddings.word_embeddings.weight"
        prefix = next((prefix for prefix in _PREFIXES if f"{prefix}{word}" in arrays), None)
        if prefix is None:
            raise FeaturiserUnavailable(f"{self.weights_file} has no {word}: it is of another kind.")
        return {
            name.removeprefix(prefix): array.astype(np.float32, copy=False)
            for name, array in arrays.items()
            if name.startswith(prefix) and np.issubdtype(array.dtype, np.floating)
        }

    def digest(self) -> str:
        """SHA-256 of weights, tokenizer and settings, hexadecimal."""
        sha256 = hashlib.sha256()
        for file in (self.weights_file, self.tokenizer_file):
            with file.open("rb") as opened:
                sha256.update(hashlib.file_digest(opened, "sha256").digest())
        settings = [self.pooling, self.normalised, self.most_tokens, self.prompt, self.lowers, dict(self.config)]
        sha256.update(json.dumps(settings, sort_keys=True).encode())
        return sha256.hexdigest()

    @cached_property
    def _modules(self) -> list[tuple[str, Path]]:
        """Kind and folder of each module, in order."""
        file = self.path / "modules.json"
        if not file.is_file():
            return [("Transformer", self.path)]
        modules = [(str(one["type"]).rpartition(".")[2], self.path / str(one["path"])) for one in _json(file)]
        for kind, _ in modules:
            if kind not in _KNOWN_MODULES:
                raise FeaturiserUnavailable(
                    f"{self.path} has a module {kind}; {', '.join(sorted(_KNOWN_MODULES))} are read."
                )
        return modules

    @property
    def _transformer(self) -> Path:
        return self._folder("Transformer") or self.path

    def _check_width(self, config: Mapping[str, Any]) -> None:
        wanted = ("hidden_size", "num_attention_heads", "num_hidden_layers")
        if not all(isinstance(config.get(name), int) and config[name] > 0 for name in wanted):
            raise FeaturiserUnavailable(f"{self.path}/config.json lacks one of {', '.join(wanted)}.")
        if config["hidden_size"] % config["num_attention_heads"]:
            raise FeaturiserUnavailable(f"{self.path}/config.json has a width that its heads do not divide.")

    def _folder(self, wanted: str) -> Path | None:
        return next((folder for kind, folder in self._modules if kind == wanted), None)

    def _file(self, name: str, remedy: str) -> Path:
        file = self._transformer / name
        if not file.is_file():
            raise FeaturiserUnavailable(f"{self.path} has no {name}. {remedy}")
        return file


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FeaturiserUnavailable(f"{path} cannot be read: {error}") from error
