"""What workers and tl_core say in English is said again in the reader's language."""

import numpy as np
import pytest
from django.utils import translation

from labeller.learning.sentences import SENTENCES, reworded
from tl_core import evaluation
from tl_core.evaluation.discovery import Coverage, Richness

STABLE, TORN = (1.0, 1.0, 0.995), (0.9, 0.5, 0.9)
RICH = Richness(observed=3, estimate=5.4, low=3, high=9)
ALL = Richness(observed=3, estimate=3.2, low=3, high=4)


def advice():
    known = Coverage(0.99, 0.97, 1.0)
    for kappas, quiet, richness, seen in (
        ((), 0, None, None),
        (STABLE, 3, ALL, known),
        (TORN, 100, RICH, Coverage(0.8, 0.7, 0.9)),
        (TORN, 1234, ALL, known),
    ):
        for low in (0.5, 0.95):
            yield from evaluation.stop_advice(kappas, (low, 1.0), 0.9, quiet, richness, seen).criteria


def forecasts():
    yield evaluation.labels_to_target([10], [0.5], [5], 0.9)
    yield evaluation.labels_to_target([10, 20, 40, 80, 160], [0.5] * 5, [5000] * 5, 0.99)


def savings():
    rng = np.random.default_rng(0)
    ladder = np.linspace(0.2, 0.9, 5)[:, None] > np.linspace(0, 1, 200)
    sizes = [5, 10, 20, 40, 80]
    for used, share in ((40, 0.5), (150, 0.89), (2000, 0.9), (30, 1.0), (5, 0.85), (70, 0.999)):
        yield evaluation.compare_with_random(used, np.linspace(0, 1, 200) < share, sizes, ladder, rng)
    yield evaluation.compare_with_random(40, np.ones(10, bool), [5], np.ones((1, 10), bool), rng)


def thresholds():
    sure = np.linspace(0.5, 1, 200)
    yield evaluation.safe_threshold(sure[:10], np.ones(10, bool), sure, 0.05)
    yield evaluation.safe_threshold(sure, np.zeros(200, bool), sure, 0.05)


@pytest.mark.parametrize("made", [advice, forecasts, savings, thresholds])
def test_each_reason_of_the_learning_core_is_known(made):
    for each in made():
        assert reworded(each.reason) == each.reason
        with translation.override("nl"):
            assert reworded(each.reason) != each.reason


def filled(sentence):
    return sentence.replace("%%", "%") if "%(" not in sentence else sentence % _Numbers()


class _Numbers(dict):
    def __missing__(self, name):
        return {"path": "/photos/a b (1).jpg", "name": "lite0", "error": "KeyError: x"}.get(name, "1,234.5")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_sentence_is_known_by_itself_alone_and_keeps_its_numbers(sentence):
    text = filled(sentence)
    assert reworded(text) == text
    with translation.override("nl"):
        told = reworded(text)
    assert told != text and "%(" not in told
    assert told.count("1.234,5") == text.count("1,234.5") and told.count("/photos/a b (1).jpg") == text.count("/photos")


@pytest.mark.parametrize("text", ["", "ValueError: 3 of 4", "ranking and more", "accuracy is surely low"])
def test_other_texts_stay_as_they_are(text):
    with translation.override("nl"):
        assert reworded(text) == text
