"""Pretrained backbones that turn an image into an embedding, by name.

A new one (torchvision, timm, an own checkpoint) is a subclass of `Featuriser` given to `register`.
"""

from tl_core.featurisers.base import DEFAULT, Featuriser, FeaturiserUnavailable, get, names, register
from tl_core.featurisers.efficientnet_lite import EfficientNetLite

register("efficientnet-lite0", lambda: EfficientNetLite("lite0", image_size=224))
register("efficientnet-lite2", lambda: EfficientNetLite("lite2", image_size=260))

__all__ = ["DEFAULT", "EfficientNetLite", "Featuriser", "FeaturiserUnavailable", "get", "names", "register"]
