"""Whether fine-tuning is worth its time, told beforehand by what is known anyway.

The rule is small on purpose: how large a part of a linear head's errors fine-tuning took away, in what was measured,
depends on how many answers there are; and a gain that this many answers could not show is not worth the wait.
docs/transfer.md has the measurements.
"""

import math
from dataclasses import dataclass
from typing import Literal

FEWEST = 2000  # answers, below which nothing was ever gained
SEVERAL = 8000  # answers, from which on nothing more is taken to be gained by having more
SHARE = 0.16  # of the errors that is taken away from then on, above a cut half-way down
DISAGREEING = 1.0  # share of the errors on which two ways to answer disagree
LEAST_GAIN = 0.005
LEAST_A_CLASS = 20


@dataclass(frozen=True)
class Evidence:
    """What is known of a question without tuning anything.

    Attributes
    ----------
    answers : int
        Pictures with an answer.
    classes : int
        That have been seen.
    accuracy : float or None
        Of the linear head that learns from them today, cross-validated, 0 to 1.
    tuned_with : int
        Answers that the network in use was tuned with already; 0 = it never was.
    """

    answers: int
    classes: int
    accuracy: float | None
    tuned_with: int = 0


@dataclass(frozen=True)
class Worth:
    """What to expect of fine-tuning.

    Attributes
    ----------
    verdict : str
        ``"worth it"`` or ``"not yet"``.
    reason : str
        ``"gain"`` where it is worth it; else ``"few answers"``, ``"few a class"``, ``"unknown"`` (no head has been
        cross-validated), ``"small gain"`` (too small to be told, or to matter), ``"tuned"`` (with about as many).
    gain : float or None
        Expected in accuracy; None where nothing can be told.
    answers : int or None
        From how many on it would be worth it, where more answers are all it takes.
    """

    verdict: Literal["worth it", "not yet"]
    reason: str
    gain: float | None
    answers: int | None = None


def worth(evidence: Evidence) -> Worth:
    """Tell whether fine-tuning is worth it.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    Worth
    """
    if evidence.answers < FEWEST:
        return Worth("not yet", "few answers", None, _enough(evidence))
    if evidence.answers < LEAST_A_CLASS * evidence.classes:
        return Worth("not yet", "few a class", None, LEAST_A_CLASS * evidence.classes)
    if evidence.accuracy is None:
        return Worth("not yet", "unknown", None)
    gain = expected(evidence.answers, 1 - evidence.accuracy)
    if evidence.tuned_with and evidence.answers < 1.5 * evidence.tuned_with:
        return Worth("not yet", "tuned", gain, math.ceil(1.5 * evidence.tuned_with))
    if not _shows(evidence.answers, 1 - evidence.accuracy):
        return Worth("not yet", "small gain", gain, _enough(evidence))
    return Worth("worth it", "gain", gain)


def expected(answers: int, error: float) -> float:
    """Return the gain in accuracy to expect of so many answers, where a linear head is wrong that often."""
    grown = (math.log(max(answers, 1)) - math.log(FEWEST)) / (math.log(SEVERAL) - math.log(FEWEST))
    return SHARE * min(1.0, max(0.0, grown)) * error


def _shows(answers: int, error: float) -> bool:
    """Whether the expected gain is worth having, and more than this many answers leave in doubt."""
    gain = expected(answers, error)
    doubt = 1.96 * math.sqrt(DISAGREEING * error / answers)
    return gain >= LEAST_GAIN and gain > doubt


def _enough(evidence: Evidence) -> int | None:
    """From how many answers on it would be worth it, were the head to stay as it is."""
    if evidence.accuracy is None:
        return None
    tried = (round(evidence.answers * factor) for factor in (1.25, 1.5, 2, 3, 4, 6, 8))
    return next((each for each in tried if each >= FEWEST and _shows(each, 1 - evidence.accuracy)), None)
