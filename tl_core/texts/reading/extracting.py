"""The limited process: takes documents from its standard input, and answers with their texts.

Before the first document it imports all that it will need, and then gives away what it may do: open a file or a socket,
start a process, take more memory than its share. Whatever a document makes a decoder do, it has nothing to do it with.
"""

import codecs
import contextlib
import encodings
import json
import os
import pkgutil
import re
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tl_core.notices import Code, notice
from tl_core.texts.reading.encodings import decode
from tl_core.texts.reading.formats import docx, html, mail, pdf
from tl_core.texts.reading.formats.base import Extracted
from tl_core.texts.reading.refusals import TextRefused

MAX_TEXT = 5_000_000  # characters of a document: several thick books
MAX_MEMORY = 1536 << 20  # bytes of address space
CPU_SECONDS = 60  # for one document, should nobody be there any more to stop it
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HALVES = re.compile("[\ud800-\udfff]")


def plain(content: bytes) -> Extracted | None:
    """Return the text of a file that is nothing but text."""
    decoded = decode(content)
    if decoded is None:
        return None
    if len(_CONTROL.findall(decoded.text)) > len(decoded.text) / 100:
        raise TextRefused("not-a-text", notice(Code.BINARY))
    notes = [notice(Code.CHARACTERS_REPLACED, n=decoded.n_replaced)] if decoded.n_replaced else []
    return Extracted(decoded.text.strip("\n"), decoded.encoding, "", notes)


KINDS: dict[str, Callable[[bytes], Extracted | None]] = {
    "plain": plain,
    "html": html.read,
    "mail": mail.read,
    "docx": docx.read,
    "pdf": pdf.read,
}


def extract(kind: str, content: bytes) -> dict[str, Any]:
    """Read a document, here and now.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    content : bytes
        The whole file.

    Returns
    -------
    dict
        What JSON can hold: ``text``, ``encoding``, ``title`` and ``notes``; or ``reason`` and ``detail`` of a refusal.
    """
    try:
        extracted = KINDS[kind](content)
        if extracted is None:
            raise TextRefused("not-a-text", notice(Code.ENCODING_UNKNOWN))
        return asdict(_looked_at(extracted))
    except TextRefused as refused:
        return {"reason": refused.reason, "detail": asdict(refused.detail)}
    except MemoryError:
        limit = MAX_MEMORY // 1_000_000
        return {"reason": "out-of-memory", "detail": asdict(notice(Code.READING_MEMORY, limit=limit))}
    except ImportError as error:
        return {"reason": "package-missing", "detail": asdict(notice(Code.PACKAGE_MISSING, name=error.name or kind))}
    except Exception as error:  # noqa: BLE001 - five libraries at the mercy of strangers; the process holds nothing else
        said = str(error) or type(error).__name__
        return {"reason": "unreadable", "detail": asdict(notice(Code.DAMAGED, kind=kind, error=said[:200]))}


def _looked_at(extracted: Extracted) -> Extracted:
    text = extracted.text
    if "\0" in text:
        raise TextRefused("nul", notice(Code.NUL_IN_TEXT))
    if not text or text.isspace():
        raise TextRefused("empty", notice(Code.NO_TEXT))
    if len(text) > MAX_TEXT:
        raise TextRefused("too-large", notice(Code.LONG_TEXT, n=len(text), limit=MAX_TEXT))
    if "�" in text and not extracted.notes:
        extracted.notes.append(notice(Code.CHARACTERS_REPLACED, n=text.count("�")))
    if halves := len(_HALVES.findall(text)):
        extracted.notes.append(notice(Code.CHARACTERS_REPLACED, n=halves))
        extracted.text = _HALVES.sub("�", text)
    extracted.title = _HALVES.sub("�", extracted.title).replace("\0", "")
    return extracted


def prepare() -> None:
    """Import whatever will be needed: afterwards no file can be opened. What is missing is told by who wants it."""
    for _finder, name, _package in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(LookupError, ImportError):
            codecs.lookup(name)
    decode("déjà vu, naïve café\n".encode("cp1252") * 9)
    extract("mail", b"Subject: =?utf-8?q?a?=\nContent-Type: text/html\n\n<title>b</title><p hidden>c")
    extract("pdf", b"%PDF-")
    extract("docx", b"PK\x05\x06" + bytes(18))


def limit_this_process() -> None:
    """Give up what no text needs. Each limit only where the system has it."""
    for what, most in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # neither files nor sockets; those that are open stay so
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    with contextlib.suppress(OSError, ValueError):
        _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


def main() -> None:
    """Answer until nobody asks."""
    asked, answer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    prepare()
    limit_this_process()
    while header := asked.readline():
        kind, length = header.split()
        content = asked.read(int(length))
        _allow_cpu()
        text = json.dumps(extract(kind.decode(), content)).encode()
        answer.write(b"%d\n" % len(text) + text)
        answer.flush()


if __name__ == "__main__":
    main()
