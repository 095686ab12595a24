"""Where to cut a network and how long to train it, in the time that somebody gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

EPOCHS = (10, 6)
QUICK_EPOCHS = (8, 5, 3)
PARTS = (1.0, 0.75, 0.5, 0.35)  # of the pictures that are trained on, where all take too long
LEAST_TRAINED = 4000  # pictures; with fewer a lower cut gains nothing that was measured
FITTED = 2 / 3  # of the pictures, in each of the three folds
SPARE = 0.9  # of the time is planned with
FEW, MANY = 3000, 6000  # pictures, from which two folds and one tell enough


@dataclass(frozen=True)
class Rate:
    """What a picture costs at a cut, in seconds.

    Attributes
    ----------
    below : float
        To read and decode it, and to compute one view below the cut.
    step : float
        To train on it once, above the cut.
    """

    below: float
    step: float


# EfficientNet-Lite0 on one core: what to expect where nothing was measured yet.
REFERENCE = {"high": Rate(0.012, 0.002), "low": Rate(0.012, 0.010)}


@dataclass(frozen=True)
class Plan:
    """How a network is tuned.

    Attributes
    ----------
    cut : str
        Behind which block.
    epochs : int
        At most.
    tested : int
        Folds that are judged.
    views : int
        2 where mirror images are used.
    trained : int
        Pictures that are trained on at most, drawn at random; heads are fitted on all.
    seconds : float
        It will take about that long; 0 where nobody knows.
    below : float
        So much of that for the activations at the cut.
    """

    cut: str
    epochs: int
    tested: int
    views: int
    trained: int
    seconds: float
    below: float


def plan(
    rates: Mapping[str, Rate],
    pictures: int,
    seconds: float,
    *,
    mirrored: bool,
    quick: bool = False,
    epochs: int = EPOCHS[0],
    trainings: int = 1,
) -> Plan:
    """Choose the lowest cut whose training fits into the time, with as many epochs as fit.

    Lower cuts were better in all that was measured, ten epochs better than six, and a part of many pictures above a
    lower cut better than all of them above a higher one. So a lower cut comes before more epochs, and these before more
    pictures. Where nothing fits, the shortest is planned: it says itself how long that takes.

    Parameters
    ----------
    rates : mapping of str to Rate
        By cut, the highest first.
    pictures : int
        How many have answers.
    seconds : float
        The time that is given.
    mirrored : bool
        Whether mirror images are of the same class.
    quick : bool
        Only the highest cut, without mirror images.
    epochs : int
        At most.
    trainings : int
        In each fold that is judged.

    Returns
    -------
    Plan
    """
    tested = 1 if quick or pictures >= MANY else 2 if pictures >= FEW else 3
    views = 2 if mirrored and not quick else 1
    considered: Sequence[str] = list(rates)[:1] if quick else list(rates)[::-1]
    plans = [
        _costed(Plan(cut, min(passes, epochs), tested, views, trained, 0, 0), rates[cut], pictures, trainings)
        for cut in considered
        for trained in _parts(pictures)
        for passes in (QUICK_EPOCHS if quick else EPOCHS)
    ]
    return next((each for each in plans if each.seconds <= SPARE * seconds), min(plans, key=lambda each: each.seconds))


def _parts(pictures: int) -> list[int]:
    """Return how many of so many pictures may be trained on, all of them first."""
    parts = [round(part * pictures) for part in PARTS]
    return [each for each in parts if each == pictures or each >= LEAST_TRAINED]


def _costed(plan: Plan, rate: Rate, pictures: int, trainings: int) -> Plan:
    compared = plan.tested * trainings
    steps = plan.epochs * (compared * min(plan.trained, FITTED * pictures) + plan.trained)
    # Embedding and judging above the cut take about as long as one more epoch of all pictures, in each training.
    looks = (FITTED * compared + 1) * pictures
    below = plan.views * pictures * rate.below
    return replace(plan, seconds=below + (steps + looks) * rate.step, below=below)
