"""What is tried: the networks at hand, each with its last layer and its levels, and what has learnt nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.projects.models import Project
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, baselines, own, registry
from tl_core.featurisers.spec import with_option

LAST, LEVELS, BOTH, WHOLE = "last", "levels", "both", ""
Parts = tuple[tuple[slice, bool], ...]


@dataclass(frozen=True)
class Variant:
    """Columns of what a rival computes, and the featuriser to use where they serve: heads choose among its parts."""

    part: str
    spec: str
    columns: Parts

    @property
    def dimension(self) -> int:
        """Numbers a picture."""
        return sum(columns.stop - columns.start for columns, _ in self.columns)


@dataclass(frozen=True)
class Rival:
    """A network, a derived run, or a baseline.

    `load` gives what computes it, None where its embeddings can only be read. They are in `stored`: in one run, or in
    several side by side.
    """

    name: str
    is_trained: bool
    variants: tuple[Variant, ...]
    megabytes: float | None = None
    stored: tuple[EmbeddingRun, ...] = ()
    load: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Missing:
    """A network that is known here and can't be tried, and why."""

    name: str
    reason: str


def of(project: Project, runtime: Callable[[str], Any]) -> tuple[list[Rival], list[Missing]]:
    """All that can be tried on a project's pictures, and what can't. `runtime` loads a featuriser by its spec."""
    runs.import_own()
    found: dict[str, Rival] = {}
    missing: list[Missing] = []
    for name in [*_names(project), *_own(missing)]:
        try:
            network = _network(project, name, runtime)
        except (FeaturiserUnavailable, KeyError, ValueError, OSError) as error:
            missing.append(Missing(name, str(error.args[0] if error.args else error)))
        else:
            found.setdefault(network.name, network)
    derived = project.embedding_runs.filter(base__isnull=False, state=EmbeddingRun.State.ACTIVE)
    return [*found.values(), *map(_derived, derived), *_untrained(project, list(found), runtime), *_plain()], missing


def _names(project: Project) -> list[str]:
    """Specs of the networks whose weights are here, without what they give out; those of the project's runs first."""
    used = [project.featuriser, *project.embedding_runs.order_by("-pk").values_list("featuriser", flat=True)]
    listed = [entry.name for entry in featurisers.catalogue() if entry.available]
    return list(dict.fromkeys(_without_output(runs.underived(spec)) for spec in [*used, *listed]))


def _own(missing: list[Missing]) -> list[str]:
    """Networks of one's own that are whole; one that isn't is noted."""
    try:
        return [f"own/{digest}" for digest in own.listing(runs.networks())]
    except (FeaturiserUnavailable, OSError) as error:
        missing.append(Missing("own/", str(error)))
        return []


def _without_output(spec: str) -> str:
    name, *options = spec.split(",")
    return ",".join([name, *(each for each in options if not each.startswith("output="))])


def _network(project: Project, spec: str, runtime: Callable[[str], Any]) -> Rival:
    """A network with all that it gives out in one pass."""
    wide, variants = _variants(spec)
    featuriser = featurisers.get(wide)
    name = featurisers.get(spec).name
    stored = [project.embedding_runs.filter(fingerprint=featuriser.fingerprint).first()]
    if wide != spec:
        apart = [name, with_option(name, "output", LEVELS)]
        runs_apart = [project.embedding_runs.filter(featuriser=each).order_by("-pk").first() for each in apart]
        stored = stored if stored[0] else runs_apart
    return Rival(
        name=name,
        is_trained=True,
        variants=variants,
        megabytes=getattr(featuriser, "megabytes", None),
        stored=tuple(run for run in stored if run) if None not in stored else (),
        load=partial(runtime, wide),
    )


def _variants(spec: str) -> tuple[str, tuple[Variant, ...]]:
    """The spec that gives the last layer and the levels in one pass, and what is tried of it."""
    try:
        wide = with_option(spec, "output", BOTH)
        featuriser = registry.make(wide)
    except (FeaturiserUnavailable, ValueError, KeyError):  # it has a last layer only
        whole = slice(0, featurisers.get(spec).dimension)
        return spec, (Variant(LAST, spec, ((whole, False),)),)
    stop = next(block.stop for block in featuriser.blocks if block.name == "last")
    last, levels = (slice(0, stop), False), (slice(stop, featuriser.dimension), True)
    return wide, (Variant(LAST, spec, (last,)), Variant(LEVELS, spec, (levels,)), Variant(BOTH, spec, (last, levels)))


def _derived(run: EmbeddingRun) -> Rival:
    whole = Variant(WHOLE, run.featuriser, ((slice(0, run.dimension), False),))
    return Rival(run.featuriser, True, (whole,), stored=(run,))


def _untrained(project: Project, names: list[str], runtime: Callable[[str], Any]) -> list[Rival]:
    """The network in use, or the first that is one, as it would be without training."""
    for name in names:
        try:
            wide, variants = _variants(name)
            spec = baselines.untrained(wide, settings.CACHE / "untrained")
        except (FeaturiserUnavailable, ValueError, KeyError):
            continue
        return [Rival(f"{baselines.UNTRAINED} {name}", False, variants[-1:], load=partial(runtime, spec))]
    return []


def _plain() -> list[Rival]:
    """Pixels and gradients."""
    return [
        Rival(each.name, False, (Variant(WHOLE, "", each.parts),), load=each)
        for each in (baselines.SmallPicture, baselines.Gradients)
    ]
