"""Load an ONNX graph to be run on CPUs."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def session(graph: Path) -> "onnxruntime.InferenceSession":
    """Load a graph so that each call of it uses one thread.

    Parameters
    ----------
    graph : Path
        An ONNX file.

    Returns
    -------
    onnxruntime.InferenceSession
        On the CPU.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
