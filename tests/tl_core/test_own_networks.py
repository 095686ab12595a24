"""tl_core.featurisers.own and graphs: networks of one's own, saved, found by their digest, and computed."""

import io
import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tests.tl_core import networks
from tests.tl_core.pictures import scene
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, builders, cards, graphs, own
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.featurisers.torch_runtime import TorchRuntime
from tl_core.store import storage

NAME = "timm/test_efficientnet"
WHEN = "2026-01-02T03:04:05+00:00"
PLAIN = {"resize": 32, "crop": 32, "interpolation": "bilinear", "mean": [0.5] * 3, "std": [0.25] * 3, "squash": True}


@pytest.fixture
def store(tmp_path):
    """Where the networks lie, known to the registry."""
    place = storage.at(tmp_path / "networks")
    before = cards._storage
    cards.configure(lambda: place)
    yield place
    cards.configure(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


def card(architecture=NAME, **more):
    return cards.Card(name="Foxes of the dunes", architecture=architecture, made_by="upload", made_at=WHEN, **more)


def small(width=5):
    """What a builder returns: this test's own architecture."""
    return torch.nn.Sequential(torch.nn.Conv2d(3, width, 3, stride=2), torch.nn.ReLU())


def exported(module, image, **options):
    """The bytes of an ONNX file."""
    axes = {"image": {0: "n"}, "embedding": {0: "n"}}
    options = {"input_names": ["image"], "output_names": ["embedding"], "dynamic_axes": axes, **options}
    file = io.BytesIO()
    torch.onnx.export(module, (image,), file, dynamo=False, opset_version=17, **options)
    return file.getvalue()


class Pooled(torch.nn.Module):
    def __init__(self, *, channels_last=False):
        super().__init__()
        torch.manual_seed(1)
        self.network, self.channels_last = small(6), channels_last

    def forward(self, image):
        image = image.permute(0, 3, 1, 2).float() / 255 if self.channels_last else image
        return self.network(image).mean(dim=(2, 3))


def agree(spec, cache_dir):
    """The vectors of two pictures, the same from both runtimes."""
    featuriser = featurisers.get(spec)
    batch = np.stack([featuriser.preprocess(scene()), featuriser.preprocess(255 - np.asarray(scene()) // 2)])
    by_onnx = OnnxRuntime(featuriser, cache_dir, batch_size=2).embed(batch)
    by_torch = TorchRuntime(featuriser, "cpu").embed(batch)
    assert by_onnx.shape == (2, featuriser.dimension)
    np.testing.assert_allclose(by_onnx, by_torch, atol=1e-4)
    assert np.abs(by_onnx[0] - by_onnx[1]).max() > 1e-3
    return by_onnx, batch


# --- of an architecture ---------------------------------------------------------------------------


def test_is_the_architecture_with_other_weights(store, made, cache_dir):
    file = networks.checkpoint(NAME, made, 160)
    digest = own.save(store, torch.load(file, weights_only=True), card(figures={"accuracy": 0.9}))
    found, _ = agree(f"own/{digest}", cache_dir)
    same, _ = agree(f"{NAME},weights={file}", cache_dir)
    np.testing.assert_allclose(found, same, atol=1e-5)
    featuriser = featurisers.get(f"own/{digest}")
    assert featuriser.name == f"own/{digest}" and featuriser.source == "this site"
    assert featuriser.fingerprint != featurisers.get(f"{NAME},weights={file}").fingerprint  # the digest is its weights'
    known = own.card(store, digest)
    assert (known.name, known.figures, known.made_at) == ("Foxes of the dunes", {"accuracy": 0.9}, WHEN)
    assert known.dimension == featuriser.dimension and known.applied == featuriser.preprocessing
    assert own.listing(store) == {digest: known}


def test_options_compose(store, made):
    state = torch.load(networks.checkpoint(NAME, made, 160), weights_only=True)
    plain = f"own/{own.save(store, state, card())}"
    cut = featurisers.get(f"{plain},cut=2")
    assert cut.name == f"{plain},cut=2" and cut.dimension == featurisers.make(f"{NAME},cut=2").dimension
    levels, both = (featurisers.get(f"{plain},output={output}") for output in ("levels", "both"))
    assert levels.dimension == featurisers.make(f"{NAME},output=levels").dimension
    assert both.dimension == levels.dimension + featurisers.get(plain).dimension
    small_one = featurisers.get(f"{plain},size=96,precision=int8")
    assert (small_one.image_size, small_one.precision) == (96, "int8")
    assert len({each.fingerprint for each in (featurisers.get(plain), cut, levels, both, small_one)}) == 5
    with pytest.raises(ValueError, match="takes no option 'weights'"):
        featurisers.make(f"{plain},weights=/x.pth")
    # An option of its architecture is its own, and another one may still be asked for.
    of_cut = f"own/{own.save(store, state, card(f'{NAME},size=96'))}"
    assert featurisers.get(of_cut).image_size == 96 and featurisers.get(f"{of_cut},size=128").image_size == 128


def test_the_same_network_is_one_whatever_its_card_says(store, made):
    state = torch.load(networks.checkpoint(NAME, made, 160), weights_only=True)
    first = own.save(store, state, card())
    assert own.save(store, dict(reversed(state.items())), card(figures={"n": 1})) == first
    assert own.card(store, first).figures == {"n": 1}
    state["conv_stem.weight"] = state["conv_stem.weight"] + 1
    other = own.save(store, state, card())
    assert other != first != own.save(store, state, card(f"{NAME},cut=2"))
    assert featurisers.get(f"own/{other}").fingerprint != featurisers.get(f"own/{first}").fingerprint


def test_in_an_object_store(made, tmp_path):
    """A team's workers fetch it once, whole."""
    place, before = storage.at("memory://own-networks", tmp_path / "cache"), cards._storage
    cards.configure(lambda: place)
    try:
        state = torch.load(networks.checkpoint(NAME, made, 160), weights_only=True)
        digest = own.save(place, state, card())
        assert list(own.listing(place)) == [digest]
        assert featurisers.get(f"own/{digest}").weights_file.is_relative_to(tmp_path / "cache")
        own.remove(place, digest)
        with pytest.raises(FeaturiserUnavailable, match="no network"):
            featurisers.make(f"own/{digest}")
    finally:
        cards.configure(before)


def test_tied_weights_are_stored(store):
    weight = torch.randn(4, 3, 3, 3)
    builders.builder("tied", f"{__name__}:small")
    state = {"0.weight": weight, "0.bias": weight[:, 0, 0, 0]}
    digest = own.save(store, state, card("builder:tied", arguments={"width": 4}, preprocessing=PLAIN))
    assert featurisers.get(f"own/{digest}").module().network[0].bias.equal(weight[:, 0, 0, 0])


def test_what_is_no_network(store, tmp_path):
    with pytest.raises(FeaturiserUnavailable, match="no network own/0123456789abcdef here"):
        featurisers.make("own/0123456789abcdef")
    with pytest.raises(FeaturiserUnavailable, match=r"no network own/\.\./\.\./x here"):
        featurisers.make("own/../../x")
    with pytest.raises(ValueError, match="made_by is one of"):
        own.save(store, {}, cards.Card("x", NAME, "magic", WHEN))
    with pytest.raises(KeyError, match="no featuriser named 'resnet19'"):
        own.save(store, {}, card("resnet19"))
    store.write("0123456789abcdef.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00" + b"{}" + b" " * 14)
    with pytest.raises(FeaturiserUnavailable, match="no network that was saved here"):
        own.listing(store)
    own.remove(store, "0123456789abcdef")
    assert own.listing(store) == {}
    cards.configure(None)
    with pytest.raises(FeaturiserUnavailable, match="Nobody has said where"):
        featurisers.make("own/0123456789abcdef")


# --- of a builder ---------------------------------------------------------------------------------


def test_a_network_of_its_own_architecture(store, cache_dir):
    builders.builder("small", f"{__name__}:small")
    network = small(7)
    digest = own.save(store, network.state_dict(), card("builder:small", arguments={"width": 7}, preprocessing=PLAIN))
    found, batch = agree(f"own/{digest}", cache_dir)
    assert batch.shape == (2, 32, 32, 3)
    with torch.no_grad():
        expected = network((torch.from_numpy(batch).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert json.loads(json.dumps(own.card(store, digest).arguments)) == {"width": 7}
    with pytest.raises(ValueError, match="registered already"):
        builders.builder("small", "elsewhere:small")
    with pytest.raises(FeaturiserUnavailable, match="'unknown', which is not registered"):
        own.save(store, {}, card("builder:unknown", preprocessing=PLAIN))
    with pytest.raises(FeaturiserUnavailable, match="does not say how pictures are prepared"):
        own.save(store, {}, card("builder:small"))


# --- ONNX -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_graph(store, cache_dir, channels_last):
    module = Pooled(channels_last=channels_last).eval()
    image = torch.zeros((2, 24, 24, 3), dtype=torch.uint8) if channels_last else torch.zeros((2, 3, 24, 24))
    state, described = graphs.imported(exported(module, image), {"resize": 30, "mean": [0.4] * 3, "std": [0.2] * 3})
    assert described["dimension"] == 6 and described["preprocessing"]["crop"] == 24
    digest = own.save(store, state, card("onnx", **described))
    found, batch = agree(f"own/{digest}", cache_dir)
    images = torch.from_numpy(batch)
    with torch.no_grad():
        given = images if channels_last else (images.permute(0, 3, 1, 2) / 255 - 0.4) / 0.2
        np.testing.assert_allclose(found, module(given).numpy(), atol=1e-5)
    featuriser = featurisers.get(f"own/{digest}")
    assert (featuriser.image_size, featuriser.decode_side, featuriser.dimension) == (24, 30, 6)
    assert featuriser.fingerprint == featurisers.get(f"own/{digest}").fingerprint
    with pytest.raises(ValueError, match="takes no option 'cut'"):
        featurisers.get(f"own/{digest},cut=2")


class Faulty(Pooled):
    """A graph that does what a fault's name says."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def forward(self, image):
        vector = super().forward(image)
        if self.fault == "not finite":
            return torch.log(vector - vector)
        if self.fault == "no vector":
            return self.network(image)
        if self.fault == "mixes":
            return vector - vector.mean(dim=0)
        return vector


SQUARE = torch.zeros((2, 3, 24, 24))
FREE = {"image": {0: "n", 2: "h", 3: "w"}, "embedding": {0: "n"}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: b"\x80\x04not a graph", "no ONNX graph that can be read"),
        (lambda: exported(Faulty("not finite"), SQUARE), "not finite"),
        (lambda: exported(Faulty("no vector"), SQUARE), r"For two images the graph gives \(2, 6, 11, 11\)"),
        (lambda: exported(Faulty("mixes"), SQUARE), "depends on the images beside it"),
        (lambda: exported(Pooled(), SQUARE, dynamic_axes={}), "exactly 2 image"),
        (lambda: exported(Pooled(), torch.zeros((2, 3, 24, 30))), "24 x 30 pixels; squares"),
        (lambda: exported(Pooled(), SQUARE, dynamic_axes=FREE), "say which side"),
        (lambda: exported(torch.nn.Flatten(), torch.zeros((2, 5, 24, 24))), r"\('n', 5, 24, 24\)"),
        (lambda: exported(torch.nn.Flatten(), torch.zeros((2, 3, 24, 24)).double()), "is DOUBLE"),
    ],
)
def test_a_graph_that_does_not_fit(content, said):
    with pytest.raises(FeaturiserUnavailable, match=said):
        graphs.imported(content())


def test_a_graph_that_names_files_is_refused():
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../secret_key")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 24, 24])
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3, 24, 24])
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "w"], ["embedding"])], "g", [image], [output], [weight]
    )
    with pytest.raises(FeaturiserUnavailable, match="in another file"):
        graphs.imported(helper.make_model(graph).SerializeToString())


def test_a_side_may_be_said_where_the_graph_leaves_it_open():
    content = exported(Pooled(), SQUARE, dynamic_axes=FREE)
    _, described = graphs.imported(content, {"crop": 40})
    assert described["preprocessing"]["crop"] == described["preprocessing"]["resize"] == 40
    with pytest.raises(FeaturiserUnavailable, match="takes images of 24 pixels, not of 40"):
        graphs.imported(exported(Pooled(), SQUARE), {"crop": 40})
    with pytest.raises(FeaturiserUnavailable, match="no preprocessing"):
        graphs.imported(content, {"crop": 40, "colour": "grey"})
    assert onnx.load_model_from_string(content)  # what came is left as it was
