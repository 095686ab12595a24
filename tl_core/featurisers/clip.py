"""Networks trained on pictures with captions: one space for both, so that words can be compared with pictures.

CLIP, OpenCLIP, BioCLIP and their like, as the package open_clip builds them; it is installed by those who want them.
Source: Radford et al., Learning transferable visual models from natural language supervision, arXiv 2103.00020; Stevens
et al., BioCLIP, arXiv 2311.18803.
"""

import copy
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers import guard
from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable, Picture
from tl_core.featurisers.cards import Card
from tl_core.featurisers.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

PREFIX = "clip/"
TEMPLATES = ("{}", "a photo of a {}.", "a photo of the {}.", "a close-up photo of a {}.", "a blurry photo of a {}.")
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # those CLIP was trained with
_TEXTS_AT_ONCE = 64
_DEEPEST = 64  # layers a network may have; a description of more is a mistake, or meant to fill the memory
_WIDEST = 8192


class ClipNetwork(Featuriser):
    """The pictures' half of a CLIP; `TextEncoder` is the other one. Embeddings are as the network gives them.

    Parameters
    ----------
    architecture : str
        open_clip's name, ``ViT-B-16``, or with the tag of published weights, ``ViT-B-16.laion2b_s34b_b88k``.
    weights : Path or str or None
        A checkpoint of both halves; None = those of the tag.
    description : mapping or None
        What such models come with as ``open_clip_config.json``: ``model_cfg`` and ``preprocess_cfg``; instead of what
        open_clip knows under the name.

    Raises
    ------
    FeaturiserUnavailable
        open_clip is not installed, or the description is none.
    KeyError
        open_clip knows no such architecture or tag.
    """

    source = "open_clip (hub)"
    reads_texts = True

    def __init__(
        self, architecture: str, *, weights: Path | str | None = None, description: Mapping[str, Any] | None = None
    ) -> None:
        name, _, tag = architecture.partition(".")
        self.name = PREFIX + architecture
        self.own_weights = None if weights is None else Path(weights)
        self._published = _published(name, tag) if tag else {}
        given = {"model_cfg": _known(name)} if description is None else dict(description)
        self.config = _checked(given.get("model_cfg"))
        self.transform = _preprocessing(self.config, {**self._published, **(given.get("preprocess_cfg") or {})})
        self.image_size = self.transform.crop
        self.preprocessing = str(self.transform)
        self.pooling = f"open_clip {json.dumps(self.config, sort_keys=True)}"

    @classmethod
    def described(cls, card: Card, *, weights: Path | None = None) -> "ClipNetwork":
        """Return the network of a card whose architecture is ``clip`` and whose arguments describe it."""
        return cls("described", weights=weights, description=card.arguments)

    @property
    def dimension(self) -> int:
        """Length of an embedding, of a picture and of a text."""
        return int(self.config["embed_dim"])

    @property
    def decode_side(self) -> int:
        """Short side the decoder should keep, pixels: that of the resized image, before its crop."""
        return self.transform.resize

    @property
    def weights_file(self) -> Path:
        """Path of the weights; a tag's are downloaded where they are missing and there is a network."""
        local = self.local_weights()
        if local is not None:
            return local
        if self.own_weights is not None or not self._published.get("hf_hub"):
            raise FeaturiserUnavailable(f"The weights of {self.name} are not on this machine. {self.remedy}")
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        repository, file = self._hub
        try:
            return Path(hf_hub_download(repository, file))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            told = str(error).splitlines()[0]
            raise FeaturiserUnavailable(
                f"The weights of {self.name} are not on this machine and could not be downloaded ({told}). "
                f"{self.remedy}"
            ) from error

    def local_weights(self) -> Path | None:
        """Path of the weights where they are on this machine; asks no network."""
        if self.own_weights is not None:
            return self.own_weights if self.own_weights.is_file() else None
        if not self._published.get("hf_hub"):
            return None
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(*self._hub)
        return Path(cached) if isinstance(cached, str) else None

    @property
    def remedy(self) -> str:
        """What to do where the weights are missing."""
        if self.own_weights is not None:
            return f"Put the file at {self.own_weights}."
        if self._published.get("hf_hub"):
            return (
                f"Fetch {'/'.join(self._hub)} from the Hugging Face hub elsewhere and give it: {self.name},weights=FILE"
            )
        return f"Give a file: {self.name},weights=FILE, or name a tag of published weights: {self.name}.TAG"

    @property
    def recipe(self) -> dict[str, Any] | None:
        """How images are resized and cropped."""
        return self.transform.recipe

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Resize and crop as the network was trained. See the base class."""
        return self.transform.apply(image)

    def module(self) -> "torch.nn.Module":
        """Build the pictures' half with its weights. See the base class."""
        from tl_core.featurisers import cutting

        network: Any = self.filled()
        pooling = cutting.Pooling("vector", self.dimension)
        return cutting.Embed(network.visual, self.transform.mean, self.transform.std, pooling).eval()

    def filled(self) -> "torch.nn.Module":
        """Build both halves with their weights, in eval mode.

        Raises
        ------
        FeaturiserUnavailable
            The weights are not here, or do not fit; or the texts' half needs a package that is not installed.
        """
        from tl_core.featurisers import checkpoints

        path, network = self.weights_file, built(self.config)
        state = checkpoints.unwrapped(checkpoints.read(path), network)
        checkpoints.fill(network, state, path, head=(), name=self.name)
        return network.eval()

    @property
    def _hub(self) -> tuple[str, str]:
        repository, _, file = str(self._published["hf_hub"]).rpartition("/")
        return repository, file or "open_clip_model.safetensors"


class TextEncoder:
    """The texts' half of a CLIP, on the CPU.

    Parameters
    ----------
    featuriser : ClipNetwork
        With whose embeddings its vectors may be compared.

    Attributes
    ----------
    scale, bias : float
        What the network multiplies cosines by, and adds, before it compares texts.

    Raises
    ------
    FeaturiserUnavailable
        The weights are not here, or the tokenizer needs a package that is not installed.
    """

    def __init__(self, featuriser: ClipNetwork) -> None:
        import torch

        network: Any = featuriser.filled()
        network.visual = torch.nn.Identity()  # half of the memory
        self.scale = float(network.logit_scale.detach().exp())
        bias = getattr(network, "logit_bias", None)
        self.bias = 0.0 if bias is None else float(bias.detach())
        self._network, self._tokenize = network, _tokenizer(featuriser.config["text_cfg"])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Compute the vectors of texts.

        Parameters
        ----------
        texts : sequence of str
            What is longer than the network reads is cut.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Of unit length.
        """
        import torch

        parts = [np.empty((0, 0), np.float32)] if not texts else []
        with torch.inference_mode():
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                tokens = self._tokenize(list(texts[start : start + _TEXTS_AT_ONCE]))
                parts.append(self._network.encode_text(tokens, normalize=True).float().numpy())
        return np.concatenate(parts)

    def of_class(self, names: Iterable[str], templates: Sequence[str] = TEMPLATES) -> NDArray[np.float32]:
        """Compute the vector of a class: the mean over its names in all templates.

        Parameters
        ----------
        names : iterable of str
            What it is called, one or more.
        templates : sequence of str
            With ``{}`` where a name goes.

        Returns
        -------
        ndarray of float32, shape (dimension,)
            Of unit length.
        """
        vectors = self.encode([template.replace("{}", name) for name in names for template in templates])
        mean = vectors.mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def built(config: Mapping[str, Any]) -> "torch.nn.Module":
    """Build both halves with random weights.

    Parameters
    ----------
    config : mapping
        A ``model_cfg`` of open_clip's.

    Raises
    ------
    FeaturiserUnavailable
        open_clip cannot build that, or needs a package for it that is not installed.
    """
    open_clip = guard.open_clip()
    fields = copy.deepcopy(dict(config))
    is_apart = fields.pop("custom_text", False) or "hf_model_name" in fields["text_cfg"]
    # Nothing is fetched: the weights are a checkpoint's.
    fields["vision_cfg"] = {**fields["vision_cfg"], "timm_model_pretrained": False}
    fields["text_cfg"] = {**fields["text_cfg"], "hf_model_pretrained": False}
    try:
        network: torch.nn.Module = (open_clip.CustomTextCLIP if is_apart else open_clip.CLIP)(**fields)
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError, OSError, AttributeError) as error:
        raise FeaturiserUnavailable(f"open_clip cannot build this network: {error}") from error
    return network


def _configs() -> Path | None:
    spec = importlib.util.find_spec("open_clip")
    return Path(spec.origin).parent / "model_configs" if spec and spec.origin else None


def _known(name: str) -> Any:
    folder = _configs()
    if folder is None:
        raise FeaturiserUnavailable(f"{PREFIX}{name} needs open_clip: pip install open_clip_torch")
    known = {path.stem: path for path in folder.glob("*.json")}
    if name not in known:
        raise KeyError(
            f"open_clip knows no network {name!r}; python -c 'import open_clip; print(open_clip.list_models())'"
        )
    return json.loads(known[name].read_text())


def _published(name: str, tag: str) -> dict[str, Any]:
    """Return where the weights of a tag are, and how pictures are prepared for them."""
    open_clip = guard.open_clip()
    weights = open_clip.get_pretrained_cfg(name, tag)
    if not weights:
        known = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise KeyError(f"open_clip knows no weights {tag!r} of {name}; there are: {known}")
    return dict(weights)


def _checked(config: Any) -> dict[str, Any]:
    """Return a description that can be one; raises FeaturiserUnavailable for anything else."""
    parts: list[Any] = [config.get("vision_cfg"), config.get("text_cfg")] if isinstance(config, dict) else []
    if len(parts) != 2 or not all(isinstance(part, dict) for part in parts) or not _is_size(config.get("embed_dim")):
        raise FeaturiserUnavailable(
            "A CLIP is described by the content of its open_clip_config.json: model_cfg with embed_dim, vision_cfg and "
            "text_cfg."
        )
    if "multimodal_cfg" in config:
        raise FeaturiserUnavailable("Networks that write captions (CoCa) are not supported.")
    for part in parts:
        numbers = [each for value in part.values() for each in (value if isinstance(value, list) else [value])]
        layers = part.get("layers", 1)
        if any(isinstance(each, int) and each > 300_000 for each in numbers) or not _fits(part, layers):
            raise FeaturiserUnavailable("The description is of a network too large to be one.")
    return dict(config)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= _WIDEST


def _fits(part: Mapping[str, Any], layers: Any) -> bool:
    depth = sum(layers) if isinstance(layers, list) else layers
    return isinstance(depth, int) and depth <= _DEEPEST and _is_size(part.get("width", 1))


def _preprocessing(config: Mapping[str, Any], given: Mapping[str, Any]) -> Preprocessing:
    size = given.get("size") or config["vision_cfg"].get("image_size", 224)
    sides = {int(side) for side in (size if isinstance(size, list | tuple) else [size])}
    mode = given.get("resize_mode") or "shortest"
    if len(sides) != 1 or mode not in ("shortest", "squash"):
        raise FeaturiserUnavailable(
            f"Pictures of size {size} resized by {mode} are not supported: squares are, cut or squashed."
        )
    side = sides.pop()
    mean, std = (tuple(map(float, given.get(name) or usual)) for name, usual in (("mean", MEAN), ("std", STD)))
    if len(mean) != 3 or len(std) != 3:
        raise FeaturiserUnavailable("The description must have a mean and a deviation for each of three colours.")
    interpolation = given.get("interpolation") or "bicubic"
    return Preprocessing(side, side, str(interpolation), mean, std, squash=mode == "squash")


def _tokenizer(config: Mapping[str, Any]) -> Any:
    guard.open_clip()
    from open_clip import tokenizer

    length, more = config.get("context_length", tokenizer.DEFAULT_CONTEXT_LENGTH), config.get("tokenizer_kwargs") or {}
    if not config.get("hf_tokenizer_name"):
        return tokenizer.SimpleTokenizer(context_length=length, **more)
    try:
        return tokenizer.HFTokenizer(
            config["hf_tokenizer_name"], context_length=length, tokenizer_mode=config.get("tokenizer_mode"), **more
        )
    except (ImportError, OSError) as error:
        raise FeaturiserUnavailable(
            f"The texts of this network are cut into pieces by {config['hf_tokenizer_name']}, which is not on this "
            f"machine ({str(error).splitlines()[0]}): pip install transformers, and fetch it once."
        ) from error
