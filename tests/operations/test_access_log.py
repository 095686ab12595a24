"""A line for every request, without secrets, whatever the path holds."""

import logging
import re
from ipaddress import ip_network

import pytest

from labeller.operations.logs import LogFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(tmp_path):
    """What the log says, in a file of the test's own."""
    log, file = logging.getLogger("labeller.access"), LogFile(tmp_path / "logs" / "access.log")
    log.addHandler(file)
    yield lambda: (tmp_path / "logs" / "access.log").read_text().splitlines()
    log.removeHandler(file)
    file.close()


def test_a_line_says_who_asked_for_what_and_what_came(client, foxes, lines, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    client.force_login(foxes.ana)
    client.get("/projects/foxes/?token=secret", headers={"x-forwarded-for": "198.51.100.7"})
    client.get("/projects/none/")
    client.logout()
    client.post("/login/?next=/secret", {"username": "ana", "password": "secret"})
    client.get("/healthz")
    said = [re.sub(r" \d+ ms$", "", line) for line in lines()]
    assert said == [
        "198.51.100.7 ana GET /projects/foxes/ 200",
        "127.0.0.1 ana GET /projects/none/ 404",
        "127.0.0.1 - POST /login/ 200",
        "127.0.0.1 - GET /healthz 200",
    ]


def test_a_path_writes_no_lines_of_its_own(client, lines):
    client.get("/x%0A10.0.0.1%20ada%20GET%20/%20200/\N{BLACK STAR}" + "y" * 5000)
    [line] = lines()
    assert "/x%0A10.0.0.1%20ada" in line and len(line) < 700


def test_a_log_that_cannot_be_written_stops_nobody(client, tmp_path, capsys):
    (tmp_path / "file").touch()
    log, file = logging.getLogger("labeller.access"), LogFile(tmp_path / "file" / "access.log")
    log.addHandler(file)
    try:
        assert client.get("/healthz").status_code == 200
    finally:
        log.removeHandler(file)


def test_it_lies_with_the_other_logs_and_so_is_rotated(settings):
    assert settings.LOGGING["handlers"]["access"]["filename"].parts[-2:] == ("logs", "access.log")
    assert "labeller.operations.access_log.AccessLogMiddleware" in settings.MIDDLEWARE
