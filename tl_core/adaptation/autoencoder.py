"""A small convolutional autoencoder, taught on the pool layer by layer; its encoder is a network of its own.

Each layer learns to give back what it was given, from half the places and with some of it missing; the next one learns
on what came out of it. So no layer waits for others, and what has to be kept is one layer's input.

Source: Bengio et al., Greedy layer-wise training of deep networks, 2007; Vincent et al., Stacked denoising
autoencoders, 2010.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

SIDE = 64
CHANNELS = (32, 48, 64, 32)
DROPPED = 0.2  # share of the input that a layer has to make up
MIDDLE = 127.5  # what pictures are centred at, and divided by
_BATCH = 64
_LOOKED_AT = 512
_RATE = 2e-3


class Encoder(nn.Module):
    """Layers that halve the picture; the code is all that the last one says, place by place.

    Parameters
    ----------
    channels : sequence of int
        Maps of each layer.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_layer(*pair) for pair in itertools.pairwise([3, *channels])))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """From normalised pictures (n, 3, size, size) to codes (n, d): d is 512 where the size is `SIDE`."""
        codes: torch.Tensor = self.layers(image).flatten(1)
        return codes


def _layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def encoder(channels: Sequence[int] = CHANNELS) -> nn.Module:
    """Build an encoder with random weights: what ``builder:encoder`` names."""
    return Encoder(channels)


def fit(
    pictures: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    channels: Sequence[int] = CHANNELS,
    epochs: int = 4,
    report: Callable[[float], None] = lambda share: None,
) -> tuple[Encoder, list[list[float]]]:
    """Teach an encoder.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (n, size, size, 3)
        A sample of the pool, at least 2.
    rng : numpy.random.Generator
        For the start, the order and what is dropped.
    channels : sequence of int
        Maps of each layer.
    epochs : int
        Passes over the pictures for each layer.
    report : callable
        Told the share that is done; may raise to stop it.

    Returns
    -------
    Encoder
        In eval mode.
    list of list of float
        For each layer the mean squared error of each epoch, as a share of the variance of what it was given.

    Raises
    ------
    ValueError
        There are too few pictures.
    """
    if len(pictures) < 2:
        raise ValueError("an autoencoder wants two pictures or more")
    seeded = torch.Generator().manual_seed(int(rng.integers(2**31)))
    network = Encoder(channels)
    _start(network, seeded)
    given = torch.from_numpy(pictures).permute(0, 3, 1, 2).half().sub_(MIDDLE).div_(MIDDLE)
    losses = []
    done, steps = 0, len(channels) * epochs
    for layer, maps in zip(network.layers, channels, strict=True):
        decoder = nn.ConvTranspose2d(maps, given.shape[1], 4, 2, 1)
        _start(decoder, seeded)
        optimiser = torch.optim.AdamW([*layer.parameters(), *decoder.parameters()], lr=_RATE)
        scale = float(given[:_LOOKED_AT].float().var()) or 1.0
        curve = []
        layer.train()
        for _ in range(epochs):
            report(done / steps)
            curve.append(_epoch(given, layer, decoder, optimiser, seeded) / scale)
            done += 1
        losses.append(curve)
        layer.eval()
        with torch.no_grad():
            # 16 bits: of 3,000 pictures of 64 pixels the first layer's maps are 200 MB.
            given = torch.cat([layer(part.float()).half() for part in torch.split(given, _BATCH)])
    return network.eval(), losses


def _epoch(
    given: torch.Tensor, layer: nn.Module, decoder: nn.Module, optimiser: torch.optim.Optimizer, seeded: torch.Generator
) -> float:
    total = 0.0
    for rows in torch.split(torch.randperm(len(given), generator=seeded), _BATCH):
        if len(rows) < 2 <= len(given):
            continue  # one picture has no batch statistics
        whole = given[rows].float()
        kept = torch.rand((len(rows), 1, *whole.shape[2:]), generator=seeded) > DROPPED
        loss = nn.functional.mse_loss(decoder(layer(whole * kept)), whole)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.item() * len(rows)
    return total / len(given)


def _start(network: nn.Module, seeded: torch.Generator) -> None:
    """Give weights that depend on the generator alone."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                fan = module.in_channels * module.kernel_size[0] * module.kernel_size[1]
                module.weight.normal_(0, (2 / fan) ** 0.5, generator=seeded)
                if module.bias is not None:
                    module.bias.zero_()
