"""Which language a pool is in."""

import pytest

from tl_core.texts.languages import CERTAIN, language

ENGLISH = ["The committee will publish its decision next week.", "How do I change the address on my account?"]
FRENCH = ["La commission publiera sa décision la semaine prochaine.", "Comment changer l'adresse de mon compte ?"]


@pytest.mark.parametrize(("texts", "code"), [(ENGLISH, "en"), (FRENCH, "fr"), (["会议将于下周公布决定。"] * 3, "zh")])
def test_a_pool_in_one_language(texts, code):
    told = language(texts * 10)
    assert told.code == code and told.share >= CERTAIN and told.is_certain and told.texts == 10 * len(texts)


def test_a_pool_in_two_languages_is_not_certain():
    told = language((ENGLISH + FRENCH) * 20)
    assert not told.is_certain
    assert {told.code, told.others[0][0]} == {"en", "fr"}
    assert told.share + sum(share for _, share in told.others) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("texts", [[], [""], ["   ", "123 456", "--- !!!"]])
def test_a_pool_without_words_is_in_no_language(texts):
    told = language(texts)
    assert (told.code, told.share, told.is_certain) == ("", 0.0, False)


def test_a_large_pool_is_read_in_part_and_all_along():
    told = language([*ENGLISH * 5000, *FRENCH * 5000])
    assert told.texts == 300 and not told.is_certain
