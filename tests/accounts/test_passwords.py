"""One-time passwords, passwords of one's own, and what administrators do about accounts."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from labeller.accounts import admitting
from labeller.accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db

PASSWORD = "four white storks"
CHANGE = "/account/password/"
HTML = {"accept": "text/html"}


def log_in(client, name, password):
    return client.post("/login/", {"username": name, "password": password}, headers=HTML)


def inside(client):
    return client.get("/", headers=HTML).status_code == 200


def chosen(password=PASSWORD, **more):
    return {"new_password1": password, "new_password2": password, **more}


@pytest.fixture
def one_time(client, foxes):
    """ana, logged in with a password that was made for her."""
    password = admitting.reset_password("ana")
    assert log_in(client, "ana", password).status_code == 302
    return password


# --- a one-time password --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/projects/foxes/", "/keys/", "/account/", "/projects/foxes/label/species/"])
def test_it_opens_the_page_of_choosing_another_and_nothing_else(client, one_time, path):
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 302 and answer["Location"].startswith(CHANGE)
    assert client.get(CHANGE, headers=HTML).status_code == 200


@pytest.mark.parametrize("path", ["next/", "labels/"])
def test_scripts_are_told_so_and_change_nothing(client, one_time, path):
    answer = client.post(f"/projects/foxes/label/species/{path}", "{}", content_type="application/json")
    assert answer.status_code == 403 and "password" in answer.json()["detail"]


def test_a_form_sent_meanwhile_changes_nothing(client, one_time, foxes):
    client.post("/keys/", {"key-skip": "["}, headers=HTML)
    foxes.ana.refresh_from_db()
    assert foxes.ana.keys == {}


def test_logging_out_language_and_health_stay_open(client, one_time):
    assert client.get("/healthz").status_code == 200
    assert client.post("/language/", {"language": "nl"}).status_code == 302
    assert client.post("/logout/")["Location"] == "/login/"


def test_it_is_replaced_once_and_then_all_is_open(client, one_time, foxes):
    answer = client.get("/projects/foxes/?a=1", headers=HTML)
    onward = client.get(answer["Location"]).context["next"]
    answer = client.post(CHANGE, chosen(next=onward))
    assert (answer.status_code, answer["Location"]) == (302, "/projects/foxes/")
    assert client.get("/projects/foxes/").status_code == 200
    assert log_in(Client(), "ana", one_time).status_code == 200, "the one-time password still worked"
    assert log_in(Client(), "ana", PASSWORD).status_code == 302
    foxes.ana.refresh_from_db()
    assert not foxes.ana.must_choose_password


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_nobody_is_sent_to_another_site_afterwards(client, one_time, onward):
    assert client.post(CHANGE, chosen(next=onward))["Location"] == "/"


@pytest.mark.parametrize("password", ["short", "password123", "", "SAME", "ana-ana-ana-a"])
def test_a_weak_one_or_the_same_again_is_refused(client, one_time, foxes, password):
    User.objects.filter(pk=foxes.ana.pk).update(first_name="ana-ana-ana-a")
    answer = client.post(CHANGE, chosen(one_time if password == "SAME" else password))
    assert answer.status_code == 200 and answer.context["form"].errors
    assert not inside(client)


def test_it_does_not_hold_for_ever(client, foxes):
    password = admitting.reset_password("ana")
    foxes.ana.refresh_from_db()
    assert timedelta(days=6) < foxes.ana.one_time_until - timezone.now() < timedelta(days=8)
    User.objects.filter(pk=foxes.ana.pk).update(one_time_until=timezone.now() - timedelta(minutes=1))
    answer = log_in(client, "ana", password)
    assert answer.status_code == 200 and "too old" in answer.content.decode()
    assert not inside(client)


def test_accounts_of_an_earlier_version_keep_their_password_and_their_session(client, foxes):
    foxes.ana.set_password("eight brown owls")
    foxes.ana.save()
    assert log_in(client, "ana", "eight brown owls").status_code == 302
    assert inside(client)


def test_one_that_a_manager_sees_does_not_stay_valid(client, foxes):
    client.force_login(foxes.mia)
    page = client.post("/projects/foxes/people/", {"username": "nina", "role": "annotator"})
    password = page.context["one_time_password"]
    assert "no-store" in page["Cache-Control"]
    nina = Client()
    log_in(nina, "nina", password)
    assert nina.get("/", headers=HTML)["Location"].startswith(CHANGE)
    nina.post(CHANGE, chosen())
    assert log_in(Client(), "nina", password).status_code == 200


# --- one's own ------------------------------------------------------------------------------------


@pytest.fixture
def ana(client, foxes):
    """ana, logged in here and on another computer with a password of her own."""
    factories.password(foxes.ana, "eight brown owls")
    foxes.elsewhere = Client()
    for browser in (client, foxes.elsewhere):
        assert log_in(browser, "ana", "eight brown owls").status_code == 302
    return foxes


def test_the_account_page_leads_to_all_there_is(client, ana):
    page = client.get("/account/").content.decode()
    assert f'href="{CHANGE}"' in page and 'action="/account/log-out/"' in page and 'href="/keys/"' in page
    assert 'href="/account/"' in client.get("/").content.decode()
    assert 'href="/people/"' not in page


def test_changing_it_asks_for_the_present_one_and_ends_other_sessions(client, ana):
    assert client.post(CHANGE, chosen(old_password="wrong")).context["form"].errors.keys() == {"old_password"}
    assert client.post(CHANGE, chosen()).context["form"].errors.keys() == {"old_password"}
    assert inside(ana.elsewhere)
    assert client.post(CHANGE, chosen(old_password="eight brown owls")).status_code == 302
    assert inside(client) and not inside(ana.elsewhere)
    assert log_in(Client(), "ana", PASSWORD).status_code == 302


def test_guesses_at_the_present_one_are_limited_as_at_the_login(client, ana, settings):
    settings.AXES_ENABLED = True
    statuses = [client.post(CHANGE, chosen(old_password="guess")).status_code for _ in range(12)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert client.post(CHANGE, chosen(old_password="eight brown owls")).status_code == 429
    assert log_in(Client(), "ana", PASSWORD).status_code == 429


def test_logging_out_everywhere_ends_all_sessions_of_this_person_alone(client, ana):
    bo = Client()
    bo.force_login(ana.bo)
    assert client.post("/account/log-out/")["Location"] == "/login/"
    assert not inside(client) and not inside(ana.elsewhere) and inside(bo)
    assert log_in(client, "ana", "eight brown owls").status_code == 302 and inside(client)


# --- administrators -------------------------------------------------------------------------------


@pytest.fixture
def ada(ana):
    client = Client()
    client.force_login(ana.ada)
    return client


def test_all_accounts_are_listed_but_not_what_the_program_uses_itself(ada, ana, django_assert_max_num_queries):
    admitting.simulated_annotator(ana.project)
    with django_assert_max_num_queries(6):
        listed = [person.username for person in ada.get("/people/").context["page"]]
    assert listed == ["ada", "ana", "bo", "mia", "olga", "sam", "vic"]
    assert 'href="/people/"' in ada.get("/account/").content.decode()


def test_a_reset_shows_a_one_time_password_once_and_ends_the_sessions(client, ada, ana):
    answer = ada.post(f"/people/{ana.ana.pk}/password/")
    password = answer.context["one_time_password"]
    assert password in answer.content.decode() and "no-store" in answer["Cache-Control"]
    assert password not in ada.get("/people/").content.decode()
    assert not inside(client) and not inside(ana.elsewhere)
    assert log_in(client, "ana", "eight brown owls").status_code == 200
    assert log_in(client, "ana", password).status_code == 302
    assert client.get("/", headers=HTML)["Location"].startswith(CHANGE)


def test_ones_own_password_is_not_reset_but_changed(ada, ana):
    assert ada.post(f"/people/{ana.ada.pk}/password/")["Location"] == CHANGE
    assert inside(ada)


def test_a_closed_account_is_out_at_once_and_keeps_what_it_did(client, ada, ana):
    sample = factories.samples(ana.project, 1)[0]
    factories.label(ana.question, sample, ana.ana, ana.class_id("fox"))
    assert ada.post(f"/people/{ana.ana.pk}/active/", {"close": "yes"}).status_code == 302
    assert not inside(client)
    assert log_in(client, "ana", "eight brown owls").status_code == 200
    assert ana.ana.labels.count() == 1
    assert "closed" in ada.get("/projects/foxes/people/").content.decode()
    ada.post(f"/people/{ana.ana.pk}/active/", {"open": "yes"})
    assert not inside(ana.elsewhere), "a session from before came back to life"
    assert log_in(client, "ana", "eight brown owls").status_code == 302 and inside(client)


def test_an_administrator_cannot_close_their_own_account(ada, ana):
    answer = ada.post(f"/people/{ana.ada.pk}/active/", {"close": "yes"}, follow=True)
    assert "cannot close your own" in answer.content.decode()
    assert inside(ada)


def test_somebody_is_logged_out_everywhere_by_an_administrator(client, ada, ana):
    assert ada.post(f"/people/{ana.ana.pk}/log-out/").status_code == 302
    assert not inside(client) and not inside(ana.elsewhere) and inside(ada)


@pytest.mark.parametrize("action", ["password", "active", "log-out"])
def test_the_programs_own_account_and_nobody_are_not_found(ada, ana, action):
    oracle = admitting.simulated_annotator(ana.project)
    for pk in (oracle.pk, 10_000):
        assert ada.post(f"/people/{pk}/{action}/").status_code == 404
