"""What computes a run's embeddings, on the machines that there are."""

import pytest

from labeller.embedding.computing import runtime  # the real one: tests of what follows from it are given another
from tl_core import featurisers
from tl_core.featurisers import onnx_runtime, torch_runtime


class Computes:
    """Stands in for a runtime; none of these tests needs a card, or a second to load a network."""

    def __init__(self, featuriser, where):
        self.spec, self.where = featuriser.name, where


@pytest.fixture
def devices(monkeypatch):
    """A machine with a card."""
    monkeypatch.setattr(featurisers, "get", featurisers.make)
    monkeypatch.setattr(torch_runtime, "detect", lambda: "cuda")
    monkeypatch.setattr(torch_runtime, "TorchRuntime", Computes)
    monkeypatch.setattr(onnx_runtime, "OnnxRuntime", lambda featuriser, models: Computes(featuriser, "cpu"))
    runtime.cache_clear()
    yield
    runtime.cache_clear()


@pytest.mark.parametrize("asked", ["", "cuda", "mps"])
def test_8_bit_integers_are_computed_by_the_cpus_whatever_else_there_is(devices, asked):
    """A card computes in floats: its vectors would lie among others, under a fingerprint that says integers."""
    spec = f"{featurisers.DEFAULT},precision=int8"
    found = runtime(spec, asked)
    assert (found.spec, found.where) == (spec, "cpu")


@pytest.mark.parametrize(("asked", "where"), [("", "cuda"), ("cuda", "cuda"), ("mps", "mps"), ("cpu", "cpu")])
def test_floats_are_computed_where_it_is_asked_for(devices, asked, where):
    assert runtime(featurisers.DEFAULT, asked).where == where
