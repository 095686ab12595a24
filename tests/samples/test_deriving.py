"""Pictures that pages show: made anew where they are gone, and never an old one for an edited photograph."""

import io
import shutil

import pytest
from django.core.cache import cache
from PIL import Image

from labeller.jobs.models import Job
from labeller.samples import deriving, ingesting
from labeller.samples.models import File, Refusal, Sample
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def taken(foxes, folder, client):
    for number in range(2):
        photograph(folder / f"{number}.png", number, (600, 400))
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    client.force_login(foxes.ana)
    return Sample.objects.select_related("file").order_by("file__path").first()


def address(sample, size=512):
    return f"/samples/{sample.pk}/{size}.jpg"


def content(client, sample):
    return b"".join(client.get(address(sample)).streaming_content)


def test_lost_pictures_are_made_anew_from_the_photograph(client, taken, settings):
    before = content(client, taken)
    shutil.rmtree(settings.MEDIA)
    for _ in range(3):  # the page asks again and again: one job
        answer = client.get(address(taken))
        assert answer.status_code == 202 and answer["Cache-Control"] == "no-store" and answer["Retry-After"]
    assert Job.objects.filter(kind="derive").count() == 1
    factories.work("derive")
    assert content(client, taken) == before
    assert deriving.picture(taken.file, 256).exists() and not Refusal.objects.exists()


def test_a_photograph_that_is_gone_itself_is_said_to_be(client, taken, folder, settings):
    shutil.rmtree(settings.MEDIA)
    (folder / taken.file.path).rename(folder / "away.part")
    client.get(address(taken))
    factories.work("derive")
    assert Refusal.objects.values_list("path", "reason").get() == (taken.file.path, "missing")
    answer = client.get(address(taken))
    assert answer.status_code == 410 and "not there any more" in answer.content.decode()
    (folder / "away.part").rename(folder / taken.file.path)
    cache.clear()
    client.get(address(taken))
    factories.work("derive")
    assert client.get(address(taken)).status_code == 200 and not Refusal.objects.exists()


def test_an_absent_folder_is_blamed_on_no_file(client, taken, folder, settings):
    shutil.rmtree(settings.MEDIA)
    folder.rename(folder.with_name("unplugged"))
    client.get(address(taken))
    (job,) = factories.work("derive")
    assert job.state == Job.State.DONE and not Refusal.objects.exists()
    assert client.get(address(taken)).status_code == 202


def test_a_photograph_that_changed_is_looked_at_and_not_shown_under_the_old_content(client, taken, folder, settings):
    shutil.rmtree(settings.MEDIA)
    photograph(folder / taken.file.path, 9, (600, 400))
    client.get(address(taken))
    factories.work("derive")
    assert client.get(address(taken)).status_code == 202
    factories.work("scan", "ingest")
    assert client.get(address(taken)).status_code == 200
    assert File.objects.get(samples=taken).notes == [{"code": "changed", "parameters": {}}]


def test_what_a_browser_keeps_of_an_edited_photograph_is_not_shown_for_ever(client, foxes, taken, folder):
    first = client.get(address(taken))
    kept = client.get(address(taken), headers={"If-None-Match": first["ETag"]})
    assert kept.status_code == 304 and not kept.content
    photograph(folder / taken.file.path, 9, (600, 400))
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    again = client.get(address(taken), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200 and again["ETag"] != first["ETag"] and "immutable" not in again["Cache-Control"]


def test_pages_that_draw_no_boxes_show_just_what_is_in_the_box(client, foxes, taken, folder):
    picture = factories.picture(1, (1200, 900))
    picture.paste((255, 0, 0), (600, 0, 720, 90))
    picture.save(folder / "boxed.png")
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    of = File.objects.get(path="boxed.png")
    boxed = Sample.objects.create(
        project=foxes.project, file=of, part="box", shard=9, box_left=0.5, box_top=0.0, box_width=0.1, box_height=0.1
    )
    answer = client.get(f"/samples/{boxed.pk}/part-64.jpg")
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert shown.format == "JPEG" and max(shown.size) == 64
        red, green, blue = shown.getpixel((32, 12))
    assert red > 240 and green < 20 and blue < 20
    assert answer["Content-Type"] == "image/jpeg" and answer["ETag"] != client.get(address(boxed, 64))["ETag"]
    whole = b"".join(client.get(f"/samples/{of.samples.get(part='whole').pk}/part-512.jpg").streaming_content)
    assert content(client, boxed) == content(client, of.samples.get(part="whole")) == whole
