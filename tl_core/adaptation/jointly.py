"""Whether one network trained on several questions beats one network for each: the same folds, in pairs.

A joint one costs one training and one embedding of the pool instead of several. But it is used only where it is better
beyond doubt: shared numbers may serve nobody well. Imports torch: for workers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation import judging, training
from tl_core.adaptation.activations import Activations
from tl_core.adaptation.judging import Comparison
from tl_core.adaptation.outputs import Target, right
from tl_core.adaptation.splitting import Halves
from tl_core.adaptation.training import Recipe, Trained

At = NDArray[np.intp]
WEIGHINGS = ("equal", "learned")


@dataclass(frozen=True, eq=False)
class Jointly:
    """How training on all questions at once compares with training on each alone.

    Attributes
    ----------
    comparisons : list of Comparison
        For each question: ``tuned`` is the joint network, ``rival`` the one trained on that question alone.
    weighings : list of str
        How the questions' losses were weighed in each fold: what did better on pictures held out of the training.
    """

    comparisons: list[Comparison]
    weighings: list[str]

    @property
    def weighing(self) -> str:
        """What did better in most folds."""
        return max(WEIGHINGS, key=self.weighings.count)

    @property
    def kept(self) -> bool:
        """Whether to train jointly: better for some question beyond doubt, and for none worse."""
        return any(each.is_better for each in self.comparisons) and not any(each.is_worse for each in self.comparisons)


def compare(
    fresh: Callable[[], Halves],
    activations: Activations,
    targets: Sequence[Target],
    recipe: Recipe,
    *,
    groups: NDArray[Any] | None = None,
    device: str = "cpu",
    directory: Path | None = None,
    tested: int = judging.FOLDS,
    most: int | None = None,
    tell: Callable[[float, bool], None] = lambda share, is_kept: None,
) -> Jointly:
    """Train on all questions and on each alone, and compare on pictures that neither has seen.

    Parameters
    ----------
    fresh : callable
        Gives the network cut in two, as it is before it is trained.
    activations : Activations
        At the cut; complete.
    targets : sequence of Target
        Two questions or more, of the same pictures. Where an answer is missing, it says nothing.
    recipe : Recipe
        How; its weighing is tried both ways.
    groups : ndarray of int, shape (n,), or None
        What belongs together: a camera, an event.
    device : str
        Where to train.
    directory : Path or None
        For checkpoints, so that what was killed goes on where it was; of this very work.
    tested : int
        Folds that are judged, 1 to 3.
    most : int or None
        Pictures that are trained on, drawn at random; None = all.
    tell : callable
        Told which share of the work is done, 0 to 1, and whether all of that is written; what it raises stops the work.

    Returns
    -------
    Jointly

    Raises
    ------
    ValueError
        There are fewer than two questions.
    OSError
        From reading activations or writing checkpoints.
    """
    if len(targets) < 2:
        raise ValueError("there is nothing to join: expected two questions or more")
    trainings = trainings_a_fold(len(targets))
    known = np.flatnonzero(np.any([target.known for target in targets], axis=0))
    main = targets[0]
    fold = judging.folds(
        Target(main.codes[known], main.classes), None if groups is None else groups[known], recipe.seed
    )
    told: list[list[NDArray[np.bool_]]] = [[] for _ in targets]
    alone: list[list[NDArray[np.bool_]]] = [[] for _ in targets]
    at: list[At] = []
    weighings = []
    tested = min(tested, int(fold.max()) + 1)
    done = 0
    for number in range(tested):
        fitted, judged = known[fold != number], known[fold == number]
        inner, held = judging.held_out(main, groups, fitted, recipe.seed)
        inner = judging.some(inner, len(inner) if most is None else most, recipe.seed)

        def run(name: str, few: Sequence[Target], way: str, parts: tuple[At, At, At]) -> tuple[Trained, Any]:
            nonlocal done
            halves = fresh()
            path = None if directory is None else directory / f"{name}.pt"
            trained = training.train(
                halves.upper, activations, few, parts[0], parts[1], replace(recipe, weighing=way),
                device=device, checkpoint=path,
                tell=lambda epochs, _curve: tell(
                    (done + min(1.0, epochs / recipe.epochs)) / (tested * trainings), epochs.is_integer()
                ),
            )  # fmt: skip
            done += 1
            return trained, training.predict(halves.upper, trained.outputs, activations, parts[2], device=device)

        parts = (inner, held, judged)
        joint = {way: run(f"joint-{way}-{number}", targets, way, parts) for way in WEIGHINGS}
        way = max(WEIGHINGS, key=lambda each: _best(joint[each][0]))
        weighings.append(way)
        at.append(judged)
        for which, target in enumerate(targets):
            told[which].append(right(joint[way][1][which], target, judged))
            _, (logits,) = run(f"alone-{which}-{number}", [target], "equal", parts)
            alone[which].append(right(logits, target, judged))
    everything = np.concatenate(at)
    comparisons = []
    for which, target in enumerate(targets):
        answered = target.known[everything]
        together = None if groups is None else groups[everything][answered]
        ours, theirs = (np.concatenate(each[which])[answered] for each in (told, alone))
        comparisons.append(judging.compare(ours, theirs, together))
    return Jointly(comparisons, weighings)


def trainings_a_fold(questions: int) -> int:
    """Return how many trainings `compare` needs for each fold of so many questions."""
    return len(WEIGHINGS) + questions


def _best(trained: Trained) -> float:
    """The best mean accuracy over the questions on what was held out of the training."""
    return max((epoch.accuracy or 0.0 for epoch in trained.curve), default=0.0)
