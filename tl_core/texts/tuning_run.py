"""A tuning of a sentence encoder under way: where it differs from one of pictures. Imports torch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from tl_core.adaptation.activations import SHARD, Activations
from tl_core.adaptation.finetuning import Tell, Tuning, Work
from tl_core.adaptation.planning import Plan
from tl_core.adaptation.splitting import Halves
from tl_core.adaptation.training import Recipe
from tl_core.texts.layers import LowerLayers, UpperLayers, activations_of, depth
from tl_core.texts.tuning_encoder import EPOCHS, RATE, EncoderWork

if TYPE_CHECKING:
    from tl_core.featurisers.networks import Network


class _Named(torch.nn.Module):
    """Stands for the whole network where its state is asked for: the layers that are tuned, by a checkpoint's names."""

    def __init__(self, upper: UpperLayers) -> None:
        super().__init__()
        self.upper = upper

    def state_dict(self, *_: Any, **__: Any) -> Mapping[str, Any]:  # type: ignore[override]
        """Return the tuned weights."""
        return {name: torch.from_numpy(array) for name, array in self.upper.arrays().items()}


class TextTuning(Tuning):
    """See the base class; its pictures are texts.

    Parameters
    ----------
    work : EncoderWork
        What is to be tuned.
    tell : callable
        As for `tune`.
    """

    def __init__(self, work: EncoderWork, tell: Tell) -> None:
        self.texts = work
        if not 1 <= work.layers <= depth(work.encoder.checkpoint):
            raise ValueError(f"{work.encoder.name} has no {work.layers} layers to be tuned")
        recipe = work.recipe or Recipe(epochs=EPOCHS, rate=RATE)
        nobody: Any = None  # pictures are not read, so nothing computes them
        network = cast("Network", work.encoder)
        given: Any = work.texts
        super().__init__(
            Work(
                network,
                given,
                work.targets,
                work.rivals,
                work.directory,
                nobody,
                work.groups,
                trained=len(work.targets),
                recipe=recipe,
            ),
            tell,
        )

    def made(self) -> Plan:
        """See the base class: the layers are given, so there is nothing to choose."""
        return Plan(f"last {self.texts.layers} layers", self.work.recipe.epochs, self.texts.tested, 1, 0.0, 0.0)

    def computed(self) -> Activations:
        """See the base class."""
        work = self.texts
        cut = [windows[0] if windows else [] for windows in work.encoder._cut(work.texts)]
        length = max(1, max(map(len, cut), default=1))
        width = work.encoder.dimension + 1
        activations = Activations(work.directory / "activations", len(cut), 1, (length, width))
        lower = LowerLayers(work.encoder.checkpoint, depth(work.encoder.checkpoint) - work.layers).eval()
        for number in activations.missing():
            start = number * SHARD
            values = activations_of(lower, cut[start : start + SHARD], length)
            activations.write(number, values[:, np.newaxis])
            self.say("computing", self.share_below * min(1.0, (start + SHARD) / len(cut)), kept=True)
        self.done = self.share_below
        return activations

    def halves(self) -> Halves:
        """See the base class."""
        upper = UpperLayers(self.texts.encoder.checkpoint, self.texts.layers).eval()
        shape = self.activations.shape
        return Halves(_Named(upper), torch.nn.Identity(), upper, shape, self.texts.encoder.dimension)
