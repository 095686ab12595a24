"""A featuriser's name and options in one string: ``resnet50,cut=2,weights=/data/own.pth``."""

import re
from collections.abc import Mapping
from pathlib import Path

# Left out of the canonical string: a spec that spells a default out is the same spec.
DEFAULTS = {"cut": "1", "output": "last", "precision": "float32", "views": "1"}
OPTIONS = ("cut", "output", "precision", "size", "views", "weights")
OUTPUTS = ("last", "levels", "both")
VIEWS = ("1", "2")
PRECISIONS = ("float32", "int8")


def parse(spec: str) -> tuple[str, dict[str, str]]:
    """Take a spec apart and check its options' values.

    Parameters
    ----------
    spec : str
        A name, then any of ``cut=``, ``output=``, ``precision=``, ``size=``, ``views=``, ``weights=``, separated by
        commas, in any order.

    Returns
    -------
    name : str
        Not looked up yet.
    options : dict of str to str
        Only those that differ from `DEFAULTS`, by name; ``weights`` as an absolute path.

    Raises
    ------
    ValueError
        An option is unknown, there twice, or has no or an impossible value.
    """
    name, *pieces = (piece.strip() for piece in spec.split(","))
    options: dict[str, str] = {}
    for piece in pieces:
        option, equals, value = piece.partition("=")
        if not equals:
            hint = "; the path of the weights must not hold a comma" if "weights" in options else ""
            raise ValueError(f"{piece!r} in {spec!r} is no option: options read name=value{hint}")
        if option not in OPTIONS:
            raise ValueError(f"unknown option {option!r} in {spec!r}; there are: {', '.join(OPTIONS)}")
        if option in options:
            raise ValueError(f"{option} is given twice in {spec!r}")
        options[option] = _checked(option, value)
    return name, {option: value for option, value in sorted(options.items()) if value != DEFAULTS.get(option)}


def with_option(spec: str, option: str, value: str) -> str:
    """Return the canonical spec that is like ``spec`` but for one option. Raises ValueError as `parse` does."""
    name, options = parse(spec)
    return canonical(*parse(canonical(name, {**options, option: value})))


def canonical(name: str, options: Mapping[str, str]) -> str:
    """Write what `parse` read: one string for equal specs.

    Parameters
    ----------
    name : str
        The featuriser's.
    options : mapping of str to str
        From `parse`.

    Returns
    -------
    str
        The name and the sorted options.
    """
    return ",".join([name, *(f"{option}={options[option]}" for option in sorted(options))])


def _checked(option: str, value: str) -> str:
    if option == "weights" and value:
        return str(Path(value).expanduser().absolute())
    if option == "cut" and re.fullmatch(r"[12]|[A-Za-z_][\w.]*", value):
        return value
    if value in {"output": OUTPUTS, "precision": PRECISIONS, "views": VIEWS}.get(option, ()):
        return value
    if option == "size" and re.fullmatch("[1-9][0-9]{0,3}", value):
        return value
    expected = {
        "weights": "the path of a .safetensors, .pth or .pt file",
        "cut": "1, 2 or the name of a node of the network",
        "output": ", ".join(OUTPUTS),
        "views": "1, or 2 where a picture and its mirror image are averaged",
        "precision": " or ".join(PRECISIONS),
        "size": "the side of the image in pixels",
    }[option]
    raise ValueError(f"{option}={value} is not possible: {option} is {expected}")
