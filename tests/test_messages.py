"""What workers and tl_core have to say: every code has a sentence, in every language, and rows hold no language."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from labeller.codes import WorkerCode
from labeller.messages import SENTENCES, Explained, as_json, sentence, stored
from tl_core import evaluation
from tl_core.evaluation.discovery import Coverage, Richness
from tl_core.notices import Code, Notice, notice
from tl_core.texts.word_notices import WordCode

CODES = [*Code, *WorkerCode, *WordCode]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
TEXTS = {"path", "file", "name", "error", "kind", "supported", "some", "detail", "url", "levels"}
STABLE, TORN = (1.0, 1.0, 0.995), (0.9, 0.5, 0.9)
RICH = Richness(observed=3, estimate=5.4, low=3, high=9)
ALL = Richness(observed=3, estimate=3.2, low=3, high=4)


def anything(code, n=1234.5):
    """A notice with that code: its numbers are all the same, its texts their own names."""
    return notice(code, **{name: f"<{name}>" if name in TEXTS else n for name in code.parameters})


@pytest.fixture(params=["en", "nl"])
def language(request):
    with translation.override(request.param):
        yield request.param


# --- sentences ------------------------------------------------------------------------------------


def test_every_code_has_a_sentence_and_every_sentence_a_code():
    assert len(set(CODES)) == len(CODES)
    assert set(SENTENCES) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_says_all_that_its_code_names_and_nothing_else(code):
    known = SENTENCES[code]
    for text in [known] if isinstance(known, str) else [known(1), known(2)]:
        assert set(PLACEHOLDER.findall(text)) == code.parameters
        assert "%" not in PLACEHOLDER.sub("", text).replace("%%", "")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_told_in_every_language(code, language):
    said = sentence(anything(code))
    number = {"en": "1,234.5", "nl": "1.234,5"}[language]
    assert said.count(number) == len(code.parameters - TEXTS)
    assert all(f"<{name}>" in said for name in code.parameters & TEXTS)
    assert "%(" not in said and "%%" not in said and "…" not in said
    said = sentence(anything(code, n=7))  # which is written alike everywhere
    with translation.override("en"):
        assert (said == sentence(anything(code, n=7))) == (language == "en"), "labeller/locale has no such sentence"


def test_one_and_many_are_told_apart():
    assert sentence(notice(Code.PAGES, n=1)) == "1 page; the first is used."
    assert sentence(notice(Code.PAGES, n=1200)) == "1,200 pages; the first is used."


def test_a_notice_may_hold_another_and_several_are_told_in_their_order(language):
    inner = notice(WorkerCode.NO_PERMISSION)
    outer = notice(WorkerCode.NOTHING_READABLE, path="/a", some="b", detail=inner)
    assert sentence(outer).endswith(sentence(inner)) and sentence(asdict(outer)) == sentence(outer)
    assert sentence([inner, outer]) == f"{sentence(inner)}; {sentence(outer)}" == sentence(stored([inner, outer], 500))


@pytest.mark.parametrize(
    "text", ["", "3 new files", "ranking", "ValueError: {'code'", '{"code": ', '{"other": 1}', "50% (at %s)", "[1]"]
)
def test_rows_of_earlier_versions_are_shown_as_they_are(text):
    with translation.override("nl"):
        assert sentence(text) == text


def test_notes_of_earlier_versions_are_understood():
    assert sentence({"code": "stretched", "low": 0.0, "high": 4095.0}) == (
        "Stretched: 0 is shown as black, 4,095 as white."
    )


def test_what_another_version_said_breaks_no_page():
    assert sentence({"code": "from_a_later_version", "parameters": {"a": 1}}) == "from_a_later_version"
    assert sentence({"code": "no_space", "parameters": {}}) == "No space left at …: make room, work goes on by itself."


def test_an_error_tells_its_reason_in_the_readers_language():
    error = Explained(notice(WorkerCode.RANKING))
    with translation.override("nl"):
        assert str(error) == sentence(error.reason) != "ranking"
    assert (str(error), str(Explained("plain"))) == ("ranking", "plain")


def test_a_notice_has_exactly_the_parameters_of_its_code():
    assert notice(Code.TOO_MANY_PIECES, n=3) == Notice("too_many_pieces", {"n": 3})
    for wrong in ({}, {"n": 3, "m": 4}, {"m": 3}):
        with pytest.raises(TypeError, match="too_many_pieces takes"):
            notice(Code.TOO_MANY_PIECES, **wrong)


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_a_row_holds_a_notice_in_no_language(code, language):
    text = stored(anything(code), 500)
    assert json.loads(text) == json.loads(json.dumps(asdict(anything(code))))
    assert sentence(text) == sentence(anything(code))


@given(path=st.text(max_size=700), error=st.text(max_size=700), most=st.integers(120, 500))
def test_what_is_too_long_loses_text_and_never_its_form(path, error, most):
    text = stored(notice(WorkerCode.TABLE_UNREADABLE, path=path, error=error), most)
    assert len(text) <= most and "\0" not in text
    text.encode()
    assert sentence(text).startswith("The table ") and " cannot be read: " in sentence(text)


def test_no_database_is_given_what_it_does_not_take():
    said = notice(WorkerCode.STRATEGY_UNUSABLE, name="a\0b", error="\ud800c")
    assert as_json(said)["parameters"] == {"name": "ab", "error": "c"} == json.loads(stored(said, 300))["parameters"]


def test_a_text_that_has_room_is_not_cut():
    path = "/photographs/" + "a" * 400
    assert sentence(stored(notice(WorkerCode.DECODING, path=path), 500)) == f"decoding {path}"
    long = sentence(stored(notice(WorkerCode.DECODING, path=path * 2), 500))
    assert long.startswith(f"decoding {path}") and long.endswith("…")


# --- what the learning core says ------------------------------------------------------------------


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
    sizes = [100, 200, 400, 800, 1600]
    yield evaluation.labels_to_target([10], [0.5], [5], 0.9)
    yield evaluation.labels_to_target([10, 20, 40, 80, 160], [0.5] * 5, [5000] * 5, 0.99)
    yield evaluation.labels_to_target(sizes, [0.4, 0.3, 0.2, 0.14, 0.1], [2000] * 5, 0.95)
    yield evaluation.labels_to_target(sizes, [0.4, 0.3, 0.2, 0.14, 0.1], [20] * 5, 0.95)
    yield evaluation.labels_to_target(sizes, [0.2, 0.2, 0.21, 0.2, 0.2], [20] * 5, 0.95)


def savings():
    rng = np.random.default_rng(0)
    ladder = np.linspace(0.2, 0.9, 5)[:, None] > np.linspace(0, 1, 200)
    sizes = [5, 10, 20, 40, 80]
    for used, share in ((40, 0.5), (150, 0.89), (2000, 0.9), (30, 1.0), (5, 0.85), (70, 0.999), (5, 0.95)):
        yield evaluation.compare_with_random(used, np.linspace(0, 1, 200) < share, sizes, ladder, rng)
    yield evaluation.compare_with_random(40, np.ones(10, bool), [5], np.ones((1, 10), bool), rng)


def thresholds():
    sure = np.linspace(0.5, 1, 200)
    yield evaluation.safe_threshold(sure[:10], np.ones(10, bool), sure, 0.05)
    yield evaluation.safe_threshold(sure, np.zeros(200, bool), sure, 0.05)
    yield evaluation.safe_threshold(sure, np.ones(200, bool), sure, 0.05)


@pytest.mark.parametrize("made", [advice, forecasts, savings, thresholds])
def test_reasons_are_plain_values_and_told_in_every_language(made, language):
    for each in made():
        assert sentence(each.reason) == sentence(json.loads(json.dumps(asdict(each.reason))))
        assert sentence(each.reason) != each.reason.code and "%(" not in sentence(each.reason)


def test_the_learning_core_says_what_it_has_codes_for():
    said = {each.reason.code for made in (advice, forecasts, savings, thresholds) for each in made()}
    of_questions = list(Code)[list(Code).index(Code.FEW_ROUNDS) :]
    assert {Code.STABLE, Code.NOT_SAFE, Code.SAFE, Code.LABELS_BETWEEN, Code.WORTH_MORE} <= said <= set(of_questions)
