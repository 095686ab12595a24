"""The running program, and a browser in front of it.

One program serves all browser tests: `manage.py up` on 2,000 drawn photographs (photographs.py), imported without their
truth, which only the tests know: `program.truth[sample_id]` is the right class, `program.looks[sample_id]` what the
picture looks like (5 % differ). It takes half a minute to start, once.

`asked`    a question of the test module's own, with all nine classes ("empty" is the blank one): labels, rounds and
           groups of one module never meet those of another. A module says what it needs in QUESTION, for instance
           `QUESTION = {"known": 150}` (150 samples answered by bo beforehand, so that classes are predicted),
           `{"multi_label": True}`, `{"classes": ("fox", "empty")}`, `{"names": True}` (5,000 more classes), or
           `{"key": "other-than-the-module's-name"}`. `program.ask("key", …)` makes further ones.
`page`     a page of ana's (an annotator), logged in.
`sign_in`  sign_in("mia") gives a page of somebody else, in a context of its own; options go to `new_context`.
           People: admin, olga (owner), mia (manager), ana and bo (annotators), vic (viewer), sam (a stranger).
Every such page fails its test by a script error, a dialog, a breach of the content security policy, or a request to
another host.

`Hands(page, asked)`, `saved(page)`, `labels_in_database(asked)` and the `Auditor` (nothing lost, nothing doubled) are
in hands.py. A test of your own for a mode begins like this:

    QUESTION = {"known": 150}

    def test_the_grid(page, asked):
        page.goto(asked.url("grid"))
        auditor = Auditor(asked)
        …  auditor.mean("ana", sample, answer("fox"))  # at every decision
        saved(page)
        auditor.check()
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import program as running_program
from tests.browser.program import Asked, Program

# Chromium must not look for its maker's servers: a test run has no network.
CHROMIUM: dict[str, Any] = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
}
REPORT = pytest.StashKey[list[str]]()  # lines for the end of the run, the last one JSON


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_program.running(tmp_path_factory.mktemp("browser")) as program:
        yield program


@pytest.fixture(scope="module")
def asked(request: pytest.FixtureRequest, program: Program) -> Asked:
    options = dict(getattr(request.module, "QUESTION", {}))
    key = options.pop("key", request.module.__name__.rpartition("test_")[2].replace("_", "-"))
    if options.pop("names", False):
        options["names"] = str(program.folder / "names.csv")
    return program.ask(key, **options)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[..., Browser]]:
    """Starts a browser; with further switches it is another one."""
    with sync_playwright() as playwright:
        started: dict[tuple[str, ...], Browser] = {}

        def launch(*switches: str) -> Browser:
            if switches not in started:
                started[switches] = playwright.chromium.launch(**{**CHROMIUM, "args": [*CHROMIUM["args"], *switches]})
            return started[switches]

        yield launch
        for browser in started.values():
            browser.close()


@pytest.fixture(scope="session")
def browser(chromium: Callable[..., Browser]) -> Browser:
    return chromium()


def watch(context: BrowserContext, address: str, wrong: list[str]) -> None:
    """Note what no page may ever do."""

    def on_page(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def on_request(asked: Any) -> None:
        there = urlsplit(asked.url)
        if there.scheme in {"http", "https", "ws", "wss"} and f"{there.scheme}://{there.netloc}" != address:
            wrong.append(f"another host: {asked.url}")

    context.on("page", on_page)
    context.on("request", on_request)


@pytest.fixture
def sign_in(browser: Browser, program: Program) -> Iterator[Callable[..., Page]]:
    """sign_in(who, **options of the context): a page of that person's; who = "" for nobody."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(who: str = "ana", *, using: Browser | None = None, **options: Any) -> Page:
        context = (using or browser).new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        watch(context, program.address, wrong)
        if who:
            for name, value in program.cookies(who).items():
                context.add_cookies([{"name": name, "value": value, "url": program.address}])
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(sign_in: Callable[..., Page]) -> Page:
    return sign_in("ana")


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> list[str]:
    """Lines that the run ends with."""
    return request.config.stash.setdefault(REPORT, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests, each hands its lines to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["report"] = session.config.stash.get(REPORT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a process's lines."""
    node.config.stash.setdefault(REPORT, []).extend(getattr(node, "workeroutput", {}).get("report", []))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else, so that the last line of the output is the report's."""
    lines = config.stash.get(REPORT, [])
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if lines and terminal is not None:
        terminal.write_line("")
        for line in lines:
            terminal.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a browser test."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
