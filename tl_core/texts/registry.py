"""Featurisers of texts by name, and those that were fitted on a pool, by ``KIND/DIGEST``."""

import difflib
from collections.abc import Callable, Sequence

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import encoders, static, svd, training_words, tuned, words
from tl_core.texts.base import Fittable, TextFeaturiser

_named: dict[str, tuple[Callable[..., TextFeaturiser], tuple[str, ...]]] = {}
_fitted: dict[str, tuple[Callable[[str], TextFeaturiser], Callable[..., Fittable] | None]] = {}


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


def register_fitted(
    kind: str, make: Callable[[str], TextFeaturiser], fittable: Callable[..., Fittable] | None = None
) -> None:
    """Add a kind that is fitted on a pool.

    Parameters
    ----------
    kind : str
        Must be new, without comma or slash.
    make : callable
        Takes a spec ``KIND/DIGEST`` and returns the featuriser; cheap, reads its arrays when they are needed.
    fittable : callable or None
        Makes what fits it, from its options as keywords; None = a pool alone does not do, labels are needed.

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
    return tuple(kind for kind, (_, fits) in _fitted.items() if fits is not None)


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
    fits = _fitted[kind][1] if kind in _fitted else None
    if fits is None:
        raise KeyError(f"nothing called {kind!r} is fitted on a pool{_meant(kind, kinds())}")
    return fits(**options)


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


def default(language: str) -> tuple[str, ...]:
    """Return what serves texts of a language best without a label, by what was measured: docs/texts.md.

    Parameters
    ----------
    language : str
        ISO 639-1, from `tl_core.texts.languages`; empty where there are several, or none can be told.

    Returns
    -------
    tuple of str
        ``"svd"``, which has to be fitted, then the spec of an encoder, where one that knows the language is installed.
        What each counts, cross-validation says once there are labels: `tl_core.heads.weighing`.
    """
    for spec in _ENCODERS:
        encoder = make(spec)
        if language not in encoder.languages and (language or len(encoder.languages) < 2):
            continue
        try:
            _ = encoder.fingerprint
        except FeaturiserUnavailable:
            continue
        return (svd.KIND, spec)
    return (svd.KIND,)


_ENCODERS = ("minilm", "use-multilingual")  # the better one first where both know a language
register("minilm", encoders.minilm, options=("precision",))
register("sentence-transformers", encoders.of_directory, options=("path", "precision"))
register("model2vec", static.Model2Vec, options=("path",))
register("use-multilingual", static.MultilingualUse)
register_fitted(svd.KIND, svd.Svd, svd.SvdFitting)
register_fitted(words.KIND, words.WordFeaturiser, training_words.fittable)
register_fitted(tuned.KIND, lambda spec: tuned.TunedEncoder(spec, make))
