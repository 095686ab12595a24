"""PNG: the chunks that make the picture, and none of the others."""

import re
import struct
import zlib
from typing import BinaryIO, cast

from tl_core.images.containers.base import LARGEST_NOTE, Contents
from tl_core.images.spliced import Spliced

_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_NOTES = {b"tRNS", b"iCCP", b"eXIf", b"sBIT", b"acTL", b"tEXt", b"zTXt", b"iTXt"}
_LARGEST_TEXT = 1_000_000  # bytes, unpacked; EXIF in hexadecimal is the largest that is looked at
_MAX_CHUNKS = 1_000_000
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA = 0, 2, 3, 4
_WANTED_TEXTS = {b"Creation Time": "created", b"Raw profile type exif": "exif", b"XML:com.adobe.xmp": "xmp"}
_CHANNELS = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, 6: 4}


def read(file: BinaryIO) -> Contents:
    """Find the picture's chunks. What stands in others, or has a wrong checksum, is no reason to refuse pixels."""
    return _Reader(file).read()


class _Reader:
    """Walks the chunks of one file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.contents = Contents(file)
        self.parts: list[tuple[int, int]] = [(0, 8)]
        self.header = b""
        self.frames = 0
        self.is_first_frame = False  # of an animation: the picture that everybody can show
        self.has_pixels = False

    def read(self) -> Contents:
        size = self.file.seek(0, 2)
        place = 8
        for _ in range(_MAX_CHUNKS):
            self.file.seek(place)
            head = self.file.read(8)
            if len(head) < 8:
                break
            length, name = struct.unpack(">I4s", head)
            end = min(place + 12 + length, size)
            self._chunk(name, length, (place, end))
            if name == b"IEND":
                break
            place = end
        self.contents.view = cast(BinaryIO, Spliced(self.file, self.parts))
        if self.frames:
            self.contents.pages = self.frames + (not self.is_first_frame)
        return self.contents

    def _chunk(self, name: bytes, length: int, where: tuple[int, int]) -> None:
        if name == b"IHDR" and not self.header:
            self._shape(self.file.read(13))
        if name in _PIXELS:
            self.has_pixels |= name == b"IDAT"
            self.parts.append(where)
        elif name == b"fcTL":
            self.is_first_frame |= not self.has_pixels
        elif name in _NOTES and length <= LARGEST_NOTE:
            content = self.file.read(length)
            if self.file.read(4) != struct.pack(">I", zlib.crc32(name + content)):
                return
            if name != b"tRNS":
                self._note(name, content)
            elif length >= {_GREY: 2, _COLOUR: 6}.get(self._colour, 1):
                self.parts.append(where)

    def _shape(self, header: bytes) -> None:
        self.header = header
        if len(header) < 13:
            return
        width, height, bits = struct.unpack(">IIB", header[:9])
        self.contents.size = (width, height)
        self.contents.deep = bits == 16 and self._colour in (_COLOUR, _GREY_ALPHA, 6)
        # Unpacking takes time, whatever Pillow keeps of it.
        self.contents.unpacked = width * height * bits * _CHANNELS.get(self._colour, 4) // 8

    @property
    def _colour(self) -> int:
        return self.header[9] if len(self.header) > 9 else -1

    def _note(self, name: bytes, content: bytes) -> None:
        info = self.contents.info
        if name == b"iCCP":
            profile = _unpacked(content.partition(b"\0")[2][1:], LARGEST_NOTE)
            if profile:
                info["icc_profile"] = profile
        elif name == b"eXIf":
            info["exif"] = b"Exif\0\0" + content
        elif name == b"acTL" and len(content) == 8:
            self.frames = min(struct.unpack(">I", content[:4])[0], 0x7FFFFFFF)
        elif name == b"sBIT" and content and self.header[8:10] == bytes([16, _GREY]) and content[0] < 16:
            self.contents.low, self.contents.high = 0, (1 << content[0]) - 1
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            self._text(name, *content.partition(b"\0")[::2])

    def _text(self, name: bytes, keyword: bytes, rest: bytes) -> None:
        wanted = _WANTED_TEXTS.get(keyword)
        if wanted is None or wanted in self.contents.info:
            return
        packed = name == b"zTXt"
        if name == b"iTXt":
            packed = rest[:1] == b"\1"
            rest = rest[2:].split(b"\0", 2)[-1]
        elif packed:
            rest = rest[1:]
        text = _unpacked(rest, _LARGEST_TEXT) if packed else rest[:_LARGEST_TEXT]
        if wanted == "created":
            self.contents.info[wanted] = text.decode("utf-8", "replace")[:100]
        elif wanted == "xmp":
            self.contents.info[wanted] = text
        elif re.fullmatch(rb"[\s0-9a-fA-F]*", hexadecimal := b"".join(text.split()[2:])):
            exif = bytes.fromhex(hexadecimal.decode()[: len(hexadecimal) // 2 * 2])
            self.contents.info[wanted] = exif if exif.startswith(b"Exif") else b"Exif\0\0" + exif


def _unpacked(content: bytes, limit: int) -> bytes:
    """Unpack, or return nothing for what is broken or longer than that."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(content, limit)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else text
