"""Code by its dotted path, from packages that are allowed and from no others.

Whoever may choose a head or a strategy by its path runs what lies there; so may whoever stole their session. Only the
packages in `ALLOWED`, and those that the site's operator added by `allow`, may be named.
"""

import importlib
import inspect
from typing import Any

ALLOWED = ("modAL", "sklearn", "tl_core")

_allowed = set(ALLOWED)


def allow(*packages: str) -> None:
    """Let code of further packages be named, for the rest of this process.

    Parameters
    ----------
    *packages : str
        Each the name of a package or module, such as ``"xgboost"`` or ``"ourlab.strategies"``.
    """
    _allowed.update(filter(None, (package.strip(" .") for package in packages)))


def allowed() -> tuple[str, ...]:
    """Return the packages whose code may be named, sorted."""
    return tuple(sorted(_allowed))


def is_allowed(path: str) -> bool:
    """Return whether a dotted path lies in an allowed package; nothing is imported."""
    return any(path == package or path.startswith(f"{package}.") for package in _allowed)


def load(path: str) -> Any:
    """Return the function or class at a dotted path.

    Parameters
    ----------
    path : str
        Of a module and what it defines, such as ``"sklearn.svm.LinearSVC"``.

    Returns
    -------
    function or class
        Defined in an allowed package: what one of its modules merely imported from elsewhere doesn't count.

    Raises
    ------
    KeyError
        The package isn't allowed, or there is no function or class of it at that path; the message says which.
    """
    module, _, name = path.rpartition(".")
    if not module or not is_allowed(module):
        raise KeyError(f"{path!r} is not in a package that is allowed here: {', '.join(allowed())}")
    try:
        target = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise KeyError(f"there is no {path!r} ({error})") from error
    if not (inspect.isclass(target) or inspect.isroutine(target)):
        raise KeyError(f"{path!r} is no function and no class")
    if not is_allowed(getattr(target, "__module__", None) or ""):
        raise KeyError(f"{path!r} is only imported there, from {target.__module__}, which is not allowed here")
    return target
