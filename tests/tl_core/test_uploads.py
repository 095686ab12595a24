"""tl_core.featurisers.uploads: what people call a network is tried before it is kept, and what doesn't fit is named."""

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.tl_core import clips, networks
from tests.tl_core.pictures import scene
from tests.tl_core.test_own_networks import Pooled, card, exported
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, cards, own, uploads
from tl_core.store import storage

NAME = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return torch.load(networks.checkpoint(NAME, tmp_path_factory.mktemp("made")), weights_only=True)


@pytest.fixture
def store(tmp_path):
    place, before = storage.at(tmp_path / "networks"), cards._storage
    cards.configure(lambda: place)
    yield place
    cards.configure(before)


def embedding(spec):
    featuriser = featurisers.get(spec)
    with torch.inference_mode():
        return featuriser.module()(torch.from_numpy(featuriser.preprocess(scene())[None].copy())).numpy()


@pytest.mark.parametrize(
    "write",
    [
        lambda state, path: torch.save(state, path),
        lambda state, path: torch.save({"model": {f"module.{key}": each for key, each in state.items()}}, path),
        lambda state, path: save_file({key: each.contiguous() for key, each in state.items()}, path),
        lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    ],
)
def test_weights_of_a_named_network(write, state, store, tmp_path):
    path = tmp_path / "upload"  # a name says nothing
    write(state, path)
    found, known = uploads.examined(path, card(NAME))
    digest = own.save(store, found, known)
    torch.save(state, tmp_path / "given.pth")
    np.testing.assert_allclose(
        embedding(f"own/{digest}"), embedding(f"{NAME},weights={tmp_path / 'given.pth'}"), atol=1e-6
    )
    assert not any(key.startswith("fc.") for key in found)  # its classifier is left behind


def test_old_layouts_are_brought_to_todays(store, tmp_path):
    """What a file says of its layout's version is in no safetensors: so the network's own state is what is kept."""
    network = networks.lively(networks.build("mnasnet0_5"), 64)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    found, known = uploads.examined(tmp_path / "own.pth", card("mnasnet0_5"))
    np.testing.assert_array_equal(
        embedding(f"own/{own.save(store, found, known)}"), embedding(f"mnasnet0_5,weights={tmp_path / 'own.pth'}")
    )


def test_a_graph_and_a_clip(store, tmp_path):
    (tmp_path / "graph").write_bytes(exported(Pooled().eval(), torch.zeros((2, 3, 24, 24))))
    found, known = uploads.examined(tmp_path / "graph", card(""), {"mean": [0.5] * 3, "std": [0.5] * 3})
    assert (known.architecture, known.dimension) == ("onnx", 6)
    assert embedding(f"own/{own.save(store, found, known)}").shape == (1, 6)
    found, known = uploads.examined(clips.checkpoint(tmp_path), card("clip"), clips.DESCRIPTION)
    assert featurisers.get(f"own/{own.save(store, found, known)}").reads_texts
    with pytest.raises(FeaturiserUnavailable, match=r"open_clip_config\.json"):
        uploads.examined(clips.checkpoint(tmp_path), card("clip"))


class Hostile:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_code_is_named_and_not_run(tmp_path):
    for save in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))):
        path, trace = tmp_path / "gift", tmp_path / "trace"
        save({"state_dict": {}, "extra": Hostile(f"touch {trace}")}, path)
        with pytest.raises(FeaturiserUnavailable, match=r"would run \w+\.system when it is opened, so it was not"):
            uploads.examined(path, card(NAME))
        assert not trace.exists()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "script")
    with pytest.raises(FeaturiserUnavailable, match="This is TorchScript, which is code"):
        uploads.examined(tmp_path / "script", card(NAME))


def damaged(path, state):
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-2000])


def packed(path, state):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(200_000_000))


@pytest.mark.parametrize(
    ("write", "architecture", "said"),
    [
        (lambda p, s: torch.save({**s, "extra.weight": s["conv1.0.weight"]}, p), NAME, r"unexpected: extra\.weight"),
        (lambda p, s: torch.save(dict(list(s.items())[40:]), p), NAME, r"missing: conv1\.0\.weight, .* and \d+ more"),
        (
            lambda p, s: torch.save({**s, "conv1.0.weight": torch.zeros(24, 1, 3, 3)}, p),
            NAME,
            r"other shapes: conv1\.0\.weight \(24, 1, 3, 3\) instead of \(24, 3, 3, 3\)",
        ),
        (lambda p, s: torch.save({key: each * float("nan") for key, each in s.items()}, p), NAME, "not finite"),
        (lambda p, s: torch.save({key: each * 0 for key, each in s.items()}, p), NAME, "the same for all pictures"),
        (lambda p, s: torch.save(s, p), "", "say which network they are of"),
        (lambda p, s: torch.save(s, p), "shufflenet_v3", "no featuriser named 'shufflenet_v3'"),
        (lambda p, s: torch.save(s, p), f"{NAME},weights=/etc/passwd", "its weights are in the file"),
        (lambda p, s: torch.save(s, p), f"{NAME},speed=2", "unknown option 'speed'"),
        (lambda p, s: torch.save(s, p), "resnet18", "missing: "),
        (lambda p, s: p.write_bytes(b"GIF89a"), NAME, "This is no checkpoint"),
        (lambda p, s: p.write_bytes(b"GIF89a"), "", "no ONNX graph that can be read"),
        (lambda p, s: p.write_bytes(b""), "", "graph"),
        (damaged, NAME, "cut short or damaged"),
        (packed, NAME, "far more than its size"),
        (lambda p, s: p.write_bytes((20).to_bytes(8, "little") + b"{" + b"x" * 40), NAME, "tensors only"),
    ],
)
def test_what_does_not_fit_is_named(write, architecture, said, state, tmp_path):
    path = tmp_path / "upload"
    write(path, state)
    with pytest.raises(FeaturiserUnavailable, match=said):
        uploads.examined(path, card(architecture))


def test_the_wrong_size_of_pictures_is_named(tmp_path):
    network = networks.build("timm/test_vit", img_size=96)
    torch.save(network.state_dict(), tmp_path / "upload")
    uploads.examined(tmp_path / "upload", card("timm/test_vit,size=96"))
    with pytest.raises(FeaturiserUnavailable, match="pixels"):
        uploads.examined(tmp_path / "upload", card("timm/test_vit,size=97"))
