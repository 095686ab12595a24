"""docs/formats.md: its tables are what the registry says, and its commands are such as the program takes."""

import re
import shlex
from pathlib import Path

from labeller.exchange import formats
from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.importers import IMPORTERS
from labeller.exchange.management.commands.export import Command

DOC = Path(__file__).parents[2] / "docs" / "formats.md"


def test_the_tables_are_what_the_registry_says(tmp_path: Path) -> None:
    """Where this fails a format has changed: labeller.exchange.formats.write_into(Path("docs/formats.md"))."""
    copy = tmp_path / "formats.md"
    copy.write_text(DOC.read_text("utf-8"), "utf-8")
    formats.write_into(copy)
    assert copy.read_text("utf-8") == DOC.read_text("utf-8")
    for name in [*EXPORTERS, *IMPORTERS]:
        assert f"| `{name}` |" in copy.read_text("utf-8")


def test_every_format_says_what_it_loses() -> None:
    assert all(each.lost.startswith("Out: ") for each in formats.known() if each.exporter)


def test_its_commands_are_understood() -> None:
    (block,) = re.findall(r"```\n(.*?)```", DOC.read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        python, script, command, *words = shlex.split(line)
        assert (python, script, command) == ("python", "manage.py", "export")
        given = Command().create_parser("manage.py", "export").parse_args(words)
        EXPORTERS[given.format].filled(dict(each.split("=") for each in given.option))
