"""Having ways to adapt tried, stopping, and looking at what each is worth."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.program import PATIENCE, Program

WAIT = 4_000 * PATIENCE  # milliseconds: an autoencoder learns, and networks look at photographs


def test_a_manager_has_ways_tried_and_sees_what_each_gains(sign_in: Callable[..., Page], program: Program) -> None:
    page = sign_in("mia")
    page.goto(f"{program.project_url}featuriser/")
    page.get_by_test_id("adapt").click()
    expect(page.get_by_test_id("stop-adapting")).to_be_visible()
    page.get_by_test_id("stop-adapting").click()
    expect(page.get_by_test_id("stop-adapting")).to_have_count(0)
    page.get_by_test_id("adapt").click()
    expect(page.get_by_test_id("stop-adapting")).to_be_visible()
    expect(page.get_by_test_id("adapt")).to_be_visible(timeout=WAIT)  # done: it may be asked for again
    ways = page.get_by_test_id("adapting").locator(".way")
    assert ways.count() >= 6
    for name in ("whitening", "autoencoder", "agreement"):
        gain = page.get_by_test_id(f"way-{name}").locator(".way-gain").first
        expect(gain).to_contain_text("points")
        bar = gain.locator("svg").bounding_box()
        assert bar and bar["width"] > 50
    # What is offered is what helps: a bar beyond the middle.
    for button in page.get_by_test_id("adapting").locator("[data-testid^=use-]").all():
        assert button.locator("xpath=ancestor::li").locator(".better").count()
