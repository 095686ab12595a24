"""On a phone: the image, its suggestions and what can be decided are in one view; no name is cut."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, STAGE
from tests.browser.program import Asked, Program

LONG = "Small-flowered evening primrose of the northern dunes"
QUESTION = {"known": 60}
HEIGHT = 800
PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": HEIGHT}}
TILE = "[data-testid=tile][data-ready=true]"
# What of these can be seen only in part, or not at all, without scrolling.
BELOW = """
(selectors) => selectors.flatMap((selector) => [...document.querySelectorAll(selector)])
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .map((each) => [each.getBoundingClientRect(), each])
  .filter(([{ top, bottom, left, right }]) => top < 0 || left < 0 || bottom > innerHeight || right > innerWidth)
  .map(([{ bottom }, each]) => `${each.outerHTML.slice(0, 80)} ends at ${bottom}`)
"""
CUT = """
(selectors) => selectors.flatMap((selector) => [...document.querySelectorAll(selector)])
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
  .map((each) => each.textContent)
"""
OUTSIDE = """
() => [...document.querySelectorAll("button kbd")].filter((each) => each.checkVisibility()).filter((each) => {
  const [key, button] = [each, each.closest("button")].map((one) => one.getBoundingClientRect());
  return key.right > button.right || key.left < button.left || key.top < button.top || key.bottom > button.bottom;
}).map((each) => each.parentElement.textContent)
"""


@pytest.fixture
def phone(sign_in: Callable[..., Page]) -> Page:
    return sign_in("mia", **PHONE)


@pytest.fixture(scope="module")
def long_named(program: Program) -> Asked:
    return program.ask("phone-long", classes=(LONG, "fox", "empty"), known=0)


@pytest.mark.parametrize(
    ("mode", "answers"), [("single", ".suggestion"), ("sequence", ".suggestion"), ("review", ".answer")]
)
def test_image_suggestions_and_decisions_are_in_one_view(phone: Page, asked: Asked, mode: str, answers: str) -> None:
    phone.goto(asked.url(mode))
    if mode != "review":
        phone.locator(STAGE).wait_for(timeout=READY_MS)
    header = phone.locator(".site-header").bounding_box()
    assert header["height"] <= 56
    assert phone.evaluate(BELOW, ["#stage", answers, ".decisions button"]) == []
    assert phone.locator("#stage").bounding_box()["height"] >= HEIGHT / 4


@pytest.mark.parametrize("mode", ["grid", "hunt"])
def test_tiles_and_the_button_that_confirms_them_are_in_one_view(phone: Page, asked: Asked, mode: str) -> None:
    phone.goto(asked.url(mode) + (f"?class={asked.classes['zebra']}" if mode == "hunt" else ""))
    phone.locator(TILE).first.wait_for(timeout=READY_MS)
    assert phone.evaluate(BELOW, [".target", ".tiles-stage", "#confirm"]) == []
    assert phone.locator(".tiles-stage").bounding_box()["height"] >= HEIGHT / 2


def test_the_rest_is_in_a_menu(phone: Page, asked: Asked) -> None:
    phone.goto(asked.url())
    link = phone.get_by_role("link", name="Progress", exact=True)
    expect(link).to_be_hidden()
    phone.get_by_test_id("menu").click()
    expect(phone.get_by_test_id("language")).to_be_visible()
    expect(phone.get_by_role("button", name="Log out")).to_be_visible()
    expect(phone.get_by_test_id("your-account").get_by_text("Your account")).to_be_visible()
    link.click()
    phone.wait_for_url(asked.program.project_url)
    assert phone.locator(".site-header").bounding_box()["height"] <= 56


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_a_long_name_is_cut_nowhere(sign_in: Callable[..., Page], long_named: Asked, width: int) -> None:
    page = sign_in("mia", viewport={"width": width, "height": 900})
    page.goto(long_named.url("hunt"))
    page.get_by_test_id("start-class").first.wait_for(timeout=READY_MS)
    names = [".start-class .name", ".class-button .name", "#target", "#confirm-text", "#marks-are"]
    assert page.evaluate(CUT, names) == []
    page.goto(long_named.url("grid"))
    page.locator(TILE).first.wait_for(timeout=READY_MS)
    page.keyboard.press("1")
    expect(page.get_by_test_id("target")).to_have_text(LONG)
    expect(page.locator("#confirm-text")).to_contain_text(LONG)
    assert page.evaluate(CUT, names) == []
    assert page.evaluate(OUTSIDE) == []


def test_all_rows_of_the_class_table_are_there(phone: Page, asked: Asked) -> None:
    phone.goto(asked.program.project_url)
    table = phone.get_by_test_id("classes-found").locator(".scroll")
    assert table.evaluate("each => each.scrollHeight - each.clientHeight") <= 1
