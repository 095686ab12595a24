"""Fine-tune a network above a cut, from pictures and answers to a network that is better beyond doubt, or none.

Everything that took time lies in a directory, so that a killed worker goes on where it was: the activations file by
file, each training epoch by epoch, each judged fold. Imports torch: for workers.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation import jointly, judging, planning, splitting, training
from tl_core.adaptation.activations import SHARD, Activations
from tl_core.adaptation.jointly import Jointly
from tl_core.adaptation.judging import Comparison
from tl_core.adaptation.outputs import Target, right
from tl_core.adaptation.planning import Plan, Rate
from tl_core.adaptation.training import Recipe
from tl_core.adaptation.work import FineTuned, Moment, Phase, Tell, Work
from tl_core.featurisers.base import Featuriser
from tl_core.pipeline import embed_images
from tl_core.store import files

log = logging.getLogger(__name__)

At = NDArray[np.intp]
TRIED = 24  # pictures that the time is measured with
_LARGE_BATCH = 64  # on a GPU
_RANK = 8  # of the corrections by which whole transformers are trained


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
        self.joint = self._joined() if self._joins else None
        comparisons = self._compared()
        state = self._final() if always or judging.is_better(comparisons) else None
        seconds = time.perf_counter() - self.started
        return FineTuned(self.plan, comparisons, self.joint, self.curves, seconds, state)

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
            return Plan(splitting.PICTURE, epochs, tested, 1, len(work.pictures), 0.0, 0.0)
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
            trainings=self._trainings,
        )

    def _below(self) -> float:
        """Seconds that a picture takes to be read and computed by the whole network."""
        runtime = self.work.runtime(self.work.featuriser)
        tried = list(self.work.pictures[:TRIED])

        def once() -> None:
            for _ in embed_images(tried, runtime):
                pass

        return _shortest(once) / len(tried)

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

    # --- joining -------------------------------------------------------------------------------------

    @property
    def _joins(self) -> bool:
        return self.work.joins and len(self.work.targets) > 1

    @property
    def _trainings(self) -> int:
        """How many there are in each fold that is judged."""
        return 1 + (jointly.trainings_a_fold(len(self.work.targets)) if self._joins else 0)

    def _joined(self) -> Jointly:
        """Compare one network for all questions with one for each; what is compared already is read."""
        work, path = self.work, self.work.directory / "joint.json"
        begun, share = self.done, self._share_fold * self.plan.tested * (self._trainings - 1)
        if not path.is_file():
            compared = jointly.compare(
                self.halves,
                self.activations,
                [target.only(self.usable) for target in work.targets],
                self._recipe(self.plan.epochs),
                groups=work.groups,
                device=work.device,
                directory=work.directory,
                tested=self.plan.tested,
                most=self.plan.trained,
                tell=lambda part, is_kept: self.say("joining", begun + share * part, kept=is_kept),
            )
            files.write_bytes(path, json.dumps(asdict(compared)).encode())
        self.done = begun + share
        kept = json.loads(path.read_text())
        return Jointly([Comparison(**each) for each in kept["comparisons"]], kept["weighings"])

    @property
    def _trained_on(self) -> Sequence[Target]:
        """The questions that have outputs."""
        return self.work.targets if self.joint is not None and self.joint.kept else self.work.targets[:1]

    # --- comparing -----------------------------------------------------------------------------------

    def _compared(self) -> list[Comparison]:
        work = self.work
        main = work.targets[0]
        known = self.usable[main.known[self.usable]]
        groups = None if work.groups is None else work.groups[known]
        fold = judging.folds(Target(main.codes[known], main.classes), groups, work.recipe.seed)
        share = self._share_fold
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
    def _share_fold(self) -> float:
        """Which part of all the time one training of a fold takes."""
        trainings = planning.FITTED * self.plan.tested * self._trainings + 1
        return (1 - self.share_below) * planning.FITTED / trainings

    def _fold(self, number: int, fitted: At, tested: At, share: float) -> Mapping[str, NDArray[Any]]:
        """Judge one fold; what is judged already is read."""
        work, path = self.work, self.work.directory / f"fold-{number}.npz"
        curve = path.with_suffix(".json")
        if not path.is_file():
            inner, held = self._held_out(fitted)
            inner = self._some(inner)
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

    def _some(self, at: At) -> At:
        return judging.some(at, self.plan.trained, self.work.recipe.seed)

    # --- the network for use -------------------------------------------------------------------------

    def _final(self) -> Mapping[str, Any]:
        """Train on all pictures, for as many epochs as were best in the folds."""
        work = self.work
        best = []
        for number in range(len(self.curves)):
            with np.load(work.directory / f"fold-{number}.npz") as stored:
                best.append(int(stored["best"]))
        epochs = max(1, round(float(np.median(best))))
        answered = np.any([target.known for target in self._trained_on], axis=0)
        everything = self._some(self.usable[answered[self.usable]])
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
        recipe = self._recipe(epochs, halves)
        if self.joint is not None and self.joint.kept:
            recipe = replace(recipe, weighing=self.joint.weighing)

        def told(epochs_done: float, curve: Sequence[training.Epoch]) -> None:
            self.say(phase, begun + share * min(1.0, epochs_done / epochs), curve, kept=epochs_done.is_integer())

        trained = training.train(
            halves.upper,
            self.activations,
            self._trained_on,
            fitted,
            held,
            recipe,
            device=work.device,
            checkpoint=work.directory / f"{name}.pt",
            tell=told,
        )
        return halves, trained

    def _recipe(self, epochs: int, halves: splitting.Halves | None = None) -> Recipe:
        """The work's recipe, as the plan and the device would have it."""
        work, whole = self.work, self.plan.cut == splitting.PICTURE
        recipe = replace(work.recipe, epochs=epochs, mirrored=work.mirrored and whole)
        if whole and splitting.is_transformer(halves or self.halves()):
            recipe = replace(recipe, rank=recipe.rank or _RANK)
        if work.device != "cpu":
            recipe = replace(recipe, batch=max(recipe.batch, _LARGE_BATCH))
        return recipe

    def say(self, phase: Phase, share: float, curve: Sequence[training.Epoch] = (), *, kept: bool = False) -> None:
        """Tell how far it is."""
        self._tell(Moment(phase, share, self.plan, [asdict(each) for each in curve], kept))


def _step(halves: splitting.Halves, recipe: Recipe) -> float:
    """Seconds that a step above the cut takes, a picture."""
    import torch

    batch = torch.randn((recipe.batch, *halves.shape))
    return _shortest(lambda: halves.upper(batch).sum().backward()) / recipe.batch


def _shortest(work: Callable[[], object]) -> float:
    """Seconds that something takes at best: the first time takes longer, and so does any when others want the cores."""
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
