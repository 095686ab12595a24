# ruff: noqa: N806 - the matrix is X here, as in scikit-learn
"""From pictures and answers to a better network, or to none; in the time there is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.tl_core import tuned
from tl_core import featurisers
from tl_core.adaptation import finetuning, jointly, judging, planning
from tl_core.adaptation.outputs import MISSING, Target
from tl_core.adaptation.planning import Rate
from tl_core.adaptation.training import Recipe
from tl_core.adaptation.work import Work
from tl_core.pipeline import embed_images

N = 90
RECIPE = Recipe(epochs=5, rate=3e-3, batch=16)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("tuning")
    network = tuned.featuriser(home)
    pictures, codes = tuned.pictures(home / "pictures", N)
    return home, network, pictures, codes


def work(made, directory, **changes):
    home, network, pictures, codes = made
    rival = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    given = {
        "featuriser": network, "pictures": pictures, "targets": [Target(codes, 3)], "rivals": [rival],
        "directory": directory, "runtime": tuned.runtime(home), "recipe": RECIPE,
    }  # fmt: skip
    return Work(**{**given, **changes})


def test_a_better_network_is_trained_and_is_a_featuriser(made, tmp_path):
    home, network, pictures, codes = made
    moments = []
    outcome = finetuning.tune(work(made, tmp_path), moments.append)
    assert outcome.comparisons[0].is_better and outcome.comparisons[0].n == N
    assert [len(outcome.curves), outcome.plan.tested, outcome.plan.views] == [4, 3, 1]
    shares = [moment.share for moment in moments]
    assert shares == sorted(shares) and 0 <= shares[0] < 0.2 and 0.9 < shares[-1] <= 1
    assert list(dict.fromkeys(moment.phase for moment in moments)) == [
        "measuring", "computing", "comparing", "training",
    ]  # fmt: skip
    path = tmp_path / "tuned.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in outcome.state.items()}, path)
    found = featurisers.get(f"timm/test_resnet,size={tuned.SIDE},weights={path}")
    assert found.fingerprint != network.fingerprint
    means = []
    for each in (found, network):
        embeddings = np.stack([one.vector for one in embed_images(pictures, tuned.runtime(home)(each))])
        means.append(spread(embeddings, codes))
    assert means[0] > 1.2 * means[1]


def spread(embeddings, codes):
    """How far classes lie apart, beside how far their members do."""
    centres = np.stack([embeddings[codes == code].mean(axis=0) for code in range(3)])
    return np.linalg.norm(centres - centres.mean(axis=0)) / np.linalg.norm(embeddings - centres[codes])


def test_a_rival_that_knows_it_all_is_never_left(made, tmp_path):
    codes = made[3]
    perfect = np.eye(3, dtype=np.float32)[codes]
    outcome = finetuning.tune(work(made, tmp_path, rivals=[perfect]))
    assert outcome.state is None and not outcome.comparisons[0].is_better
    assert outcome.comparisons[0].rival == 1.0


def test_several_questions_are_trained_on_where_that_beats_each_alone(made, tmp_path, monkeypatch):
    codes = made[3]
    few = np.where(np.arange(N) % 6, MISSING, codes)  # answers that another question has plenty of
    given = {"targets": [Target(few, 3), Target(codes, 3)], "rivals": [np.zeros((N, 4), np.float32)] * 2, "quick": True}
    tried = work(made, tmp_path / "tried", joins=True, **given)
    moments = []
    compared = finetuning.tune(tried, moments.append)
    assert any(moment.is_kept for moment in moments if moment.phase == "joining")  # a worker's turn may end there
    assert [each.n > 0 for each in compared.joint.comparisons] == [True, True]
    begun = []
    monkeypatch.setattr(finetuning.jointly, "compare", lambda *given, **more: begun.append(1))
    assert finetuning.tune(tried).joint.comparisons == compared.joint.comparisons
    assert begun == []  # what was compared already is read

    better = judging.Comparison(0.9, 0.6, 0.3, 0.2, 0.4, N)
    for kept, questions in ((True, 2), (False, 1)):
        outcome = jointly.Jointly([better if kept else replace(better, low=-0.1)] * 2, ["learned"] * 3)
        monkeypatch.setattr(finetuning.jointly, "compare", lambda *given, outcome=outcome, **more: outcome)
        trained = []
        real = finetuning.training.train

        def train(upper, activations, targets, *rest, trained=trained, real=real, **more):
            trained.append((len(targets), rest[-1].weighing))
            return real(upper, activations, targets, *rest, **more)

        monkeypatch.setattr(finetuning.training, "train", train)
        finetuning.tune(work(made, tmp_path / str(kept), joins=True, **given))
        monkeypatch.setattr(finetuning.training, "train", real)
        assert set(trained) == {(questions, "learned" if kept else "equal")}


def test_no_more_pictures_are_trained_on_than_the_plan_says(made, tmp_path, monkeypatch):
    real = finetuning.planning.plan
    monkeypatch.setattr(finetuning.planning, "plan", lambda *given, **more: replace(real(*given, **more), trained=30))
    fitted = []
    train = finetuning.training.train

    def counted(upper, activations, targets, at, *rest, **more):
        fitted.append(len(at))
        return train(upper, activations, targets, at, *rest, **more)

    monkeypatch.setattr(finetuning.training, "train", counted)
    outcome = finetuning.tune(work(made, tmp_path, quick=True), always=True)
    assert fitted == [30, 30] and outcome.comparisons[0].n == N // 3


def test_another_question_that_would_lose_forbids_the_change(made, tmp_path):
    codes = made[3]
    other = Target(np.random.default_rng(5).integers(0, 2, N), 2)  # nothing in the pictures tells it
    knows = np.eye(2, dtype=np.float32)[other.codes]
    base = work(made, tmp_path)
    outcome = finetuning.tune(work(made, tmp_path, targets=[Target(codes, 3), other], rivals=[*base.rivals, knows]))
    assert [each.is_better for each in outcome.comparisons] == [True, False]
    assert outcome.comparisons[1].is_worse and outcome.state is None


def test_pictures_without_an_answer_are_not_judged(made, tmp_path):
    codes = np.where(np.arange(N) < 60, made[3], MISSING)
    outcome = finetuning.tune(work(made, tmp_path, targets=[Target(codes, 3)]))
    assert outcome.comparisons[0].n == 60


def test_stopped_anywhere_it_goes_on_and_comes_to_the_same(made, tmp_path):
    class Stop(Exception):
        pass

    whole = finetuning.tune(work(made, tmp_path / "whole"))
    rng, stops = np.random.default_rng(2), 0

    def die(moment):
        if moment.phase != "measuring" and rng.random() < 0.04:
            raise Stop

    while True:
        try:
            stopped = finetuning.tune(work(made, tmp_path / "stopped", cut=whole.plan.cut), die)
            break
        except Stop:
            stops += 1
    assert stops > 3
    assert stopped.comparisons == whole.comparisons
    for name, tensor in whole.state.items():
        torch.testing.assert_close(tensor, stopped.state[name], msg=name)


def test_a_whole_network_is_trained_on_varied_pictures(made, tmp_path):
    outcome = finetuning.tune(work(made, tmp_path, cut="picture", recipe=Recipe(epochs=2, rate=1e-3)), always=True)
    before = made[1].module().network.state_dict()
    changed = [name for name, value in outcome.state.items() if not torch.equal(value, before[name])]
    assert "conv1.weight" in changed or any("stem" in name or "conv1" in name for name in changed)


def test_of_a_whole_transformer_only_its_matrices_are_corrected(made, tmp_path):
    network = tuned.featuriser(made[0], "timm/test_vit")
    recipe = Recipe(epochs=1, rate=1e-3)
    outcome = finetuning.tune(work(made, tmp_path, featuriser=network, cut="picture", recipe=recipe), always=True)
    before = network.module().network.state_dict()
    changed = [name for name, value in outcome.state.items() if not torch.equal(value, before[name])]
    assert changed and set(outcome.state) == set(before)
    assert all(before[name].dim() == 2 for name in changed)


# --- folds and comparisons ------------------------------------------------------------------------


def test_no_group_is_in_two_folds_nor_held_out_and_fitted_on():
    rng = np.random.default_rng(0)
    groups, target = rng.integers(0, 20, 200), Target(rng.integers(0, 4, 200), 4)
    fold = judging.folds(target, groups, 0)
    assert set(fold) == {0, 1, 2}
    assert all(len(set(fold[groups == group])) == 1 for group in range(20) if (groups == group).any())
    inner, held = judging.held_out(target, groups, np.flatnonzero(fold != 0), 0)
    assert not set(groups[inner]) & set(groups[held])
    assert 0.05 < len(held) / (len(inner) + len(held)) < 0.35


@pytest.mark.parametrize("groups", [None, np.zeros(9, int), np.arange(9) % 2])
def test_folds_of_few_pictures_and_groups(groups):
    target = Target(np.array([0, 0, 0, 0, 0, 0, 0, 0, 1]), 2)
    assert len(set(judging.folds(target, groups, 0))) == (2 if groups is not None and groups.any() else 3)


def test_a_gain_is_beyond_doubt_only_with_enough_independent_pictures():
    rng = np.random.default_rng(0)
    rival = rng.random(600) < 0.8
    tuned_right = rival | (rng.random(600) < 0.2)
    assert judging.compare(tuned_right, rival, None).is_better
    # A gain that is only just beyond its interval is told, and changes nothing.
    hardly = judging.Comparison(0.825, 0.8, 0.025, 0.002, 0.048, 500)
    assert hardly.is_better and not judging.is_better([hardly])
    assert judging.is_better([replace(hardly, low=0.012)])
    assert not judging.compare(rival, rival, None).is_better
    assert judging.compare(rival, tuned_right, None).is_worse
    few = judging.compare(tuned_right, rival, np.arange(600) % 2)
    many = judging.compare(tuned_right, rival, np.arange(600) % 300)
    assert few.gain == many.gain
    assert few.high - few.low >= many.high - many.low


def test_several_classes_a_picture_are_judged_as_a_whole():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5)).astype(np.float32)
    target = Target((X[:, :2] > 0).astype(np.intp), 2)
    found = judging.head_right(X, target, np.arange(60), np.arange(60, 80))
    assert found.shape == (20,) and found.mean() > 0.6


# --- time -----------------------------------------------------------------------------------------

RATES = {"high": Rate(0.02, 0.002), "low": Rate(0.02, 0.01)}


def test_the_lowest_cut_that_fits_is_chosen_then_the_most_epochs():
    assert planning.plan(RATES, 1000, 600, mirrored=True).cut == "low"
    assert planning.plan(RATES, 1000, 200, mirrored=True).cut == "high"
    short = planning.plan(RATES, 1000, 310, mirrored=True)
    long = planning.plan(RATES, 1000, 3000, mirrored=True)
    assert (short.cut, short.epochs, long.epochs, long.views) == ("low", 6, 10, 2)


def test_of_many_pictures_a_part_is_trained_on_above_a_lower_cut():
    all_of_them = planning.plan(RATES, 12_000, 1e9, mirrored=False)
    some = planning.plan(RATES, 12_000, 0.7 * all_of_them.seconds, mirrored=False)
    assert (all_of_them.cut, all_of_them.trained) == (some.cut, 12_000) == ("low", 12_000)
    few = planning.plan(RATES, 12_000, 0.5 * all_of_them.seconds, mirrored=False)
    assert few.cut == "low" and planning.LEAST_TRAINED <= few.trained < 12_000
    assert planning.plan(RATES, 5000, 500, mirrored=False).trained == 5000  # a part of these would be too few


def test_without_pictures_it_takes_no_time():
    assert planning.plan(RATES, 0, 600, mirrored=True).seconds == 0


def test_a_quick_one_takes_a_minute_for_three_thousand_pictures():
    quick = planning.plan(RATES, 3000, 70, mirrored=True, quick=True)
    assert (quick.cut, quick.views, quick.tested) == ("high", 1, 1)
    assert quick.below == 60


def test_where_nothing_fits_the_shortest_says_how_long_it_takes():
    plan = planning.plan(RATES, 10_000, 60, mirrored=True)
    assert plan.cut == "high" and plan.seconds > 60
