"""From what candidates computed to a report: scores in pairs, a pick, a verdict, and neighbours to look at.

A report holds

- `labelled`, `n`, `classes`, `held_out` ("camera", "event" or "sample"), `looked_at`, `refused`,
- `candidates`: name, title, spec, levels, is_trained; score with low and high, behind the best with low and high; by
  labels `neighbours` and `logme`, without them `twins` and `mates`; dimension, megabytes, rate, minutes and
  pool_megabytes,
- `pick`, `rival`, `in_use`: positions among them; `sentence`: a notice of the verdict,
- `pictures`: of some samples the nearest by the pick and by a rival (`shown`: their positions among the candidates),
- `missing`: what could not be tried, and why.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.labels import tallies
from labeller.messages import as_json
from labeller.projects.models import Project
from labeller.transfer import candidates, networks
from labeller.transfer.candidates import Missing, Rival, Variant
from labeller.transfer.trying import Computed
from tl_core.evaluation import advice, likeness, transferability
from tl_core.featurisers import baselines
from tl_core.notices import Notice, notice

QUERIES = 6
NEAR = 4
BYTES = 4  # a number in the store


@dataclass(eq=False)
class Contender:
    """One line of the table: a candidate's variant, and whether it is right about each sample."""

    candidate: Rival
    variant: Variant
    correct: NDArray[np.bool_]
    measured: dict[str, float | None]


def report(
    project: Project, tried: list[Rival], missing: list[Missing], found: Computed, rng: np.random.Generator
) -> dict[str, Any]:
    """Rate all that was computed. ValueError where there is nothing to rate."""
    drawn = found.drawn
    computed = [each for each in tried if each.name in found.vectors]
    if not computed or len(drawn.ids) < 2:
        raise ValueError("nothing was computed")
    judge = _by_labels if drawn.is_labelled else _by_likeness
    contenders, y, groups = judge(computed, found, rng)
    has_levels = runs.has_levels(project)
    kept = [at for at, each in enumerate(contenders) if _is_in_use(project, each, has_levels)]
    rivals = [
        advice.Tried(
            network=each.candidate.name,
            title=_title(each),
            is_trained=each.candidate.is_trained,
            seconds=found.seconds.get(each.candidate.name, 0.0),
            dimension=each.variant.dimension,
            correct=each.correct,
        )
        for each in contenders
    ]
    verdict = advice.judge(rivals, y, groups, rng, labelled=drawn.is_labelled, in_use=kept)
    in_use = max(kept, key=lambda at: verdict.rated[at].score, default=None)
    lines = zip(contenders, verdict.rated, strict=True)
    # Beside the pick what is in use, or else what it must beat.
    other = in_use if in_use not in (None, verdict.pick) else verdict.rival
    shown = [each for each in (verdict.pick, other) if each is not None]
    return {
        "labelled": drawn.is_labelled,
        "n": len(y),
        "classes": len(np.unique(y)),
        "held_out": _held_out(found, groups),
        "looked_at": len(drawn.ids),
        "refused": found.refused,
        "candidates": [_line(each, rated, found, tallies.samples(project)) for each, rated in lines],
        "pick": verdict.pick,
        "rival": verdict.rival,
        "in_use": in_use,
        "sentence": asdict(verdict.sentence),
        "shown": shown,
        "pictures": _pictures(found, [contenders[each] for each in shown]),
        "missing": [asdict(each) for each in [*missing, *found.missing]],
    }


def _by_labels(
    computed: list[Rival], found: Computed, rng: np.random.Generator
) -> tuple[list[Contender], NDArray[Any], NDArray[np.intp]]:
    """Whether a linear head that was fitted without it is right about each sample."""
    drawn = found.drawn
    groups = transferability.units(drawn.classes, drawn.cameras, drawn.events)
    fold = transferability.folds(drawn.classes, groups, rng)
    resamples = transferability.Resamples(drawn.classes, groups, rng)
    contenders = []
    for candidate in computed:
        for variant in candidate.variants:
            units = transferability.mixed(found.vectors[candidate.name], variant.columns)
            near = likeness.neighbours_correct(units, drawn.classes, groups)
            evidence = transferability.logme_parts(units, drawn.classes, fold)
            measured = {
                "neighbours": round(resamples.score(near), 4),
                "logme": None if np.isnan(evidence).all() else round(float(np.nanmean(evidence)), 4),
            }
            correct = transferability.head_correct(units, drawn.classes, fold)
            contenders.append(Contender(candidate, variant, correct, measured))
    return contenders, drawn.classes, groups


def _by_likeness(
    computed: list[Rival], found: Computed, rng: np.random.Generator
) -> tuple[list[Contender], NDArray[Any], NDArray[np.intp]]:
    """Whether altered copies find what they were made of, and frames of a burst each other. Derived runs make none."""
    events = found.drawn.events
    small = transferability.mixed(found.vectors[baselines.PIXELS], baselines.SmallPicture.parts)
    contenders, groups = [], np.zeros(0, np.intp)
    y = np.zeros(0, np.intp)
    for candidate in computed:
        if candidate.name not in found.twins:
            continue
        for variant in candidate.variants:
            both = np.concatenate([found.vectors[candidate.name], found.twins[candidate.name]])
            units = transferability.mixed(both, variant.columns)
            pictures, copies = units[: len(events)], units[len(events) :]
            of_twins = likeness.twins_correct(pictures, copies, found.originals)
            frames, of_mates = likeness.mates_correct(pictures, events, small)
            y = np.repeat([0, 1], [len(of_twins), len(of_mates)])
            alone = np.where(events >= 0, events, -1 - np.arange(len(events)))
            groups = np.concatenate([alone[found.originals], alone[frames]])
            measured = {
                "twins": round(float(of_twins.mean()), 4) if len(of_twins) else None,
                "mates": round(float(of_mates.mean()), 4) if len(of_mates) else None,
            }
            contenders.append(Contender(candidate, variant, np.concatenate([of_twins, of_mates]), measured))
    return contenders, y, groups


def _title(each: Contender) -> Notice | str:
    """What people are told it is."""
    name = each.candidate.name
    if name == baselines.PIXELS:
        return notice(WorkerCode.PIXELS)
    if name == baselines.GRADIENTS:
        return notice(WorkerCode.GRADIENTS)
    if not each.candidate.is_trained:
        return notice(WorkerCode.UNTRAINED, name=networks.called(name.removeprefix(f"{baselines.UNTRAINED} ")))
    codes = {
        candidates.LAST: WorkerCode.LAST_LAYER,
        candidates.LEVELS: WorkerCode.LEVELS,
        candidates.BOTH: WorkerCode.LAYER_AND_LEVELS,
    }
    part = each.variant.part
    called = networks.called(name)
    return notice(codes[part], name=called) if part in codes else called


def _has_levels(each: Contender) -> bool:
    return each.variant.part in (candidates.LEVELS, candidates.BOTH)


def _is_in_use(project: Project, each: Contender, has_levels: bool) -> bool:
    """Whether heads of the project may see just that already."""
    is_used = each.candidate.is_trained and each.variant.spec == project.featuriser
    return is_used and (has_levels or not _has_levels(each))


def _held_out(found: Computed, groups: NDArray[np.intp]) -> str:
    """What was kept together in the folds."""
    drawn = found.drawn
    if not drawn.is_labelled or len(np.unique(groups)) == len(drawn.ids):
        return "sample"
    by_camera = len(np.unique(groups)) == len(np.unique(drawn.cameras)) and (drawn.cameras >= 0).all()
    return "camera" if by_camera else "event"


def _line(each: Contender, rated: advice.Rated, found: Computed, pool: int) -> dict[str, Any]:
    """One line of the table, as JSON."""
    seconds = found.seconds.get(each.candidate.name)
    megabytes = each.candidate.megabytes
    return {
        "name": each.candidate.name,
        "title": as_json(_title(each)),
        "spec": each.variant.spec,
        "levels": _has_levels(each),
        "is_trained": each.candidate.is_trained,
        "run": None if each.candidate.load else each.candidate.stored[0].pk,
        **{name: round(value, 4) for name, value in asdict(rated).items()},
        **each.measured,
        "dimension": each.variant.dimension,
        "megabytes": None if megabytes is None else round(megabytes, 1),
        "rate": round(1 / seconds, 1) if seconds else None,
        "minutes": None if seconds is None else round((seconds + found.decoding) * pool / 60, 1),
        "pool_megabytes": round(pool * each.variant.dimension * BYTES / 1e6, 1),
    }


def _pictures(found: Computed, shown: list[Contender]) -> list[dict[str, Any]]:
    """Of some samples, the first of the first classes, the nearest by each of those shown, and whether of its class."""
    drawn = found.drawn
    queries = np.arange(min(QUERIES, len(drawn.ids)))
    alone = np.where(drawn.events >= 0, drawn.events, -1 - np.arange(len(drawn.ids)))
    near = [
        likeness.nearest(
            transferability.mixed(found.vectors[each.candidate.name], each.variant.columns), NEAR, alone, queries
        )
        for each in shown
    ]
    return [
        {
            "sample": int(drawn.ids[query]),
            "near": [
                [
                    [int(drawn.ids[at]), bool(drawn.classes[at] == drawn.classes[query]) if drawn.is_labelled else None]
                    for at in of_one[query]
                    if at >= 0
                ]
                for of_one in near
            ],
        }
        for query in queries
    ]
