"""Import torchvision, and timm with it, also next to a torch its operators were not built for.

With a CPU build of torch the PyPI wheel of torchvision cannot load its compiled operators, and then its import fails:
it registers shapes ("fake" implementations) for operators which are not there. Networks and transforms of pictures
need none of them; ``io.decode_*`` and ``ops.nms`` stay unusable.
"""

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tl_core.featurisers.base import FeaturiserUnavailable

_importing = threading.Lock()  # the guard replaces a function of torch's while it imports


def torchvision() -> ModuleType:
    """Import torchvision.

    Returns
    -------
    module
        With its ``models`` and ``transforms``.

    Raises
    ------
    FeaturiserUnavailable
        It is not installed, or does not fit the installed torch. The message says what to install.
    """
    return _load("torchvision", "torchvision.models.feature_extraction")


def timm() -> ModuleType:
    """Import timm, which imports torchvision.

    Returns
    -------
    module
        With its ``models`` and ``data``.

    Raises
    ------
    FeaturiserUnavailable
        It or torchvision is not installed, or does not fit the installed torch. The message says what to install.
    """
    torchvision()
    return _load("timm", "timm.data", "timm.layers")


def open_clip() -> ModuleType:
    """Import open_clip, which imports torchvision and timm.

    Returns
    -------
    module
        With its networks and tokenizers.

    Raises
    ------
    FeaturiserUnavailable
        It, torchvision or timm is not installed, or does not fit the installed torch.
    """
    timm()
    return _load("open_clip", package_name="open_clip_torch")


def _load(package: str, *parts: str, package_name: str = "") -> ModuleType:
    with _importing:
        try:
            try:
                module = importlib.import_module(package)
            except RuntimeError as error:
                if "torchvision::" not in str(error):
                    raise
                with _missing_operators_allowed():
                    module = importlib.import_module(package)
            for part in parts:
                importlib.import_module(part)
        except (ImportError, RuntimeError, OSError) as error:
            raise FeaturiserUnavailable(
                f"{package} cannot be imported ({error}). Install one that fits the installed torch: "
                f"pip install {package_name or package}"
            ) from error
    return module


@contextmanager
def _missing_operators_allowed() -> Iterator[None]:
    """Let ``torch.library.register_fake`` pass over torchvision's operators that do not exist."""
    import torch

    real = torch.library.register_fake

    def register_fake(op: Any, func: Any = None, /, **options: Any) -> Any:
        def register(function: Callable[..., Any]) -> Any:
            try:
                return real(op, function, **options)
            except RuntimeError as error:
                if not str(op).startswith("torchvision::") or "does not exist" not in str(error):
                    raise
                return function

        return register if func is None else register(func)

    torch.library.register_fake = register_fake
    try:
        yield
    finally:
        torch.library.register_fake = real
