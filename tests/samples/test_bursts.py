"""Deployments from folders, sequences from capture times: whatever the order in which shards arrive."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db.models import Count
from PIL import Image

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import rounds
from labeller.projects.models import Project
from labeller.samples import bursts, ingesting
from labeller.samples.models import Deployment, File, Sequence, Source
from tests import factories
from tl_core.query import planning

pytestmark = pytest.mark.django_db
START = datetime(2024, 6, 1, 22, 0, tzinfo=UTC)
Meaning = Source.Meaning


@pytest.fixture
def project(db, monkeypatch):
    monkeypatch.setattr(bursts, "DEBOUNCE", 0.0)
    return factories.project(classes=())


def source(project, path="/nowhere/season", meaning=Meaning.NOTHING):
    fields = {} if meaning == Meaning.NOTHING else {f"{meaning}_from": "folders"}
    return Source.objects.get_or_create(project=project, path=path, defaults=fields)[0]


_numbers = itertools.count()


def frames(of, folder, *seconds):
    """Samples of files in that folder, taken so many seconds after the start (None = no capture time)."""
    made = []
    for second in seconds:
        number = next(_numbers)
        name = f"IMG_{number:05}.jpg"
        made.append(
            File(
                project=of.project,
                source=of,
                path=f"{folder}/{name}" if folder else name,
                sha256=f"{number:064x}",
                bytes=1,
                modified_ns=0,
                width=4,
                height=3,
                clock_time=None if second is None else START + timedelta(seconds=second),
            )
        )
    return factories.wholes(made)


def group(project):
    bursts.regroup(project)
    (job,) = factories.work("bursts")
    assert job.state == Job.State.DONE, job.error
    return job


def grouped(project):
    """Seconds after the start of the frames of every sequence, in the order of time."""
    found = {}
    rows = File.objects.filter(project=project, sequence__isnull=False).order_by("taken_at")
    for sequence, taken_at in rows.values_list("sequence", "taken_at"):
        found.setdefault(sequence, []).append(int((taken_at - START).total_seconds()))
    starts = dict(Sequence.objects.filter(deployment__project=project).values_list("pk", "started_at"))
    assert starts == {pk: START + timedelta(seconds=seconds[0]) for pk, seconds in found.items()}
    return sorted(found.values())


def names(project):
    """Which deployment the files of each folder have."""
    rows = File.objects.filter(project=project).values_list("source__path", "path", "deployment__name")
    return {(path, name.rpartition("/")[0], deployment) for path, name, deployment in rows}


# --- sequences ------------------------------------------------------------------------------------


def test_frames_at_most_the_gap_apart_are_a_sequence_and_a_single_one_is_none(project):
    frames(source(project), "north", 0, 60, 120, 181, 500, 501)
    group(project)
    assert grouped(project) == [[0, 60, 120], [500, 501]]
    assert File.objects.filter(sequence=None).count() == 1


def test_a_frame_without_a_time_has_a_deployment_and_no_sequence(project):
    made = frames(source(project), "north", None, None, 5)
    group(project)
    assert not grouped(project)
    assert File.objects.filter(samples__in=made, deployment__name="north").count() == 3


def test_cameras_that_fire_at_the_same_moment_have_sequences_of_their_own(project):
    for folder in ("north", "south"):
        frames(source(project), folder, 0, 1)
    group(project)
    assert grouped(project) == [[0, 1], [0, 1]]
    assert set(Sequence.objects.values_list("deployment__name", flat=True)) == {"north", "south"}


def test_what_a_camera_takes_without_end_is_cut_into_parts_that_can_be_decided_at_once(project):
    frames(source(project), "north", *range(0, 70 * 30, 30))
    group(project)
    assert [len(each) for each in grouped(project)] == [23, 23, 24]
    assert list(itertools.chain(*grouped(project))) == list(range(0, 70 * 30, 30))


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_makes_no_difference(project, seed):
    rng = random.Random(seed)
    seconds = rng.sample(range(4000), 60)
    of = source(project)
    for start in range(0, 60, 15):
        frames(of, "north", *seconds[start : start + 15])
        group(project)
    arrived = grouped(project)
    other = factories.project("again", classes=())
    frames(source(other), "north", *seconds)
    group(other)
    assert arrived == grouped(other)


def test_a_frame_that_comes_later_joins_extends_and_bridges(project):
    of = source(project)
    frames(of, "north", 0, 50, 200, 250)
    group(project)
    first = Sequence.objects.order_by("started_at").first()
    frames(of, "north", -30, 20, 300)  # extends to the front, joins, extends to the back
    group(project)
    assert grouped(project) == [[-30, 0, 20, 50], [200, 250, 300]]
    frames(of, "north", 100, 150)
    group(project)
    assert grouped(project) == [[-30, 0, 20, 50, 100, 150, 200, 250, 300]]
    assert Sequence.objects.get().pk == first.pk  # the older one goes on


def test_grouping_again_changes_nothing(project):
    frames(source(project), "north", 0, 10, 20, 500)
    group(project)
    before = list(File.objects.values_list("pk", "deployment", "sequence"))
    Job.objects.all().delete()  # not even where all is looked at again
    group(project)
    assert list(File.objects.values_list("pk", "deployment", "sequence")) == before


def test_only_deployments_with_new_samples_are_looked_at(project, monkeypatch):
    of = source(project)
    for folder in ("north", "south", "west"):
        frames(of, folder, 0, 10)
    group(project)
    frames(of, "south", 20)
    looked = []
    real = bursts._frames
    monkeypatch.setattr(bursts, "_frames", lambda of, clock, new: looked.append(of.pk) or real(of, clock, new))
    group(project)
    assert looked == [Deployment.objects.get(name="south").pk]


def test_a_job_that_died_halfway_is_done_again(project, monkeypatch):
    monkeypatch.setattr(bursts, "CHUNK", 4)
    frames(source(project), "north", *(second for burst in range(5) for second in (burst * 100, burst * 100 + 1)))
    real, written = bursts._write, []

    def dies(*args):
        if len(written) == 1:
            raise SystemError("out of the blue")
        written.append(args)
        real(*args)

    monkeypatch.setattr(bursts, "_write", dies)
    job = bursts.regroup(project)
    assert jobs.run(job.pk, lambda kind: bursts.group)
    assert File.objects.filter(deployment=None).count() == 6
    monkeypatch.setattr(bursts, "_write", real)
    factories.work("bursts")
    assert grouped(project) == [[burst * 100, burst * 100 + 1] for burst in range(5)]


# --- another gap ----------------------------------------------------------------------------------


def test_another_gap_groups_anew(project):
    frames(source(project), "north", 0, 10, 100, 110, 400)
    group(project)
    for gap, expected in (
        (100, [[0, 10, 100, 110]]),
        (60, [[0, 10], [100, 110]]),
        (0, []),
        (300, [[0, 10, 100, 110, 400]]),
    ):
        Project.objects.filter(pk=project.pk).update(burst_gap=gap)
        group(project)
        assert grouped(project) == expected


def test_another_gap_is_not_forgotten_where_its_job_was(project):
    frames(source(project), "north", 0, 10)
    frames(source(project), "south", 0, 100)
    group(project)
    Project.objects.filter(pk=project.pk).update(burst_gap=100)
    bursts.regroup(project)
    Job.objects.filter(state=Job.State.QUEUED).update(state=Job.State.CANCELLED)
    frames(source(project), "north", 20)
    group(project)
    assert grouped(project) == [[0, 10, 20], [0, 100]]


def test_a_gap_that_was_tried_and_taken_back_leaves_no_trace(project, monkeypatch):
    monkeypatch.setattr(bursts, "CHUNK", 2)
    of = source(project)
    frames(of, "north", 0, 10, 100, 110, 1000, 1100)
    group(project)
    Project.objects.filter(pk=project.pk).update(burst_gap=100)
    real = bursts._write
    monkeypatch.setattr(bursts, "_write", lambda *args: real(*args) or Job.objects.update(state="cancelled"))
    bursts.regroup(project)
    jobs.run(Job.objects.get(state="queued").pk, lambda kind: _with_reports(bursts.group))
    monkeypatch.setattr(bursts, "_write", real)
    assert Sequence.objects.annotate(n=Count("files")).filter(n=4).exists()
    Project.objects.filter(pk=project.pk).update(burst_gap=60)
    group(project)
    assert grouped(project) == [[0, 10], [100, 110]]


def _with_reports(handle):
    """Let every report reach the database, as the slow ones do."""

    def run(progress):
        progress.MIN_INTERVAL = 0.0
        handle(progress)

    return run


# --- deployments ----------------------------------------------------------------------------------


def test_a_deployment_is_the_folder_and_the_top_one_is_named_after_the_source(project):
    of = source(project, "/data/season")
    for folder in ("north", "north/100EK113", ""):
        frames(of, folder, None)
    group(project)
    assert {deployment for *_, deployment in names(project)} == {"north", "north/100EK113", "season"}


def test_folders_of_one_name_in_two_sources_are_two_deployments(project):
    for path in ("/a/cam1", "/b/cam1", "/a/cam2"):
        frames(source(project, path), "DCIM/100MEDIA", 0, 1)
    group(project)
    for path in ("/a/cam1", "/b/cam1", "/a/cam2"):  # and stay so when more comes
        frames(source(project, path), "DCIM/100MEDIA", 2)
    group(project)
    assert grouped(project) == [[0, 1, 2]] * 3
    assert names(project) == {
        ("/a/cam1", "DCIM/100MEDIA", "DCIM/100MEDIA"),
        ("/b/cam1", "DCIM/100MEDIA", "cam1/DCIM/100MEDIA"),
        ("/a/cam2", "DCIM/100MEDIA", "cam2/DCIM/100MEDIA"),
    }


def test_names_that_are_too_long_or_used_up_still_name_each_folder_apart(project):
    long = "x" * 600
    for path in ("/a/s", "/b/s", "/c/s"):
        for folder in (f"{long}/1", f"{long}/2", ""):
            frames(source(project, path), folder, None)
    group(project)
    assert len({deployment for *_, deployment in names(project)}) == 9
    assert Deployment.objects.count() == 9


def test_another_projects_deployments_are_left_alone(project):
    other = factories.project("others", classes=())
    for each in (project, other):
        frames(source(each), "north", 0, 1)
    group(project)
    assert not grouped(other) and File.objects.filter(project=other, deployment=None).count() == 2
    group(other)
    assert Deployment.objects.filter(name="north").count() == 2


@pytest.mark.parametrize("meaning", [Meaning.TRUTH, Meaning.LABELS])
def test_where_folders_are_the_answer_no_deployment_tells_it(project, meaning):
    of = source(project, "/data/animals", meaning)
    frames(of, "fox", 0, 1, 30)
    frames(of, "badger", 2, 3)
    group(project)
    assert {deployment for *_, deployment in names(project)} == {"animals"}
    assert grouped(project) == [[0, 1, 30], [2, 3]]  # times and folder must agree
    frames(of, "badger", 4)
    group(project)
    assert grouped(project) == [[0, 1, 30], [2, 3, 4]]


# --- when it is done ------------------------------------------------------------------------------


def test_each_shard_asks_for_it_and_one_job_serves_them_all(project, folder, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 3)
    for number in range(9):
        taken = (START + timedelta(seconds=number)).strftime("%Y:%m:%d %H:%M:%S")
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = taken
        factories.photograph(folder / f"north/{number}.jpg", number, exif=exif)
    ingesting.add_source(project, folder)
    factories.work("scan", "ingest")
    job = Job.objects.get(kind="bursts")
    assert job.state == Job.State.QUEUED
    factories.work("bursts")
    assert grouped(project) == [list(range(9))]


def test_a_shard_that_comes_while_the_job_runs_is_grouped_by_another(project):
    of = source(project)
    frames(of, "north", 0, 10)
    job = bursts.regroup(project)

    def meanwhile(progress):
        bursts.group(progress)
        frames(of, "north", 20)
        bursts.regroup(project)

    assert jobs.run(job.pk, lambda kind: meanwhile)
    factories.work("bursts")
    assert grouped(project) == [[0, 10, 20]]


def test_a_refit_knows_of_what_was_grouped_since_the_last_one(project, monkeypatch):
    question = project.first_question
    made = frames(
        source(project), "north", *(second for burst in range(9) for second in (burst * 100, burst * 100 + 1))
    )
    factories.embed(project, made, factories.clusters(len(made), 3)[0])
    known = []
    real = planning.plan
    monkeypatch.setattr(planning, "plan", lambda *args, **kw: known.append(args[1]) or real(*args, **kw))
    rounds.rank(question)
    group(project)
    rounds.rank(question)
    before, after = known
    assert before.sequences is None and before.deployments is None
    everywhere = np.arange(len(made))
    assert len(set(after.sequences[everywhere].tolist())) == 9
    assert len(set(after.deployments[everywhere].tolist())) == 1
