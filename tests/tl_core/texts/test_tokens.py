import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.texts.tokens import LONGEST, is_number, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don’t stop: it's ours.", ["do", "n't", "stop", "it", "'s", "ours"]),
        ("You shouldn't've asked O'Brien", ["you", "should", "n't", "'ve", "asked", "o'brien"]),
        ("L’homme qu'on n'a pas vu", ["l'", "homme", "qu'", "on", "n'", "a", "pas", "vu"]),
        ("aujourd'hui, jusqu'ici", ["aujourd'hui", "jusqu'", "ici"]),
        ("l'arte dell'uomo", ["l'", "arte", "dell'", "uomo"]),
        ("état-major, cœur, STRASSE, Straße", ["état", "major", "cœur", "strasse", "straße"]),
        ("3.5 % of 1,000.50, version 3.11.2.", ["3.5", "of", "1,000.50", "version", "3.11.2"]),
        ("12ab h2o the 1990's", ["12ab", "h2o", "the", "1990", "'s"]),
        ("C++, c# and snake_case", ["c++", "c#", "and", "snake", "case"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("п’ять слів", ["п'ять", "слів"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("我喜欢北京", ["我喜", "喜欢", "欢北", "北京"]),
        ("東", ["東"]),
        ("コンピュータを使う", ["コンピュータ", "を使", "使う"]),
        ("Café ﬁne ＡＢ", ["café", "fine", "ab"]),
        ("soft\u00adhyphen", ["softhyphen"]),
        ("e\u0301te\u0301", ["été"]),
        ("hi 👍🏽👨‍👩‍👧 🇫🇷🇩🇪 ❤️", ["hi", "👍🏽", "👨‍👩‍👧", "🇫🇷", "🇩🇪", "❤"]),
        ("\x00 '' — …", []),
    ],
)
def test_texts_are_cut_into_the_words_that_pretrained_vectors_know(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@given(st.text())
def test_any_text_has_words_of_a_sane_length_and_is_cut_as_its_words_are(text: str) -> None:
    found = tokens(text)
    assert all(0 < len(word) <= LONGEST and not any(sign.isspace() for sign in word) for word in found)


@given(st.text(alphabet="abcdé0123.,'’n’t’s L"))
def test_words_joined_by_blanks_are_the_same_words_again(text: str) -> None:
    once = [word for word in tokens(text) if "'" not in word]
    assert tokens(" ".join(once)) == once


@pytest.mark.parametrize(
    "text", ["a's" * 100_000, "1.1" * 100_000, "1" * 100_000 + "a", "我" * 100_000, "l'" * 100_000]
)
def test_hostile_texts_take_no_longer_than_others_of_their_length(text: str) -> None:
    assert len(tokens(text)) <= len(text)


def test_numbers_are_told_from_words() -> None:
    assert [is_number(word) for word in ("3.5", "1,000", "12", "h2o", "3d", "three")] == [True] * 3 + [False] * 3
