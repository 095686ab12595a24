"""What every page keeps to: headers, no inline code, nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError

from tests import factories

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_STATIC = sorted(
    path
    for path in (ROOT / "static").rglob("*")
    if path.suffix in {".js", ".css", ".svg"} and "vendor" not in path.parts
)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/login/", "/", "/projects/foxes/", "/projects/foxes/label/species/", "/healthz", "/no"]
)
def test_every_answer_carries_the_policy(client, foxes, path):
    client.force_login(foxes.ana)
    answer = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "script-src" not in policy and "style-src" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_cookies_are_not_sent_along_from_other_sites(client, foxes):
    password = factories.password(foxes.ana)
    client.get("/login/")
    client.post("/login/", {"username": "ana", "password": password})
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    assert session["samesite"] == "Lax" and session["httponly"]
    assert client.cookies[settings.CSRF_COOKIE_NAME]["samesite"] == "Lax"


def without_comments(text):
    return re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}|<!--.*?-->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_no_inline_code_and_no_foreign_address(path):
    text = without_comments(path.read_text())
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag, tag
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert not re.search(r"javascript:", text, re.IGNORECASE)
    assert not re.search(r"hx-on|js:", text)
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"']\s*(?:https?:)?//", text)
    assert "|safe" not in text and "autoescape off" not in text


def test_there_are_templates_to_look_at():
    assert len(TEMPLATES) > 10 and len(OWN_STATIC) > 10


@pytest.mark.parametrize("path", OWN_STATIC, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_and_styles_load_nothing_from_elsewhere_and_build_no_html(path):
    text = path.read_text()
    assert not re.search(r"[\"'(]\s*(?:https?:)?//[a-z]", text.replace("http://www.w3.org/", ""))
    assert not re.search(r"\beval\(|new Function\(|\.innerHTML\s*=|insertAdjacentHTML|document\.write", text)


@pytest.mark.django_db
def test_a_busy_database_is_answered_with_503(client, foxes, monkeypatch):
    from labeller.insights import selectors

    def busy(*given):
        raise OperationalError("database is locked")

    monkeypatch.setattr(selectors, "progress", busy)
    client.force_login(foxes.vic)
    answer = client.get("/projects/foxes/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "locked" not in answer.content.decode()


@pytest.mark.django_db
def test_django_finds_nothing_to_warn_about_and_no_migration_is_missing():
    call_command("check", fail_level="WARNING")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
