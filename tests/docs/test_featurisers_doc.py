"""docs/featurisers.md: its example runs, its specs exist, its table has a place for figures."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import choosing
from tests.tl_core.pictures import scene
from tl_core import featurisers
from tl_core.featurisers import registry
from tl_core.featurisers.onnx_runtime import OnnxRuntime

DOC = (Path(__file__).parents[2] / "docs" / "featurisers.md").read_text()


def test_the_example_embeds_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    (tmp_path / "example.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("example")
    featuriser = registry.get("colour-grid")  # not featurisers.get: tests of the site replace it
    image = featuriser.preprocess(scene())
    (embedding,) = OnnxRuntime(featuriser, tmp_path / "cache", batch_size=1).embed(image[None])
    cells = image.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(embedding, cells.transpose(2, 0, 1).ravel(), atol=1e-5)


def test_every_spec_it_names_exists() -> None:
    specs = re.findall(r"```\n(.*?)```", DOC, re.DOTALL)[0].splitlines()
    table = re.findall(r"^\|[^|]*\| `([^`]*)`(?:, then `([^`]*)`)? \|", DOC, re.MULTILINE)
    named = [name for row in table for name in row if name and "NAME" not in name]
    assert len(specs) == 3 and {"efficientnet-lite0", "dinov2-base", "resnet50"} <= set(named)
    for spec in [*specs, *named, "resnet50,cut=layer3.5.relu"]:
        featurisers.make(spec)
    assert f"all {len(registry.torchvision_names())} classification networks" in DOC


def test_figures_have_a_place() -> None:
    assert DOC.count(choosing.START) == DOC.count(choosing.END) == 1
    assert DOC.index(choosing.START) < DOC.index(choosing.END)
