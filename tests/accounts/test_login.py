"""Logging in and out."""

import pytest
from django.test import Client, override_settings

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def password(foxes):
    return factories.password(foxes.ana)


def test_the_right_password_leads_on_to_where_one_was_going(client, password):
    answer = client.post("/login/?next=/projects/foxes/", {"username": "ana", "password": password})
    assert (answer.status_code, answer["Location"]) == (302, "/projects/foxes/")
    assert client.get("/projects/foxes/").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(client, password, target):
    answer = client.post("/login/", {"username": "ana", "password": password, "next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "given", [{}, {"username": "ana", "password": "wrong"}, {"username": "nobody", "password": "x"}]
)
def test_the_wrong_one_shows_the_form_again(client, password, given):
    answer = client.post("/login/", given)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert "_auth_user_id" not in client.session


def test_a_name_that_does_not_exist_is_told_the_same_as_a_wrong_password(client, password):
    errors = [
        client.post("/login/", {"username": name, "password": "wrong"}).context["form"].errors.as_text()
        for name in ("ana", "nobody")
    ]
    assert errors[0] == errors[1]


def test_the_session_key_changes_at_login(client, password):
    client.get("/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.post("/login/", {"username": "ana", "password": password})
    assert client.session.session_key != before


def test_logging_out_ends_the_session(client, password):
    client.post("/login/", {"username": "ana", "password": password})
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get("/projects/foxes/").status_code == 302


@override_settings(AXES_ENABLED=True)
def test_a_guesser_is_locked_out_and_others_are_not(client, password):
    def attempt(password, address):
        return client.post("/login/", {"username": "ana", "password": password}, REMOTE_ADDR=address)

    statuses = [attempt("guess", "10.0.0.1").status_code for _ in range(20)]
    assert 429 in statuses and set(statuses) <= {200, 429}
    assert attempt(password, "10.0.0.1").status_code == 429
    assert attempt(password, "10.0.0.2").status_code == 302


def test_a_form_left_open_while_somebody_logged_in_says_what_to_do():
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "ana", "password": "x"})
    assert answer.status_code == 403
    assert "load the page anew" in answer.content.decode()
    assert "<style" not in answer.content.decode(), "Django's own page breaks the content security policy"
