"""tl_core.images: every file either becomes the right pixels or is refused with the right reason."""

import errno
import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import fsspec
import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tl_core.pictures import encoded, png, scene
from tl_core import images
from tl_core.images import ImageRefused, turbo, turning
from tl_core.notices import Code, notice

pillow_heif.register_heif_opener()
COLOR = (200, 90, 30)
GREY = (128, 128, 128)
FORMATS = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"quality": 90},
    "TIFF": {},
    "BMP": {},
    "GIF": {},
    "AVIF": {"quality": 90, "speed": 10},
    "HEIF": {"quality": 90},
}


def loaded(source: Path | bytes, min_side: int, **options: object) -> Image.Image:
    """What `load` returns, as a picture."""
    pixels = images.load(source, min_side=min_side, **options)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    return Image.fromarray(np.ascontiguousarray(pixels))


def refusal(path: Path) -> str:
    """The one reason examine and load both give."""
    with pytest.raises(ImageRefused) as examined:
        images.examine(path)
    with pytest.raises(ImageRefused) as loaded:
        images.load(path, min_side=64)
    assert examined.value.reason == loaded.value.reason
    assert examined.value.detail.code in set(Code)
    return examined.value.reason


def flat(mode: str, color: object, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new(mode, size, color)


def palette_image() -> Image.Image:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([0, 0, 0, *COLOR])
    return image


def half_transparent_palette() -> bytes:
    image = palette_image()
    return encoded(image, "PNG", transparency=bytes([255, 0]))


def cmyk() -> Image.Image:
    return flat("CMYK", (*(255 - value for value in COLOR), 0))


def float_image(value: float, corner: float) -> Image.Image:
    array = np.full((30, 40), value, np.float32)
    array[0, 0], array[0, 1] = corner, 0
    return Image.fromarray(array)


def grey16() -> Image.Image:
    return Image.fromarray(np.full((30, 40), 32896, np.uint16))  # 128 * 257


COLOURED_FILES = {
    "rgb jpeg": (encoded(flat("RGB", COLOR), "JPEG", quality=95), COLOR),
    "grey jpeg": (encoded(flat("L", 128), "JPEG"), GREY),
    "cmyk jpeg (Adobe, inverted)": (encoded(cmyk(), "JPEG", quality=95), COLOR),
    "cmyk tiff": (encoded(cmyk(), "TIFF"), COLOR),
    "cmyk tiff, lzw": (encoded(cmyk(), "TIFF", compression="tiff_lzw"), COLOR),
    "16-bit grey png": (encoded(grey16(), "PNG"), GREY),
    "16-bit grey tiff": (encoded(grey16(), "TIFF"), GREY),
    "16-bit grey tiff, lzw": (encoded(grey16(), "TIFF", compression="tiff_lzw"), GREY),
    "32-bit grey tiff": (encoded(Image.fromarray(np.full((30, 40), 32896, np.int32)), "TIFF"), GREY),
    "8 bits in a 32-bit tiff": (encoded(Image.fromarray(np.full((30, 40), 128, np.int32)), "TIFF"), GREY),
    "float tiff 0..1": (encoded(float_image(128 / 255, 1), "TIFF"), GREY),
    "float tiff 0..255": (encoded(float_image(128, 255), "TIFF"), GREY),
    "float tiff with NaN": (encoded(float_image(128 / 255, np.nan), "TIFF"), GREY),
    "float tiff of nothing": (encoded(Image.fromarray(np.full((30, 40), np.nan, np.float32)), "TIFF"), (0, 0, 0)),
    "float tiff of one large value": (encoded(Image.fromarray(np.full((30, 40), 1e6, np.float32)), "TIFF"), (0, 0, 0)),
    "float tiff around 0": (encoded(float_image(2, -2), "TIFF"), (255, 255, 255)),
    "float tiff below 0": (encoded(float_image(0, 1), "TIFF"), (0, 0, 0)),
    "palette png": (encoded(palette_image(), "PNG"), COLOR),
    "palette gif": (encoded(palette_image(), "GIF"), COLOR),
    "palette png, transparent": (half_transparent_palette(), (255, 255, 255)),
    "rgba png, transparent": (encoded(flat("RGBA", (*COLOR, 0)), "PNG"), (255, 255, 255)),
    "rgba png, half transparent": (encoded(flat("RGBA", (0, 0, 0, 127)), "PNG"), GREY),
    "rgba png, opaque": (encoded(flat("RGBA", (*COLOR, 255)), "PNG"), COLOR),
    "rgb png with a transparent colour": (encoded(flat("RGB", COLOR), "PNG", transparency=COLOR), (255, 255, 255)),
    "la png": (encoded(flat("LA", (128, 255)), "PNG"), GREY),
    "la png, transparent": (encoded(flat("LA", (0, 0)), "PNG"), (255, 255, 255)),
    "1-bit png": (encoded(flat("1", 1), "PNG"), (255, 255, 255)),
    "1-bit tiff, group 4": (encoded(flat("1", 1), "TIFF", compression="group4"), (255, 255, 255)),
    "webp": (encoded(flat("RGB", COLOR), "WEBP", lossless=True), COLOR),
    "webp, transparent": (encoded(flat("RGBA", (*COLOR, 0)), "WEBP", lossless=True), (255, 255, 255)),
    "bmp": (encoded(flat("RGB", COLOR), "BMP"), COLOR),
    "lab tiff": (encoded(flat("LAB", (136, 128, 128)), "TIFF"), GREY),
}


@pytest.mark.parametrize("name", COLOURED_FILES)
def test_colours_are_right(name: str, tmp_path: Path) -> None:
    content, expected = COLOURED_FILES[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    for image in (images.examine(path).image, loaded(path, 16)):
        assert image.mode == "RGB"
        middle = np.asarray(image, dtype=int)[image.height // 2, image.width // 2]
        assert np.abs(middle - expected).max() <= 3, middle


def test_16_bit_rgb_png_is_scaled(tmp_path: Path) -> None:
    row = np.array([c * 257 for c in COLOR] * 40, dtype=">u2").tobytes()
    path = png(tmp_path / "deep.png", 40, 30, bits=16, color=2, row=row)
    assert images.examine(path).image.getpixel((20, 15)) == COLOR


def test_16_bit_grey_keeps_its_shades(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (20, 1))
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp).save(path)
    grey = np.asarray(images.examine(path).image)[10, :, 0].astype(int)
    assert np.abs(grey - np.arange(256)).max() <= 1


def test_large_images_are_converted_in_strips_without_seams(tmp_path: Path) -> None:
    large = scene(2400, 3000)
    large.putalpha(255)
    large.save(tmp_path / "large.png")
    small = images.examine(tmp_path / "large.png", max_side=256).image
    expected = scene(2400, 3000).resize(small.size, Image.Resampling.LANCZOS)
    assert small.size == (205, 256)
    assert np.abs(np.asarray(small, int) - np.asarray(expected, int)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_orientation_is_applied_once(kind: str, orientation: int, tmp_path: Path) -> None:
    upright = scene()
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    stored = upright if orientation == 1 else upright.transpose(turning.TRANSPOSE[undo])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned"
    stored = stored.copy()
    stored.info["exif"] = exif.tobytes()  # pillow-heif writes a turn into the boxes, where it counts, only from here
    stored.save(path, format=kind, **({} if kind == "HEIF" else {"exif": exif}), **FORMATS[kind])
    found = images.examine(path)
    assert (found.width, found.height) == found.image.size == upright.size
    for image in (found.image, loaded(path, 64)):
        assert np.abs(np.asarray(image, int) - np.asarray(upright, int)).mean() < 6


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_first_page_of_a_turned_tiff_is_turned_once(compression: str | None, tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    stored = scene().transpose(Image.Transpose.ROTATE_90)
    stored.save(path, save_all=True, append_images=[stored], tiffinfo={0x0112: 6}, compression=compression)
    found = images.examine(path)
    assert found.frames == 2 and (found.width, found.height) == (96, 64)
    for image in (found.image, loaded(path, 64)):
        np.testing.assert_array_equal(np.asarray(image), np.asarray(scene()))


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_turned_jpeg_keeps_original_size(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "camera.jpg"
    scene(3000, 2000).save(path, exif=exif)
    found = images.examine(path)
    assert (found.width, found.height) == ((3000, 2000) if orientation == 1 else (2000, 3000))
    assert found.image.size == ((1280, 853) if orientation == 1 else (853, 1280))


@pytest.mark.parametrize("kind", FORMATS)
def test_content_decides_and_not_the_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.txt"
    path.write_bytes(encoded(scene(), kind))
    found = images.examine(path)
    assert (found.format, found.frames, found.width, found.height) == (kind, 1, 96, 64)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


NOT_IMAGES = {
    "text": (b"dear diary, today I saw a lynx\n" * 20, "not-an-image"),
    "text about cars": (b"BMW and others, a list of what drove past the camera\n", "not-an-image"),
    "zeros": (bytes(5000), "not-an-image"),
    "html": (b"<!DOCTYPE html><html><img src=x></html>", "not-an-image"),
    "svg": (b'<?xml version="1.0"?>\n<!-- hi -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported-format"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "unsupported-format"),
    "heic of nothing": (b"\x00\x00\x00\x10ftypheic\x00\x00\x00\x00" + bytes(4000), "unreadable"),
    "heic cut short": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "truncated"),
    "video": (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "unsupported-format"),
    "zip": (b"PK\x03\x04 photos", "unsupported-format"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not-an-image"),
    "empty": (b"", "empty"),
    "jpeg of three bytes": (b"\xff\xd8\xff", "truncated"),
    "png without a header": (b"\x89PNG\r\n\x1a\n" + b"\x11\x22" * 500 + b"IEND", "unreadable"),
}


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_other_files_are_refused(name: str, tmp_path: Path) -> None:
    content, reason = NOT_IMAGES[name]
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    assert refusal(path) == reason


def test_a_hostile_text_does_not_keep_the_sniffer_busy(tmp_path: Path) -> None:
    path = tmp_path / "comments.svg"
    for text in (b"<!---->" * 600, b"<" * 4096, b" " * 4096, b"<svg" * 1000):
        path.write_bytes(text)
        start = time.perf_counter()
        assert refusal(path) == "not-an-image"
        assert time.perf_counter() - start < 1


def test_a_camera_raw_file_is_not_taken_for_its_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    scene().save(path, tiffinfo={50706: b"\x01\x04\x00\x00"})  # DNGVersion
    assert refusal(path) == "unsupported-format"


def test_missing_directory_and_pipe_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.jpg") == "missing"
    assert refusal(tmp_path) == "not-an-image"
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refusal(tmp_path / "pipe.jpg") == "not-an-image"
    assert refusal(tmp_path / "nul\0l.jpg") == "unreadable"


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_files_are_found_out(kind: str, fraction: float, tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(5).integers(0, 255, (600, 800, 3), dtype=np.uint8))
    content = encoded(noise, kind, **FORMATS[kind])
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * fraction)])
    assert refusal(path) == "truncated"


def test_truncation_shows_in_scaled_decoding_and_behind_zeros(tmp_path: Path) -> None:
    content = encoded(scene(2000, 1600), "JPEG", progressive=True)
    for number, end in enumerate((content[:-200], content[: len(content) // 2] + bytes(len(content) // 2))):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(end)
        with pytest.raises(ImageRefused) as refused:
            images.load(path, min_side=32)
        assert refused.value.reason == "truncated"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(FORMATS)), place=st.floats(0, 0.999), noise=st.binary(min_size=1, max_size=40))
def test_damaged_files_are_refused_or_decoded_but_nothing_else(
    kind: str, place: float, noise: bytes, tmp_path: Path
) -> None:
    content = bytearray(encoded(scene(), kind))
    start = int(place * len(content))
    content[start : start + len(noise)] = noise
    path = tmp_path / "damaged"
    path.write_bytes(content)
    for look in (lambda: images.examine(path).image, lambda: loaded(path, 32)):
        try:
            assert look().mode == "RGB"
        except ImageRefused as refused:
            assert refused.reason not in ("missing", "empty")


MEASURE = """
import json, pathlib, re, sys, time
from tl_core import images
start = time.monotonic()
try:
    found = images.examine(sys.argv[1])
    outcome = [found.width, found.height, *found.image.size, *found.image.getpixel((7, 7))]
except images.ImageRefused as refused:
    outcome = refused.reason
memory = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([outcome, time.monotonic() - start, memory]))
"""


def measured(path: Path) -> tuple[object, float, float]:
    """Outcome, seconds and peak megabytes of examining ``path`` in a process of its own."""
    run = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return tuple(json.loads(run.stdout))


def test_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = png(tmp_path / "bomb.png", 60_000, 60_000, bits=8, color=2, row=bytes(180_000), rows=1000)
    outcome, seconds, megabytes = measured(path)
    assert outcome == "too-large" and seconds < 2 and megabytes < 512


def test_hundred_megapixels_fit_in_memory(tmp_path: Path) -> None:
    path = png(tmp_path / "huge.png", 10_000, 10_000, bits=8, color=2, row=bytes(COLOR) * 10_000)
    outcome, _, megabytes = measured(path)
    assert outcome == [10_000, 10_000, 1280, 1280, *COLOR] and megabytes < 700


def test_limits_are_arguments(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    scene().save(path)
    size = path.stat().st_size
    assert images.examine(path, max_pixels=96 * 64, max_bytes=size).width == 96
    for limits in ({"max_pixels": 96 * 64 - 1}, {"max_bytes": size - 1}):
        with pytest.raises(ImageRefused) as refused:
            images.examine(path, **limits)
        assert refused.value.reason == "too-large"


def test_running_out_of_memory_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    scene().save(path)

    def fail(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert refusal(path) == "out-of-memory"


def test_a_time_limit_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class TimeLimit(Exception):
        """As a task queue raises it in the middle of the work."""

    def fail(self: Image.Image) -> None:
        raise TimeLimit

    path = tmp_path / "photo.png"
    scene().save(path)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(TimeLimit):
        images.examine(path)


def test_pillow_does_not_warn(tmp_path: Path) -> None:
    path = png(tmp_path / "wide.png", 9_500, 9_500, bits=1, color=0, row=bytes(1188))  # 90 megapixels
    jpeg = tmp_path / "exif.jpg"
    jpeg.write_bytes(encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x09\0\x12\x01\x03\0\x01"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.examine(path).width == 9_500
        assert images.examine(jpeg).width == 96


def test_refusals_survive_pickling() -> None:
    detail = notice(Code.DAMAGED, kind="PNG", error="odd")
    refused = pickle.loads(pickle.dumps(ImageRefused("unreadable", detail)))
    assert (refused.reason, refused.detail, str(refused)) == ("unreadable", detail, "damaged (kind=PNG, error=odd)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:06:01 05:59:58", datetime(2024, 6, 1, 5, 59, 58)),
        ("2024:06:01 05:59:58\0", datetime(2024, 6, 1, 5, 59, 58)),
        ("0000:00:00 00:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_taken_at(kind: str, text: str, expected: datetime | None, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    if kind == "TIFF":
        scene().save(path, format=kind, tiffinfo={0x8769: {0x9003: text}})
    else:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = text
        scene().save(path, format=kind, exif=exif.tobytes())
    assert images.examine(path).taken_at == expected


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_only_the_first_frame_is_shown(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "frames"
    flat("RGB", COLOR).save(path, format=kind, save_all=True, append_images=[flat("RGB", (0, 0, 255))])
    found = images.examine(path)
    assert found.frames == 2
    assert np.abs(np.subtract(found.image.getpixel((5, 5)), COLOR)).max() <= 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 900),
    height=st.integers(1, 900),
    min_side=st.integers(1, 300),
    kind=st.sampled_from(["JPEG", "PNG"]),
)
def test_load_never_goes_below_min_side(width: int, height: int, min_side: int, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    flat("RGB", COLOR, (width, height)).save(path, format=kind)
    found = loaded(path, min_side)
    assert min(found.size) >= min(min_side, width, height)
    assert abs(found.width / found.height / (width / height) - 1) < 0.1 or min(found.size) < 20


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    paths = []
    for number in range(24):
        paths.append(tmp_path / str(number))
        scene(300 + number, 200).save(paths[-1], format="JPEG")
    with ThreadPoolExecutor(8) as pool:
        sizes = [image.size for image in pool.map(lambda path: loaded(path, 200), paths)]
    assert sizes == [(300 + number, 200) for number in range(24)]


@pytest.mark.parametrize(
    ("long_side", "expected"),
    [
        (1, (256,)),
        (256, (256,)),
        (257, (512,)),
        (341, (512,)),
        (342, (256, 512)),
        (512, (256, 512)),
        (513, (256, 1280)),
        (683, (256, 512, 1280)),
        (1280, (256, 512, 1280)),
        (9000, (256, 512, 1280)),
    ],
)
def test_which_derivatives_there_are(long_side: int, expected: tuple[int, ...]) -> None:
    assert images.derivative_sizes(long_side, 1) == images.derivative_sizes(1, long_side) == expected


@given(width=st.integers(1, 5000), height=st.integers(1, 5000), asked=st.integers(1, 3000))
def test_the_derivative_shown_is_large_enough_and_no_larger_than_needed(width: int, height: int, asked: int) -> None:
    long_side = max(width, height)
    available = images.derivative_sizes(width, height)
    assert len(available) >= 1 and set(available) <= set(images.DERIVATIVE_SIZES)
    assert (len(available) == 1) == (long_side <= 341)
    shown = int(images.derivative_path(Path("d"), "ab" * 32, asked, available).stem.split("-")[1])
    pixels = min(shown, long_side)
    assert pixels >= min(asked, long_side, 1280)
    assert not any(size < shown and size >= asked for size in available)


@pytest.mark.parametrize("size", [(100, 80), (256, 100), (257, 100), (700, 1000), (3000, 2000)])
def test_derivatives_are_written(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    scene(*size).save(path, exif=exif, comment=b"a secret too", icc_profile=b"x" * 200)
    found = images.examine(path)
    out = tmp_path / "derivatives"
    written = images.write_derivatives(found, out)
    assert tuple(written) == images.derivative_sizes(*size)
    files = sorted(out.rglob("*.*"))
    assert files == sorted(out / found.sha256[:2] / f"{found.sha256}-{step}.jpg" for step in written)
    for step in written:
        with Image.open(images.derivative_path(out, found.sha256, step, written)) as image:
            assert image.format == "JPEG" and max(image.size) == min(step, max(size))
            assert abs(image.width / image.height - size[0] / size[1]) < 0.02
            assert not image.getexif() and "icc_profile" not in image.info and "comment" not in image.info
            expected = np.asarray(scene(*size).resize(image.size), int)
            assert np.abs(np.asarray(image, int) - expected).mean() < 6


def test_a_full_disk_leaves_no_half_derivative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    scene().save(path)
    found = images.examine(path)

    def fill(self: Image.Image, target: Path, **options: object) -> None:
        target.write_bytes(b"\xff\xd8")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill)
    with pytest.raises(OSError, match="No space"):
        images.write_derivatives(found, tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_a_large_jpeg_is_decoded_small_for_embedding(tmp_path: Path) -> None:
    scene(3000, 2000).save(tmp_path / "camera.jpg")
    scene(3000, 2000).convert("CMYK").save(tmp_path / "printed.jpg")
    assert images.load(tmp_path / "camera.jpg", min_side=224).shape == (250, 375, 3)
    assert images.load(tmp_path / "printed.jpg", min_side=224).shape == (250, 375, 3)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_both_jpeg_decoders_see_the_same(options: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow takes over where the faster decoder gives up: an embedding must not tell which one it was."""
    content = encoded(scene(1200, 900), "JPEG", quality=90, **options)
    fast = images.load(content, min_side=224)
    monkeypatch.setattr(turbo, "decode", lambda *_: None)
    slow = images.load(content, min_side=224)
    assert fast.shape == slow.shape == (225, 300, 3)
    assert np.abs(fast.astype(int) - slow).max() <= 2


ORIENTED = Image.Exif()
ORIENTED[0x0112] = 6


@pytest.mark.parametrize(
    "size", [(320, 240), (200, 300), (375, 500), (640, 480), (1000, 700), (1601, 1203), (4000, 3000)]
)
@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"exif": ORIENTED}), ("PNG", {"exif": ORIENTED}), ("GIF", {})]
)
def test_one_look_gives_what_an_embedding_would_load(size: tuple[int, int], kind: str, options: dict) -> None:
    content = encoded(scene(*size), kind, **options)
    pixels = images.examine(content, min_side=224).pixels
    assert pixels is not None and np.array_equal(pixels, images.load(content, min_side=224))


def test_a_jpeg_that_only_pillow_can_decode_is_loaded_another_time() -> None:
    content = encoded(scene(3000, 2000).convert("CMYK"), "JPEG")
    assert images.examine(content, min_side=224).pixels is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_box_is_cut_from_the_upright_image(orientation: int, kind: str) -> None:
    upright = Image.new("RGB", (640, 480), (0, 0, 0))
    upright.paste((255, 255, 255), (400, 48, 560, 144))
    back = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turn = turning.TRANSPOSE.get(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(upright if turn is None else upright.transpose(turn), kind, exif=exif)
    box = (400 / 640, 48 / 480, 160 / 640, 96 / 480)
    inside = images.load(content, min_side=64, box=box, margin=0.0)
    assert min(inside.shape[:2]) >= 64 and abs(inside.shape[1] / inside.shape[0] - 160 / 96) < 0.05
    assert inside[2:-2, 2:-2].min() > 200
    around = images.load(content, min_side=64, box=box, margin=0.25)
    assert around.shape[0] > inside.shape[0] * 1.7 and around[0].max() < 60 < around[around.shape[0] // 2].max()


@given(
    box=st.tuples(*[st.floats(0, 1) for _ in range(4)]),
    margin=st.floats(0, 2),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_any_box_holds_a_pixel(box: images.Box, margin: float, size: tuple[int, int]) -> None:
    pixels = images.load(encoded(flat("RGB", COLOR, size), "PNG"), min_side=8, box=box, margin=margin)
    assert 1 <= pixels.shape[0] <= size[1] and 1 <= pixels.shape[1] <= size[0]


def test_images_in_an_object_store() -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/photos/a.png", encoded(scene(), "PNG"))
    store.pipe_file("/photos/empty.jpg", b"")
    np.testing.assert_array_equal(images.load("memory://photos/a.png", min_side=64), np.asarray(scene()))
    assert images.examine("memory://photos/a.png").width == 96
    for name, reason in (("empty.jpg", "empty"), ("gone.jpg", "missing")):
        with pytest.raises(ImageRefused) as refused:
            images.read(f"memory://photos/{name}")
        assert refused.value.reason == reason
    with pytest.raises(ImageRefused) as refused:
        images.read("memory://photos/a.png", max_bytes=100)
    assert refused.value.reason == "too-large"
