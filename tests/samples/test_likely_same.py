"""Boxes in nearly the same place are found as comparing each with each would find them, without doing so."""

import random

from hypothesis import given
from hypothesis import strategies as st

from labeller.samples import likely_same
from labeller.samples.likely_same import ALIKE, overlap, together

SHARE = st.floats(0.0, 0.9, allow_nan=False)
SIZE = st.floats(0.002, 1.0, allow_nan=False)
FULL = 0.999


@st.composite
def boxes(draw):
    width, height = draw(SIZE), draw(SIZE)
    return (draw(st.floats(0, FULL)) * (1 - width), draw(st.floats(0, FULL)) * (1 - height), width, height)


@st.composite
def neighbours(draw):
    """A box, and one that differs from it by so little that they may be alike."""
    left, top, width, height = draw(boxes())
    a_little = st.floats(-0.2, 0.2)
    across, down = draw(a_little) * width, draw(a_little) * height
    wider, higher = 1 + draw(a_little), 1 + draw(a_little)
    return (left, top, width, height), (left + across, top + down, width * wider, height * higher)


@given(neighbours())
def test_what_is_alike_is_found(pair):
    one, other = pair
    found = together([(1, one), (2, other)])
    assert len(found) == (1 if overlap(one, other) >= ALIKE else 2)


@given(st.lists(boxes(), max_size=30))
def test_each_box_is_in_one_place_and_like_its_first(given):
    found = together(enumerate(given))
    assert sorted(pk for _box, pks in found for pk in pks) == list(range(len(given)))
    for first, pks in found:
        assert first == given[pks[0]]
        assert all(overlap(first, given[pk]) >= ALIKE for pk in pks)


def test_overlap_is_the_share_of_what_both_cover():
    assert overlap((0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5)) == 1
    assert overlap((0, 0, 0.5, 0.5), (0.5, 0, 0.5, 0.5)) == 0
    assert overlap((0, 0, 0.4, 0.4), (0.2, 0, 0.4, 0.4)) == 1 / 3


def test_comparisons_grow_with_the_boxes_not_with_their_square(monkeypatch):
    compared = 0

    def counted(one, other):
        nonlocal compared
        compared += 1
        return overlap(one, other)

    monkeypatch.setattr(likely_same, "overlap", counted)
    generator = random.Random(3)
    n = 16_000
    together((at, (generator.random() * 0.9, generator.random() * 0.9, 0.1, 0.1)) for at in range(n))
    assert compared < 40 * n, "each with each would be 128 million"
