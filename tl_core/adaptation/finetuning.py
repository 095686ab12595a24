"""Fine-tune a network above a cut, from pictures and answers to a network that is better beyond doubt, or none.

Everything that took time lies in a directory, so that a killed worker goes on where it was: the activations file by
file, each training epoch by epoch, each judged fold. Imports torch: for workers.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation import judging, planning, splitting, training
from tl_core.adaptation.activations import SHARD, Activations
from tl_core.adaptation.judging import Comparison
from tl_core.adaptation.outputs import Target, right
from tl_core.adaptation.planning import Plan, Rate
from tl_core.adaptation.training import Recipe
from tl_core.featurisers.base import Featuriser
from tl_core.featurisers.networks import Network
from tl_core.pipeline import Picture, Runtime, embed_images
from tl_core.store import files

log = logging.getLogger(__name__)

At = NDArray[np.intp]
Phase = Literal["measuring", "computing", "comparing", "training"]
TRIED = 24  # pictures that the time is measured with
_LARGE_BATCH = 64  # on a GPU
_RANK = 8  # of the corrections by which whole transformers are trained


@dataclass(frozen=True)
class Moment:
    """How far a fine-tuning is.

    Attributes
    ----------
    phase : str
        ``"measuring"`` the time it will take, ``"computing"`` activations, ``"comparing"`` with what there is,
        ``"training"`` the network that will be used.
    share : float
        Of all the work, 0 to 1.
    plan : Plan or None
        Once there is one.
    curve : list of dict
        The epochs of the training in hand, as `training.Epoch`.
    is_kept : bool
        Whether all that was done until now is written: who stops now loses nothing.
    """

    phase: Phase
    share: float
    plan: Plan | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    is_kept: bool = False


Tell = Callable[[Moment], None]


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be tuned.

    Attributes
    ----------
    featuriser : Network
        Whose numbers are begun with.
    pictures : sequence of Picture
        Those with answers.
    targets : sequence of Target
        The questions; the first one decides, and no other may come out worse.
    rivals : sequence of ndarray of float32, each (n, d)
        For each question the embeddings that its linear head reads today: the rival to beat.
    directory : Path
        Keeps what was done; of this very work.
    runtime : callable
        Makes what computes a featuriser's embeddings, on the device in use.
    groups : ndarray of int, shape (n,), or None
        What belongs together: a camera, an event.
    trained : int
        On how many of the questions it is trained, the first ones.
    seconds : float
        The time that is given.
    quick : bool
        A minute for 3,000 pictures: the highest cut, no mirror images, one fold judged.
    mirrored : bool
        Whether mirror images are of the same class: not so of spectrograms and texts.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``. On a GPU the whole network is trained, on varied pictures; of a transformer
        small corrections of its matrices (`lora`).
    recipe : Recipe
        How; epochs and mirroring are those of the plan.
    cut : str
        Behind which block; empty = what the time allows.
    """

    featuriser: Network
    pictures: Sequence[Picture]
    targets: Sequence[Target]
    rivals: Sequence[NDArray[np.float32]]
    directory: Path
    runtime: Callable[[Featuriser], Runtime]
    groups: NDArray[Any] | None = None
    trained: int = 1
    seconds: float = 600.0
    quick: bool = False
    mirrored: bool = False
    device: str = "cpu"
    recipe: Recipe = field(default_factory=Recipe)
    cut: str = ""


@dataclass(frozen=True, eq=False)
class FineTuned:
    """What came of it.

    Attributes
    ----------
    plan : Plan
        Cut and epochs.
    comparisons : list of Comparison
        For each question, with its rival.
    curves : list of list of dict
        The epochs of each training, the one for use last where there was one.
    seconds : float
        It took, without what was resumed.
    state : mapping of str to torch.Tensor, or None
        Of the tuned network, without its classifier; None where it is not better beyond doubt.
    """

    plan: Plan
    comparisons: list[Comparison]
    curves: list[list[dict[str, Any]]]
    seconds: float
    state: Mapping[str, Any] | None


class _Decoder:
    """Gives decoded pictures as they are, where the whole network is trained."""

    def __init__(self, featuriser: Featuriser, threads: int) -> None:
        self.featuriser, self.threads, self.batch_size, self.in_flight = featuriser, threads, 8, 1

    def embed(self, batch: NDArray[np.uint8]) -> Any:
        """Return preprocessed images (n, size, size, 3) as rows."""
        return batch.reshape(len(batch), -1)


def tune(work: Work, tell: Tell = lambda moment: None, *, always: bool = False) -> FineTuned:
    """Fine-tune, and compare with the linear heads there are on pictures that neither has seen.

    Parameters
    ----------
    work : Work
        With answers of two classes or more to the first question.
    tell : callable
        Told how far it is; what it raises stops the work, which goes on where it was when it is called again.
    always : bool
        Whether to train the network for use whatever the comparison says.

    Returns
    -------
    FineTuned

    Raises
    ------
    FeaturiserUnavailable
        The network cannot be cut, or its weights are not here.
    OSError
        From reading pictures or writing to the directory.
    """
    return TuningRun(work, tell).run(always=always)


class TuningRun:
    """A fine-tuning under way; its directory says what is done already.

    Of other than pictures `made`, `computed` and `halves` differ (`tl_core.texts.tuning_encoder`), and nothing else.
    """

    def __init__(self, work: Work, tell: Tell) -> None:
        self.work, self._tell, self.started = work, tell, time.perf_counter()
        files.make_directory(work.directory)
        self.done = 0.0
        self.curves: list[list[dict[str, Any]]] = []

    def run(self, *, always: bool) -> FineTuned:
        """Everything, in order."""
        self.plan = self._planned()
        self.activations = self.computed()
        self.usable = np.flatnonzero(self.activations.usable())
        comparisons = self._compared()
        state = self._final() if always or judging.is_better(comparisons) else None
        seconds = time.perf_counter() - self.started
        return FineTuned(self.plan, comparisons, self.curves, seconds, state)

    # --- plan ----------------------------------------------------------------------------------------

    def _planned(self) -> Plan:
        path = self.work.directory / "plan.json"
        if path.is_file():
            return Plan(**json.loads(path.read_text()))
        self._tell(Moment("measuring", 0.0))
        made = self.made()
        files.write_bytes(path, json.dumps(asdict(made)).encode())
        return made

    def made(self) -> Plan:
        """Plan: where to cut, and how long to train."""
        work = self.work
        if work.device != "cpu" or work.cut == splitting.PICTURE:
            tested = planning.plan({"": Rate(0, 0)}, len(work.pictures), 1, mirrored=False, quick=work.quick).tested
            epochs = 3 if work.quick else work.recipe.epochs
            return Plan(splitting.PICTURE, epochs, tested, 1, 0.0, 0.0)
        chosen = [work.cut] if work.cut else splitting.cuts(work.featuriser)[: 1 if work.quick else None]
        below = self._below()
        rates = {cut: Rate(below, _step(splitting.split(work.featuriser, cut), work.recipe)) for cut in chosen}
        return planning.plan(
            rates,
            len(work.pictures),
            work.seconds,
            mirrored=work.mirrored,
            quick=work.quick,
            epochs=work.recipe.epochs,
        )

    def _below(self) -> float:
        """Seconds that a picture takes to be read and computed by the whole network."""
        runtime = self.work.runtime(self.work.featuriser)
        tried = list(self.work.pictures[:TRIED])
        started = time.perf_counter()
        for _ in embed_images(tried, runtime):
            pass
        return (time.perf_counter() - started) / len(tried)

    # --- activations ---------------------------------------------------------------------------------

    def computed(self) -> Activations:
        """Compute what is missing of the activations at the cut."""
        work, plan = self.work, self.plan
        whole = plan.cut == splitting.PICTURE
        below = splitting.Below(work.featuriser, plan.cut, mirrored=plan.views > 1)
        activations = Activations(
            work.directory / "activations", len(work.pictures), plan.views, below.shape, "uint8" if whole else "float16"
        )
        if activations.missing():
            base = work.runtime(work.featuriser if whole else below)
            runtime = _Decoder(work.featuriser, base.threads) if whole else base

            def told(done: int) -> None:
                kept = done == activations.count or (done > 0 and done % SHARD == 0)
                self.say("computing", self.share_below * done / activations.count, kept=kept)

            activations.compute(work.pictures, runtime, told)
        self.done = self.share_below
        return activations

    @property
    def share_below(self) -> float:
        """Which part of all the time activations take."""
        return min(0.9, self.plan.below / self.plan.seconds) if self.plan.seconds else 0.3

    # --- comparing -----------------------------------------------------------------------------------

    def _compared(self) -> list[Comparison]:
        work = self.work
        main = work.targets[0]
        known = self.usable[main.known[self.usable]]
        groups = None if work.groups is None else work.groups[known]
        fold = judging.folds(Target(main.codes[known], main.classes), groups, work.recipe.seed)
        share = (1 - self.share_below) * (1 - self._share_final) / self.plan.tested
        tested = range(min(self.plan.tested, int(fold.max()) + 1))
        parts = []
        for number in tested:
            parts.append(self._fold(number, known[fold != number], known[fold == number], share))
            self.done += share
        comparisons = []
        for number, target in enumerate(work.targets):
            at = np.concatenate([part["at"] for part in parts])
            told = np.concatenate([part[f"tuned-{number}"] for part in parts])
            rival = np.concatenate([part[f"rival-{number}"] for part in parts])
            answered = target.known[at]
            together = None if work.groups is None else work.groups[at][answered]
            if answered.any():
                comparisons.append(judging.compare(told[answered], rival[answered], together))
        return comparisons

    @property
    def _share_final(self) -> float:
        return 1 / (1 + planning.FITTED * self.plan.tested)

    def _fold(self, number: int, fitted: At, tested: At, share: float) -> Mapping[str, NDArray[Any]]:
        """Judge one fold; what is judged already is read."""
        work, path = self.work, self.work.directory / f"fold-{number}.npz"
        curve = path.with_suffix(".json")
        if not path.is_file():
            inner, held = self._held_out(fitted)
            halves, trained = self._train(f"fold-{number}", inner, held, self.plan.epochs, share, "comparing")
            everything = np.concatenate([fitted, tested])
            embeddings = np.zeros((len(work.pictures), halves.dimension), np.float32)
            embeddings[everything] = training.embed(halves.upper, self.activations, everything, device=work.device)
            parts = {"at": tested, "best": np.array(trained.best)}
            for which, (target, rival) in enumerate(zip(work.targets, work.rivals, strict=True)):
                parts[f"tuned-{which}"] = judging.head_right(embeddings, target, fitted, tested)
                parts[f"rival-{which}"] = judging.head_right(rival, target, fitted, tested)
            outputs = training.predict(halves.upper, trained.outputs, self.activations, tested, device=work.device)
            parts["outputs"] = right(outputs[0], work.targets[0], tested)
            files.write_bytes(curve, json.dumps([asdict(each) for each in trained.curve]).encode())
            with files.replacing(path) as temporary, temporary.open("xb") as file:
                np.savez(file, **parts)  # type: ignore[arg-type]
        self.curves.append(json.loads(curve.read_text()))
        with np.load(path) as stored:
            return dict(stored)

    def _held_out(self, fitted: At) -> tuple[At, At]:
        return judging.held_out(self.work.targets[0], self.work.groups, fitted, self.work.recipe.seed)

    # --- the network for use -------------------------------------------------------------------------

    def _final(self) -> Mapping[str, Any]:
        """Train on all pictures, for as many epochs as were best in the folds."""
        work = self.work
        best = []
        for number in range(len(self.curves)):
            with np.load(work.directory / f"fold-{number}.npz") as stored:
                best.append(int(stored["best"]))
        epochs = max(1, round(float(np.median(best))))
        answered = np.any([target.known for target in work.targets[: work.trained]], axis=0)
        everything = self.usable[answered[self.usable]]
        nobody = np.zeros(0, np.intp)
        halves, trained = self._train("final", everything, nobody, epochs, 1 - self.done, "training")
        self.curves.append([asdict(each) for each in trained.curve])
        return {name: tensor.detach().cpu() for name, tensor in halves.network.state_dict().items()}

    def halves(self) -> splitting.Halves:
        """Build the network anew, in two parts."""
        return splitting.split(self.work.featuriser, self.plan.cut)

    def _train(
        self, name: str, fitted: At, held: At, epochs: int, share: float, phase: Phase
    ) -> tuple[splitting.Halves, training.Trained]:
        work, begun = self.work, self.done
        halves = self.halves()
        whole = self.plan.cut == splitting.PICTURE
        recipe = replace(work.recipe, epochs=epochs, mirrored=work.mirrored and whole)
        if whole and splitting.is_transformer(halves):
            recipe = replace(recipe, rank=recipe.rank or _RANK)
        if work.device != "cpu":
            recipe = replace(recipe, batch=max(recipe.batch, _LARGE_BATCH))

        def told(epochs_done: float, curve: Sequence[training.Epoch]) -> None:
            self.say(phase, begun + share * min(1.0, epochs_done / epochs), curve, kept=epochs_done.is_integer())

        trained = training.train(
            halves.upper,
            self.activations,
            work.targets[: work.trained],
            fitted,
            held,
            recipe,
            device=work.device,
            checkpoint=work.directory / f"{name}.pt",
            tell=told,
        )
        return halves, trained

    def say(self, phase: Phase, share: float, curve: Sequence[training.Epoch] = (), *, kept: bool = False) -> None:
        """Tell how far it is."""
        self._tell(Moment(phase, share, self.plan, [asdict(each) for each in curve], kept))


def _step(halves: splitting.Halves, recipe: Recipe) -> float:
    """Seconds that a step above the cut takes, a picture."""
    import torch

    batch = torch.randn((recipe.batch, *halves.shape))
    halves.upper(batch).sum().backward()
    started = time.perf_counter()
    halves.upper(batch).sum().backward()
    return (time.perf_counter() - started) / recipe.batch
