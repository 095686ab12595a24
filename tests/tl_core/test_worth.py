"""The advice before fine-tuning: what was measured comes out as it was measured."""

import pytest

from tl_core.adaptation.worth import Evidence, expected, worth

# Answers, classes, accuracy of the linear head on the chosen mix, and whether a tuned network was better beyond doubt.
MEASURED = [
    (300, 10, 0.845, False),  # small photographs of clothes
    (1200, 10, 0.905, False),
    (3000, 10, 0.893, False),
    (8400, 10, 0.902, True),  # above a lower cut
    (300, 2, 0.825, False),  # solar cells
    (1200, 2, 0.852, False),
    (1837, 2, 0.853, False),  # likewise
    (200, 10, 0.355, False),  # spectrograms, by speaker
    (300, 10, 0.375, False),
    (800, 10, 0.451, False),
    (1200, 10, 0.470, False),
]


@pytest.mark.parametrize(("answers", "classes", "accuracy", "better"), MEASURED)
def test_what_was_measured_is_advised(answers, classes, accuracy, better):
    assert (worth(Evidence(answers, classes, accuracy)).verdict == "worth it") == better


def test_it_says_from_how_many_answers_on_it_would_be_worth_it():
    told = worth(Evidence(1100, 4, 0.9))
    assert told.verdict == "not yet" and told.answers > 1100
    assert worth(Evidence(told.answers, 4, 0.9)).verdict == "worth it"
    assert worth(Evidence(5000, 1000, 0.9)).answers == 20_000  # enough of each class


def test_a_perfect_head_needs_no_tuning():
    told = worth(Evidence(100_000, 3, 1.0))
    assert (told.verdict, told.reason, told.gain, told.answers) == ("not yet", "small gain", 0.0, None)


def test_the_gain_grows_with_answers_and_errors_and_no_further():
    assert expected(2000, 0.1) == 0.0 < expected(4000, 0.1) < expected(8000, 0.1) == expected(20_000, 0.1)
    assert expected(4000, 0.2) == pytest.approx(2 * expected(4000, 0.1))
