# ruff: noqa: N806 - matrices are Q, K and V here, as in papers
"""A sentence encoder's layers as torch modules, cut in two: what stays as it is, and what is trained. Imports torch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import packing
from tl_core.texts.checkpoints import Checkpoint

_LINEAR = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "inner": "intermediate.dense",
    "outer": "output.dense",
}
_NORMS = {"attended_norm": "attention.output.LayerNorm", "norm": "output.LayerNorm"}
_LOWEST = -1e9
_BUDGET = 4096  # tokens computed together


class EncoderLayer(torch.nn.Module):
    """One layer: attention and two linear maps, each with what came in added, and normalised.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Of a checkpoint.
    prefix : str
        What the layer's weights are called in front.
    heads : int
        Of attention.
    epsilon : float
        Of the normalisations.
    """

    attended: torch.nn.Linear
    inner: torch.nn.Linear
    outer: torch.nn.Linear
    attended_norm: torch.nn.LayerNorm
    norm: torch.nn.LayerNorm

    def __init__(self, weights: Mapping[str, NDArray[Any]], prefix: str, heads: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        for own, name in (_LINEAR | _NORMS).items():
            weight, bias = weights[f"{prefix}{name}.weight"], weights[f"{prefix}{name}.bias"]
            part: torch.nn.Linear | torch.nn.LayerNorm
            if own in _LINEAR:
                part = torch.nn.Linear(weight.shape[1], weight.shape[0])
            else:
                part = torch.nn.LayerNorm(len(weight), eps=epsilon)
            with torch.no_grad():
                part.weight.copy_(torch.from_numpy(np.array(weight)))
                part.bias.copy_(torch.from_numpy(np.array(bias)))
            self.add_module(own, part)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Float32 (n, t, d) and what to add to logits (n, 1, 1, t) in, float32 (n, t, d) out."""
        n, t, d = x.shape
        Q, K, V = (
            self.get_submodule(name)(x).view(n, t, self.heads, -1).transpose(1, 2) for name in ("query", "key", "value")
        )
        logits = Q @ K.transpose(2, 3) / math.sqrt(d / self.heads) + hidden
        mixed = (logits.softmax(dim=-1) @ V).transpose(1, 2).reshape(n, t, d)
        x = self.attended_norm(x + self.attended(mixed))
        out: torch.Tensor = self.norm(x + self.outer(functional.gelu(self.inner(x))))
        return out


class LowerLayers(torch.nn.Module):
    """Words, positions and the first layers: tokens in, activations out.

    Parameters
    ----------
    checkpoint : Checkpoint
        Of the encoder.
    count : int
        Layers.

    Raises
    ------
    FeaturiserUnavailable
        It is of a kind that is not tuned, or a weight is missing.
    """

    def __init__(self, checkpoint: Checkpoint, count: int) -> None:
        super().__init__()
        weights = checkpoint.weights()
        self.layers = _layers(checkpoint, weights, range(count))
        positions = weights["embeddings.position_embeddings.weight"][checkpoint.first_position :]
        types = weights.get("embeddings.token_type_embeddings.weight")
        self.words = torch.from_numpy(np.array(weights["embeddings.word_embeddings.weight"]))
        self.positions = torch.from_numpy(positions if types is None else positions + types[0])
        self.scale, self.shift = (
            torch.from_numpy(np.array(weights[f"embeddings.LayerNorm.{name}"])) for name in ("weight", "bias")
        )
        self.epsilon = _epsilon(checkpoint)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Tokens int64 (n, t) and where there are any (n, t) in, float32 (n, t, d) out."""
        x = self.words[ids] + self.positions[: ids.shape[1]]
        x = functional.layer_norm(x, (x.shape[2],), self.scale, self.shift, self.epsilon)
        hidden = _hidden(mask)
        for layer in self.layers:
            x = layer(x, hidden)
        return x


class UpperLayers(torch.nn.Module):
    """The last layers and the pooling: activations in, embeddings out.

    Parameters
    ----------
    checkpoint : Checkpoint
        Of the encoder.
    count : int
        How many of its layers.

    Raises
    ------
    FeaturiserUnavailable
        As from `LowerLayers`.
    """

    def __init__(self, checkpoint: Checkpoint, count: int) -> None:
        super().__init__()
        self.first = depth(checkpoint) - count
        self.layers = _layers(checkpoint, checkpoint.weights(), range(self.first, depth(checkpoint)))
        self.pooling, self.normalised = checkpoint.pooling, checkpoint.normalised

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        """Float32 (n, t, d + 1) in, the last column saying where there are tokens; float32 (n, d) out."""
        mask = activations[:, :, -1] > 0.5
        length = max(1, int(mask.sum(dim=1).max()))  # what no text of the batch reaches is not computed
        mask, x = mask[:, :length], activations[:, :length, :-1]
        hidden = _hidden(mask)
        for layer in self.layers:
            x = layer(x, hidden)
        if self.pooling == "cls":
            pooled = x[:, 0] * mask[:, :1]
        elif self.pooling == "max":
            pooled = x.masked_fill(~mask[:, :, None], _LOWEST).amax(dim=1) * mask[:, :1]
        else:
            pooled = (x * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        return functional.normalize(pooled, dim=1) if self.normalised else pooled

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights by the names that a checkpoint has for them."""
        out = {}
        for number, layer in enumerate(self.layers, self.first):
            for own, name in (_LINEAR | _NORMS).items():
                for part in ("weight", "bias"):
                    tensor = layer.get_parameter(f"{own}.{part}").detach().cpu()
                    out[f"encoder.layer.{number}.{name}.{part}"] = tensor.numpy().astype(np.float32)
        return out


def depth(checkpoint: Checkpoint) -> int:
    """Return how many layers an encoder has."""
    return int(checkpoint.config["num_hidden_layers"])


def activations_of(lower: LowerLayers, windows: Sequence[Sequence[int]], length: int) -> NDArray[np.float16]:
    """Compute activations of texts.

    Parameters
    ----------
    lower : LowerLayers
        In eval mode.
    windows : sequence of sequence of int
        The tokens of each text with their marks, at most ``length``; may be empty.
    length : int
        Tokens that each text is filled up to.

    Returns
    -------
    ndarray of float16, shape (n, length, d + 1)
        The last column is 1 where there is a token.
    """
    out = np.zeros((len(windows), length, lower.words.shape[1] + 1), np.float16)
    some = [at for at, window in enumerate(windows) if window]
    for batch in packing.batches([len(windows[at]) for at in some], _BUDGET):
        rows = [some[at] for at in batch]
        ids, mask = packing.padded([windows[row] for row in rows])
        with torch.inference_mode():
            x = lower(torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(mask) > 0).numpy()
        for row, own in zip(rows, x, strict=True):
            tokens = len(windows[row])
            out[row, :tokens, :-1] = own[:tokens]
            out[row, :tokens, -1] = 1
    return out


def _layers(checkpoint: Checkpoint, weights: Mapping[str, NDArray[Any]], numbers: range) -> torch.nn.ModuleList:
    kind = checkpoint.config["model_type"]
    if kind == "mpnet":
        raise FeaturiserUnavailable(f"{checkpoint.path} cannot be tuned: encoders of the kind {kind} are not.")
    heads = int(checkpoint.config["num_attention_heads"])
    try:
        layers = [EncoderLayer(weights, f"encoder.layer.{number}.", heads, _epsilon(checkpoint)) for number in numbers]
    except KeyError as error:
        raise FeaturiserUnavailable(f"{checkpoint.path} is not what its config.json says: {error}") from error
    return torch.nn.ModuleList(layers)


def _epsilon(checkpoint: Checkpoint) -> float:
    return float(checkpoint.config.get("layer_norm_eps", 1e-12))


def _hidden(mask: torch.Tensor) -> torch.Tensor:
    """Return what is added to the logits of attention: nothing where there is a token, else next to minus infinity."""
    return (~mask)[:, None, None, :].float() * _LOWEST
