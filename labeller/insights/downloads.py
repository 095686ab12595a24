"""Tables of numbers for spreadsheets."""

import csv
import itertools
from collections.abc import Iterable
from typing import Any

from django.http import StreamingHttpResponse

from labeller.samples.cells import Echo, defuse


def table(rows: Iterable[Iterable[Any]], name: str, **written: Any) -> StreamingHttpResponse:
    """Rows as a CSV that streams, called so and `written` as csv.writer takes it; no cell of text starts a formula."""
    line = csv.writer(Echo(), **written).writerow
    defused = ([defuse(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    # A byte order mark: spreadsheets take it for what it is.
    lines = itertools.chain(["\ufeff"], map(line, defused))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
