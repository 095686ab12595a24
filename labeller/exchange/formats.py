"""The formats of others: which are read, which are written, and what is lost on the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import override

from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.exporters.base import Exporter, ExportOption
from labeller.exchange.importers import IMPORTERS

START, END = "<!-- formats -->\n", "<!-- end of formats -->\n"  # around the tables in docs/formats.md


@dataclass(frozen=True)
class Format:
    """A format by its name, with whatever reads and writes it."""

    name: str
    exporter: Exporter | None
    importer: Any

    @property
    def title(self) -> str:
        """What people call it; without a language of theirs, in English."""
        return str(self.exporter.title if self.exporter is not None else self.importer.title)

    @property
    def lost(self) -> str:
        """What is lost on the way, out and in."""
        out = self.exporter.lost if self.exporter is not None else ""
        into = str(getattr(self.importer, "lost", ""))
        return " ".join(filter(None, (out and f"Out: {out}", into and f"In: {into}")))


def known() -> list[Format]:
    """All formats: those that are written, in their order, then those that are only read."""
    names = dict.fromkeys([*EXPORTERS, *IMPORTERS])
    return [Format(name, EXPORTERS.get(name), IMPORTERS.get(name)) for name in names]


def described() -> str:
    """The tables of docs/formats.md."""
    with override("en"):
        rows = [
            f"| {each.title} | `{each.name}` | {'yes' if each.importer else '–'} | "
            f"{'yes' if each.exporter else '–'} | {each.lost or '–'} |"
            for each in known()
        ]
        options = [
            f"| `{exporter.name}` | `{option.name}` | {_values(option)} | {option.title}{_help(option)} |"
            for exporter in EXPORTERS.values()
            for option in exporter.options
        ]
    return "\n".join(
        [
            "| format | name | in | out | what is lost |", "|---|---|---|---|---|", *rows, "",
            "### Options", "",
            "| format | option | values, the first one unless told otherwise | what it says |", "|---|---|---|---|",
            *options, "",
        ]
    )  # fmt: skip


def _values(option: ExportOption) -> str:
    values = [str(value) for value, _ in option.choices] or [str(option.default)]
    if isinstance(option.default, bool):
        values = ["no", "yes"]
    first = [str(option.default)] if option.choices else values[:1]
    return ", ".join(f"`{value}`" if value else "nothing" for value in dict.fromkeys([*first, *values]))


def _help(option: ExportOption) -> str:
    return f". {option.help}" if option.help else ""


def write_into(document: Path) -> None:
    """Bring the tables of docs/formats.md up to date."""
    before, _, rest = document.read_text("utf-8").partition(START)
    document.write_text(f"{before}{START}\n{described()}\n{END}{rest.partition(END)[2]}", "utf-8")
