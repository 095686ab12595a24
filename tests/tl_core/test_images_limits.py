"""tl_core.images and files that are small on disk and enormous once decoded."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tl_core.pictures import chunk, encoded, png, scene
from tests.tl_core.test_images import measured
from tl_core import images
from tl_core.images import ImageRefused
from tl_core.notices import Code

MEGABYTES = 512


def tiff(width: int, height: int, **tags: int) -> bytes:
    """The header of a packed TIFF, and next to nothing of its pixels."""
    data = zlib.compress(bytes(50_000))
    entries = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    entries |= {int(tag[1:]): value for tag, value in tags.items()}
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)


def webp(width: int, height: int) -> bytes:
    head = b"VP8X" + struct.pack("<II", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(head)) + b"WEBP" + head


def jpeg(width: int, height: int, marker: int, sampling: int) -> bytes:
    """The header of a JPEG in three colours."""
    colours = bytes([1, sampling, 0, 2, 0x11, 0, 3, 0x11, 0])
    frame = struct.pack(">BBHBHHB", 0xFF, marker, 17, 8, height, width, 3) + colours
    scan = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"
    return b"\xff\xd8" + frame + scan + bytes(100) + b"\xff\xd9"


def png_header(width: int, height: int, bits: int, color: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


BOMBS = {
    "float tiff": tiff(10_900, 11_000, _258=32, _339=3),
    "float tiff in one strip": tiff(8_000, 8_000, _258=32, _339=3),
    "integer tiff": tiff(10_900, 11_000, _258=32, _339=2),
    "tiff of doubles": tiff(10_000, 10_000, _258=64, _339=3),
    "tiff of one huge tile": tiff(64, 64, _322=60_000, _323=60_000, _324=8, _325=100),
    "turned tiff": tiff(9_000, 9_000, _262=2, _277=3, _274=6),
    "16-bit png": png_header(10_900, 11_000, 16, 6),
    "16-bit png in three colours": png_header(9_000, 9_000, 16, 2),
    "webp": webp(10_000, 10_000),
    "progressive jpeg": jpeg(10_900, 11_000, 0xC2, 0x11),
    "jpeg in several scans": jpeg(10_900, 11_000, 0xC1, 0x11).replace(b"\xff\xda\x00\x0c\x03", b"\xff\xda\x00\x08\x01"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_takes_too_much_memory_is_refused_by_its_header(name: str, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.Image._getdecoder", fail)
    monkeypatch.setattr("cv2.imdecode", fail)
    monkeypatch.setattr("simplejpeg.decode_jpeg", fail)
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name])
    for look in (lambda: images.examine(path), lambda: images.load(path, min_side=224)):
        with pytest.raises(ImageRefused) as refused:
            look()
        assert refused.value.reason == "too-large"
        assert refused.value.detail.code in (Code.TOO_MUCH_MEMORY, Code.TOO_MANY_PIXELS, Code.MORE_PIXELS)


def test_large_deep_pictures_come_in_within_bounds(tmp_path: Path) -> None:
    row = np.full((5500, 3), 4000, ">u2").tobytes()
    outcome, _, megabytes = measured(png(tmp_path / "deep.png", 5500, 5500, bits=16, color=2, row=row))
    assert outcome[:2] == [5500, 5500] and megabytes < MEGABYTES


def test_a_large_progressive_jpeg_comes_in_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (9000, 6000), (200, 90, 30)).save(path, progressive=True)
    outcome, _, megabytes = measured(path)
    assert outcome[:4] == [9000, 6000, 1280, 853] and megabytes < MEGABYTES


def test_scans_without_end_are_refused(tmp_path: Path) -> None:
    content = encoded(scene(640, 480), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    path = tmp_path / "scans.jpg"
    path.write_bytes(content[:-2] + content[last:-2] * 200 + b"\xff\xd9")
    with pytest.raises(ImageRefused, match="scans") as refused:
        images.examine(path)
    assert refused.value.reason == "too-large"


def test_a_tiff_cut_into_too_many_pieces_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pieces.tif"
    content = bytearray(tiff(640, 480))
    at = content.index(struct.pack("<HHI", 273, 4, 1))
    struct.pack_into("<I", content, at + 4, 50_000_000)
    path.write_bytes(content)
    with pytest.raises(ImageRefused) as refused:
        images.examine(path)
    assert refused.value.reason == "too-large"
