# ruff: noqa: N806 - the matrix is X here, as in scikit-learn
"""Training above a cut: on what is kept of pictures, from the linear head on, and from any checkpoint on."""

import numpy as np
import pytest
import torch

from tests.tl_core import tuned
from tl_core.adaptation import augmenting, splitting, training
from tl_core.adaptation.activations import SHARD, Activations
from tl_core.adaptation.outputs import MISSING, Outputs, Target, loss, right
from tl_core.adaptation.training import Recipe

CLASSES, N = 3, 90
FITTED, HELD = np.arange(60), np.arange(60, 90)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return tuned.featuriser(tmp_path_factory.mktemp("networks"))


@pytest.fixture
def halves(network):
    return splitting.split(network, splitting.cuts(network)[0])


def activations(directory, halves, views=1, seed=0, noise=1.5, opposite=False):
    """Clusters among activations; two of opposite signs to each class are more than a linear head parts."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(N) % CLASSES)
    centres = rng.normal(0, 1.0, (CLASSES, *halves.shape))
    signs = rng.choice((-1, 1) if opposite else (1, 1), N).reshape(-1, *[1] * len(halves.shape))
    values = (signs * centres[codes])[:, None] + rng.normal(0, noise, (N, views, *halves.shape))
    found = Activations(directory / "activations", N, views, halves.shape)
    found.write(0, values.astype(np.float16))
    return found, Target(codes, CLASSES)


def numbers(module):
    return torch.cat([value.flatten().float() for value in module.state_dict().values()])


def test_training_gets_better_than_the_linear_head_it_begins_with(tmp_path, halves):
    kept, target = activations(tmp_path, halves, noise=1.2, opposite=True)
    nothing = training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=0))
    begun = training.predict(halves.upper, nothing.outputs, kept, HELD)[0]
    trained = training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=8, rate=2e-3, batch=16))
    after = training.predict(halves.upper, trained.outputs, kept, HELD)[0]
    assert 1 / CLASSES < right(begun, target, HELD).mean() < right(after, target, HELD).mean()
    assert trained.curve[-1].loss < trained.curve[0].loss
    assert right(after, target, HELD).mean() == max(epoch.accuracy for epoch in trained.curve)
    assert trained.best == 1 + np.argmax([epoch.accuracy for epoch in trained.curve])


def test_statistics_of_batches_stay_as_they_were(tmp_path, halves):
    kept, target = activations(tmp_path, halves)
    before = {name: value.clone() for name, value in halves.network.named_buffers()}
    training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=1))
    assert before and all(torch.equal(value, before[name]) for name, value in halves.network.named_buffers())


def test_it_stops_when_what_is_held_out_gets_no_better(tmp_path, halves):
    kept, target = activations(tmp_path, halves)
    hopeless = Target(np.where(np.arange(N) < 60, target.codes, (target.codes + 1) % CLASSES), CLASSES)
    trained = training.train(halves.upper, kept, [hopeless], FITTED, HELD, Recipe(epochs=30, patience=2))
    assert len(trained.curve) == trained.best + 2 < 30


def test_killed_after_any_epoch_the_result_is_the_same(tmp_path, network):
    class Killed(Exception):
        pass

    def die(epochs, curve):
        if epochs in {1.0, 3.0}:
            raise Killed

    recipe, results = Recipe(epochs=4, rate=1e-3, batch=16), []
    for name, tell in (("whole", lambda epochs, curve: None), ("killed", die)):
        halves = splitting.split(network, splitting.cuts(network)[0])
        kept, target = activations(tmp_path / name, halves, views=2)
        begun, path = [], tmp_path / f"{name}.pt"
        while not begun or begun[-1] == "killed":
            begun.append("ended")
            try:
                halves = splitting.split(network, splitting.cuts(network)[0])
                trained = training.train(halves.upper, kept, [target], FITTED, HELD, recipe, checkpoint=path, tell=tell)
            except Killed:
                begun[-1] = "killed"
        results.append((len(begun), numbers(halves.upper), numbers(trained.outputs), len(trained.curve)))
    assert [result[0] for result in results] == [1, 3]
    for whole, killed in zip(results[0][1:], results[1][1:], strict=True):
        torch.testing.assert_close(whole, killed)


def test_a_checkpoint_of_another_recipe_is_left_alone(tmp_path, halves):
    kept, target = activations(tmp_path, halves)
    path = tmp_path / "one.pt"
    training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=2), checkpoint=path)
    trained = training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=1, seed=3), checkpoint=path)
    assert len(trained.curve) == 1


def test_small_corrections_are_trained_and_merged(tmp_path):
    found = tuned.featuriser(tmp_path, "timm/test_vit")
    halves = splitting.split(found, splitting.cuts(found)[-1])
    kept, target = activations(tmp_path, halves)
    names = set(halves.network.state_dict())
    before = numbers(halves.upper)
    trained = training.train(halves.upper, kept, [target], FITTED, HELD, Recipe(epochs=2, rank=2, rate=1e-2))
    assert set(halves.network.state_dict()) == names
    assert not torch.equal(numbers(halves.upper), before)
    logits = training.predict(halves.upper, trained.outputs, kept, HELD)[0]
    assert right(logits, target, HELD).mean() == max(epoch.accuracy for epoch in trained.curve)


# --- several questions ----------------------------------------------------------------------------


def test_a_missing_answer_says_nothing(halves):
    logits = [torch.randn((4, 3), requires_grad=True), torch.randn((4, 2), requires_grad=True)]
    codes = [torch.tensor([0, MISSING, 2, MISSING]), torch.full((4,), MISSING)]
    loss(logits, codes, None, 0.1).backward()
    assert [bool(row.any()) for row in logits[0].grad] == [True, False, True, False]
    assert logits[1].grad is None or not logits[1].grad.any()
    assert float(loss(logits[1:], codes[1:], None, 0.1).detach()) == 0.0


def test_of_several_classes_each_may_be_unknown():
    logits = torch.zeros((2, 3), requires_grad=True)
    codes = torch.tensor([[1, 0, MISSING], [MISSING, MISSING, MISSING]])
    loss([logits], [codes], None, 0.0).backward()
    assert logits.grad.sign().tolist() == [[-1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("weighing", ["equal", "learned"])
def test_two_questions_are_trained_at_once(tmp_path, halves, weighing):
    kept, target = activations(tmp_path, halves)
    other = Target(np.where(np.arange(N) % 2, target.codes == 1, MISSING).astype(np.intp), 2)
    recipe = Recipe(epochs=4, rate=2e-3, batch=16, weighing=weighing)
    trained = training.train(halves.upper, kept, [target, other], FITTED, HELD, recipe)
    found = training.predict(halves.upper, trained.outputs, kept, HELD)
    assert [logits.shape for logits in found] == [(30, 3), (30, 2)]
    assert right(found[0], target, HELD).mean() > 0.5
    known = HELD[other.known[HELD]]
    assert right(found[1][other.known[HELD]], other, known).mean() > 0.6
    assert bool(trained.outputs.doubts.any()) == (weighing == "learned")


def test_outputs_begin_as_the_head_of_the_embeddings():
    from tl_core.heads.logistic import LogisticHead

    rng = np.random.default_rng(1)
    X, codes = rng.normal(size=(40, 6)).astype(np.float32), np.arange(40) % 2 * 2
    X[:, 0] += codes
    target = Target(codes, 4)
    outputs = Outputs(X.mean(axis=0), [target])
    outputs.begin(X, [target])
    logits = outputs(torch.from_numpy(X))[0].detach().numpy()
    expected = LogisticHead(pool_mean=X.mean(axis=0)).fit(X, codes).logits(X)
    np.testing.assert_allclose(logits[:, [0, 2]], expected, rtol=1e-3, atol=1e-3)
    assert not logits[:, [1, 3]].any()


# --- pictures and activations ---------------------------------------------------------------------


def test_varied_pictures_are_pictures_of_the_same_thing():
    generator = torch.Generator().manual_seed(0)
    pictures = torch.zeros((64, 16, 16, 3), dtype=torch.uint8)
    pictures[:, :, :8] = 200
    varied = augmenting.vary(pictures, mirrored=False, generator=generator)
    assert varied.shape == pictures.shape and varied.dtype == torch.uint8
    assert (varied[:, :, :4].float().mean(dim=(1, 2, 3)) > varied[:, :, -4:].float().mean(dim=(1, 2, 3))).all()
    turned = augmenting.vary(pictures, mirrored=True, generator=generator)
    upright = turned[:, :, :4].float().mean(dim=(1, 2, 3)) > turned[:, :, -4:].float().mean(dim=(1, 2, 3))
    assert 10 < int(upright.sum()) < 54


def test_activations_are_computed_where_they_are_missing_and_broken_pictures_are_known(tmp_path, network):
    pictures, _ = tuned.pictures(tmp_path / "pictures", SHARD + 10)
    pictures[3].location.write_bytes(b"no picture")
    cut = splitting.cuts(network)[0]
    below = splitting.Below(network, cut, mirrored=True)
    kept = Activations(tmp_path / "kept", len(pictures), 2, below.shape)
    runtime = tuned.runtime(tmp_path)(below)

    def die(done):
        if done > SHARD + 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        kept.compute(pictures, runtime, die)
    assert kept.missing() == [1]
    kept.compute(pictures, runtime)
    assert kept.missing() == []
    assert np.flatnonzero(~kept.usable()).tolist() == [3]
    halves = splitting.split(network, cut)
    at = np.array([SHARD + 4, 5])
    images = np.stack([network.preprocess(np.asarray(_picture(pictures[each]))) for each in at])
    expected = halves.lower(torch.from_numpy(np.stack([images[0], images[1][:, ::-1]]))).detach().numpy()
    np.testing.assert_allclose(kept.rows(at, np.array([0, 1])), expected, rtol=2e-2, atol=2e-2)


def _picture(picture):
    from tl_core import images

    return images.load(picture.location, min_side=tuned.SIDE)


def test_what_is_mapped_is_let_go_of(tmp_path, monkeypatch):
    monkeypatch.setattr("tl_core.adaptation.activations.MOST_MAPPED", 100)
    kept = Activations(tmp_path, 4, 1, (10,))
    kept.write(0, np.arange(40, dtype=np.float16).reshape(4, 1, 10))
    for _ in range(3):
        assert kept.rows(np.array([2, 0]))[:, 0].tolist() == [20.0, 0.0]
    kept.rows(np.arange(4))
    kept.rows(np.arange(4))
    assert not kept._maps
