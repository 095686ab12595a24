"""Asking which network serves, looking at what was found, changing the featuriser and going back."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.program import PATIENCE, Program

WAIT = 2_000 * PATIENCE  # milliseconds: networks look at photographs, and then embed all of them


def test_a_manager_finds_out_changes_and_goes_back(sign_in: Callable[..., Page], program: Program) -> None:
    page = sign_in("mia")
    page.goto(f"{program.project_url}settings/")
    page.get_by_test_id("featuriser").click()
    before = page.get_by_test_id("in-use").locator(".path").inner_text()

    page.get_by_test_id("advise").click()
    expect(page.get_by_test_id("stop-advising")).to_be_visible()
    page.get_by_test_id("stop-advising").click()
    expect(page.get_by_test_id("stop-advising")).to_have_count(0)
    page.get_by_test_id("advise").click()
    expect(page.get_by_test_id("verdict")).to_be_visible(timeout=WAIT)
    lines = page.get_by_test_id("candidate")
    expect(lines.filter(has_text="learnt nothing")).to_have_count(3)
    expect(lines.filter(has_text="in use").first).to_be_visible()
    expect(page.get_by_test_id("neighbours").locator("img").first).to_be_visible()
    bars = [lines.nth(number).get_by_role("img").bounding_box() for number in range(lines.count())]
    assert all(bar and bar["width"] > 50 for bar in bars)

    use = lines.get_by_test_id("use").first
    other = use.get_attribute("aria-label") or ""
    use.click()
    expect(page.get_by_test_id("keep")).to_be_visible()
    page.get_by_test_id("keep").click()
    expect(page.get_by_test_id("in-use").locator(".path")).to_have_text(before)

    lines.get_by_test_id("use").first.click()
    back = page.get_by_test_id("back")
    expect(back).to_be_visible(timeout=WAIT)
    assert page.get_by_test_id("in-use").locator(".path").inner_text().split(",")[0] in other
    back.click()
    expect(page.get_by_test_id("in-use").locator(".path")).to_have_text(before, timeout=WAIT)
