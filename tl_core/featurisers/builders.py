"""Small networks of the program's own architectures, built from the arguments on their cards."""

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.featurisers import downloads
from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.featurisers.cards import BUILDER, Card, preprocessing_of
from tl_core.featurisers.networks import Network

if TYPE_CHECKING:
    import torch

OPTIONS = ("cut", "output")
_builders: dict[str, str] = {}  # name -> package.module:function


class BuiltNetwork(Network):
    """A network of the program's own, which a registered function builds from a card's arguments.

    Parameters
    ----------
    card : Card
        With an architecture ``builder:NAME``, and preprocessing.
    weights, options
        See `tl_core.featurisers.networks.Network`.

    Raises
    ------
    FeaturiserUnavailable
        No such builder is registered, or the card has no preprocessing.
    """

    source = "this site"

    def __init__(self, card: Card, *, weights: Path | None = None, **options: Any) -> None:
        self._builder = card.architecture.removeprefix(BUILDER)
        self._arguments = dict(card.arguments)
        if self._builder not in _builders:
            raise FeaturiserUnavailable(f"{card.name} needs the builder {self._builder!r}, which is not registered.")
        if card.preprocessing is None:
            raise FeaturiserUnavailable(f"The card of {card.name} does not say how pictures are prepared for it.")
        described = f"{self._builder} {json.dumps(self._arguments, sort_keys=True)}"
        super().__init__("own", described, preprocessing_of(card.preprocessing), weights=weights, **options)

    def _built(self) -> tuple["torch.nn.Module", tuple[str, ...]]:
        module, _, function = _builders[self._builder].partition(":")
        return getattr(importlib.import_module(module), function)(**self._arguments), ()

    def _published(self) -> str:
        raise FeaturiserUnavailable(f"Nobody publishes weights of {self.name}: it is made here.")

    def _place(self) -> Path:
        return downloads.directory() / "none"


def builder(name: str, function: str) -> None:
    """Register what builds a network of the program's own.

    Parameters
    ----------
    name : str
        The architecture is ``builder:`` and this.
    function : str
        ``package.module:function``, imported when needed: takes the card's arguments as keywords, and returns a
        `torch.nn.Module` from float32 (n, 3, size, size), normalised, to features (n, d), (n, c, h, w) or (n, t, c).

    Raises
    ------
    ValueError
        The name is taken by another function.
    """
    if _builders.setdefault(name, function) != function:
        raise ValueError(f"a builder named {name!r} is registered already")
