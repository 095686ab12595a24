"""Where a request comes from, and how many wrong passwords are taken from there."""

import subprocess
import sys
from ipaddress import ip_network

import pytest
from axes.models import AccessAttempt
from django.test import RequestFactory

from labeller.accounts import clients
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.AXES_ENABLED = True
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def asked(peer, forwarded=None):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().get("/", REMOTE_ADDR=peer, **headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours: it may say what it likes
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),  # what the client itself wrote comes first
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("fd00::1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("", "198.51.100.7", "198.51.100.7"),  # the proxy speaks through a Unix socket
        ("", None, None),
    ],
)
def test_the_clients_address(peer, forwarded, client):
    found = clients.address(asked(peer, forwarded))
    assert (str(found) if found else None) == client


def test_without_trusted_proxies_nobody_is_believed(settings):
    settings.TRUSTED_PROXIES = []
    assert str(clients.address(asked("127.0.0.1", "198.51.100.7"))) == "127.0.0.1"
    assert clients.address(asked("", "198.51.100.7")) is None


def test_addresses_that_one_subscriber_has_by_the_billion_are_one_place():
    first, second = (clients.network(asked(f"2001:db8:1:2::{tail}")) for tail in ("1", "ffff:7"))
    assert first == second == "2001:db8:1:2::"
    assert clients.network(asked("2001:db8:1:3::1")) != first
    assert clients.network(asked("192.0.2.1")) == "192.0.2.1"


# --- limits ---------------------------------------------------------------------------------------


def attempt(client, name="ana", password="wrong", peer="192.0.2.1", **headers):
    return client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR=peer, **headers).status_code


@pytest.fixture
def password(foxes):
    factories.password(foxes.bo)
    return factories.password(foxes.ana)


def test_behind_a_proxy_each_client_has_a_limit_of_their_own(client, password, settings):
    guesser, colleague = ({"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}"} for number in (7, 8))
    statuses = [attempt(client, peer="10.0.0.1", **guesser) for _ in range(settings.AXES_FAILURE_LIMIT + 1)]
    assert statuses[-1] == 429
    assert attempt(client, password=password, peer="10.0.0.1", **guesser) == 429
    assert attempt(client, password=password, peer="10.0.0.1", **colleague) == 302


def test_a_header_of_ones_own_dodges_no_limit(client, password, settings):
    for number in range(settings.AXES_FAILURE_LIMIT):
        status = attempt(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}", HTTP_USER_AGENT=f"agent {number}")
    assert status == 429


def test_one_place_over_many_names_is_stopped_and_other_places_are_not(client, password, settings):
    settings.MOST_FAILURES_OF_A_PLACE = 30
    statuses = [attempt(client, name=f"name-{number}") for number in range(30)]
    assert statuses == [200] * 29 + [429]
    assert attempt(client, name="bo", password=password) == 429
    assert attempt(client, name="bo", password=password, peer="192.0.2.2") == 302


def test_nobody_is_locked_out_by_their_name_alone(client, password, settings):
    for place in range(5):
        for _ in range(settings.AXES_FAILURE_LIMIT):
            attempt(client, peer=f"203.0.113.{place}")
    assert attempt(client, password=password, peer="192.0.2.2") == 302


def test_what_is_refused_is_not_recorded_any_more(client, password, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        attempt(client)
    before = AccessAttempt.objects.values().get()
    assert [attempt(client) for _ in range(5)] == [429] * 5
    assert AccessAttempt.objects.values().get() == before


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", ""])
def test_a_name_that_is_none_is_no_error(client, password, name):
    assert attempt(client, name=name) == 200


def test_a_setting_that_names_no_network_is_refused_in_one_line(tmp_path):
    code = "import labeller.config.settings"
    environment = {"DATA": str(tmp_path), "TRUSTED_PROXIES": "10.0.0.0/8,proxy.example", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "TRUSTED_PROXIES" in done.stderr and "proxy.example" in done.stderr
