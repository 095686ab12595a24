"""What people use else to turn files into vectors, each as its own documentation shows it, at its fastest.

All compute EfficientNet-Lite0, so that only the way of doing it differs. img2vec-pytorch knows no such network: it is
given ours in the place where it would load its own, and its nearest own network, EfficientNet-B0 (with random weights,
which cost the same time); the faster of the two counts.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tl_core import featurisers
from tl_core.featurisers import guard

BATCH = 32
WORKERS = 2


def _rate(batches: Iterable[Any], compute: Callable[[Any], Any], warm: int = 1) -> float:
    """Images a second once the first batches are through."""
    started, done = 0.0, 0
    for number, batch in enumerate(batches):
        compute(batch)
        if number < warm:
            started = time.perf_counter()
        else:
            done += len(batch)
    return done / (time.perf_counter() - started)


def _loader(files: list[Path]) -> Any:
    """A DataLoader over the files, as in every tutorial: Pillow, resize, to tensor, normalise."""
    import torch

    return torch.utils.data.DataLoader(_Files(files), batch_size=BATCH, num_workers=WORKERS)


class _Files:
    """A torch dataset."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        import numpy as np
        import torch
        from PIL import Image

        with Image.open(self.files[index]) as image:
            small = image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        return (torch.from_numpy(np.array(small)).permute(2, 0, 1).float() - 127) / 128


def _backbone() -> Any:
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name(featurisers.DEFAULT).eval()


def eager_loop(files: list[Path]) -> float:
    """The naive loop: torch, uncompiled, fed by a DataLoader with workers."""
    import torch

    network = _backbone()
    with torch.no_grad():
        return _rate(_loader(files), lambda batch: network.extract_features(batch).mean((2, 3)).numpy())


def compiled_loop(files: list[Path]) -> float:
    """The same, compiled and channels last: the strongest that plain torch offers on a CPU."""
    import torch

    network = torch.compile(_backbone().to(memory_format=torch.channels_last).extract_features)

    def compute(batch: Any) -> Any:
        return network(batch.to(memory_format=torch.channels_last)).mean((2, 3)).numpy()

    whole = files[: len(files) // BATCH * BATCH]  # a smaller batch would be compiled anew
    with torch.no_grad():
        return _rate(_loader(whole), compute, warm=2)


def _img2vec(files: list[Path], own: bool) -> float:
    """Lists of 32 opened images, which is faster than its one at a time."""
    from PIL import Image

    torchvision = guard.torchvision()
    from img2vec_pytorch import Img2Vec

    class Ours(Img2Vec):  # type: ignore[misc]
        def _get_model_and_layer(self, model_name: str, layer: Any) -> Any:
            if own:
                network = torchvision.models.efficientnet_b0()
                return network, network.features
            network = _backbone()
            network.forward = network.extract_features
            return network, network._bn1

    peer = Ours(model="efficientnet_b0", layer_output_size=1280)
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    return _rate(batches, lambda batch: peer.get_vec([Image.open(file).convert("RGB") for file in batch]))


def img2vec(files: list[Path]) -> float:
    """img2vec-pytorch with our network."""
    return _img2vec(files, own=False)


def img2vec_b0(files: list[Path]) -> float:
    """img2vec-pytorch with its nearest own network."""
    return _img2vec(files, own=True)


PEERS: dict[str, tuple[Callable[[list[Path]], float], ...]] = {
    "eager_loop": (eager_loop,),
    "compiled_loop": (compiled_loop,),
    "img2vec": (img2vec, img2vec_b0),
}
