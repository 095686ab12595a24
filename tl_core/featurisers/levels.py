"""What a network knows on its way: pooled statistics of intermediate blocks, beside or instead of its last layer.

Where pictures are far from those a network was trained on, what lies below its last layers tells them apart better.
Source: Yosinski et al., How transferable are features in deep neural networks?, arXiv 1411.1792; mean and deviation of
each channel as in Huang, Belongie: Arbitrary style transfer in real-time, arXiv 1703.06868. Imports torch.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import fx

from tl_core.featurisers import cutting
from tl_core.featurisers.base import FeaturiserUnavailable

MOST = 4
DEPTHS = (1 / 3, 1 / 2, 2 / 3, 5 / 6)  # where a network is the same throughout, as transformers are


@dataclass(frozen=True)
class Level:
    """An intermediate block of a network.

    Attributes
    ----------
    path : str
        As for `torch.nn.Module.get_submodule`.
    pooling : Pooling
        Of its output; two numbers a channel are kept, so twice its dimension.
    """

    path: str
    pooling: cutting.Pooling


class WithLevels(torch.nn.Module):
    """Compute levels in the pass that computes the last layer: uint8 (n, size, size, 3) in, float32 (n, dimension) out.

    The last layer comes first, where it is asked for, then each level's means, then its deviations.

    Parameters
    ----------
    embed : Embed
        The network with what comes before and behind it.
    levels : tuple of Level
        From `choose`.
    last : bool
        Whether the last layer is kept.
    name : str
        The network's, for messages.

    Raises
    ------
    FeaturiserUnavailable
        The network cannot be traced.
    """

    def __init__(self, embed: cutting.Embed, levels: tuple[Level, ...], *, last: bool, name: str) -> None:
        super().__init__()
        self.embed, self.levels, self.last = embed, levels, last
        self.traced = _traced(embed.network, [level.path for level in levels], name)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Compute the embeddings."""
        features, *outputs = self.traced(self.embed.normalise(image))
        parts = [self.embed.pooling(features)] if self.last else []
        for level, output in zip(self.levels, outputs, strict=True):
            parts += _mean_and_deviation(output, level.pooling.kind)
        return torch.cat(parts, dim=1)


def choose(network: torch.nn.Module, image_size: int, name: str) -> tuple[Level, ...]:
    """Return the levels of a network that are worth keeping.

    Where its shape changes on the way, the ends of its stages but the last one's, the latest four; else blocks at a
    third, a half, two thirds and five sixths of its depth.

    Parameters
    ----------
    network : torch.nn.Module
        Without its classifier; on the meta device nothing is computed.
    image_size : int
        Side of the square image it sees, pixels.
    name : str
        The network's, for messages.

    Returns
    -------
    tuple of Level
        In the order they are computed, one or more.

    Raises
    ------
    FeaturiserUnavailable
        There are none.
    """
    outputs = _outputs(network, image_size)
    paths = list(outputs)
    stages = [
        path for path, following in itertools.pairwise(paths) if outputs[path].shape[1:] != outputs[following].shape[1:]
    ]
    if len(stages) >= 2:
        chosen = stages[-MOST:]
    else:
        chosen = list(dict.fromkeys(paths[int(len(paths) * depth)] for depth in DEPTHS)) if len(paths) > MOST else []
    levels = tuple(
        Level(path, cutting.pooling_for(tuple(outputs[path].shape), has_class_token=False) or cutting.Pooling("", 0))
        for path in chosen
    )
    kept = tuple(level for level in levels if level.pooling.dimension)
    if not kept:
        raise FeaturiserUnavailable(f"{name} has no intermediate blocks that could be told apart: only output=last.")
    return kept


def _outputs(network: torch.nn.Module, image_size: int) -> dict[str, torch.Tensor]:
    """Return what each block gives for two images, by its path, in the order of computing; maps and tokens only."""
    outputs: dict[str, torch.Tensor] = {}
    weighted = [(path, block) for path, block in cutting.blocks(network) if cutting.weighted(block)]
    # A residual block is more than a layer; only old networks have none.
    watched = [(path, block) for path, block in weighted if cutting.weighted(block) >= 2] or weighted

    def keep(path: str) -> object:
        def hook(_module: object, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor) and output.dim() in (3, 4):
                outputs[path] = output

        return hook

    hooks = [block.register_forward_hook(keep(path)) for path, block in watched]  # type: ignore[arg-type]
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad():
            network(torch.zeros((2, 3, image_size, image_size), device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


class _Tracer(fx.Tracer):
    """Sees blocks as single steps: what is inside them need not be traceable."""

    def __init__(self, network: torch.nn.Module) -> None:
        _, functions = cutting.kept_whole(type(network).__module__)
        super().__init__(autowrap_functions=functions)
        self.whole = {path for path, _ in cutting.blocks(network)}

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is one step."""
        return module_qualified_name in self.whole or super().is_leaf_module(m, module_qualified_name)


def _traced(network: torch.nn.Module, paths: list[str], name: str) -> fx.GraphModule:
    """Return the network with the outputs of the modules at ``paths`` behind its own."""
    tracer = _Tracer(network)
    try:
        graph = tracer.trace(network)
    except Exception as error:
        # Whatever the network's code raises on meeting symbols instead of tensors.
        raise FeaturiserUnavailable(f"{name} cannot be traced, which its levels need: {error}") from error
    calls = {node.target: node for node in graph.nodes if node.op == "call_module"}
    missing = [path for path in paths if path not in calls]
    if missing:
        raise FeaturiserUnavailable(f"{name} does not compute {missing[0]} as one step: only output=last works.")
    output = next(node for node in graph.nodes if node.op == "output")
    output.args = ((output.args[0], *(calls[path] for path in paths)),)
    return fx.GraphModule(network, graph)


def _mean_and_deviation(features: torch.Tensor, kind: str) -> list[torch.Tensor]:
    """Pool (n, c, h, w), (n, h, w, c) or (n, tokens, c) to two tensors of float32 (n, c)."""
    places = {"channels first": (2, 3), "channels last": (1, 2)}.get(kind, (1,))
    single = features.to(torch.float32)  # squares of float16 overflow
    mean = single.mean(dim=places, keepdim=True)
    deviation = (single - mean).square().mean(dim=places).sqrt()
    return [mean.flatten(1), deviation]
