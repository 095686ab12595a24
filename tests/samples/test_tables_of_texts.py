"""Tables of texts: rows become samples, once, whatever happens in between; spread, grouped and labelled."""

import csv

import pytest

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels.models import Answer
from labeller.projects.making import create_project
from labeller.samples import copies, ingesting, searching, storing, table_reading
from labeller.samples.known import Given
from labeller.samples.models import HiddenTruth, Refusal, Sample, TableReading, Text, TextCopy
from labeller.samples.scanning import FolderError
from labeller.samples.table_reading import _turn
from tests import factories

pytestmark = pytest.mark.django_db

WORDS = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel")


def text(number):
    first, second = WORDS[number % len(WORDS)], WORDS[number // 3 % len(WORDS)]
    return f"number {number} about {first} and {second}, seed {number * 7919}"


def table(path, rows, header=("text", "label", "author")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def sorted_rows(count, classes=4):
    """Rows sorted by class, as tables often are."""
    return [(text(number), f"class {number * classes // count}", f"a{number % 5}") for number in range(count)]


@pytest.fixture
def project(db):
    return create_project(name="Reviews", owner=None, question_text="About what?", kind="text")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 8)
    monkeypatch.setattr(table_reading, "BATCH", 10)
    monkeypatch.setattr(table_reading, "PAUSE", 0)


def imported(project, path, **given):
    source = ingesting.add_source(project, path, given=Given(**given))
    factories.work("scan", "ingest", "bursts", "known")
    return source


def numbers(project):
    return {int(start): content for start, content in Text.objects.values_list("sample__start", "content")}


def test_each_row_is_a_sample(project, tmp_path):
    imported(project, table(tmp_path / "reviews.csv", sorted_rows(50)))
    assert numbers(project) == {number + 1: text(number) for number in range(50)}
    assert set(Sample.objects.values_list("part", "end")) == {("row", None)}
    assert project.files.get().path == "reviews.csv"
    assert not TableReading.objects.exists()


def test_every_shard_is_a_fair_picture_of_a_sorted_table(project, tmp_path):
    imported(project, table(tmp_path / "reviews.csv", sorted_rows(64)), truth="column")
    sizes = [Sample.objects.filter(shard=shard).count() for shard in range(8)]
    assert sizes == [8] * 8
    for shard in range(8):
        truths = HiddenTruth.objects.filter(sample__shard=shard)
        assert truths.values("label_class").distinct().count() == 4
    # One of each eight that follow each other goes to each shard, and not always the first.
    assert [sorted(_turn(at, 8) for at in range(start, start + 8)) for start in (0, 8, 16)] == [list(range(8))] * 3
    assert len({_turn(at, 8) for at in range(0, 80, 8)}) > 1


def test_others_know_of_a_shard_when_it_is_whole(project, tmp_path, monkeypatch):
    seen = []

    def count(sender, project, shard, count, **kwargs):
        seen.append((shard, count, Sample.objects.filter(project=project).count()))

    table_reading.shard_known.connect(count)
    try:
        imported(project, table(tmp_path / "reviews.csv", sorted_rows(30)))
    finally:
        table_reading.shard_known.disconnect(count)
    assert [each[:2] for each in seen] == [(0, 8), (1, 8), (2, 7), (3, 7)]
    assert {all_of_them for *_rest, all_of_them in seen} == {30}


def test_a_reading_goes_on_where_it_was_broken_off(project, tmp_path, monkeypatch):
    """As after kill -9: what was written stays, and nothing is written twice."""
    ingesting.add_source(project, table(tmp_path / "reviews.csv", sorted_rows(50)))
    factories.work("scan")
    store, batches = storing.store, []

    def dying(*args, **kwargs):
        if len(batches) == 3:
            raise MemoryError
        batches.append(1)
        return store(*args, **kwargs)

    monkeypatch.setattr(storing, "store", dying)
    job = Job.objects.get(kind="ingest")
    jobs.run(job.pk, lambda kind: table_reading.read)
    assert Sample.objects.count() == 30
    assert TableReading.objects.get().done == 30
    monkeypatch.setattr(storing, "store", store)
    factories.work("ingest")
    assert numbers(project) == {number + 1: text(number) for number in range(50)}


def test_half_a_table_is_not_embedded(project, tmp_path, monkeypatch):
    from labeller.embedding import runs
    from labeller.embedding.models import EmbeddingRun

    run = EmbeddingRun.objects.create(project=project, featuriser="svd/0", fingerprint="0", dimension=1)
    ingesting.add_source(project, table(tmp_path / "reviews.csv", sorted_rows(50)))
    factories.work("scan")
    monkeypatch.setattr(table_reading, "_announce", lambda *args: 1 / 0)
    jobs.run(Job.objects.get(kind="ingest").pk, lambda kind: table_reading.read)
    assert Sample.objects.count() == 50
    assert runs.missing(run) == {}


def test_the_same_text_is_one_sample(project, tmp_path):
    rows = [("The same", "a"), ("the  Same?", "a"), ("The\u00a0 same ", "a"), ("Another", "b"), ("The same", "b")]
    source = imported(project, table(tmp_path / "reviews.csv", rows, ("text", "label")), labels="column")
    assert sorted(numbers(project)) == [1, 2, 4]
    first = Sample.objects.get(start=1)
    assert set(TextCopy.objects.values_list("original", "start")) == {(first.pk, 3.0), (first.pk, 5.0)}
    # Its own row says a, another of the same text says b: its own word stands, and that is told.
    source.refresh_from_db()
    report = source.known["labels"]
    assert [(each["kind"], each["n"]) for each in report["problems"]] == [("twins", 1)]
    assert Answer.objects.answered().count() == 3


def test_near_copies_are_folded_and_can_be_samples_again(project, tmp_path):
    body = "The contract ends on the last day of the month in which either party has given notice in writing. " * 4
    rows = [(f"{body} Signed in Paris.", "a"), (text(1), "b"), (f"{body} Signed in Rome.", "a"), (f"{body} Bonn.", "c")]
    path = table(tmp_path / "reviews.csv", rows, ("text", "label"))
    source = imported(project, path, truth="column")
    assert sorted(numbers(project)) == [1, 2]
    first = Sample.objects.get(start=1)
    assert set(TextCopy.objects.values_list("original", "start", "content")) == {
        (first.pk, 3.0, rows[2][0]),
        (first.pk, 4.0, rows[3][0]),
    }
    assert [truth.label_class.name for truth in HiddenTruth.objects.filter(sample=first)] == ["a"]
    made = copies.unfold(project, TextCopy.objects.filter(start=4).values_list("pk", flat=True))
    assert (made, sorted(numbers(project))) == (1, [1, 2, 4])
    assert Sample.objects.get(start=4).shard == 1
    # What comes later is compared with what is there, and a sample that was unfolded stays one.
    table(tmp_path / "reviews.csv", [*rows, (f"{body} Signed in Oslo.", "a")], ("text", "label"))
    ingesting.ask_for_scan(source)
    factories.work("scan", "ingest")
    assert sorted(numbers(project)) == [1, 2, 4]
    assert TextCopy.objects.filter(start=5).exists()


def test_groups_of_a_column_are_deployments(project, tmp_path):
    imported(project, table(tmp_path / "reviews.csv", sorted_rows(20)))
    assert set(Text.objects.values_list("deployment__name", flat=True)) == {f"a{number}" for number in range(5)}


def test_a_row_that_is_no_text_is_refused_by_its_number(project, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\ngood,a\nno\x00good,b\n   ,c\nmore,cells,than,columns\nfine,d\n" + "long,e\n" * 50)
    imported(project, path)
    assert numbers(project) == {1: "good", 5: "fine", 6: "long"}
    refused = {refusal.row: (refusal.path, refusal.reason) for refusal in Refusal.objects.all()}
    assert refused == {
        2: ("reviews.csv:2", "nul"),
        3: ("reviews.csv:3", "empty"),
        4: ("reviews.csv:4", "cells"),
    }
    ingesting.ask_for_scan(project.sources.get())
    factories.work("scan", "ingest")
    assert Refusal.objects.count() == 3  # another look forgets none of them


def test_a_table_that_changed_keeps_its_samples(project, tmp_path):
    """Rows that are said again are the same samples, wherever they are now; what went keeps its labels."""
    path = table(tmp_path / "reviews.csv", sorted_rows(30))
    source = imported(project, path)
    before = dict(Text.objects.values_list("content", "pk"))
    changed = [("a new first row", "new", "a9"), *sorted_rows(30)[:10], *sorted_rows(30)[11:], (text(77), "x", "a1")]
    table(path, changed)
    ingesting.ask_for_scan(source)
    factories.work("scan", "ingest")
    after = {content: (pk, start, end) for content, pk, start, end in
             Text.objects.values_list("content", "pk", "sample__start", "sample__end")}  # fmt: skip
    assert {content: pk for content, (pk, *_place) in after.items() if content in before} == before
    for number, (content, *_rest) in enumerate(changed, 1):
        assert after[content][1:] == (number, None), content
    gone = Sample.objects.get(pk=before[text(10)])
    assert gone.place == "row 11, in an earlier version"
    assert Sample.objects.count() == 32
    assert not TextCopy.objects.exists()


def test_a_table_that_cannot_be_read_is_said_so_at_once(project, tmp_path):
    with pytest.raises(FolderError):
        ingesting.add_source(project, tmp_path / "missing.csv")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(FolderError):
        ingesting.add_source(project, tmp_path / "numbers.csv")
    with pytest.raises(FolderError, match=r"https://example\.org"):
        ingesting.add_source(project, "https://example.org/reviews")


def test_a_photograph_project_takes_no_table(tmp_path):
    with pytest.raises(FolderError):
        ingesting.add_source(factories.project(), table(tmp_path / "reviews.csv", sorted_rows(3)))


def test_texts_are_found_by_words_and_their_beginnings(project, tmp_path):
    other = create_project(name="Other", owner=None, question_text="About what?", kind="text")
    rows = [("The crème brûlée was fine",), ("a fine day, by the sea",), ("SEAL and whale",), ("it’s 10% off!",)]
    imported(project, table(tmp_path / "reviews.csv", rows, ("text",)))
    imported(other, table(tmp_path / "others.csv", [("fine words of others",)], ("text",)))

    def found(words, limit=100):
        kept = Sample.objects.filter(pk__in=searching.search(project, words, limit))
        return sorted(int(start) for start in kept.values_list("start", flat=True))

    assert found("fine") == [1, 2]
    assert found("FINE day") == [2]
    assert found("sea") == [2]
    assert found("sea*") == [2, 3]
    assert found('"fine day"') == [2]
    assert found('"day fine"') == []
    assert found("10%") == [4]
    assert found("fine", limit=1) == [1]
    for nothing in ("", "%&", '"', "*", "AND", "' OR 1=1 --", "a\x00b"):
        assert found(nothing) in ([], [2], [3])
    Text.objects.filter(sample__start=1, project=project).update(content="changed")
    assert found("fine") == [2]
    Sample.objects.filter(start=2, project=project).delete()
    assert found("fine") == []
