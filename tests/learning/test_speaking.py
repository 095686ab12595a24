"""Which words of a text speak for a class: exactly where a featuriser can say so, else by leaving words out."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeller.embedding import mixing
from labeller.learning import speaking
from tl_core.heads import files
from tl_core.heads.plain import LinearHead, NearestHead

FOX, BADGER = 11, 12


def counted(text, words, class_id):
    of_word = {"fox": 2.0, "hen": 1.0, "badger": -1.0, "a": 0.001}
    return [of_word.get(text[start:end].casefold(), 0.0) for start, end in words]


def shown(text, spans):
    return [(text[span.start : span.end], span.weight) for span in spans]


def test_words_are_marked_by_how_much_they_speak():
    text = "A fox, a Hen and no badger; the fox's."
    assert shown(text, speaking.spans(text, FOX, counted)) == [("fox", 1.0), ("Hen", 0.5), ("badger", -0.5)]


def test_what_says_nothing_is_not_marked():
    assert speaking.spans("Nothing at all.", FOX, counted) == []
    assert speaking.spans("", FOX, counted) == [] and speaking.spans("?!", FOX, counted) == []
    assert speaking.spans("a fox", FOX, lambda text, words, class_id: [np.nan, 1.0])[0].start == 2


def test_only_the_strongest_are_marked():
    text = " ".join(f"word{number}" for number in range(100))
    marked = speaking.spans(text, FOX, lambda text, words, class_id: list(range(1, 101)))
    assert len(marked) == speaking.MOST and marked[-1].end == len(text)


def test_scripts_without_blanks_are_marked_by_their_signs():
    assert len(speaking.places("契約は無効")) == 5 and len(speaking.places("l’appel n’est pas clos")) == 4


@given(st.text())
def test_places_lie_in_the_text_and_never_overlap(text):
    last = 0
    for start, end in speaking.places(text):
        assert last <= start < end <= len(text) and text[start:end].strip() == text[start:end]
        last = end


def test_left_out_a_word_weighs_what_the_score_loses():
    tried = []

    def score(texts):
        tried.extend(texts)
        return np.array([float(text.count("fox") - text.count("badger")) for text in texts])

    text = "fox and fox, no badger"
    marked = shown(text, speaking.spans(text, FOX, speaking.left_out(score)))
    assert marked == [("fox", 1.0), ("fox", 1.0), ("badger", -0.5)]
    assert tried[0] == text and "fox" not in tried[1] and len(tried) == 5


def test_left_out_words_of_a_long_text_are_not_tried():
    text = " ".join(f"word{number}" for number in range(speaking.MOST_LEFT_OUT + 1))

    def score(texts):
        raise AssertionError("this takes too long for a page")

    assert speaking.spans(text, FOX, speaking.left_out(score)) == []


# --- heads as they are stored ---------------------------------------------------------------------


class Telling:
    """Says what words add: one column a word."""

    def __init__(self, *words):
        self.words = words

    def word_weights(self, text, places, direction):
        assert len(direction) == len(self.words)
        columns = {word: column for column, word in enumerate(self.words)}
        found = (columns.get(text[start:end].casefold()) for start, end in places)
        return [0.0 if column is None else float(direction[column]) for column in found]


class Quick:
    """Embeds in no time, and can't say what words add."""

    is_quick = True

    def embed(self, texts):
        return np.array([[text.count("fox"), text.count("badger"), 1.0] for text in texts], np.float32)


class Slow(Quick):
    is_quick = False


@pytest.fixture
def stored(tmp_path, settings, monkeypatch):
    """A stored head of that many columns, of a run with this featuriser."""
    settings.HEADS = tmp_path
    speaking._linear.cache_clear()

    def stored(coef, featuriser, mix=""):
        coef = np.array(coef, np.float32)
        head = LinearHead(np.array([FOX, BADGER]), coef, np.zeros(2, np.float32), np.zeros(coef.shape[1], np.float32))
        files.save(head, tmp_path / "head", {})
        monkeypatch.setattr(speaking, "featuriser", lambda spec: {"ours": featuriser}.get(spec))
        return SimpleNamespace(directory="head", mix=mix, run=SimpleNamespace(featuriser="ours"))

    yield stored
    speaking._linear.cache_clear()


def test_a_stored_head_says_what_each_word_adds(stored):
    head = stored([[3, -1], [-3, 1]], Telling("fox", "badger"))
    text = "badger or fox"
    assert shown(text, speaking.words_of(head, text, FOX)) == [("badger", pytest.approx(-1 / 3)), ("fox", 1.0)]
    assert shown(text, speaking.words_of(head, text, BADGER)) == [("badger", pytest.approx(1 / 3)), ("fox", -1.0)]
    assert speaking.words_of(head, text, 99) == []


def test_of_a_mix_the_part_that_can_say_so_speaks(stored, monkeypatch):
    head = stored([[9, 3, -1], [-9, -3, 1]], Telling("fox", "badger"), mix="both")
    parts = [SimpleNamespace(featuriser="an encoder"), SimpleNamespace(featuriser="ours")]
    scales = (np.ones(1, np.float32), np.array([1, 2], np.float32))
    monkeypatch.setattr(mixing, "parts", lambda run, mix: parts)
    monkeypatch.setattr(mixing, "named", lambda run, mix: SimpleNamespace(scales=scales))
    text = "badger or fox"
    assert shown(text, speaking.words_of(head, text, FOX)) == [("badger", pytest.approx(-2 / 3)), ("fox", 1.0)]


def test_a_quick_featuriser_has_words_left_out_and_a_slow_one_says_nothing(stored):
    text = "badger or fox"
    head = stored([[3, -1, 0], [-3, 1, 0]], Quick())
    assert dict(shown(text, speaking.words_of(head, text, FOX)))["fox"] == 1.0
    head = stored([[3, -1, 0], [-3, 1, 0]], Slow())
    assert speaking.words_of(head, text, FOX) == []


def test_a_head_that_is_not_here_or_not_linear_says_nothing(stored, tmp_path):
    head = stored([[3, -1], [-3, 1]], Telling("fox", "badger"))
    head.directory = ""
    assert speaking.words_of(head, "fox", FOX) == []
    head.directory = "gone"
    assert speaking.words_of(head, "fox", FOX) == []
    ones = np.ones(1, np.float32)
    nearest = NearestHead(np.array([FOX]), np.ones((1, 1), np.float32), np.zeros(1, np.int32), ones, ones, 1, 1.0)
    files.save(nearest, tmp_path / "nearest", {})
    head.directory = "nearest"
    assert speaking.words_of(head, "fox", FOX) == []


def test_a_featuriser_nobody_knows_has_no_words():
    speaking.featuriser.cache_clear()
    assert speaking.featuriser("tiny-hue") is None
