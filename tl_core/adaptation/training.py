"""Train the part of a network above its cut on activations that are kept. Imports torch.

Statistics of batches stay as they were (the network is in eval mode), the outputs learn ten times as fast as the
network, and where some pictures are held out, the epoch that does best on them counts. Each epoch ends with a
checkpoint: a killed worker goes on from there, and its result is the same.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.adaptation import augmenting, lora
from tl_core.adaptation.activations import Activations
from tl_core.adaptation.outputs import Outputs, Target, loss, right
from tl_core.store import files

At = NDArray[np.intp]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    epochs : int
        At most.
    batch : int
        Pictures a step.
    rate : float
        Learning rate of the network at the beginning; it falls to nothing along a cosine.
    head_factor : float
        How much faster the outputs learn.
    decay : float
        Weight decay.
    smoothing : float
        Share of the probability that is spread over all classes.
    patience : int
        Epochs without getting better on what is held out, after which to stop.
    weighing : str
        ``"equal"`` or ``"learned"``, of several questions.
    rank : int
        Of the corrections by which a transformer is trained (`lora`); 0 = all numbers are.
    mirrored : bool
        Whether whole pictures may be mirrored while they are varied; kept activations have views for that.
    seed : int
        Of the order and the variation.
    """

    epochs: int = 10
    batch: int = 32
    rate: float = 3e-4
    head_factor: float = 10.0
    decay: float = 0.01
    smoothing: float = 0.1
    patience: int = 3
    weighing: str = "equal"
    rank: int = 0
    mirrored: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one pass over the pictures came to.

    Attributes
    ----------
    loss : float
        Mean over the pictures trained on.
    accuracy : float or None
        On what is held out, the mean over the questions; None where nothing is.
    seconds : float
        It took.
    """

    loss: float
    accuracy: float | None
    seconds: float


# Told the epochs done, also parts of one, and what they came to; what it raises stops the training.
Tell = Callable[[float, Sequence[Epoch]], None]


@dataclass(eq=False)
class Trained:
    """A trained part of a network.

    Attributes
    ----------
    outputs : Outputs
        On its embeddings.
    curve : list of Epoch
        All epochs.
    best : int
        How many epochs the numbers are from: the best on what is held out, else all.
    """

    outputs: Outputs
    curve: list[Epoch] = field(default_factory=list)
    best: int = 0


def train(
    upper: torch.nn.Module,
    activations: Activations,
    targets: Sequence[Target],
    fitted: At,
    held: At,
    recipe: Recipe,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    tell: Tell = lambda epochs, curve: None,
) -> Trained:
    """Train a part of a network.

    Parameters
    ----------
    upper : torch.nn.Module
        From `splitting.split`; changed in place, and in eval mode.
    activations : Activations
        Complete. uint8 ones are pictures, which are varied (`augmenting`).
    targets : sequence of Target
        Questions, each with an answer or `outputs.MISSING` for every picture.
    fitted, held : ndarray of int
        Pictures to train on, and pictures to judge epochs by; ``held`` may be empty.
    recipe : Recipe
        How.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``; on CUDA in mixed precision.
    checkpoint : Path or None
        Written after each epoch, and gone on from where it is there; of these very pictures and this recipe.
    tell : callable
        Told how far it is.

    Returns
    -------
    Trained
        With the outputs that belong to ``upper``.

    Raises
    ------
    OSError
        From reading activations or writing the checkpoint.
    """
    upper.to(device).eval().requires_grad_(requires_grad=True)
    run = _Run(upper, activations, targets, recipe, device)
    run.begin(fitted)
    if recipe.rank:
        lora.add(upper, recipe.rank)
    run.optimise()
    if checkpoint is not None and checkpoint.is_file():
        run.restore(checkpoint)
    while not run.is_over():
        run.epoch(fitted, held, tell)
        if checkpoint is not None:
            run.save(checkpoint)
        tell(float(len(run.curve)), run.curve)
    return run.end()


def embed(
    upper: torch.nn.Module, activations: Activations, at: At, *, device: str = "cpu", view: int = 0, size: int = 64
) -> NDArray[np.float32]:
    """Compute embeddings from activations.

    Parameters
    ----------
    upper : torch.nn.Module
        In eval mode, on ``device``.
    activations : Activations
        Complete.
    at : ndarray of int, shape (n,)
        Pictures.
    device, view, size
        Where to compute, which view, and how many at a time.

    Returns
    -------
    ndarray of float32, shape (n, dimension)
    """
    with torch.inference_mode():
        batches = activations.batches(at, size, view)
        parts = [upper(_tensor(batch, device)).float().cpu().numpy() for batch in batches]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


class _Run:
    """A training under way."""

    def __init__(
        self, upper: torch.nn.Module, activations: Activations, targets: Sequence[Target], recipe: Recipe, device: str
    ) -> None:
        self.upper, self.activations, self.targets = upper, activations, targets
        self.recipe, self.device = recipe, device
        self.curve: list[Epoch] = []
        self.best: dict[str, Any] = {}

    def begin(self, fitted: At) -> None:
        """Make the outputs, as the linear heads of the network as it is."""
        embeddings = embed(self.upper, self.activations, fitted, device=self.device)
        self.outputs = Outputs(embeddings.mean(axis=0), self.targets)
        self.outputs.begin(embeddings, [Target(each.codes[fitted], each.classes) for each in self.targets])
        self.outputs.to(self.device)

    def optimise(self) -> None:
        """Make the optimiser of what is to be trained."""
        recipe = self.recipe
        network = [each for each in self.upper.parameters() if each.requires_grad]
        groups = [
            {"params": network, "lr": recipe.rate},
            {"params": list(self.outputs.parameters()), "lr": recipe.rate * recipe.head_factor},
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=recipe.decay)
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        half = torch.float16 if self.device == "cuda" and not torch.cuda.is_bf16_supported() else torch.bfloat16
        self.mixed = torch.autocast(self.device, half, enabled=self.device == "cuda")
        self.scaler = torch.amp.GradScaler(self.device, enabled=self.device == "cuda" and half == torch.float16)

    def is_over(self) -> bool:
        done = len(self.curve)
        patience_lost = bool(self.best) and done - self.best["epoch"] >= self.recipe.patience
        return done >= self.recipe.epochs or patience_lost

    def epoch(self, fitted: At, held: At, tell: Tell) -> None:
        """Go over all pictures once."""
        started, number = time.perf_counter(), len(self.curve)
        rng = np.random.default_rng((self.recipe.seed, number))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        order = rng.permutation(fitted)
        views = rng.integers(0, self.activations.views, len(order))
        size, total = self.recipe.batch, 0.0
        for start in range(0, len(order), size):
            self._rate((number + start / len(order)) / self.recipe.epochs)
            at = order[start : start + size]
            total += self._step(at, views[start : start + size], generator) * len(at)
            tell(number + min(start + size, len(order)) / len(order) * 0.999, self.curve)
        accuracy = self._accuracy(held)
        self.curve.append(Epoch(total / max(len(order), 1), accuracy, time.perf_counter() - started))
        if accuracy is not None and (not self.best or accuracy > self.best["accuracy"]):
            self.best = {"epoch": len(self.curve), "accuracy": accuracy, **self._numbers()}
        self.activations.release()

    def _rate(self, share: float) -> None:
        factor = 0.5 * (1 + math.cos(math.pi * share))
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def _step(self, at: At, views: At, generator: torch.Generator) -> float:
        batch = _tensor(self.activations.rows(at, views), self.device)
        if batch.dtype == torch.uint8:
            batch = augmenting.vary(batch, mirrored=self.recipe.mirrored, generator=generator)
        codes = [torch.from_numpy(np.asarray(each.codes[at], np.int64)).to(self.device) for each in self.targets]
        doubts = self.outputs.doubts if self.recipe.weighing == "learned" else None
        with self.mixed:
            value = loss(self.outputs(self.upper(batch)), codes, doubts, self.recipe.smoothing)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(value).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return float(value.detach())

    def _accuracy(self, held: At) -> float | None:
        if not len(held):
            return None
        outputs = predict(self.upper, self.outputs, self.activations, held, device=self.device)
        shares = [
            right(logits[known], target, held[known]).mean()
            for logits, target in zip(outputs, self.targets, strict=True)
            if (known := target.known[held]).any()
        ]
        return float(np.mean(shares)) if shares else None

    def _numbers(self) -> dict[str, Any]:
        parts = {"upper": self.upper.state_dict(), "outputs": self.outputs.state_dict()}
        return {name: {key: copy.deepcopy(value.cpu()) for key, value in part.items()} for name, part in parts.items()}

    def _take(self, numbers: dict[str, Any]) -> None:
        self.upper.load_state_dict(numbers["upper"])
        self.outputs.load_state_dict(numbers["outputs"])

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "recipe": asdict(self.recipe),
            "curve": [asdict(each) for each in self.curve],
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            **self._numbers(),
        }
        with files.replacing(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint; one of another recipe is left alone."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            return
        self._take(state)
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.curve = [Epoch(**each) for each in state["curve"]]
        self.best = state["best"]

    def end(self) -> Trained:
        if self.best:
            self._take(self.best)
        if self.recipe.rank:
            lora.merge(self.upper)
        return Trained(self.outputs, self.curve, self.best.get("epoch", len(self.curve)))


def predict(
    upper: torch.nn.Module, outputs: Outputs, activations: Activations, at: At, *, device: str = "cpu"
) -> list[NDArray[np.float32]]:
    """Compute the outputs of pictures, for each question float32 (n, classes); arguments as of `embed`."""
    parts: list[list[NDArray[np.float32]]] = [[] for _ in outputs.linear]
    with torch.inference_mode():
        for batch in activations.batches(at, 64):
            for part, logits in zip(parts, outputs(upper(_tensor(batch, device)).float()), strict=True):
                part.append(logits.cpu().numpy())
    return [np.concatenate(part) for part in parts]


def _tensor(batch: NDArray[Any], device: str) -> torch.Tensor:
    tensor = torch.from_numpy(batch).to(device)
    return tensor if tensor.dtype == torch.uint8 else tensor.float()
