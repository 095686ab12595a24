"""Checkpoints the tests make themselves: the architecture is real, the weights are random but lively."""

from pathlib import Path

import torch

from tl_core.featurisers import guard


def lively(network: torch.nn.Module, side: int) -> torch.nn.Module:
    """Bring features to a natural scale: at random weights many networks give the same for every image."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if any(part in name for part in ("gamma", "layer_scale", "ls1", "ls2")):
                parameter.fill_(1.0)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean of what comes
        network.train()(torch.randn(4, 3, side, side))
    return network.eval()


def build(name: str, **options: object) -> torch.nn.Module:
    """A network by its name in the registry, with random weights."""
    torch.manual_seed(5)
    if name.startswith("timm/"):
        return guard.timm().create_model(name.removeprefix("timm/"), pretrained=False, **options)
    return guard.torchvision().models.get_model(name, weights=None, **options)


def checkpoint(name: str, directory: Path, side: int = 64) -> Path:
    """A file with a network's weights, made once a directory."""
    path = directory / f"{name.replace('/', '-')}.pth"
    if not path.exists():
        torch.save(lively(build(name), side).state_dict(), path)
    return path
