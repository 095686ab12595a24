"""What the field records of each deployment, and clocks that are put right."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.managing import deployment_views
from labeller.managing.deployment_forms import ShiftField, written
from labeller.samples import bursts
from labeller.samples.clocks import Clock, clock_of
from labeller.samples.models import Deployment, File, Sequence, Source
from tests import factories

pytestmark = pytest.mark.django_db
START = datetime(2024, 6, 1, 22, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FILLED = {
    "location_name": "Old ford", "latitude": "52.1", "longitude": "-5.25", "camera": "Reconyx 4",
    "start": "2024-06-01T09:30", "end": "2024-07-01T18:00", "time_zone": "Europe/Amsterdam", "clock_shift": "-1:00",
}  # fmt: skip


@pytest.fixture
def season(foxes, monkeypatch):
    """Two cameras with three frames each, ten seconds apart."""
    monkeypatch.setattr(bursts, "DEBOUNCE", 0.0)
    source = Source.objects.create(project=foxes.project, path="/nowhere/season")
    made = [frame(source, folder, 10 * number) for folder in ("north", "south") for number in range(3)]
    factories.wholes(made)
    group(foxes.project)
    return source


def frame(source, folder, second):
    number = File.objects.count() + second
    return File(
        project=source.project, source=source, path=f"{folder}/{number}-{second}.jpg", width=4, height=3, bytes=1,
        sha256=f"{folder}{second}{number}", modified_ns=0, clock_time=START + timedelta(seconds=second),
        taken_at=START + timedelta(seconds=second),
    )  # fmt: skip


def group(project):
    bursts.regroup(project)
    done = factories.work("bursts")
    assert {job.state for job in done} == {Job.State.DONE}, [job.error for job in done]


def address(deployment=None):
    return f"/projects/foxes/deployments/{f'{deployment.pk}/' if deployment else ''}"


def north():
    return Deployment.objects.get(name="north")


def times(folder):
    found = File.objects.filter(path__startswith=folder).order_by("path")
    return [[(when - START).total_seconds() for when in row] for row in found.values_list("clock_time", "taken_at")]


# --- the pages ------------------------------------------------------------------------------------


def test_a_manager_writes_down_what_the_field_records(client, foxes, season):
    client.force_login(foxes.mia)
    assert "north" in client.get(address()).content.decode()
    assert client.post(address(north()), FILLED).status_code == 302
    kept = north()
    assert (kept.location_name, kept.latitude, kept.longitude, kept.camera) == ("Old ford", 52.1, -5.25, "Reconyx 4")
    assert (kept.start, kept.end) == (
        datetime(2024, 6, 1, 9, 30, tzinfo=UTC), datetime(2024, 7, 1, 18, 0, tzinfo=UTC)
    )  # fmt: skip
    assert (kept.time_zone, kept.clock_shift) == ("Europe/Amsterdam", timedelta(hours=-1))
    page = client.get(address(kept)).content.decode()
    assert 'value="2024-06-01T09:30"' in page and 'value="-1:00:00"' in page and 'value="-5.25"' in page
    assert "being applied" in client.get(address()).content.decode()
    factories.work("bursts")
    assert "being applied" not in client.get(address()).content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latitude", "91"),
        ("longitude", ""),
        ("longitude", "-180.5"),
        ("end", "2024-05-01T00:00"),
        ("time_zone", "Amsterdam"),
        ("clock_shift", "an hour"),
        ("clock_shift", "40000 0:00"),
        ("clock_shift_end", "an hour"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(client, foxes, season, name, value):
    client.force_login(foxes.mia)
    answer = client.post(address(north()), {**FILLED, name: value})
    assert answer.status_code == 200 and answer.context["form"].errors.keys() == {name}
    assert north().location_name == "" and not Job.objects.filter(kind="bursts", state="queued").exists()


@pytest.mark.parametrize(
    ("field", "value", "lacking"),
    [
        ("clock_shift_end", "0:10", "start"),
        ("clock_shift_end", "0:10", "end"),
        ("keeps_offset", "on", "time_zone"),
        ("keeps_offset", "on", "start"),
    ],
)
def test_what_is_put_right_over_time_needs_to_know_which_time(client, foxes, season, field, value, lacking):
    client.force_login(foxes.mia)
    answer = client.post(address(north()), {**FILLED, field: value, lacking: ""})
    assert answer.status_code == 200 and answer.context["form"].errors.keys() == {field}


def test_the_database_refuses_half_a_place(foxes, season):
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.update(latitude=52.0)


def test_another_projects_deployment_is_not_found(client, foxes, season):
    client.force_login(foxes.mia)
    strange = Deployment.objects.create(project=factories.project("bears"), name="north")
    assert client.post(address(strange), FILLED).status_code == 404


def test_many_deployments_come_a_page_at_a_time(client, foxes, monkeypatch):
    monkeypatch.setattr(deployment_views, "PAGE", 2)
    Deployment.objects.bulk_create(Deployment(project=foxes.project, name=f"a & {number}") for number in range(3))
    client.force_login(foxes.mia)
    first = client.get(address())
    assert [each.name for each, *_ in first.context["rows"]] == ["a & 0", "a & 1"]
    assert "?after=a%20%26%201" in first.content.decode()
    second = client.get(address(), {"after": "a & 1"})
    assert [each.name for each, *_ in second.context["rows"]] == ["a & 2"] and not second.context["more"]


@pytest.mark.parametrize(
    ("text", "shift"),
    [
        ("1:00", timedelta(hours=1)),
        ("+1:00", timedelta(hours=1)),
        ("-0:03:20", timedelta(seconds=-200)),
        ("366 0:00", 366 * DAY),
        ("- 366 1:00:30", -(366 * DAY + timedelta(hours=1, seconds=30))),
        ("", timedelta()),
    ],
)
def test_a_shift_is_read_as_people_write_it_and_written_so_that_it_is_read(text, shift):
    field = ShiftField(required=False)
    assert field.clean(text) == shift == field.clean(written(shift))


# --- the clock ------------------------------------------------------------------------------------


def test_a_shift_puts_the_times_right_and_keeps_what_the_camera_said(client, foxes, season):
    client.force_login(foxes.mia)
    client.post(address(north()), {"clock_shift": "366 0:00"})
    group(foxes.project)
    shift = 366 * 86_400
    assert times("north") == [[second, second + shift] for second in (0, 10, 20)]
    assert times("south") == [[second, second] for second in (0, 10, 20)]
    assert Sequence.objects.get(deployment__name="north").started_at == START + 366 * DAY
    assert north().applied_clock == {"clock_shift": 366 * 86_400.0} and File.objects.filter(sequence=None).count() == 0
    client.post(address(north()), {"clock_shift": ""})
    group(foxes.project)
    assert times("north") == times("south") and north().applied_clock == {}


def test_only_deployments_whose_clock_is_to_be_put_right_are_written(client, foxes, season, monkeypatch):
    Deployment.objects.filter(name="south").update(clock_shift=DAY)
    looked = []
    real = bursts._frames
    monkeypatch.setattr(bursts, "_frames", lambda of, clock, new: looked.append(of.name) or real(of, clock, new))
    group(foxes.project)
    group(foxes.project)
    assert looked == ["south"]


def test_what_comes_later_and_what_moves_here_is_put_right_too(foxes, season):
    Deployment.objects.filter(name="north").update(clock_shift=DAY)
    group(foxes.project)
    factories.wholes([frame(season, "north", 30)])
    moved = File.objects.filter(path__startswith="south").first()
    File.objects.filter(pk=moved.pk).update(path="north/moved.jpg", deployment=None, sequence=None)
    group(foxes.project)
    assert {right - said for said, right in times("north")} == {86_400.0} and len(times("north")) == 5


def test_a_shift_whose_job_died_halfway_is_applied_all_the_same(foxes, season, monkeypatch):
    Deployment.objects.filter(name="north").update(clock_shift=DAY)
    monkeypatch.setattr(bursts, "CHUNK", 1)
    real = bursts._write

    def dies(*given):
        real(*given)
        raise SystemError("out of the blue")

    monkeypatch.setattr(bursts, "_write", dies)
    job = bursts.regroup(foxes.project)
    assert jobs.run(job.pk, lambda kind: bursts.group)
    assert north().applied_clock == {}
    monkeypatch.setattr(bursts, "_write", real)
    factories.work("bursts")
    assert {right - said for said, right in times("north")} == {86_400.0} and north().applied_clock == {
        "clock_shift": 86_400.0
    }


def test_a_time_the_calendar_does_not_have_is_left_as_it_is(foxes, season):
    last = datetime(9999, 12, 31, tzinfo=UTC)
    zone = ZoneInfo("Pacific/Kiritimati")
    assert Clock(2 * DAY).right(last) == last == Clock(start=START, set_in=zone).right(last)
    assert Clock(DAY).right(None) is None


def test_a_clock_that_goes_wrong_is_put_right_ever_more(client, foxes, season):
    """Right on the first day, ten minutes behind after ten: a minute a day."""
    client.force_login(foxes.mia)
    first, last = START - 5 * DAY, START + 5 * DAY
    times_of = {"start": first.strftime("%Y-%m-%dT%H:%M"), "end": last.strftime("%Y-%m-%dT%H:%M")}
    assert client.post(address(north()), {**times_of, "clock_shift_end": "0:10"}).status_code == 302
    group(foxes.project)
    assert times("north") == [[second, pytest.approx(second + 300, abs=0.1)] for second in (0, 10, 20)]
    assert north().applied_clock["clock_shift_end"] == 600.0
    clock = Clock(timedelta(), timedelta(minutes=10), first, last)
    assert clock.right(first - DAY) == first - DAY  # before and after, no more is made up
    assert clock.right(last + DAY) == last + DAY + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("zone", "start", "said", "right"),
    [
        # Set in winter: from the last Sunday of March on it is an hour behind.
        ("Europe/Amsterdam", "2024-02-01 12:00", "2024-03-31 01:59", "2024-03-31 01:59"),
        ("Europe/Amsterdam", "2024-02-01 12:00", "2024-03-31 02:00", "2024-03-31 03:00"),
        # Set in summer: from the last Sunday of October on it is an hour ahead.
        ("Europe/Amsterdam", "2024-07-01 12:00", "2024-10-27 02:59", "2024-10-27 02:59"),
        ("Europe/Amsterdam", "2024-07-01 12:00", "2024-10-27 03:00", "2024-10-27 02:00"),
        # Half an hour, in the south; and a zone that knows no summer.
        ("Australia/Lord_Howe", "2024-05-01 12:00", "2024-12-01 12:00", "2024-12-01 12:30"),
        ("Asia/Kathmandu", "2024-02-01 12:00", "2024-07-01 12:00", "2024-07-01 12:00"),
    ],
)
def test_a_clock_that_did_not_follow_daylight_saving_is_put_right_by_its_zone(zone, start, said, right):
    start, said, right = (datetime.fromisoformat(f"{when}+00:00") for when in (start, said, right))
    assert Clock(start=start, set_in=ZoneInfo(zone)).right(said) == right
    hour = timedelta(hours=1)
    assert Clock(hour, start=start, set_in=ZoneInfo(zone)).right(said - hour) == right


def test_the_page_shows_what_would_become_of_its_photographs_times_and_saves_nothing(client, foxes, season):
    client.force_login(foxes.mia)
    filled = {**FILLED, "start": "2024-02-01T09:30", "keeps_offset": "on", "look": "1"}
    answer = client.post(address(north()), filled)
    shown = [
        ((each.said - START).total_seconds(), each.right - each.said, each.added) for each in answer.context["shown"]
    ]
    assert shown == [(second, timedelta(), "") for second in (0, 10, 20)]  # an hour off, and an hour on for the summer
    assert "Nothing is saved yet" in answer.content.decode()
    answer = client.post(address(north()), {**filled, "clock_shift": "1:00"})
    assert [each.added for each in answer.context["shown"]] == ["2:00:00"] * 3
    assert north().location_name == "" and not Job.objects.filter(kind="bursts", state="queued").exists()
    assert [each.added for each in client.get(address(north())).context["shown"]] == [""] * 3


def test_of_many_photographs_some_from_the_first_to_the_last_are_shown(client, foxes, season):
    factories.wholes([frame(season, "north", second) for second in range(1000, 2000, 100)])
    group(foxes.project)
    client.force_login(foxes.mia)
    shown = [(each.said - START).total_seconds() for each in client.get(address(north())).context["shown"]]
    assert len(shown) == 6 and shown == sorted(shown) and (shown[0], shown[-1]) == (0, 1900)


def test_a_zone_is_written_down_for_all_that_have_none(client, foxes, season):
    Deployment.objects.filter(name="north").update(time_zone="Africa/Nairobi")
    client.force_login(foxes.mia)
    refused = client.post(address(), {"time_zone": "Amsterdam"})
    assert refused.status_code == 200 and refused.context["zone"].errors.keys() == {"time_zone"}
    assert client.post(address(), {"time_zone": "Europe/Amsterdam"}).status_code == 302
    zones = dict(Deployment.objects.values_list("name", "time_zone"))
    assert zones == {"north": "Africa/Nairobi", "south": "Europe/Amsterdam"}
    assert 'name="time_zone"' not in client.get(address()).content.decode()  # none is left without


@pytest.mark.django_db(transaction=True)
def test_what_an_earlier_version_had_put_right_is_known_as_such():
    """Else every deployment with a shift would be grouped anew."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate([("samples", "0012_places_of_texts")])
    try:
        of_projects = [node for node in newest if node[0] == "projects"]
        before = (
            MigrationExecutor(connection).loader.project_state([*of_projects, ("samples", "0012_places_of_texts")]).apps
        )
        project = before.get_model("projects", "Project").objects.create(slug="old", name="Old")
        for name, shift in (("north", -DAY), ("south", timedelta())):
            row = {"project": project, "clock_shift": shift, "applied_shift": shift}
            before.get_model("samples", "Deployment").objects.create(name=name, **row)
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert {each.name: each.applied_clock for each in Deployment.objects.all()} == {
        "north": clock_of(north()).way(), "south": {}
    }  # fmt: skip
    assert north().applied_clock


# --- exports --------------------------------------------------------------------------------------


def download(client, name):
    answer = client.get(f"/projects/foxes/export/{name}.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_exports_say_where_and_when(client, foxes, season):
    client.force_login(foxes.mia)
    client.post(address(north()), FILLED)
    group(foxes.project)
    for path in ("north/", "south/"):
        sample = foxes.project.samples.filter(file__path__startswith=path).order_by("pk").first()
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    shown = [(row["deployment"], row["taken_at"], row["clock_time"]) for row in download(client, "labels")]
    assert shown == [
        ("north", "2024-06-01T21:00:00+02:00", "2024-06-01T22:00:00"),
        ("south", "2024-06-01T22:00:00", "2024-06-01T22:00:00"),
    ]
    first, second = download(client, "deployments")
    assert first == {
        "deployment": "north", "location_name": "Old ford", "latitude": "52.1", "longitude": "-5.25",
        "camera": "Reconyx 4", "start": "2024-06-01T09:30:00+02:00", "end": "2024-07-01T18:00:00+02:00",
        "time_zone": "Europe/Amsterdam", "clock_shift": "-3600",
        "clock_shift_end": "", "keeps_offset": "",
    }  # fmt: skip
    assert second["deployment"] == "south" and second["latitude"] == "" and second["clock_shift"] == "0"
