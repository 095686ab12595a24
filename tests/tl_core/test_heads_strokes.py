"""What labels given many at a stroke are worth: never more together than those that were looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.heads import strokes

LABELS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["alone", "tile", "burst"]), st.integers(0, 3)))


@given(LABELS)
def test_confirmed_tiles_of_a_class_count_no_more_than_its_other_labels(given_labels):
    codes = np.array([code for code, _, _ in given_labels], np.intp)
    modes = np.array([mode for _, mode, _ in given_labels], str)
    bursts = np.array([burst if mode == "burst" else -1 for _, mode, burst in given_labels], np.intp)
    weights = strokes.weights(codes, modes == "tile", bursts)
    assert weights.dtype == np.float32 and weights.shape == codes.shape
    assert (weights > 0).all() and (weights <= 1).all()
    assert (weights[modes == "alone"] == 1).all()
    for code in set(codes.tolist()):
        tiles, others = (modes == "tile") & (codes == code), (modes != "tile") & (codes == code)
        allowed = max(weights[others].sum(), strokes.LEAST)
        assert weights[tiles].sum() == pytest.approx(min(allowed, tiles.sum()), rel=1e-4)
        for burst in range(4):
            frames = (bursts == burst) & (codes == code)
            assert weights[frames].sum() == pytest.approx(int(frames.any()), rel=1e-4)
