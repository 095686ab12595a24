"""Which file a path in a table means: where that is certain, and only there."""

import unicodedata

import pytest

from labeller.samples.matching import match
from labeller.samples.tables import Row

FILES = ["Site1/IMG_1.JPG", "Site1/IMG_2.JPG", "Site2/IMG_1.JPG", "Site2/Zoë 3.JPG", "top.jpg"]
ROOT = "/data/season"


def found(*paths, files=FILES, root=ROOT):
    rows = [Row(number, path, ("fox",)) for number, path in enumerate(paths, 2)]
    matched = match(rows, files, root)
    named = {row.line: file for file, each in matched.rows.items() for row in each}
    kinds = {problem.line: problem.kind for problem in matched.problems}
    return [named.get(row.line) or kinds[row.line] for row in rows]


@pytest.mark.parametrize(
    "path",
    [
        "Site1/IMG_1.JPG",
        "Site1\\IMG_1.JPG",
        "./Site1/IMG_1.JPG",
        ".\\Site1\\IMG_1.JPG",
        "/Site1/IMG_1.JPG",
        "Site1//IMG_1.JPG",
        " Site1/IMG_1.JPG ",
        "Site1 / IMG_1.JPG",
        "site1/img_1.jpg",
        '"Site1/IMG_1.JPG"',
        "season/Site1/IMG_1.JPG",
        "/data/season/Site1/IMG_1.JPG",
        "D:\\backup\\Season\\Site1\\IMG_1.JPG",
    ],
)
def test_other_spellings_of_the_same_path(path):
    assert found(path, "top.jpg") == ["Site1/IMG_1.JPG", "top.jpg"]


def test_a_name_that_is_stored_escaped_is_found_as_the_table_spells_it():
    files = ["caf%E9.jpg", "two%0Alines.jpg", "100%.jpg"]
    assert found("café.jpg", "two\nlines.jpg", "100%.jpg", "caf%E9.jpg", files=files) == [*files, "caf%E9.jpg"]


def test_a_folder_that_all_rows_share_is_cut_off():
    rows = ["E:\\cams\\Site1\\IMG_1.JPG", "E:\\cams\\Site2\\IMG_1.JPG", "E:\\cams\\Site9\\IMG_1.JPG"]
    assert found(*rows) == ["Site1/IMG_1.JPG", "Site2/IMG_1.JPG", "no-file"]


def test_a_folder_that_some_rows_have_is_not():
    assert found("2019/top.jpg", "2020/top.jpg") == ["no-file", "no-file"]
    assert found("other/Site1/IMG_1.JPG", "Site1/IMG_2.JPG") == ["no-file", "Site1/IMG_2.JPG"]


def test_a_name_without_its_folder_is_taken_where_one_file_has_it():
    assert found("IMG_2.JPG", "img_1.jpg", "Zoë 3.JPG", "none.jpg") == [
        "Site1/IMG_2.JPG",
        "several-files",
        "Site2/Zoë 3.JPG",
        "no-file",
    ]


def test_the_end_of_a_path_is_taken_where_one_file_has_it():
    deep = ["a/Site1/IMG_1.JPG", "a/Site2/IMG_1.JPG", "b/Site2/IMG_1.JPG"]
    assert found("Site1/IMG_1.JPG", "Site2/IMG_1.JPG", files=deep) == ["a/Site1/IMG_1.JPG", "several-files"]
    assert found("Site3/IMG_1.JPG", files=deep[:1]) == ["no-file"]


def test_a_name_without_its_suffix_is_taken_where_one_file_has_it():
    assert found("top", "img_1") == ["top.jpg", "several-files"]


@pytest.mark.parametrize("of_table", ["NFC", "NFD"])
@pytest.mark.parametrize("of_disk", ["NFC", "NFD"])
def test_accents_are_compared_by_what_they_look_like(of_table, of_disk):
    file = unicodedata.normalize(of_disk, "Süd/Zoë.jpg")
    assert found(unicodedata.normalize(of_table, "süd/zoë.JPG"), files=[file]) == [file]


def test_files_that_differ_in_case_only_are_told_apart_by_it():
    twins = ["a.jpg", "A.jpg"]
    assert found("a.jpg", "A.jpg", "A.JPG", files=twins) == ["a.jpg", "A.jpg", "several-files"]


def test_nothing_matches_nothing():
    assert found("x/y.jpg", "z.jpg") == ["no-file", "no-file"]
    assert found("a.jpg", files=[]) == ["no-file"]
