"""Tables of texts: each row as it was written, or refused by its number."""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from tl_core.texts.reading import Layout, RefusedRow, TextRefused, TextRow, first_cells, guess, open_table
from tl_core.texts.reading.copies import digest
from tl_core.texts.reading.records import MAX_CELL

LAYOUT = Layout("csv", ("text", "label"), (0,), (1,))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1).filter(str.strip)
LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")).map(str.strip)


def written(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def taken(path, layout=None):
    return [(row.text, *row.labels) for row in open_table(path, layout) if isinstance(row, TextRow)]


def refused(path, layout=None):
    return {row.number: row.reason for row in open_table(path, layout) if isinstance(row, RefusedRow)}


def as_csv(rows, **options):
    file = io.StringIO(newline="")
    csv.writer(file, **options).writerows(rows)
    return file.getvalue()


# --- what was written is what is read -----------------------------------------------------------------


@given(st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=8), st.sampled_from(",;\t|"))
def test_csv_comes_back_as_it_was_written(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text(as_csv([("text", "label"), *rows], delimiter=delimiter), newline="")
    layout = Layout("csv", ("text", "label"), (0,), (1,), delimiter=delimiter)
    assert taken(path, layout) == rows
    assert [row.number for row in open_table(path, layout)] == list(range(1, len(rows) + 1))


@given(st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=8), st.booleans())
def test_json_comes_back_as_it_was_written(tmp_path_factory, rows, by_line):
    objects = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path = tmp_path_factory.mktemp("tables") / "table.json"
    path.write_text("\n".join(objects) if by_line else f"[{', '.join(objects)}]")
    layout = guess(path)
    assert (layout.kind, layout.columns) == ("jsonl" if by_line else "json", ("text", "label"))
    assert taken(path, Layout(layout.kind, ("text", "label"), (0,), (1,))) == rows


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrow stream"])
def test_columnar_files_come_back_as_they_were_written(tmp_path, kind):
    rows = [(f"Passage {n}\nof text", n % 2) for n in range(5000)]
    table = pyarrow.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    path = tmp_path / "table"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with (ipc.new_file if kind == "arrow" else ipc.new_stream)(str(path), table.schema) as file:
            file.write_table(table)
    assert taken(path) == [(text, str(label)) for text, label in rows]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1251", "cp932"]
)
def test_an_encoding_is_found_and_told(tmp_path, encoding):
    text = {
        "cp1251": "Это простое предложение, на русском языке",
        "cp932": "これは日本語の文章です。よろしくお願いします",
    }.get(encoding, "Le café était très bon, voilà l'été à Genève")
    path = written(tmp_path, as_csv([("text", "label"), *[(f"{text} {n}", "x") for n in range(30)]]).encode(encoding))
    layout = guess(path)
    assert layout.encoding == {"utf-8-sig": "utf-8-sig"}.get(encoding, encoding)
    assert taken(path) == [(f"{text} {n}", "x") for n in range(30)]
    assert str(layout.reasons[0]).startswith("encoding_")


def test_cells_hold_lines_quotes_and_delimiters(tmp_path):
    path = written(tmp_path, 'id,text,label\r\n1,"First, ""quoted""\r\nsecond line",a\r\n2,plain,b\r\n')
    assert taken(path) == [('First, "quoted"\nsecond line', "a"), ("plain", "b")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_unpacked(tmp_path, pack):
    content = pack(b"text,label\nGood day,a\n") + (pack(b"Good night,b\n"))
    assert taken(written(tmp_path, content)) == [("Good day", "a"), ("Good night", "b")]


def test_a_zip_holds_one_table(tmp_path):
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._table.csv", "litter")
        archive.writestr("table.csv", "text,label\nGood day,a\n")
    assert taken(path) == [("Good day", "a")]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", "text,label\n")
    with pytest.raises(TextRefused, match="not_one_file"):
        open_table(path)


# --- rows that are refused ------------------------------------------------------------------------------


def test_broken_bytes_are_refused_by_number_and_never_replaced(tmp_path):
    good = "text,label\n" + "".join(f"é ça va {n},a\n" for n in range(20))
    path = written(tmp_path, good.encode() + b"caf\xe9,a\nfine,caf\xe9\nfine,a\n")
    assert guess(path).encoding == "utf-8"
    assert refused(path) == {21: "broken-bytes", 22: "broken-bytes"}
    assert taken(path)[-1] == ("fine", "a") and not any("�" in text for text, _ in taken(path))


def test_half_a_surrogate_pair_is_refused(tmp_path):
    path = written(tmp_path, '{"text": "ok"}\n{"text": "\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n')
    assert refused(path) == {2: "broken-bytes"}
    assert taken(path) == [("ok",), ("\N{GRINNING FACE}",)]


def test_rows_with_too_few_or_too_many_cells(tmp_path):
    path = written(tmp_path, "text,label\nok,a\nshort\nlong,a,b\nblank beyond,a,,\n\n,,\nok again,b\n")
    assert refused(path, LAYOUT) == {2: "cells", 3: "cells"}
    assert taken(path, LAYOUT) == [("ok", "a"), ("blank beyond", "a"), ("ok again", "b")]


def test_nul_and_nothing_are_refused(tmp_path):
    path = written(tmp_path, b"text,label\nok,a\nwith \0 in it,a\n   ,a\nok,b\0\n")
    assert refused(path, LAYOUT) == {2: "nul", 3: "empty", 4: "nul"}


def test_odd_quotes_cost_their_row_and_no_other(tmp_path):
    path = written(tmp_path, 'text,label\n"ok",a\n"odd" here,a\nok,b\n"never closed,a\n')
    assert refused(path, LAYOUT) == {2: "quotes", 4: "quotes"}
    assert taken(path, LAYOUT) == [("ok", "a"), ("ok", "b")]


@pytest.fixture(params=[131_072, 1 << 30])
def _others_limit(request):
    """What others in this process let the `csv` module read."""
    before = csv.field_size_limit(request.param)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("_others_limit")
def test_huge_cells_and_endless_lines_are_refused(tmp_path, monkeypatch):
    huge = "x" * (MAX_CELL + 1)
    assert refused(written(tmp_path, f"text,label\nok,a\n{huge},a\nok,b\n"), LAYOUT) == {2: "too-large"}
    lines = "\n".join(json.dumps({"text": text}) for text in ("ok", huge, "ok"))
    assert refused(written(tmp_path, lines)) == {2: "too-large"}
    monkeypatch.setattr("tl_core.texts.reading.records._MAX_LINE", 1000)
    path = written(tmp_path, f"text,label\nok,a\n{'y' * 5000},a\nok,b\n")
    assert refused(path, LAYOUT) == {2: "too-large"} and taken(path, LAYOUT) == [("ok", "a"), ("ok", "b")]


def test_lines_that_are_no_json(tmp_path):
    deep = "[" * 100_000
    path = written(
        tmp_path, f'{{"text": "ok"}}\n{{"text": \n[1]\n\n{{"label": 1}}\n{{"text": {deep}\n{{"text": "ok"}}\n'
    )
    assert refused(path) == {2: "json", 3: "json", 4: "empty", 5: "json"}
    assert taken(path, Layout("jsonl", ("text",), (0,))) == [("ok",), ("ok",)]


def test_values_of_json_become_cells(tmp_path):
    path = written(tmp_path, json.dumps([{"text": "a b", "label": [1, "x", True, None], "group": {"é": 1.5}}]))
    (row,) = open_table(path, Layout("json", ("text", "label", "group"), (0,), (1,), 2))
    assert (row.labels, row.group) == (("1|x|true|",), '{"é": 1.5}')


def test_a_large_array_is_read_piece_by_piece(tmp_path, monkeypatch):
    monkeypatch.setattr("tl_core.texts.reading.records._AT_ONCE", 7)
    path = written(tmp_path, json.dumps([{"text": f"Passage {n}"} for n in range(200)], indent=2))
    assert taken(path, Layout("json", ("text",), (0,))) == [(f"Passage {n}",) for n in range(200)]
    with pytest.raises(TextRefused, match="bad_json"):
        list(open_table(written(tmp_path, '[{"text": "a"}, {"text": '), Layout("json", ("text",), (0,))))


# --- files that are refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "unsupported-format"),
        (b"SQLite format 3\0" + bytes(100), "unsupported-format"),
        (b"\x7fELF\2\1\1" + bytes(range(256)) * 10 + bytes(300), "not-a-text"),
        (gzip.compress(b"text,label\n" + bytes(range(32, 127)) * 500)[:-30], "truncated"),
        (b"PAR1 and nothing else", "unreadable"),
        (b'{"rows":\n {"text": "x"}}', "json"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, content, reason):
    with pytest.raises(TextRefused) as caught:
        list(open_table(written(tmp_path, content)))
    assert caught.value.reason == reason


def test_missing_files_folders_and_pipes(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("missing", "missing"), ("pipe", "not-a-text"), (".", "unsupported-format")):
        with pytest.raises(TextRefused) as caught:
            open_table(tmp_path / name)
        assert caught.value.reason == reason


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr("tl_core.texts.reading.opening.MAX_UNPACKED", 1 << 20)
    path = written(tmp_path, gzip.compress(b"text,label\n" + b"good day,a\n" * 200_000))
    from tl_core.texts.reading.opening import unpacked

    with unpacked(path, 1 << 20) as file, pytest.raises(TextRefused, match="unpacks_to_too_much"):
        while file.read(1 << 16):
            pass


def test_an_xz_that_wants_much_memory_is_refused(tmp_path):
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    with pytest.raises(TextRefused) as caught:
        guess(written(tmp_path, lzma.compress(b"text\nhello\n", filters=greedy)))
    assert caught.value.reason == "unreadable"


def test_a_layout_that_does_not_fit_is_refused(tmp_path):
    path = written(tmp_path, "text,label\nok,a\n")
    for layout in (Layout("csv", ("text", "label"), (2,)), Layout("csv", ("text", "label"), ())):
        with pytest.raises(TextRefused) as caught:
            open_table(path, layout)
        assert caught.value.reason == "wrong-layout"
    with pytest.raises(TextRefused, match="other_columns"):
        list(open_table(path, Layout("csv", ("words", "label"), (0,))))


# --- data sets in folders ---------------------------------------------------------------------------------


def test_a_saved_data_set_is_one_table_with_names_of_classes(tmp_path):
    features = {"text": {"dtype": "string"}, "label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    for split in ("test", "train"):
        folder = tmp_path / split
        folder.mkdir()
        table = pyarrow.table({"text": [f"{split} passage"], "label": [int(split == "train")]})
        with ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), table.schema.with_metadata(metadata)) as file:
            file.write_table(table)
        (folder / "state.json").write_text("{}")
        (folder / "cache-1.arrow").write_text("litter")
    (tmp_path / "dataset_dict.json").write_text("{}")
    rows = list(open_table(tmp_path))
    assert [(row.number, row.text, *row.labels) for row in rows] == [
        (1, "test passage", "bad"),
        (2, "train passage", "good"),
    ]


def test_names_of_classes_beside_json(tmp_path):
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": {"label": {"names": ["bad", "good"]}}}))
    written(tmp_path, '{"text": "fine", "label": 1}\n', "train.jsonl")
    written(tmp_path, '{"text": "awful", "label": 0}\n', "test.jsonl")
    assert taken(tmp_path) == [("awful", "bad"), ("fine", "good")]


# --- what goes with a row ---------------------------------------------------------------------------------


def test_several_columns_of_text_labels_and_a_group(tmp_path):
    path = written(tmp_path, "title,body,a,b,who\nHead,Text,x,y,me\n,Only,x,,me\n")
    layout = Layout("csv", ("title", "body", "a", "b", "who"), (0, 1), (2, 3), 4)
    first, second = open_table(path, layout)
    assert first == TextRow(1, "Head\n\nText", ("x", "y"), "me", digest("Head Text"))
    assert (second.text, second.labels) == ("Only", ("x", ""))


def test_first_cells_are_shown_as_they_are(tmp_path):
    path = written(tmp_path, "text,label\né\xa0,a\n".encode() * 2 + b"caf\xe9,b\n")
    layout = Layout("csv", ("text", "label"), (0,), (1,))
    assert first_cells(path, layout, 3) == [["é\xa0", "a"], ["text", "label"], ["é\xa0", "a"]]
    assert first_cells(path, layout)[-1] == ["caf�", "b"]


def test_a_layout_survives_json(tmp_path):
    layout = guess(written(tmp_path, "text;label\nGood day;a\nGood night;b\n"))
    assert Layout.from_json(json.loads(json.dumps(layout.as_json()))) == layout
