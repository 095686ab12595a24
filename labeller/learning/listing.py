"""What was chosen, as rows: positions in arrays are translated to sample ids here, and nowhere else."""

import numpy as np
from numpy.typing import NDArray

from labeller.embedding.loading import Embedded
from labeller.learning import choosing, foreign, naming, reasons, tiles
from labeller.learning.fitting import Fitted, likeliest, named
from labeller.learning.models import RoundEntry, TileGroup
from labeller.learning.reading import Known
from tl_core.query import planning
from tl_core.query.planning import Pick

TORN = 0.4  # a lead of the likeliest class below which a reason names both


def entries(known: Known, picks: list[Pick], fitted: Fitted | None) -> list[RoundEntry]:
    """Rows for the picks, with what the head (before there is one: the classes' names) says of each, and the reason."""
    embeddings = known.embeddings
    suggestions: list[list[list[float]]] = [[] for _ in picks]
    classes: list[list[int]] | list[None] = [None] * len(picks)
    by: list[str] = [""] * len(picks)
    if fitted is None:
        suggestions, by = _of_others(known, picks)
    elif picks:
        probabilities = fitted.learner.predict_proba(embeddings.vectors[[pick.position for pick in picks]])
        suggestions = likeliest(probabilities, fitted.class_ids)
        classes = named(known.question, probabilities, fitted.class_ids)
    return [
        RoundEntry(
            sample_id=int(embeddings.ids[pick.position]),
            rank=rank,
            strategy=pick.strategy,
            score=pick.score,
            propensity=pick.propensity,
            reason=_reason(pick, suggestion[0][1] - suggestion[1][1] if len(suggestion) > 1 else 1.0),
            suggestions=suggestion,
            suggested_by=name,
            predicted_classes=predicted,
        )
        for rank, (pick, suggestion, name, predicted) in enumerate(zip(picks, suggestions, by, classes, strict=True))
    ]


def _of_others(known: Known, picks: list[Pick]) -> tuple[list[list[list[float]]], list[str]]:
    """What is suggested before there is a head: by foreign models, whose names come with it, else by classes' names."""
    suggestions, by = naming.suggestions(known, picks), [""] * len(picks)
    ids = [int(known.embeddings.ids[pick.position]) for pick in picks]
    told = foreign.suggestions(known.question, ids)
    for at, (pick, sample_id) in enumerate(zip(picks, ids, strict=True)):
        if sample_id in told and pick.strategy != planning.AUDIT:
            by[at], suggestions[at] = told[sample_id]
    return suggestions, by


def note_doubts(
    entries: list[RoundEntry], picks: list[Pick], allowed: NDArray[np.bool_], sure: NDArray[np.floating]
) -> None:
    """Note of each audit sample how much its head doubts it, and doubts the pool it was drawn from, on average.

    The pool of the next one is without it, so that what each differs by is chance alone, however small the pool.
    """
    doubts = np.clip(1 - sure.astype(np.float64), 0, 1)
    pool, n = float(doubts[allowed].sum()), int(allowed.sum())
    for entry, pick in zip(entries, picks, strict=True):
        if pick.strategy == planning.AUDIT:
            entry.doubt, entry.pool_doubt = float(doubts[pick.position]), min(max(pool / n, 0.0), 1.0)
            pool, n = pool - entry.doubt, n - 1


def tile_groups(
    known: Known,
    fitted: Fitted | None,
    taken: tiles.Taken | None,
    situation: planning.Situation,
    picks: list[Pick],
) -> list[TileGroup]:
    """Rows for the groups that are looked at side by side. What the round audits is in none: it is labelled blind."""
    free = choosing.free(situation)
    free[[pick.position for pick in picks if pick.strategy == planning.AUDIT]] = False
    if fitted is None or taken is None:
        kind = TileGroup.Kind.CLUSTER
        groups = tiles.clusters(choosing.likeness(known.question.pk, known.embeddings), free)
    else:
        kind = TileGroup.Kind.PREDICTED
        groups = tiles.predicted(fitted, taken, free, known.starred)
    return [
        TileGroup(
            question=known.question,
            kind=kind,
            label_class_id=group.class_id,
            number=number,
            n=group.n,
            tiles=numbered(known.embeddings, group.positions, group.numbers),
        )
        for number, group in enumerate(groups, start=1)
    ]


def numbered(
    embeddings: Embedded, positions: NDArray[np.intp], numbers: NDArray[np.floating]
) -> list[tuple[int, float]]:
    """Sample ids, each with its number."""
    return list(zip(embeddings.ids[positions].tolist(), numbers.astype(float).round(4).tolist(), strict=True))


def _reason(pick: Pick, lead: float) -> str:
    """Why this sample comes now, as a code of `reasons`."""
    if pick.strategy == planning.AUDIT:
        return reasons.AUDIT
    if pick.strategy == planning.COLD_START:
        return reasons.TYPICAL
    if pick.strategy == planning.RANDOM:
        return reasons.RANDOM
    if pick.hunted is not None:
        return reasons.hunted(pick.hunted)
    if pick.strategy == choosing.SIMILAR:
        return reasons.SIMILAR
    return reasons.BETWEEN if lead < TORN else reasons.DOUBT
