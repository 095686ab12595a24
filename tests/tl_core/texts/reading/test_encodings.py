"""Encodings: what is told fits, and nothing is replaced in silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.texts.reading.encodings import decode, encoding_of, plain_lines

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(WORDS)
def test_utf8_is_always_known_again(text):
    decoded = decode(text.encode())
    # Only a mark at the beginning, or letters that look like zeros, could say otherwise.
    assert decoded is not None and (decoded.text == plain_lines(text).removeprefix("\ufeff"))
    assert decoded.n_replaced == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_not_without_an_error(content):
    decoded = decode(content)
    assert decoded is None or ("�" in decoded.text) >= bool(decoded.n_replaced)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café était très bon, voilà l'été à Genève", "cp1252"),
        ("Größe und Übung für Männer", "cp1252"),
        ("El niño comió mañana", "cp1252"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy, protože staré už byly roztrhané", "cp1250"),
        ("Это простое предложение на русском языке", "cp1251"),
        ("Это простое предложение на русском языке", "koi8_r"),
        ("Αυτή είναι μια ελληνική πρόταση", "cp1253"),
        ("これは日本語の文章です。よろしくお願いします", "cp932"),
        ("这是一个中文句子，谢谢大家", "gb18030"),
        ("이것은 한국어 문장입니다", "cp949"),
    ],
)
def test_older_encodings(text, encoding):
    decoded = decode(f"{text}\n".encode(encoding) * 5)
    assert (decoded.encoding, decoded.text) == (encoding, f"{text}\n" * 5)


def test_a_declaration_counts_where_it_fits():
    assert decode("é".encode("cp850"), "cp850").text == "é"
    assert decode("été, déjà".encode(), "ascii").text == "été, déjà"
    assert decode("naïve".encode("cp1252"), "no such thing").text == "naïve"
    assert decode("x “y”".encode("cp1252"), "iso-8859-1").text == "x “y”"
    assert decode(b"eJwrAQAAeQB5", "base64").text == "eJwrAQAAeQB5"


def test_few_broken_places_are_told():
    decoded = decode("é".encode() * 50 + b"\xff\xff" + b"end")
    assert (decoded.encoding, decoded.n_replaced) == ("utf-8", 2)
    assert decoded.text.endswith("��end")


def test_a_character_on_the_border_of_two_chunks():
    content = "日本語".encode() * 100
    assert encoding_of([content[:100], content[100:101], content[101:]]).name == "utf-8"
