"""The same text twice, and nearly the same."""

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.texts.reading.copies import digest, normalised
from tl_core.texts.reading.near_copies import (
    N_VALUES,
    SIGNATURE_BYTES,
    THRESHOLD,
    likeness,
    of_bytes,
    representatives,
    signatures,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
WORDS = [f"{first}{second}" for first in "bcdfghklm" for second in ("ake", "olo", "uni", "erta", "ith", "anger")]


def signed(texts):
    return np.concatenate([np.empty((0, N_VALUES), np.uint16), *signatures(texts)])


def passages(n, seed=0):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=30)) for _ in range(n)]


def altered(text, n=1):
    words = text.split()
    words[3 : 3 + n] = ["zzzzz"] * n
    return " ".join(words)


@given(TEXT)
def test_blanks_and_composition_do_not_count(text):
    once = normalised(text)
    assert normalised(once) == once
    assert digest(f"  {text}\n") == digest(unicodedata.normalize("NFD", text)) == digest(once)


def test_other_texts_have_other_digests():
    assert digest("a b") == digest("a\u2003\n b") != digest("ab")
    assert len(digest("")) == 32 and digest("Resume") != digest("resume")


def test_likeness_is_the_share_of_shingles_in_common():
    one = passages(300)
    other = [altered(text, n % 12) for n, text in enumerate(one)]

    def shingles(text):
        return {text[at : at + 5] for at in range(len(text) - 4)}

    true = np.array(
        [len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b)) for a, b in zip(one, other, strict=True)]
    )
    estimate = likeness(signed(one), signed(other))
    assert abs((estimate - true).mean()) < 0.01
    assert (estimate - true).std() < 1.2 * np.sqrt((true * (1 - true)).mean() / N_VALUES)


@settings(max_examples=30)
@given(st.lists(TEXT, max_size=6))
def test_a_signature_does_not_depend_on_the_texts_beside_it(texts):
    together = signed(texts)
    alone = [signed([text])[0] for text in texts]
    assert together.shape == (len(texts), N_VALUES) and all(map(np.array_equal, together, alone))
    assert np.array_equal(of_bytes(row.tobytes() for row in together), together)
    assert all(len(row.tobytes()) == SIGNATURE_BYTES for row in together)


def test_signatures_are_what_databases_hold_already():
    """Frozen: others would make every stored one worthless."""
    assert signed(["The same text, for ever."])[0, :4].tolist() == [46619, 37076, 21492, 23428]


def test_near_copies_are_folded_and_others_are_not():
    texts = passages(200)
    texts += [altered(text) for text in texts[:50]] + [text.upper() for text in texts[:10]]
    standing = representatives(signed(texts))
    assert standing.tolist() == [*range(200), *range(50), *range(10)]


def test_whoever_stands_for_a_text_is_like_it_and_stands_for_itself():
    """Each is like the one before it, the last is not like the first: likeness is not handed on."""
    words = random.Random(1).choices(WORDS, k=60)
    texts = [" ".join(words)]
    for at in range(0, 60, 2):
        words[at : at + 2] = [f"x{at}yy", f"q{at}zz"]
        texts.append(" ".join(words))
    known = signed(texts)
    standing = representatives(known)
    assert 2 < len(set(standing.tolist())) < len(texts)
    assert np.array_equal(standing[standing], standing)
    assert (standing <= np.arange(len(texts))).all()
    assert (likeness(known, known[standing]) >= THRESHOLD).all()


def test_a_later_import_is_compared_with_what_is_there():
    first, second = passages(100), passages(20, seed=1)
    known = of_bytes(row.tobytes() for row in signed(first))
    new = signed([*second, *map(altered, first[:30]), *map(altered, second[:5])])
    assert representatives(new, known).tolist() == [*range(100, 120), *range(30), *range(100, 105)]
    # Known ones go on standing for themselves, however alike they are.
    twins = signed([first[0], altered(first[0])])
    assert representatives(signed([first[0]]), twins).tolist() == [0]


@pytest.mark.parametrize("n", [0, 1])
def test_few_texts(n):
    assert representatives(signed(passages(n))).tolist() == list(range(n))


def test_very_many_copies_of_few_texts():
    texts = [f"{text} {number}" for number in range(300) for text in passages(5)]
    assert set(representatives(signed(texts)).tolist()) == set(range(5))


def test_what_tell_raises_stops_the_work():
    class Stopped(Exception):
        pass

    def tell(_):
        raise Stopped

    with pytest.raises(Stopped):
        list(signatures(["text"], tell))
    with pytest.raises(Stopped):
        representatives(signed(passages(3)), tell=tell)
