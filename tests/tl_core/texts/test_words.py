from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.store.storage import Directory
from tl_core.texts import fitted, registry
from tl_core.texts.contexts import from_contexts
from tl_core.texts.counting import count
from tl_core.texts.vectors import WordVectors
from tl_core.texts.words import PretrainedWords, WordFeaturiser, finished

TEXTS = ["The cat sat.", "the dog sat", "the cat ran to the dog", "a xylophone", ""]
RNG = np.random.default_rng(0)
VECTORS = WordVectors(["the", "cat", "dog", "sat", "ran", "to"], RNG.normal(size=(6, 8)).astype(np.float32))


def pool() -> list[str]:
    return TEXTS


def featuriser(weighting: str = "sif") -> WordFeaturiser:
    arrays = finished(VECTORS, count(TEXTS), pool, weighting=weighting, about={"source": "a test"})
    return WordFeaturiser("words/0123456789abcdef", arrays)


@given(st.lists(st.sampled_from([*TEXTS, "cat", "dog " * 50]), max_size=12), st.integers(0, 11))
def test_a_text_has_the_same_vector_to_the_last_bit_whatever_is_beside_it(texts: list[str], place: int) -> None:
    model = featuriser()
    together = model.embed(texts)
    assert together.shape == (len(texts), 8) and together.dtype == np.float32
    for row, text in zip(together, texts, strict=True):
        assert np.array_equal(row, model.embed([text])[0])


def test_a_text_without_known_words_has_zeros() -> None:
    assert not featuriser().embed(["", "a xylophone", "..."]).any()


def test_the_plain_mean_is_one() -> None:
    expected = np.asarray(VECTORS.matrix, np.float16).astype(np.float32)[[0, 1, 0]].mean(axis=0)
    assert np.allclose(featuriser("mean").embed(["The cat, the"])[0], expected, atol=1e-6)


@pytest.mark.parametrize("weighting", ["sif", "idf"])
def test_rare_words_count_more(weighting: str) -> None:
    weights = featuriser(weighting)._arrays["weights"]
    assert weights[VECTORS.words.index("ran")] > weights[VECTORS.words.index("cat")] > weights[0]


def test_what_all_texts_share_is_taken_off() -> None:
    model = featuriser("sif")
    component = model._arrays["component"]
    assert np.isclose(np.linalg.norm(component), 1)
    assert np.allclose(model.embed(TEXTS) @ component, 0, atol=1e-5)
    assert not featuriser("idf")._arrays["component"].any()


def test_what_was_fitted_is_found_by_its_digest(tmp_path: Path) -> None:
    storage = Directory(tmp_path)
    arrays = finished(VECTORS, count(TEXTS), pool, weighting="idf", about={"source": "a test"})
    spec = fitted.save("words", arrays, storage)
    loaded = WordFeaturiser(spec, fitted.load(spec, storage))
    assert np.array_equal(loaded.embed(TEXTS), featuriser("idf").embed(TEXTS))
    assert loaded.fingerprint == spec.removeprefix("words/") and loaded.dimension == 8 and loaded.source == "a test"


def test_pretrained_vectors_are_fitted_to_a_pool_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "own.vec"
    path.write_text(
        "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in zip(VECTORS.words, VECTORS.matrix.tolist(), strict=True))
    )
    told: list[int] = []
    arrays = PretrainedWords(str(path), "mean", "context").fit(lambda: iter(TEXTS), told.append)
    assert np.allclose(WordFeaturiser("words/x", arrays).embed(TEXTS), featuriser("mean").embed(TEXTS), atol=1e-3)
    assert told == sorted(told) and told[-1] >= len(TEXTS)
    with pytest.raises(ValueError, match="weighted by"):
        PretrainedWords(str(path), "tfidf")  # type: ignore[arg-type]


def test_what_the_callback_raises_stops_the_work(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PretrainedWords(str(tmp_path)).fit(lambda: iter(TEXTS), stop)


def test_a_word_nobody_has_seen_gets_the_vector_of_what_is_said_in_its_place() -> None:
    """Two groups of words that go together: the unknown one is said among those of the first."""
    rng = np.random.default_rng(1)
    centers = rng.normal(size=(2, 10)) * 3
    words = [[f"{group}{number}" for number in range(20)] for group in ("red", "blue")]
    matrix = np.concatenate([center + rng.normal(size=(20, 10)) * 0.3 for center in centers]).astype(np.float32)
    vectors = WordVectors([*words[0], *words[1]], matrix)
    texts = [" ".join(rng.permutation(words[place % 2])[:8]) for place in range(200)]
    texts += [f"{text} zork {text}" for text in texts[0:20:2]]
    made = from_contexts(vectors, count(texts), ["zork", "never"], lambda: iter(texts))
    assert set(made) == {"zork"}
    red, blue = centers @ made["zork"] / np.linalg.norm(centers, axis=1) / np.linalg.norm(made["zork"])
    assert red > 0.9 > blue


def test_counting_forgets_the_rarest_first_and_keeps_its_sums() -> None:
    texts = [f"often word{number}" for number in range(500)]
    counts = count(texts, most_types=50)
    assert counts.of_word["often"] == 500 and counts.texts == 500 and counts.tokens == 1000
    assert len(counts.of_word) <= 50 and counts.by_frequency()[0] == "often"


def test_the_registry_fits_words_and_finds_them_again(tmp_path: Path) -> None:
    fitted.configure(lambda: Directory(tmp_path))
    texts = ["cats and dogs", "dogs and cats"] * 10
    arrays = registry.fittable("words", method="word2vec", dimension=4, epochs=1).fit(lambda: iter(texts))
    spec = fitted.save("words", arrays)
    assert registry.make(spec).embed(["cats"]).shape == (1, 4)
    assert isinstance(registry.fittable("words", method="pretrained", source="own.vec"), PretrainedWords)
