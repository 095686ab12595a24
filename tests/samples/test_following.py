"""Labels follow photographs: renamed, moved, swapped, edited, deleted, and a whole folder that moved."""

import os
import shutil
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from labeller.embedding import loading, runs
from labeller.jobs.models import Job
from labeller.managing import opening
from labeller.projects.models import Project
from labeller.samples import deriving, following, ingesting, moving
from labeller.samples.models import File, Refusal, Sample
from labeller.samples.scanning import FolderError
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(foxes):
    return foxes.project


def take(project, folder):
    source = ingesting.add_source(project, folder)
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
    return dict(Sample.objects.filter(project=project).values_list("file__path", "pk"))


def refused(project):
    return dict(Refusal.objects.filter(project=project).values_list("path", "reason"))


def rename(folder, **pairs):
    """Give files other names, all at once: {old: new}, without the suffix."""
    for old in pairs:
        (folder / f"site/{old[1:]}.png").rename(folder / f"site/{old[1:]}.part")
    for old, new in pairs.items():
        (folder / f"site/{old[1:]}.part").rename(folder / f"site/{new}.png")


def test_a_renamed_file_keeps_its_sample_and_its_labels(project, foxes, folder, taken):
    sample = Sample.objects.select_related("file").get(file__path="site/1.png")
    label = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    (folder / "site/1.png").rename(folder / "site/2023-06-01.png")
    source = take(project, folder)
    label.refresh_from_db()
    assert label.sample.file.path == "site/2023-06-01.png" and label.sample_id == sample.pk
    assert Sample.objects.count() == 4 and not refused(project) and source.missing == 0


def test_a_file_moved_to_another_folder_belongs_to_that_deployment(project, folder, taken):
    (folder / "north").mkdir()
    (folder / "site/1.png").rename(folder / "north/1.png")
    take(project, folder)
    moved = File.objects.get(samples=taken["site/1.png"])
    assert (moved.path, moved.deployment.name) == ("north/1.png", "north") and moved.notes == []


@pytest.mark.parametrize("size", [512, 1])
@pytest.mark.parametrize(
    "pairs",
    [{"_0": "1", "_1": "0"}, {"_0": "1", "_1": "2", "_2": "3", "_3": "4"}, {"_0": "1", "_1": "2", "_2": "0"}],
    ids=["swapped", "shifted", "turned"],
)
def test_names_that_change_places_are_no_edits(project, folder, taken, pairs, size, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", size)
    rename(folder, **pairs)
    source = take(project, folder)
    expected = {f"site/{pairs.get(f'_{n}', n)}.png": taken[f"site/{n}.png"] for n in range(4)}
    assert ids(project) == expected and not refused(project) and source.missing == 0
    assert not File.objects.exclude(notes=[]).exists()


@pytest.mark.parametrize("size", [512, 1])
def test_a_new_file_under_the_old_name_of_a_renamed_one_is_a_new_sample(project, folder, taken, size, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", size)
    (folder / "site/1.png").rename(folder / "site/first card.png")
    photograph(folder / "site/1.png", 77, (20, 20))
    take(project, folder)
    found = ids(project)
    assert found["site/first card.png"] == taken["site/1.png"] and found["site/1.png"] not in taken.values()
    assert len(found) == 5 and not File.objects.exclude(notes=[]).exists()


@pytest.mark.parametrize("size", [512, 1])
def test_one_put_in_before_others_that_moved_up_marks_none_as_edited(project, folder, taken, size, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", size)
    rename(folder, _0="1", _1="2", _2="3", _3="4")
    photograph(folder / "site/0.png", 78, (20, 20))
    take(project, folder)
    found = ids(project)
    assert [found[f"site/{n + 1}.png"] for n in range(4)] == [taken[f"site/{n}.png"] for n in range(4)]
    assert len(found) == 5 and not File.objects.exclude(notes=[]).exists()


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
    monkeypatch.setattr(ingesting, "examine_file", None)  # no closer look is taken
    take(project, folder)
    assert File.objects.get(path="site/1.png").modified_ns == 5 and ids(project) == taken
    monkeypatch.setattr(following, "_digest", None)  # and from then on none at all
    take(project, folder)


def test_an_edited_file_keeps_its_labels_is_marked_and_embedded_again(project, foxes, folder, taken):
    factories.work("plan", "embed")
    run = runs.current_run(project)
    before = loading.load_embeddings(run)
    sample = Sample.objects.select_related("file").get(file__path="site/1.png")
    label = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    photograph(folder / "site/1.png", 55, (80, 90))
    take(project, folder)
    changed = File.objects.get(samples=sample)
    assert (changed.path, changed.width, changed.height) == ("site/1.png", 80, 90)
    assert changed.sha256 != sample.file.sha256 and changed.notes == [{"code": "changed", "parameters": {}}]
    assert deriving.picture(changed, 256).exists()
    label.refresh_from_db()
    assert label.sample.file == changed and label.is_current and ids(project) == taken
    factories.work("embed")
    after = loading.load_embeddings(run)
    is_other = np.any(before.vectors[:] != after.vectors[:], axis=1)
    assert after.ids.tolist() == before.ids.tolist() and after.ids[is_other].tolist() == [sample.pk]
    take(project, folder)
    assert File.objects.get(samples=sample).notes == [{"code": "changed", "parameters": {}}]


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
    assert len(loading.load_embeddings(runs.current_run(project)).ids) == 4


def test_what_was_refused_is_looked_at_once_more_by_a_version_that_reads_more(project, folder, taken, monkeypatch):
    (folder / "late.heic").write_bytes(b"no picture")
    take(project, folder)
    seen = []
    monkeypatch.setattr(ingesting, "examine_file", lambda *rest: seen.append(rest))
    take(project, folder)
    assert not seen
    monkeypatch.undo()
    photograph(folder / "other.png", 3)
    monkeypatch.setattr("labeller.samples.scanning.READER", 999)
    job_count = Job.objects.filter(kind="ingest").count()
    take(project, folder)
    last = Job.objects.filter(kind="ingest").order_by("pk").last()
    assert Job.objects.filter(kind="ingest").count() == job_count + 1 and last.total == 2


# --- a folder that moved --------------------------------------------------------------------------


@pytest.fixture
def moved(project, folder, taken):
    """Where the folder is now; one photograph was lost on the way."""
    new = folder.with_name("elsewhere")
    folder.rename(new)
    (new / "site/3.png").unlink()
    return new


def opened(folder, **options):
    project = opening.open_folder(folder, "nothing", **options)
    factories.work("scan", "ingest", "bursts")
    return project


def test_a_folder_that_moved_is_recognised_and_says_what_to_type(project, folder, moved):
    with pytest.raises(FolderError, match=f"MOVED_FROM={folder};.*MOVED_FROM=no"):
        opened(moved)
    assert Project.objects.count() == 1 and project.sources.get().path == str(folder)


def test_a_moved_folder_goes_on_as_the_same_project(project, folder, moved, taken, settings):
    settings.MOVED_FROM = str(folder)
    assert opened(moved) == project
    assert ids(project) == taken and project.sources.get().path == str(moved) and project.sources.get().missing == 1
    assert opened(moved) == project  # the knob may stay as it is
    settings.MOVED_FROM = ""
    assert opened(moved) == project
    photograph(moved / "new.png", 8)
    assert opened(moved) == project and "new.png" in ids(project)


def test_what_is_said_counts_though_a_new_project_was_begun_there_by_mistake(project, folder, moved, taken):
    assert opened(moved, moved_from="no") != project
    assert opened(moved, moved_from=str(folder)) == project and ids(project) == taken
    with pytest.raises(FolderError, match="No project uses the folder /never"):
        opened(photograph(folder / "1.png").parent, moved_from="/never")


@pytest.mark.parametrize(("answer", "projects"), [(True, 1), (False, 2)])
def test_who_sits_at_the_terminal_is_asked(project, folder, moved, answer, projects):
    asked = []
    made = opened(moved, ask=lambda question: asked.append(question) or answer)
    assert len(asked) == 1 and str(folder) in asked[0] and str(moved) in asked[0]
    assert Project.objects.count() == projects and (made == project) is answer


def test_without_a_move_nobody_is_asked(project, folder, taken, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    other = photograph(tmp_path / "other/site/1.png", 66).parent.parent
    assert moving.candidate(copy) is None and moving.candidate(other) is None
    shutil.rmtree(folder)
    assert moving.candidate(other) is None and moving.candidate(copy).project == project
    assert opened(copy, moved_from="no") != project


def test_the_command_moves_a_source_where_its_photographs_are(project, folder, moved, taken, tmp_path):
    with pytest.raises(CommandError, match=f"No project uses.*{folder}"):
        call_command("move_source", str(tmp_path / "never"), str(moved))
    with pytest.raises(CommandError, match="does not exist"):
        call_command("move_source", str(folder), str(tmp_path / "never"), "--anyway")
    other = photograph(tmp_path / "other/1.png", 66).parent
    with pytest.raises(CommandError, match="does not hold the photographs of foxes"):
        call_command("move_source", str(folder), str(other))
    call_command("move_source", str(folder), str(moved), stdout=StringIO())
    factories.work("scan", "ingest")
    assert ids(project) == taken and project.sources.get().path == str(moved)
