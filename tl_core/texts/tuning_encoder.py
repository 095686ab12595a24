"""Tune a sentence encoder with the labels: its upper layers, on activations of the lower ones that are kept.

The same work as for pictures (`tl_core.adaptation.finetuning`): judged in pairs on texts that neither has seen, each
fold and epoch kept, and no encoder at all where the tuned one is not better beyond doubt. What comes out is only the
layers that changed; ONNX Runtime computes them as any encoder's (`tl_core.texts.tuned`). Imports torch: for workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.adaptation.activations import SHARD, Activations
from tl_core.adaptation.finetuning import TuningRun
from tl_core.adaptation.outputs import Target
from tl_core.adaptation.planning import Plan
from tl_core.adaptation.splitting import Halves
from tl_core.adaptation.training import Recipe
from tl_core.adaptation.work import FineTuned, Tell, Work
from tl_core.texts.encoders import SentenceEncoder
from tl_core.texts.layers import LowerLayers, UpperLayers, activations_of, depth

if TYPE_CHECKING:
    from tl_core.featurisers.networks import Network

LAYERS = 2  # that are tuned, the last ones
FOLDS = 3
RATE = 1e-4
EPOCHS = 8


@dataclass(frozen=True, eq=False)
class EncoderWork:
    """What is to be tuned.

    Attributes
    ----------
    encoder : SentenceEncoder
        Whose weights are begun with.
    texts : sequence of str
        Those with answers.
    targets : sequence of Target
        The questions; the first one decides, and no other may come out worse.
    rivals : sequence of ndarray of float32, each (n, d)
        For each question the embeddings that its linear head reads today.
    directory : Path
        Keeps what was done; of this very work.
    groups : ndarray of int, shape (n,), or None
        What belongs together, such as the parts of one text.
    layers : int
        That are tuned.
    tested : int
        Folds that are judged, 1 to 3.
    recipe : Recipe or None
        How; None = as was measured best for texts.
    """

    encoder: SentenceEncoder
    texts: Sequence[str]
    targets: Sequence[Target]
    rivals: Sequence[NDArray[np.float32]]
    directory: Path
    groups: NDArray[Any] | None = None
    layers: int = LAYERS
    tested: int = FOLDS
    recipe: Recipe | None = None


def tune(work: EncoderWork, tell: Tell = lambda moment: None, *, always: bool = False) -> FineTuned:
    """Tune an encoder, and compare with the linear heads there are on texts that neither has seen.

    Parameters
    ----------
    work : EncoderWork
        With answers of two classes or more to the first question.
    tell : callable
        Told how far it is, as by `finetuning.tune`; what it raises stops the work, which goes on where it was.
    always : bool
        Whether to train the encoder for use whatever the comparison says.

    Returns
    -------
    FineTuned
        Its ``state`` goes to `tl_core.texts.tuned.arrays_of`.

    Raises
    ------
    FeaturiserUnavailable
        The encoder is not here, or is of a kind that is not tuned.
    ValueError
        It has fewer layers.
    OSError
        From writing to the directory.
    """
    return TextTuning(work, tell).run(always=always)


class _WithNames(torch.nn.Module):
    """Stands for the whole network where its state is asked for: the layers that are tuned, by a checkpoint's names."""

    def __init__(self, upper: UpperLayers) -> None:
        super().__init__()
        self.upper = upper

    def state_dict(self, *_: Any, **__: Any) -> Mapping[str, Any]:  # type: ignore[override]
        """Return the tuned weights."""
        return {name: torch.from_numpy(array) for name, array in self.upper.arrays().items()}


class TextTuning(TuningRun):
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
                recipe=recipe,
            ),
            tell,
        )

    def made(self) -> Plan:
        """See the base class: the layers are given, so there is nothing to choose."""
        n = len(self.texts.texts)
        return Plan(f"last {self.texts.layers} layers", self.work.recipe.epochs, self.texts.tested, 1, n, 0.0, 0.0)

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
        return Halves(_WithNames(upper), torch.nn.Identity(), upper, shape, self.texts.encoder.dimension)
