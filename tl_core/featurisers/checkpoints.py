"""Read a checkpoint without running any of it, and put it into the network it was made for."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from tl_core.featurisers.base import FeaturiserUnavailable

State = dict[str, torch.Tensor]

# Where training scripts keep the network's state, in this order, and what they wrap the network in.
WRAPPED_IN = ("state_dict", "model", "model_state_dict", "ema")
PREFIXES = ("module.", "model.", "backbone.")
SHOWN = 4


def read(path: Path) -> State:
    """Read the tensors of a checkpoint file.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or anything else `torch.save` wrote. Nothing but tensors and plain containers is read: a
        pickle that would run code is refused, not run.

    Returns
    -------
    dict of str to torch.Tensor
        The state of the network, taken out of what training scripts wrap it in.

    Raises
    ------
    FeaturiserUnavailable
        The file is missing, cannot be read safely, or holds no tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise FeaturiserUnavailable(f"There is no weights file {path}.")
    try:
        if path.suffix == ".safetensors" or is_safetensors(path):
            loaded: Any = load_file(path)
        else:
            # weights_only: a checkpoint must not be able to run code.
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        told = f"it would run {code[1]} when it is opened, so it was not" if code else _first_line(error)
        raise FeaturiserUnavailable(
            f"{path} cannot be read as a checkpoint of tensors only ({told}). "
            "Save it with torch.save(network.state_dict(), FILE) or as safetensors."
        ) from error
    for key in WRAPPED_IN:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    state = {key: value for key, value in loaded.items() if torch.is_tensor(value)} if _is_mapping(loaded) else {}
    if not state:
        raise FeaturiserUnavailable(f"{path} holds no network's state: a dictionary of names and tensors is needed.")
    return _with_versions(state, _versions(loaded))


def is_safetensors(path: Path) -> bool:
    """Tell by the first bytes of a file whether it is one of safetensors', whatever it is called."""
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def unwrapped(state: State, network: torch.nn.Module) -> State:
    """Take prefixes such as ``module.`` off the keys: what the training script wrapped the network in.

    Parameters
    ----------
    state : dict of str to torch.Tensor
        From `read`.
    network : torch.nn.Module
        A prefix its own keys have stays.

    Returns
    -------
    dict of str to torch.Tensor
        Keys outside the wrapping, of a head beside a backbone for instance, are gone.
    """
    own = set(network.state_dict())
    changed = True
    while changed:
        changed = False
        for prefix in PREFIXES:
            inside = any(key.startswith(prefix) for key in state)
            if inside and not any(key.startswith(prefix) for key in own):
                # Versions are kept by module, without a last dot.
                versions = {f"{key}.": value for key, value in _versions(state).items()}
                below = {key.removesuffix("."): value for key, value in _below(versions, prefix).items()}
                state = _with_versions(_below(state, prefix), below)
                changed = True
    return state


def fill(network: torch.nn.Module, state: State, path: Path, *, head: tuple[str, ...], name: str) -> None:
    """Load a state into a network, all of it but the classifier.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    state : dict of str to torch.Tensor
        From `unwrapped`.
    path : Path
        Where it came from, for the message.
    head : tuple of str
        Names of modules whose keys may be missing, or of another size: they are left as they are.
    name : str
        The featuriser's, for the message.

    Raises
    ------
    FeaturiserUnavailable
        Anything else is missing, unexpected or of another shape.
    """
    ignored = tuple(f"{module}." for module in head)
    # Some refuse to load a state that does not tell its layout's version: then it is taken to be today's.
    versions = _versions(state) or _versions(network.state_dict())
    kept = _with_versions({key: value for key, value in state.items() if not key.startswith(ignored)}, versions)
    wrong: list[str] = []
    try:
        result = network.load_state_dict(kept, strict=False)
    except RuntimeError as error:  # it lists every tensor of another shape, a line each
        keys = re.findall("size mismatch for ([^:]+):", str(error))
        own = network.state_dict()
        told = [f"{key} {tuple(kept[key].shape)} instead of {tuple(own[key].shape)}" for key in keys]
        wrong += [f"other shapes: {_shown(told)}" if keys else str(error)]
    else:
        # How many batches a normalisation saw is in no old file, and nothing in eval mode asks.
        missing = [key for key in result.missing_keys if not key.startswith(ignored)]
        missing = [key for key in missing if not key.endswith("num_batches_tracked")]
        wrong += [f"missing: {_shown(missing)}"] if missing else []
        wrong += [f"unexpected: {_shown(result.unexpected_keys)}"] if result.unexpected_keys else []
    if wrong:
        raise FeaturiserUnavailable(
            f"{path} does not fit {name} ({'; '.join(wrong)}). Name the network it was trained as, or give a "
            "checkpoint of this one; only the classifier may differ."
        )


def _is_mapping(loaded: object) -> bool:
    return isinstance(loaded, Mapping) and all(isinstance(key, str) for key in loaded)


def _below(mapping: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in mapping.items() if key.startswith(prefix)}


def _versions(state: object) -> dict[str, Any]:
    """Return the versions of the modules' layouts, which `torch.nn.Module.state_dict` hangs on the dictionary."""
    return dict(getattr(state, "_metadata", None) or {})


def _with_versions(state: State, versions: Mapping[str, Any]) -> State:
    versioned = OrderedDict(state)
    if versions:
        versioned._metadata = versions  # type: ignore[attr-defined]
    return versioned


def _shown(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
