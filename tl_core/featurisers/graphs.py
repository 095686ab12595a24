"""Networks that come as ONNX graphs: checked, and brought to the form that this program's own exports have."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable, Picture
from tl_core.featurisers.cards import Card, preprocessing_of
from tl_core.featurisers.preprocessing import Preprocessing
from tl_core.store import files

if TYPE_CHECKING:
    import onnx
    import torch

GRAPH = "graph"  # the name of the tensor that holds it
OPSET = 17
_INNER = "own."  # before all names of the graph that came, so that none is taken
_SIDES = (16, 4096)


class GraphNetwork(Featuriser):
    """A network that is an ONNX graph. On a GPU it is computed by the CPU beside it.

    Parameters
    ----------
    card : Card
        Of the architecture ``onnx``.
    weights : Path
        The file `tl_core.featurisers.own.save` wrote.
    """

    pooling = "onnx graph"
    source = "this site"

    def __init__(self, card: Card, *, weights: Path) -> None:
        self._weights, self._dimension = weights, card.dimension
        self.transform = preprocessing_of(card.preprocessing or {})
        self.image_size = self.transform.crop
        self.preprocessing = str(self.transform)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self._dimension

    @property
    def decode_side(self) -> int:
        """Short side the decoder should keep, pixels: that of the resized image, before its crop."""
        return self.transform.resize

    @property
    def weights_file(self) -> Path:
        """Path of the file with the graph."""
        return self._weights

    @property
    def recipe(self) -> dict[str, Any] | None:
        """How images are resized and cropped."""
        return self.transform.recipe

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Resize and crop as the card says. See the base class."""
        return self.transform.apply(image)

    def export_onnx(self, path: Path) -> None:
        """Write the graph: it is in the form that is asked for. See the base class."""
        files.write_bytes(path, self._content())

    def module(self) -> "torch.nn.Module":
        """Wrap the graph for torch. See the base class."""
        import torch

        session = _session(self._content())

        class Graph(torch.nn.Module):
            def forward(self, image: torch.Tensor) -> torch.Tensor:
                (vectors,) = session.run(["embedding"], {"image": image.cpu().numpy()})
                return torch.from_numpy(vectors).to(image.device)

        return Graph().eval()

    def _content(self) -> bytes:
        from safetensors.numpy import load_file

        return load_file(self._weights)[GRAPH].tobytes()


def imported(
    content: bytes, preprocessing: Mapping[str, Any] | None = None
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """Check a graph by running it, and bring it to the form ``image`` uint8 (n, side, side, 3) to ``embedding``.

    Parameters
    ----------
    content : bytes
        An ONNX file: one input, an image float32 or uint8, (n, 3, side, side) or (n, side, side, 3); one output, or
        one named ``embedding``, float32 (n, d). ``n`` must be free.
    preprocessing : mapping or None
        Any fields of `Preprocessing`; the sides come from the graph where they are not given. A float32 image is
        normalised by ``mean`` and ``std``, by default to 0..1; a uint8 one is given as it is.

    Returns
    -------
    state : dict of str to torch.Tensor
        For `tl_core.featurisers.own.save`.
    described : dict
        ``preprocessing`` and ``dimension`` of its card.

    Raises
    ------
    FeaturiserUnavailable
        What doesn't fit, in a sentence.
    """
    import torch

    model = _parsed(content)
    image, channels_last, is_float = _image(model)
    transform = _preprocessing(image, channels_last, preprocessing or {})
    output = _output(model)
    wrapped = _wrapped(model, image.name, output, transform, channels_last=channels_last, is_float=is_float)
    dimension = _tried(wrapped, transform.crop)
    state = {GRAPH: torch.from_numpy(np.frombuffer(wrapped, np.uint8).copy())}
    return state, {"preprocessing": asdict(transform), "dimension": dimension}


def _parsed(content: bytes) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
        # A path in a graph would be read from the server's disk.
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
            raise FeaturiserUnavailable(
                "The graph keeps its weights in another file. Save it as one: onnx.save(onnx.load(FILE), NEW_FILE)."
            )
        onnx.checker.check_model(model)
        opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), OPSET)
        if opset < 13:  # older operators are those that differ most
            model = onnx.version_converter.convert_version(model, OPSET)
    except (DecodeError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise FeaturiserUnavailable(f"This is no ONNX graph that can be read: {_first_line(error)}") from error
    return model


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield all tensors of a graph and of the graphs inside its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _image(model: "onnx.ModelProto") -> tuple[Any, bool, bool]:
    """Return the input, whether its channels come last, and whether it is float32."""
    import onnx

    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    if len(inputs) != 1:
        named = ", ".join(each.name for each in inputs) or "none"
        raise FeaturiserUnavailable(f"The graph must take one input, the image; it takes {len(inputs)}: {named}.")
    kind, shape = inputs[0].type.tensor_type.elem_type, _shape(inputs[0])
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8):
        told = onnx.TensorProto.DataType.Name(kind)
        raise FeaturiserUnavailable(f"The graph's input {inputs[0].name} is {told}; float32 and uint8 are possible.")
    if len(shape) != 4 or (shape[1] == 3) == (shape[3] == 3):
        raise FeaturiserUnavailable(
            f"The graph's input {inputs[0].name} has the shape {tuple(shape)}; (n, 3, side, side) and "
            "(n, side, side, 3) are possible."
        )
    if isinstance(shape[0], int):
        raise FeaturiserUnavailable(
            f"The graph takes exactly {shape[0]} image(s) at a time. Export it with a free first axis: "
            "torch.onnx.export(..., dynamic_axes={'image': {0: 'n'}, 'embedding': {0: 'n'}})."
        )
    return inputs[0], shape[3] == 3, kind == onnx.TensorProto.FLOAT


def _shape(value: Any) -> list[int | str]:
    axes = value.type.tensor_type.shape.dim
    return [axis.dim_value if axis.HasField("dim_value") and axis.dim_value > 0 else axis.dim_param for axis in axes]


def _preprocessing(image: Any, channels_last: bool, given: Mapping[str, Any]) -> Preprocessing:
    sides = _shape(image)[1:3] if channels_last else _shape(image)[2:4]
    fixed = {side for side in sides if isinstance(side, int)}
    if len(fixed) > 1:
        raise FeaturiserUnavailable(f"The graph takes images of {sides[0]} x {sides[1]} pixels; squares are needed.")
    crop = given.get("crop") or next(iter(fixed), None)
    if crop is None:
        raise FeaturiserUnavailable("The graph takes images of any size: say which side in pixels it is to be given.")
    if fixed and crop not in fixed:
        raise FeaturiserUnavailable(f"The graph takes images of {fixed.pop()} pixels, not of {crop}.")
    if not _SIDES[0] <= int(crop) <= _SIDES[1]:
        raise FeaturiserUnavailable(f"The side of the image must be {_SIDES[0]} to {_SIDES[1]} pixels, unlike {crop}.")
    plain = {"interpolation": "bilinear", "mean": (0.0,) * 3, "std": (1.0,) * 3, "squash": False}
    return preprocessing_of({**plain, "resize": crop, **given, "crop": crop})


def _output(model: "onnx.ModelProto") -> str:
    names = [each.name for each in model.graph.output]
    if len(names) != 1 and "embedding" not in names:
        raise FeaturiserUnavailable(
            f"The graph has {len(names)} outputs ({', '.join(names)}): leave one, or call one of them embedding."
        )
    return "embedding" if "embedding" in names else names[0]


def _wrapped(
    model: "onnx.ModelProto", image: str, output: str, transform: Preprocessing, *, channels_last: bool, is_float: bool
) -> bytes:
    """Put before the graph what turns uint8 (n, side, side, 3) into what it takes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.compose.add_prefix(model, _INNER)
    nodes, last = [], "image"

    def then(kind: str, *more: str, **attributes: Any) -> None:
        nonlocal last
        nodes.append(helper.make_node(kind, [last, *more], [f"{kind.lower()}d"], **attributes))
        last = f"{kind.lower()}d"

    if is_float:
        then("Cast", to=TensorProto.FLOAT)
        for kind, values in (("Sub", transform.mean), ("Div", transform.std)):
            array = np.array([255 * value for value in values], np.float32)
            model.graph.initializer.append(numpy_helper.from_array(array, kind))
            then(kind, kind)
    if not channels_last:
        then("Transpose", perm=[0, 3, 1, 2])
    then("Identity")
    nodes[-1].output[0] = _INNER + image
    side = transform.crop
    old = list(model.graph.node)
    del model.graph.node[:], model.graph.output[:]
    kept = [each for each in model.graph.input if each.name != _INNER + image]  # weights that may be overridden
    del model.graph.input[:]
    model.graph.input.extend([helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", side, side, 3]), *kept])
    model.graph.node.extend([*nodes, *old, helper.make_node("Identity", [_INNER + output], ["embedding"])])
    model.graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", None]))
    content: bytes = model.SerializeToString()
    return content


def _tried(content: bytes, side: int) -> int:
    """Run the graph on two images together and apart; returns the length of its embeddings."""
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    try:
        session = _session(content)
        together, alone = (session.run(["embedding"], {"image": images[:n]})[0] for n in (2, 1))
    except Exception as error:  # onnxruntime has a dozen kinds, none of which it exports
        raise FeaturiserUnavailable(f"The graph cannot be run: {_first_line(error)}") from error
    if together.ndim != 2 or len(together) != 2 or len(alone) != 1 or not together.shape[1]:
        raise FeaturiserUnavailable(
            f"For two images the graph gives {tuple(together.shape)}; an embedding each is needed, (2, d). Pool what "
            "it gives, or cut it elsewhere."
        )
    if not np.isfinite(together).all():
        raise FeaturiserUnavailable("The graph gives numbers that are not finite.")
    if not np.allclose(together[:1], alone, rtol=1e-3, atol=1e-4):
        raise FeaturiserUnavailable(
            "An image's embedding depends on the images beside it: export the network in eval mode."
        )
    return int(together.shape[1])


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is told by us
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
