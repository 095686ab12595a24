"""The ways there are to adapt to a pool without labels. What they need torch for, they import late."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tl_core.adaptation import twins
from tl_core.adaptation.base import CAMERAS, PICTURES, TWINS, CannotAdapt, Pool, Report, Way, register
from tl_core.featurisers import builders
from tl_core.featurisers.builders import BuiltNetwork
from tl_core.featurisers.cards import BUILDER, Card
from tl_core.notices import Code, notice
from tl_core.spaces import cameras, whitening
from tl_core.spaces.maps import VectorMap

if TYPE_CHECKING:
    from tl_core.adaptation.networks import AdaptedNetwork

MOST_TAUGHT = 3000  # pictures that the autoencoder learns from: 36 s on one core
MOST_NORMALISED = 512  # pictures whose statistics are taken
ENCODER = "encoder"
_BATCH = 64

Part = TypeVar("Part")

builders.builder(ENCODER, "tl_core.adaptation.autoencoder:encoder")


def _whitening(pool: Pool, rng: np.random.Generator, report: Report) -> VectorMap:
    with _refusals():
        return whitening.fit([pool.vectors], pool.vectors.shape[1], shrinkage=None)


def _cameras(pool: Pool, rng: np.random.Generator, report: Report) -> VectorMap:
    keys, counts = np.unique(_given(pool.cameras), return_counts=True)
    if np.count_nonzero((keys >= 0) & (counts >= cameras.LEAST_ROWS)) < cameras.LEAST_CAMERAS:
        raise CannotAdapt(notice(Code.FEW_CAMERAS, n=cameras.LEAST_ROWS))
    with _refusals():
        projection = cameras.fit(pool.vectors, _given(pool.cameras))
    if not len(projection.ratios):
        raise CannotAdapt(notice(Code.CAMERAS_ALIKE))
    return projection


def _agreement(pool: Pool, rng: np.random.Generator, report: Report) -> VectorMap:
    return _hidden("agreement", pool, rng, report)


def _instances(pool: Pool, rng: np.random.Generator, report: Report) -> VectorMap:
    return _hidden("instances", pool, rng, report)


def _hidden(objective: twins.Objective, pool: Pool, rng: np.random.Generator, report: Report) -> VectorMap:
    with _refusals():
        return twins.fit(pool.vectors, _given(pool.twins), rng, objective=objective, report=report)


def _autoencoder(pool: Pool, rng: np.random.Generator, report: Report) -> "AdaptedNetwork":
    from tl_core.adaptation import autoencoder
    from tl_core.adaptation.networks import AdaptedNetwork
    from tl_core.featurisers import cutting

    side, half = autoencoder.SIDE, (0.5,) * 3
    seen = {"resize": side, "crop": side, "interpolation": "bilinear", "mean": half, "std": half, "squash": True}
    card = Card(
        name="autoencoder",
        architecture=f"{BUILDER}{ENCODER}",
        made_by="adaptation",
        made_at=_now(),
        arguments={"channels": list(autoencoder.CHANNELS)},
        preprocessing=seen,
    )
    featuriser = BuiltNetwork(card)
    with _refusals():
        network, _ = autoencoder.fit(_given(pool.pictures)(featuriser, MOST_TAUGHT), rng, report=report)
    pooling = cutting.pooling_of(network, side, card.name)
    return AdaptedNetwork(featuriser, cutting.Embed(network, half, half, pooling).eval(), network.state_dict(), card)


def _batch_statistics(pool: Pool, rng: np.random.Generator, report: Report) -> "AdaptedNetwork":
    from tl_core.adaptation import batch_statistics
    from tl_core.adaptation.networks import AdaptedNetwork, card_for, network_of

    featuriser = network_of(pool.spec)
    if featuriser is None:
        raise CannotAdapt(notice(Code.NO_BATCH_STATISTICS))
    module, pictures = featuriser.module(), _given(pool.pictures)(featuriser, MOST_NORMALISED)
    size = max(min(_BATCH, len(pictures)), 1)
    batches = (pictures[start : start + size] for start in range(0, len(pictures) - size + 1, size))
    try:
        batch_statistics.fit(module, batches, report=lambda done: report(done / len(pictures)))
    except batch_statistics.NoBatchStatistics as error:
        raise CannotAdapt(notice(Code.NO_BATCH_STATISTICS)) from error
    card = card_for(pool.spec, name=f"{pool.spec}, batch statistics of the pool", made_at=_now())
    state = module.get_submodule("network").state_dict()
    return AdaptedNetwork(featuriser, module, state, card)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a fit refuses, it cannot be done with: too few rows, or rows all alike."""
    try:
        yield
    except ValueError as error:
        raise CannotAdapt(notice(Code.NOT_FITTED, error=str(error))) from error


def _given(part: Part | None) -> Part:
    """The part of the pool that a way said it needs."""
    if part is None:
        raise ValueError("this way was given a pool without what it needs")
    return part


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


WHITENING = register(Way("whitening", _whitening))
CAMERA_PROJECTION = register(Way("cameras", _cameras, frozenset({CAMERAS})))
AGREEMENT = register(Way("agreement", _agreement, frozenset({TWINS})))
INSTANCES = register(Way("instances", _instances, frozenset({TWINS})))
AUTOENCODER = register(Way("autoencoder", _autoencoder, frozenset({PICTURES}), is_network=True, beside=True))
BATCH_STATISTICS = register(Way("batch-statistics", _batch_statistics, frozenset({PICTURES}), is_network=True))
