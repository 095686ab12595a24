"""Intermediate blocks of a network as an embedding: which are kept, and what is kept of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tl_core import networks
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, cutting, levels
from tl_core.featurisers.onnx_runtime import OnnxRuntime


def pictures(side: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_the_ends_of_stages_are_kept_and_named() -> None:
    blocks = featurisers.make("efficientnet-lite0,output=both").blocks
    assert [(block.name, block.stop - block.start) for block in blocks] == [
        ("last", 1280), ("_blocks.4", 80), ("_blocks.7", 160), ("_blocks.10", 224), ("_blocks.14", 384),
    ]  # fmt: skip
    alone = featurisers.make("efficientnet-lite0,output=levels").blocks
    assert [block.start for block in alone] == [0, 80, 240, 464]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2"])
@pytest.mark.parametrize("output", ["last", "levels", "both"])
def test_what_is_known_beforehand_is_what_the_network_has(name: str, output: str) -> None:
    featuriser = featurisers.make(f"{name},output={output}")
    assert featuriser.blocks == featuriser._outline().blocks


def test_where_a_network_is_the_same_throughout_depths_are_kept() -> None:
    names = [block.name for block in featurisers.make("dinov2-small,output=levels").blocks]
    assert names == ["blocks.4", "blocks.6", "blocks.8", "blocks.10"]


def test_one_pass_gives_what_two_give(cache_dir: Path) -> None:
    """Runs of the last layer may be continued by passes that compute both."""
    found = {
        output: OnnxRuntime(featurisers.get(f"efficientnet-lite0,output={output}"), cache_dir, batch_size=1).embed(
            pictures(224, 1)
        )
        for output in ("last", "levels", "both")
    }
    beside = np.concatenate([found["last"], found["levels"]], axis=1)
    np.testing.assert_allclose(found["both"], beside, rtol=1e-4, atol=1e-5)


def test_what_is_kept_is_mean_and_deviation(tmp_path: Path) -> None:
    spec = f"shufflenet_v2_x0_5,output=both,weights={networks.checkpoint('shufflenet_v2_x0_5', tmp_path)}"
    featuriser = featurisers.get(spec)
    module = featuriser.module()
    with torch.no_grad():
        vectors = module(torch.from_numpy(pictures(224))).numpy()
        seen: dict[str, torch.Tensor] = {}
        for level in module.levels:
            block = module.embed.network.get_submodule(level.path)
            block.register_forward_hook(lambda _m, _i, output, path=level.path: seen.update({path: output}))
        last = module.embed(torch.from_numpy(pictures(224))).numpy()
    np.testing.assert_allclose(vectors[:, : last.shape[1]], last, rtol=1e-4, atol=1e-5)
    for block, level in zip(featuriser.blocks[1:], module.levels, strict=True):
        maps = seen[level.path].numpy()
        expected = np.concatenate([maps.mean(axis=(2, 3)), maps.std(axis=(2, 3))], axis=1)
        np.testing.assert_allclose(vectors[:, block.start : block.stop], expected, rtol=1e-3, atol=1e-4)


def test_mirror_images_have_one_embedding(tmp_path: Path, cache_dir: Path) -> None:
    spec = f"shufflenet_v2_x0_5,weights={networks.checkpoint('shufflenet_v2_x0_5', tmp_path)}"
    once, twice = (
        OnnxRuntime(featurisers.get(each), cache_dir, batch_size=3) for each in (spec, f"{spec},views=2,output=last")
    )
    assert once.featuriser.fingerprint != twice.featuriser.fingerprint
    batch = pictures(224)
    mirrored = np.ascontiguousarray(batch[:, :, ::-1])
    both = (once.embed(batch) + once.embed(mirrored)) / 2
    np.testing.assert_allclose(twice.embed(batch), both, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(twice.embed(mirrored), both, rtol=1e-4, atol=1e-5)


def test_levels_are_of_the_whole_network() -> None:
    with pytest.raises(ValueError, match="cut=1"):
        featurisers.make("efficientnet-lite0,cut=2,output=levels")
    with pytest.raises(ValueError, match="output is last, levels, both"):
        featurisers.make("efficientnet-lite0,output=middle")


def test_a_network_without_blocks_says_so() -> None:
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 4))
    with pytest.raises(FeaturiserUnavailable, match="no intermediate blocks"):
        levels.choose(flat, 8, "flat")


class Branching(torch.nn.Module):
    """Decides by its numbers, which no tracer can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.Conv2d(4, 8, 3, stride=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.first(image)
        return self.second(features) if features.sum() > 0 else self.second(-features)


def test_a_network_that_cannot_be_traced_says_so() -> None:
    embed = cutting.Embed(Branching(), (0.5,), (0.5,), cutting.Pooling("channels first", 8))
    level = levels.Level("first", cutting.Pooling("channels first", 4))
    with pytest.raises(FeaturiserUnavailable, match="cannot be traced"):
        levels.WithLevels(embed, (level,), last=True, name="branching")
