"""A network as small as one can be, as an ONNX graph."""

import numpy as np


def write_corners(path, side, dimension):
    """Embeds a picture as the means of its colours in the four corners, cut to the dimension: as `FakeRuntime`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    half = side // 2
    corner = np.zeros((side, side, 4), np.float32)
    for number in range(4):
        top, left = half * (number // 2), half * (number % 2)
        corner[top : top + half, left : left + half, number] = 1 / half**2
    # Pixels (n, side * side * 3) times what each corner and colour takes of them.
    weights = np.einsum("yxc,kl->yxkcl", corner, np.eye(3, dtype=np.float32)).reshape(side * side * 3, 12)
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["pixels"], axis=1),
        helper.make_node("MatMul", ["pixels", "weights"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "corners",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", side, side, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dimension])],
        [numpy_helper.from_array(weights[:, :dimension].copy(), "weights")],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
