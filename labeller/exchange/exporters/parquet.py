"""Parquet: answers, predictions and embeddings as typed columns. pyarrow writes it, for those who have it."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from labeller.codes import WorkerCode
from labeller.embedding import loading
from labeller.embedding.models import EmbeddingRun
from labeller.exchange import exporting
from labeller.exchange.exporters import splits
from labeller.exchange.exporters.base import Exporter, ExportOption, ExportWanted, Impossible, Tell
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.sample_rows import SampleRows
from labeller.learning.models import Head
from labeller.projects.models import Project
from tl_core.notices import notice

GROUP = 10_000  # rows that are written together
NUMBERS = {
    "left": "float64", "top": "float64", "width": "float64", "height": "float64", "start": "float64", "end": "float64",
    "probability": "float64", "sample": "int64", "is_labelled": "int64",
}  # fmt: skip


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """A file each of what is asked for."""
    arrow = _arrow()
    with_text = wanted.options["text"] and wanted.project.kind == Project.Kind.TEXT
    rows = SampleRows(wanted, tell, is_long=True, with_text=with_text)
    _table(folder, arrow, "answers.parquet", rows.columns, rows)
    rows.splits.remark(folder)
    if wanted.options["predictions"]:
        columns, predictions = _predictions(wanted, tell)
        _table(folder, arrow, "predictions.parquet", columns, predictions)
    if wanted.options["embeddings"]:
        _embeddings(wanted, folder, tell, arrow)


def _arrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise Impossible(notice(WorkerCode.EXPORT_NEEDS_PACKAGE, name="pyarrow")) from error
    return pyarrow


def _table(folder: Folder, arrow: Any, name: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    schema = arrow.schema([(column, _kind(arrow, column)) for column in columns])
    written, remaining = 0, iter(rows)
    with folder.bytes_of(name, lambda: written) as raw, arrow.parquet.ParquetWriter(raw, schema) as writer:
        while group := list(islice(remaining, GROUP)):
            values = [_values(arrow, schema.field(at).type, cells) for at, cells in enumerate(zip(*group, strict=True))]
            writer.write_table(arrow.Table.from_arrays(values, schema=schema))
            written += len(group)


def _kind(arrow: Any, column: str) -> Any:
    return getattr(arrow, NUMBERS.get(column, "string"))()


def _values(arrow: Any, kind: Any, cells: Iterable[Any]) -> Any:
    if kind == arrow.string():
        return arrow.array([None if cell is None else str(cell) for cell in cells], kind)
    cast = int if kind == arrow.int64() else float
    return arrow.array([None if cell in (None, "") else cast(cell) for cell in cells], kind)


def _predictions(wanted: ExportWanted, tell: Tell) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """What the newest heads say of everything; questions without one are passed over."""
    heads = [(question, Head.latest(question)) for question in wanted.questions]
    tables = [exporting.prediction_rows(question, head) for question, head in heads if head is not None]
    for table in tables:
        next(table)  # their columns

    def rows() -> Iterator[tuple[Any, ...]]:
        for row in chain.from_iterable(tables):
            tell(0)
            yield row

    return exporting.PREDICTION_COLUMNS, rows()


def _embeddings(wanted: ExportWanted, folder: Folder, tell: Tell, arrow: Any) -> None:
    """A row a sample, shard by shard: its number, which the answers have too, and its vector."""
    run = EmbeddingRun.in_use(wanted.project)
    if run is None or not run.dimension:
        raise Impossible(notice(WorkerCode.EXPORT_NEEDS_EMBEDDINGS))
    vectors = arrow.list_(arrow.float32(), run.dimension)
    about = {"featuriser": run.featuriser, "fingerprint": run.fingerprint}
    schema = arrow.schema([("sample", arrow.int64()), ("embedding", vectors)], metadata=about)
    written = 0
    with (
        folder.bytes_of("embeddings.parquet", lambda: written) as raw,
        arrow.parquet.ParquetWriter(raw, schema) as writer,
    ):
        for number in run.shards.order_by("number").values_list("number", flat=True):
            tell(0)
            shard = loading.read_shard(run, "", number)
            flat = arrow.array(np.asarray(shard.vectors[:], np.float32).ravel())
            columns = [arrow.array(shard.ids), arrow.FixedSizeListArray.from_arrays(flat, run.dimension)]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
            written += len(shard.ids)


EXPORTER = Exporter(
    name="parquet",
    title=_("Parquet"),
    about=_("Answers, predictions and embeddings as typed columns, for pandas, Polars, DuckDB and R."),
    lost="Labels that do not stand.",
    write=write,
    options=(
        ExportOption("predictions", _("Predictions of everything"), False),
        ExportOption("embeddings", _("Embeddings"), False),
        ExportOption("text", _("With what the texts say"), False),
        *splits.OPTIONS,
    ),
    kinds=(Project.Kind.IMAGE, Project.Kind.TEXT),
    several=True,
)
