"""Bursts where the camera's clock says little: it stands still, was never set, or counts whole seconds only."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from labeller.annotating.models import Assignment
from labeller.annotating.wire.samples import samples_json
from labeller.jobs.models import Job
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import bursts, ingesting
from labeller.samples.models import File, Sample, Sequence, Source
from tests import factories

pytestmark = pytest.mark.django_db
START = datetime(2024, 6, 1, 22, 0, tzinfo=UTC)


@pytest.fixture
def project(db, monkeypatch):
    monkeypatch.setattr(bursts, "DEBOUNCE", 0.0)
    return factories.project(classes=())


def frames(project, times, names=None):
    of = Source.objects.get_or_create(project=project, path="/nowhere/season")[0]
    first = File.objects.count()
    return factories.wholes(
        File(
            project=project,
            source=of,
            path=f"north/{names[number]}" if names else f"north/{first + number:04}.jpg",
            sha256=f"{first + number:064x}",
            bytes=1,
            modified_ns=0,
            width=4,
            height=3,
            taken_at=taken_at,
            clock_time=taken_at,
        )
        for number, taken_at in enumerate(times)
    )


def group(project):
    bursts.regroup(project)
    (job,) = factories.work("bursts")
    assert job.state == Job.State.DONE, job.error


def seconds(*offsets):
    return [START + timedelta(seconds=offset) for offset in offsets]


def test_a_clock_that_stands_still_makes_no_burst(project):
    frames(project, seconds(*[0] * 24))
    group(project)
    assert not Sequence.objects.exists()
    assert not File.objects.filter(deployment=None).exists()


def test_frames_around_a_clock_that_stood_still_are_bursts_of_their_own(project):
    made = frames(project, seconds(0, 1, 2, *[300] * 9, 600, 601))
    group(project)
    found = list(File.objects.order_by("pk").values_list("sequence", flat=True))
    assert len(set(found[:3])) == len(set(found[-2:])) == 1 and None not in (found[0], found[-1])
    assert found[3:-2] == [None] * 9 and len(made) == 14


@pytest.mark.parametrize("each", [1, 3, 5])
def test_a_few_frames_a_second_are_a_burst(project, each):
    frames(project, seconds(*[0] * each, *[1] * each))
    group(project)
    assert File.objects.filter(sequence=Sequence.objects.get()).count() == 2 * each


def test_many_frames_a_second_are_a_burst_where_the_camera_tells_them_apart(project):
    frames(project, seconds(*[number / 20 for number in range(20)]))
    group(project)
    assert File.objects.filter(sequence=Sequence.objects.get()).count() == 20


@pytest.mark.parametrize("start", ["2000-01-01T00:00:00", "1970-01-01T00:00:00", "2015-01-01T12:00:00"])
def test_what_a_clock_shows_that_nobody_set_makes_no_burst(project, start):
    frames(project, [datetime.fromisoformat(start).replace(tzinfo=UTC)] * 3)
    group(project)
    assert not Sequence.objects.exists()


def test_bursts_of_an_earlier_version_whose_clock_stood_still_are_undone(project):
    made = frames(project, seconds(*[0] * 24))
    group(project)
    Project.objects.update(grouped_by=f"gap {project.burst_gap}, rules 1")  # by other rules, and found a burst
    sequence = Sequence.objects.create(deployment=File.objects.first().deployment, started_at=START)
    File.objects.update(sequence=sequence)
    group(project)
    assert File.objects.filter(sequence=None).count() == len(made)
    assert not Sequence.objects.exists()


def test_frames_of_one_second_come_in_the_order_of_their_numbers(project):
    names = [f"IMG_{number}.jpg" for number in (10, 9, 2, 1, 11, 3)]
    frames(project, seconds(0, 0, 0, 0, 1, 0), names)
    group(project)
    annotator = factories.person("ana")
    question = project.first_question
    sample = Sample.objects.get(file__path="north/IMG_2.jpg")
    (told,) = samples_json(annotator, question, [Assignment(question=question, sample=sample)])
    shown = [frame["sample"] for frame in told["burst"]]
    paths = Sample.objects.in_bulk(shown)
    order = [paths[pk].file.path.removeprefix("north/IMG_").removesuffix(".jpg") for pk in shown]
    assert order == ["1", "2", "3", "9", "10", "11"]


def test_fractions_of_a_second_decide_before_names(project, folder):
    for name, fraction in (("a", "75"), ("b", "5"), ("c", "25")):
        exif = Image.Exif()
        exif.get_ifd(0x8769).update({0x9003: "2024:06:01 22:00:00", 0x9291: fraction})
        factories.photograph(folder / f"north/{name}.jpg", ord(name), exif=exif)
    ingesting.add_source(project, folder)
    factories.work("scan", "ingest", "bursts")
    made = File.objects.order_by("taken_at")
    assert [file.path[6] for file in made] == ["c", "b", "a"]
    assert Sequence.objects.get().started_at == made[0].taken_at


def test_what_is_odd_about_a_picture_is_kept_and_said(project, folder):
    ramp = np.tile(np.linspace(0, 4095, 160), (120, 1)).astype(np.uint16)
    pages = [Image.fromarray(ramp)] * 3
    pages[0].save(folder / "stack.tif", save_all=True, append_images=pages[1:])
    factories.photograph(folder / "plain.jpg", 1)
    ingesting.add_source(project, folder)
    factories.work("scan", "ingest")
    plain, stack = File.objects.order_by("path")
    assert plain.notes == []
    assert stack.notes == [
        {"code": "stretched", "parameters": {"low": 0.0, "high": 4095.0}},
        {"code": "pages", "parameters": {"n": 3}},
    ]
    assert [sentence(note) for note in stack.notes] == [
        "Stretched: 0 is shown as black, 4,095 as white.",
        "3 pages; the first is used.",
    ]
