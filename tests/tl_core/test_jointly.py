"""One network for several questions against one for each: the same folds, and kept only where it is better."""

import numpy as np
import pytest

from tests.tl_core import tuned
from tl_core.adaptation import jointly, splitting
from tl_core.adaptation.activations import Activations
from tl_core.adaptation.judging import Comparison
from tl_core.adaptation.outputs import MISSING, Target
from tl_core.adaptation.training import Recipe

N = 90


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return tuned.featuriser(tmp_path_factory.mktemp("networks"))


def planted(directory, halves):
    """Clusters; which cluster, and whether it is the first, of which a third is not answered."""
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(N) % 3)
    values = rng.normal(0, 1.0, (3, *halves.shape))[codes][:, None] + rng.normal(0, 1.5, (N, 1, *halves.shape))
    kept = Activations(directory / "activations", N, 1, halves.shape)
    kept.write(0, values.astype(np.float16))
    first = np.where(rng.random(N) < 0.3, MISSING, codes == 0)
    return kept, [Target(codes, 3), Target(first, 2)]


def test_both_ways_are_judged_on_what_neither_has_seen(tmp_path, network):
    def fresh():
        return splitting.split(network, splitting.cuts(network)[0])

    kept, targets = planted(tmp_path, fresh())
    recipe = Recipe(epochs=2, batch=16)
    found = jointly.compare(fresh, kept, targets, recipe, tested=1, directory=tmp_path)
    first, second = found.comparisons
    assert first.n == N // 3
    assert 0 < second.n < first.n, "what has no answer is not judged"
    assert first.tuned > 0.5 and first.rival > 0.5
    assert found.weighings[0] in jointly.WEIGHINGS
    assert {path.stem for path in tmp_path.glob("*.pt")} == {
        "joint-equal-0", "joint-learned-0", "alone-0-0", "alone-1-0",
    }  # fmt: skip
    again = jointly.compare(fresh, kept, targets, recipe, tested=1, directory=tmp_path)  # from its checkpoints
    assert again.comparisons == found.comparisons


def test_it_takes_two_questions(tmp_path, network):
    with pytest.raises(ValueError, match="two questions"):
        jointly.compare(lambda: None, None, [Target(np.zeros(3, int), 1)], Recipe())


@pytest.mark.parametrize(
    ("gains", "kept"),
    [
        ([(0.01, 0.05), (-0.02, 0.03)], True),
        ([(-0.01, 0.05), (-0.02, 0.03)], False),
        ([(0.01, 0.05), (-0.05, -0.01)], False),
    ],
)
def test_it_is_kept_where_it_is_better_for_one_and_worse_for_none(gains, kept):
    comparisons = [Comparison(0.9, 0.9, (low + high) / 2, low, high, 100) for low, high in gains]
    assert jointly.Jointly(comparisons, ["equal"]).kept is kept
