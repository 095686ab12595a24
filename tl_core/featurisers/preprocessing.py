"""The two ways pretrained networks want a picture: torchvision's and timm's evaluation transforms, on Pillow images.

Sources: ``torchvision.transforms._presets.ImageClassification``; ``timm.data.transforms_imagenet_eval``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.featurisers.base import Picture, as_image

# Longer pictures are cut to this aspect first: the crop takes the middle anyway, and a scanned strip one pixel
# high would be scaled to gigabytes.
LONGEST_ASPECT = 32


@dataclass(frozen=True)
class Preprocessing:
    """Resize, centre crop, and what the network normalises by.

    Attributes
    ----------
    resize : int
        Pixels: the short side after resizing, or both sides where ``squash``.
    crop : int
        Side of the square cut from the middle, pixels; at most ``resize``.
    interpolation : str
        ``"nearest"``, ``"bilinear"``, ``"bicubic"`` or ``"lanczos"``.
    mean, std : tuple of 3 floats
        Of each channel, as a share of 255.
    squash : bool
        Whether the aspect is given up rather than the edges.
    """

    resize: int
    crop: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    squash: bool = False

    def __str__(self) -> str:
        """Return words that change whenever the computation does."""
        how = "both sides" if self.squash else "short side"
        mean, std = ("/".join(map(str, values)) for values in (self.mean, self.std))
        return f"{how} to {self.resize} {self.interpolation}, centre crop {self.crop}, (x - {mean}) / {std}"

    @property
    def recipe(self) -> dict[str, Any]:
        """What `apply` does, as JSON can hold it. What the network normalises by is in its graph."""
        names = ("resize", "crop", "interpolation", "squash")
        return {"how": "resize", **{name: getattr(self, name) for name in names}, "longest": LONGEST_ASPECT}

    def apply(self, picture: Picture) -> NDArray[np.uint8]:
        """Resize and crop.

        Parameters
        ----------
        picture : PIL.Image.Image of mode RGB, or ndarray of uint8, shape (height, width, 3)
            Any size.

        Returns
        -------
        ndarray of uint8, shape (crop, crop, 3)
            0..255, what the transforms of the source hold before they make a tensor of it.
        """
        image = as_image(picture)
        if self.squash:
            width, height = self.resize, self.resize
        else:
            image = _shortened(image)
            width, height = image.size
            # The long side rounds down, as in torchvision.
            long = int(self.resize * max(width, height) / min(width, height))
            width, height = (self.resize, long) if width <= height else (long, self.resize)
        resized = image.resize((width, height), Image.Resampling[self.interpolation.upper()])
        left, top = round((width - self.crop) / 2.0), round((height - self.crop) / 2.0)
        return np.asarray(resized.crop((left, top, left + self.crop, top + self.crop)), dtype=np.uint8)


def _shortened(image: Image.Image) -> Image.Image:
    """Cut what is beyond `LONGEST_ASPECT` off both ends."""
    width, height = image.size
    longest = LONGEST_ASPECT * min(width, height)
    if max(width, height) <= longest:
        return image
    kept_width, kept_height = min(width, longest), min(height, longest)
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return image.crop((left, top, left + kept_width, top + kept_height))
