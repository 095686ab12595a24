# ruff: noqa: N803, N806 - matrices are X and A here, as in the sources
"""How well embeddings tell classes apart: sample by sample, in pairs, groups kept whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation import balanced_accuracy, likeness, transferability
from tl_core.geometry import unit_rows


def blobs(n=120, classes=3, dimension=12, noise=0.4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    X = (rng.normal(size=(classes, dimension))[y] + noise * rng.normal(size=(n, dimension))).astype(np.float32)
    return unit_rows(X, X.mean(axis=0)), y


# --- neighbours -----------------------------------------------------------------------------------


def test_nobody_is_their_own_neighbour_nor_is_the_group(monkeypatch):
    units, _ = blobs(40)
    groups = np.arange(40) // 4
    near = likeness.nearest(units, 5, groups)
    assert (groups[near] != groups[:, None]).all()
    similarity = units @ units.T
    similarity[groups[:, None] == groups] = -2
    assert (near[:, 0] == similarity.argmax(axis=1)).all()
    monkeypatch.setattr(likeness, "BLOCK", 7)
    assert (likeness.nearest(units, 5, groups) == near).all()
    assert (likeness.nearest(units, 5, groups, np.array([3, 17])) == near[[3, 17]]).all()


def test_where_nobody_else_is_left_there_is_no_neighbour():
    units, y = blobs(6)
    assert (likeness.nearest(units, 3, np.zeros(6, np.intp)) == -1).all()
    assert not likeness.neighbours_correct(units, y, np.zeros(6, np.intp)).any()
    assert likeness.nearest(units[:2], 5).tolist() == [[1, -1], [0, -1]]


def test_neighbours_know_separated_classes_and_not_chance():
    units, y = blobs(noise=0.1)
    assert likeness.neighbours_correct(units, y).all()
    shuffled = np.random.default_rng(1).permutation(y)
    assert likeness.neighbours_correct(units, shuffled).mean() < 0.5


def test_a_copy_finds_its_original_unless_another_is_as_near():
    units, _ = blobs(50, noise=2.0)
    originals = np.arange(20)
    copies = units[:20] + 0.01 * units[20:40]
    assert likeness.twins_correct(units, copies, originals).all()
    assert not likeness.twins_correct(units, copies, originals[::-1]).any()
    same = np.repeat(units[:1], 3, axis=0)
    assert not likeness.twins_correct(same, same, np.arange(3)).any()


def test_frames_that_are_as_good_as_the_same_file_say_nothing():
    units, _ = blobs(12, classes=12, noise=0.0)
    units = np.repeat(units, 2, axis=0)  # frame 2 k + 1 is near frame 2 k
    events = np.arange(24) // 2
    rng = np.random.default_rng(0)
    unlike = unit_rows(rng.normal(size=(24, 30)).astype(np.float32), np.zeros(30, np.float32))
    asked, correct = likeness.mates_correct(units + 0.01 * unlike[:, :12], events, unlike)
    assert asked.tolist() == list(range(24))
    assert correct.all()
    asked, _ = likeness.mates_correct(units, events, np.repeat(unlike[:12], 2, axis=0))
    assert len(asked) == 0
    asked, _ = likeness.mates_correct(units, np.full(24, -1), unlike)
    assert len(asked) == 0


# --- what is held out together --------------------------------------------------------------------


def test_a_folder_a_class_is_no_camera():
    y = np.repeat(np.arange(12), 10)
    assert len(np.unique(transferability.units(y, cameras=y))) == 120
    cameras = np.tile(np.arange(10), 12)  # each class at each place
    assert (transferability.units(y, cameras=cameras) == cameras).all()


def test_too_few_cameras_leave_events():
    y = np.arange(40) % 2
    events = np.where(np.arange(40) < 20, np.arange(40) // 5, -1)
    held = transferability.units(y, np.arange(40) % 3, events)
    assert len(np.unique(held)) == 4 + 20
    assert len(np.unique(held[:5])) == 1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=1, max_size=80), st.integers(0, 9))
def test_folds_keep_groups_whole(rows, seed):
    y, groups = np.array(rows).T
    fold = transferability.folds(y, groups, np.random.default_rng(seed))
    assert fold.shape == y.shape
    assert ((fold >= 0) & (fold < transferability.FOLDS)).all()
    assert all(len(np.unique(fold[groups == group])) == 1 for group in groups)


def test_folds_spread_each_class():
    y = np.repeat([0, 1, 2], [50, 10, 5])
    fold = transferability.folds(y, np.arange(65), np.random.default_rng(0))
    for label, each in ((0, 10), (1, 2), (2, 1)):
        assert (np.bincount(fold[y == label], minlength=5) == each).all()


# --- heads and evidence ---------------------------------------------------------------------------


def test_a_head_is_judged_by_what_it_has_not_seen():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    noise = rng.normal(size=(100, 400)).astype(np.float32)  # enough columns to learn all by heart
    units = unit_rows(noise, noise.mean(axis=0))
    fold = transferability.folds(y, np.arange(100), rng)
    assert 0.3 < transferability.head_correct(units, y, fold).mean() < 0.7
    units, y = blobs()
    fold = transferability.folds(y, np.arange(len(y)), rng)
    assert transferability.head_correct(units, y, fold).mean() > 0.9


def test_a_class_in_one_fold_alone_is_not_known():
    units, y = blobs(30)
    y = np.where(np.arange(30) == 4, 7, y)
    correct = transferability.head_correct(units, y, np.arange(30) % 5)
    assert not correct[4]


def evidence_by_hand(X, y, steps=200):
    """The log evidence of Bayesian linear regression, maximised by the fixed point with whole matrices."""
    n, d = X.shape
    values = []
    for label in np.unique(y):
        target = (y == label).astype(float)
        alpha = beta = 1.0
        for _ in range(steps):
            A = alpha * np.eye(d) + beta * X.T @ X
            mean = beta * np.linalg.solve(A, X.T @ target)
            gamma = d - alpha * np.trace(np.linalg.inv(A))
            alpha = gamma / (mean @ mean + 1e-5)
            beta = (n - gamma) / (np.square(target - X @ mean).sum() + 1e-5)
        A = alpha * np.eye(d) + beta * X.T @ X
        mean = beta * np.linalg.solve(A, X.T @ target)
        value = d / 2 * np.log(alpha) + n / 2 * np.log(beta) - n / 2 * np.log(2 * np.pi)
        value -= beta / 2 * np.square(target - X @ mean).sum() + alpha / 2 * mean @ mean
        values.append((value - np.linalg.slogdet(A)[1] / 2) / n)
    return float(np.mean(values))


@pytest.mark.parametrize("dimension", [8, 70])
def test_logme_is_the_evidence(dimension):
    units, y = blobs(60, dimension=dimension, noise=0.8)
    assert transferability.logme(units, y) == pytest.approx(evidence_by_hand(units.astype(float), y), abs=2e-3)


def test_logme_prefers_what_tells_the_classes():
    near, y = blobs(noise=0.3)
    far, _ = blobs(noise=3.0)
    fold = np.arange(len(y)) % 5
    assert (transferability.logme_parts(near, y, fold) > transferability.logme_parts(far, y, fold)).all()
    assert np.isnan(transferability.logme_parts(near, np.zeros(len(y)), fold)).all()


def test_parts_weigh_the_same_however_large_their_numbers_are():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 10)).astype(np.float32)
    scaled = X * np.r_[np.ones(6), np.array([1, 10, 100, 1000])].astype(np.float32)
    parts = ((slice(0, 6), False), (slice(6, 10), True))
    mixed = transferability.mixed(X, parts)
    assert mixed == pytest.approx(transferability.mixed(scaled, parts), abs=1e-4)
    assert np.linalg.norm(mixed, axis=1) == pytest.approx(1, abs=1e-5)


# --- resamples ------------------------------------------------------------------------------------


def test_the_score_is_balanced_accuracy():
    rng = np.random.default_rng(0)
    y = rng.choice(3, 90, p=[0.8, 0.15, 0.05])
    correct = rng.random(90) < 0.6
    predicted = np.where(correct, y, (y + 1) % 3)
    resamples = transferability.Resamples(y, np.arange(90), rng)
    assert resamples.score(correct) == pytest.approx(balanced_accuracy(y, predicted))


def test_pairs_are_surer_than_either_and_groups_less_sure():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    one = np.repeat(rng.random(100) < 0.6, 4)  # right or wrong together
    other = one & (rng.random(400) < 0.97)
    alone = transferability.Resamples(y, np.arange(400), np.random.default_rng(1))
    together = transferability.Resamples(y, np.arange(400) // 4, np.random.default_rng(1))

    def width(values):
        low, high = transferability.interval(values)
        return high - low

    assert width(alone.scores(one) - alone.scores(other)) < width(alone.scores(one)) / 2
    assert width(together.scores(one)) > 1.5 * width(alone.scores(one))
