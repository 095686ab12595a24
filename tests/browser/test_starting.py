"""From the first paint on: what is pressed before the page's script runs is kept; a script that never comes is told."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.hands import READY_MS, STAGE
from tests.browser.program import ROOT, Asked, Program

QUESTION = {"known": 60}
TILE = "[data-testid=tile]"
MODULE = re.compile(r'type="module" src="{% static "js/(.+?)" %}"')
SLOW_STORE = """
    const open = IDBFactory.prototype.open;
    let release;
    const gate = new Promise((resolve) => { release = resolve; });
    window.releaseStore = release;
    IDBFactory.prototype.open = function (...given) {
      const late = { };
      gate.then(() => {
        const real = open.apply(this, given);
        for (const name of ["onsuccess", "onerror", "onblocked", "onupgradeneeded"]) {
          real[name] = (event) => late[name]?.call(real, event);
        }
        Object.defineProperties(late, {
          result: { get: () => real.result },
          error: { get: () => real.error },
          transaction: { get: () => real.transaction },
        });
      });
      return late;
    };
"""


class Gate:
    """Holds back what a page asks for until it is opened."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.is_open = False
        self.held: list[Route] = []
        page.route(re.compile(pattern), self._take)

    def _take(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.is_open = True
        while self.held:
            self.held.pop().continue_()


@pytest.fixture
def late(page: Page) -> Gate:
    return Gate(page, r"/js/pages/(label|grid|hunt|review)\.js$")


def begin(page: Page, address: str) -> None:
    """Until somebody sees the page, without its script."""
    page.goto(address, wait_until="commit")
    page.get_by_test_id("labelling").wait_for()


def test_until_the_script_runs_nothing_looks_as_if_it_did(page: Page, asked: Asked, late: Gate) -> None:
    begin(page, asked.url())
    expect(page.get_by_test_id("save-state")).to_have_text("starting…")
    expect(page.get_by_test_id("labelling")).to_have_attribute("inert", "")
    late.open()
    page.locator(STAGE).wait_for(timeout=READY_MS)
    expect(page.get_by_test_id("save-state")).to_have_text("saved")
    expect(page.get_by_test_id("labelling")).not_to_have_attribute("inert", "")
    expect(page.get_by_test_id("not-started")).to_be_hidden()


def test_a_key_pressed_before_the_hunt_listens_begins_it(page: Page, asked: Asked, late: Gate) -> None:
    begin(page, asked.url("hunt"))
    page.keyboard.press(asked.letters["zebra"])
    late.open()
    page.wait_for_url(re.compile(rf"class={asked.classes['zebra']}$"))
    page.locator(TILE).first.wait_for(timeout=READY_MS)
    expect(page.get_by_test_id("target")).to_have_text("zebra")


def test_keys_are_done_in_their_order_also_into_what_they_open(page: Page, asked: Asked, late: Gate) -> None:
    begin(page, asked.url())
    for key in "/zeb":
        page.keyboard.press(key)
    late.open()
    expect(page.get_by_test_id("typeahead-input")).to_have_value("zeb", timeout=READY_MS)
    expect(page.get_by_test_id("typeahead-option").first).to_contain_text("zebra")


def test_a_key_for_an_image_that_is_not_there_labels_nothing_and_is_answered(
    page: Page, asked: Asked, late: Gate
) -> None:
    samples = Gate(page, r"/next/$")
    saved: list[str] = []
    page.on("request", lambda sent: saved.append(sent.url) if sent.url.endswith("/labels/") else None)
    begin(page, asked.url())
    page.keyboard.press(asked.letters["fox"])
    late.open()
    expect(page.get_by_test_id("notice")).to_have_text("Fetching images…", timeout=READY_MS)
    samples.open()
    page.locator(STAGE).wait_for(timeout=READY_MS)
    page.wait_for_timeout(1000)
    assert saved == []


def test_a_class_chosen_before_the_first_tiles_is_what_they_are_of(page: Page, asked: Asked, late: Gate) -> None:
    begin(page, asked.url("grid"))
    page.keyboard.press(asked.letters["zebra"])
    late.open()
    page.locator(TILE).first.wait_for(timeout=READY_MS)
    expect(page.get_by_test_id("target")).to_have_text("zebra")


def test_a_hunt_begun_while_the_store_of_the_browser_is_slow_goes_on(page: Page, asked: Asked) -> None:
    page.add_init_script(SLOW_STORE)
    page.goto(asked.url("hunt"))
    page.get_by_test_id("start").wait_for()
    page.keyboard.press(asked.letters["zebra"])
    page.evaluate("window.releaseStore()")
    page.locator(TILE).first.wait_for(timeout=READY_MS)
    expect(page.get_by_test_id("target")).to_have_text("zebra")


def test_a_hunt_that_was_lost_is_asked_for_again(page: Page, asked: Asked) -> None:
    def lose(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "state": "lost", "tiles": []})

    page.route("**/hunt/tiles/", lose, times=1)
    started: list[str] = []
    page.on("request", lambda sent: started.append(sent.url) if sent.url.endswith("/hunt/start/") else None)
    page.goto(asked.url("hunt"))
    page.get_by_test_id("start").wait_for()
    page.keyboard.press(asked.letters["zebra"])
    page.locator(TILE).first.wait_for(timeout=READY_MS)
    assert len(started) == 2


@pytest.fixture
def unwatched(browser: Browser, program: Program) -> Iterator[Page]:
    """A page whose script may fail."""
    context = browser.new_context()
    for name, value in program.cookies("mia").items():
        context.add_cookies([{"name": name, "value": value, "url": program.address}])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("where", ["label/{key}/", "label/{key}/grid/", "label/{key}/review/", ""])
@pytest.mark.parametrize(
    "harm",
    [
        pytest.param({"status": 404, "body": ""}, id="not there"),
        pytest.param({"content_type": "text/javascript", "body": "export const byId = 1;"}, id="of another version"),
        pytest.param({"content_type": "text/javascript", "body": "nothing.at.all();"}, id="broken"),
    ],
)
def test_a_page_whose_modules_do_not_come_says_so(
    unwatched: Page, asked: Asked, where: str, harm: dict[str, Any]
) -> None:
    unwatched.route("**/js/parts/dom.js", lambda route: route.fulfill(**harm))
    unwatched.goto(asked.program.project_url + where.format(key=asked.key))
    box = unwatched.get_by_test_id("not-started")
    expect(box).to_contain_text("could not start")
    if where:
        assert unwatched.get_by_test_id("save-state").text_content() == "starting…"
    unwatched.unroute("**/js/parts/dom.js")
    box.get_by_role("link").click()
    unwatched.locator("html[data-script=running]").wait_for()
    expect(box).to_be_hidden()


@pytest.mark.parametrize("place", ["", "projects/new/", "account/", "people/", "login/"])
def test_a_page_that_needs_no_script_does_not_say_that_it_failed(
    sign_in: Callable[..., Page], program: Program, place: str
) -> None:
    page = sign_in("" if place == "login/" else "admin")
    page.goto(f"{program.address}/{place}")
    assert page.evaluate("document.readyState") == "complete"
    expect(page.get_by_test_id("not-started")).to_be_hidden()


def test_every_page_with_a_module_waits_for_it() -> None:
    """A module of a page says that it runs: itself, or by listening to keys."""
    named = {name for file in (ROOT / "templates").rglob("*.html") for name in MODULE.findall(file.read_text())}
    scripts = {name: (ROOT / "static/js" / name).read_text() for name in named}
    assert len(named) > 5
    assert not [name for name, text in scripts.items() if "started();" not in text and "session.listen(" not in text]
