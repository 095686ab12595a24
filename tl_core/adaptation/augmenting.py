"""Vary pictures while a whole network is trained, on the device that trains it. Imports torch."""

import torch
from torch.nn import functional

LEAST_SIDE = 0.75  # of the part that is kept
LIGHT = 0.2  # how far brightness and contrast may go, up and down


def vary(pictures: torch.Tensor, *, mirrored: bool, generator: torch.Generator) -> torch.Tensor:
    """Cut a random part out of each picture, scale it up again, change its light; mirror half of them.

    Parameters
    ----------
    pictures : uint8 tensor, shape (n, size, size, 3)
        As a featuriser prepares them.
    mirrored : bool
        Whether mirror images are of the same class.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    uint8 tensor of the same shape
    """
    n, device = len(pictures), pictures.device
    side, across, down, flips, light, contrast = torch.rand((6, n), generator=generator).to(device)
    side = LEAST_SIDE + (1 - LEAST_SIDE) * side
    sign = torch.where(flips < 0.5, -1.0, 1.0) if mirrored else torch.ones(n, device=device)
    place = torch.zeros((n, 2, 3), device=device)
    place[:, 0, 0], place[:, 1, 1] = side * sign, side
    place[:, 0, 2], place[:, 1, 2] = (1 - side) * (2 * across - 1), (1 - side) * (2 * down - 1)
    values = pictures.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(place, list(values.shape), align_corners=False)
    seen = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    mean = seen.mean(dim=(1, 2, 3), keepdim=True)
    factor = (1 + LIGHT * (2 * contrast - 1)).reshape(-1, 1, 1, 1)
    brighter = (255 * LIGHT * (light - 0.5)).reshape(-1, 1, 1, 1)
    changed = (seen - mean) * factor + mean + brighter
    varied: torch.Tensor = changed.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return varied
