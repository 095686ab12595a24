"""Image files the tests make themselves, plain and nasty."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A picture no turn or mirroring maps to itself: smooth, so that JPEG keeps it."""
    y, x = np.mgrid[0:64, 0:96].astype(np.float64)
    blob = 255 * np.exp(-(((x - 19) / 16) ** 2) - ((y - 16) / 11) ** 2)
    small = Image.fromarray(np.stack([255 * x / 96, 255 * y / 64, blob], axis=2).astype(np.uint8))
    return small if (width, height) == small.size else small.resize((width, height))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def png(path: Path, width: int, height: int, *, bits: int, color: int, row: bytes, rows: int | None = None) -> Path:
    """Write a PNG of equal rows, far larger than Pillow would like; ``rows`` below ``height`` cuts its data short."""
    compress = zlib.compressobj(1)
    data = b"".join(compress.compress(b"\0" + row) for _ in range(height if rows is None else rows)) + compress.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
            checksum = zlib.crc32(name + content)
            file.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum))
    return path


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """A chunk of a PNG, with a wrong checksum where one is given."""
    right = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", right)


def with_chunks(image: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    return image[:33] + b"".join(chunks) + image[33:]


SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
SPACES = {  # where red, green and blue lie (XYZ, D50), and the exponent of the curve
    "Adobe RGB": (((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.19921875),
    "Display P3": (((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)), 2.2),
    "ProPhoto": (((0.7977, 0.288, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)), 1.8),
}


def profile(primaries: tuple[tuple[float, float, float], ...] | None, gamma: float) -> bytes:
    """A colour profile, as small as one can be; without primaries one for greys."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)}
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(79)
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for name, place in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags[name + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*place)
            tags[name + b"TRC"] = curve
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", offset + len(data), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def stored_as(colour: tuple[int, int, int], space: str) -> tuple[int, ...]:
    """The numbers that stand for an sRGB colour in another space."""
    primaries, gamma = SPACES[space]
    part = np.array(colour) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    other = np.linalg.solve(np.array(primaries).T, np.array(SRGB).T @ linear)
    return tuple(int(value) for value in np.rint(255 * np.clip(other, 0, 1) ** (1 / gamma)))
