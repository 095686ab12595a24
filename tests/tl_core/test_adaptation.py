# ruff: noqa: N803, N806 - matrices are X and Y here, as in scikit-learn
"""Ways to adapt without labels: the contract that each keeps, and what each is for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tl_core import networks
from tl_core import featurisers
from tl_core.adaptation import autoencoder, base, batch_statistics, twins, ways  # noqa: F401 - registers the ways
from tl_core.adaptation.base import CannotAdapt, Pool, Way
from tl_core.adaptation.networks import AdaptedNetwork
from tl_core.featurisers import cards, own
from tl_core.featurisers.base import Featuriser
from tl_core.notices import Code
from tl_core.spaces import maps
from tl_core.store import storage

SIDE = 32
NETWORK = "tiny"
WAYS = pytest.mark.parametrize("way", base.ways(), ids=lambda way: way.name)


class Tiny(torch.nn.Module):
    """Two convolutions with batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            *(torch.nn.Conv2d(3, 6, 3, 2), torch.nn.BatchNorm2d(6), torch.nn.ReLU()),
            *(torch.nn.Conv2d(6, 10, 3, 2), torch.nn.BatchNorm2d(10)),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)


def tiny() -> torch.nn.Module:
    return Tiny()


def plain() -> torch.nn.Module:
    """A network without batch statistics."""
    return torch.nn.Conv2d(3, 8, 3, 2)


cards_of = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "resize": SIDE, "crop": SIDE, "interpolation": "bilinear"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> storage.Storage:
    """Where networks of one's own lie during a test."""
    there = storage.at(tmp_path / "networks")
    monkeypatch.setattr(cards, "_storage", lambda: there)
    return there


def saved(root: storage.Storage, function: str = "tiny") -> str:
    """The spec of a small network with random weights."""
    featurisers.builders.builder(f"test-{function}", f"{__name__}:{function}")
    torch.manual_seed(3)
    network = networks.lively(globals()[function](), SIDE)
    card = own.Card(
        name=function, architecture=f"builder:test-{function}", made_by="upload", made_at="", preprocessing=cards_of
    )
    return f"own/{own.save(root, network.state_dict(), card)}"


def pictures(n: int, seed: int = 0) -> list[np.ndarray]:
    """Smooth pictures (64, 64, 3) with a bright spot somewhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64]
    made = []
    for row, column in rng.integers(0, 64, (n, 2)):
        spot = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 200)[..., None] * rng.uniform(80, 160, 3)
        made.append((spot + rng.uniform(20, 80, 3) + rng.normal(0, 3, (64, 64, 3))).clip(0, 255).astype(np.uint8))
    return made


def prepared(n: int) -> Callable[[Featuriser, int], np.ndarray]:
    of_pool = pictures(n)
    return lambda featuriser, most: np.stack([featuriser.preprocess(each) for each in of_pool[:most]])


@pytest.fixture
def pool(root: storage.Storage) -> Pool:
    """A sample of 60: two classes, three cameras with an offset each, and a twin of each."""
    rng = np.random.default_rng(1)
    cameras = np.arange(60) % 3
    X = rng.normal(size=(60, 12)) + 3 * rng.normal(size=(3, 12))[cameras]
    others = X + 0.3 * rng.normal(size=X.shape)
    return Pool(saved(root), X.astype(np.float32), cameras, others.astype(np.float32), prepared(60))


# --- the contract ---------------------------------------------------------------------------------


def inputs(way: Way, made: object, pool: Pool) -> np.ndarray:
    return prepared(9)(made.featuriser, 9) if way.is_network else pool.vectors[:9]


@WAYS
def test_what_is_fitted_maps_the_same_after_it_was_saved(way: Way, pool: Pool, root: storage.Storage) -> None:
    made = way.fit(pool, np.random.default_rng(0), lambda share: None)
    assert isinstance(made, AdaptedNetwork) == way.is_network
    X = inputs(way, made, pool)
    before = X.copy()
    Y = made.apply(X)
    np.testing.assert_array_equal(X, before)
    assert Y.shape == (9, made.dimension) and Y.dtype == np.float32 and np.isfinite(Y).all()
    np.testing.assert_allclose(made.apply(X[:1])[0], Y[0], rtol=1e-4, atol=1e-5)
    name = made.save(root)
    assert made.digest in name and made.save(root) == name
    if way.is_network:
        with torch.no_grad():
            again = featurisers.get(f"own/{name}").module()(torch.from_numpy(X)).numpy()
    else:
        again = maps.load(root, name).apply(X)
    np.testing.assert_allclose(again, Y, rtol=1e-5, atol=1e-6)


@WAYS
def test_the_same_seed_gives_the_same(way: Way, pool: Pool) -> None:
    one, other = (way.fit(pool, np.random.default_rng(4), lambda share: None) for _ in range(2))
    assert one.digest == other.digest


@WAYS
def test_it_can_be_stopped_or_says_nothing(way: Way, pool: Pool) -> None:
    """What takes long reports, and lets through what the report raises: a job that is cancelled ends."""
    shares = []
    way.fit(pool, np.random.default_rng(0), shares.append)
    assert shares == sorted(shares) and all(0 <= share <= 1 for share in shares)
    if shares:
        with pytest.raises(InterruptedError):
            way.fit(pool, np.random.default_rng(0), _interrupt)


def _interrupt(share: float) -> None:
    raise InterruptedError


@WAYS
def test_what_a_pool_is_nothing_for_is_said(way: Way, pool: Pool) -> None:
    """Two pictures all alike of one camera, and a network without batch statistics."""
    flat = np.ones((2, 12), np.float32)
    poor = Pool(pool.spec, flat, np.zeros(2, int), flat, lambda featuriser, most: prepared(1)(featuriser, most)[:0])
    with pytest.raises(CannotAdapt) as refused:
        way.fit(poor, np.random.default_rng(0), lambda share: None)
    assert refused.value.reason.code in set(Code)


def test_names_are_unique_and_unknown_ones_are_told() -> None:
    assert base.get("cameras").needs == {"cameras"}
    with pytest.raises(KeyError, match="autoencoder"):
        base.get("wishing")
    with pytest.raises(ValueError, match="registered already"):
        base.register(base.get("cameras"))


# --- batch statistics -----------------------------------------------------------------------------


def test_batch_statistics_change_and_nothing_else_does(pool: Pool) -> None:
    before = featurisers.get(pool.spec).module().network.state_dict()
    made = base.get("batch-statistics").fit(pool, np.random.default_rng(0), lambda share: None)
    assert made.card.origin == pool.spec and made.card.architecture == "builder:test-tiny"
    changed = {name for name, value in made.state.items() if not torch.equal(value, before[name])}
    assert {name for name in changed if "running" in name} == {name for name in before if "running" in name}
    assert all("running" in name or "num_batches" in name for name in changed)


def test_after_batch_statistics_the_pool_is_normalised(pool: Pool) -> None:
    made = base.get("batch-statistics").fit(pool, np.random.default_rng(0), lambda share: None)
    batch = torch.from_numpy(prepared(60)(made.featuriser, 60))
    with torch.no_grad():
        maps_of = made.module.network(made.module.normalise(batch))
    assert float(maps_of.mean(dim=(0, 2, 3)).abs().max()) < 0.05
    assert float((maps_of.std(dim=(0, 2, 3)) - 1).abs().max()) < 0.05


def test_a_network_without_batch_statistics_is_told(root: storage.Storage, pool: Pool) -> None:
    with pytest.raises(CannotAdapt, match="no_batch_statistics"):
        base.get("batch-statistics").fit(
            Pool(saved(root, "plain"), pool.vectors, pictures=pool.pictures), np.random.default_rng(0), lambda share: 0
        )
    with pytest.raises(batch_statistics.NoBatchStatistics, match="want pictures"):
        batch_statistics.fit(Tiny(), [])


# --- autoencoder ----------------------------------------------------------------------------------


def test_each_layer_learns_to_give_back_what_it_was_given() -> None:
    given = np.stack(pictures(48))
    network, losses = autoencoder.fit(given, np.random.default_rng(0), channels=(8, 8), epochs=30)
    assert len(losses) == 2 and all(curve[-1] < 0.6 * curve[0] for curve in losses)
    assert not network.training and network(torch.zeros(2, 3, 64, 64)).shape == (2, 8 * 16 * 16)


def test_layers_that_are_taught_stay_as_they_were_while_the_next_one_learns() -> None:
    given, one = np.stack(pictures(16)), np.random.default_rng(0)
    alone, _ = autoencoder.fit(given, one, channels=(4,), epochs=2)
    both, _ = autoencoder.fit(given, np.random.default_rng(0), channels=(4, 4), epochs=2)
    assert both.layers[0][0].weight.shape == alone.layers[0][0].weight.shape
    first = both.layers[0]
    assert int(first[1].num_batches_tracked) == int(alone.layers[0][1].num_batches_tracked)


# --- hidden layers --------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["agreement", "instances"])
def test_twins_come_nearer_to_each_other_than_to_anything_else(objective: twins.Objective) -> None:
    """What twins share is small beside what they do not: the layer learns to look at what they share."""
    rng = np.random.default_rng(0)
    shared, noise = rng.normal(size=(450, 4)), 1.3 * rng.normal(size=(2, 450, 12))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    X, other = (np.column_stack([shared, each]) @ turn for each in noise)
    X, other = X.astype(np.float32), other.astype(np.float32)
    made = twins.fit(X[:350], other[:350], np.random.default_rng(0), objective=objective, units=64)

    def found(A: np.ndarray, B: np.ndarray) -> float:
        """Mean share of the others that are farther from a picture than its twin is, among those not learnt from."""
        A, B = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (A - A.mean(0), B - B.mean(0)))
        likeness = A @ B.T
        return float((likeness < np.diag(likeness)[:, None]).mean())

    plain_share = found(X[350:], other[350:])
    assert found(made.apply(X[350:]), made.apply(other[350:])) > plain_share + 0.025, plain_share


def test_a_column_that_never_changes_does_no_harm() -> None:
    X = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    X[:, 2] = 7
    made = twins.fit(X, X + 0.01, np.random.default_rng(0), units=8, epochs=2)
    assert np.isfinite(made.apply(X)).all()


def test_what_is_no_twin_is_refused() -> None:
    X = np.ones((40, 6), np.float32)
    for others in (X[:, 1:], X[:3], np.ones((41, 6), np.float32)):
        with pytest.raises(ValueError, match="twins"):
            twins.fit(X, others, np.random.default_rng(0))
    with pytest.raises(ValueError, match="finite"):
        twins.fit(X, X * np.nan, np.random.default_rng(0))
