"""Tabs of one browser on the single-image screen, and what they say of unsaved labels."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import Auditor, Hands, labels_in_database
from tests.browser.program import Asked


def audited(asked: Asked) -> Auditor:
    """An auditor who begins with what is stored already."""
    auditor = Auditor(asked)
    for label in labels_in_database(asked):
        auditor.mean(label.annotator, label.sample, label.decision)
    return auditor


def opened(hands: Hands) -> Hands:
    """With the pictures ahead there, so that a server or network that is gone keeps nobody from labelling."""
    hands.open().page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(({name}) => name.endsWith('/1280.jpg')).length > 5"
    )
    return hands


def again(hands: Hands, who: str = "") -> Hands:
    """A new tab of the same browser, on the same screen."""
    page = hands.page.context.new_page()
    return opened(Hands(page, hands.asked, who=who or hands.who, auditor=hands.auditor))


def save_state(page: Page) -> Locator:
    return page.get_by_test_id("save-state")


def is_not_saved(page: Page, state: str) -> None:
    """The page says so, and how many labels wait."""
    expect(save_state(page)).to_have_attribute("data-state", re.compile(state))
    expect(save_state(page)).to_contain_text(re.compile(r"[1-9]\d* queued"))
