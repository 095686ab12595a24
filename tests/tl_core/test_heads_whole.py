# ruff: noqa: N803, N806 - matrices are X and Y here, as in scikit-learn
"""tl_core.heads.whole: the graph says what the head says of what the networks give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests import graphs
from tests.tl_core.blobs import blobs
from tl_core import heads
from tl_core.heads import files as head_files
from tl_core.heads.multilabel import MultiLabelHead
from tl_core.heads.whole import GraphPart, whole
from tl_core.spaces import cameras, whitening

SIDE, DIMENSION = 8, 12
PICTURES = np.random.default_rng(3).integers(0, 256, (200, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    graphs.write_corners(tmp_path / "corners.onnx", SIDE, DIMENSION)
    return tmp_path / "corners.onnx"


def embedded(pictures: NDArray[np.uint8], graph: Path) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    vectors: NDArray[np.float32] = session.run(["embedding"], {"image": pictures})[0]
    return vectors


def asked(model: Any, pictures: NDArray[np.uint8]) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"image": pictures})[0]


def taught(name: str, X: NDArray[np.float32], directory: Path) -> Any:
    """A head of three classes, as it is read from its files."""
    y = X[:, 0].argsort().argsort() * 3 // len(X)
    if name == "several":
        Y = np.stack([y == 0, y > 0, X[:, 1] > X[:, 1].mean()], axis=1)
        head_files.save(MultiLabelHead().fit(X, Y), directory, {})
    else:
        head_files.save(heads.get(name).fit(X, y), directory, {})
    return head_files.load(directory)


@pytest.mark.parametrize("name", ["logistic", "transductive", "centroid", "knn", "several"])
def test_the_graph_says_what_the_head_says(name: str, graph: Path, tmp_path: Path) -> None:
    X = embedded(PICTURES, graph)
    head = taught(name, X[:90], tmp_path / "head")
    model = whole([GraphPart(graph, 0, DIMENSION)], head, {"question": "Which?"})
    np.testing.assert_allclose(asked(model, PICTURES), head.predict_proba(X), atol=2e-4)
    assert asked(model, PICTURES[:1]).shape == (1, len(head.classes))
    assert [(each.key, each.value) for each in model.metadata_props] == [("question", "Which?")]


def test_parts_are_cut_mapped_and_scaled_as_a_mix_is(graph: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    graphs.write_corners(other, SIDE, 6)
    X = embedded(PICTURES, graph)
    white = whitening.fit([X], 5)
    projected = cameras.fit(X, np.arange(len(X)) % 4)
    scale = np.linspace(0.5, 2, 5).astype(np.float32)
    columns = [white.apply(X) * scale, projected.apply(X), X[:, 2:8], embedded(PICTURES, other)]
    parts = [
        GraphPart(graph, 0, DIMENSION, white.affine(), scale),
        GraphPart(graph, 0, DIMENSION, projected.affine()),
        GraphPart(graph, 2, 8),
        GraphPart(other, 0, 6),
    ]
    seen = np.hstack(columns)
    head = taught("logistic", seen[:90], tmp_path / "head")
    np.testing.assert_allclose(asked(whole(parts, head, {}), PICTURES), head.predict_proba(seen), atol=5e-4)


def test_a_picture_without_anything_has_probabilities_too(graph: Path, tmp_path: Path) -> None:
    X, y = blobs(60, 3, d=DIMENSION)
    head_files.save(heads.get("logistic", pool_mean=np.zeros(DIMENSION, np.float32)).fit(X, y), tmp_path / "head", {})
    model = whole([GraphPart(graph, 0, DIMENSION)], head_files.load(tmp_path / "head"), {})
    assert asked(model, np.zeros((1, SIDE, SIDE, 3), np.uint8)).sum() == pytest.approx(1, abs=1e-5)


def test_what_does_not_fit_is_refused(graph: Path, tmp_path: Path) -> None:
    X = embedded(PICTURES, graph)
    head = taught("logistic", X[:90], tmp_path / "head")
    with pytest.raises(ValueError, match="11 columns, the head sees 12"):
        whole([GraphPart(graph, 0, 11)], head, {})
    larger = tmp_path / "larger.onnx"
    graphs.write_corners(larger, 16, 6)
    with pytest.raises(ValueError, match="different sizes"):
        whole([GraphPart(graph, 0, 6), GraphPart(larger, 0, 6)], head, {})
