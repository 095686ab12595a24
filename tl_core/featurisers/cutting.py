"""Take the last layers off a network and make one vector of what is left. Imports torch.

Blocks are what a network is made of at its root, with ``Sequential`` and ``ModuleList`` opened, and with the one child
opened that holds most of it (a transformer's encoder). What holds no weights but a normalisation's does not count.
"""

import difflib
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from tl_core.featurisers import guard
from tl_core.featurisers.base import FeaturiserUnavailable


class WithoutWeights(torch.overrides.TorchFunctionMode):
    """Build networks in no time: their large tensors get a shape and no content.

    Only ``torch.empty``, which layers take their parameters from, is turned to the meta device; some networks compute
    their widths with small tensors while they are built, and those must hold numbers. Follow with ``.to("meta")``.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``, on the meta device where it allocates."""
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        filled = args[0] if args else kwargs.get("tensor")
        if getattr(func, "__name__", "") in _FILLING and isinstance(filled, torch.Tensor) and filled.is_meta:
            return filled
        return func(*args, **kwargs)


# What layers fill their parameters with: where these have no content it would take the most time.
_FILLING = frozenset(
    ("normal_", "uniform_", "kaiming_uniform_", "constant_", "fill_", "zero_", "erfinv_", "mul_", "add_", "clamp_")
)


class _ShapesAlone(torch.overrides.TorchFunctionMode):
    """Run a network on the meta device in less time: what normalises by known statistics leaves a shape as it is."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``, unless it would normalise."""
        if func is torch.nn.functional.batch_norm and args[0].is_meta:
            return args[0]
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Pooling:
    """How a network's features become a vector.

    Attributes
    ----------
    kind : str
        ``"vector"`` (n, c), ``"channels first"`` (n, c, h, w), ``"channels last"`` (n, h, w, c), ``"class token"`` or
        ``"tokens"`` (n, tokens, c).
    dimension : int
        Length of the vector.
    """

    kind: str
    dimension: int

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Pool: float32 of the shape of its kind in, float32 (n, dimension) out."""
        match self.kind:
            case "channels first":
                return features.mean(dim=(2, 3))
            case "channels last":
                return features.mean(dim=(1, 2))
            case "class token":
                return features[:, 0]
            case "tokens":
                return features.mean(dim=1)
        return features


class Embed(torch.nn.Module):
    """Normalise, compute, pool: uint8 (n, size, size, 3) in, float32 (n, dimension) out.

    Parameters
    ----------
    network : torch.nn.Module
        From `cut_network`, or anything from float32 (n, 3, size, size) to what ``pooling`` takes.
    mean, std : sequence of float
        Of each channel or one for all, as a share of 255.
    pooling : Pooling
        From `pooling_of`.
    """

    def __init__(
        self, network: torch.nn.Module, mean: tuple[float, ...], std: tuple[float, ...], pooling: Pooling
    ) -> None:
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.offset: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("offset", torch.tensor([255 * value for value in mean]).reshape(1, -1, 1, 1))
        self.register_buffer("scale", torch.tensor([255 * value for value in std]).reshape(1, -1, 1, 1))

    def normalise(self, image: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 (n, size, size, 3) to float32 (n, 3, size, size)."""
        # Inside the graph, so that uint8 crosses the boundary: a quarter of the bytes, same speed.
        return (image.permute(0, 3, 1, 2).to(torch.float32) - self.offset) / self.scale

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Compute the embeddings."""
        return self.pooling(self.network(self.normalise(image)))


class Mirrored(torch.nn.Module):
    """The mean of what a module makes of a picture and of its mirror image: uint8 (n, side, side, 3) in.

    Parameters
    ----------
    module : torch.nn.Module
        From uint8 (n, side, side, 3) to float32 (n, dimension).
    """

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Compute the embeddings."""
        mean: torch.Tensor = (self.module(image) + self.module(image.flip(2))) / 2
        return mean


def last_weighted_layer(network: torch.nn.Module) -> str:
    """Return the name of the last layer with weights: a classification network's classifier.

    Parameters
    ----------
    network : torch.nn.Module
        Its layers in the order they were registered.

    Returns
    -------
    str
        As for `torch.nn.Module.get_submodule`.
    """
    layers = [name for name, module in network.named_modules() if not any(module.children()) and weighted(module)]
    return str(layers[-1])


def cut_network(network: torch.nn.Module, cut: str, name: str) -> torch.nn.Module:
    """Take further layers off a network whose classifier is gone.

    Parameters
    ----------
    network : torch.nn.Module
        In eval mode.
    cut : str
        ``"1"``: nothing more. ``"2"``: its last block with weights too; the features are that block's input. Else a
        node of the traced network, or a module for its last node: the features are the node's output.
    name : str
        The network's, for messages.

    Returns
    -------
    torch.nn.Module
        Shares its layers with ``network``.

    Raises
    ------
    FeaturiserUnavailable
        The network cannot be traced, or the block takes more than one input.
    ValueError
        There is no such node.
    """
    if cut == "1":
        return network
    if cut == "2":
        block = last_block(network)
        # Traced as a whole, the block is one node whose first argument is looked for.
        tracer, graph = _trace(network, type(network.get_submodule(block)), name=name, node=block)
        calls = [node for node in graph.nodes if node.op == "call_module" and node.target == block]
        inputs = [argument for node in calls[:1] for argument in node.args[:1]]
        if not inputs or not isinstance(inputs[0], fx.Node):
            raise FeaturiserUnavailable(f"The input of {block} in {name} cannot be traced: choose another cut.")
        features = inputs[0]
    else:
        tracer, graph = _trace(network, name=name, node=cut)
        features = _node(tracer.node_to_qualname, cut, name)
    output = next(node for node in graph.nodes if node.op == "output")
    output.args = (features,)
    # In the order of execution: what comes after is not needed, and may be an assertion, which nothing else removes.
    for node in reversed(list(graph.nodes)):
        if node is features:
            break
        if node is not output:
            graph.erase_node(node)
    return fx.GraphModule(network, graph)


def last_block(network: torch.nn.Module) -> str:
    """Return the name of the last block with weights.

    Parameters
    ----------
    network : torch.nn.Module
        Without its classifier.

    Returns
    -------
    str
        As for `torch.nn.Module.get_submodule`.
    """
    return [name for name, module in blocks(network) if weighted(module)][-1]


def pooling_of(network: torch.nn.Module, image_size: int, name: str) -> Pooling:
    """Find out what shape the features have.

    Parameters
    ----------
    network : torch.nn.Module
        From `cut_network`, on any device: on the meta device nothing is computed.
    image_size : int
        Side of the square image it sees, pixels.
    name : str
        The network's, for messages.

    Returns
    -------
    Pooling
        For features of that shape.

    Raises
    ------
    FeaturiserUnavailable
        It cannot take images of that size, or its output is nothing a vector can be made of.
    """
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad(), _ShapesAlone():
            output = network(torch.zeros((2, 3, image_size, image_size), device=device))
    except (RuntimeError, AssertionError, ValueError, TypeError, NotImplementedError) as error:
        raise FeaturiserUnavailable(f"{name} does not work on images of {image_size} pixels: {error}") from error
    shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
    # A traced network keeps only what it uses: cut before the class token comes in, it has none.
    pooling = pooling_for(shape, has_class_token=_has_class_token(network))
    if pooling is None:
        what = f"of shape {shape} for two images" if shape else f"a {type(output).__name__}"
        raise FeaturiserUnavailable(f"{name} gives {what} there: no vector can be made of it. Choose another cut.")
    return pooling


def pooling_for(shape: tuple[int, ...], *, has_class_token: bool) -> Pooling | None:
    """Return the pooling of features of that shape for two square images; None where there is none.

    Parameters
    ----------
    shape : tuple of int
        Of a network's output.
    has_class_token : bool
        Whether the first of its tokens, where it has tokens, stands for the image.

    Returns
    -------
    Pooling or None
        For that shape.
    """
    match shape:
        case (2, channels):
            return Pooling("vector", channels)
        case (2, _, channels):
            return Pooling("class token" if has_class_token else "tokens", channels)
        # Images are square: the two equal sides are the places, whichever way round the network keeps them.
        case (2, channels, height, width) if height == width:
            return Pooling("channels first", channels)
        case (2, height, width, channels) if height == width:
            return Pooling("channels last", channels)
    return None


def blocks(network: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield what a network is made of, as said above: the name of each block and the block, in order."""
    most = sum(parameter.numel() for parameter in network.parameters()) / 2

    def opened(parent: torch.nn.Module, path: str, depth: int) -> Iterator[tuple[str, torch.nn.Module]]:
        for name, child in parent.named_children():
            body = depth == 0 and sum(parameter.numel() for parameter in child.parameters()) > most
            if any(child.children()) and (body or isinstance(child, torch.nn.Sequential | torch.nn.ModuleList)):
                yield from opened(child, f"{path}{name}.", depth + 1)
            else:
                yield f"{path}{name}", child

    return opened(network, "", 0)


def weighted(module: torch.nn.Module) -> int:
    """Return how many layers with weights there are, not counting normalisations."""
    return sum(
        any(True for _ in part.parameters(recurse=False)) and "norm" not in type(part).__name__.lower()
        for part in module.modules()
    )


def _has_class_token(network: torch.nn.Module) -> bool:
    return any(getattr(network, attribute, None) is not None for attribute in ("class_token", "cls_token"))


def _trace(network: torch.nn.Module, *leaves: type, name: str, node: str) -> tuple[Any, fx.Graph]:
    guard.torchvision()
    import torchvision
    from torchvision.models.feature_extraction import NodePathTracer

    leaf_modules, functions = kept_whole(type(network).__module__)
    tracer = NodePathTracer(
        autowrap_modules=(math, torchvision.ops), autowrap_functions=functions, leaf_modules=[*leaves, *leaf_modules]
    )
    try:
        return tracer, tracer.trace(network)
    except Exception as error:
        # Whatever the network's code raises on meeting symbols instead of tensors.
        raise FeaturiserUnavailable(
            f"{name} cannot be traced, which cutting it at {node} needs ({error}): only cut=1 works with it."
        ) from error


@functools.cache
def kept_whole(module: str) -> tuple[tuple[type, ...], tuple[Any, ...]]:
    """Return the classes and functions that timm says not to trace into."""
    if not module.startswith("timm."):
        return (), ()
    layers = guard.timm().layers
    return tuple(layers.get_notrace_modules()), tuple(layers.get_notrace_functions())


def _node(qualnames: dict[fx.Node, str], wanted: str, name: str) -> fx.Node:
    """Return the node of that name, or the last one inside the module of that name."""
    nodes = [node for node, qualname in qualnames.items() if qualname == wanted]
    nodes = nodes or [node for node, qualname in qualnames.items() if qualname.startswith(f"{wanted}.")]
    if nodes:
        return nodes[-1]
    known = list(qualnames.values())
    hint = difflib.get_close_matches(wanted, known, 5, 0.5) or known[-8:]
    raise ValueError(f"{name} has no node {wanted!r} to cut at; there are, for instance: {', '.join(hint)}")
