"""tl_core.featurisers.clip: pictures and texts in one space, on a tiny CLIP that open_clip builds."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.tl_core import clips
from tests.tl_core.pictures import scene
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, cards, clip, guard, own
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.featurisers.torch_runtime import TorchRuntime
from tl_core.store import storage

TEXTS = ["a lynx at night", "an empty meadow", "two foxes, one of them young"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return clips.checkpoint(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def featuriser(weights):
    return clip.ClipNetwork("tiny", weights=weights, description=clips.DESCRIPTION)


@pytest.fixture
def batch(featuriser):
    pictures = [scene(), scene(64, 200), 255 - np.asarray(scene()) // 2]
    return np.stack([featuriser.preprocess(picture) for picture in pictures])


def direct(batch):
    """Cosines of each picture with each text, as open_clip's own documentation computes them."""
    network, tokens = clips.network(), guard.open_clip().SimpleTokenizer(context_length=16)(TEXTS)
    with torch.no_grad():
        images = network.encode_image((torch.from_numpy(batch).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25, normalize=True)
        return (images @ network.encode_text(tokens, normalize=True).T).numpy()


def test_pictures_and_texts_are_in_one_space(featuriser, batch, cache_dir):
    texts = clip.TextEncoder(featuriser).encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    for runtime in (OnnxRuntime(featuriser, cache_dir, batch_size=2), TorchRuntime(featuriser, "cpu")):
        vectors = np.concatenate([runtime.embed(batch[:2]), runtime.embed(batch[2:])])
        assert vectors.shape == (3, featuriser.dimension) and texts.shape == (3, featuriser.dimension)
        cosines = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ texts.T
        np.testing.assert_allclose(cosines, direct(batch), atol=1e-4)
        assert np.ptp(cosines, axis=1).min() > 0.01  # texts differ, so this tells something


def test_describes_itself(featuriser):
    assert (featuriser.dimension, featuriser.image_size, featuriser.reads_texts) == (16, 32, True)
    assert not featurisers.make("efficientnet-lite0").reads_texts
    assert "32" in featuriser.preprocessing and len(featuriser.fingerprint) == 16
    encoder = clip.TextEncoder(featuriser)
    assert encoder.scale == pytest.approx(1 / 0.07) and encoder.bias == 0
    assert encoder.encode([]).shape[0] == 0
    many = encoder.encode(["fox"] * 100 + ["lynx"])
    np.testing.assert_allclose(many[0], many[99], atol=1e-6)
    assert np.abs(many[0] - many[100]).max() > 1e-3
    encoder.encode(["a very long text " * 50])  # is cut


def test_a_class_is_the_mean_of_its_prompts(featuriser):
    encoder = clip.TextEncoder(featuriser)
    found = encoder.of_class(["fox", "Vulpes vulpes"], ["{}", "a photo of a {}."])
    prompts = ["fox", "a photo of a fox.", "Vulpes vulpes", "a photo of a Vulpes vulpes."]
    mean = encoder.encode(prompts).mean(axis=0)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)
    assert np.isfinite(encoder.of_class(["{0} %s {x"])).all()


def test_one_of_ones_own(tmp_path, weights, batch, cache_dir):
    place = storage.at(tmp_path / "networks")
    before = cards._storage
    cards.configure(lambda: place)
    try:
        state = clips.network().state_dict()
        card = cards.Card("Tiny", "clip", "upload", "2026-01-02", arguments=clips.DESCRIPTION)
        digest = own.save(place, state, card)
        featuriser = featurisers.get(f"own/{digest}")
        assert featuriser.reads_texts and own.card(place, digest).dimension == 16
        vectors = OnnxRuntime(featuriser, cache_dir, batch_size=3).embed(batch)
        texts = clip.TextEncoder(featuriser).encode(TEXTS)
        cosines = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ texts.T
        np.testing.assert_allclose(cosines, direct(batch), atol=1e-4)
    finally:
        cards.configure(before)


def test_those_open_clip_knows_by_name(weights, tmp_path):
    featuriser = featurisers.make(f"clip/ViT-B-16,weights={weights}")
    assert (featuriser.dimension, featuriser.image_size) == (512, 224)
    assert featurisers.make("clip/ViT-B-16").local_weights() is None
    with pytest.raises(FeaturiserUnavailable, match="Give a file: clip/ViT-B-16,weights=FILE"):
        featurisers.get("clip/ViT-B-16")
    with pytest.raises(KeyError, match="knows no network 'ViT-B-17'"):
        featurisers.make("clip/ViT-B-17")
    tagged = featurisers.make("clip/ViT-B-32.laion2b_s34b_b79k")
    assert "laion" in tagged.remedy and tagged.local_weights() is None
    with pytest.raises(KeyError, match=r"knows no weights 'nothing' of ViT-B-32; there are: .*laion"):
        featurisers.make("clip/ViT-B-32.nothing")


def test_describing_one_imports_no_torch():
    code = (
        "import sys; from tl_core import featurisers; assert featurisers.make('clip/ViT-B-16').dimension == 512; "
        "assert 'torch' not in sys.modules and 'open_clip' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def spoilt(**changes):
    description = copy.deepcopy(clips.DESCRIPTION)
    for path, value in changes.items():
        part, _, field = path.partition("__")
        description["model_cfg"][part] = value if not field else {**description["model_cfg"][part], field: value}
    return description


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({}, "content of its open_clip_config.json"),
        ({"model_cfg": [1]}, "content of its open_clip_config.json"),
        (spoilt(embed_dim="x"), "content of its open_clip_config.json"),
        (spoilt(multimodal_cfg={}), "CoCa"),
        (spoilt(text_cfg__layers=10_000), "too large"),
        (spoilt(text_cfg__vocab_size=10**9), "too large"),
        (spoilt(vision_cfg__width=10**6), "too large"),
        (spoilt(vision_cfg__image_size=[32, 64]), "squares are"),
    ],
)
def test_what_describes_no_clip(description, said):
    with pytest.raises(FeaturiserUnavailable, match=said):
        clip.ClipNetwork("tiny", description=json.loads(json.dumps(description)))


def test_what_open_clip_cannot_build(weights):
    strange = clip.ClipNetwork("tiny", weights=weights, description=spoilt(colour="grey"))
    with pytest.raises(FeaturiserUnavailable, match="cannot build this network"):
        strange.module()
    other = clip.ClipNetwork("tiny", weights=weights, description=spoilt(vision_cfg__layers=3))
    with pytest.raises(FeaturiserUnavailable, match=r"missing: visual.transformer.resblocks.2"):
        clip.TextEncoder(other)
