"""Cut a network in two at a block: what lies below stays as it is, what lies above is trained. Imports torch.

The lower part is a featuriser whose embedding is what it gives at the cut, so that decoding, exporting to ONNX and
computing on whatever device are those of every featuriser.
"""

import copy
import functools
import math
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx

from tl_core.featurisers import cutting
from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable, Picture
from tl_core.featurisers.networks import Network

PICTURE = "picture"  # the cut below everything: the whole network is trained, on decoded pictures
SHARES = (0.25, 0.5, 0.75)  # of the numbers in the network, above the cuts that are worth a try


@dataclass(frozen=True, eq=False)
class Halves:
    """A network in two parts that share their layers with it.

    Attributes
    ----------
    network : torch.nn.Module
        The whole of it, without classifier: its state is what is saved.
    lower : torch.nn.Module
        uint8 (n, size, size, 3) in, float32 (n, *shape) out; for `PICTURE` as it came.
    upper : torch.nn.Module
        What ``lower`` gives in, float32 (n, dimension) out.
    shape : tuple of int
        Of one picture's activations at the cut.
    dimension : int
        Length of an embedding.
    """

    network: torch.nn.Module
    lower: torch.nn.Module
    upper: torch.nn.Module
    shape: tuple[int, ...]
    dimension: int


class Below(Featuriser):
    """The part of a network below a cut, as a featuriser: its embedding is the activations there, flattened.

    Parameters
    ----------
    featuriser : Network
        Of torchvision, timm or this project.
    cut : str
        A block, from `cuts`.
    mirrored : bool
        Whether each picture's mirror image is computed too, behind the picture itself.

    Attributes
    ----------
    views : int
        2 where mirrored, else 1.
    shape : tuple of int
        Of one view.
    """

    def __init__(self, featuriser: Network, cut: str, *, mirrored: bool) -> None:
        self.base, self.cut, self.views = featuriser, cut, 2 if mirrored else 1
        self.name = f"{featuriser.name} below {cut}"
        self.image_size = featuriser.image_size
        self.preprocessing = featuriser.preprocessing
        self.pooling = f"{featuriser.pooling}, activations at {cut}, {self.views} views"
        self.source = featuriser.source

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of one view's activations."""
        return split(self.base, self.cut).shape

    @property
    def dimension(self) -> int:
        """Numbers a picture, all views."""
        return self.views * math.prod(self.shape)

    @property
    def decode_side(self) -> int:
        """As the network's."""
        return self.base.decode_side

    @property
    def weights_file(self) -> Path:
        """As the network's."""
        return self.base.weights_file

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """As the network's."""
        return self.base.preprocess(image)

    def module(self) -> torch.nn.Module:
        """Build the lower part; see the base class."""
        return _Views(split(self.base, self.cut).lower, self.views).eval()


def cuts(featuriser: Network) -> list[str]:
    """Find blocks worth cutting at, the highest first: a quarter, a half and three quarters of the numbers above.

    Parameters
    ----------
    featuriser : Network
        Of torchvision, timm or this project.

    Returns
    -------
    list of str
        Fewer where a network has few blocks, or is not a chain of them.

    Raises
    ------
    FeaturiserUnavailable
        It cannot be traced, or its weights are not here.
    """
    clean = list(_Traced(featuriser).clean.items())
    chosen: list[str] = []
    for share in SHARES:
        block = next((name for name, above in reversed(clean) if above >= share), None)
        if block is not None and block not in chosen:
            chosen.append(block)
    return chosen


def blocks(featuriser: Network) -> list[str]:
    """Return all blocks that a network can be cut behind, the lowest first. Raises as `cuts`."""
    return list(_Traced(featuriser).clean)


def split(featuriser: Network, cut: str) -> Halves:
    """Build a network with its weights and cut it.

    Parameters
    ----------
    featuriser : Network
        Of torchvision, timm or this project.
    cut : str
        A block, from `blocks`: the lower part ends behind it. Or `PICTURE`.

    Returns
    -------
    Halves
        In eval mode. Each call builds a network of its own.

    Raises
    ------
    FeaturiserUnavailable
        It cannot be traced, or its weights are not here.
    ValueError
        There is no such block, or it cannot be cut behind it.
    """
    if cut == PICTURE:
        module, side = _module(featuriser), featuriser.image_size
        return Halves(module.network, torch.nn.Identity(), module, (side, side, 3), module.pooling.dimension)
    traced = _Traced(featuriser)
    if cut not in traced.clean:
        known = ", ".join(traced.clean)
        raise ValueError(f"{featuriser.name} cannot be cut behind {cut!r}; it can be behind: {known}")
    module, side = traced.module, featuriser.image_size
    lower = _Lower(module, traced.below(cut)).eval()
    upper = _Upper(traced.above(cut), module.pooling).eval()
    with torch.no_grad():
        shape = tuple(lower(torch.zeros((1, side, side, 3), dtype=torch.uint8)).shape[1:])
    return Halves(module.network, lower, upper, shape, module.pooling.dimension)


def is_transformer(halves: Halves) -> bool:
    """Return whether a network is made of attention."""
    return any("Attention" in type(part).__name__ for part in halves.network.modules())


class _Lower(torch.nn.Module):
    """Normalise and compute what lies below the cut."""

    def __init__(self, embed: cutting.Embed, lower: torch.nn.Module) -> None:
        super().__init__()
        self.embed, self.lower = embed, lower

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        activations: torch.Tensor = self.lower(self.embed.normalise(image))
        return activations


class _Upper(torch.nn.Module):
    """Compute what lies above the cut, and pool it."""

    def __init__(self, upper: torch.nn.Module, pooling: cutting.Pooling) -> None:
        super().__init__()
        self.upper, self.pooling = upper, pooling

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        return self.pooling(self.upper(activations))


class _Views(torch.nn.Module):
    """The lower part of a picture, and of its mirror image behind it, in one row."""

    def __init__(self, lower: torch.nn.Module, views: int) -> None:
        super().__init__()
        self.lower, self.views = lower, views

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        seen = [image, image.flip(2)][: self.views]
        return torch.cat([self.lower(each).flatten(1) for each in seen], dim=1)


class _Blockwise(fx.Tracer):
    """Sees blocks as single steps: what is inside them need not be traceable."""

    def __init__(self, network: torch.nn.Module) -> None:
        _, functions = cutting.kept_whole(type(network).__module__)
        super().__init__(autowrap_functions=functions)
        self.whole = {path for path, _ in cutting.blocks(network)}

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name in self.whole or super().is_leaf_module(m, module_qualified_name)


class _Traced:
    """A network as a graph of its blocks; ``clean`` are those behind which a single tensor passes, with what is above.

    What is above is told as a share of all numbers in the network.
    """

    def __init__(self, featuriser: Network) -> None:
        self.module = _module(featuriser)
        self.network = self.module.network
        try:
            self.graph = _Blockwise(self.network).trace(self.network)
        except Exception as error:
            # Whatever the network's code raises on meeting symbols instead of tensors.
            raise FeaturiserUnavailable(
                f"{featuriser.name} cannot be cut into a fixed and a trained part: {error}"
            ) from error
        self._fix_options()
        self.clean = self._clean()

    def _fix_options(self) -> None:
        """Give what the network may be told besides pictures, such as a mask, its default."""
        for option in [node for node in self.graph.nodes if _is_input(node)][1:]:
            default = option.args[0] if option.args else None

            def settled(node: fx.Node, option: fx.Node = option, default: Any = default) -> Any:
                return default if node is option else node

            for user in list(option.users):
                user.args, user.kwargs = fx.map_arg(user.args, settled), fx.map_arg(user.kwargs, settled)
            self.graph.erase_node(option)

    def _clean(self) -> dict[str, float]:
        sizes = {path: sum(each.numel() for each in part.parameters()) for path, part in cutting.blocks(self.network)}
        total = sum(each.numel() for each in self.network.parameters())
        nodes = list(self.graph.nodes)
        place = {node: number for number, node in enumerate(nodes)}
        last_use = {node: max((place[user] for user in node.users), default=-1) for node in nodes}
        clean, below = {}, 0
        for number, node in enumerate(nodes):
            if node.op != "call_module" or node.target not in sizes:
                continue
            below += sizes[node.target]
            crossing = [each for each in nodes[:number] if last_use[each] > number and not _is_count(each)]
            # What comes last of all, such as a normalisation, holds next to nothing: there is nothing to train above.
            if not crossing and 0 < below < total:
                clean[node.target] = 1 - below / total
        return clean

    def _end(self, graph: fx.Graph, cut: str) -> fx.Node:
        ends: list[fx.Node] = [node for node in graph.nodes if node.op == "call_module" and node.target == cut]
        return ends[-1]

    def below(self, cut: str) -> fx.GraphModule:
        """The graph up to a block's end."""
        graph = copy.deepcopy(self.graph)
        end = self._end(graph, cut)
        output = next(node for node in graph.nodes if node.op == "output")
        output.args = (end,)
        for node in reversed(list(graph.nodes)):
            if node is end:
                break
            if node is not output:
                graph.erase_node(node)
        return fx.GraphModule(self.network, graph)

    def above(self, cut: str) -> fx.GraphModule:
        """The graph from a block's end on."""
        end = self._end(self.graph, cut)
        graph, values = fx.Graph(), {}
        values[end] = graph.placeholder("activations")
        nodes = list(self.graph.nodes)
        at = nodes.index(end)
        for node in nodes[:at]:
            if _is_count(node):  # how many pictures there are is the same on both sides
                values[node] = graph.call_method("size", (values[end], 0))
        for node in nodes[at + 1 :]:
            values[node] = graph.node_copy(node, values.__getitem__)
        graph.lint()
        return fx.GraphModule(self.network, graph)


def _module(featuriser: Network) -> cutting.Embed:
    module = featuriser.module() if isinstance(featuriser, Network) and featuriser.cut == "1" else None
    if not isinstance(module, cutting.Embed):
        raise FeaturiserUnavailable(
            f"{featuriser.name} cannot be fine-tuned: only whole networks of torchvision, timm and this project can."
        )
    return module


def _is_count(node: fx.Node) -> bool:
    """Whether a node is the number of pictures: the first of the input's sizes."""
    if node.op == "call_method" and node.target == "size":
        return node.args[1:] == (0,) and _is_input(node.args[0])
    if node.op == "call_function" and node.target is operator.getitem and node.args[1] == 0:
        shape = node.args[0]
        return isinstance(shape, fx.Node) and shape.args[1:] == ("shape",) and _is_input(shape.args[0])
    return False


def _is_input(node: Any) -> bool:
    return isinstance(node, fx.Node) and node.op == "placeholder"
