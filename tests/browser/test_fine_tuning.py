"""Training the network on: begun, stopped, begun again and done; people label meanwhile."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.hands import Hands, saved
from tests.browser.program import PATIENCE, Asked, Program

WAIT = 2_000 * PATIENCE  # milliseconds
QUESTION = {"known": 120}  # so few that no gain could be sure: the network in use stays


def begin(page: Page, asked: Asked) -> None:
    """Train quickly on the answers to the question."""
    form = page.get_by_test_id("tuning-form")
    (question,) = asked.program.rows("SELECT id FROM projects_question WHERE key = ?", asked.key)
    form.locator("[name=question]").select_option(str(question[0]))
    form.locator("[name=is_quick]").check()
    form.locator("button.button").first.click()


def test_a_manager_trains_and_sees_what_came_of_it(
    sign_in: Callable[..., Page], page: Page, asked: Asked, program: Program
) -> None:
    manager = sign_in("mia")
    manager.goto(f"{program.project_url}featuriser/")
    before = manager.get_by_test_id("in-use").locator(".path").inner_text()
    expect(manager.get_by_test_id("foretold").first).to_contain_text("Not yet")

    begin(manager, asked)
    manager.get_by_test_id("stop-tuning").click()
    expect(manager.get_by_test_id("tuning-form")).to_be_visible()
    expect(manager.get_by_test_id("tuned")).to_have_count(0)

    begin(manager, asked)
    expect(manager.get_by_test_id("stop-tuning")).to_be_visible()
    hands = Hands(page, asked).open()  # nobody waits for the training
    for _ in range(3):
        hands.label()
    saved(page)
    hands.auditor.check()

    tuned = manager.get_by_test_id("tuned")
    expect(tuned).to_be_visible(timeout=WAIT)
    expect(tuned).to_contain_text("Not better beyond doubt")
    expect(tuned.locator("tbody tr").first).to_contain_text(re.compile(r"\d+\.\d %"))
    curve = tuned.get_by_role("img").bounding_box()
    assert curve is not None
    assert curve["width"] > 50
    expect(manager.get_by_test_id("in-use").locator(".path")).to_have_text(before)
