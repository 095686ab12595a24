"""Networks of one's own: uploaded, tuned or adapted; each is one safetensors file that also says what it is.

Saved, a network is a featuriser: ``own/DIGEST``, with the options its architecture takes. The architecture is a spec
(``resnet18,cut=2``); ``builder:NAME``, see `tl_core.featurisers.builders`; ``clip``, described by its arguments; or
``onnx``, where the file's one tensor is a graph, see `tl_core.featurisers.graphs`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tl_core.featurisers import builders, clip, registry
from tl_core.featurisers.cards import BUILDER, CLIP, DIGEST, MADE_BY, ONNX, Card, card_of, local, name, preprocessing_of
from tl_core.store.storage import Storage

if TYPE_CHECKING:
    import torch


def save(storage: Storage, state: "Mapping[str, torch.Tensor]", card: Card) -> str:
    """Write a network, whole or not at all. Imports torch.

    Parameters
    ----------
    storage : Storage
        Where networks of one's own lie.
    state : mapping of str to torch.Tensor
        As `torch.nn.Module.state_dict` gives it, of the network that the architecture's `Featuriser` builds (the
        classifier may be missing or in it); for ``onnx`` from `tl_core.featurisers.graphs.imported`.
    card : Card
        ``dimension`` and ``applied`` are filled in.

    Returns
    -------
    str
        16 hexadecimal digits: of the tensors, the architecture, its arguments and the preprocessing. The same network
        saved again has the same, and its card is replaced.

    Raises
    ------
    FeaturiserUnavailable
        The architecture cannot be built here.
    KeyError, ValueError
        There is no such architecture, or the card is not JSON.
    OSError
        From writing.
    """
    import safetensors.torch

    if card.made_by not in MADE_BY:
        raise ValueError(f"made_by is one of {', '.join(MADE_BY)}, unlike {card.made_by!r}")
    card, tensors = _described(card), _apart(state)
    called = _digest(tensors, card)
    metadata = {"card": json.dumps(asdict(card), ensure_ascii=False), "digest": called}
    storage.write(name(called), safetensors.torch.save(tensors, metadata))
    return called


def digest(state: "Mapping[str, torch.Tensor]", card: Card) -> str:
    """Return what `save` would return, without writing anything. Raises as it does, but for OSError."""
    return _digest(_apart(state), _described(card))


def card(storage: Storage, digest: str) -> Card:
    """Read a network's card.

    Parameters
    ----------
    storage : Storage
        Where networks of one's own lie.
    digest : str
        From `save`.

    Raises
    ------
    FeaturiserUnavailable
        There is no such network, or its file is none of `save`'s.
    OSError
        From reading.
    """
    return card_of(local(storage, digest))


def listing(storage: Storage) -> dict[str, Card]:
    """Read the cards of all networks, by digest; of an object store each is fetched whole.

    Parameters
    ----------
    storage : Storage
        Where networks of one's own lie.

    Raises
    ------
    FeaturiserUnavailable
        A file is none of `save`'s.
    OSError
        From looking.
    """
    digests = (each.removesuffix(".safetensors") for each in storage.names() if each.endswith(".safetensors"))
    return {digest: card(storage, digest) for digest in digests if DIGEST.fullmatch(digest)}


def remove(storage: Storage, digest: str) -> None:
    """Delete a network; a missing one is fine. Raises ValueError and OSError as `Storage.delete`."""
    storage.delete(name(digest))


def _described(card: Card) -> Card:
    """Fill in the dimension and the words of the preprocessing: as the featuriser of this architecture has them."""
    if card.architecture == ONNX:
        words = str(preprocessing_of(card.preprocessing or {}))
        return replace(card, applied=words)
    if card.architecture.startswith(BUILDER):
        featuriser: Any = builders.BuiltNetwork(card)
    elif card.architecture == CLIP:
        featuriser = clip.ClipNetwork.described(card)
    else:
        featuriser = registry.make(card.architecture)
    return replace(card, dimension=featuriser.dimension, applied=featuriser.preprocessing)


def _apart(state: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Copy tensors apart from each other: safetensors refuses those that share memory, as tied weights do."""
    return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in sorted(state.items())}


def _digest(tensors: "Mapping[str, torch.Tensor]", card: Card) -> str:
    import torch

    computed = {"architecture": card.architecture, "arguments": card.arguments, "applied": card.applied}
    sha256 = hashlib.sha256(json.dumps(computed, sort_keys=True).encode())
    for key, tensor in tensors.items():
        sha256.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha256.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha256.hexdigest()[:16]
