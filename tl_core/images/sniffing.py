"""What a file is, by its first bytes: one of the formats that are read, or the right reason why not."""

import re

from tl_core.images.refusals import CameraRaw, ImageRefused
from tl_core.notices import Code, notice

HEAD_BYTES = 4096
SUPPORTED = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, AVIF"

_ALLOWED = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
# Canon CR2, CR3 and CRW, Fuji, Olympus, Panasonic and Leica, Minolta, Sigma, Rollei. NEF, ARW, DNG, PEF and their like
# are TIFFs by their first bytes: `tiff` tells.
_RAW = re.compile(
    rb"II\*\x00....CR\x02|....ftypcrx |II\x1a\x00\x00\x00HEAPCCDR|FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\x00|\x00MRM|FOVb"
    rb"|DSC-Image",
    re.DOTALL,
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
_AVIF_BRANDS = {b"avif", b"avis"}
_VIDEO_BRANDS = re.compile(
    rb"iso[0-9m]|mp4[0-9]|mp7|avc1|hvc1|qt  |M4V|3g[2egpr]|dash|f4v|MSNV|XAVC|NDS|mmp4|CAEP|ndx|nvr|cmf|dvr|KDDI|JP20"
)
# Files people do put beside photographs; the name makes the message useful. Anything else is "not-an-image".
_KNOWN_REFUSED = (
    (re.compile(rb"[\x00-\x08]...(moov|mdat|wide|skip|pnot)", re.DOTALL), "video"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video"),
    (re.compile(rb"\x1aE\xdf\xa3|FLV\x01|0&\xb2u\x8ef\xcf\x11|\x00\x00\x01[\xba\xb3]"), "video"),
    (re.compile(rb"G.{187}G.{187}G", re.DOTALL), "video"),
    (re.compile(rb"RIFF....WAVE|ID3|fLaC|OggS", re.DOTALL), "sound"),
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(?=<)(?!<!doctype html|<html).*<svg[\s>]", re.DOTALL | re.IGNORECASE), "SVG"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"gimp xcf"), "GIMP"),
    (re.compile(rb"(\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51)"), "JPEG 2000"),
    (re.compile(rb"(\x00\x00\x00\x0cJXL |\xff\x0a)"), "JPEG XL"),
    (re.compile(rb"II\xbc\x01"), "JPEG XR"),
    (re.compile(rb"\x00\x00\x01\x00"), "icon"),
    (re.compile(rb"v/1\x01"), "OpenEXR"),
    (re.compile(rb"SIMPLE  ="), "FITS"),
    (re.compile(rb"\x93NUMPY"), "NumPy"),
    (re.compile(rb"P[1-7]\s+[#0-9W]"), "PNM"),
    (re.compile(rb"PK\x03\x04"), "zip"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b\x08"), "compressed"),
    (re.compile(rb".{128}DICM", re.DOTALL), "DICOM"),
)


def sniff(head: bytes) -> str:
    """Return Pillow's name of the format that a file's first bytes show.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes, or all there are.

    Returns
    -------
    str
        ``"JPEG"``, ``"PNG"``, ``"GIF"``, ``"TIFF"``, ``"WEBP"``, ``"BMP"``, ``"AVIF"`` or ``"HEIF"``.

    Raises
    ------
    ImageRefused
        It is none of these.
    """
    if _RAW.match(head):
        raise CameraRaw
    for magic, kind in _ALLOWED:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:  # many a text begins with BM
        return "BMP"
    if head[4:8] == b"ftyp":
        return _brand(head)
    for pattern, name in _KNOWN_REFUSED:
        if pattern.match(head):
            raise _unsupported(name)
    raise ImageRefused("not-an-image", notice(Code.NO_IMAGE))


def _brand(head: bytes) -> str:
    """Tell photographs from videos: both are boxes in boxes, and only the brands say which."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, end, 4))}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and brands & _AVIF_BRANDS):
        return "AVIF"
    if major in _HEIF_BRANDS or (brands & _HEIF_BRANDS and not _VIDEO_BRANDS.match(major)):
        return "HEIF"
    if _VIDEO_BRANDS.match(major):
        raise _unsupported("video")
    if major[:2] in (b"M4", b"F4"):
        raise _unsupported("sound")
    name = re.sub(r"\W+", " ", major.decode("ascii", "replace")).strip()
    raise _unsupported(f"media ({name})" if name else "media")


def _unsupported(name: str) -> ImageRefused:
    if name in ("video", "sound"):
        detail = notice(Code.VIDEO if name == "video" else Code.SOUND, supported=SUPPORTED)
    else:
        detail = notice(Code.OTHER_FORMAT, name=name, supported=SUPPORTED)
    return ImageRefused("unsupported-format", detail)
