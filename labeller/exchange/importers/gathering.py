"""Records of formats in which rows of one picture may stand anywhere: brought together on disk."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from labeller.exchange.importers.base import Pictured, Record, Remark, Taxon
from labeller.exchange.importers.spill import spilling
from labeller.samples.models import Box


def gathered(records: Iterable[Record]) -> Iterator[Record]:
    """The records with one a picture, in the order of their paths; those that are of no picture come first."""
    with spilling() as spill:
        for record in records:
            if isinstance(record, Pictured):
                taken_at = record.taken_at.isoformat() if record.taken_at else ""
                remarks = [(*each[:-1], each.at.isoformat() if each.at else "") for each in record.remarks]
                told = (remarks, *record[3:5], taken_at, record.pixels)
                spill.add("picture", record.path, record.line, told)
            else:
                yield record
        spill.ordered()
        for path, rows in spill.groups("picture"):
            yield _together(path, rows)


def _together(path: str, rows: list[tuple[int, Any]]) -> Pictured:
    remarks = tuple(_remark(each) for _line, (told, *_rest) in rows for each in told)
    otherwise, deployment, taken_at, pixels = (
        next((content[at] for _line, content in rows if content[at]), "") for at in (1, 2, 3, 4)
    )
    when = datetime.fromisoformat(taken_at) if taken_at else None
    return Pictured(rows[0][0], path, remarks, otherwise, deployment, when, bool(pixels))


def _remark(told: list[Any]) -> Remark:
    line, classes, scores, box, model, category, confidence, failure, also, by, at = told
    taxa = tuple(Taxon(name, scientific, tuple(above), state) for name, scientific, above, state in classes)
    place: Box | None = tuple(box) if box else None
    besides = tuple((trait, text) for trait, text in also)
    when = datetime.fromisoformat(at) if at else None
    return Remark(line, taxa, tuple(scores), place, model, category, confidence, failure, besides, by, when)
