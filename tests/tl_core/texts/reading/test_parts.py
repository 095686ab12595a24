"""Parts of documents: exact places, nothing lost, and what belongs together kept so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.texts.reading.parts import LONGEST_SENTENCE, WAYS, places

PIECES = st.sampled_from(
    ["# Title\n", "A sentence. Another one! ", "\n\n", "\n", "- item\n", "1. item\n", "```\ncode. more\n\n", "```\n",
     "a\tb\n", "| a | b |\n", "    code\n", "これはペンです。", " ", "\t", "word " * 300, "é" * 1200, "\u2003",
     "\u202eمرحبا. ",
     "\N{WOMAN}\u200d\N{GIRL}"]
)  # fmt: skip
TEXT = st.lists(PIECES, max_size=12).map("".join) | st.text(st.characters(exclude_categories=["Cs"]))


def cut(text, way="paragraph", language=""):
    return [text[start:end] for start, end in places(text, way, language)]


@given(TEXT, st.sampled_from(WAYS))
def test_places_are_in_order_and_hold_everything(text, way):
    at, parts = 0, places(text, way)
    for start, end in parts:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(TEXT)
def test_sentences_lie_within_paragraphs(text):
    paragraphs = places(text, "paragraph")
    for start, end in places(text, "sentence"):
        assert any(first <= start and end <= last for first, last in paragraphs)


def test_paragraphs_are_what_empty_lines_part():
    assert cut("One\nand on.\n\n  \n\tTwo\n") == ["One\nand on.", "Two"]
    assert cut("  \n ") == [] and cut("", "whole") == [] and cut(" a\n\nb ", "whole") == ["a\n\nb"]


def test_lines_are_paragraphs_where_no_line_is_empty_and_they_end_like_sentences():
    assert cut("One line.\nAnother one!\nThe last") == ["One line.", "Another one!", "The last"]
    assert cut("Wrapped in the middle\nof a sentence that goes\non and on.") == [
        "Wrapped in the middle\nof a sentence that goes\non and on."
    ]


def test_a_heading_goes_with_what_follows():
    assert cut("# Title\n\nText. More.\n\n## End\n") == ["# Title\n\nText. More.", "## End"]


@pytest.mark.parametrize(
    "whole",
    [
        "- One. Two.\n- Three.\n\n- Four.",
        "1. One. Two.\n   goes on. And on.\n2) Three.",
        "| a. b | c |\n|---|---|\n| 1. | 2. |",
        "a. b.\tc\nd. e.\tf",
        "```python\nx = 1. Y\n\ny = 2. Z\n```",
        "~~~\nno ``` end. Here.\n\nmore\n~~~",
    ],
)
def test_lists_tables_and_code_stay_whole(whole):
    text = f"Before it. Really.\n\n{whole}\n\nAfter it. Really."
    assert cut(text) == ["Before it. Really.", whole, "After it. Really."]
    assert cut(text, "sentence") == ["Before it.", "Really.", whole, "After it.", "Really."]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Dr. Smith went to Washington, D.C. on Jan. 5th.", "He said no.", "Is it 3.5 kg?", "Yes!"]),
        ("fr", ["L'art. 4 du décret no. 12 s'applique.", "M. Dupont est venu, cf. p. 12.", "Ça va ?"]),
        ("de", ["Das gilt z. B. nach Art. 4 Abs. 2.", "Am 3. Mai kam er."]),
        ("es", ["¿Dónde está el Sr. García?", "¡Aquí!"]),
        ("ar", ["هل أنت هنا؟", "نعم."]),
        ("hi", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("", ["One here.", "Two there."]),
        ("xx", ["One here.", "Two there."]),
    ],
)
def test_sentences(language, sentences):
    assert cut(" ".join(sentences), "sentence", language) == sentences


@pytest.mark.parametrize("language", ["", "ja", "zh"])
def test_sentences_without_blanks(language):
    sentences = ["これはペンです。", "あれは何ですか？", "終わり"]
    assert cut("".join(sentences), "sentence", language) == sentences


def test_very_long_sentences_are_cut_where_it_hurts_least():
    parts = cut("word, " * 1000, "sentence")
    assert all(part.endswith(",") and len(part) <= LONGEST_SENTENCE for part in parts)
    assert all(set(part.split()) == {"word"} for part in cut("word " * 1000, "sentence"))
    family = "\N{WOMAN}\u200d\N{GIRL}"  # one picture of three characters
    assert {part.replace(family, "") for part in cut(family * 700, "sentence")} == {""}


def test_there_are_three_ways():
    with pytest.raises(ValueError, match="chapter"):
        places("text", "chapter")
