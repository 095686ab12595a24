"""Boxes that come again and again in one place of a camera: gathered, dismissed and brought back as one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from labeller.managing import repeating
from labeller.samples import parts, set_aside
from labeller.samples.models import Deployment, File, RepeatedBox, Sample
from tests import factories

pytestmark = pytest.mark.django_db
STONE = (0.3, 0.4, 0.1, 0.2)
START = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def camera(foxes):
    """camera(pictures, days) makes a deployment with pictures of so many days; returns their ids."""

    def made(pictures, days, name="north"):
        deployment = Deployment.objects.create(project=foxes.project, name=name)
        ids = [each.file_id for each in factories.samples(foxes.project, pictures)]
        for number, pk in enumerate(ids):
            taken = START + timedelta(days=number % days, seconds=number)
            File.objects.filter(pk=pk).update(deployment=deployment, taken_at=taken)
        return ids

    return made


def detect(foxes, file_ids, box=STONE, confidence=0.8):
    """Have a detector find that in each of these pictures, never in quite the same place."""
    places = [(pk, (box[0] + 0.001 * (at % 3), box[1], box[2], box[3])) for at, pk in enumerate(file_ids)]
    pks = parts.add_boxes(foxes.project, places)
    set_aside.detected(dict.fromkeys(pks, confidence))
    return pks


def gathered(foxes):
    repeating.ask(foxes.project)
    factories.work("repeats")
    return list(RepeatedBox.objects.order_by("pk"))


def test_a_place_in_many_pictures_on_several_days_is_gathered(foxes, camera):
    ids = camera(100, 4)
    stone = detect(foxes, ids[:10])
    detect(foxes, ids[:9], (0.7, 0.1, 0.1, 0.1))  # too few
    detect(foxes, ids[20:40], (0.1, 0.1, 0.1, 0.1), confidence=0.1)  # hardly sure
    (place,) = gathered(foxes)
    assert (sorted(place.samples), place.pictures, place.days) == (sorted(stone), 10, 4)
    assert place.deployment.name == "north"
    assert [each.samples for each in gathered(foxes)] == [place.samples], "once, however often it is looked for"


@pytest.mark.parametrize(("pictures", "found"), [(50, 1), (51, 0)])
def test_of_one_day_it_must_be_in_a_fifth_of_the_pictures(foxes, camera, pictures, found):
    detect(foxes, camera(pictures, 1)[:10])
    assert len(gathered(foxes)) == found


def test_cameras_are_gathered_apart(foxes, camera):
    for name in ("north", "south"):
        detect(foxes, camera(10, 2, name)[:6])
    assert not gathered(foxes)


def test_two_boxes_of_one_picture_are_one_picture(foxes, camera):
    ids = camera(9, 3)
    detect(foxes, ids)
    detect(foxes, ids, (0.302, 0.4, 0.1, 0.2))
    assert not gathered(foxes)


def test_what_people_drew_or_answered_about_is_none_of_them(foxes, camera):
    pks = detect(foxes, camera(12, 3))
    Sample.objects.filter(pk__in=pks[:2]).update(confidence=None)  # drawn by hand
    factories.label(foxes.question, Sample.objects.get(pk=pks[2]), foxes.ana, foxes.class_id("fox"))
    assert not gathered(foxes)


def test_dismissed_they_are_set_aside_but_for_what_was_answered_since_and_all_come_back(foxes, camera):
    pks = detect(foxes, camera(12, 3))
    (place,) = gathered(foxes)
    factories.label(foxes.question, Sample.objects.get(pk=pks[0]), foxes.ana, foxes.class_id("fox"))
    Sample.objects.filter(pk=pks[1]).update(taken_away_at=timezone.now())  # by hand
    assert repeating.dismiss(place, foxes.mia) == 10
    assert set_aside.ids(foxes.project) == set(pks[1:])
    assert foxes.question.labels.count() == 1
    place.refresh_from_db()
    assert place.dismissed_by == foxes.mia
    assert repeating.dismiss(place, foxes.mia) == 0
    assert gathered(foxes) == [place], "what was dismissed stays so, and is not gathered anew"
    assert repeating.bring_back(place) == 10
    assert set_aside.ids(foxes.project) == {pks[1]}, "what somebody took away by hand stays away"
    place.refresh_from_db()
    assert (place.dismissed_at, repeating.bring_back(place)) == (None, 0)


def test_the_page_dismisses_and_brings_back(client, foxes, camera):
    detect(foxes, camera(12, 3))
    (place,) = gathered(foxes)
    client.force_login(foxes.mia)
    page = client.get("/projects/foxes/repeated-boxes/")
    assert [each for each, _crops in page.context["rows"]] == [place]
    assert len(page.context["rows"][0][1]) == 8
    answer = client.post("/projects/foxes/repeated-boxes/", {"dismiss": place.pk}, follow=True)
    assert "12 boxes were dismissed." in answer.content.decode() and not answer.context["rows"]
    assert len(set_aside.ids(foxes.project)) == 12
    answer = client.post("/projects/foxes/repeated-boxes/", {"back": place.pk}, follow=True)
    assert "12 boxes are back." in answer.content.decode() and not set_aside.ids(foxes.project)
    for wrong in ({"dismiss": "x"}, {"dismiss": place.pk + 1}, {"back": "9" * 30}):
        assert client.post("/projects/foxes/repeated-boxes/", wrong).status_code == 404
