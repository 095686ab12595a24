"""tl_core.images and what is odd about files: deep pixels, colour profiles, notes beside the pixels, many pages."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tests.tl_core.pictures import SPACES, chunk, encoded, profile, scene, stored_as, with_chunks
from tl_core import images
from tl_core.images import ImageRefused
from tl_core.notices import Code, notice

RED, GREEN = (200, 60, 40), (60, 160, 60)


def ramp(low: float, high: float, kind: str) -> np.ndarray:
    """Dark to bright from left to right, and a square of the brightest at the top left."""
    values = np.tile(np.linspace(low, high, 160), (120, 1))
    values[5:25, 5:25] = high
    return values.astype(kind)


def tiff(values: np.ndarray, **tags: object) -> bytes:
    return encoded(Image.fromarray(values), "TIFF", tiffinfo={int(tag[1:]): value for tag, value in tags.items()})


def cv(values: np.ndarray, kind: str) -> bytes:
    return cv2.imencode(kind, values)[1].tobytes()


def big_endian(values: np.ndarray) -> bytes:
    """A TIFF of 16-bit greys as Macintoshes wrote it."""
    height, width = values.shape
    entries = ((256, 3, width), (257, 3, height), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1))
    entries = (*entries, (278, 3, height), (279, 4, values.size * 2))
    directory = struct.pack(">H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack(">HHI", tag, kind, 1) + (
            struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value)
        )
    return b"MM\0*" + struct.pack(">I", 8 + values.size * 2) + values.astype(">u2").tobytes() + directory + bytes(4)


def dead_pixels(values: np.ndarray, value: float) -> np.ndarray:
    values[::60, 7] = value
    return values


def colours(high: int) -> np.ndarray:
    return np.dstack([ramp(0, high, "uint16")] * 3)


DEEP = {
    "12 bits, png": encoded(Image.fromarray(ramp(0, 4095, "uint16")), "PNG"),
    "12 bits, tiff": tiff(ramp(0, 4095, "uint16")),
    "12 bits, big endian": big_endian(ramp(0, 4095, "uint16")),
    "14 bits of which few are used": tiff(ramp(1800, 5200, "uint16")),
    "hundredths of a kelvin": tiff(ramp(29000, 31500, "uint16")),
    "hundredths of a kelvin, with dead pixels": tiff(dead_pixels(ramp(29000, 31500, "uint16"), 65535)),
    "kelvin with nothing as 0": tiff(np.vstack([ramp(29000, 36500, "uint16"), np.zeros((9, 160), np.uint16)])),
    "32 bits": tiff(ramp(0, 4095, "int32")),
    "32 bits of many": tiff(ramp(0, 9_000_000, "int32")),
    "16 bits with a sign": cv(ramp(-1000, 3000, "int16"), ".tif"),
    "degrees": tiff(ramp(-12.5, 38, "float32")),
    "degrees, 64 bits": cv(ramp(-12.5, 38, "float64"), ".tif"),
    "degrees and none": tiff(dead_pixels(ramp(-12.5, 38, "float32"), np.nan)),
    "degrees and declared none": tiff(
        np.vstack([ramp(-12.5, 38, "float32"), np.full((9, 160), -9999, np.float32)]), _42113="-9999"
    ),
    "small floats": tiff(ramp(0, 0.02, "float32")),
    "declared": tiff(ramp(0, 900, "uint16"), _280=0, _281=1023),
    "declared in a png": with_chunks(encoded(Image.fromarray(ramp(0, 4000, "uint16")), "PNG"), chunk(b"sBIT", b"\x0c")),
    "12 bits a colour, png": cv(colours(4095), ".png"),
    "12 bits a colour, tiff": cv(colours(4095), ".tif"),
    "12 bits a colour and alpha": cv(np.dstack([colours(4095), np.full((120, 160), 65535, np.uint16)]), ".png"),
}


@pytest.mark.parametrize("name", DEEP)
def test_pixels_that_use_few_of_their_bits_are_seen_by_people_and_networks_alike(name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_bytes(DEEP[name])
    found = images.examine(path)
    shades = np.asarray(found.image)[:120]
    assert (shades[..., 0] == shades[..., 2]).all()
    assert shades[10:20, 10:20].min() >= 220  # the square
    row = shades[100, ::8, 1].astype(int)
    assert row[0] <= 16 and (np.diff(row) > 0).all()
    np.testing.assert_array_equal(images.load(path, min_side=200)[:120], shades)
    (note,) = found.notes
    assert note.code == "stretched" and note.parameters["low"] < note.parameters["high"]


def test_a_box_and_a_smaller_copy_are_stretched_by_the_whole_file(tmp_path: Path) -> None:
    values = np.kron(ramp(0, 4095, "uint16"), np.ones((10, 10), np.uint16))
    content = encoded(Image.fromarray(values), "PNG")
    small = images.load(content, min_side=120)
    assert small.shape[:2] == (240, 320) and abs(int(small[200, 160, 0]) - 128) <= 2
    dark = images.load(content, min_side=120, box=(0.0, 0.5, 0.25, 0.25), margin=0.0)
    assert dark.min() <= 2 and abs(int(dark.max()) - 64) <= 3  # and not stretched to white by itself


def test_a_file_that_uses_its_bits_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "full.png"
    for content in (
        encoded(Image.fromarray(ramp(300, 50_000, "uint16")), "PNG"),
        tiff(ramp(0, 0.9, "float32")),
        cv(colours(60_000), ".png"),
    ):
        path.write_bytes(content)
        found = images.examine(path)
        assert found.notes == []
        assert 190 <= np.asarray(found.image).max() <= 235


def test_white_is_zero_where_the_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "xray.tif"
    path.write_bytes(tiff(ramp(0, 65535, "uint16"), _262=0))
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack("<HHI", 262, 3, 1))
    struct.pack_into("<H", content, at + 8, 0)
    path.write_bytes(content)
    shades = np.asarray(images.examine(path).image)[..., 0]
    assert shades[15, 15] == 0 and shades[100, 1] > 250


# --- colours --------------------------------------------------------------------------------------


def halves(left: tuple[int, ...], right: tuple[int, ...]) -> Image.Image:
    image = Image.new("RGB", (64, 48), left)
    image.paste(right, (32, 0, 64, 48))
    return image


def apart(colours: np.ndarray) -> bytes:
    """A TIFF file of 16 bits that keeps each colour in a plane of its own."""
    height, width, samples = colours.shape
    planes = [np.ascontiguousarray(colours[..., number], "<u2").tobytes() for number in range(samples)]
    values = {
        256: (4, (width,)), 257: (4, (height,)), 258: (3, (16,) * samples), 259: (3, (1,)), 262: (3, (2,)),
        273: (4, tuple(8 + len(planes[0]) * number for number in range(samples))), 277: (3, (samples,)),
        278: (4, (height,)), 279: (4, (len(planes[0]),) * samples), 284: (3, (2,)),
    }  # fmt: skip
    at = 8 + sum(map(len, planes))
    behind, table, after = at + 2 + 12 * len(values) + 4, struct.pack("<H", len(values)), b""
    for tag, (kind, numbers) in values.items():
        data = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'L'}", *numbers)
        place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<L", behind + len(after))
        after += data if len(data) > 4 else b""
        table += struct.pack("<HHL", tag, kind, len(numbers)) + place
    return struct.pack("<2sHL", b"II", 42, at) + b"".join(planes) + table + b"\0" * 4 + after


@pytest.mark.parametrize("head", [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"])
def test_tags_that_claim_more_than_the_file_holds_are_no_reason_to_call_it_large(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stub.nef"
    path.write_bytes(head + b"x" * 200)
    with pytest.raises(images.ImageRefused) as raised:
        images.examine(path)
    assert raised.value.reason == "truncated"


@pytest.mark.parametrize("white", [65535, 4095])
def test_colours_in_planes_of_their_own_are_put_together(white: int, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((48, 1, 1))
    path = tmp_path / "planes.tif"
    path.write_bytes(apart((ramp * [1, 0.5, 0.2] * white).astype(np.uint16)))
    for pixels in (np.asarray(images.examine(path).image), images.load(path, min_side=48)):
        assert np.abs(pixels[24, 63].astype(int) - (255, 127, 51)).max() <= 1


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_colours_are_those_of_the_profile(kind: str, space: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 95, "subsampling": 0}}.get(kind, {"quality": 95})
    stored = halves(stored_as(RED, space), stored_as(GREEN, space))
    stored.save(path, format=kind, icc_profile=profile(*SPACES[space]), **options)
    for pixels in (np.asarray(images.examine(path).image, int), images.load(path, min_side=24).astype(int)):
        middle = pixels.shape[0] // 2
        assert np.abs(pixels[middle, 4] - RED).max() <= 8, pixels[middle, 4]
        assert np.abs(pixels[middle, -5] - GREEN).max() <= 8, pixels[middle, -5]


@pytest.mark.parametrize("content", [b"", b"x" * 500, profile(*SPACES["ProPhoto"])[:150], profile(None, 1.0)])
def test_a_profile_that_is_broken_or_for_other_colours_is_ignored(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    halves(RED, GREEN).save(path, icc_profile=content)
    assert images.examine(path).image.getpixel((3, 3)) == RED


def test_the_profile_of_srgb_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    scene().save(path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    np.testing.assert_array_equal(images.load(path, min_side=64), np.asarray(scene()))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_greys_are_those_of_the_profile(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "grey"
    Image.new("L", (40, 30), 55).save(path, format=kind, icc_profile=profile(None, 1.0))
    # 55/255 of the light is 128 in sRGB.
    for pixels in (np.asarray(images.examine(path).image), images.load(path, min_side=16)):
        assert np.abs(pixels.astype(int) - 128).max() <= 3


# --- notes beside the pixels ----------------------------------------------------------------------

XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6" xmp:CreateDate="2023-06-01T10:00:05.250+02:00"/></x:xmpmeta>'


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_an_orientation_in_xmp_counts_as_little_as_in_browsers(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    options: dict[str, object] = {"xmp": XMP}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": text}
    elif kind == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    scene().save(path, format=kind, **options)
    found = images.examine(path)
    assert (found.width, found.height) == found.image.size == (96, 64)
    assert images.load(path, min_side=64).shape == (64, 96, 3)
    assert found.taken_at is not None and found.taken_at.isoformat() == "2023-06-01T10:00:05.250000"


BAD = 12345
PNG = encoded(scene(), "PNG")
ODD_PNGS = {
    "a large text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 9_000_000)),
    "a large international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 9_000_000)),
    "much text": b"".join([chunk(b"tEXt", b"Comment\0" + b"x" * 1_000_000)] * 70),
    "text with a bad checksum": chunk(b"tEXt", b"Comment\0hello", BAD),
    "time with a bad checksum": chunk(b"tIME", bytes(7), BAD),
    "a strange packing": chunk(b"zTXt", b"Comment\0\7abc"),
    "a profile with a bad checksum": chunk(b"iCCP", b"x\0\0" + zlib.compress(profile(*SPACES["ProPhoto"])), BAD),
    "a large profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(b"x" * 9_000_000)),
    "a profile in a strange packing": chunk(b"iCCP", b"x\0\7abc"),
    "broken EXIF": chunk(b"eXIf", b"MM\0*\0\0\xff\xff"),
    "short notes": chunk(b"gAMA", b"") + chunk(b"cHRM", b"a") + chunk(b"pHYs", b"a") + chunk(b"sRGB", b""),
    "a short transparency": chunk(b"tRNS", b"a"),
    "an animation of nothing": chunk(b"acTL", b"") + chunk(b"fcTL", b"a"),
}


@pytest.mark.parametrize("name", ODD_PNGS)
def test_pixels_decide_whatever_stands_beside_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(with_chunks(PNG, ODD_PNGS[name]))
    for pixels in (np.asarray(images.examine(path).image), images.load(path, min_side=64)):
        np.testing.assert_array_equal(pixels, np.asarray(scene()))


def test_a_bad_checksum_of_the_size_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG[:29] + b"\0\0\0\0" + PNG[33:])
    with pytest.raises(ImageRefused, match="PNG"):
        images.examine(path)


def test_more_notes_than_picture_are_passed_over(tmp_path: Path) -> None:
    jpeg, gif = encoded(scene(), "JPEG"), encoded(scene(), "GIF")
    path = tmp_path / "photo"
    segment = b"\xff\xe1\xff\xffExif\0\0" + b"x" * 65527
    path.write_bytes(jpeg[:2] + segment * 100 + jpeg[2:])
    assert images.examine(path).image.size == (96, 64)
    palette_end = 13 + (3 << (gif[10] & 7) + 1)
    path.write_bytes(gif[:palette_end] + b"!\xfe" + (b"\xff" + b"x" * 255) * 20_000 + b"\0" + gif[palette_end:])
    assert images.examine(path).image.size == (96, 64)


# --- pages ----------------------------------------------------------------------------------------


def test_pages_are_told_and_thumbnails_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    page, small = scene(), scene(48, 32)
    page.save(path, save_all=True, append_images=[page] * 4)
    assert images.examine(path).notes == [notice(Code.PAGES, n=5)]
    for order in ((page, small), (small, page)):  # some write the thumbnail first
        frames = [encoded(image, "TIFF", tiffinfo={254: int(image is small)}) for image in order]
        path.write_bytes(joined(*frames))
        found = images.examine(path)
        assert (found.frames, found.notes, found.width) == (1, [], 96)
        np.testing.assert_array_equal(images.load(path, min_side=64), np.asarray(page))


def joined(first: bytes, second: bytes) -> bytes:
    """Two TIFFs as the pages of one: the directory of the second, its offsets moved, behind the first."""
    moved = bytearray(second)
    (start,) = struct.unpack_from("<I", second, 4)
    (count,) = struct.unpack_from("<H", second, start)
    shift = len(first)
    sizes = {2: 1, 3: 2, 4: 4, 5: 8}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from("<HHII", second, place)
        if sizes[kind] * number > 4 or tag == 273:
            struct.pack_into("<I", moved, place + 8, value + shift)
    whole = bytearray(first + moved)
    (start_first,) = struct.unpack_from("<I", first, 4)
    (count_first,) = struct.unpack_from("<H", first, start_first)
    struct.pack_into("<I", whole, start_first + 2 + 12 * count_first, start + shift)
    return bytes(whole)


def test_pages_without_end_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    content = bytearray(encoded(Image.new("L", (9, 9)), "TIFF"))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * count, len(content))
    for _ in range(20_000):
        content += struct.pack("<HHHIII", 1, 256, 4, 1, 9, len(content) + 18)
    path.write_bytes(content)
    assert images.examine(path).frames == 10_000
