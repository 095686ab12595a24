"""From a folder to samples, derivatives and refusals."""

import errno
import io
import os
import shutil
from collections import namedtuple

import fsspec
import numpy as np
import pytest
from PIL import Image

from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.messages import sentence
from labeller.samples import deriving, ingesting, scanning
from labeller.samples.models import File, HiddenTruth, Refusal, Sample, Source
from labeller.samples.scanning import FolderError, check_folder
from tests import factories
from tests.factories import photograph
from tests.samples import nasty

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db):
    return factories.project(classes=())


def take(project, folder, *rest):
    """Import the folder up to the rows; embedding is another matter."""
    source = ingesting.add_source(project, folder, *rest)
    done = factories.work("scan", "ingest", "known")
    assert {job.state for job in done} <= {Job.State.DONE}, [job.error for job in done]
    return source


def paths(project):
    return set(File.objects.filter(project=project).values_list("path", flat=True))


def reasons(project):
    return dict(Refusal.objects.filter(project=project).values_list("path", "reason"))


# --- what becomes of each file --------------------------------------------------------------------


@pytest.fixture
def imported(project, folder):
    nasty.fill(folder)
    take(project, folder)
    return project


def test_every_file_becomes_a_sample_or_is_refused_with_its_reason(imported):
    sizes = dict(File.objects.values_list("path", "samples"))
    twin = {"a/twin.jpg", "z/twin.jpg"}
    assert len(twin & set(sizes)) == 1
    assert {path for path in sizes if path not in twin} == {path for path in nasty.TAKEN if path not in twin}
    refused = reasons(imported)
    (second,) = twin - set(sizes)
    assert refused.pop(second) == "duplicate"
    expected = dict(nasty.REFUSED)
    del expected["z/twin.jpg"]
    assert refused == expected


def test_the_size_is_that_of_the_upright_picture(imported):
    for file in File.objects.exclude(path__endswith="twin.jpg"):
        assert (file.width, file.height) == nasty.TAKEN[file.path], file.path


def test_each_sample_has_a_derivative_that_shows_the_right_pixels(imported):
    for file in File.objects.all():
        with Image.open(deriving.picture(file, 256)) as shown:
            assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", (file.width, file.height)), file.path
            assert not shown.getexif()
    turned = Image.open(deriving.picture(File.objects.get(path="turned.jpg"), 256))
    upright = factories.picture(4).transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(turned, int) - np.asarray(upright, int)).mean() < 6
    deep = np.asarray(Image.open(deriving.picture(File.objects.get(path="deep.png"), 256)).convert("L"), int)
    assert deep[0].mean() < 20 and deep[-1].mean() > 235


def test_a_refusal_says_in_a_sentence_what_is_wrong(imported):
    for refusal in Refusal.objects.all():
        assert refusal.detail, refusal
    assert "twin.jpg" in Refusal.objects.get(reason="duplicate").detail


def test_nothing_outside_the_folder_is_taken(imported):
    everything = paths(imported) | {path for path, reason in reasons(imported).items() if reason != "link"}
    assert not [path for path in everything if "secret" in path or "way-out" in path or "hidden" in path]
    assert "not followed" in sentence(Refusal.objects.get(path="secret.jpg").detail)


# --- again and again ------------------------------------------------------------------------------


def test_the_same_folder_again_imports_only_what_is_new(project, folder):
    photograph(folder / "one.jpg", 1)
    (folder / "broken.jpg").write_text("no")
    take(project, folder)
    before = [list(rows.objects.values()) for rows in (File, Sample, Refusal)]
    take(project, folder)
    assert [list(rows.objects.values()) for rows in (File, Sample, Refusal)] == before
    assert Job.objects.filter(kind="ingest").count() == 1
    photograph(folder / "two.jpg", 2)
    source = take(project, folder)
    assert paths(project) == {"one.jpg", "two.jpg"}
    assert Source.objects.get() == source
    assert Job.objects.filter(kind="ingest").order_by("pk").last().total == 1
    assert set(Sample.objects.values_list("shard", flat=True)) == {0, 1}


def test_a_file_that_was_mended_is_taken_on_the_next_run(project, folder):
    (folder / "late.jpg").touch()
    take(project, folder)
    assert reasons(project) == {"late.jpg": "empty"}
    photograph(folder / "late.jpg", 1)
    take(project, folder)
    assert (paths(project), reasons(project)) == ({"late.jpg"}, {})


def test_a_photograph_and_its_copy_in_another_project_are_both_taken(project, folder):
    photograph(folder / "one.jpg", 1)
    other = factories.project("other")
    take(project, folder)
    take(other, folder)
    assert paths(project) == paths(other) == {"one.jpg"}


def test_scanning_while_files_are_being_imported_does_not_queue_them_twice(project, folder):
    photograph(folder / "one.jpg", 1)
    ingesting.add_source(project, folder)
    factories.work("scan")
    ingesting.add_source(project, folder)
    factories.work("scan")
    assert Job.objects.filter(kind="ingest").count() == 1


def test_a_large_folder_is_cut_into_shards_spread_over_it(project, folder, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 8)
    for number in range(20):
        photograph(folder / f"{'night' if number < 10 else 'day'}/{number:02}.png", number, (4, 4))
    take(project, folder)
    by_shard = [set(Sample.objects.filter(shard=shard).values_list("file__path", flat=True)) for shard in range(3)]
    assert [len(each) for each in by_shard] == [8, 8, 4]
    assert {path.split("/")[0] for path in by_shard[0]} == {"night", "day"}
    assert {job.kind for job in Job.objects.filter(state="queued")} == {"plan", "bursts"}


# --- crashes --------------------------------------------------------------------------------------


def test_a_crash_in_the_middle_and_a_second_run_give_the_same_rows(project, folder, monkeypatch):
    nasty.fill(folder)
    ingesting.add_source(project, folder)
    factories.work("scan")
    job = Job.objects.get(kind="ingest")
    real, seen = ingesting.examine_file, []

    def dies(root, found, *_):
        if len(seen) == 5:
            raise MemoryError("out of the blue")
        seen.append(found)
        return real(root, found)

    monkeypatch.setattr(ingesting, "examine_file", dies)
    assert jobs.run(job.pk, registry.get)
    assert not Sample.objects.exists() and set(reasons(project).values()) == {"link", "missing"}  # as the scan saw them
    monkeypatch.setattr(ingesting, "examine_file", real)
    factories.work("ingest")
    rows = set(Sample.objects.values_list("file__path", "file__sha256", "shard")), reasons(project)
    again = factories.project("again", classes=())
    take(again, folder)
    assert rows == (
        set(Sample.objects.filter(project=again).values_list("file__path", "file__sha256", "shard")),
        reasons(again),
    )


def test_a_job_done_twice_changes_nothing(project, folder):
    nasty.fill(folder)
    take(project, folder)
    before = set(Sample.objects.values_list("pk", "file__path")), reasons(project)
    Job.objects.filter(kind="ingest").update(state="queued", attempts=0)
    factories.work("ingest")
    assert (set(Sample.objects.values_list("pk", "file__path")), reasons(project)) == before


def test_a_file_that_kills_its_worker_is_quarantined_at_the_third_attempt(project, folder, monkeypatch):
    for number in range(4):
        photograph(folder / f"{number}.jpg", number)
    ingesting.add_source(project, folder)
    factories.work("scan")
    job = Job.objects.get(kind="ingest")
    real = ingesting.examine_file

    class Killed(BaseException):
        """Stands for kill -9: nothing of the worker's own runs after it."""

    def deadly(root, found, *_):
        if found.path == "2.jpg":
            raise Killed
        return real(root, found)

    monkeypatch.setattr(ingesting, "examine_file", deadly)
    for _ in range(2):
        with pytest.raises(Killed):
            jobs.run(job.pk, registry.get)
        Job.objects.update(heartbeat_at="2020-01-01T00:00Z")
        jobs.sweep()
        Job.objects.update(not_before="2020-01-01T00:00Z")
    factories.work("ingest")
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert paths(project) == {"0.jpg", "1.jpg", "3.jpg"}
    assert reasons(project) == {"2.jpg": "crashed"}


# --- full disk ------------------------------------------------------------------------------------


def test_on_a_full_disk_importing_waits_and_nothing_is_half_written(project, folder, monkeypatch):
    photograph(folder / "one.jpg", 1)
    ingesting.add_source(project, folder)
    factories.work("scan")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10_000_000))
    assert jobs.run(Job.objects.get(kind="ingest").pk, registry.get)
    job = Job.objects.get(kind="ingest")
    assert job.state == Job.State.QUEUED and "10 MB are free" in sentence(job.message) and job.attempts == 0
    assert not Sample.objects.exists()


def test_a_disk_that_fills_up_while_writing_says_so(project, folder, monkeypatch):
    photograph(folder / "one.jpg", 1)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ingesting, "write_derivatives", full)
    with pytest.raises(ingesting.NoSpace):
        ingesting.examine_file(Source(project=project, path=str(folder)), next(scanning.walk(folder)))


# --- what names of folders say --------------------------------------------------------------------


def spell_out(folder):
    for number, name in enumerate(["fox/1.jpg", "fox/2.jpg", "Badger/night/3.jpg", "loose.jpg"]):
        photograph(folder / name, number)


def test_folders_as_hidden_truth(project, folder):
    spell_out(folder)
    take(project, folder, Source.Meaning.TRUTH)
    assert set(HiddenTruth.objects.values_list("sample__file__path", "label_class__name")) == {
        ("fox/1.jpg", "fox"),
        ("fox/2.jpg", "fox"),
        ("Badger/night/3.jpg", "Badger"),
    }
    assert len(paths(project)) == 4
    assert not Label.objects.exists()


def test_folders_as_labels(project, folder):
    spell_out(folder)
    take(project, folder, Source.Meaning.LABELS)
    stored = Label.objects.values_list("sample__file__path", "classes__name", "annotator", "mode", "is_current")
    assert set(stored) == {
        ("fox/1.jpg", "fox", None, "import", True),
        ("fox/2.jpg", "fox", None, "import", True),
        ("Badger/night/3.jpg", "Badger", None, "import", True),
    }
    assert not HiddenTruth.objects.exists()
    take(project, folder, Source.Meaning.LABELS)
    assert Label.objects.count() == 3


def test_classes_come_in_alphabetical_order_and_join_those_there_are(folder):
    project = factories.project(classes=["FOX"])
    spell_out(folder)
    take(project, folder, Source.Meaning.TRUTH)
    assert list(project.first_question.classes.values_list("name", flat=True)) == ["FOX", "Badger"]


@pytest.mark.parametrize("meaning", [Source.Meaning.TRUTH, Source.Meaning.LABELS])
def test_odd_names_of_folders_are_class_names_too(project, folder, meaning):
    for number, name in enumerate(["red  fox/1.jpg", "red fox /2.jpg", "Érable/3.jpg", "=1+1/4.jpg"]):
        photograph(folder / name, number)
    take(project, folder, meaning)
    assert set(project.first_question.classes.values_list("name", flat=True)) == {"red fox", "Érable", "=1+1"}
    counted = HiddenTruth if meaning == Source.Meaning.TRUTH else Label
    assert counted.objects.count() == 4


def test_truth_from_a_csv(project, folder, tmp_path):
    spell_out(folder)
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "\ufeffclass,path,note\nred  deer,loose.jpg,\nfox,fox/1.jpg,x\n,fox/2.jpg,\n"
        " \t,Badger/night/3.jpg,\nx,gone.jpg,\n"
    )
    take(project, folder, Source.Meaning.TRUTH, str(truth))
    assert set(HiddenTruth.objects.values_list("sample__file__path", "label_class__name")) == {
        ("fox/1.jpg", "fox"),
        ("loose.jpg", "red deer"),
    }
    assert len(paths(project)) == 4


# --- folders that cannot be used ------------------------------------------------------------------


def test_a_folder_that_cannot_be_used_is_refused_in_one_line(project, folder, tmp_path):
    (file := tmp_path / "file").write_text("x")
    only_hidden = tmp_path / "only-hidden"
    only_hidden.mkdir()
    (only_hidden / ".DS_Store").touch()
    for path, words in (
        (tmp_path / "missing", "does not exist"),
        (file, "not a folder"),
        (folder, "no files"),
        (only_hidden, "no files"),
    ):
        with pytest.raises(FolderError, match=words) as raised:
            ingesting.add_source(project, path)
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
    assert not Source.objects.exists() and not Job.objects.exists()


@pytest.fixture
def bucket(settings):
    """A folder in an object store that may be imported."""
    settings.IMAGE_URLS = ["memory://season"]
    store = fsspec.filesystem("memory")
    for name, seed in (("fox/1.png", 1), ("fox/2.png", 2), (".hidden/3.png", 3), ("badger/broken.png", None)):
        buffer = io.BytesIO()
        factories.picture(seed or 0).save(buffer, format="PNG")
        store.pipe_file(f"/season/{name}", buffer.getvalue() if seed else buffer.getvalue()[:60])
    yield store
    store.rm("/season", recursive=True)


def test_a_folder_in_an_object_store_is_imported_like_any_other(project, bucket):
    source = take(project, "memory://season/", Source.Meaning.TRUTH)
    assert source.path == "memory://season" and source.location("fox/1.png") == "memory://season/fox/1.png"
    assert (paths(project), reasons(project)) == ({"fox/1.png", "fox/2.png"}, {"badger/broken.png": "truncated"})
    assert set(HiddenTruth.objects.values_list("label_class__name", flat=True)) == {"fox"}
    assert take(project, "memory://season") == source
    assert Sample.objects.count() == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://elsewhere", "IMAGE_URLS"),
        ("memory://season-2", "IMAGE_URLS"),
        ("memory://season/none", "holds no files"),
        ("http://169.254.169.254/latest", "IMAGE_URLS"),
    ],
)
def test_an_object_store_is_read_only_where_the_operator_says_so(project, bucket, url, words):
    with pytest.raises(FolderError, match=words):
        ingesting.add_source(project, url)


def test_an_object_store_that_cannot_be_used_is_named_with_the_remedy(project, settings):
    settings.IMAGE_URLS = ["gs://season"]
    with pytest.raises(FolderError, match=r"gs://season cannot be read: .*pip install gcsfs"):
        ingesting.add_source(project, "gs://season")


def test_an_unreadable_folder_is_refused_in_one_line(folder, monkeypatch):
    photograph(folder / "one.jpg")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FolderError, match="cannot be read"):
        check_folder(folder)


def test_a_folder_that_disappears_before_the_scan_fails_with_the_reason(project, folder):
    photograph(folder / "one.jpg")
    ingesting.add_source(project, folder)
    shutil.rmtree(folder)
    factories.work("scan")
    job = Job.objects.get(kind="scan")
    assert job.state == Job.State.FAILED and "does not exist" in sentence(job.error)
