"""The running program, and a browser in front of it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
# Chromium must not look for its maker's servers: a test run has no network.
CHROMIUM = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
}


@dataclass
class Program:
    """`manage.py up`, opened on the demo."""

    address: str
    slug: str
    password: str
    data: Path

    @property
    def label_url(self) -> str:
        return f"{self.address}/projects/{self.slug}/label/which-digit-is-this/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    data = tmp_path_factory.mktemp("data")
    environment = {**os.environ, "DATA": str(data), "PORT": str(free_port()), "IMAGES": "", "TRUTH": "", "LABELS": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "labeller.config.settings"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C stops" in line:
                break
        address, slug = re.search(r"labeller is at (http://[^/]+)/projects/([^/]+)/", said).groups()
        yield Program(address, slug, re.search(r"one-time password (\S+)", said)[1], data)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, program: Program) -> Iterator[Page]:
    """A logged-in page; a script error or a breach of the content security policy fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{program.address}/login/")
    page.get_by_label("Username").fill("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(program.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{program.address}/")
    yield page
    context.close()
    assert wrong == []
