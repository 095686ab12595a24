"""How a table is to be read: guessed with reasons that people see."""

import pytest

from tl_core.texts.reading import guess, open_table

LONG = ["The lights went out at noon", "Nobody had seen it coming", "Rain is due in the evening", "A quiet day at sea"]


def layout_of(tmp_path, content, **known):
    path = tmp_path / "table.csv"
    path.write_text(content, newline="")
    return guess(path, **known)


def codes(layout):
    return {reason.code for reason in layout.reasons}


@pytest.mark.parametrize(
    ("header", "text", "labels", "group"),
    [
        ("id,text,label,group", 1, (2,), 3),
        ("Texte,Étiquette,Auteur", 0, (1,), 2),
        ("Kategorie;Nachricht;Kunde", 1, (0,), 2),
        ("title\tbody\tcategory", 1, (2,), None),
        ("Review Text|Rating|user_id", 0, (1,), 2),
    ],
)
def test_columns_by_their_names(tmp_path, header, text, labels, group):
    width = len([each for each in header if each in ",;\t|"]) + 1
    delimiter = next(each for each in header if each in ",;\t|")
    rows = "".join(delimiter.join(f"{line} {at}" for at in range(width)) + "\n" for line in LONG)
    layout = layout_of(tmp_path, f"{header}\n{rows}")
    assert (layout.text, layout.labels, layout.group, layout.delimiter) == ((text,), labels, group, delimiter)
    assert codes(layout) >= {"text_by_name", "label_by_name", "header", "delimiter_parts"}


def test_columns_by_what_is_in_them(tmp_path):
    rows = "".join(f"{n}\t{'ham' if n % 3 else 'spam'}\t{LONG[n % 4]} {n}\n" for n in range(40))
    layout = layout_of(tmp_path, rows)
    assert (layout.text, layout.labels, layout.has_header, layout.columns) == ((2,), (1,), False, ("", "", ""))
    assert codes(layout) >= {"text_by_length", "label_by_repeats", "no_header"}


def test_a_header_of_unknown_names(tmp_path):
    rows = "".join(f"{n},{LONG[n % 4]} {n}\n" for n in range(10))
    layout = layout_of(tmp_path, f"nummer,regel\n{rows}")
    assert (layout.has_header, layout.columns, layout.text) == (True, ("nummer", "regel"), (1,))


def test_one_text_a_line(tmp_path):
    content = "Well, it depends, really\nNo comma here\nOne, comma\nA; b; c\nThe end\n"
    layout = layout_of(tmp_path, content)
    assert (layout.delimiter, layout.text, layout.has_header) == ("", (0,), False)
    assert [row.text for row in open_table(tmp_path / "table.csv")] == content.splitlines()


def test_quotes_that_mean_nothing(tmp_path):
    rows = "".join(f'"Hear, hear" said {n}\t{"yes" if n % 2 else "no"}\n' for n in range(20))
    layout = layout_of(tmp_path, f"text\tlabel\n{rows}")
    assert (layout.quote, layout.delimiter) == ("", "\t") and "quotes_are_plain" in codes(layout)
    assert next(iter(open_table(tmp_path / "table.csv"))).text == '"Hear, hear" said 0'


def test_a_delimiter_that_is_announced(tmp_path):
    layout = layout_of(tmp_path, "sep=;\r\ntext;label\r\nGood, day;a\r\nGood, night;b\r\n")
    assert (layout.delimiter, layout.skipped) == (";", 1)
    assert [row.text for row in open_table(tmp_path / "table.csv")] == ["Good, day", "Good, night"]


def test_names_that_are_there_twice(tmp_path):
    layout = layout_of(tmp_path, "text,label,text\na b,x,c d\ne f,y,g h\n")
    assert layout.text == (0,) and "same_header" in codes(layout)


def test_what_people_know_is_taken(tmp_path):
    content = "text,label\ncafé;1,2\n"
    layout = layout_of(tmp_path, content, encoding="latin-1", delimiter=";", has_header=False)
    assert (layout.encoding, layout.delimiter, layout.has_header) == ("latin-1", ";", False)
    assert "encoding_given" in codes(layout)


def test_numbers_are_no_text(tmp_path):
    layout = layout_of(tmp_path, "a,b\n1,2.5\n3,4\n")
    assert layout.text == ()
