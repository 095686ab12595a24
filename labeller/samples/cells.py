"""Cells of tables that go out and come back: several names in one, and none that a spreadsheet would compute."""

from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")  # what opens a formula in some spreadsheet


class Echo:
    """A file that hands back what is written, so that a CSV writer can stream."""

    def write(self, value: str) -> str:
        return value


def join_names(names: Iterable[str]) -> str:
    """Names in one cell, with | between them; a | or a backslash in a name has a backslash before it."""
    return "|".join(name.replace("\\", "\\\\").replace("|", "\\|") for name in names)


def split_names(cell: str) -> list[str]:
    """The names of a cell that `join_names` wrote."""
    if "\\" not in cell:
        return cell.split("|")
    names, escaped = [""], False
    for character in cell:
        if escaped:
            names[-1] += character if character in "\\|" else f"\\{character}"
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "|":
            names.append("")
        else:
            names[-1] += character
    if escaped:
        names[-1] += "\\"
    return names


def defuse(cell: str) -> str:
    """The cell as a spreadsheet may have it: none starts a formula. `arm` gives it back as it was."""
    return f"'{cell}" if cell.startswith((*FORMULA, "'")) else cell


def arm(cell: str) -> str:
    """The cell that `defuse` was given."""
    return cell.removeprefix("'")
