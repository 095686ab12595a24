"""Documents: whole or cut, moved, edited and refused by name."""

import pytest

from labeller.projects.making import create_project
from labeller.samples import ingesting
from labeller.samples.groups import placed
from labeller.samples.known import Given
from labeller.samples.layouts import TextLayout
from labeller.samples.models import File, HiddenTruth, Refusal, Sample, Text, TextCopy
from tests import factories

pytestmark = pytest.mark.django_db

PARAGRAPHS = ("First of all, something long enough to stand by itself here.", "Then another thing.", "And the end.")


@pytest.fixture
def project(db):
    return create_project(name="Law", owner=None, question_text="About what?", kind="text")


def imported(project, folder, cut="whole", **given):
    source = ingesting.add_source(project, folder, given=Given(**given), layout=TextLayout(cut=cut))
    factories.work("scan", "ingest", "bursts", "known")
    return source


def again(source):
    ingesting.ask_for_scan(source)
    factories.work("scan", "ingest", "bursts", "known")


def test_documents_are_taken_whole_in_groups_by_folder(project, folder):
    for name in ("news/one.txt", "news/two.md", "law/three.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{name} says this.\n", encoding="utf-8")
    (folder / "news" / "copy.txt").write_text("news/one.txt says this.\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n0000")
    (folder / "empty.txt").write_text("")
    source = imported(project, folder, truth="folders")
    assert set(Sample.objects.values_list("part", "file__kind")) == {("whole", "text")}
    assert set(Refusal.objects.values_list("reason", flat=True)) == {"duplicate", "unsupported-format", "empty"}
    assert set(HiddenTruth.objects.values_list("label_class__name", flat=True)) == {"news", "law"}
    (folder / "news" / "one.txt").rename(folder / "law" / "moved.txt")
    (folder / "news" / "copy.txt").unlink()
    (folder / "law" / "three.txt").write_text("It says something else now.")
    before = set(Sample.objects.values_list("pk", flat=True))
    again(source)
    assert set(Sample.objects.values_list("pk", flat=True)) == before
    assert Text.objects.get(sample__file__path="law/three.txt").content == "It says something else now."
    assert Text.objects.get(sample__file__path="law/moved.txt").content.strip() == "news/one.txt says this."


def test_documents_are_cut_and_their_passages_follow(project, folder):
    path = folder / "contract.txt"
    path.write_text("\n\n".join(PARAGRAPHS))
    source = imported(project, folder, cut="paragraph")
    texts = {text.content: text.pk for text in Text.objects.all()}
    assert list(texts) == list(PARAGRAPHS)
    whole = path.read_text()
    for sample in Sample.objects.select_related("text"):
        assert whole[int(sample.start) : int(sample.end)] == sample.text.content
    # The passages of one document are one event: none is held out while another is learnt from.
    events = set(placed(Sample.objects.all()).values_list("event", flat=True))
    assert events == {File.objects.get().pk}
    path.write_text("\n\n".join(("A new beginning for all of this.", PARAGRAPHS[0], PARAGRAPHS[2], "More at the end.")))
    again(source)
    after = {text.content: (text.pk, text.sample.place) for text in Text.objects.select_related("sample")}
    assert {content: pk for content, (pk, _place) in after.items() if content in texts} == texts
    assert after[PARAGRAPHS[1]][1].endswith("in an earlier version")
    whole = path.read_text()
    assert after[PARAGRAPHS[0]][1] == f"passage {whole.index(PARAGRAPHS[0])} {whole.index(PARAGRAPHS[0]) + 60}"
    assert len(after) == 5


BODY = "The contract ends on the last day of the month in which either party has given notice in writing. " * 4


def test_near_copies_of_documents_are_folded(project, folder):
    for name, text in {
        "leases/one.txt": f"{BODY} Signed in Paris.",
        "leases/two.txt": f"{BODY} Signed in Rome.",
        "sales/three.txt": f"{BODY} Signed in Bonn.",
        "sales/four.txt": "A car was sold as seen, without a warranty of any kind.",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    source = imported(project, folder, truth="folders")
    assert Sample.objects.count() == 2
    copies = {copy.file.path: copy for copy in TextCopy.objects.select_related("file", "original")}
    assert len(copies) == 2
    assert len({copy.original_id for copy in copies.values()}) == 1
    assert all(copy.content.startswith(BODY) for copy in copies.values())
    # A copy's folder says something else than that of the sample: that is told, and the sample gets none of both.
    source.refresh_from_db()
    assert [each["kind"] for each in source.known["truth"]["problems"]] == ["twins"]
    # What was a copy and is edited says something of its own: a sample.
    path = sorted(copies)[0]
    (folder / path).write_text("Something quite different, about the weather at sea.")
    again(source)
    assert Text.objects.get(sample__file__path=path).content.startswith("Something quite different")
    assert TextCopy.objects.count() == 1
    # One that comes later is folded into what is there.
    (folder / "leases" / "five.txt").write_text(f"{BODY} Signed in Oslo.")
    again(source)
    assert TextCopy.objects.get(file__path="leases/five.txt").original_id == next(iter(copies.values())).original_id


def test_passages_of_near_equal_documents_are_folded(project, folder):
    (folder / "one.txt").write_text("\n\n".join([BODY + "By fax.", PARAGRAPHS[0]]))
    (folder / "two.txt").write_text("\n\n".join([PARAGRAPHS[0], BODY + "By post."]))
    imported(project, folder, cut="paragraph")
    assert Sample.objects.count() == 2
    near = TextCopy.objects.exclude(content="").get()
    same = TextCopy.objects.get(content="")
    assert near.content in {BODY + "By fax.", BODY + "By post."}
    assert near.file_id == same.file_id
