from pathlib import Path

import numpy as np
import pytest

from tl_core.adaptation.gains import HEAD, NEIGHBOURS, Gain
from tl_core.texts.counting import count
from tl_core.texts.fasttext_files import Pieces
from tl_core.texts.reporting import LabelledTexts, report
from tl_core.texts.vectors import WordVectors
from tl_core.texts.vocabulary import WordCoverage, coverage, telling, unknown_words, verdict

TEXTS = ["the cat sat 12", "the stent slipped", "stent stent 3.5", "the dog", "angioplasty"]
VECTORS = WordVectors(["the", "cat", "sat", "dog"], np.eye(4, dtype=np.float32))


def test_shares_without_a_vector_are_those_that_are_counted_by_hand() -> None:
    found = coverage(count(TEXTS), VECTORS.rows, TEXTS)
    assert (found.n_tokens, found.n_types, found.n_texts) == (11, 7, 5)  # numbers are no words
    assert found.tokens == pytest.approx(5 / 11) and found.types == pytest.approx(3 / 7)
    assert found.texts == pytest.approx(3 / 5) and found.blank == pytest.approx(2 / 5)
    assert found.tokens < found.mass < 1  # what is unknown is rare, so it weighs more


def test_a_pool_of_nothing_lacks_nothing() -> None:
    found = coverage(count([]), VECTORS.rows, [])
    assert (found.tokens, found.types, found.mass, found.texts, found.blank) == (0, 0, 0, 0, 0)


def test_the_most_frequent_come_first_and_each_says_what_it_is_mapped_to() -> None:
    counts = count(TEXTS)
    made = {"stent": np.array([0, 0.9, 0.1, 0], np.float32)}
    frequent, speaking = unknown_words(counts, VECTORS, made, {"angioplasty": 2.0, "the": 5.0, "stent": 1.0})
    assert [word.word for word in frequent] == ["stent", "angioplasty", "slipped"]
    assert [word.word for word in speaking] == ["angioplasty", "stent"]
    assert (frequent[0].mapped_to, frequent[0].like[0], frequent[0].count, frequent[0].texts) == (
        "context",
        "cat",
        3,
        2,
    )
    assert (frequent[1].mapped_to, frequent[1].like) == ("nothing", ())


def test_letters_go_before_contexts() -> None:
    pieces = Pieces(np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32), 3, 6)
    vectors = WordVectors(VECTORS.words, VECTORS.matrix, pieces)
    frequent, _ = unknown_words(count(TEXTS), vectors, {"stent": np.ones(4, np.float32)}, {}, most=1)
    assert [(word.word, word.mapped_to) for word in frequent] == [("stent", "subwords")]
    assert len(frequent[0].like) == 3


def test_words_of_one_class_tell_more_than_words_of_all() -> None:
    texts = ["the scan shows a lesion", "the court finds a breach"] * 30
    weights = telling(texts, ["medicine", "law"] * 30, np.random.default_rng(0))
    assert min(weights["lesion"], weights["breach"]) > weights.get("the", 0.0)
    assert telling(texts, ["one"] * 60, np.random.default_rng(0)) == {}
    assert telling(["a", "b"], ["one", "two"], np.random.default_rng(0)) == {}


def of(mass: float) -> WordCoverage:
    return WordCoverage(mass / 2, mass, mass, mass, 0.0, 100, 50, 10)


@pytest.mark.parametrize(("mass", "grade"), [(0.0, "knows"), (0.1, "half"), (0.5, "does-not")])
def test_without_labels_the_verdict_is_by_words_and_says_how_little_that_is(mass: float, grade: str) -> None:
    found = verdict(of(mass))
    assert (found.grade, found.by) == (grade, "words")
    assert found.reasons[-1].code == "words_alone_tell_little"


@pytest.mark.parametrize(
    ("own", "low", "high", "grade"),
    [
        (0.71, -0.02, 0.05, "knows"),
        (0.62, -0.10, -0.06, "half"),
        (0.30, -0.5, -0.3, "does-not"),
        (0.69, -0.1, 0.09, "knows"),
    ],
)
@pytest.mark.parametrize("mass", [0.0, 0.5])
def test_with_labels_accuracy_decides_whatever_words_are_unknown(
    own: float, low: float, high: float, grade: str, mass: float
) -> None:
    found = verdict(of(mass), Gain(HEAD, 300, 0.7, own, low, high), chance=0.2)
    assert (found.grade, found.by) == (grade, "labels")
    assert found.reasons[0].parameters == {"accuracy": round(100 * own, 1), "rival": 70.0, "n": 300}


def test_another_measure_is_no_ground_for_a_verdict() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        verdict(of(0.1), Gain(NEIGHBOURS, 300, 0.7, 0.7, 0.0, 0.0))


def test_a_report_takes_a_pool_and_the_name_of_vectors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "own.vec"
    words = ["the", "of", "and", "a"]
    path.write_text("".join(f"{word} {' '.join(map(str, rng.normal(size=5)))}\n" for word in words))
    codes = np.arange(120) % 2
    texts = [f"the {'stent' if code else 'verdict'} of a {'vein' if code else 'court'}" for code in codes]
    plain = report(str(path), lambda: iter(texts), rng)
    assert plain.telling == () and plain.verdict.by == "words" and plain.coverage.texts == 1
    assert {word.word for word in plain.frequent} == {"stent", "verdict", "vein", "court"}
    assert {word.mapped_to for word in plain.frequent} == {"context"}
    rival = np.eye(2, dtype=np.float32)[codes] + 0.01 * rng.normal(size=(120, 2)).astype(np.float32)
    labelled = report(str(path), lambda: iter(texts), rng, LabelledTexts(texts, codes, rival))
    assert (labelled.verdict.grade, labelled.verdict.by) == ("does-not", "labels")
    assert {word.word for word in labelled.telling} == {"stent", "verdict", "vein", "court"}
