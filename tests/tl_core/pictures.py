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
