"""Labels follow photographs: renamed, moved, swapped, edited, deleted, and a whole folder that moved."""

import os
import shutil

import numpy as np
import pytest

from labeller.jobs.models import Job
from labeller.learning import embedding, fitting
from labeller.samples import following, services
from labeller.samples.models import Refusal, Sample
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(foxes):
    return foxes.project


def take(project, folder):
    source = services.add_source(project, folder)
    done = factories.work("scan", "ingest", "bursts")
    assert {job.state for job in done} <= {Job.State.DONE}, [job.error for job in done]
    source.refresh_from_db()
    return source


@pytest.fixture
def taken(project, folder):
    """Four photographs, imported; {path: id}."""
    for number in range(4):
        photograph(folder / f"site/{number}.png", number, (64, 48 + number))
    take(project, folder)
    return ids(project)


def ids(project):
    return dict(Sample.objects.filter(project=project).values_list("path", "pk"))


def refused(project):
    return dict(Refusal.objects.filter(project=project).values_list("path", "reason"))


def rename(folder, **pairs):
    """Give files other names, all at once: {old: new}, without the suffix."""
    for old in pairs:
        (folder / f"site/{old[1:]}.png").rename(folder / f"site/{old[1:]}.part")
    for old, new in pairs.items():
        (folder / f"site/{old[1:]}.part").rename(folder / f"site/{new}.png")


def test_a_renamed_file_keeps_its_sample_and_its_labels(project, foxes, folder, taken):
    sample = Sample.objects.get(path="site/1.png")
    label = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    (folder / "site/1.png").rename(folder / "site/2023-06-01.png")
    source = take(project, folder)
    label.refresh_from_db()
    assert label.sample.path == "site/2023-06-01.png" and label.sample_id == sample.pk
    assert Sample.objects.count() == 4 and not refused(project) and source.missing == 0


def test_a_file_moved_to_another_folder_belongs_to_that_deployment(project, folder, taken):
    (folder / "north").mkdir()
    (folder / "site/1.png").rename(folder / "north/1.png")
    take(project, folder)
    moved = Sample.objects.get(pk=taken["site/1.png"])
    assert (moved.path, moved.deployment.name) == ("north/1.png", "north") and moved.notes == []


@pytest.mark.parametrize("size", [512, 1])
@pytest.mark.parametrize(
    "pairs",
    [{"_0": "1", "_1": "0"}, {"_0": "1", "_1": "2", "_2": "3", "_3": "4"}, {"_0": "1", "_1": "2", "_2": "0"}],
    ids=["swapped", "shifted", "turned"],
)
def test_names_that_change_places_are_no_edits(project, folder, taken, pairs, size, monkeypatch):
    monkeypatch.setattr(services, "SHARD_SIZE", size)
    rename(folder, **pairs)
    source = take(project, folder)
    expected = {f"site/{pairs.get(f'_{n}', n)}.png": taken[f"site/{n}.png"] for n in range(4)}
    assert ids(project) == expected and not refused(project) and source.missing == 0
    assert not Sample.objects.exclude(notes=[]).exists()


@pytest.mark.parametrize("size", [512, 1])
def test_a_new_file_under_the_old_name_of_a_renamed_one_is_a_new_sample(project, folder, taken, size, monkeypatch):
    monkeypatch.setattr(services, "SHARD_SIZE", size)
    (folder / "site/1.png").rename(folder / "site/first card.png")
    photograph(folder / "site/1.png", 77, (20, 20))
    take(project, folder)
    found = ids(project)
    assert found["site/first card.png"] == taken["site/1.png"] and found["site/1.png"] not in taken.values()
    assert len(found) == 5 and not Sample.objects.exclude(notes=[]).exists()


@pytest.mark.parametrize("size", [512, 1])
def test_one_put_in_before_others_that_moved_up_marks_none_as_edited(project, folder, taken, size, monkeypatch):
    monkeypatch.setattr(services, "SHARD_SIZE", size)
    rename(folder, _0="1", _1="2", _2="3", _3="4")
    photograph(folder / "site/0.png", 78, (20, 20))
    take(project, folder)
    found = ids(project)
    assert [found[f"site/{n + 1}.png"] for n in range(4)] == [taken[f"site/{n}.png"] for n in range(4)]
    assert len(found) == 5 and not Sample.objects.exclude(notes=[]).exists()


def test_a_copy_is_a_duplicate_until_the_original_is_gone(project, folder, taken):
    shutil.copy(folder / "site/1.png", folder / "site/copy.png")
    take(project, folder)
    assert ids(project) == taken and refused(project) == {"site/copy.png": "duplicate"}
    (folder / "site/1.png").unlink()
    source = take(project, folder)
    assert ids(project)["site/copy.png"] == taken["site/1.png"] and not refused(project) and source.missing == 0


def test_a_deleted_file_keeps_its_sample_and_is_counted(project, folder, taken):
    (folder / "site/1.png").unlink()
    assert take(project, folder).missing == 1
    assert ids(project) == taken
    photograph(folder / "site/1.png", 1, (64, 49))
    assert take(project, folder).missing == 0


def test_a_file_written_anew_with_the_same_content_has_not_changed(project, folder, taken, monkeypatch):
    os.utime(folder / "site/1.png", ns=(5, 5))
    monkeypatch.setattr(services, "examine_file", None)  # no closer look is taken
    take(project, folder)
    assert Sample.objects.get(path="site/1.png").modified_ns == 5 and ids(project) == taken
    monkeypatch.setattr(following, "_digest", None)  # and from then on none at all
    take(project, folder)


def test_an_edited_file_keeps_its_labels_is_marked_and_embedded_again(project, foxes, folder, taken):
    factories.work("plan", "embed")
    run = embedding.current_run(project)
    before = fitting.load_embeddings(run)
    sample = Sample.objects.get(path="site/1.png")
    label = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    photograph(folder / "site/1.png", 55, (80, 90))
    take(project, folder)
    changed = Sample.objects.get(pk=sample.pk)
    assert (changed.path, changed.width, changed.height) == ("site/1.png", 80, 90)
    assert changed.sha256 != sample.sha256 and changed.notes == [{"code": "changed"}]
    assert services.derivative(changed, 256).exists()
    label.refresh_from_db()
    assert label.sample == changed and label.is_current and ids(project) == taken
    factories.work("embed")
    after = fitting.load_embeddings(run)
    is_other = np.any(before.vectors[:] != after.vectors[:], axis=1)
    assert after.ids.tolist() == before.ids.tolist() and after.ids[is_other].tolist() == [sample.pk]
    take(project, folder)
    assert Sample.objects.get(pk=sample.pk).notes == [{"code": "changed"}]


def test_a_file_that_became_a_copy_of_another_is_told_once(project, folder, taken):
    shutil.copy(folder / "site/1.png", folder / "site/2.png")
    take(project, folder)
    assert ids(project) == taken and refused(project) == {"site/2.png": "duplicate"}
    jobs_before = Job.objects.filter(kind="ingest").count()
    take(project, folder)
    assert Job.objects.filter(kind="ingest").count() == jobs_before


def test_a_file_damaged_since_keeps_its_sample_and_is_told(project, folder, taken):
    (folder / "site/2.png").write_bytes((folder / "site/2.png").read_bytes()[:60])
    take(project, folder)
    assert ids(project) == taken and refused(project) == {"site/2.png": "truncated"}
    photograph(folder / "site/2.png", 2, (64, 50))
    take(project, folder)
    assert ids(project) == taken and not refused(project)


def test_a_photograph_that_was_away_when_it_was_to_be_embedded_gets_its_vector(project, folder, taken):
    (folder / "site/2.png").rename(folder / "away.part")
    factories.work("plan", "embed")
    assert refused(project) == {"site/2.png": "missing"}
    (folder / "away.part").rename(folder / "site/2 again.png")
    take(project, folder)
    factories.work("embed")
    assert ids(project)["site/2 again.png"] == taken["site/2.png"] and not refused(project)
    assert len(fitting.load_embeddings(embedding.current_run(project)).ids) == 4


def test_what_was_refused_is_looked_at_once_more_by_a_version_that_reads_more(project, folder, taken, monkeypatch):
    (folder / "late.heic").write_bytes(b"no picture")
    take(project, folder)
    seen = []
    monkeypatch.setattr(services, "examine_file", lambda *rest: seen.append(rest))
    take(project, folder)
    assert not seen
    monkeypatch.undo()
    photograph(folder / "other.png", 3)
    monkeypatch.setattr("labeller.samples.scanning.READER", 999)
    job_count = Job.objects.filter(kind="ingest").count()
    take(project, folder)
    last = Job.objects.filter(kind="ingest").order_by("pk").last()
    assert Job.objects.filter(kind="ingest").count() == job_count + 1 and last.total == 2
