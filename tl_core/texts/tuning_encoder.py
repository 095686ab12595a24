"""Tune a sentence encoder with the labels: its upper layers, on activations of the lower ones that are kept.

The same work as for pictures (`tl_core.adaptation.finetuning`): judged in pairs on texts that neither has seen, each
fold and epoch kept, and no encoder at all where the tuned one is not better beyond doubt. What comes out is only the
layers that changed; ONNX Runtime computes them as any encoder's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import fitted
from tl_core.texts.base import Fittable
from tl_core.texts.checkpoints import Checkpoint
from tl_core.texts.encoders import Encoder

if TYPE_CHECKING:
    from tl_core.adaptation.finetuning import FineTuned, Tell
    from tl_core.adaptation.outputs import Target
    from tl_core.adaptation.training import Recipe

KIND = "encoder"
LAYERS = 2  # that are tuned, the last ones
FOLDS = 3
RATE = 1e-4
EPOCHS = 8
_ABOUT = "about"


@dataclass(frozen=True, eq=False)
class EncoderWork:
    """What is to be tuned.

    Attributes
    ----------
    encoder : Encoder
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

    encoder: Encoder
    texts: Sequence[str]
    targets: "Sequence[Target]"
    rivals: Sequence[NDArray[np.float32]]
    directory: Path
    groups: NDArray[Any] | None = None
    layers: int = LAYERS
    tested: int = FOLDS
    recipe: "Recipe | None" = None


def tune(work: EncoderWork, tell: "Tell" = lambda moment: None, *, always: bool = False) -> "FineTuned":
    """Tune an encoder, and compare with the linear heads there are on texts that neither has seen. Imports torch.

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
        Its ``state`` goes to `arrays_of`.

    Raises
    ------
    FeaturiserUnavailable
        The encoder is not here, or is of a kind that is not tuned.
    ValueError
        It has fewer layers.
    OSError
        From writing to the directory.
    """
    from tl_core.texts.tuning_run import TextTuning

    return TextTuning(work, tell).run(always=always)


def arrays_of(encoder: Encoder, state: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return what is saved of a tuned encoder.

    Parameters
    ----------
    encoder : Encoder
        That it was tuned from.
    state : mapping of str to torch.Tensor
        From `tune`.

    Returns
    -------
    dict of str to ndarray
        For `fitted.save` under `KIND`, and `TunedEncoder`.
    """
    about = json.dumps({"base": encoder.name, "fingerprint": encoder.fingerprint}, sort_keys=True)
    return {_ABOUT: fitted.packed([about]), **{name: tensor.numpy() for name, tensor in state.items()}}


def not_without_labels(**_: object) -> Fittable:
    """Refuse to fit an encoder on a pool alone. Raises ValueError, always."""
    raise ValueError("an encoder is tuned with labels: tl_core.texts.tuning_encoder.tune")


@dataclass(frozen=True)
class TunedCheckpoint(Checkpoint):
    """An encoder's directory, some of whose weights are others.

    Parameters
    ----------
    path : Path
        The directory.
    tuned : mapping of str to ndarray
        Weights that stand in the place of its own.
    name : str
        Of the tuned encoder: its digest.
    """

    tuned: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    name: str = ""

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """See `Checkpoint.weights`."""
        own = super().weights()
        if unknown := self.tuned.keys() - own.keys():
            raise FeaturiserUnavailable(f"{self.path} has no {sorted(unknown)[0]}: {self.name} is of another encoder.")
        return {**own, **self.tuned}

    def digest(self) -> str:
        """See `Checkpoint.digest`."""
        return f"{super().digest()} {self.name}"


class TunedEncoder(Encoder):
    """An encoder that was tuned on this site; its base has to be here.

    Parameters
    ----------
    spec : str
        ``encoder/DIGEST``.
    arrays : mapping of str to ndarray, or None
        From `arrays_of`; None = read where it is needed.
    """

    def __init__(self, spec: str, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        super().__init__(spec, self._place, source="this project")
        self._given = arrays

    @cached_property
    def _arrays(self) -> Mapping[str, NDArray[Any]]:
        return fitted.load(self.name) if self._given is None else self._given

    @cached_property
    def base(self) -> Encoder:
        """The encoder it was tuned from. Raises FeaturiserUnavailable where that is not here, or is another."""
        from tl_core.texts.registry import make

        about = json.loads(fitted.unpacked(self._arrays[_ABOUT])[0])
        base = make(about["base"])
        if not isinstance(base, Encoder) or base.fingerprint != about["fingerprint"]:
            raise FeaturiserUnavailable(f"{self.name} was tuned from another {about['base']} than is installed here.")
        return base

    def _place(self) -> Path:
        return self.base.checkpoint.path

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """See `Encoder.checkpoint`."""
        tuned = {name: array for name, array in self._arrays.items() if name != _ABOUT}
        return TunedCheckpoint(self.base.checkpoint.path, cast("Mapping[str, NDArray[np.float32]]", tuned), self.name)
