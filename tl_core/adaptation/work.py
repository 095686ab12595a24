"""What a fine-tuning is given, how far it is, and what comes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation.jointly import Jointly
from tl_core.adaptation.judging import Comparison
from tl_core.adaptation.outputs import Target
from tl_core.adaptation.planning import Plan
from tl_core.adaptation.training import Recipe
from tl_core.featurisers.base import Featuriser
from tl_core.featurisers.networks import Network
from tl_core.pipeline import Picture, Runtime

Phase = Literal["measuring", "computing", "joining", "comparing", "training"]


@dataclass(frozen=True)
class Moment:
    """How far a fine-tuning is.

    Attributes
    ----------
    phase : str
        ``"measuring"`` the time it will take, ``"computing"`` activations, ``"joining"`` questions where that
        helps, ``"comparing"`` with what there is, ``"training"`` the network that will be used.
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
    joins : bool
        Whether training on all questions at once is tried: it is kept where it beats training on each alone. Else the
        first question alone is trained on.
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
    joins: bool = False
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
    joint : Jointly or None
        What came of training on all questions at once; None where that was not tried.
    curves : list of list of dict
        The epochs of each training, the one for use last where there was one.
    seconds : float
        It took, without what was resumed.
    state : mapping of str to torch.Tensor, or None
        Of the tuned network, without its classifier; None where it is not better beyond doubt.
    """

    plan: Plan
    comparisons: list[Comparison]
    joint: Jointly | None
    curves: list[list[dict[str, Any]]]
    seconds: float
    state: Mapping[str, Any] | None
