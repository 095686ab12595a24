"""A phone in one hand: tap, swipe, pinch and hold, and nothing is labelled that nobody meant."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, STAGE, Auditor, Hands, answer, labels_in_database, saved
from tests.browser.program import Asked

QUESTION = {"known": 60}
PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
TILES = "[data-testid=tile]"
LONG_PRESS_MS = 900
SEEN_MS = 700  # for a tile to count as seen
LOOK_MS = 450  # before a tap: two on one button that come sooner are taken for one
# What decides, or steps: smaller than a fingertip.
SMALL = """
() => [...document.querySelectorAll(".panel button")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .map((each) => [each.getBoundingClientRect(), each.textContent.trim().replace(/\\s+/g, " ")])
  .filter(([{ width, height }]) => width < 44 || height < 44)
  .map(([{ width, height }, text]) => `${text}: ${width} x ${height}`)
"""


class Fingers:
    """Fingers on the screen, as the browser itself is told of them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.screen = page.context.new_cdp_session(page)

    def _touch(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        self.screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drag(self, *steps: list[tuple[float, float]]) -> None:
        """Fingers down at the first places, along the others, and up."""
        self._touch("touchStart", *steps[0])
        for places in steps[1:]:
            self._touch("touchMove", *places)
        self._touch("touchEnd")

    def swipe(self, selector: str, across: float, down: float) -> None:
        x, y = self.middle(selector)
        self.drag([(x, y)], [(x + across / 2, y + down / 2)], [(x + across, y + down)])

    def hold(self, selector: str) -> None:
        self._touch("touchStart", self.middle(selector))
        self.page.wait_for_timeout(LONG_PRESS_MS)
        self._touch("touchEnd")

    def middle(self, selector: str) -> tuple[float, float]:
        box = self.page.locator(selector).first.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    return Auditor(asked)


@pytest.fixture
def phone(sign_in: Callable[..., Page], asked: Asked, auditor: Auditor) -> Hands:
    return Hands(sign_in("ana", **PHONE), asked, auditor=auditor).open()


def decided(asked: Asked) -> int:
    return sum(label.annotator == "ana" for label in labels_in_database(asked))


def tap_class(hands: Hands) -> None:
    """Tap what is right for the image on the stage, which stays in view meanwhile."""
    sample = hands.shown()
    name = hands.answer_of(sample)
    button = hands.page.locator(f"[data-testid=class-button][data-name='{name}']")
    button.scroll_into_view_if_needed()
    expect(hands.page.locator(STAGE)).to_be_in_viewport(ratio=0.9)
    hands.auditor.mean("ana", sample, answer(name))
    hands.done.append(sample)
    hands.page.wait_for_timeout(LOOK_MS)
    button.tap()
    hands.wait_for_another(sample)


def test_images_are_labelled_by_taps(phone: Hands) -> None:
    for _ in range(5):
        tap_class(phone)
    sample = phone.done.pop()
    phone.page.get_by_test_id("undo").tap()
    phone.auditor.take_back("ana", sample)
    assert phone.shown() == sample
    tap_class(phone)
    saved(phone.page)
    assert phone.auditor.check() == 7
    assert phone.page.evaluate(SMALL) == []


def test_swipes_lead_along_the_images_and_accept(phone: Hands, asked: Asked) -> None:
    fingers, page = Fingers(phone.page), phone.page
    first = phone.shown()
    page.get_by_test_id("next").tap()  # as a swipe does, for who can't
    phone.wait_for_another(first)
    second = phone.shown()
    page.get_by_test_id("previous").tap()
    phone.wait_for_another(second)
    assert phone.shown() == first
    fingers.swipe(STAGE, -150, 5)
    phone.wait_for_another(first)
    assert phone.shown() == second
    fingers.swipe(STAGE, 150, 5)
    phone.wait_for_another(second)
    assert phone.shown() == first
    offered = page.get_by_test_id("suggestion").first.locator(".name")
    while not (name := offered.text_content()):  # an audit sample: nothing to accept
        fingers.swipe(STAGE, -150, 5)
        phone.wait_for_another(first)
        first = phone.shown()
    fingers.swipe(STAGE, 5, -150)
    phone.auditor.mean("ana", first, answer(name))
    phone.wait_for_another(first)
    saved(page)
    phone.auditor.check()


def test_pinching_and_holding_label_nothing(phone: Hands, asked: Asked) -> None:
    fingers, page = Fingers(phone.page), phone.page
    before, sample = decided(asked), phone.shown()
    x, y = fingers.middle(STAGE)
    fingers.drag([(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)], [(x - 120, y), (x + 120, y)])
    expect(page.get_by_test_id("zoom-value")).not_to_be_empty()
    fingers.swipe(STAGE, 5, -150)  # moves the close-up
    page.get_by_test_id("fit").tap()
    fingers.hold(STAGE)
    assert phone.shown() == sample
    assert page.locator("dialog[open]").count() == 0
    assert len(page.context.pages) == 1
    saved(page)
    assert decided(asked) == before


def test_a_page_of_the_grid_is_confirmed_by_taps(sign_in: Callable[..., Page], asked: Asked, auditor: Auditor) -> None:
    page = sign_in("ana", **PHONE)
    page.goto(asked.url("grid"))
    page.locator(f"{TILES}[data-ready=true]").first.wait_for(timeout=READY_MS)
    fingers, confirm = Fingers(page), page.get_by_test_id("confirm")
    odd = int(page.locator(TILES).first.get_attribute("data-sample"))
    page.locator(TILES).first.tap()
    expect(page.locator(f"{TILES}[aria-selected=true]")).to_have_count(1)
    for _ in range(10):
        page.wait_for_timeout(SEEN_MS)
        if confirm.is_enabled():
            break
        fingers.swipe("#stage", 0, -250)
    target = page.get_by_test_id("target").text_content()
    shown = page.eval_on_selector_all(TILES, "tiles => tiles.map(({ dataset }) => Number(dataset.sample))")
    for sample in set(shown) - {odd}:
        auditor.mean("ana", sample, answer(target))
    confirm.tap()
    expect(page.get_by_test_id("live")).to_have_text(f"{len(shown) - 1} confirmed as {target}, 1 left")
    saved(page)
    auditor.check()
    assert page.evaluate(SMALL) == []
