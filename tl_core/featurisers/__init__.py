"""Pretrained backbones that turn an image into an embedding, by name.

``get("efficientnet-lite0")``, ``get("resnet50,cut=2")``, ``get("timm/convnext_nano,weights=/data/own.safetensors")``.
A project's own is a subclass of `Featuriser` given to `register`: see docs/featurisers.md.
"""

from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable, as_image
from tl_core.featurisers.catalogue import Entry, catalogue
from tl_core.featurisers.efficientnet_lite import EfficientNetLite
from tl_core.featurisers.networks import TimmNetwork
from tl_core.featurisers.registry import DEFAULT, get, make, names, register

_OWN_DATA = ("cut", "output", "views", "weights")
register(
    "efficientnet-lite0", lambda **options: EfficientNetLite("lite0", image_size=224, **options), options=_OWN_DATA
)
register(
    "efficientnet-lite2", lambda **options: EfficientNetLite("lite2", image_size=260, **options), options=_OWN_DATA
)
register(
    "dinov2-small",
    lambda **options: TimmNetwork("vit_small_patch14_dinov2.lvd142m", **options),
    options=("cut", "output", "size", "views", "weights"),
)
register(
    "dinov2-base",
    lambda **options: TimmNetwork("vit_base_patch14_dinov2.lvd142m", **options),
    options=("cut", "output", "size", "views", "weights"),
)

__all__ = [
    "DEFAULT",
    "EfficientNetLite",
    "Entry",
    "Featuriser",
    "FeaturiserUnavailable",
    "as_image",
    "catalogue",
    "get",
    "make",
    "names",
    "register",
]
