# ruff: noqa: N803 - what is mapped is X here, as in scikit-learn
"""A network that was adapted to a pool: a featuriser of its own, once it is saved. Imports torch."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.featurisers import cards, own
from tl_core.featurisers.base import Featuriser
from tl_core.featurisers.cards import Card
from tl_core.featurisers.networks import Network
from tl_core.featurisers.registry import make
from tl_core.featurisers.spec import canonical, parse
from tl_core.store.storage import Storage

_BATCH = 32
_NOT_THE_NETWORKS = ("output", "precision", "weights")  # options that say where from, or what of it, or how computed


@dataclass(frozen=True, eq=False)
class AdaptedNetwork:
    """A network that is not saved yet. Maps pictures, as its featuriser prepares them.

    Attributes
    ----------
    featuriser : Featuriser
        That prepares pictures for it.
    module : torch.nn.Module
        uint8 (n, size, size, 3) in, float32 (n, dimension) out.
    state : dict of str to torch.Tensor
        What is saved of it, as `tl_core.featurisers.own.save` takes it.
    card : Card
        What it is.
    """

    featuriser: Featuriser
    module: torch.nn.Module
    state: dict[str, torch.Tensor]
    card: Card

    threads: ClassVar[int] = 2
    batch_size: ClassVar[int] = _BATCH
    in_flight: ClassVar[int] = 1

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self.featuriser.dimension

    @cached_property
    def digest(self) -> str:
        """What the network is called once it is saved."""
        return own.digest(self.state, self.card)

    def apply(self, X: Any) -> NDArray[np.float32]:
        """Embed pictures.

        Parameters
        ----------
        X : ndarray of uint8, shape (n, size, size, 3)
            From `Featuriser.preprocess` of its featuriser.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Embeddings.

        Raises
        ------
        ValueError
            Another shape or dtype.
        """
        self.featuriser.check(X)
        out = np.empty((len(X), self.dimension), np.float32)
        with torch.no_grad():
            for start in range(0, len(X), _BATCH):
                some = torch.from_numpy(np.ascontiguousarray(X[start : start + _BATCH]))
                out[start : start + _BATCH] = self.module.eval()(some).numpy()
        return out

    embed = apply  # so that it is a runtime of the pipeline, too

    def save(self, storage: Storage) -> str:
        """Write it where networks of one's own lie; return its digest. Raises OSError from writing."""
        return own.save(storage, self.state, self.card)


def network_of(spec: str) -> Network | None:
    """Return the network behind a spec, whole: whatever of it the spec asks for, in float32, with its weights.

    Parameters
    ----------
    spec : str
        Of a featuriser.

    Returns
    -------
    Network or None
        None where it is none whose layers are known and all used: a graph, or one that is cut.

    Raises
    ------
    FeaturiserUnavailable, KeyError, ValueError
        As `tl_core.featurisers.make`.
    """
    name, options = parse(spec)
    whole = make(canonical(name, {key: value for key, value in options.items() if key not in ("output", "precision")}))
    return whole if isinstance(whole, Network) and whole.cut == "1" else None


def card_for(spec: str, **fields: Any) -> Card:
    """Return the card of a network with other weights than that spec's, and the same architecture.

    Parameters
    ----------
    spec : str
        Of a network, perhaps of one's own.
    fields
        Of the card.

    Raises
    ------
    FeaturiserUnavailable, OSError
        It is of one's own, and not here.
    """
    digest = cards.digest_of(spec)
    if digest is not None:
        known = own.card(cards.configured(), digest)
        return replace(known, origin=spec, made_by="adaptation", figures={}, **fields)
    name, options = parse(spec)
    plain = canonical(name, {key: value for key, value in options.items() if key not in _NOT_THE_NETWORKS})
    return Card(architecture=plain, origin=spec, made_by="adaptation", **fields)
