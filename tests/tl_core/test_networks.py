"""Networks of torchvision and timm: preprocessing as they were trained, cuts, pooling, weights from hubs."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tl_core import networks
from tests.tl_core.pictures import scene
from tl_core import featurisers
from tl_core.featurisers import Featuriser, FeaturiserUnavailable, cutting, downloads, guard
from tl_core.featurisers.preprocessing import Preprocessing

SIZES = [(640, 480), (333, 517), (31, 900), (7, 5), (256, 256)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_b0", "efficientnet_v2_l", "inception_v3"])
def test_preprocessing_is_torchvisions(name: str, size: tuple[int, int]) -> None:
    featuriser = featurisers.make(name)
    image = scene(*size)
    expected = guard.torchvision().models.get_model_weights(name).DEFAULT.transforms()(image)
    array = featuriser.preprocess(image).copy()
    normalised = (array / 255 - featuriser.transform.mean) / featuriser.transform.std
    np.testing.assert_allclose(normalised.transpose(2, 0, 1), expected.numpy(), atol=1e-6)
    embed = cutting.Embed(torch.nn.Identity(), featuriser.transform.mean, featuriser.transform.std, None)
    np.testing.assert_allclose(embed.normalise(torch.from_numpy(array)[None])[0], expected, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["test_vit", "vit_base_patch16_224", "vit_base_patch16_clip_224", "convnext_tiny"])
def test_preprocessing_is_timms(name: str, size: tuple[int, int]) -> None:
    timm = guard.timm()
    config = timm.data.resolve_data_config(pretrained_cfg=timm.models.get_pretrained_cfg(name).to_dict())
    expected = timm.data.create_transform(**config)(scene(*size))
    featuriser = featurisers.make(f"timm/{name}")
    normalised = (featuriser.preprocess(scene(*size)) / 255 - featuriser.transform.mean) / featuriser.transform.std
    np.testing.assert_allclose(normalised.transpose(2, 0, 1), expected.numpy(), atol=1e-6)


def test_squashing_is_timms() -> None:
    timm = guard.timm()
    found = Preprocessing(70, 64, "bicubic", (0.5,) * 3, (0.5,) * 3, squash=True).apply(scene(200, 90))
    transform = timm.data.create_transform((3, 64, 64), crop_pct=64 / 70, crop_mode="squash", interpolation="bicubic")
    expected = transform.transforms[1](transform.transforms[0](scene(200, 90)))
    assert np.array_equal(found, np.asarray(expected))


@given(width=st.integers(1, 3000), height=st.integers(1, 3000), crop=st.integers(8, 32))
@settings(max_examples=40, deadline=None)
def test_preprocessing_keeps_the_middle_of_any_size(width: int, height: int, crop: int) -> None:
    image = Image.new("RGB", (width, height), (0, 0, 0))
    box = (width // 4, height // 4, width - width // 4, height - height // 4)
    image.paste((255, 255, 255), box)
    array = Preprocessing(32, crop, "bilinear", (0.5,) * 3, (0.5,) * 3).apply(image)
    assert array.shape == (crop, crop, 3) and array[crop // 2, crop // 2].min() > 200


def test_a_strip_is_not_scaled_to_gigabytes() -> None:
    array = Preprocessing(256, 224, "bilinear", (0.5,) * 3, (0.5,) * 3).apply(Image.new("RGB", (40000, 1), "white"))
    assert array.shape == (224, 224, 3) and array.min() == 255


def test_decoding_keeps_what_resizing_needs() -> None:
    found = [featurisers.make(name) for name in ("resnet50", "inception_v3", "efficientnet-lite0", "dinov2-small")]
    assert [(each.image_size, each.decode_side) for each in found] == [(224, 232), (299, 342), (224, 224), (224, 224)]


# name -> dimension, and block, kind and dimension at cut=2. All 80 were checked when this was written.
CUTS = {
    "resnet18": (512, "layer4.1", "channels first", 512),
    "mobilenet_v3_small": (1024, "classifier.0", "vector", 576),
    "shufflenet_v2_x0_5": (1024, "conv5.0", "channels first", 192),
    "squeezenet1_1": (512, "features.12", "channels first", 512),
    "densenet121": (1024, "features.denseblock4", "channels first", 512),
    "vgg11": (4096, "classifier.3", "vector", 4096),
    "convnext_tiny": (768, "features.7.2", "channels first", 768),
    "efficientnet_b0": (1280, "features.8.0", "channels first", 320),
    "vit_b_16": (768, "encoder.layers.encoder_layer_11", "class token", 768),
    "vit_h_14": (1280, "encoder.layers.encoder_layer_31", "class token", 1280),
    "swin_t": (768, "features.7.1", "channels last", 768),
    "regnet_y_400mf": (440, "trunk_output.block4.block4-5", "channels first", 440),
    "mnasnet0_5": (1280, "layers.14", "channels first", 160),
    "googlenet": (1024, "inception5b", "channels first", 832),
    "inception_v3": (2048, "Mixed_7c", "channels first", 2048),
    "timm/test_vit": (64, "blocks.5", "class token", 64),
    "timm/test_resnet": (96, "layer4.0", "channels first", 192),
    "efficientnet-lite0": (1280, "_conv_head", "channels first", 320),
}


@pytest.mark.parametrize("name", CUTS)
def test_last_layers_come_off(name: str) -> None:
    dimension, block, kind, further = CUTS[name]
    assert featurisers.make(name).dimension == dimension
    cut = featurisers.make(f"{name},cut=2")
    with cutting.WithoutWeights():
        network, _ = cut._built()
    assert cutting.last_block(network) == block
    assert cut._outline().pooling == cutting.Pooling(kind, further) and cut.dimension == further


def test_the_features_are_the_input_of_the_removed_block() -> None:
    """Against the network's own layers, called by hand."""
    network = networks.lively(networks.build("resnet18"), 64)
    network.fc = torch.nn.Identity()
    image = torch.randn(2, 3, 64, 64)
    x = network.maxpool(network.relu(network.bn1(network.conv1(image))))
    expected = network.layer4[0](network.layer3(network.layer2(network.layer1(x))))
    found = cutting.cut_network(network, "2", "resnet18")(image)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(cutting.cut_network(network, "layer4.0", "resnet18")(image), expected)
    torch.testing.assert_close(cutting.cut_network(network, "layer4.0.relu_1", "resnet18")(image), expected)


def test_cuts_inside_a_transformer_pool_what_is_there() -> None:
    patches = featurisers.make("vit_b_16,cut=encoder.layers.encoder_layer_3")
    assert patches._outline().pooling == cutting.Pooling("class token", 768)
    before = featurisers.make("vit_b_16,cut=permute")  # no class token yet
    assert before._outline().pooling == cutting.Pooling("tokens", 768)
    with pytest.raises(FeaturiserUnavailable, match="no vector can be made"):
        featurisers.make("vit_b_16,cut=encoder.layers.encoder_layer_0.self_attention")


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        ("vector", (2, 3), lambda x: x),
        ("channels first", (2, 3, 4, 4), lambda x: x.mean(axis=(2, 3))),
        ("channels last", (2, 4, 4, 3), lambda x: x.mean(axis=(1, 2))),
        ("tokens", (2, 16, 3), lambda x: x.mean(axis=1)),
        ("class token", (2, 17, 3), lambda x: x[:, 0]),
    ],
)
def test_pooling(kind: str, shape: tuple[int, ...], expected: object) -> None:
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    network = torch.nn.Module()
    network.class_token = torch.nn.Parameter(torch.zeros(1)) if kind == "class token" else None
    network.forward = lambda image: torch.from_numpy(features)
    pooling = cutting.pooling_of(network, 8, "net")
    assert pooling == cutting.Pooling(kind, 3)
    np.testing.assert_allclose(pooling(torch.from_numpy(features)), expected(features), rtol=1e-5)


class Stubborn(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(image) if image.sum() > 0 else self.first(image)


def test_networks_that_cannot_be_traced_say_so() -> None:
    for cut in ("2", "first"):
        with pytest.raises(FeaturiserUnavailable, match=r"mynet cannot be traced.*(second|first).*only cut=1"):
            cutting.cut_network(Stubborn().eval(), cut, "mynet")


class Small(Featuriser):
    """A family's attention or normalisation at a size a test can afford."""

    preprocessing = pooling = "none"
    dimension = 0

    def __init__(self, network: torch.nn.Module, side: int, cut: str) -> None:
        self.image_size = side
        network = cutting.cut_network(network.eval(), cut, "small")
        self._module = cutting.Embed(network, (0.5,) * 3, (0.2,) * 3, cutting.pooling_of(network, side, "small")).eval()

    @property
    def weights_file(self) -> Path:
        raise FeaturiserUnavailable("none")

    def preprocess(self, image: Image.Image) -> np.ndarray:
        raise NotImplementedError

    def module(self) -> torch.nn.Module:
        return self._module


def family(name: str) -> tuple[torch.nn.Module, int]:
    torch.manual_seed(1)
    models = guard.torchvision().models
    if name == "vit":
        network = models.VisionTransformer(32, 8, 2, 2, 32, 64)
        network.heads = torch.nn.Identity()
        return network, 32
    if name == "swin":
        return models.SwinTransformer([4, 4], 16, [2, 2], [1, 2], [4, 4]), 64
    if name == "swin_v2":
        block = models.swin_transformer.SwinTransformerBlockV2
        merge = models.swin_transformer.PatchMergingV2
        return models.SwinTransformer([4, 4], 16, [2, 2], [1, 2], [4, 4], block=block, downsample_layer=merge), 64
    if name == "convnext":
        setting = [models.convnext.CNBlockConfig(8, 16, 2), models.convnext.CNBlockConfig(16, None, 2)]
        return networks.lively(models.ConvNeXt(setting), 32), 32
    transformer = guard.timm().models.vision_transformer.VisionTransformer
    options = {"patch_size": 14, "embed_dim": 32, "depth": 2, "num_heads": 2, "init_values": 1.0, "num_classes": 0}
    return transformer(56, reg_tokens=4 if name == "registers" else 0, **options), 56


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("vit", "1"),
        ("vit", "2"),
        ("swin", "1"),
        ("swin_v2", "2"),
        ("convnext", "2"),
        ("dinov2", "2"),
        ("registers", "1"),
    ],
)
def test_families_export_with_any_batch(name: str, cut: str, tmp_path: Path) -> None:
    import onnxruntime

    featuriser = Small(*family(name), cut)
    featuriser.export_onnx(tmp_path / "graph.onnx")
    assert torch.backends.mha.get_fastpath_enabled()
    session = onnxruntime.InferenceSession(tmp_path / "graph.onnx", providers=["CPUExecutionProvider"])
    side = featuriser.image_size
    batch = np.random.default_rng(0).integers(0, 256, (5, side, side, 3), dtype=np.uint8)
    (found,) = session.run(None, {"image": batch})
    with torch.no_grad():
        expected = featuriser.module()(torch.from_numpy(batch)).numpy()
    assert (found * expected).sum() / np.linalg.norm(found) / np.linalg.norm(expected) > 0.9999
    for one in range(5):
        (alone,) = session.run(None, {"image": batch[one : one + 1]})
        np.testing.assert_allclose(alone[0], found[one], atol=1e-5)


# Weights from hubs.


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    return tmp_path / "hub" / "checkpoints"


def test_without_a_network_the_message_tells_what_to_do(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    for name, url, file in [
        ("resnet18", "https://download.pytorch.org/models/resnet18-f37072fd.pth", "resnet18-f37072fd.pth"),
        (
            "timm/test_vit",
            "https://huggingface.co/timm/test_vit.r160_in1k/resolve/main/model.safetensors",
            "timm-test_vit.safetensors",
        ),
    ]:
        with pytest.raises(FeaturiserUnavailable, match="no route to host") as told:
            featurisers.get(name)
        for part in (url, f" {file} ", str(hub), f"{name},weights=FILE"):
            assert part in str(told.value)
        assert not list(hub.glob("*"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FeaturiserUnavailable, match="HF_HUB_OFFLINE is set"):
        featurisers.get("resnet18")


def test_files_put_where_the_message_says_are_found(hub: Path) -> None:
    hub.mkdir(parents=True)
    for name, file in [("resnet18", "resnet18-f37072fd.pth"), ("timm/test_resnet", "timm-test_resnet.safetensors")]:
        (hub / file).write_bytes(b"put here")
        assert featurisers.get(name).weights_file == hub / file


def test_the_hugging_face_cache_is_read(hub: Path) -> None:
    repository = hub.parents[1] / "hf" / "models--timm--test_vit.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    file = repository / "snapshots" / "abc" / "model.safetensors"
    file.write_bytes(b"cached")
    assert featurisers.get("timm/test_vit").weights_file == file


def test_networks_without_usable_weights_say_so(hub: Path) -> None:
    with pytest.raises(FeaturiserUnavailable, match=r"no weights of timm/botnet50ts_256 .*weights=FILE"):
        featurisers.get("timm/botnet50ts_256")
    with pytest.raises(FeaturiserUnavailable, match=r"\(3, 1024, 768\).*only square colour images"):
        featurisers.make("timm/vit_base_patch16_sapiens2")


CONTENT = b"weights" * 1000


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) + (10 if "short" in self.path else 0)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_whole_checked_or_not_there(url: str, tmp_path: Path) -> None:
    good = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
    downloads.fetch(f"{url}/any", tmp_path / "deep" / good)
    assert (tmp_path / "deep" / good).read_bytes() == CONTENT
    for path, name, message in [
        ("/any", "net-00000000.pth", "not the file its name promises"),
        ("/short", "net.pth", "ended after|IncompleteRead"),
        ("/missing", "net.pth", "404"),
    ]:
        with pytest.raises(OSError, match=message):
            downloads.fetch(url + path, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_a_published_file_is_fetched_once(url: str, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    featuriser = featurisers.make("resnet18")
    monkeypatch.setattr(type(featuriser), "_published", lambda self: f"{url}/resnet18.pth")
    assert featuriser.weights_file.read_bytes() == CONTENT
    monkeypatch.setattr(downloads, "fetch", lambda *_: pytest.fail("fetched again"))
    assert featuriser.weights_file == hub / "resnet18.pth"
