"""Featurisers by name: what is registered here, networks of one's own, then torchvision's networks, then timm's."""

import difflib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from tl_core.featurisers import builders, cards, clip, graphs, guard, networks
from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable
from tl_core.featurisers.spec import canonical, parse

DEFAULT = "efficientnet-lite0"
TIMM = "timm/"
_registry: dict[str, tuple[Callable[..., Featuriser], tuple[str, ...]]] = {}


def register(name: str, make: Callable[..., Featuriser], *, options: Sequence[str] = ()) -> None:
    """Add a featuriser.

    Parameters
    ----------
    name : str
        Must be new, without a comma.
    make : callable
        Builds it; must be cheap and import nothing heavy. Gets the options of the spec, strings, as keywords.
    options : sequence of str
        Those it takes besides ``precision``: any of ``cut``, ``output``, ``size``, ``views``, ``weights``.

    Raises
    ------
    ValueError
        The name is taken or has a comma.
    """
    if name in _registry:
        raise ValueError(f"a featuriser named {name!r} is registered already")
    if "," in name:
        raise ValueError(f"a featuriser's name has no comma, as {name!r} does: options follow it")
    _registry[name] = (make, tuple(options))


def names() -> tuple[str, ...]:
    """Return the registered names, the installed and the uninstalled alike, in order of registration.

    Networks of torchvision and timm are not among them, but `get` knows them by their own names.
    """
    return tuple(_registry)


def make(spec: str = DEFAULT) -> Featuriser:
    """Build a featuriser, whether or not its weights are there.

    Parameters
    ----------
    spec : str
        A name and options, see `tl_core.featurisers.spec.parse`. Names are those of `names`, of torchvision's
        classification networks (``resnet50``), behind ``timm/`` of timm's, behind ``clip/`` of
        open_clip's, and ``own/DIGEST`` of one's own.

    Returns
    -------
    Featuriser
        Its ``name`` is the canonical spec.

    Raises
    ------
    FeaturiserUnavailable
        The library that would know the name cannot be imported.
    KeyError
        No such featuriser.
    ValueError
        An option is unknown, has an impossible value, or is not for this featuriser.
    """
    name, options = parse(spec)
    build, allowed = _builder(name)
    precision = options.get("precision", "float32")
    given = {option: value for option, value in options.items() if option != "precision"}
    for option in given:
        if option not in allowed:
            takes = ", ".join(sorted((*allowed, "precision")))
            raise ValueError(f"{name} takes no option {option!r}; it takes: {takes}")
    featuriser = build(**given)
    if options.get("size") == str(getattr(featuriser, "default_size", None)):
        del options["size"]
    featuriser.name = canonical(name, options)
    featuriser.precision = precision
    if "cut" in given or "output" in given:
        _ = featuriser.dimension  # a node that is not there is better told now than by a worker
    return featuriser


def get(spec: str = DEFAULT) -> Featuriser:
    """Return a featuriser whose weights are here; a hub's are downloaded where they are not, if there is a network.

    Parameters
    ----------
    spec : str
        As for `make`.

    Returns
    -------
    Featuriser
        Ready to use.

    Raises
    ------
    FeaturiserUnavailable
        It is known, but its weights or code are not here; the message says what to do.
    KeyError, ValueError
        As from `make`.
    """
    featuriser = make(spec)
    if not featuriser.weights_file.is_file():
        raise FeaturiserUnavailable(f"The weights of {featuriser.name} are missing at {featuriser.weights_file}.")
    return featuriser


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classification networks.

    Raises
    ------
    FeaturiserUnavailable
        torchvision cannot be imported.
    """
    models = guard.torchvision().models
    return list(models.list_models(module=models))


def _builder(name: str) -> tuple[Callable[..., Featuriser], tuple[str, ...]]:
    if name in _registry:
        return _registry[name]
    if name.startswith(cards.PREFIX):
        return _own_network(name.removeprefix(cards.PREFIX))
    if name.startswith(clip.PREFIX):
        return functools.partial(clip.ClipNetwork, name.removeprefix(clip.PREFIX)), ("weights",)
    if name.startswith(TIMM):
        architecture = name.removeprefix(TIMM)
        models = guard.timm().models
        if architecture not in models.list_pretrained() and architecture not in models.list_models():
            raise KeyError(_unknown(name, [TIMM + known for known in models.list_models() + models.list_pretrained()]))
        return lambda **options: networks.TimmNetwork(architecture, **options), (
            "cut",
            "output",
            "size",
            "views",
            "weights",
        )
    try:
        known = torchvision_names()
    except FeaturiserUnavailable as error:
        raise FeaturiserUnavailable(f"{name!r} may be a network of torchvision's, but {error}") from error
    if name not in known:
        raise KeyError(_unknown(name, [*_registry, *known]))
    return lambda **options: networks.TorchvisionNetwork(name, **options), ("cut", "output", "views", "weights")


def _own_network(digest: str) -> tuple[Callable[..., Featuriser], tuple[str, ...]]:
    """Return what builds a network of one's own: the architecture's featuriser with these weights."""
    storage = cards.configured()
    path = cards.local(storage, digest)
    card = cards.card_of(path)
    fixed: dict[str, str] = {}
    build: Callable[..., Featuriser]
    allowed: tuple[str, ...]
    if card.architecture == cards.ONNX:
        build, allowed = functools.partial(graphs.GraphNetwork, card), ()
    elif card.architecture == cards.CLIP:
        build, allowed = functools.partial(clip.ClipNetwork.described, card), ()
    elif card.architecture.startswith(cards.BUILDER):
        build, allowed = functools.partial(builders.BuiltNetwork, card), builders.OPTIONS
    else:
        name, options = parse(card.architecture)
        build, allowed = _builder(name)
        fixed = {option: value for option, value in options.items() if option != "precision"}

    def with_weights(**given: Any) -> Featuriser:
        featuriser = build(**{**fixed, **given, "weights": path})
        featuriser.digest, featuriser.source = digest, "this site"
        return featuriser

    return with_weights, tuple(option for option in allowed if option != "weights")


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 4, 0.6)
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    return (
        f"no featuriser named {name!r}; {meant}there are: {', '.join(_registry)}, the classification networks of "
        "torchvision by their names, timm/NAME, clip/NAME and own/DIGEST"
    )
