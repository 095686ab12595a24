# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""One question's heads as input to another's: without leaks, and only where it helps."""

import numpy as np
import pytest

from tl_core.heads import joint
from tl_core.spaces import foreseen, maps
from tl_core.store import storage


def planted(seed: int, related: bool, n: int = 900, d: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, and answers to two questions: the first is exclusive-or of parts of the other where they are related.

    The other question is linear in the embedding; the first is not, so a linear head needs what the other's foresees.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    other = np.digitize(X[:, 0], [-0.43, 0.43])  # three stripes, and the first question tells the middle one
    noise = rng.random(n) < 0.05
    first = (other == 1) if related else rng.random(n) < 0.5
    return X + 2, np.where(noise, ~first, first).astype(int), other


def compared(X, first, other, rows=slice(None), other_rows=slice(None), groups=None) -> joint.Help:
    ids = np.arange(len(X))
    return joint.compare(
        joint.Answered(X[rows], first[rows], ids[rows]),
        joint.Answered(X[other_rows], other[other_rows], ids[other_rows]),
        X.mean(axis=0),
        groups,
        np.random.default_rng(0),
    )


def test_what_is_related_helps():
    X, first, other = planted(1, related=True)
    # The other question has labels of its own, more than the first.
    found = compared(X, first, other, slice(500, None), slice(700))
    assert found.helps
    assert found.gain > 0.1
    assert found.low < found.gain < found.high


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_related_does_not_help(seed):
    X, first, other = planted(seed, related=False, n=500)
    assert not compared(X, first, other).helps


def test_nothing_leaks_from_a_label_to_its_own_sample():
    """A question of pure noise is foreseen no better where it was labelled than where it was not."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 60)).astype(np.float32)
    y = rng.integers(0, 2, 600)
    told = joint.foresee(X[:400], y[:400], X.mean(axis=0)).apply(X)
    right = told.argmax(axis=1) == y
    assert right[:400].mean() < 0.6
    # What is foreseen without a label lies on its other side: it must not be judged by what knew of it.
    assert not compared(X[:400], y[:400], y[:400]).helps


def test_parts_are_even_and_an_embedding_keeps_its_own():
    X = np.random.default_rng(0).normal(size=(5000, 40)).astype(np.float32)
    part = foreseen.parts_of(X)
    assert (np.bincount(part, minlength=foreseen.PARTS) > 850).all()
    order = np.random.default_rng(1).permutation(5000)
    assert (foreseen.parts_of(X[order]) == part[order]).all()


def test_it_is_stored_as_any_map_and_reads_the_same(tmp_path):
    X, _, other = planted(2, related=True, n=200)
    told = joint.foresee(X, other, X.mean(axis=0))
    place = storage.at(tmp_path, tmp_path / "cache")
    again = maps.load(place, told.save(place))
    assert isinstance(again, foreseen.Foreseen)
    assert (again.apply(X) == told.apply(X)).all()
    assert again.dimension == 3
    probabilities = np.exp(again.apply(X))
    assert np.allclose(probabilities.sum(axis=1), 1, atol=0.01)


def test_several_classes_a_sample_foresee_and_are_helped():
    X, first, other = planted(5, related=True, n=600)
    many = np.stack([other == 0, other == 1, other == 2], axis=1)
    assert joint.foresee(X, many, X.mean(axis=0)).apply(X).shape == (600, 3)
    found = compared(X, np.stack([first == 1, first == 0], axis=1), many)
    assert found.helps


def test_groups_are_held_out_together_and_few_labels_are_refused():
    X, first, other = planted(4, related=True, n=300)
    one, grouped = compared(X, first, other), compared(X, first, other, groups=np.arange(300) // 30)
    assert one.n == grouped.n == 300
    assert one.high - one.low != grouped.high - grouped.low
    few = compared(X, first, other, other_rows=slice(40))
    assert (few.gain, few.loss, few.helps) == (0, 0, False)
    with pytest.raises(ValueError, match="50 labels"):
        compared(X, first, other, slice(40))
    with pytest.raises(ValueError, match="two classes"):
        joint.foresee(X, np.zeros(300, int), X.mean(axis=0))


def test_a_class_whose_labels_are_all_in_one_part_is_foreseen_of_no_other():
    X, _, other = planted(6, related=True, n=200)
    rare = other.copy()
    rare[0] = 9
    told = joint.foresee(X, rare, X.mean(axis=0)).apply(X)
    assert np.isfinite(told).all()
    assert told[0].argmax() != 3
