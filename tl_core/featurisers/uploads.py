"""Look at a file that somebody calls a network, and say what doesn't fit before it is kept. Imports torch."""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.featurisers import builders, cards, checkpoints, clip, graphs, registry
from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable
from tl_core.featurisers.cards import Card
from tl_core.featurisers.networks import Network
from tl_core.featurisers.spec import parse

if TYPE_CHECKING:
    import torch

SAFETENSORS, PICKLE, ZIP, OTHER = "safetensors", "pickle", "zip", "other"
_INFLATED = 3  # times the size of a file that its content may have: weights hardly compress
_FREE = 50_000_000  # bytes


def kind(path: Path) -> str:
    """Tell by its first bytes what a file is: ``safetensors``, ``zip`` or ``pickle`` (both torch's), or ``other``."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        return ZIP
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return PICKLE
    return SAFETENSORS if checkpoints.is_safetensors(path) else OTHER


def examined(
    path: Path, card: Card, details: Mapping[str, Any] | None = None
) -> tuple[dict[str, "torch.Tensor"], Card]:
    """Read a file without running any of it, try the network, and say what it is.

    Parameters
    ----------
    path : Path
        A checkpoint (safetensors, or what `torch.save` wrote of a state), or an ONNX file. Its name does not matter.
    card : Card
        With the architecture that the person named: a spec, ``clip``, or, for ONNX, empty or ``onnx``.
    details : mapping or None
        For ONNX, fields of `tl_core.featurisers.preprocessing.Preprocessing`; for ``clip``, the description.

    Returns
    -------
    state : dict of str to torch.Tensor
        For `tl_core.featurisers.own.save`.
    card : Card
        The same, completed.

    Raises
    ------
    FeaturiserUnavailable
        What doesn't fit: tensors by name, the size of pictures, numbers that are not finite, code in the file.
    """
    what = kind(path)
    is_graph = card.architecture in ("", cards.ONNX)
    if what == OTHER and is_graph:
        state, described = graphs.imported(path.read_bytes(), details)
        return state, replace(card, architecture=cards.ONNX, **described)
    if what == OTHER:
        raise FeaturiserUnavailable(
            "This is no checkpoint: neither safetensors nor a file that torch.save wrote. For an ONNX file leave the "
            "architecture empty."
        )
    if is_graph:
        raise FeaturiserUnavailable(
            "These are weights without a network: say which network they are of, such as resnet50 or "
            "timm/convnext_nano."
        )
    card = replace(card, arguments=dict(details)) if card.architecture == cards.CLIP and details else card
    if what == ZIP:
        _check_archive(path)
    featuriser = _featuriser(card, path)
    network = featuriser.filled()
    _try(featuriser)
    # The network's own state, not the file's: in today's layout, without what wrapped it and without a classifier.
    return network.state_dict(), card


def _featuriser(card: Card, weights: Path) -> Network | clip.ClipNetwork:
    """The featuriser of the architecture with these weights. Raises FeaturiserUnavailable where there is none."""
    if card.architecture == cards.CLIP:
        return clip.ClipNetwork.described(card, weights=weights)
    if card.architecture.startswith(cards.BUILDER):
        return builders.BuiltNetwork(card, weights=weights)
    try:
        _, options = parse(card.architecture)
        if {"weights", "precision"} & set(options):
            raise FeaturiserUnavailable(
                "The architecture is a network and how it is cut: its weights are in the file, and precision is chosen "
                "where it is used."
            )
        featuriser = registry.make(card.architecture)
    except (KeyError, ValueError) as error:
        raise FeaturiserUnavailable(str(error.args[0])) from error
    if not isinstance(featuriser, Network | clip.ClipNetwork):
        raise FeaturiserUnavailable(f"{card.architecture} takes no weights of one's own.")
    featuriser.own_weights = weights
    return featuriser


def _check_archive(path: Path) -> None:
    """Refuse what would fill the memory. Raises FeaturiserUnavailable."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
    except zipfile.BadZipFile as error:
        raise FeaturiserUnavailable(
            "The file is cut short or damaged: it ends before its table of contents."
        ) from error
    if any(each.filename.endswith("constants.pkl") for each in inside):
        raise FeaturiserUnavailable(
            "This is TorchScript, which is code. Load it where it was made and save its weights: "
            "torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE)."
        )
    if sum(each.file_size for each in inside) > _INFLATED * path.stat().st_size + _FREE:
        raise FeaturiserUnavailable("The file holds far more than its size: weights are not packed like that.")


def _try(featuriser: Featuriser) -> None:
    """Compute the embeddings of two pictures of noise. Raises FeaturiserUnavailable where they are none."""
    import torch

    side = featuriser.image_size
    batch = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    try:
        with torch.inference_mode():
            vectors = featuriser.module()(torch.from_numpy(batch))
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        told = re.sub(r"\s+", " ", str(error))[:300]
        raise FeaturiserUnavailable(f"With these weights it cannot be computed at {side} pixels: {told}") from error
    if tuple(vectors.shape) != (2, featuriser.dimension):
        raise FeaturiserUnavailable(
            f"It gives {tuple(vectors.shape)} for two pictures, where (2, {featuriser.dimension}) was expected."
        )
    if not bool(torch.isfinite(vectors).all()):
        raise FeaturiserUnavailable("With these weights it gives numbers that are not finite.")
    if bool((vectors[0] == vectors[1]).all()):
        raise FeaturiserUnavailable("With these weights it gives the same for all pictures.")
