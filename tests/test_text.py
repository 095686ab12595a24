"""Text at the edge: one look, one spelling; names are compared by one key."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeller.text import clean, fold


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("E\u0301land", "Éland"),
        ("fox\x00", "fox"),
        ("f\ud800ox", "fox"),
        ("f\u200box\ufeff", "fox"),
        ("\u202exof\u202c fox", "xof fox"),
        ("so\u00adft", "soft"),
        ("  red \t\n fox\u00a0 ", "red fox"),
        ("fo\u200dx", "fox"),
        ("\u3164", ""),
        ("\u2800", ""),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("👩\u200d🔬 ❤\ufe0f", "👩\u200d🔬 ❤\ufe0f"),
        ("Éland 🦌", "Éland 🦌"),
    ],
)
def test_what_cannot_be_seen_is_gone(given, stored):
    assert clean(given) == stored


def test_a_note_keeps_its_lines():
    assert clean("  one \x00 \r\n\ntwo\u2028three\n", lines=True) == "one\n\ntwo\nthree"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Éland", "e\u0301LAND"),
        ("fox", "F\u200bo\u202ex"),
        ("Straße", "STRASSE"),
        ("ΌΣΟΣ", "όσος"),
        ("می\u200cخواهم", "میخواهم"),
        ("❤\ufe0f", "❤"),
    ],
)
def test_one_look_is_one_name(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("İnek", "inek"), ("Éland", "Eland"), ("fox 1", "fox 2")])
def test_two_looks_are_two_names(one, other):
    assert fold(one) != fold(other)


@given(st.text(st.characters()))
def test_cleaning_and_folding_settle_at_once(text):
    stored, key = clean(text), fold(text)
    assert clean(stored) == stored
    assert fold(key) == fold(stored) == key
    assert fold(unicodedata.normalize("NFD", text)) == key
    assert "\x00" not in stored
    stored.encode()  # no lone surrogates
