"""A CLIP the tests make themselves: the architecture is open_clip's, tiny, and the weights are random but lively."""

import functools
from pathlib import Path

import torch
from safetensors.torch import save_file

from tl_core.featurisers import clip

DESCRIPTION = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}


@functools.cache
def network() -> torch.nn.Module:
    """Both halves."""
    torch.manual_seed(7)
    built = clip.built(DESCRIPTION["model_cfg"])
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
            elif "ln_" not in name and parameter.ndim:
                parameter.normal_(0, 0.5)
    return built.eval()


def checkpoint(directory: Path) -> Path:
    """A file with its weights."""
    path = directory / "clip.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network().state_dict().items()}, path)
    return path
