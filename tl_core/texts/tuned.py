"""A sentence encoder some of whose layers were tuned on this site: an encoder like any other, if its base is here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import fitted
from tl_core.texts.base import TextFeaturiser
from tl_core.texts.checkpoints import Checkpoint
from tl_core.texts.encoders import SentenceEncoder

KIND = "encoder"
_ABOUT = "about"


def arrays_of(encoder: SentenceEncoder, state: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return what is saved of a tuned encoder.

    Parameters
    ----------
    encoder : SentenceEncoder
        That it was tuned from.
    state : mapping of str to torch.Tensor
        From `tl_core.texts.tuning_encoder.tune`.

    Returns
    -------
    dict of str to ndarray
        For `fitted.save` under `KIND`, and `TunedEncoder`.
    """
    about = json.dumps({"base": encoder.name, "fingerprint": encoder.fingerprint}, sort_keys=True)
    return {_ABOUT: fitted.packed([about]), **{name: tensor.numpy() for name, tensor in state.items()}}


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


class TunedEncoder(SentenceEncoder):
    """An encoder that was tuned on this site; its base has to be here.

    Parameters
    ----------
    spec : str
        ``encoder/DIGEST``.
    make : callable
        Builds the featuriser of a spec: `tl_core.texts.registry.make`.
    arrays : mapping of str to ndarray, or None
        From `arrays_of`; None = read where it is needed.
    """

    def __init__(
        self, spec: str, make: Callable[[str], TextFeaturiser], arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        super().__init__(spec, self._place, source="this project")
        self._make, self._given = make, arrays

    @cached_property
    def _arrays(self) -> Mapping[str, NDArray[Any]]:
        return fitted.load(self.name) if self._given is None else self._given

    @cached_property
    def base(self) -> SentenceEncoder:
        """The encoder it was tuned from. Raises FeaturiserUnavailable where that is not here, or is another."""
        about = json.loads(fitted.unpacked(self._arrays[_ABOUT])[0])
        base = self._make(about["base"])
        if not isinstance(base, SentenceEncoder) or base.fingerprint != about["fingerprint"]:
            raise FeaturiserUnavailable(f"{self.name} was tuned from another {about['base']} than is installed here.")
        return base

    def _place(self) -> Path:
        return self.base.checkpoint.path

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """See `SentenceEncoder.checkpoint`."""
        tuned = {name: array for name, array in self._arrays.items() if name != _ABOUT}
        return TunedCheckpoint(self.base.checkpoint.path, cast("Mapping[str, NDArray[np.float32]]", tuned), self.name)
