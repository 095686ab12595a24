"""tl_core.images: what a file is by its content, and when its photograph was taken."""

import hashlib
import io
import pickle
import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tl_core.pictures import encoded, scene
from tl_core import images
from tl_core.images import ImageRefused, times
from tl_core.images.refusals import CameraRaw
from tl_core.notices import Code, notice


def boxes(major: bytes, *compatible: bytes) -> bytes:
    size = 16 + 4 * len(compatible)
    return struct.pack(">I", size) + b"ftyp" + major + bytes(4) + b"".join(compatible) + bytes(500)


RAW, VIDEO = "camera_raw", "video"
REASONS = {
    "cr2": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(500), RAW),
    "cr3": (boxes(b"crx ", b"crx ", b"isom"), RAW),
    "crw": (b"II\x1a\0\0\0HEAPCCDR" + bytes(500), RAW),
    "raf": (b"FUJIFILMCCD-RAW 0201FF393103X-T3" + bytes(500), RAW),
    "orf": (b"IIRO\x08\0\0\0" + bytes(500), RAW),
    "orf, older": (b"IIRS\x08\0\0\0" + bytes(500), RAW),
    "rw2": (b"IIU\0\x18\0\0\0" + bytes(500), RAW),
    "x3f": (b"FOVb" + bytes(500), RAW),
    "nef": (encoded(scene(), "TIFF", tiffinfo={254: 1, 330: 8}), RAW),
    "dng": (encoded(scene(), "TIFF", tiffinfo={50706: b"\x01\x04\x00\x00"}), RAW),
    "mp4": (boxes(b"isom", b"isom", b"mp41"), VIDEO),
    "mov": (boxes(b"qt  ", b"qt  "), VIDEO),
    "3gp": (boxes(b"3gp4"), VIDEO),
    "old mov": (struct.pack(">I", 500) + b"moov" + bytes(500), VIDEO),
    "avi": (b"RIFF\0\0\0\0AVI LIST" + bytes(500), VIDEO),
    "mkv": (b"\x1aE\xdf\xa3" + bytes(500), VIDEO),
    "m4a": (boxes(b"M4A "), "sound"),
    "psd": (b"8BPS\0\1" + bytes(500), "Photoshop"),
    "pdf": (b"%PDF-1.7\n" + bytes(500), "PDF"),
    "jpeg xl": (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(500), "JPEG XL"),
    "jpeg 2000": (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(500), "JPEG 2000"),
    "exr": (b"v/1\x01" + bytes(500), "OpenEXR"),
}


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_names_what_the_file_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.JPG"
    path.write_bytes(REASONS[name][0])
    with pytest.raises(ImageRefused, match=REASONS[name][1]) as refused:
        images.examine(path)
    assert refused.value.reason == "unsupported-format"


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("brand", ["own", "mif1"])
def test_photographs_in_boxes_are_read(kind: str, brand: str, tmp_path: Path) -> None:
    """Some cameras write the general brand first, and which codec it is among the compatible ones."""
    path = tmp_path / "IMG_0001.HEIC"
    exif = Image.Exif()
    exif[0x0132] = "2023:06:01 10:00:00"
    content = encoded(scene(960, 640), kind, exif=exif.tobytes(), quality=80)
    if brand == "mif1":
        own = content[8:12]
        size = int.from_bytes(content[:4], "big")
        content = content[:8] + b"mif1" + content[12:16] + content[16:size].replace(b"mif1", own, 1) + content[size:]
    path.write_bytes(content)
    found = images.examine(path)
    assert (found.format, found.width, found.height, found.frames) == (kind, 960, 640, 1)
    assert found.taken_at == datetime(2023, 6, 1, 10)
    assert images.load(path, min_side=64).shape[2] == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023:06:01 10:00:05", "2023-06-01T10:00:05"),
        ("2023-06-01 10:00:05", "2023-06-01T10:00:05"),
        ("2023/06/01 10:00:05", "2023-06-01T10:00:05"),
        ("2023:06:01T10:00:05", "2023-06-01T10:00:05"),
        ("2023-06-01T10:00:05Z", "2023-06-01T10:00:05"),
        ("2023-06-01T10:00:05.25+02:00", "2023-06-01T10:00:05.250000"),
        ("2023:06:01 10:00:05-0700", "2023-06-01T10:00:05"),
        ("2023:06:01 10:00:05,5", "2023-06-01T10:00:05.500000"),
        ("2023:6:1 9:00:05", "2023-06-01T09:00:05"),
        ("  2023:06:01 10:00:05 ", "2023-06-01T10:00:05"),
        ("2023:06:01 10:00", "2023-06-01T10:00:00"),
        ("2023:06:01 24:00:00", "2023-06-02T00:00:00"),  # the end of the day
        ("2023:06:01 24:08:19", "2023-06-01T00:08:19"),  # the first hour of a day, as phones wrote it
        ("2016:12:31 23:59:60", "2016-12-31T23:59:59"),
        ("20230601T100005", "2023-06-01T10:00:05"),
        ("20230601_100005", "2023-06-01T10:00:05"),
        ("2023:06:01 03:00:05 PM", "2023-06-01T15:00:05"),
        ("2023:06:01 12:00:05 a.m.", "2023-06-01T00:00:05"),
        ("2023\u5e746\u67081\u65e5 10:00:05", "2023-06-01T10:00:05"),
        ("Thu, 01 Jun 2023 10:00:05 +0000", "2023-06-01T10:00:05"),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2023:13:01 10:00:00", None),
        ("2023:06:01 25:00:00", None),
        ("9999:12:31 24:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_spellings_of_time(text: str, expected: str | None) -> None:
    found = times.parse(text)
    assert (found and found.isoformat()) == expected


ZERO = "0000:00:00 00:00:00"


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ({0x0132: "2023:06:01 10:00:00"}, {}, "2023-06-01T10:00:00"),
        ({0x0132: "2023:06:01 10:00:00"}, {0x9003: ZERO}, "2023-06-01T10:00:00"),
        ({0x0132: "2023:06:01 10:00:09"}, {0x9003: ZERO, 0x9004: "2023:06:01 10:00:00"}, "2023-06-01T10:00:00"),
        ({0x0132: "1999:01:01 10:00:00"}, {0x9003: "2023:06:01 10:00:00"}, "2023-06-01T10:00:00"),
        ({}, {0x9003: "2023:06:01 10:00:00", 0x9291: "25"}, "2023-06-01T10:00:00.250000"),
        ({}, {0x9003: "2023:06:01 10:00:00", 0x9291: "  "}, "2023-06-01T10:00:00"),
        ({}, {0x9004: "2023:06:01 10:00:00", 0x9291: "1", 0x9292: "007"}, "2023-06-01T10:00:00.007000"),
        ({0x9003: "2023:06:01 10:00:00"}, {}, "2023-06-01T10:00:00"),  # in the wrong directory
        ({0x0132: ZERO}, {0x9003: "\0" * 20}, None),
    ],
)
def test_the_first_tag_that_makes_sense_counts(
    outer: dict[int, str], inner: dict[int, str], expected: str | None, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(inner)
    for tag, text in outer.items():
        exif[tag] = text
    path = tmp_path / "photo.jpg"
    scene().save(path, exif=exif.tobytes())
    found = images.examine(path).taken_at
    assert (found and found.isoformat()) == expected


def test_a_time_by_satellites_is_better_than_none(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({29: "2023:06:01", 7: (8.0, 0.0, 5.5)})
    path = tmp_path / "photo.jpg"
    scene().save(path, exif=exif.tobytes())
    assert images.examine(path).taken_at == datetime(2023, 6, 1, 8, 0, 5, 500_000)
    exif.get_ifd(0x8769)[0x9003] = "2023:06:01 10:00:05"
    scene().save(path, exif=exif.tobytes())
    assert images.examine(path).taken_at == datetime(2023, 6, 1, 10, 0, 5)


def test_a_broken_directory_does_not_hide_the_time_in_another(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2023:06:01 10:00:00"
    exif[0x8769] = 60_000  # points behind the end
    path = tmp_path / "photo.jpg"
    scene().save(path, exif=b"Exif\0\0" + _tags(exif))
    assert images.examine(path).taken_at == datetime(2023, 6, 1, 10)


def _tags(exif: Image.Exif) -> bytes:
    """EXIF with what it says, however wrong."""
    text = str(exif[0x0132]).encode() + b"\0"
    entries = struct.pack("<HHII", 0x0132, 2, len(text), 38) + struct.pack("<HHII", 0x8769, 4, 1, exif[0x8769])
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4) + text


def dng(preview: bytes, orientation: int) -> bytes:
    """A raw file of a camera that turned: a little raw data, and a preview as raw files have."""
    raw = np.random.default_rng(0).integers(0, 4000, (192, 256)).astype("<u2").tobytes()
    out = bytearray(b"II*\0" + bytes(4) + preview + bytes(len(preview) % 2))
    start = len(out)
    out += raw

    def directory(entries: dict[int, tuple[int, bytes]]) -> int:
        at, sizes, more = len(out), {1: 1, 2: 1, 3: 2, 4: 4, 10: 8}, bytearray()
        out.extend(struct.pack("<H", len(entries)))
        behind = at + 2 + 12 * len(entries) + 4
        for tag, (kind, data) in sorted(entries.items()):
            value = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", behind + len(more))
            more += data + bytes(len(data) % 2) if len(data) > 4 else b""
            out.extend(struct.pack("<HHI", tag, kind, len(data) // sizes[kind]) + value)
        out.extend(bytes(4) + more)
        return at

    def short(*numbers: int) -> tuple[int, bytes]:
        return 3, struct.pack(f"<{len(numbers)}H", *numbers)

    def long(number: int) -> tuple[int, bytes]:
        return 4, struct.pack("<I", number)

    with Image.open(io.BytesIO(preview)) as image:
        width, height = image.size
    mosaic = {254: long(0), 256: long(256), 257: long(192), 258: short(16), 259: short(1), 262: short(32803)}
    mosaic |= {273: long(start), 277: short(1), 278: long(192), 279: long(len(raw)), 33421: short(2, 2)}
    inner = directory(mosaic | {33422: (1, bytes([0, 1, 1, 2]))})
    matrix = struct.pack("<18i", *(number for row in range(9) for number in (int(row % 4 == 0), 1)))
    first = {254: long(1), 256: long(width), 257: long(height), 258: short(8, 8, 8), 259: short(7), 262: short(6)}
    first |= {271: (2, b"Acme\0"), 272: (2, b"Cam\0"), 273: long(8), 274: short(orientation), 277: short(3)}
    first |= {278: long(height), 279: long(len(preview)), 330: long(inner), 306: (2, b"2023:06:01 10:00:00\0")}
    first |= {50706: (1, bytes([1, 4, 0, 0])), 50708: (2, b"Acme Cam\0"), 50721: (10, matrix)}
    struct.pack_into("<I", out, 4, directory(first))
    return bytes(out)


def test_of_a_raw_file_the_preview_is_taken_and_turned(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.dng"
    path.write_bytes(dng(encoded(scene(1200, 800), "JPEG"), orientation=6))
    found = images.examine(path)
    assert (found.width, found.height, found.notes) == (800, 1200, [notice(Code.PREVIEW)])
    assert found.taken_at == datetime(2023, 6, 1, 10)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    expected = scene(1200, 800).transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(found.image, int) - np.asarray(expected, int)).mean() < 6
    assert images.load(path.read_bytes(), min_side=100).shape[:2] == (150, 100)


def test_a_stamp_in_a_raw_file_is_not_its_photograph(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.dng"
    path.write_bytes(dng(encoded(scene(160, 120), "JPEG"), orientation=1))
    with pytest.raises(ImageRefused, match="camera_raw"):
        images.examine(path)


def test_the_refusal_of_a_raw_file_survives_pickling() -> None:
    refused = pickle.loads(pickle.dumps(CameraRaw()))
    assert (refused.reason, str(refused)) == ("unsupported-format", str(CameraRaw()))
