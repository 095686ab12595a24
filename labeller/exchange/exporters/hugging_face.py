"""A folder as the Hugging Face Hub and `datasets` read it: pictures or texts by part, metadata.jsonl, and a card.

https://huggingface.co/docs/datasets/image_dataset and https://huggingface.co/docs/hub/datasets-cards.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots, splits
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.pictures import OWN, take
from labeller.exchange.exporters.places import LICENCE, stamp
from labeller.exchange.exporters.sample_rows import SampleRows
from labeller.exchange.exporters.shots import SeenShot
from labeller.exchange.exporters.telling import audited
from labeller.projects.models import Project

ALL = "train"  # the part of everything where no parts are asked for


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """The parts, then the card."""
    parts = splits.Splits(wanted)
    names = parts.names or (ALL,)
    is_text = wanted.project.kind == Project.Kind.TEXT
    with ExitStack() as stack:
        file = "texts.jsonl" if is_text else "metadata.jsonl"
        lines = {name: stack.enter_context(folder.lines(f"data/{name}/{file}")) for name in names}
        if is_text:
            _texts(wanted, folder, tell, lines)
        else:
            _pictures(wanted, folder, tell, parts, lines)
    folder.text("README.md", _card(wanted, names, "data/{}/" + ("*.jsonl" if is_text else "**")))


def _pictures(
    wanted: ExportWanted, folder: Folder, tell: Tell, parts: splits.Splits, lines: dict[str, Callable[[str], None]]
) -> None:
    """Pictures of which something is known, each with all that was observed in it."""
    with folder.many() as many:
        for seen in shots.chosen(wanted, folder, tell, parts):
            if any(each.decision is not None for each in seen.observed):
                part = seen.split or ALL
                name = many.free(f"data/{part}/{wanted.contents.path(seen.shot)}")
                take(wanted, many, seen.shot, name)
                lines[part](_json(_row(wanted, seen, name.removeprefix(f"data/{part}/"))))


def _row(wanted: ExportWanted, seen: SeenShot, name: str) -> dict[str, Any]:
    shot, found = seen.shot, [each for each in seen.observed if each.seen is not None]
    place = wanted.contents.deployments.get(shot.deployment or 0)
    boxes = [each for each in found if each.box is not None]
    return {
        "file_name": name,
        "labels": sorted({each.seen.name for each in found if each.seen is not None}),
        "says": sorted({str(each.state) for each in seen.observed}),
        "objects": {
            "bbox": [shots.pixels(each.box, shot) for each in boxes if each.box is not None],
            "category": [each.seen.name for each in boxes if each.seen is not None],
        },
        "decisions": [
            {"class": each.seen.name if each.seen is not None else None, "state": str(each.state),
             **shots.who(each.decision)}
            for each in seen.observed
        ],
        "deployment": place.name if place is not None else None,
        "event": shot.event,
        "taken_at": stamp(shot.taken_at) or None,
    }  # fmt: skip


def _texts(wanted: ExportWanted, folder: Folder, tell: Tell, lines: dict[str, Callable[[str], None]]) -> None:
    """Texts with an answer to any of the questions."""
    rows = SampleRows(wanted, tell, is_long=False, with_text=True)
    states = [column for column in rows.columns if column.endswith("_state")]
    for cells in rows:
        row = dict(zip(rows.columns, cells, strict=True))
        if any(row[column] for column in states):
            lines[row["split"] or ALL](_json(row))
    rows.splits.remark(folder)


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _card(wanted: ExportWanted, names: tuple[str, ...], pattern: str) -> str:
    """README.md: what the Hub wants to know, and what somebody should who trains on it."""
    licence = wanted.options["licence"].lower() or "unknown"
    files = [line for name in names for line in (f"  - split: {name}", f"    path: {json.dumps(pattern.format(name))}")]
    task = "text" if wanted.project.kind == Project.Kind.TEXT else "image"
    classes = [f"- {each.name}" + (f" (*{each.scientific_name}*)" if each.scientific_name else "")
               for each in wanted.contents.of_question(wanted.question)]  # fmt: skip
    return "\n".join(
        [
            "---",
            f"pretty_name: {json.dumps(wanted.project.name, ensure_ascii=False)}",
            f"license: {licence}",
            "task_categories:",
            f"- {task}-classification",
            "configs:",
            "- config_name: default",
            "  data_files:",
            *files,
            "---",
            "",
            f"# {wanted.project.name}",
            "",
            wanted.question.text,
            "",
            "Answers are what people said, and what was accepted of a model’s predictions: each says which, by whom, "
            "when, and how surely. What a model merely suggested is not in here.",
            "",
            *audited(wanted.contents),
            "",
            "## Classes",
            "",
            *classes,
            "",
        ]
    )


EXPORTER = Exporter(
    name="hugging-face",
    title=_("Hugging Face"),
    about=_("A folder with metadata.jsonl and a dataset card, ready for the Hub and for the package datasets."),
    lost="Coordinates and time zones, labels that do not stand; of photographs, questions that follow.",
    write=write,
    options=(OWN, *splits.OPTIONS, LICENCE, shots.OF_PEOPLE),
    kinds=(Project.Kind.IMAGE, Project.Kind.TEXT),
)
