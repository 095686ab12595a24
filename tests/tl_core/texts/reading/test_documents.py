"""Documents of every kind: their text with its paragraphs, or refused by name."""

import io
import subprocess
import sys
import zipfile

import pytest

from tl_core.texts.reading import LimitedReader, TextRefused, read_content, read_document, read_documents
from tl_core.texts.reading.formats.base import Paragraphs

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


@pytest.fixture(scope="module")
def reader():
    with LimitedReader() as reader:
        yield reader


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def docx(body, **others):
    document = f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document, **others})


def paragraph(text, *, listed=False):
    return f"<w:p><w:pPr>{'<w:numPr/>' if listed else ''}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def pdf(*pages, trailer=b""):
    """A PDF of pages that are lists of (height, line)."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = b"".join(b"1 0 0 1 72 %d Tm (%s) Tj\n" % (height, line.encode()) for height, line in lines)
        stream = b"BT /F1 12 Tf\n" + shown + b"ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    content, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


LOCKED = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%s) /U (%s) /P -4 >> /ID [(a) (a)]" % (b"a" * 32, b"a" * 32)
LINES = [f"line {n}" for n in range(10_000)]
MAIL = (
    b"From a@b.c Sat Jan  1 00:00:00 2000\n"
    b"Subject: =?iso-8859-2?q?P=F8=EDklad?= and =?utf-8?b?w6k=?=\nMIME-Version: 1.0\n"
    b"Content-Type: multipart/mixed; boundary=X\n\n--X\nContent-Type: multipart/alternative; boundary=Y\n\n"
    b"--Y\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: 8bit\n\n"
    + "Привет, мир\n\nВторой абзац".encode("koi8-r")
    + b"\n--Y\nContent-Type: text/html\n\n<p>the same again\n--Y--\n"
    b"--X\nContent-Type: text/html; charset=x-no-such\nContent-Transfer-Encoding: quoted-printable\n\n"
    b"<p>Caf=C3=A9<p>Tea\n"
    b"--X\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nxx\n--X--\n"
)


# --- texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.txt", "Salut, ça va?\r\n\r\nBien. L'été".encode("cp1252"), "Salut, ça va?\n\nBien. L'été"),
        ("a.txt", "\ufeffשלום עולם\n\nمرحبا 👩‍👩‍👧".encode("utf-16"), "שלום עולם\n\nمرحبا 👩‍👩‍👧"),
        ("a.txt", b"word", "word"),
        ("a.md", b"# Title\n\n* a\n* b\n", "# Title\n\n* a\n* b"),
        ("a.txt", "\n".join(LINES).encode(), "\n".join(LINES)),
        (
            "a.html",
            b"<html><head><title>T</title><script>x</script></head><body><p>Hi   <b>you</b> &amp; <!-- c -->me<br>so"
            b"<p>two<pre> a\n\n  b</pre><table><tr><td>1<td>2<tr><td><td>4</table>tail<ul><li>a<li>b</ul><p hidden>no",
            "Hi you & me\nso\n\ntwo\n\n```\n a\n\n  b\n```\n\n1\t2\n\t4\n\ntail\n\n- a\n- b",
        ),
        ("a.htm", '<meta charset="cp1251"><p>Привет, мир'.encode("cp1251"), "Привет, мир"),
        ("page", b"<!DOCTYPE html><p>Hello", "Hello"),
        ("a.eml", MAIL, "Příklad and é\n\nПривет, мир\n\nВторой абзац\n\nCafé\n\nTea"),
        ("a.eml", b"Subject: caf\xe9\n\nna\xefve\n", "café\n\nnaïve"),
        (
            "a.docx",
            docx(
                paragraph("One") + paragraph("it", listed=True) + paragraph("em", listed=True) + paragraph("Two")
                + f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc><w:tc>{paragraph('b')}</w:tc></w:tr>"
                + f"<w:tr><w:tc>{paragraph('c')}</w:tc><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"
                + "<w:p><w:r><w:t>la</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
                "<w:r><w:t>st</w:t></w:r></w:p>"
            ),
            "One\n\n- it\n- em\n\nTwo\n\na\tb\nc\td\n\nlast",
        ),
        (
            "a.pdf",
            pdf([(700, "First line"), (686, "second line."), (650, "New para-"), (636, "graph is")], [(700, "here.")]),
            "First line\nsecond line.\n\nNew paragraph is\nhere.",
        ),
    ],
)  # fmt: skip
def test_a_document_is_its_text(reader, name, content, text):
    assert read_content(name, content, reader).text == text


def test_titles_encodings_and_notes_are_told(reader):
    core = '<c xmlns:dc="x"><dc:title>A  title</dc:title></c>'
    assert read_content("a.docx", docx(paragraph("x"), **{"docProps/core.xml": core}), reader).title == "A title"
    mail = read_content("a.eml", MAIL, reader)
    assert (mail.title, mail.encoding, [each.code for each in mail.notes]) == (
        "Příklad and é", "koi8-r", ["attachments_left"]
    )  # fmt: skip
    broken = read_content("a.txt", "é".encode() * 50 + b"\xff", reader)
    assert broken.text.endswith("�") and [each.code for each in broken.notes] == ["characters_replaced"]
    half = read_content("a.pdf", pdf([(700, "text")], []), reader)
    assert [(each.code, each.parameters) for each in half.notes] == [("pages_without_text", {"n": 1})]


# --- refused by name --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\n ", "empty"),
        ("a.html", b"<p> <script>only</script>", "empty"),
        ("a.txt", b"a\0b", "nul"),
        ("a.txt", b"x" * 5_000_001, "too-large"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(50), "unsupported-format"),
        ("a.txt", b"\x7fELF\2\1\1" + bytes(range(256)) * 10 + bytes(300), "not-a-text"),
        ("a.txt", b"\x01\x02\x03ab\x04\x05" * 30, "not-a-text"),
        ("a.pdf", pdf([], []), "scanned"),
        ("a.pdf", pdf([(700, "x")], trailer=LOCKED), "encrypted"),
        ("a.pdf", b"%PDF-1.4 and no more", "unreadable"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "unsupported-format"),
        ("a.xlsx", zipped({"xl/workbook.xml": "<x/>"}), "unsupported-format"),
        ("a.docx", docx(paragraph("x"))[:200], "unreadable"),
        ("a.docx", zipped({"word/document.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}), "unreadable"),
        ("a.docx", docx("<w:p><w:r>"), "unreadable"),
    ],
)
def test_what_is_no_text_is_refused_by_name(reader, name, content, reason):
    with pytest.raises(TextRefused) as caught:
        read_content(name, content, reader)
    assert caught.value.reason == reason


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read():
    with LimitedReader(seconds=15) as reader:
        assert read_content("a.txt", b"before", reader).text == "before"
        reader._seconds = 0.5
        with pytest.raises(TextRefused) as caught:
            read_content("a.html", b"<div>" * 300_000, reader)
        assert caught.value.reason == "too-slow"
        reader._seconds = 15
        assert read_content("a.txt", b"after", reader).text == "after"


def test_a_process_that_dies_is_told_and_started_again():
    with LimitedReader() as reader:
        read_content("a.txt", b"before", reader)
        reader._process.kill()
        reader._process.poll = lambda: None  # as if it died while it read
        with pytest.raises(TextRefused) as caught:
            read_content("a.txt", b"meanwhile", reader)
        assert caught.value.detail.code == "stopped_reader"
        assert read_content("a.txt", b"after", reader).text == "after"


def test_the_limited_process_can_open_nothing_and_take_little():
    code = """
import socket, os
from tl_core.texts.reading import extracting
extracting.prepare()
extracting.limit_this_process()
for deed in (lambda: open("/etc/hosts"), lambda: open("/dev/null", "w"), socket.socket, os.pipe):
    try:
        deed()
    except OSError:
        print("refused")
try:
    bytearray(2 << 30)
except MemoryError:
    print("refused")
print(extracting.extract("plain", "été à Genève".encode("cp1252"))["text"].encode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == ["refused"] * 5 + [str("été à Genève".encode())]


# --- folders and archives ---------------------------------------------------------------------------------


def outcome(path):
    return {name: each.reason if isinstance(each, TextRefused) else each.text for name, each in read_documents(path)}


def test_a_folder_is_read_in_order_and_never_left(tmp_path):
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "two.txt").write_text("Two")
    (folder / "a.txt").write_text("One")
    (folder / ".hidden.txt").write_text("no")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    assert outcome(folder) == {"a.txt": "One", "b/two.txt": "Two", "out.txt": "leads-out", "gone.txt": "missing"}


def test_a_zip_is_read_without_writing_and_what_is_wrong_in_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tl_core.texts.reading.documents.MAX_BYTES", 1_000_000)
    path = tmp_path / "texts.zip"
    path.write_bytes(
        zipped(
            {
                "a.txt": "One",
                "folder/é.txt": "Two",
                "../out.txt": "x",
                "/root.txt": "x",
                "C:\\x.txt": "x",
                "bomb.txt": b"a" * 3_000_000,
                "inner.zip": zipped({"a.txt": "x"}),
                "__MACOSX/a.txt": "litter",
                "picture.png": b"\x89PNG\r\n\x1a\n",
            }
        )
    )
    assert outcome(path) == {
        "a.txt": "One",
        "folder/é.txt": "Two",
        "../out.txt": "leads-out",
        "/root.txt": "leads-out",
        "C:/x.txt": "leads-out",
        "bomb.txt": "too-large",
        "inner.zip": "unsupported-format",
        "picture.png": "unsupported-format",
    }


def test_damaged_members_cost_themselves_only(tmp_path):
    content = bytearray(zipped({"a.txt": "x" * 100 + "One", "b.txt": "Two"}))
    at = content.index(b"a.txt") + 5
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "texts.zip"
    path.write_bytes(content)
    assert outcome(path) == {"a.txt": "unreadable", "b.txt": "Two"}
    path.write_bytes(content[:60])
    with pytest.raises(TextRefused):
        list(read_documents(path))


def test_one_document_by_its_path(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("Good day")
    assert read_document(path).text == "Good day"
    assert outcome(path) == {"a.md": "Good day"}
    with pytest.raises(TextRefused) as caught:
        read_document(tmp_path / "missing.txt")
    assert caught.value.reason == "missing"


def test_paragraphs_are_put_together():
    paragraphs = Paragraphs()
    paragraphs.words("  a ")
    paragraphs.words(" b\n")
    paragraphs.line()
    paragraphs.words("c")
    paragraphs.paragraph()
    paragraphs.line()
    paragraphs.words(" ")
    paragraphs.paragraph()
    paragraphs.words("d")
    assert paragraphs.text() == "a b\nc\n\nd"
