"""Featurisers of texts by name, and those that were fitted on a pool, by ``KIND/DIGEST``."""

import difflib
from collections.abc import Callable, Sequence

from tl_core.texts.base import Fittable, TextFeaturiser

_named: dict[str, tuple[Callable[..., TextFeaturiser], tuple[str, ...]]] = {}
_fitted: dict[str, tuple[Callable[[str], TextFeaturiser], Callable[..., Fittable]]] = {}


def register(name: str, make: Callable[..., TextFeaturiser], *, options: Sequence[str] = ()) -> None:
    """Add a featuriser that needs no pool.

    Parameters
    ----------
    name : str
        Must be new, without comma or slash.
    make : callable
        Builds it; must be cheap and import nothing heavy. Gets the options of the spec, strings, as keywords.
    options : sequence of str
        Those it takes.

    Raises
    ------
    ValueError
        The name is taken, or has a comma or a slash.
    """
    _check_new(name)
    _named[name] = (make, tuple(options))


def register_fitted(kind: str, make: Callable[[str], TextFeaturiser], fittable: Callable[..., Fittable]) -> None:
    """Add a kind that is fitted on a pool.

    Parameters
    ----------
    kind : str
        Must be new, without comma or slash.
    make : callable
        Takes a spec ``KIND/DIGEST`` and returns the featuriser; cheap, reads its arrays when they are needed.
    fittable : callable
        Makes what fits it, from its options as keywords.

    Raises
    ------
    ValueError
        As from `register`.
    """
    _check_new(kind)
    _fitted[kind] = (make, fittable)


def names() -> tuple[str, ...]:
    """Return the names of those that need no pool, the installed and the uninstalled alike."""
    return tuple(_named)


def kinds() -> tuple[str, ...]:
    """Return the kinds that are fitted on a pool."""
    return tuple(_fitted)


def fittable(kind: str, **options: object) -> Fittable:
    """Return what fits a kind.

    Parameters
    ----------
    kind : str
        One of `kinds`.
    **options
        Its own.

    Returns
    -------
    Fittable
        Not fitted yet.

    Raises
    ------
    KeyError
        There is no such kind.
    """
    if kind not in _fitted:
        raise KeyError(f"nothing called {kind!r} is fitted on a pool{_meant(kind, kinds())}")
    return _fitted[kind][1](**options)


def make(spec: str) -> TextFeaturiser:
    """Build a featuriser, whether or not its weights are there.

    Parameters
    ----------
    spec : str
        One of `names` and its options, ``minilm,precision=int8``; or ``KIND/DIGEST`` of what was fitted.

    Returns
    -------
    TextFeaturiser
        Its ``name`` is the canonical spec.

    Raises
    ------
    KeyError
        There is none of that name.
    ValueError
        An option is unknown, given twice, or has an impossible value.
    """
    name, *pieces = (piece.strip() for piece in spec.split(","))
    kind, slash, _ = name.partition("/")
    if slash and kind in _fitted:
        if pieces:
            raise ValueError(f"{kind} takes no options once it was fitted, as in {spec!r}")
        return _fitted[kind][0](name)
    if name in _fitted:
        raise KeyError(f"{name} has to be fitted on a pool first; a spec then reads {name}/DIGEST")
    if name not in _named:
        known = (*names(), *(f"{each}/DIGEST" for each in kinds()))
        raise KeyError(f"there is no featuriser of texts called {name!r}{_meant(name, known)}")
    build, allowed = _named[name]
    options = _options(spec, pieces)
    for option in options:
        if option not in allowed:
            takes = f"it takes: {', '.join(sorted(allowed))}" if allowed else "it takes none"
            raise ValueError(f"{name} takes no option {option!r}; {takes}")
    return build(**options)


def _options(spec: str, pieces: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for piece in pieces:
        option, equals, value = piece.partition("=")
        if not equals:
            raise ValueError(f"{piece!r} in {spec!r} is no option: options read name=value, and hold no comma")
        if option in options:
            raise ValueError(f"{option} is given twice in {spec!r}")
        options[option] = value
    return options


def _check_new(name: str) -> None:
    if name in _named or name in _fitted:
        raise ValueError(f"a featuriser of texts named {name!r} is registered already")
    if "," in name or "/" in name:
        raise ValueError(f"a featuriser's name has no comma and no slash, as {name!r} does")


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(known)}"
