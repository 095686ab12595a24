"""Says what is in pictures, with classifier.onnx beside this file: python predict.py PICTURE... > predictions.csv

Needs onnxruntime, numpy and Pillow; for networks of the kind "cut" opencv-python-headless, too.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def cut(picture: Image.Image, side: int) -> Any:
    """Half of what makes the picture longer than wide is cut off, the rest is squashed to a square."""
    import cv2

    pixels, square = np.asarray(picture), (picture.width * picture.height) ** 0.5
    left, top = (max(0, round((length - square) / 2)) for length in picture.size)
    kept = np.ascontiguousarray(pixels[top : picture.height - top, left : picture.width - left])
    smaller = kept.shape[0] * kept.shape[1] > side**2
    return cv2.resize(kept, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def resize(picture: Image.Image, resize: int, crop: int, interpolation: str, squash: bool, longest: int) -> Any:
    """The short side, or both, is brought to a size; a square is cut from the middle."""
    width, height = resize, resize
    if not squash:
        kept = [min(length, longest * min(picture.size)) for length in picture.size]  # very long ones lose their ends
        left, top = ((length - most) // 2 for length, most in zip(picture.size, kept, strict=True))
        picture = picture.crop((left, top, left + kept[0], top + kept[1]))
        width, height = (int(resize * length / min(kept)) for length in kept)
    picture = picture.resize((width, height), Image.Resampling[interpolation.upper()])
    left, top = (round((length - crop) / 2) for length in picture.size)
    return np.asarray(picture.crop((left, top, left + crop, top + crop)))


def main(paths: list[str]) -> None:
    session = onnxruntime.InferenceSession(Path(__file__).with_name("classifier.onnx"))
    about = session.get_modelmeta().custom_metadata_map
    names, recipe, several = (json.loads(about[key]) for key in ("class_names", "preprocessing", "several"))
    prepare: Any = {"cut": cut, "resize": resize}[recipe.pop("how")]
    table = csv.writer(sys.stdout)
    table.writerow(["path", "predicted", "probability", *names])
    for path in paths:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        (shares,) = session.run(None, {"image": prepare(picture, **recipe)[None]})[0]
        best = int(shares.argmax())
        found = [at for at, share in enumerate(shares) if share >= 0.5 or at == best] if several else [best]
        predicted = "|".join(names[at] for at in found)
        table.writerow([path, predicted, f"{shares[found].min():.4f}", *(f"{share:.4f}" for share in shares)])


if __name__ == "__main__":
    main(sys.argv[1:])
