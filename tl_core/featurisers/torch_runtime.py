"""Compute embeddings with torch: on a GPU (CUDA, Apple's MPS), or on a CPU for comparison."""

import logging
import platform
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import Featuriser, FeaturiserUnavailable
from tl_core.featurisers.onnx_runtime import cores

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

DEVICES = ("cpu", "cuda", "mps")
BATCH_SIZE = 128
IN_FLIGHT = 2  # one batch computes while the next one is copied


class DeviceUnavailable(Exception):
    """The device that was asked for is not there. The message says what is."""


def detect() -> str:
    """Return the fastest device of this machine: ``"cuda"``, ``"mps"`` or ``"cpu"``.

    torch is imported only where there are signs of a GPU, for that costs seconds and 300 MB.

    Returns
    -------
    str
        One of `DEVICES`.
    """
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    signs = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))  # NVIDIA, AMD, either under Windows' Linux
    if not apple and platform.system() == "Linux" and not any(sign.exists() for sign in signs):
        return "cpu"
    return next((device for device in ("cuda", "mps") if _is_there(device)), "cpu")


def _is_there(device: str) -> bool:
    import torch

    return bool(torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available())


class TorchRuntime:
    """A featuriser, ready to embed on one device. Make it in the process that uses it, after any fork.

    Weights and activations lie channels last; on CUDA the network is compiled and computes in float16 where that is
    safe (autocast), and each thread that calls `embed` has a stream of its own, so that one batch is copied from
    pinned memory while another is computed. float16, not bfloat16: of its eleven bits of mantissa against eight the
    cosine to float32 keeps four nines.

    Parameters
    ----------
    featuriser : Featuriser
        What to compute.
    device : str
        One of `DEVICES`.
    threads : int or None
        Threads that decode for it; None = the cores this process may use.
    batch_size : int
        Images at a time.
    compiled : bool or None
        Whether to compile; None = on CUDA only. Where compiling fails, the reason is logged and it runs uncompiled.

    Raises
    ------
    DeviceUnavailable
        This machine, or this build of torch, has no such device.
    FeaturiserUnavailable
        A package it needs is not installed, or it is to be computed in 8-bit integers: torch would do it in floats.
    """

    def __init__(
        self,
        featuriser: Featuriser,
        device: str,
        threads: int | None = None,
        batch_size: int = BATCH_SIZE,
        *,
        compiled: bool | None = None,
    ) -> None:
        import torch

        if device not in DEVICES:
            raise DeviceUnavailable(f"There is no device {device!r}: use one of {', '.join(DEVICES)}.")
        if device != "cpu" and not _is_there(device):
            raise DeviceUnavailable(
                f"The device {device!r} was asked for, but torch {torch.__version__} finds none here: use cpu, or "
                "install a build of torch for your card (see pytorch.org)."
            )
        if featuriser.precision == "int8":
            raise FeaturiserUnavailable(f"{featuriser.name} is computed by ONNX Runtime on CPUs, not by torch.")
        self.featuriser, self.device = featuriser, device
        self.threads, self.batch_size, self.in_flight = threads or cores(), batch_size, IN_FLIGHT
        self._own = threading.local()
        if device == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        module = featuriser.module().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._module = self._compiled(module) if (device == "cuda" if compiled is None else compiled) else module

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the embeddings of preprocessed images. Safe to call from several threads.

        Parameters
        ----------
        batch : ndarray of uint8, shape (n, image_size, image_size, 3)
            From `Featuriser.preprocess`; ``n`` may be 0.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            The same for an image in whatever batch it came, to 1e-5 on a CPU and 1e-3 on a GPU.

        Raises
        ------
        ValueError
            The batch has another shape or dtype.
        """
        import torch

        self.featuriser.check(batch)
        if min(batch.strides) < 0:  # torch knows no such views
            batch = batch.copy()
        parts = [self._run(batch[i : i + self.batch_size], torch) for i in range(0, len(batch), self.batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, self.featuriser.dimension), np.float32)

    def _run(self, batch: NDArray[np.uint8], torch: Any) -> NDArray[np.float32]:
        with torch.inference_mode():
            if self.device != "cuda":
                vectors = self._module(torch.from_numpy(np.ascontiguousarray(batch)).to(self.device))
                return np.asarray(vectors.float().cpu().numpy())
            # Always a whole batch, the rest of it unused: another size would be compiled anew.
            pinned = self._pinned(torch)
            pinned[: len(batch)].copy_(torch.from_numpy(np.ascontiguousarray(batch)))
            with torch.cuda.stream(self._own.stream), torch.autocast("cuda", torch.float16):
                vectors = self._module(pinned.to("cuda", non_blocking=True))
                return np.asarray(vectors[: len(batch)].float().cpu().numpy())  # waits for this stream

    def _pinned(self, torch: Any) -> "torch.Tensor":
        """Return the calling thread's pinned memory for one batch; makes it and a stream on first use."""
        if not hasattr(self._own, "pinned"):
            side = self.featuriser.image_size
            self._own.stream = torch.cuda.Stream()
            self._own.pinned = torch.zeros((self.batch_size, side, side, 3), dtype=torch.uint8).pin_memory()
        return self._own.pinned  # type: ignore[no-any-return]

    def _compiled(self, module: "torch.nn.Module") -> Any:
        import torch

        compiled: Any = torch.compile(module, dynamic=False)
        side = self.featuriser.image_size
        example = torch.zeros((self.batch_size, side, side, 3), dtype=torch.uint8, device=self.device)
        try:
            with torch.inference_mode(), torch.autocast(self.device, torch.float16, enabled=self.device == "cuda"):
                compiled(example)
        except Exception as error:  # noqa: BLE001 - a missing compiler, an unsupported operation: slower, not broken
            log.warning("%s runs uncompiled: %s", self.featuriser.name, str(error).splitlines()[0])
            return module
        return compiled
