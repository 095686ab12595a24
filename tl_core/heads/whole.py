# ruff: noqa: N803, N806 - matrices are X, Z and W here, as in scikit-learn
"""A network and a head as one ONNX graph, for programs that know neither: a picture in, probabilities out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.heads.plain import LinearHead, NearestHead

if TYPE_CHECKING:
    import onnx

Affine = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class GraphPart:
    """Some columns of what a head sees.

    Attributes
    ----------
    graph : Path
        Of the network, as `tl_core.featurisers.base.Featuriser.export_onnx` writes it. Several parts may be of one.
    start, stop : int
        Which columns of its embedding.
    affine : (ndarray of float32 (d, e), ndarray of float32 (e,)) or None
        What they are multiplied by, and what is added then; None = they stay.
    scale : ndarray of float32, shape (d,) or (e,), or None
        What each column is multiplied by last of all: of a mix.
    """

    graph: Path
    start: int
    stop: int
    affine: Affine | None = None
    scale: NDArray[np.float32] | None = None


def whole(parts: Sequence[GraphPart], head: LinearHead | NearestHead, about: Mapping[str, str]) -> "onnx.ModelProto":
    """Put a head behind networks.

    Parameters
    ----------
    parts : sequence of GraphPart
        In the order of the head's columns. All networks take pictures of one size.
    head : LinearHead or NearestHead
        As `tl_core.heads.files.load` reads it.
    about : mapping of str to str
        Becomes the graph's ``metadata_props``.

    Returns
    -------
    onnx.ModelProto
        Input ``image`` uint8 (n, side, side, 3), output ``probabilities`` float32 (n, c), checked.

    Raises
    ------
    ValueError
        The parts don't fit each other or the head.
    FileNotFoundError, OSError
        From reading a graph.
    """
    import onnx

    graph = _Graph()
    graphs = list(dict.fromkeys(each.graph for each in parts))
    embedded = {path: graph.network(path, f"network{at}.") for at, path in enumerate(graphs)}
    seen = [graph.part(embedded[each.graph], each) for each in parts]
    X = graph.then("Concat", *seen, axis=1) if len(seen) > 1 else seen[0]
    columns = sum(each.stop - each.start if each.affine is None else each.affine[0].shape[1] for each in parts)
    if columns != len(head.center):
        raise ValueError(f"the parts have {columns} columns, the head sees {len(head.center)}")
    Z = graph.unit_rows(graph.then("Sub", X, graph.constant(head.center)), len(head.center))
    if isinstance(head, LinearHead):
        logits = graph.then("Gemm", Z, graph.constant(head.coef), graph.constant(head.intercept), transB=1)
        last = graph.then("Sigmoid", logits) if head.multilabel else graph.then("Softmax", logits, axis=1)
    else:
        last = graph.then("Softmax", graph.votes(Z, head), axis=1)
    model = graph.finished(last, len(head.classes), about)
    onnx.checker.check_model(model)
    return model


class _Graph:
    """A graph in the making: nodes and constants are named by their number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.shape: list[int] = []  # of a picture
        self.opsets: dict[str, int] = {}
        self.ir_version = 0

    def then(self, kind: str, *given: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node; returns the name of its last output."""
        from onnx import helper

        names = [f"head.{len(self.nodes)}.{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(given), names, **attributes))
        return names[-1]

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"head.constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def network(self, path: Path, prefix: str) -> str:
        """Take in a network; returns the name of its embedding."""
        import onnx

        model = onnx.compose.add_prefix(onnx.load(path), prefix)
        taken = [each for each in model.graph.input if each.name == f"{prefix}image"]
        shape = [axis.dim_value for axis in taken[0].type.tensor_type.shape.dim][1:] if taken else []
        if self.shape and shape != self.shape:
            raise ValueError("the networks take pictures of different sizes")
        self.shape = shape
        for each in model.opset_import:
            if self.opsets.setdefault(each.domain or "", each.version) != each.version:
                raise ValueError("the networks are written in different versions of ONNX")
        self.ir_version = max(self.ir_version, model.ir_version)
        self.then("Identity", "image")
        self.nodes[-1].output[0] = f"{prefix}image"
        self.nodes.extend(model.graph.node)
        self.constants.extend(model.graph.initializer)
        return f"{prefix}embedding"

    def part(self, embedding: str, part: GraphPart) -> str:
        bounds = (self.constant([value], np.int64) for value in (part.start, part.stop, 1))
        last = self.then("Slice", embedding, *bounds)
        if part.affine is not None:
            W, b = part.affine
            last = self.then("Gemm", last, self.constant(W), self.constant(b))
        return last if part.scale is None else self.then("Mul", last, self.constant(part.scale))

    def unit_rows(self, X: str, width: int) -> str:
        """Rows of length one; one of zeros stays."""
        lengths = self.then("Sqrt", self.sums(self.then("Mul", X, X), width))
        is_zero = self.then("Equal", lengths, self.constant([[0.0]]))
        return self.then("Div", X, self.then("Where", is_zero, self.constant([[1.0]]), lengths))

    def sums(self, X: str, width: int) -> str:
        """Sums of rows, (n, 1): as a product, which every version of ONNX writes alike."""
        return self.then("MatMul", X, self.constant(np.ones((width, 1))))

    def votes(self, Z: str, head: NearestHead) -> str:
        """As `NearestHead.logits`."""
        c, k = len(head.classes), min(head.k, len(head.vectors))
        cosines = self.then("MatMul", Z, self.constant(head.vectors.T))
        near = self.then("TopK", cosines, self.constant([k], np.int64), outputs=2, axis=1)
        best = f"{near[:-1]}0"
        highest = self.then("Slice", best, *(self.constant([value], np.int64) for value in (0, 1, 1)))
        fallen = self.then("Div", self.then("Sub", best, highest), self.constant([[head.REACH]]))
        votes = self.then("Mul", self.then("Exp", fallen), self.then("Gather", self.constant(head.weights), near))
        code = self.then("Gather", self.constant(head.codes, np.int64), near)
        of_class = self.then("Gather", self.constant(np.eye(c)), code)
        axis = self.constant([1], np.int64)
        totals = self.then("Squeeze", self.then("MatMul", self.then("Unsqueeze", votes, axis), of_class), axis)
        shares = self.then("Div", totals, self.sums(totals, c))
        kept = self.then("Mul", shares, self.constant([[1 - head.SPREAD]]))
        logarithms = self.then("Log", self.then("Add", kept, self.constant([[head.SPREAD / c]])))
        return self.then("Div", logarithms, self.constant([[head.temperature]]))

    def finished(self, last: str, classes: int, about: Mapping[str, str]) -> "onnx.ModelProto":
        from onnx import TensorProto, helper

        self.nodes.append(helper.make_node("Identity", [last], ["probabilities"]))
        made = helper.make_graph(
            self.nodes,
            "classifier",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", *self.shape])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", classes])],
            self.constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        model = helper.make_model(made, opset_imports=opsets, ir_version=self.ir_version, producer_name="labeller")
        helper.set_model_props(model, dict(about))
        return model
