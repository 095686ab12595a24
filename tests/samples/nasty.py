"""The files people really have in their folders, and what must become of each."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.factories import photograph, picture

# path: reason it is refused for
REFUSED = {
    "empty.jpg": "empty",
    "cut.jpg": "truncated",
    "text.jpg": "not-an-image",
    "drawing.svg": "unsupported-format",
    "drawing.jpg": "unsupported-format",
    "page.jpg": "not-an-image",
    "huge.png": "too-large",
    "notes.txt": "not-an-image",
    "z/twin.jpg": "duplicate",
    "dangling.jpg": "missing",
    "way-out": "link",
    "secret.jpg": "link",
}
# path: upright size of the sample it becomes
TAKEN = {
    "cmyk.jpg": (64, 48),
    "deep.png": (32, 24),
    "turned.jpg": (48, 64),
    "a/twin.jpg": (64, 48),
    "dot.png": (1, 1),
    "palette.png": (64, 48),
    "moving.gif": (64, 48),
    "photograph.png.jpg": (64, 48),
    "späte Füchse/狐 1.jpg": (64, 48),
}


def fill(folder: Path) -> None:
    """Write them all. Of the twins one is taken, the other is a duplicate, whichever comes first."""
    (folder / "empty.jpg").touch()
    whole = photograph(folder / "whole.jpg", 1, (400, 300)).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "whole.jpg").unlink()
    (folder / "text.jpg").write_text("This is no photograph.")
    (folder / "notes.txt").write_text("north ridge, battery changed")
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    (folder / "drawing.svg").write_text(svg)
    (folder / "drawing.jpg").write_text(svg)
    (folder / "page.jpg").write_text("<html><script>alert(1)</script></html>")
    (folder / "huge.png").write_bytes(_png_header(60_000, 60_000))
    for name in ("a/twin.jpg", "z/twin.jpg"):
        photograph(folder / name, 2)
    picture(3).convert("CMYK").save(folder / "cmyk.jpg")
    ramp = np.linspace(0, 65535, 32 * 24).reshape(24, 32).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph(folder / "turned.jpg", 4, exif=exif)
    photograph(folder / "dot.png", 5, (1, 1))
    picture(6).quantize(16).save(folder / "palette.png")
    photograph(folder / "moving.gif", 7, save_all=True, append_images=[picture(8), picture(9)])
    buffer = io.BytesIO()
    picture(10).save(buffer, format="PNG")
    (folder / "photograph.png.jpg").write_bytes(buffer.getvalue())
    photograph(folder / "späte Füchse/狐 1.jpg", 11)
    (folder / ".hidden").mkdir()
    photograph(folder / ".hidden/thumb.jpg", 12)
    (folder / ".DS_Store").write_bytes(b"\0\1")
    (folder / "way-out").symlink_to(folder.parent)
    (folder.parent / "secret.jpg").write_bytes(whole)
    (folder / "secret.jpg").symlink_to(folder.parent / "secret.jpg")
    (folder / "dangling.jpg").symlink_to(folder / "gone.jpg")


def _png_header(width: int, height: int) -> bytes:
    """A PNG that says it is enormous and has next to no data."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )
