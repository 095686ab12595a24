# ruff: noqa: N803, N806 - W and K, N are what operators call them
"""A sentence encoder's network as an ONNX graph of ONNX Runtime's fused operators, written directly: no torch needed.

One node does what an export needs ten for: attention with its softmax, a sum with its normalisation, a bias with GELU.
In 8-bit integers each token has a scale of its own: a scale for a whole batch, as the quantiser of ONNX Runtime makes
it, lets a text's vector depend on the texts beside it. Queries, keys and values stay in float32.

References
----------
Devlin, Chang, Lee, Toutanova: BERT, 2019. Song, Tan, Qin, Lu, Liu: MPNet, 2020.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts.checkpoints import Checkpoint

if TYPE_CHECKING:
    import onnx

_FUSED = "com.microsoft"
_OPSET, _IR = 17, 9
_LOWEST = -1e30
_GELU_LIFT = 0.17  # GELU is above -0.17 everywhere


def graph(checkpoint: Checkpoint, precision: str) -> bytes:
    """Write the graph.

    Parameters
    ----------
    checkpoint : Checkpoint
        What it computes.
    precision : str
        ``"float32"`` or ``"int8"``.

    Returns
    -------
    bytes
        An ONNX file: inputs ``ids`` and ``mask``, int32 (n, t), tokens and where there are any; output
        ``embedding``, float32 (n, d).

    Raises
    ------
    FeaturiserUnavailable
        A weight is missing, or of another shape than the settings say.
    """
    try:
        return _Network(checkpoint, precision).written()
    except (KeyError, ValueError) as error:
        raise FeaturiserUnavailable(f"{checkpoint.path} is not what its config.json says: {error}") from error


class _Network:
    """Nodes and weights of a graph, one after the other."""

    def __init__(self, checkpoint: Checkpoint, precision: str) -> None:
        self._checkpoint, self._integers = checkpoint, precision == "int8"
        self._weights = checkpoint.weights()
        config = checkpoint.config
        self._mpnet = config["model_type"] == "mpnet"
        self._heads, self._layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        self._nodes: list[Any] = []
        self._arrays: list[Any] = []

    def written(self) -> bytes:
        """Build all of it."""
        from onnx import TensorProto, helper

        last = self._embedded()
        positions = self._relative_positions() if self._mpnet else ""
        for number in range(self._layers):
            last = self._layer(f"encoder.layer.{number}.", last, positions)
        self._pooled(last)
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", "t"]) for name in ("ids", "mask")]
        outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", None])]
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        whole = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._arrays)
        model: onnx.ModelProto = helper.make_model(whole, opset_imports=opsets, ir_version=_IR)
        content: bytes = model.SerializeToString()
        return content

    def _node(self, kind: str, inputs: list[str], *, fused: bool = False, outputs: int = 1, **settings: Any) -> Any:
        from onnx import helper

        names = [f"{kind}{len(self._nodes)}_{at}" for at in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, domain=_FUSED if fused else "", **settings))
        return names[0] if outputs == 1 else names

    def _array(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"array{len(self._arrays)}"
        self._arrays.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def _of(self, name: str) -> NDArray[np.float32]:
        return self._weights[name]

    def _embedded(self) -> str:
        """Words and positions, summed and normalised; the one type there is in a single text is in the positions."""
        positions = self._of("embeddings.position_embeddings.weight")[self._checkpoint.first_position :]
        if "embeddings.token_type_embeddings.weight" in self._weights:
            positions = positions + self._of("embeddings.token_type_embeddings.weight")[0]
        arrays = [
            self._of("embeddings.word_embeddings.weight"),
            positions,
            self._of("embeddings.LayerNorm.weight"),
            self._of("embeddings.LayerNorm.bias"),
        ]
        word, position, gamma, beta = (self._array(array) for array in arrays)
        inputs = ["ids", "", word, position, "", gamma, beta, "mask"]
        embedded, _ = self._node("EmbedLayerNormalization", inputs, fused=True, outputs=2, epsilon=self._epsilon)
        return str(embedded)

    def _layer(self, prefix: str, before: str, positions: str) -> str:
        names = _MPNET if self._mpnet else _BERT
        attended = self._attended(prefix, names, before, positions)
        middle = self._then(prefix + names["output"], attended, before, prefix + names["attention_norm"])
        inner = self._product(self._of(f"{prefix}intermediate.dense.weight").T, middle)
        inner = self._node("BiasGelu", [inner, self._array(self._of(f"{prefix}intermediate.dense.bias"))], fused=True)
        return self._then(prefix + "output.dense", inner, middle, prefix + "output.LayerNorm", after_gelu=True)

    def _attended(self, prefix: str, names: Mapping[str, str], before: str, positions: str) -> str:
        parts = [prefix + names[each] for each in ("query", "key", "value")]
        W = np.concatenate([self._of(f"{part}.weight").T for part in parts], axis=1)
        bias = np.concatenate([self._of(f"{part}.bias") for part in parts])
        width = len(bias) // 3
        # In float32 also where integers are wanted: it is a quarter of the work and most of the error.
        together = self._exact_product(W, before)
        split = self._array(np.full(3, width, np.int64))
        query, key, value = self._node("Split", [together, split], outputs=3, axis=2)
        inputs = [query, key, value, self._array(bias), "mask", positions]
        return str(self._node("MultiHeadAttention", inputs, fused=True, num_heads=self._heads))

    def _then(self, linear: str, inputs: str, before: str, norm: str, *, after_gelu: bool = False) -> str:
        """A linear layer, what was before added, normalised."""
        W, bias = self._of(f"{linear}.weight").T, self._of(f"{linear}.bias")
        if after_gelu and self._integers:
            y, offset = self._product_after_gelu(W, inputs)
            bias = bias + offset
        else:
            y = self._product(W, inputs)
        gamma, beta, added = (
            self._array(each) for each in (self._of(f"{norm}.weight"), self._of(f"{norm}.bias"), bias)
        )
        inputs_of_norm = [y, before, gamma, beta, added]
        return str(self._node("SkipLayerNormalization", inputs_of_norm, fused=True, epsilon=self._epsilon))

    def _exact_product(self, W: NDArray[np.float32], inputs: str) -> str:
        return str(self._node("MatMul", [inputs, self._array(W)]))

    def _product(self, W: NDArray[np.float32], inputs: str) -> str:
        """Inputs times W; in integers from -127 to 127 where integers are wanted, each token by its own largest."""
        if not self._integers:
            return self._exact_product(W, inputs)
        largest = self._node("ReduceMax", [self._node("Abs", [inputs])], axes=[-1], keepdims=1)
        return self._in_integers(_rounded(W), inputs, largest, 1 / 127, 128)

    def _product_after_gelu(self, W: NDArray[np.float32], inputs: str) -> tuple[str, NDArray[np.float32]]:
        """Inputs above -0.17 times W, in integers from 0 to 255: twice as fine. And what is to be added."""
        rounded = _rounded(W)
        lifted = self._node("Add", [inputs, self._array(np.float32(_GELU_LIFT))])
        largest = self._node("ReduceMax", [lifted], axes=[-1], keepdims=1)
        integers, steps = rounded
        offset = -_GELU_LIFT * integers.sum(axis=0, dtype=np.float64) * steps
        return self._in_integers(rounded, lifted, largest, 1 / 255, 0), offset.astype(np.float32)

    def _in_integers(
        self,
        rounded: tuple[NDArray[np.int8], NDArray[np.float32]],
        inputs: str,
        largest: str,
        step: float,
        middle: int,
    ) -> str:
        most = self._node("Max", [largest, self._array(np.float32(1e-9))])
        unit, zero = self._array(np.float32(step)), self._array(np.uint8(middle))
        quantised = self._node("QuantizeLinear", [self._node("Div", [inputs, most]), unit, zero])
        operands = [quantised, self._array(rounded[0]), unit, self._array(rounded[1]), zero]
        return str(self._node("Mul", [self._node("MatMulIntegerToFloat", operands, fused=True), most]))

    def _relative_positions(self) -> str:
        """MPNet's bias of attention by distance, (1, heads, t, t)."""
        most = self._checkpoint.most_tokens
        buckets = _buckets(most, int(self._checkpoint.config.get("relative_attention_num_buckets", 32)))
        table = self._of("encoder.relative_attention_bias.weight")
        whole = self._array(table[buckets].transpose(2, 0, 1)[None].astype(np.float32))
        length = self._node("Gather", [self._node("Shape", ["ids"]), self._array(np.array([1]))])
        ends = self._node("Concat", [length, length], axis=0)
        starts, axes = self._array(np.array([0, 0])), self._array(np.array([2, 3]))
        return str(self._node("Slice", [whole, starts, ends, axes]))

    def _pooled(self, last: str) -> None:
        """One vector of a text's tokens, without those that only fill a batch up."""
        pool = {"mean": self._mean, "cls": self._first, "max": self._largest}[self._checkpoint.pooling]
        if self._checkpoint.normalised:
            self._node("LpNormalization", [pool(last)], axis=1, p=2)
        else:
            self._node("Identity", [pool(last)])
        self._nodes[-1].output[0] = "embedding"

    def _mean(self, last: str) -> str:
        one, there = self._array(np.array([1])), self._there()
        total = self._node("MatMul", [self._node("Unsqueeze", [there, one]), last])
        count = self._node("ReduceSum", [there, one], keepdims=1)
        return str(self._node("Div", [self._node("Squeeze", [total, one]), count]))

    def _first(self, last: str) -> str:
        return str(self._node("Gather", [last, self._array(np.int64(0))], axis=1))

    def _largest(self, last: str) -> str:
        column = self._node("Unsqueeze", [self._there(), self._array(np.array([2]))])
        missing = self._node("Sub", [self._array(np.float32(1)), column])
        lowered = self._node("Mul", [missing, self._array(np.float32(_LOWEST))])
        return str(self._node("ReduceMax", [self._node("Add", [last, lowered])], axes=[1], keepdims=0))

    def _there(self) -> str:
        from onnx import TensorProto

        return str(self._node("Cast", ["mask"], to=TensorProto.FLOAT))


_BERT = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
}
_MPNET = {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "output": "attention.attn.o",
    "attention_norm": "attention.LayerNorm",
}


def _rounded(W: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return W (k, n) in integers from -127 to 127, and what each column's are multiplied by, (n,)."""
    steps = (np.maximum(np.abs(W).max(axis=0), 1e-9) / 127).astype(np.float32)
    return np.round(W / steps).astype(np.int8), steps


def _buckets(length: int, number: int, most: int = 128) -> NDArray[np.intp]:
    """Return which of MPNet's buckets each distance is in, (length, length)."""
    distance = np.arange(length)[:, None] - np.arange(length)[None]  # how far the key is to the left
    half = number // 2
    exact = half // 2
    far = np.abs(distance)
    log = np.log(np.maximum(far, 1) / exact) / math.log(most / exact) * (half - exact)
    bucket = np.where(far < exact, far, np.minimum(exact + log.astype(np.intp), half - 1))
    return np.asarray(np.where(distance < 0, half, 0) + bucket, np.intp)
