"""A network cut in two computes what it computed whole."""

import numpy as np
import pytest
import torch

from tests.tl_core import networks, tuned
from tl_core import featurisers
from tl_core.adaptation import lora, splitting
from tl_core.featurisers.base import FeaturiserUnavailable


@pytest.mark.parametrize("name", ["timm/test_resnet", "timm/test_vit", "timm/test_efficientnet", "timm/test_convnext"])
def test_both_parts_together_are_the_network(tmp_path, name):
    found = tuned.featuriser(tmp_path, name)
    batch = torch.randint(0, 256, (3, tuned.SIDE, tuned.SIDE, 3), dtype=torch.uint8)
    expected = found.module()(batch)
    cuts = splitting.cuts(found)
    assert cuts and set(cuts) <= set(splitting.blocks(found))
    for cut in [*cuts, splitting.PICTURE]:
        halves = splitting.split(found, cut)
        activations = halves.lower(batch)
        assert tuple(activations.shape[1:]) == halves.shape
        torch.testing.assert_close(halves.upper(activations), expected, rtol=1e-4, atol=1e-4)


def test_the_network_in_use_is_cut_by_its_blocks_and_torchvisions_by_theirs(tmp_path):
    assert splitting.cuts(featurisers.get("efficientnet-lite0")) == ["_blocks.14", "_blocks.12", "_blocks.10"]
    resnet = featurisers.get(f"resnet18,weights={networks.checkpoint('resnet18', tmp_path)}")
    assert splitting.cuts(resnet)[0].startswith("layer4")


def test_training_the_upper_part_changes_the_network_and_leaves_the_lower_part(tmp_path):
    found = tuned.featuriser(tmp_path)
    halves = splitting.split(found, splitting.cuts(found)[0])
    before = {name: value.clone() for name, value in halves.network.state_dict().items()}
    with torch.no_grad():
        for parameter in halves.upper.parameters():
            parameter.add_(1.0)
    changed = {name for name, value in halves.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and len(changed) < len(before)
    assert not any(name.startswith("layer1") for name in changed)


def test_the_lower_part_is_a_featuriser_that_sees_the_mirror_image_too(tmp_path):
    found = tuned.featuriser(tmp_path)
    cut = splitting.cuts(found)[-1]
    below = splitting.Below(found, cut, mirrored=True)
    runtime = tuned.runtime(tmp_path)(below)
    batch = np.random.default_rng(0).integers(0, 256, (2, tuned.SIDE, tuned.SIDE, 3), np.uint8)
    seen = runtime.embed(batch).reshape(2, 2, -1)
    turned = runtime.embed(np.ascontiguousarray(batch[:, :, ::-1])).reshape(2, 2, -1)
    np.testing.assert_allclose(seen[:, 0], turned[:, 1], rtol=1e-3, atol=1e-4)
    plain = splitting.Below(found, cut, mirrored=False)
    assert plain.fingerprint != below.fingerprint != found.fingerprint
    assert below.dimension == 2 * plain.dimension


def test_a_cut_that_is_none_is_told_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"layer9.*can be behind: .*layer1"):
        splitting.split(tuned.featuriser(tmp_path), "layer9")


def test_a_network_that_is_cut_already_cannot_be_tuned(tmp_path):
    path = networks.checkpoint("resnet18", tmp_path)
    with pytest.raises(FeaturiserUnavailable, match="cannot be fine-tuned"):
        splitting.cuts(featurisers.get(f"resnet18,cut=2,weights={path}"))


def test_small_corrections_of_a_transformer_begin_as_nothing_and_are_merged(tmp_path):
    found = tuned.featuriser(tmp_path, "timm/test_vit")
    halves = splitting.split(found, splitting.cuts(found)[-1])
    names = set(halves.network.state_dict())
    activations = torch.randn((2, *halves.shape))
    before = halves.upper(activations)
    assert lora.add(halves.upper, 2) > 0
    torch.testing.assert_close(halves.upper(activations), before)
    trained = [each for each in halves.upper.parameters() if each.requires_grad]
    assert 0 < sum(map(torch.numel, trained)) < 0.5 * sum(map(torch.numel, halves.upper.parameters()))
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1)
    corrected = halves.upper(activations)
    assert not torch.allclose(corrected, before)
    lora.merge(halves.upper)
    torch.testing.assert_close(halves.upper(activations), corrected, rtol=1e-4, atol=1e-4)
    assert set(halves.network.state_dict()) == names


def test_a_network_of_convolutions_has_no_such_corrections(tmp_path):
    found = tuned.featuriser(tmp_path)
    upper = splitting.split(found, splitting.cuts(found)[0]).upper
    assert lora.add(upper, 2) == 0
    assert all(each.requires_grad for each in upper.parameters())
