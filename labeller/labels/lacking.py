"""What a claim of accuracy still lacks: how many more audit samples would narrow it, as far as that can be foreseen."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeller.labels import selectors
from labeller.labels.selectors import Trail
from tl_core.evaluation import confidence_sequence

LEAST = 10  # audit samples, below which nobody can tell
WIDTHS = 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02  # either way, to narrow a claim to
NARROWER = 0.8  # what is worth saying is so much narrower than the claim is now
AHEAD = np.geomspace(1.02, 32, 80)  # times the labels of now that are looked ahead to


@dataclass(frozen=True)
class Lacking:
    """About `samples` more audit samples would narrow the claim to a `width` either way."""

    samples: int
    width: float


def lacking(trail: Trail) -> Lacking | None:
    """What the claim lacks to the next width worth having; None where that can't be told.

    Supposed is that heads stay as good, and people go on as they did: as many audits among the labels, and as much told
    by the doubts. Windows that begin meanwhile drop what is older: that is reckoned with.
    """
    audit = trail.audit()
    if audit.n < LEAST or audit.accuracy is None:
        return None
    now = (audit.interval[1] - audit.interval[0]) / 2
    labels = trail.n_labels * AHEAD
    halves, samples = _halves(trail, labels, audit.accuracy)
    told = now / _halves(trail, np.array([float(trail.n_labels)]), audit.accuracy)[0][0]
    for width in (each for each in WIDTHS if each <= NARROWER * now):
        reached = np.flatnonzero(told * halves <= width)
        if len(reached):
            return Lacking(max(1, round(float(f"{samples[reached[0]]:.2g}"))), width)
    return None


def claim_json(trail: Trail) -> dict[str, Any]:
    """The accuracy claim, and what it lacks, as commands print it."""
    audit, lacks = trail.audit(), lacking(trail)
    low, high = audit.interval
    lacks_json = asdict(lacks) if lacks else None
    return {"n": audit.n, "accuracy": audit.accuracy, "low": low, "high": high, "lacks": lacks_json}


def narrowed_by(lacks: dict[str, Any]) -> str:
    """The same as commands print it."""
    return f"about {lacks['samples']:,} more audit samples would narrow this to ±{lacks['width']:.0%}"


def _halves(
    trail: Trail, labels: NDArray[np.float64], accuracy: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half the width of the claim after so many labels, without what doubts tell; and the audit samples until then."""
    starts = np.array(sorted(selectors.STARTS), np.float64)
    parts = np.maximum(np.searchsorted(starts, labels, side="right") - 1, 0)
    part_now = max(int(np.searchsorted(starts, trail.n_labels, side="right")) - 1, 0)
    since = float(starts[part_now - 1]) if part_now else 0.0
    rate = len(trail.window) / max(1.0, trail.n_labels - since)
    more = rate * (labels - trail.n_labels)
    halves = np.empty(len(labels))
    for part in np.unique(parts).tolist():
        at = parts == part
        begins = float(starts[part - 1]) if part else 0.0
        n = trail.since(part) + more[at] if begins <= trail.n_labels else rate * (labels[at] - begins)
        low, high = confidence_sequence(accuracy * n, n, *selectors.terms(part))
        halves[at] = (high - low) / 2
    return halves, more
