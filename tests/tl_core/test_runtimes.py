"""The runtimes beside each other: equal vectors, whatever computes them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.tl_core import networks
from tests.tl_core.pictures import scene
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, int8, onnx_runtime, torch_runtime
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.featurisers.torch_runtime import DeviceUnavailable, TorchRuntime


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))


def pictures(side: int, count: int = 5) -> np.ndarray:
    """Smooth ones: noise is nothing that a network was made for."""
    featuriser = featurisers.get()
    turned = [np.rot90(np.asarray(scene(300, 240)), number) for number in range(count)]
    return np.stack([featuriser.preprocess(each) for each in turned])


# --- torch ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch_cpu() -> TorchRuntime:
    return TorchRuntime(featurisers.get(), "cpu", batch_size=3)


def test_torch_and_onnx_runtime_embed_alike(torch_cpu: TorchRuntime, runtime: OnnxRuntime) -> None:
    batch = pictures(224)
    found = torch_cpu.embed(batch)
    assert found.dtype == np.float32 and found.shape == (5, 1280)
    assert cosines(found, runtime.embed(batch)).min() > 0.9999


def test_an_embedding_by_torch_does_not_depend_on_its_batch(torch_cpu: TorchRuntime) -> None:
    batch = pictures(224, 7)
    together = torch_cpu.embed(batch)
    np.testing.assert_allclose(torch_cpu.embed(batch[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(torch_cpu.embed(batch[4:5])[0], together[4], atol=1e-5)
    assert torch_cpu.embed(batch[:0]).shape == (0, 1280)


def test_torch_refuses_other_arrays(torch_cpu: TorchRuntime) -> None:
    for wrong in (np.zeros((1, 200, 200, 3), np.uint8), np.zeros((1, 224, 224, 3), np.float32)):
        with pytest.raises(ValueError, match="expected uint8"):
            torch_cpu.embed(wrong)


def test_a_network_that_cannot_be_compiled_runs_uncompiled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    def no_compiler(module: object, **_: object) -> object:
        def fail(*_: object) -> None:
            raise RuntimeError("no C++ compiler\nand a long story")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    runtime = TorchRuntime(featurisers.get(), "cpu", batch_size=2, compiled=True)
    assert "runs uncompiled: no C++ compiler" in caplog.text and "story" not in caplog.text
    assert runtime.embed(pictures(224, 2)).shape == (2, 1280)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_an_absent_device_is_named(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_is_there", lambda _: False)
    with pytest.raises(DeviceUnavailable, match=f"'{device}'.*use cpu"):
        TorchRuntime(featurisers.get(), device)
    with pytest.raises(DeviceUnavailable, match="one of cpu, cuda, mps"):
        TorchRuntime(featurisers.get(), "tpu")


def test_torch_refuses_8_bit_integers() -> None:
    """It would compute in floats, and the fingerprint of what came out would say otherwise."""
    with pytest.raises(FeaturiserUnavailable, match="by ONNX Runtime on CPUs"):
        TorchRuntime(featurisers.get("efficientnet-lite0,precision=int8"), "cpu")


def test_devices_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(torch_runtime.platform, "machine", lambda: "arm64")
    for there, expected in (({"mps"}, "mps"), ({"cuda", "mps"}, "cuda"), (set(), "cpu")):
        monkeypatch.setattr(torch_runtime, "_is_there", lambda device, there=there: device in there)
        assert torch_runtime.detect() == expected


# --- ONNX Runtime ---------------------------------------------------------------------------------


def test_the_fastest_is_tried_out_once_a_machine(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    featuriser = featurisers.get()
    first = OnnxRuntime(featuriser, cache_dir, threads=3)
    monkeypatch.setattr(onnx_runtime.OnnxRuntime, "_rate", lambda *_: pytest.fail("tried out again"))
    again = OnnxRuntime(featuriser, cache_dir, threads=3)
    assert (again.in_flight, again.batch_size) == (first.in_flight, first.batch_size)
    assert first.in_flight in (1, 3) and first.batch_size in onnx_runtime.BATCH_SIZES and first.threads == 3
    assert OnnxRuntime(featuriser, cache_dir, threads=3, batch_size=7).batch_size == 7


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({(4, 1): 100, (2, 1): 90, (4, 2): 104}, (4, 1)),
        ({(4, 1): 100, (2, 1): 90, (4, 2): 120, (4, 4): 130, (4, 8): 131}, (4, 4)),
        ({(4, 1): 100, (2, 1): 101, (2, 2): 120, (2, 4): 140, (2, 8): 180}, (2, 8)),
    ],
)
def test_more_at_a_time_must_be_worth_it(
    rates: dict[tuple[int, int], float],
    expected: tuple[int, int],
    runtime: OnnxRuntime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx_runtime.OnnxRuntime, "_rate", lambda self, calls, size: rates[calls, size])
    monkeypatch.setattr(runtime, "threads", 4)
    assert runtime._fastest() == expected


def test_a_broken_memory_of_what_is_fastest_is_replaced(cache_dir: Path) -> None:
    featuriser = featurisers.get()
    path = next(cache_dir.glob(f"*{featuriser.fingerprint}.onnx")).with_suffix(".json")
    path.write_text("{half")
    assert OnnxRuntime(featuriser, cache_dir, threads=1).batch_size in onnx_runtime.BATCH_SIZES
    assert json.loads(path.read_text())


# --- 8-bit integers -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_int8(tmp_path_factory: pytest.TempPathFactory) -> OnnxRuntime:
    cache = tmp_path_factory.mktemp("int8")
    return OnnxRuntime(featurisers.get("efficientnet-lite0,precision=int8"), cache, batch_size=2)


def test_8_bit_integers_embed_nearly_alike(in_int8: OnnxRuntime, runtime: OnnxRuntime) -> None:
    import onnx
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    pieces = [each[top : top + 300, left : left + 300] for each in photographs for top in (0, 120) for left in (0, 300)]
    batch = np.stack([runtime.featuriser.preprocess(each) for each in [*photographs, *pieces]])
    found, expected = in_int8.embed(batch), runtime.embed(batch)
    assert 0.99 < cosines(found, expected).min() < 0.99999
    (graph,) = Path(in_int8.cache_dir).glob("*.onnx")
    assert graph.stat().st_size < 9_000_000
    quantised = {node.op_type for node in onnx.load(graph).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= quantised
    np.testing.assert_allclose(in_int8.embed(batch[3:4])[0], found[3], atol=1e-5)


def test_8_bit_integers_are_refused_where_they_change_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = networks.checkpoint("timm/test_efficientnet", tmp_path, 160)
    spec = f"timm/test_efficientnet,weights={checkpoint},precision=int8"
    monkeypatch.setattr(int8, "LEAST_COSINE", 0.999999)
    with pytest.raises(FeaturiserUnavailable, match=r"lowest cosine to float32 is 0\.\d+.*without precision=int8"):
        OnnxRuntime(featurisers.get(spec), tmp_path / "graphs")
    assert not list((tmp_path / "graphs").iterdir())
