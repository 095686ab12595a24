"""Read texts that strangers wrote: tables row by row, documents of many kinds, parts of them, and copies.

Everything that is wrong with a file ends in one exception, `TextRefused`, with a reason a program can count and a
notice that the site has a sentence for. Of a table it may be one row that is refused: by its number.
"""

from tl_core.texts.reading.archives import first_member, is_archive, paths_of, unpack
from tl_core.texts.reading.datasets import class_names_beside, is_about, is_dataset, tables_of
from tl_core.texts.reading.documents import Document, read_content, read_document, read_documents
from tl_core.texts.reading.guessing import guess
from tl_core.texts.reading.layouts import Layout
from tl_core.texts.reading.limited import LimitedReader
from tl_core.texts.reading.refusals import TextRefused
from tl_core.texts.reading.tables import RefusedRow, TextRow, first_cells, open_table

__all__ = [
    "Document",
    "Layout",
    "LimitedReader",
    "RefusedRow",
    "TextRefused",
    "TextRow",
    "class_names_beside",
    "first_cells",
    "first_member",
    "guess",
    "is_about",
    "is_archive",
    "is_dataset",
    "open_table",
    "paths_of",
    "read_content",
    "read_document",
    "read_documents",
    "tables_of",
    "unpack",
]
