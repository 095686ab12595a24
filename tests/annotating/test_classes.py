"""POST …/classes/: making a class while labelling."""

import pytest
from django.urls import reverse

from labeller.projects.models import LabelClass

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(client, foxes):
    def post(body):
        client.force_login(foxes.ana)
        url = reverse("annotating:classes", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, body, content_type="application/json")

    return post


def test_a_new_name_makes_a_class_with_a_key_of_its_own(make, foxes):
    answer = make({"name": "  red   deer "})
    assert answer.status_code == 201
    made = foxes.question.classes.get(name="red deer")
    assert answer.json() == {"class": {"id": made.pk, "name": "red deer", "key": "r", "colour": made.colour}}


@pytest.mark.parametrize("name", ["fox", "FOX", "  Fox "])
def test_the_same_name_gives_the_class_there_is(make, foxes, name):
    answer = make({"name": name})
    assert (answer.status_code, answer.json()["class"]["id"]) == (200, foxes.class_id("fox"))
    assert foxes.question.classes.count() == 3


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, None, 7, ["fox"], "\x00", "\ud800", "\u200b\u202e"])
def test_a_name_that_is_none_is_refused_with_a_sentence(make, foxes, name):
    answer = make({"name": name})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert foxes.question.classes.count() == 3


@pytest.mark.parametrize("name", ["fo\u200bx", "\u202efox", "f\ud800ox\x00", "FOX\x07", "fo\u00adx"])
def test_a_name_that_only_looks_like_another_is_that_other(make, foxes, name):
    answer = make({"name": name})
    assert (answer.status_code, answer.json()["class"]["id"]) == (200, foxes.class_id("fox"))
    assert foxes.question.classes.count() == 3


@pytest.mark.parametrize("name", ["Rüsselspringer", "狐", "سنجاب", "family 👨‍👩‍👧", "<script>alert(1)</script>"])
def test_names_may_be_in_any_script(make, foxes, name):
    assert make({"name": name}).json()["class"]["name"] == name


def test_when_the_letters_are_used_up_classes_have_no_key(make, foxes):
    for number in range(30):
        make({"name": f"species {number}"})
    keys = list(LabelClass.objects.exclude(key="").values_list("key", flat=True))
    assert len(keys) == len(set(keys)) == 26
    assert foxes.question.classes.filter(key="").count() == 33 - 26
