"""A project's own checkpoints: read without running them, put where they fit, refused with reasons."""

import argparse
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.tl_core import networks
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, checkpoints, guard

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    path = networks.checkpoint("shufflenet_v2_x0_5", tmp_path_factory.mktemp("state"))
    return torch.load(path, weights_only=True)


def embedding(spec: str) -> np.ndarray:
    featuriser = featurisers.get(spec)
    side = featuriser.image_size
    image = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    with torch.no_grad():
        return featuriser.module()(torch.from_numpy(image)).numpy()


@pytest.fixture(scope="module")
def expected(state: State, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("plain") / "plain.pth"
    torch.save(state, path)
    return embedding(f"shufflenet_v2_x0_5,weights={path}")


def prefixed(prefix: str) -> Callable[[State], object]:
    return lambda state: {prefix + key: value for key, value in state.items()}


def with_other_head(state: State) -> object:
    return {**state, "fc.weight": torch.zeros(7, 1024), "fc.bias": torch.zeros(7)}


def without_head(state: State) -> object:
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def without_batch_counts(state: State) -> object:
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def beside_a_head(state: State) -> object:
    return {**prefixed("backbone.")(without_head(state)), "classifier.0.weight": torch.zeros(3, 3)}


LAYOUTS = {
    "in state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "in model": lambda state: {"model": dict(state), "optimizer": {"lr": 0.1}},
    "in model_state_dict": lambda state: {"model_state_dict": state},
    "in ema": lambda state: {"ema": state},
    "module.": prefixed("module."),
    "model.": prefixed("model."),
    "module.backbone.": prefixed("module.backbone."),
    "lightning": lambda state: {"state_dict": prefixed("model.")(state)},
    "another head": with_other_head,
    "no head": without_head,
    "no batch counts": without_batch_counts,
    "backbone and head": beside_a_head,
    "half precision": lambda state: {key: value.double() for key, value in state.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_usual_layouts_load(layout: str, state: State, expected: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "own.pt"
    torch.save(LAYOUTS[layout](state), path)
    np.testing.assert_array_equal(embedding(f"shufflenet_v2_x0_5,weights={path}"), expected)


def test_safetensors_load(state: State, expected: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file(prefixed("module.")(with_other_head(state)), path)
    np.testing.assert_array_equal(embedding(f"shufflenet_v2_x0_5,weights={path}"), expected)


def drop(state: State) -> object:
    return {key: value for key, value in state.items() if not key.startswith("stage4.3")}


def add(state: State) -> object:
    return {**state, "layer5.0.conv1.weight": torch.zeros(1)}


def reshape(state: State) -> object:
    return {**state, "conv1.0.weight": torch.zeros(24, 1, 3, 3)}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop, r"missing: stage4.3.branch2.0.weight, .* and \d+ more"),
        (add, "unexpected: layer5.0.conv1.weight"),
        (reshape, "other shapes: conv1.0.weight"),
        (prefixed("student."), "missing: conv1.0.weight.*unexpected: student.conv1.0.weight"),
        (lambda state: {"epoch": 3}, "holds no network's state"),
        (lambda state: [1, 2], "holds no network's state"),
        (lambda state: {"model": state, "args": argparse.Namespace(lr=1)}, "tensors only.*Save it with"),
    ],
)
def test_what_does_not_fit_is_named(
    spoil: Callable[[State], object], message: str, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "own.pth"
    torch.save(spoil(state), path)
    with pytest.raises(FeaturiserUnavailable, match=message) as told:
        embedding(f"shufflenet_v2_x0_5,weights={path}")
    assert str(path) in str(told.value)


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors", "broken.pt"])
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"\x80\x04K\x01.", b"PK\x03\x04 cut off"])
def test_broken_files_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FeaturiserUnavailable, match=name):
        embedding(f"shufflenet_v2_x0_5,weights={tmp_path / name}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeaturiserUnavailable, match=f"no weights file {tmp_path}/none.pth"):
        featurisers.get(f"shufflenet_v2_x0_5,weights={tmp_path}/none.pth")


class Hostile:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> object:
        return os.system, (self.command,)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_hostile_checkpoint_is_refused_and_runs_nothing(save: Callable[..., None], tmp_path: Path) -> None:
    path, trace = tmp_path / "gift.pth", tmp_path / "trace"
    save({"state_dict": {}, "extra": Hostile(f"touch {trace}")}, path)
    with pytest.raises(FeaturiserUnavailable, match=r"gift\.pth cannot be read as a checkpoint of tensors only"):
        embedding(f"shufflenet_v2_x0_5,weights={path}")
    assert not trace.exists()


def test_networks_that_ask_for_their_layouts_version_load(tmp_path: Path) -> None:
    network = networks.lively(networks.build("mnasnet0_5"), 64)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    torch.save(torch.nn.DataParallel(network).state_dict(), tmp_path / "parallel.pth")
    first, *others = [
        embedding(f"mnasnet0_5,weights={tmp_path / file}") for file in ("own.pth", "own.safetensors", "parallel.pth")
    ]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_an_old_layouts_version_is_kept(tmp_path: Path) -> None:
    """torchvision's own transformers were published so; loading renames what the file's version says is old."""
    transformer = guard.torchvision().models.VisionTransformer
    state = transformer(32, 16, 2, 2, 32, 64).state_dict()
    for module, version in state._metadata.items():
        if module.endswith(".mlp"):
            version["version"] = 1
    for old, new in (("linear_1", "0"), ("linear_2", "3")):
        for key in [key for key in state if f".mlp.{new}." in key]:
            state[key.replace(f".mlp.{new}.", f".mlp.{old}.")] = state.pop(key)
    torch.save({"model": state}, tmp_path / "plain.pth")
    network = transformer(32, 16, 2, 2, 32, 64)
    read = checkpoints.unwrapped(checkpoints.read(tmp_path / "plain.pth"), network)
    checkpoints.fill(network, read, tmp_path / "plain.pth", head=("heads.head",), name="vit")
    key = "encoder.layers.encoder_layer_1.mlp.3.weight"
    assert torch.equal(network.state_dict()[key], state[key.replace(".3.", ".linear_2.")])


def test_old_names_of_densenet_load(tmp_path: Path) -> None:
    state = networks.build("densenet121").state_dict()
    state["features.norm5.running_mean"].fill_(0.5)  # not what it starts with
    old = {}
    for key, value in state.items():
        for part in ("norm", "conv"):
            for number in "12":
                if "denselayer" in key:
                    key = key.replace(f".{part}{number}.", f".{part}.{number}.")
        if not key.endswith("num_batches_tracked"):
            old[key] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    loaded = featurisers.get(f"densenet121,weights={tmp_path / 'old.pth'}").module().network.state_dict()
    for key, value in loaded.items():
        assert torch.equal(value, state[key]), key


def test_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    for aux in (True, False):
        network = networks.build("googlenet", aux_logits=aux, init_weights=False, num_classes=4)
        torch.save(network.state_dict(), tmp_path / f"{aux}.pth")
        module = featurisers.get(f"googlenet,weights={tmp_path / f'{aux}.pth'}").module()
        assert module(torch.zeros(1, 224, 224, 3, dtype=torch.uint8)).shape == (1, 1024)
        assert module.network.transform_input  # its weights expect another normalisation inside


def test_position_embeddings_are_interpolated(tmp_path: Path) -> None:
    path = networks.checkpoint("timm/test_vit", tmp_path, 160)
    small = featurisers.get(f"timm/test_vit,size=96,weights={path}").module().network
    assert small.pos_embed.shape[1] == 6 * 6 + 1
    with pytest.raises(FeaturiserUnavailable, match="100 pixels"):
        embedding(f"timm/test_vit,size=100,weights={path}")


def test_dinov2_keeps_its_published_layout(tmp_path: Path) -> None:
    """The files of Facebook's own release, with a mask token and 37 x 37 positions, load at 224 pixels."""
    torch.manual_seed(0)
    name = "vit_small_patch14_dinov2.lvd142m"
    network = guard.timm().create_model(name, pretrained=False)
    state = {**network.state_dict(), "mask_token": torch.zeros(1, 384)}
    assert state["pos_embed"].shape[1] == 37 * 37 + 1
    torch.save(state, tmp_path / "dinov2.pth")
    featuriser = featurisers.get(f"dinov2-small,weights={tmp_path / 'dinov2.pth'}")
    module = featuriser.module()
    assert module.network.pos_embed.shape[1] == 16 * 16 + 1
    torch.testing.assert_close(module.network.pos_embed[:, 0], state["pos_embed"][:, 0])
