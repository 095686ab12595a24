"""What is blurred cannot be had back, and the rest of the picture is untouched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.images.blurring import CELLS, MARGIN, blurred

SIDE = st.integers(1, 40)
SHARE = st.floats(0, 1)


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_only_the_box_and_its_margin_change():
    picture = noise(200, 100)
    found = blurred(picture, [(0.4, 0.4, 0.2, 0.2)])
    changed = (picture != found).any(axis=2)
    assert changed[40:60, 80:120].mean() > 0.9
    margin = MARGIN * 40
    inside = np.zeros_like(changed)
    inside[int(40 - margin) : int(60 + margin) + 1, int(80 - margin) : int(120 + margin) + 1] = True
    assert not changed[~inside].any()


def test_of_pictures_that_differ_only_in_detail_nothing_tells_which_it_was():
    """A cell of black and white in any order is grey: so what is left is the same, but for how it was rounded."""
    rng = np.random.default_rng(1)
    side = 16
    cells = np.repeat([[0] * (side * side // 2) + [255] * (side * side // 2)], CELLS * CELLS, axis=0)
    found = []
    for _ in range(2):
        mixed = rng.permuted(cells, axis=1).reshape(CELLS, CELLS, side, side).transpose(0, 2, 1, 3)
        picture = np.repeat(mixed.reshape(CELLS * side, CELLS * side, 1), 3, axis=2).astype(np.uint8)
        found.append(blurred(picture).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1 and np.ptp(found[0]) <= 2


@given(SIDE, SIDE, st.lists(st.tuples(SHARE, SHARE, SHARE, SHARE), max_size=3))
def test_any_box_of_any_picture_is_taken(width, height, boxes):
    picture = noise(width, height)
    before = picture.copy()
    found = blurred(picture, boxes)
    assert found.shape == picture.shape and found.dtype == np.uint8 and (picture == before).all()


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (30, 1000)])
def test_without_a_box_it_is_all_of_it(shape):
    picture = noise(shape[1], shape[0])
    found = blurred(picture).astype(int)
    assert np.abs(np.diff(found, axis=0)).max() <= 8 and np.abs(np.diff(found, axis=1)).max() <= 8
