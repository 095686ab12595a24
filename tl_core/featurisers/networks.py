"""Pretrained networks of torchvision and timm as featurisers: cut, pooled, with weights from a hub or an own file.

The features are those of transfer learning: the network without its last one or two layers, averaged over places.
Source: Yosinski et al., How transferable are features in deep neural networks?, arXiv 1411.1792.
"""

import re
import sys
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers import downloads, guard
from tl_core.featurisers.base import Block, Featuriser, FeaturiserUnavailable, Picture
from tl_core.featurisers.preprocessing import Preprocessing
from tl_core.store import files

if TYPE_CHECKING:
    import torch

    from tl_core.featurisers.cutting import Pooling
    from tl_core.featurisers.levels import Level

MIRRORED = ", averaged with the mirror image's"


@dataclass(frozen=True)
class _Outline:
    """What is known of a network without its weights."""

    pooling: "Pooling"
    size: int  # numbers in it
    levels: "tuple[Level, ...]"

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The last layer, unless there are levels alone, and each level with its means and deviations."""
        blocks = [Block("last", 0, self.pooling.dimension)] if self.pooling.dimension else []
        for level in self.levels:
            start = blocks[-1].stop if blocks else 0
            blocks.append(Block(level.path, start, start + 2 * level.pooling.dimension))
        return tuple(blocks)


# (pooling words, image size) -> what came out: building and tracing a network takes up to a second.
_known: dict[tuple[str, int], _Outline] = {}


class Network(Featuriser):
    """A pretrained network of a library, without its classifier.

    Parameters
    ----------
    library, architecture : str
        Which network.
    preprocessing : Preprocessing
        As the network was trained.
    weights : Path or str or None
        A checkpoint of this architecture; None = the library's own.
    cut : str
        See `tl_core.featurisers.cutting.cut_network`.
    output : str
        ``"last"``: what is left after the cut. ``"levels"``: intermediate blocks instead, see
        `tl_core.featurisers.levels`. ``"both"``: first the one, then the others.
    views : str
        ``"2"``: the mean of the picture's embedding and its mirror image's, for twice the time; not for spectrograms
        and writing, whose mirror images are something else.

    Attributes
    ----------
    parameters : int
        Numbers in the network without its classifier.

    Raises
    ------
    ValueError
        Levels of a network that is cut elsewhere.
    """

    def __init__(
        self,
        library: str,
        architecture: str,
        preprocessing: Preprocessing,
        *,
        weights: Path | str | None = None,
        cut: str = "1",
        output: str = "last",
        views: str = "1",
    ) -> None:
        if output != "last" and cut != "1":
            raise ValueError(f"{architecture}: output={output} is of the whole network, and goes with cut=1 alone")
        self.name = architecture
        self.library = library
        self.architecture = architecture
        self.own_weights = None if weights is None else Path(weights)
        self.cut = cut
        self.output = output
        self.views = int(views)
        self.transform = preprocessing
        self.image_size = preprocessing.crop
        self.preprocessing = str(preprocessing)
        self.pooling = f"{library} {architecture} cut {cut}, class token or mean over places"
        if output != "last":
            self.pooling += f", {output}: mean and deviation of stages"
        if self.views == 2:
            self.preprocessing += MIRRORED

    @property
    def decode_side(self) -> int:
        """Short side the decoder should keep, pixels: that of the resized image, before its crop."""
        return self.transform.resize

    @property
    def dimension(self) -> int:
        """Length of an embedding. Found by building the network without weights, once a process."""
        return self.blocks[-1].stop

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What an embedding is made of; see the base class. Found as `dimension` is."""
        return self._outline().blocks

    @property
    def parameters(self) -> int:
        """Numbers in the network without its classifier."""
        return self._outline().size

    @property
    def weights_file(self) -> Path:
        """Path of the weights; downloaded where they are missing and there is a network. See the base class."""
        local = self.local_weights()
        if local is not None:
            return local
        if self.own_weights is not None:
            raise FeaturiserUnavailable(f"There is no weights file {self.own_weights}.")
        url, path = self._published(), self._place()
        try:
            downloads.fetch(url, path)
        except OSError as error:
            raise FeaturiserUnavailable(
                f"The weights of {self.name} are not on this machine and could not be downloaded ({error}). "
                f"{self.remedy}"
            ) from error
        return path

    @property
    def remedy(self) -> str:
        """What to do where the weights are missing and there is no network."""
        if self.own_weights is not None:
            return f"Put the file at {self.own_weights}."
        path = self._place()
        return (
            f"Download {self._published()} elsewhere and put it as {path.name} into {path.parent}, "
            f"or give a file of your own: {self.name},weights=FILE"
        )

    def local_weights(self) -> Path | None:
        """Path of the weights where they are on this machine; asks no network."""
        try:
            path = self.own_weights or self._place()
        except FeaturiserUnavailable:
            return None
        return path if path.is_file() else None

    @property
    def recipe(self) -> dict[str, Any] | None:
        """How images are resized and cropped."""
        return self.transform.recipe

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Resize and crop as the network was trained. See the base class."""
        return self.transform.apply(image)

    def module(self) -> "torch.nn.Module":
        """Build the network with its weights, normalisation in front and pooling behind. See the base class."""
        from tl_core.featurisers import cutting, levels

        cut = cutting.cut_network(self.filled(), self.cut, self.name)
        outline = self._outline()
        embed = cutting.Embed(cut, self.transform.mean, self.transform.std, outline.pooling).eval()
        whole: torch.nn.Module = embed
        if self.output != "last":
            whole = levels.WithLevels(embed, outline.levels, last=self.output == "both", name=self.name)
        return (cutting.Mirrored(whole) if self.views == 2 else whole).eval()

    def filled(self) -> "torch.nn.Module":
        """Build the whole network, without its classifier, with its weights and in eval mode.

        Raises
        ------
        FeaturiserUnavailable
            The weights are not here, or do not fit.
        """
        from tl_core.featurisers import checkpoints

        path = self.weights_file
        network, head = self._built()
        state = self._converted(checkpoints.unwrapped(checkpoints.read(path), network), network)
        checkpoints.fill(network, state, path, head=head, name=self.name)
        return network.eval()

    def write_untrained(self, path: Path, seed: int) -> None:
        """Write random weights of this network, as lively as trained ones: what it knows without any training.

        Parameters
        ----------
        path : Path
            A .safetensors file, written atomically.
        seed : int
            The same weights for the same seed.

        Raises
        ------
        FeaturiserUnavailable
            A package it needs is not installed.
        """
        import torch
        from safetensors.torch import save

        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            network, _ = self._built()
            for module in network.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.momentum = None  # the plain mean of what comes: else deep layers give hardly anything
            network.train()(torch.randn(8, 3, self.image_size, self.image_size))
        state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        files.write_bytes(path, save(state))

    @abstractmethod
    def _built(self) -> tuple["torch.nn.Module", tuple[str, ...]]:
        """Build the network without its classifier, with random weights; name what a checkpoint may have besides."""

    @abstractmethod
    def _published(self) -> str:
        """Return the URL of the library's weights."""

    @abstractmethod
    def _place(self) -> Path:
        """Return where the library's weights are, or belong."""

    def _converted(self, state: dict[str, Any], network: "torch.nn.Module") -> dict[str, Any]:
        """Bring published weights of an older layout to today's."""
        return state

    def _outline(self) -> _Outline:
        key = (self.pooling, self.image_size)
        if key not in _known:
            from tl_core.featurisers import cutting, levels

            with cutting.WithoutWeights():
                network, _ = self._built()
            network = network.eval().to("meta")
            size = sum(parameter.numel() for parameter in network.parameters())
            chosen = () if self.output == "last" else levels.choose(network, self.image_size, self.name)
            pooling = cutting.Pooling("nothing", 0)
            if self.output != "levels":
                cut = cutting.cut_network(network, self.cut, self.name)
                pooling = cutting.pooling_of(cut, self.image_size, self.name)
            _known[key] = _Outline(pooling, size, chosen)
        return _known[key]


class TorchvisionNetwork(Network):
    """A classification network of torchvision, with the ``DEFAULT`` weights and their transforms.

    Parameters
    ----------
    architecture : str
        torchvision's name, for instance ``"resnet50"``.
    weights, **options
        See `Network`: ``cut``, ``output``, ``views``.

    Raises
    ------
    FeaturiserUnavailable
        torchvision cannot be imported.
    """

    source = "torchvision"

    def __init__(self, architecture: str, *, weights: Path | str | None = None, **options: str) -> None:
        self._weights = guard.torchvision().models.get_model_weights(architecture).DEFAULT
        transforms = self._weights.transforms()
        preprocessing = Preprocessing(
            resize=transforms.resize_size[0],
            crop=transforms.crop_size[0],
            interpolation=transforms.interpolation.value,
            mean=tuple(transforms.mean),
            std=tuple(transforms.std),
        )
        super().__init__("torchvision", architecture, preprocessing, weights=weights, **options)

    @property
    def megabytes(self) -> float:
        """Size of the published weights."""
        return float(self._weights.meta["_file_size"])

    def _built(self) -> tuple["torch.nn.Module", tuple[str, ...]]:
        import torch

        from tl_core.featurisers import cutting

        options: dict[str, Any] = {}
        if self.architecture in ("googlenet", "inception_v3"):
            # As torchvision builds them for its own weights, and without what only training needs.
            options = {"transform_input": True, "aux_logits": False, "init_weights": False}
        elif self.architecture.startswith("vit_"):
            options = {"image_size": self.image_size}
        network = guard.torchvision().models.get_model(self.architecture, weights=None, **options)
        classifier = cutting.last_weighted_layer(network)
        network.set_submodule(classifier, torch.nn.Identity())
        return network, (classifier, "aux1", "aux2", "AuxLogits")

    def _converted(self, state: dict[str, Any], network: "torch.nn.Module") -> dict[str, Any]:
        if not self.architecture.startswith("densenet"):
            return state
        # Published before module names could not hold dots: denselayer1.norm.1 is now denselayer1.norm1.
        old = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])")
        return {old.sub(r"\1\2", key): value for key, value in state.items()}

    def _published(self) -> str:
        return str(self._weights.url)

    def _place(self) -> Path:
        return downloads.directory() / self._published().rpartition("/")[2]


class TimmNetwork(Network):
    """A network of timm, with the weights of its tag.

    Parameters
    ----------
    architecture : str
        timm's name, with or without a tag, for instance ``"vit_small_patch14_dinov2.lvd142m"``.
    weights, **options
        See `Network`: ``cut``, ``output``, ``views``.
    size : int or str or None
        Side of the image in pixels, a multiple of a transformer's patch; None = as it was trained, 224 for DINOv2.
        Position embeddings are interpolated.

    Attributes
    ----------
    default_size : int
        What ``size=None`` means.

    Raises
    ------
    FeaturiserUnavailable
        timm or torchvision cannot be imported, or the network wants something else than a resized, cropped picture.
    """

    source = "timm (hub)"

    def __init__(
        self,
        architecture: str,
        *,
        weights: Path | str | None = None,
        size: int | str | None = None,
        **options: str,
    ) -> None:
        timm = guard.timm()
        self._config = timm.models.get_pretrained_cfg(architecture)
        # DINOv2 was trained at 518 pixels, five times the patches of 224 for little more.
        self.default_size = 224 if "dinov2" in architecture else self._config.input_size[-1]
        side = int(size or self.default_size)
        at_size = {**self._config.to_dict(), "input_size": (self._config.input_size[0], side, side)}
        config = timm.data.resolve_data_config(pretrained_cfg=at_size)
        channels, height, width = self._config.input_size
        if channels != 3 or height != width or config["crop_mode"] not in ("center", "squash"):
            raise FeaturiserUnavailable(
                f"timm/{architecture} wants input {self._config.input_size} with crop mode {config['crop_mode']}; "
                "only square colour images, cropped at the centre or squashed, are supported."
            )
        preprocessing = Preprocessing(
            resize=int(side / config["crop_pct"]),
            crop=side,
            interpolation=config["interpolation"],
            mean=config["mean"],
            std=config["std"],
            squash=config["crop_mode"] == "squash",
        )
        super().__init__("timm", architecture, preprocessing, weights=weights, **options)
        self.name = f"timm/{architecture}"

    @property
    def megabytes(self) -> float:
        """Size of the weights as float32."""
        return self.parameters * 4 / 1e6

    def local_weights(self) -> Path | None:
        """Path of the weights, also in the Hugging Face cache. See the base class."""
        local = super().local_weights()
        if local is None and self.own_weights is None and self._config.hf_hub_id:
            from huggingface_hub import try_to_load_from_cache

            cached = try_to_load_from_cache(self._config.hf_hub_id, self._file_name())
            return Path(cached) if isinstance(cached, str) else None
        return local

    def _built(self) -> tuple["torch.nn.Module", tuple[str, ...]]:
        # Only where the network fixes its size does timm let it be given.
        size = {"img_size": self.image_size} if self._config.fixed_input_size else {}
        try:
            network = guard.timm().create_model(self.architecture, pretrained=False, num_classes=0, **size)
        except (RuntimeError, AssertionError, ValueError, TypeError) as error:
            raise FeaturiserUnavailable(f"{self.name} cannot be built at {self.image_size} pixels: {error}") from error
        classifier = self._config.classifier or ()
        return network, (classifier,) if isinstance(classifier, str) else tuple(classifier)

    def _converted(self, state: dict[str, Any], network: "torch.nn.Module") -> dict[str, Any]:
        # timm's own conversion, which also interpolates position embeddings; by convention beside the network's class.
        convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
        return state if convert is None else convert(state, network)

    def _file_name(self) -> str:
        return self._config.hf_hub_filename or "model.safetensors"

    def _published(self) -> str:
        # "custom_load" means an URL's file is JAX's; on the hub it was converted, unless it says "hf".
        if self._config.hf_hub_id and self._config.custom_load != "hf":
            from huggingface_hub import hf_hub_url

            return hf_hub_url(self._config.hf_hub_id, self._file_name())
        if self._config.url and not self._config.custom_load:
            return str(self._config.url)
        raise FeaturiserUnavailable(
            f"timm publishes no weights of {self.name} that can be used: give a file, {self.name},weights=FILE"
        )

    def _place(self) -> Path:
        suffix = Path(self._published()).suffix
        return downloads.directory() / f"timm-{self.architecture}{suffix}"
