"""GET …/label/<question>/: the labelling page."""

import json
import re

import pytest
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db


def boot_of(response):
    return json.loads(re.search(r'<script id="boot"[^>]*>(.*?)</script>', response.content.decode(), re.DOTALL)[1])


def test_the_page_carries_what_its_script_needs(client, foxes):
    client.force_login(foxes.ana)
    boot = boot_of(client.get(reverse("annotating:label", args=["foxes", "species"])))
    assert boot["project"] == {"slug": "foxes", "name": "Foxes"}
    assert boot["question"] == {"key": "species", "text": "Which animal is this?", "multi_label": False}
    assert [each["name"] for each in boot["classes"]] == ["fox", "badger", "empty"]
    assert all(len(each["key"]) == 1 for each in boot["classes"])
    assert boot["urls"] == {
        "next": "/projects/foxes/label/species/next/",
        "save": "/projects/foxes/label/species/labels/",
        "classes": "/projects/foxes/label/species/classes/",
        "release": "/projects/foxes/label/species/release/",
        "hunt": "/projects/foxes/label/species/hunt/",
        "progress": "/projects/foxes/questions/species/",
        "image": "/samples/0/1280.jpg",
    }
    assert boot["user"] == "ana" and boot["csrf"]


def test_names_cannot_break_out_of_the_page(client, db):
    evil = "</script><script>alert(1)</script>"
    foxes = factories.cast(classes=[evil])
    client.force_login(foxes.ana)
    page = client.get(reverse("annotating:label", args=["foxes", "species"]))
    assert "<script>alert" not in page.content.decode()
    assert boot_of(page)["classes"][0]["name"] == evil


def test_a_question_that_does_not_exist_is_404(client, foxes):
    client.force_login(foxes.ana)
    assert client.get(reverse("annotating:label", args=["foxes", "age"])).status_code == 404


@pytest.mark.parametrize("name", ["next", "save", "classes"])
def test_without_the_csrf_token_nothing_is_taken(foxes, name):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(foxes.ana)
    url = reverse(f"annotating:{name}", args=["foxes", "species"])
    assert client.post(url, {"name": "deer"}, content_type="application/json").status_code == 403
    assert foxes.question.classes.count() == 3
