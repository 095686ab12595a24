"""Tables of path and class as people, spreadsheets and this program write them."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeller.samples import tables
from labeller.samples.cells import arm, defuse, join_names, split_names
from labeller.samples.scanning import FolderError

WANTED = [("Site1/é 1.jpg", "fox"), ("b.jpg", "fallow deer, female")]


def read(tmp_path, content, **options):
    path = tmp_path / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tables.read(path, **options)


def pairs(table):
    return [(row.path, *row.classes) for row in table.rows]


def kinds(table):
    return [(problem.kind, problem.line) for problem in table.problems]


# --- how it is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_way_a_spreadsheet_saves_it_is_read(tmp_path, encoding, end, delimiter):
    lines = ["path,class", *(f'{path},"{name}"' for path, name in WANTED), "", ""]
    text = end.join(line.replace(",", delimiter, 1) for line in lines)
    content = text.encode(encoding)
    if encoding == "utf-16-be":
        content = codecs.BOM_UTF16_BE + content
    table = read(tmp_path, content)
    assert pairs(table) == WANTED
    assert (table.problems, table.n_rows) == ([], 2)


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_a_first_line_may_name_the_delimiter(tmp_path, first):
    table = read(tmp_path, f"{first}\r\nfile;label\r\na,b.jpg;fox\r\nc.jpg;a;b\r\n")
    assert pairs(table) == [("a,b.jpg", "fox")]
    assert kinds(table) == [("more-cells", 4)]


@pytest.mark.parametrize(
    ("header", "cells", "row"),
    [
        ("path,class", "a.jpg,fox", ("a.jpg", "fox")),
        ("Label,File Name", "fox,a.jpg", ("a.jpg", "fox")),
        ("Bild,Tierart", "a.jpg,fox", ("a.jpg", "fox")),
        ("Nom du fichier,Espèce", "a.jpg,fox", ("a.jpg", "fox")),
        ("ESPE\u0300CE,Chemin", "fox,a.jpg", ("a.jpg", "fox")),
        ("Imagen,Categoría", "a.jpg,fox", ("a.jpg", "fox")),
        ("FILEPATH,Category", "a.jpg,fox", ("a.jpg", "fox")),
        (" image_id , Species ", "a.jpg,fox", ("a.jpg", "fox")),
        ("id,breed", "000bec18,beagle", ("000bec18", "beagle")),
        ("name,class", "a.jpg,fox", ("a.jpg", "fox")),
        ("path,name", "a.jpg,fox", ("a.jpg", "fox")),
        ("note,photo,answer,who", "x,a.jpg,fox,ana", ("a.jpg", "fox")),
        ("Bestandsnaam,Soort", "a.jpg,vos", ("a.jpg", "vos")),
        ("RelativePath,File,Folder,Species", "Site1,a.jpg,season,fox", ("Site1/a.jpg", "fox")),
        ("RelativePath,File,Species", ",a.jpg,fox", ("a.jpg", "fox")),
        ("folder,filename,label", "Site1,a.jpg,fox", ("Site1/a.jpg", "fox")),
        ("filePath,fileName,class", "Site1/a.jpg,a.jpg,fox", ("Site1/a.jpg", "fox")),
        ("filename,class,order,family,species", "a.jpg,Mammalia,Carnivora,Canidae,fox", ("a.jpg", "fox")),
    ],
)
def test_columns_have_many_names(tmp_path, header, cells, row):
    assert pairs(read(tmp_path, f"{header}\n{cells}\n")) == [row]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", "sep=;\n".encode("utf-16")])
def test_an_empty_table_is_called_so(tmp_path, content):
    with pytest.raises(FolderError, match="is empty"):
        read(tmp_path, content)


def test_without_a_header_two_columns_that_are_clearly_path_and_class_do(tmp_path):
    assert pairs(read(tmp_path, "a.jpg,fox\nb.JPG,badger\n")) == [("a.jpg", "fox"), ("b.JPG", "badger")]
    assert pairs(read(tmp_path, "fox;a.jpg\nbadger;b.JPG\n")) == [("a.jpg", "fox"), ("b.JPG", "badger")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,species_code_x\na.jpg,fox\n", "columns path and class"),
        ("a.jpg,b.jpg\nc.jpg,d.jpg\n", "columns path and class"),
        ("fox,badger\n", "columns path and class"),
        (b"PK\x03\x04rest of a workbook", "save the table as CSV"),
        (b"\xd0\xcf\x11\xe0rest of an old workbook", "save the table as CSV"),
        (b"path,class\na\0b.jpg,fox\n", "NUL"),
        (None, "No such file"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "none.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FolderError, match=words) as raised:
        tables.read(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


# --- rows that are not taken ----------------------------------------------------------------------


def test_what_is_not_taken_is_told_with_its_line(tmp_path):
    table = read(
        tmp_path,
        f"path,class\na.jpg,fox\n\nb.jpg,fallow deer, female\nc.jpg,{'x' * 201}\nd.jpg,\ne.jpg\n,fox\n"
        f'f.jpg,"fox" red\ng.jpg,a\x07b\nh.jpg,hare,,\n',
    )
    assert pairs(table) == [("a.jpg", "fox"), ("g.jpg", "ab"), ("h.jpg", "hare")]
    assert kinds(table) == [
        ("more-cells", 4),
        ("long-name", 5),
        ("no-class", 6),
        ("no-class", 7),
        ("no-path", 8),
        ("not-csv", 9),
    ]
    assert table.n_rows == 9


# --- exports of this program ----------------------------------------------------------------------

OWN = "path,question,classes,verdict,overruled,annotator,decided_by,uuid"


def test_our_own_export_is_taken_for_what_stands(tmp_path):
    table = read(
        tmp_path,
        f"{OWN}\na.jpg,species,fox,answer,0,ana,human,1\nb.jpg,species,fox,answer,1,ana,human,2\n"
        "c.jpg,species,,skip,0,ana,human,3\nd.jpg,species,,ignore,0,mia,human,4\n",
    )
    assert pairs(table) == [("a.jpg", "fox")]
    assert (table.n_rows, table.problems) == (1, [])


def test_of_several_questions_one_is_taken_and_the_others_are_told(tmp_path):
    table = read(tmp_path, f"{OWN}\na.jpg,species,fox,answer,0,,,\na.jpg,sex,male,answer,0,,,\n")
    taken = tables.of_question(table, "sex")
    assert pairs(taken) == [("a.jpg", "male")]
    assert kinds(taken) == [("other-question", 2)]
    alone = read(tmp_path, f"{OWN}\na.jpg,species,fox,answer,0,,,\n")
    assert pairs(tables.of_question(alone, "what-is-in-the-picture")) == [("a.jpg", "fox")]


def test_several_classes_of_one_cell_are_told_apart_only_where_several_are_allowed(tmp_path):
    content = "path,classes\na.jpg,fox|red \\| white\n"
    assert pairs(read(tmp_path, content, several=True)) == [("a.jpg", "fox", "red | white")]
    assert pairs(read(tmp_path, content)) == [("a.jpg", "fox|red \\| white")]


@given(st.lists(st.text(min_size=1).filter(str.strip)))
def test_names_joined_in_a_cell_come_apart_again(names):
    assert [name for name in split_names(join_names(names)) if name] == names


@given(st.text())
def test_a_defused_cell_starts_no_formula_and_comes_back(cell):
    assert not defuse(cell).startswith(("=", "+", "-", "@", "|", "%", "\t", "\r", "\n"))
    assert arm(defuse(cell)) == cell
    assert defuse(cell) in {cell, f"'{cell}"}
