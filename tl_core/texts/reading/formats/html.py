"""HTML as browsers parse it (lexbor), shown as plain text."""

import re
from typing import Any

from tl_core.texts.reading.encodings import DecodedText, decode
from tl_core.texts.reading.formats.base import Extracted, Paragraphs

_DECLARED = re.compile(rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w-]{1,40})""", re.I)
_UNSEEN = {
    *("script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "canvas", "audio"),
    *("video", "select", "datalist", "textarea", "button", "-comment"),
}
_PARAGRAPHS = {
    *("p", "div", "section", "article", "main", "header", "footer", "nav", "aside", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("ul", "ol", "dl", "table", "blockquote", "pre", "figure", "figcaption", "form", "fieldset", "address", "hr"),
    *("details", "summary", "body", "caption"),
}
_LINES = {"br", "li", "dt", "dd", "tr", "option", "legend"}
_CELLS = {"td", "th"}


def read(content: bytes) -> Extracted | None:
    """Return the text of a page; None where its encoding is unknown."""
    declared = _DECLARED.search(content[:4096])
    decoded = decode(content, declared[1].decode("ascii") if declared else "")
    if decoded is None:
        return None
    return of_text(decoded)


def of_text(decoded: DecodedText) -> Extracted:
    """Return the text of a page that is decoded."""
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(decoded.text)
    titled = page.css_first("title")
    title = " ".join(titled.text().split()) if titled is not None else ""
    return Extracted(_text(page.root), decoded.encoding, title)


def _text(root: Any) -> str:
    """Walk the tree without recursion: pages of strangers are nested as deep as they like."""
    paragraphs, node = Paragraphs(), root
    while node is not None:
        tag = node.tag
        unseen = tag in _UNSEEN or _is_hidden(node)
        if not unseen:
            _enter(paragraphs, node, tag)
            if node.child is not None and tag != "pre":
                node = node.child
                continue
        while node is not None:
            if not unseen:
                _leave(paragraphs, node.tag)
            unseen = False
            if node.next is not None:
                node = node.next
                break
            node = node.parent
    return paragraphs.text()


def _is_hidden(node: Any) -> bool:
    return node.tag[:1] not in "-_" and "hidden" in node.attributes


def _enter(paragraphs: Paragraphs, node: Any, tag: str) -> None:
    if tag == "-text":
        paragraphs.words(node.text_content or "")
    elif tag == "pre":
        paragraphs.paragraph()
        code = (node.text() or "").strip("\n")
        # Between fences, so that code with empty lines in it stays one piece.
        paragraphs.exactly(f"```\n{code}\n```" if code.strip() else "")
        paragraphs.paragraph()
    elif tag in _PARAGRAPHS:
        paragraphs.paragraph()
    elif tag in _LINES:
        paragraphs.line()
        if tag == "li":
            paragraphs.exactly("- ")
    elif tag == "img" and node.attributes.get("alt"):
        paragraphs.words(f" {node.attributes['alt']} ")


def _leave(paragraphs: Paragraphs, tag: str) -> None:
    if tag in _PARAGRAPHS:
        paragraphs.paragraph()
    elif tag in _LINES:
        paragraphs.line()
    elif tag in _CELLS:
        paragraphs.cell()
