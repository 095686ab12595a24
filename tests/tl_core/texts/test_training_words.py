from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tl_core.texts import training_words
from tl_core.texts.training_words import TrainedWords, WordRecipe
from tl_core.texts.words import WordFeaturiser

RNG = np.random.default_rng(0)
FIELDS = [[f"{field}{'abcdefghijkl'[number]}" for number in range(12)] for field in ("eye", "tax")]
CODES = np.arange(240) % 2
TEXTS = [" ".join(["the", *RNG.permutation(FIELDS[code])[:6]]) for code in CODES]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_words, "_CHUNK", 50)


def pool() -> Iterator[str]:
    return iter(TEXTS)


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Pretrained vectors of half of the words, in which the fields are not told apart."""
    words = ["the", "elsewhere", *FIELDS[0][:6], *FIELDS[1][:6]]
    rows = np.random.default_rng(1).normal(size=(len(words), 8)) * 0.1
    path = tmp_path / "own.vec"
    path.write_text(
        "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows.tolist(), strict=True))
    )
    return str(path)


def fit(recipe: WordRecipe, directory: Path | None = None, tell: Callable[[int], None] = lambda done: None):
    return TrainedWords(recipe, "sif", directory).fit(pool, tell)


def apart(arrays) -> float:
    """How much likelier texts of one field are to each other than to those of the other."""
    units = WordFeaturiser("words/x", arrays).embed(TEXTS)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    likeness, same = units @ units.T, CODES[:, None] == CODES
    return float(likeness[same].mean() - likeness[~same].mean())


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
def test_words_that_are_said_together_become_alike(method: str) -> None:
    assert apart(fit(WordRecipe(method, dimension=8, epochs=12))) > 0.5


def test_pretrained_vectors_learn_the_field_and_keep_what_it_does_not_say(source: str) -> None:
    arrays = fit(WordRecipe("continued", source, epochs=12))
    assert apart(arrays) > 0.5
    model = WordFeaturiser("words/x", arrays)
    assert {"elsewhere", *FIELDS[0], *FIELDS[1]} <= set(model.rows)
    untouched = np.array([float(each) for each in Path(source).read_text().splitlines()[1].split()[1:]])
    assert np.allclose(arrays["matrix"][model.rows["elsewhere"]], untouched, atol=1e-3)


@pytest.mark.parametrize("method", ["word2vec", "fasttext", "continued"])
def test_who_was_stopped_goes_on_and_ends_where_it_would_have(tmp_path: Path, source: str, method: str) -> None:
    recipe = WordRecipe(method, source if method == "continued" else "", dimension=8, epochs=3)
    whole = fit(recipe)
    calls = iter(range(1000))

    def stop(done: int) -> None:
        if next(calls) == 15:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(recipe, tmp_path / "kept", stop)
    assert (tmp_path / "kept" / "words.npz").is_file()
    trained: list[int] = []
    again = fit(recipe, tmp_path / "kept", trained.append)
    for name, array in whole.items():
        assert np.array_equal(array, again[name]), name
    from_start: list[int] = []
    fit(recipe, None, from_start.append)
    assert len(trained) < len(from_start) and from_start == sorted(from_start)


def test_how_far_it_is_can_be_told_also_of_who_went_on(tmp_path: Path) -> None:
    training = TrainedWords(WordRecipe("fasttext", dimension=4, epochs=5), "mean", tmp_path)
    told: list[int] = []
    arrays = training.fit(pool, told.append)
    assert (training.passes, training.kept) == (6, 5)
    assert told == sorted(set(told)) and told[-1] == 6 * len(TEXTS)
    assert WordFeaturiser("words/x", arrays).fitted_on == len(TEXTS)
    again = TrainedWords(WordRecipe("fasttext", dimension=4, epochs=5), "mean", tmp_path)
    resumed: list[int] = []
    again.fit(pool, resumed.append)
    assert again.kept == 0 and resumed[-1] <= told[-1], "it is not further than whoever began"


def test_a_checkpoint_of_another_training_is_left_alone(tmp_path: Path) -> None:
    fit(WordRecipe(dimension=8, epochs=1), tmp_path)
    other = WordRecipe(dimension=8, epochs=1, seed=5)
    assert np.array_equal(fit(other, tmp_path)["matrix"], fit(other)["matrix"])


def test_another_seed_gives_other_vectors_and_the_same_the_same() -> None:
    first, second = (fit(WordRecipe(dimension=4, epochs=1, seed=seed))["matrix"] for seed in (1, 2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, fit(WordRecipe(dimension=4, epochs=1, seed=1))["matrix"])


@pytest.mark.parametrize("texts", [[], [""], ["once only said"]])
def test_a_pool_that_says_nothing_twice_has_vectors_of_nothing(texts: list[str]) -> None:
    arrays = TrainedWords(WordRecipe(dimension=4)).fit(lambda: iter(texts))
    assert WordFeaturiser("words/x", arrays).embed(["once only"]).tolist() == [[0, 0, 0, 0]]


def test_a_source_is_for_what_is_continued() -> None:
    for recipe in (WordRecipe("continued"), WordRecipe("word2vec", "own.vec")):
        with pytest.raises(ValueError, match="source"):
            TrainedWords(recipe)


def test_small_pools_are_read_more_often() -> None:
    passes = [WordRecipe().passes(tokens) for tokens in (0, 1000, 400_000, 10_000_000)]
    assert passes == [30, 30, 15, 5] and WordRecipe(epochs=3).passes(1000) == 3
