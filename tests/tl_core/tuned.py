"""Small networks and pictures whose classes only shapes tell apart, for the tests of fine-tuning."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.tl_core import networks
from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture

SIDE = 32


def featuriser(directory, name="timm/test_resnet"):
    """A tiny network with random weights that are lively."""
    return featurisers.get(f"{name},size={SIDE},weights={networks.checkpoint(name, directory, SIDE)}")


def runtime(directory):
    """Make runtimes of featurisers, as the worker does."""
    return partial(OnnxRuntime, cache_dir=Path(directory), threads=1, batch_size=8)


def pictures(directory, count, seed=0):
    """Noise in which stripes lie upright, flat or across: paths and classes."""
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True, exist_ok=True)
    codes = rng.permutation(np.arange(count) % 3)
    made = []
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    for number, code in enumerate(codes):
        wave = np.sin((across, down, across + down)[code] * 0.9 + rng.uniform(0, 6.28))
        values = 128 + 55 * wave[..., None] + rng.normal(0, 25, (SIDE, SIDE, 3))
        path = directory / f"{number:04}.png"
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path)
        made.append(Picture(path))
    return made, codes
