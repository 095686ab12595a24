"""What no database takes is gone from requests before anything is looked up; the rest is as it was sent."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client, foxes):
    client.force_login(foxes.mia)
    return client


@pytest.mark.parametrize(
    "address", ["export/labels.csv?question=spe%00cies", "classes/?q=%00fo%00x&question=species%00"]
)
def test_a_query_is_read_without_what_no_database_takes(manager, address):
    answer = manager.get(f"/projects/foxes/{address}")
    assert answer.status_code == 200
    assert b"fox" in (b"".join(answer.streaming_content) if answer.streaming else answer.content) or "labels" in address


@pytest.mark.parametrize("address", ["history/?person=a%00na", "history/?person=ana%00&before=%00"])
def test_a_person_is_found_all_the_same(manager, address):
    assert manager.get(f"/projects/foxes/{address}").context["person"].username == "ana"


@pytest.mark.parametrize("key", ["a" * 20 + "\x00", "\x00" * 32, "\ud800" * 20, '"\\000' + "a" * 20 + '"'])
def test_a_session_key_that_is_none_is_nobodys(foxes, key):
    client = Client()
    client.cookies["sessionid"] = key.encode("utf-8", "replace").decode()
    assert client.get("/projects/foxes/")["Location"].startswith("/login/")


def test_a_password_is_taken_as_it_is_typed(foxes, client):
    password = "  E\u0301 \u200b two  blanks "
    person = get_user_model().objects.create_user("nina", password=password)
    for given, status in ((password, 302), ("É two blanks", 200)):
        assert client.post("/login/", {"username": "nina\x00", "password": given}).status_code == status
    assert person.pk


def test_what_is_sent_in_two_values_stays_in_two(manager, foxes):
    factories.samples(foxes.project, 1)
    classes = [foxes.class_id("fox"), foxes.class_id("badger")]
    given = {"text": "How\x00 old?", "class_names": "cub\x00\nadult", "only_for": classes, "more\x00": "\x00"}
    answer = manager.post("/projects/foxes/questions/species/follow-up/", given)
    assert answer.status_code == 302
    question = foxes.project.questions.get(follows=foxes.question)
    assert question.text == "How old?"
    assert [each.name for each in question.classes.all()] == ["cub", "adult"]
    assert {each.pk for each in question.only_for.all()} == set(classes)
