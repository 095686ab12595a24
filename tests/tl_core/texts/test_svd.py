"""SVD of counted words and pieces: what it separates, what does not change it, and its bounds."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.store.storage import Directory
from tl_core.texts import fitted, registry, svd
from tl_core.texts.pieces import Vocabulary, pieces
from tl_core.texts.tokens import tokens

FIELDS = {
    "bread": ["flour", "yeast", "oven", "loaf", "crust", "dough", "knead", "bake", "rye", "wheat"],
    "boats": ["sail", "mast", "keel", "harbour", "rudder", "anchor", "tide", "deck", "rope", "wind"],
}


@pytest.fixture
def _stored(monkeypatch, tmp_path):
    monkeypatch.setattr(fitted, "_storage", lambda: Directory(tmp_path))


def written(n, seed=0):
    """Texts of two fields, and which."""
    rng = np.random.default_rng(seed)
    fields = rng.integers(0, 2, n)
    words = list(FIELDS.values())
    return [" ".join(rng.choice(words[field], 6)) + " of the day" for field in fields], fields


def fit(texts, **options):
    return registry.make(fitted.save("svd", registry.fittable("svd", **options).fit(lambda: iter(texts))))


@pytest.mark.usefixtures("_stored")
def test_texts_of_a_field_lie_together():
    texts, fields = written(200)
    found = fit(texts, dimension=20).embed(texts)
    assert found.shape == (200, 20) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    centred = found - found.mean(axis=0)
    likeness = centred @ centred.T
    same = fields[:, None] == fields[None]
    assert likeness[same].mean() > 0.2 > 0 > likeness[~same].mean()


@pytest.mark.usefixtures("_stored")
def test_a_text_has_the_same_vector_in_any_batch(monkeypatch):
    texts, _ = written(60)
    featuriser = fit(texts, dimension=10)
    together = featuriser.embed(texts)
    np.testing.assert_allclose(np.concatenate([featuriser.embed([text]) for text in texts]), together, atol=1e-6)
    monkeypatch.setattr(svd, "_CHUNK", 7)
    np.testing.assert_allclose(featuriser.embed(texts[::-1])[::-1], together, atol=1e-6)


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("text", ["", "of the day", "unheard-of", "The sail of the sail's day, the day of rye!"])
def test_words_together_add_what_the_embedding_is_along_a_direction(text):
    featuriser = fit(written(60)[0], dimension=10)
    direction = np.random.default_rng(1).normal(size=10).astype(np.float32)
    whole = featuriser.word_weights(text, [(0, len(text))], direction)
    cut = [found.span() for found in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", text)]
    weights = featuriser.word_weights(text, cut, direction)
    expected = float((featuriser.embed([text]) @ direction)[0])
    np.testing.assert_allclose([whole.sum(), weights.sum()], expected, atol=1e-5)


@pytest.mark.usefixtures("_stored")
def test_the_words_of_a_field_speak_for_it():
    texts, fields = written(200)
    featuriser = fit(texts, dimension=20)
    found = featuriser.embed(texts)
    direction = found[fields == 1].mean(axis=0) - found[fields == 0].mean(axis=0)
    against, speaks = (words[0] for words in FIELDS.values())
    text = f"{against} of the {speaks}"
    places = [(0, len(against)), (len(text) - len(speaks), len(text))]
    first, last = featuriser.word_weights(text, places, direction)
    assert first < 0 < last


@pytest.mark.usefixtures("_stored")
def test_the_same_pool_gives_the_same_spec_and_another_pool_another():
    texts, _ = written(50)
    assert fit(texts, dimension=5).name == fit(list(texts), dimension=5).name
    assert fit(texts, dimension=5).fingerprint != fit(texts[:40], dimension=5).fingerprint


@pytest.mark.usefixtures("_stored")
def test_capitals_accents_written_apart_and_elisions_do_not_matter():
    texts = ["l'homme est venu", "l’homme est parti", "un homme est parti", "cafe\u0301 noir", "café noir"] * 3
    featuriser = fit(texts, dimension=5)
    first, second = featuriser.embed(["L’HOMME venu café", "l'homme VENU cafe\u0301"])
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.usefixtures("_stored")
def test_an_empty_text_and_one_of_unknown_words_have_zeros():
    texts, _ = written(30)
    featuriser = fit(texts, dimension=5)
    assert not featuriser.embed(["", "  ", "xqzj", "\0"]).any()
    assert featuriser.embed([]).shape == (0, 5)


@pytest.mark.usefixtures("_stored")
def test_a_small_pool_gives_fewer_numbers():
    featuriser = fit(["one two", "one two", "two three"])
    assert featuriser.dimension == featuriser.embed(["one"]).shape[1] <= 3


@pytest.mark.parametrize("texts", [[], ["", " "], ["one", "two"]])
def test_a_pool_that_says_nothing_is_refused(texts):
    with pytest.raises(ValueError, match="word"):
        svd.SvdFitting().fit(lambda: iter(texts))


@pytest.mark.usefixtures("_stored")
def test_a_huge_pool_is_learnt_from_by_a_sample_of_all_of_it():
    early, late = written(300)[0], [f"late {text}" for text in written(300, seed=1)[0]]
    arrays = svd.SvdFitting(dimension=5, sample=40).fit(lambda: iter(early + late))
    assert "late" in fitted.unpacked(arrays["words"])


def test_progress_is_told_and_what_it_raises_stops_the_work():
    texts, _ = written(1100)
    told = []
    svd.SvdFitting(dimension=2).fit(lambda: iter(texts), told.append)
    assert told == sorted(told) and told[-1] == 1100

    def stop(done):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        svd.SvdFitting(dimension=2).fit(lambda: iter(texts), stop)


def test_pieces_of_a_word_hold_its_ends():
    assert pieces("ab") == [" ab", "ab ", " ab "]
    assert pieces("a") == [" a "]


@given(st.lists(st.text(alphabet="abc de'", max_size=30), max_size=6))
def test_counts_are_those_of_plain_counting(texts):
    words = ["a", "ab", "a b", "abc ab", "c"]
    parts = [" a ", "abc", "bc ", " abc "]
    of_words, of_parts = Vocabulary(words, parts).counts(texts)
    for row, text in enumerate(texts):
        cut = tokens(text)
        pairs = [f"{first} {second}" for first, second in itertools.pairwise(cut)]
        assert of_words[[row]].toarray()[0].tolist() == [(cut + pairs).count(word) for word in words]
        taken = [part for word in cut for part in pieces(word)]
        assert of_parts[[row]].toarray()[0].tolist() == [taken.count(part) for part in parts]
