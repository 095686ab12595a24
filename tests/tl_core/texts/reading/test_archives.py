"""Zip files: taken out safely, whatever their entries say."""

import stat
import zipfile

import pytest

from tl_core.texts.reading import TextRefused, archives


def packed(path, **content):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def taken(path, folder, **limits):
    folder.mkdir(exist_ok=True)
    refused = dict(archives.unpack(path, folder, **limits))
    there = {
        each.relative_to(folder).as_posix(): each.read_text() for each in sorted(folder.rglob("*")) if each.is_file()
    }
    return there, {name: why.reason for name, why in refused.items()}


def test_files_are_taken_out_with_their_times(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("news/one.txt", (2020, 2, 3, 4, 5, 6)), "one")
        archive.writestr("__MACOSX/news/one.txt", "litter")
    assert taken(path, tmp_path / "out") == ({"news/one.txt": "one"}, {})
    first = (tmp_path / "out" / "news" / "one.txt").stat().st_mtime_ns
    taken(path, tmp_path / "again")
    assert (tmp_path / "again" / "news" / "one.txt").stat().st_mtime_ns == first


def test_nothing_gets_out_of_the_folder(tmp_path):
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../up.txt", "up")
        archive.writestr("/root.txt", "root")
        archive.writestr("C:\\windows.txt", "windows")
        archive.writestr("in\\..\\..\\back.txt", "back")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine.txt", "fine")
    there, refused = taken(path, tmp_path / "out")
    assert there == {"fine.txt": "fine"}
    assert set(refused.values()) == {"leads-out"}
    assert len(refused) == 5
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip", "out"]


def test_what_is_too_large_or_in_the_way_is_refused_by_name(tmp_path):
    path = packed(tmp_path / "a.zip", **{"a": "x" * 50, "a__b.txt": "in the way", "big.txt": "y" * 200, "z.txt": "z"})
    there, refused = taken(path, tmp_path / "out", max_bytes=100)
    assert there == {"a": "x" * 50, "z.txt": "z"}
    assert refused == {"a/b.txt": "unreadable", "big.txt": "too-large"}


def test_archives_inside_and_broken_bytes_are_refused_by_name(tmp_path):
    path = packed(tmp_path / "a.zip", **{"inner.zip": "PK", "one.txt": "hello hello"})
    content = path.read_bytes().replace(b"hello hello", b"hello jello", 1)
    path.write_bytes(content)
    there, refused = taken(path, tmp_path / "out")
    assert there == {}
    assert refused == {"inner.zip": "unsupported-format", "one.txt": "unreadable"}


def test_a_zip_with_too_many_files_is_refused_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    path = packed(tmp_path / "a.zip", one="1", two="2", three="3")
    with pytest.raises(TextRefused, match="too_many_members"):
        taken(path, tmp_path / "out")


def test_documents_that_are_zips_are_no_archives(tmp_path):
    assert archives.is_archive(packed(tmp_path / "a.zip", one="1"))
    assert not archives.is_archive(packed(tmp_path / "a.docx", word__document="", **{"word/document.xml": "<w/>"}))
    (tmp_path / "a.txt").write_text("PK is how a zip begins")
    assert not archives.is_archive(tmp_path / "a.txt")
    assert not archives.is_archive(tmp_path / "nothing.zip")


def test_the_beginning_of_a_table_is_cut_at_the_end_of_a_line(tmp_path):
    path = packed(tmp_path / "a.zip", **{"data__b.csv": "text\n" + "row\n" * 100, "data__a.txt": "no table"})
    found = archives.first_member(path, tmp_path, lambda name: name.endswith(".csv"), 23)
    assert found.read_text() == "text\n" + "row\n" * 4
    assert archives.first_member(path, tmp_path, lambda name: name.endswith(".tsv"), 23) is None
