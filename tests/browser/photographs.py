"""Two thousand camera-trap photographs, drawn, and five thousand names: the same ones every time.

A dozen cameras, each before its own scenery, took bursts of one to five frames. What is in front of the camera is what
a photograph *looks* like; its true class is another one for 5 % of each look, so that a class predicted from looks is
about 95 % pure. Folders are named after the cameras and say nothing of the class.

    python -m tests.browser.photographs FOLDER      writes photographs/, truth.csv and names.csv there
"""

import csv
import datetime
import itertools
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from tests.browser.drawing import SCENERIES, draw
from tests.browser.names import names

PHOTOGRAPHS = 2000
ODD_SHARE = 0.05
SEED = 2024
BLANK = "empty"
# (class, share): some are common, some are not.
LOOKS = (
    (BLANK, 0.22),
    ("zebra", 0.16),
    ("fox", 0.14),
    ("elephant", 0.12),
    ("flamingo", 0.11),
    ("tortoise", 0.09),
    ("leopard", 0.08),
    ("vehicle", 0.05),
    ("person", 0.03),
)
CLASSES = tuple(name for name, _ in LOOKS)


@dataclass(frozen=True)
class Photograph:
    """One frame: where it goes, when it was taken, what it looks like, and what it is said to be."""

    path: str
    taken_at: datetime.datetime
    looks: str
    answer: str
    camera: int
    seed: int
    step: float


def plan(count: int = PHOTOGRAPHS) -> list[Photograph]:
    """The photographs to draw, in the order of their paths."""
    rng = np.random.default_rng(SEED)
    frames = list(itertools.islice(_frames(rng), count))
    photographs = []
    answers = _answers([looks for _, _, looks, _, _ in frames], rng)
    numbers = [0] * len(SCENERIES)
    for (camera, taken_at, looks, seed, step), answer in zip(frames, answers, strict=True):
        numbers[camera] += 1
        path = f"{SCENERIES[camera][0]}/IMG_{numbers[camera]:04}.jpg"
        photographs.append(Photograph(path, taken_at, looks, answer, camera, seed, step))
    return sorted(photographs, key=lambda photograph: photograph.path)


def _frames(rng: np.random.Generator) -> Iterator[tuple[int, datetime.datetime, str, int, float]]:
    """Bursts, one after another: camera, time, look, seed of the event, how far into it."""
    clocks = [datetime.datetime(2024, 3, 1 + camera, 5) for camera in range(len(SCENERIES))]
    shares = np.array([share for _, share in LOOKS])
    while True:
        camera = int(rng.integers(len(SCENERIES)))
        looks = CLASSES[rng.choice(len(CLASSES), p=shares / shares.sum())]
        clocks[camera] += datetime.timedelta(minutes=int(rng.integers(10, 200)))
        seed, length = int(rng.integers(2**31)), int(rng.integers(1, 6))
        for frame in range(length):
            clocks[camera] += datetime.timedelta(seconds=int(rng.integers(1, 5)))
            yield camera, clocks[camera], looks, seed, frame / 5


def _answers(looks: list[str], rng: np.random.Generator) -> list[str]:
    """What each is said to be: its look, but for a share of every look another class."""
    answers = list(looks)
    for name in CLASSES:
        mine = [at for at, look in enumerate(looks) if look == name]
        others = [other for other in CLASSES if other != name]
        for at in rng.permutation(mine)[: round(ODD_SHARE * len(mine))]:
            answers[at] = others[rng.integers(len(others))]
    return answers


def write(folder: Path, count: int = PHOTOGRAPHS) -> Path:
    """Draw the photographs below `folder`; returns where they lie. Beside them truth.csv and names.csv."""
    photographs = plan(count)
    root = folder / "photographs"
    for name, *_ in SCENERIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(2) as threads:
        for _ in threads.map(lambda photograph: (root / photograph.path).write_bytes(jpeg(photograph)), photographs):
            pass
    with (folder / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "class", "looks"])
        writer.writerows((each.path, each.answer, each.looks) for each in photographs)
    write_names(folder / "names.csv")
    return root


def jpeg(photograph: Photograph) -> bytes:
    """The frame as a camera would have stored it."""
    pixels = np.ascontiguousarray(draw(photograph.camera, photograph.looks, photograph.seed, photograph.step))
    encoded = simplejpeg.encode_jpeg(pixels, quality=82, colorspace="RGB", fastdct=True)
    return encoded[:2] + _exif(photograph.taken_at) + encoded[2:]


def _exif(taken_at: datetime.datetime) -> bytes:
    """An APP1 segment with DateTimeOriginal and nothing else."""
    stamp = taken_at.strftime("%Y:%m:%d %H:%M:%S").encode() + b"\0"
    header = b"MM\0*" + struct.pack(">I", 8)
    first = struct.pack(">HHHIII", 1, 0x8769, 4, 1, 26, 0)  # one entry: where the EXIF directory is
    second = struct.pack(">HHHIII", 1, 0x9003, 2, len(stamp), 44, 0)
    body = b"Exif\0\0" + header + first + second + stamp
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def write_names(file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, ["common", "scientific", "local", "code", "parent"])
        writer.writeheader()
        writer.writerows(names())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
