"""Boxes of photographs are samples: made once, embedded, asked, labelled and exported like any other."""

import csv
import io
import math

import pytest

from labeller.annotating.handing import bursts
from labeller.annotating.holding import Wanted
from labeller.embedding import deriving, loading, runs
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning import asking
from labeller.samples import ingesting, parts
from labeller.samples.models import File, Refusal, Sample
from tests import factories

pytestmark = pytest.mark.django_db
CORNER, MIDDLE = (0.5, 0.0, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5)


@pytest.fixture
def files(foxes, folder):
    """Three photographs, imported and embedded."""
    for number in range(3):
        factories.photograph(folder / f"{number}.png", number)
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed")
    return list(File.objects.order_by("path"))


def places(ids):
    found = Sample.objects.in_bulk(ids)
    return [(found[pk].file_id, found[pk].box) for pk in ids]


def test_the_same_box_is_the_same_sample_however_often_it_comes(foxes, files):
    one, two, _ = files
    wanted = [(one.pk, CORNER), (two.pk, CORNER), (one.pk, MIDDLE), (one.pk, CORNER)]
    first = parts.add_boxes(foxes.project, wanted)
    assert places(first) == wanted and first[0] == first[3] and len(set(first)) == 3
    assert parts.add_boxes(foxes.project, wanted[::-1]) == first[::-1]
    near = (0.5 + 1e-9, 0.0, 0.5, 0.5 - 1e-9)
    assert parts.add_boxes(foxes.project, [(one.pk, near)]) == first[:1]
    assert Sample.objects.count() == tallies.samples(foxes.project) == 6
    assert not tallies.recount(foxes.project)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((-0.1, 0.9, 0.3, 0.3), (0.0, 0.9, 0.2, 0.1)),
        ((0, 0, 1, 1), (0.0, 0.0, 1.0, 1.0)),
        ((1 / 3, 1 / 3, 2 / 3 + 1e-7, 2 / 3), (0.333333, 0.333333, 0.666667, 0.666667)),
    ],
)
def test_a_box_ends_where_its_picture_does(foxes, files, given, kept):
    (pk,) = parts.add_boxes(foxes.project, [(files[0].pk, given)])
    assert places([pk]) == [(files[0].pk, kept)]


@pytest.mark.parametrize("box", [(0.5, 0.5, 0, 0.1), (1.2, 0, 0.1, 0.1), (math.nan, 0, 1, 1), (0.5, 0, -0.2, 1)])
def test_a_box_of_nothing_is_refused(foxes, files, box):
    with pytest.raises(ValueError, match="box"):
        parts.add_boxes(foxes.project, [(files[0].pk, box)])
    assert Sample.objects.count() == 3


def test_boxes_are_of_the_projects_own_pictures(foxes, files):
    with pytest.raises(ValueError, match="no such pictures"):
        parts.add_boxes(factories.project("bears"), [(files[0].pk, CORNER)])
    File.objects.filter(pk=files[0].pk).update(kind="text")
    with pytest.raises(ValueError, match="no such pictures"):
        parts.add_boxes(foxes.project, [(files[0].pk, CORNER)])


def test_the_last_shard_is_filled_and_embedded_anew_and_then_others_begin(foxes, files, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 4)
    before = dict(EmbeddingShard.objects.values_list("number", "embedded"))
    boxes = [(files[0].pk, (0.0, 0.0, 0.1 * (number + 1), 1.0)) for number in range(6)]
    made = parts.add_boxes(foxes.project, boxes)
    assert before == {0: 3}
    assert [each.shard for each in Sample.objects.filter(pk__in=made).order_by("box_width")] == [0, 1, 1, 1, 1, 2]
    factories.work("embed")
    assert dict(EmbeddingShard.objects.values_list("number", "embedded")) == {0: 4, 1: 4, 2: 1}
    embedded = loading.load_embeddings(runs.current_run(foxes.project))
    assert sorted(embedded.ids.tolist()) == sorted(Sample.objects.values_list("pk", flat=True))
    queued = Job.objects.filter(kind="ingest").count()
    factories.photograph(files[0].source.folder / "late.png", 9)
    ingesting.add_source(foxes.project, files[0].source.folder)
    factories.work("scan", "ingest")
    assert Job.objects.filter(kind="ingest").count() == queued + 1
    assert Sample.objects.get(file__path="late.png").shard == 3


def test_a_box_that_cannot_be_read_any_more_is_told_of_its_file(foxes, files):
    (files[1].source.folder / "1.png").write_bytes(b"")
    (pk,) = parts.add_boxes(foxes.project, [(files[1].pk, CORNER)])
    factories.work("embed")
    assert pk not in loading.load_embeddings(runs.current_run(foxes.project)).ids
    assert Refusal.objects.values_list("path", "reason").get() == ("1.png", "empty")


def test_a_box_is_asked_labelled_and_exported_like_any_sample(client, foxes, files):
    boxed = parts.add_boxes(foxes.project, [(each.pk, CORNER) for each in files])
    factories.work("embed")
    wholes = list(Sample.objects.filter(part="whole").order_by("file__path"))
    for sample, name in zip(wholes, ("fox", "badger", "fox"), strict=True):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    handed = bursts.next_batch(foxes.bo, foxes.question, Wanted(10)).assignments
    assert {each.sample_id for each in handed} == set(boxed)
    factories.label(foxes.question, handed[0].sample, foxes.bo, foxes.class_id("empty"))
    client.force_login(foxes.mia)
    said = [(row["path"], row["part"], row["classes"]) for row in download(client, "labels")]
    own = (handed[0].sample.file.path, "box 0.5 0 0.5 0.5", "empty")
    assert said == [("0.png", "", "fox"), ("1.png", "", "badger"), ("2.png", "", "fox"), own]
    predicted = {(row["path"], row["part"]): row["labelled_class"] for row in download(client, "predictions")}
    assert len(predicted) == 6 and predicted[own[:2]] == "empty" and predicted[own[0], ""] in {"fox", "badger"}


def download(client, name):
    answer = client.get(f"/projects/foxes/export/{name}.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_a_table_of_ours_says_nothing_of_wholes_where_it_is_of_parts(client, foxes, files, tmp_path):
    (pk,) = parts.add_boxes(foxes.project, [(files[0].pk, CORNER)])
    factories.label(foxes.question, Sample.objects.get(pk=pk), foxes.ana, foxes.class_id("fox"))
    client.force_login(foxes.mia)
    table = tmp_path / "labels.csv"
    table.write_bytes(b"".join(client.get("/projects/foxes/export/labels.csv").streaming_content))
    source = ingesting.add_source(foxes.project, files[0].source.folder, "labels", str(table))
    factories.work("scan", "known")
    source.refresh_from_db()
    assert foxes.question.labels.count() == 1
    assert [(each["kind"], each["n"]) for each in source.known["labels"]["problems"]] == [("of-part", 1)]


def test_bursts_are_of_whole_frames(foxes, files):
    factories.work("bursts")
    (pk,) = parts.add_boxes(foxes.project, [(files[0].pk, CORNER)])
    sample = Sample.objects.select_related("file").get(pk=pk)
    sample.file.sequence_id = 7
    assert sample.sequence_id is None and Sample(file=sample.file).sequence_id == 7


def test_whitened_embeddings_follow_a_shard_that_grows(foxes, files):
    whitened = deriving.whiten(runs.current_run(foxes.project), 2)
    runs.enqueue(whitened, runs.missing(whitened))
    factories.work("embed")
    EmbeddingRun.objects.filter(pk=whitened.base_id).update(indexed=1)  # unasked, PostgreSQL lists it last from now on
    parts.add_boxes(foxes.project, [(files[0].pk, CORNER), (files[1].pk, CORNER)])
    factories.work("embed")
    for run in (whitened.base, whitened):
        assert len(loading.load_embeddings(run).ids) == 5 and run.shards.get().embedded == 5
