"""A decision that the server fails on is shown to the person, and holds up nothing else."""

import json

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.hands import Auditor, Hands, saved
from tests.browser.program import Asked
from tests.browser.tabs import audited, is_not_saved, opened

SAVES = "**/labels/"


@pytest.fixture
def auditor(asked: Asked) -> Auditor:
    return audited(asked)


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> Hands:
    return opened(Hands(page, asked, auditor=auditor))


def problems(page: Page) -> Locator:
    return page.get_by_test_id("problem")


@pytest.mark.parametrize("status", [500, 413])
def test_what_cannot_be_saved_is_found_among_the_others(hands: Hands, page: Page, status: int) -> None:
    poisoned: set[int] = set()

    def fail(route: Route) -> None:
        events = json.loads(route.request.post_data)["events"]
        if poisoned.intersection(event["sample"] for event in events):
            route.fulfill(status=status, body="Oh no", content_type="text/html")
        else:
            route.continue_()

    saved(page)
    page.route(SAVES, fail)
    for _ in range(2):
        hands.label()
    sample = hands.shown()
    poisoned.add(sample)
    hands.label()
    for _ in range(4):
        hands.label()
    expect(problems(page)).to_have_count(1, timeout=30_000)
    expect(problems(page)).to_contain_text(str(sample))
    saved(page)
    (meant,) = hands.auditor.meant.pop(("ana", sample))
    hands.auditor.check()  # all others are saved, once each

    hands.label()  # and labelling goes on
    saved(page)
    page.reload()
    expect(problems(page)).to_have_count(1)  # kept until the person has dealt with it
    page.unroute(SAVES)
    page.get_by_test_id("try-again").click()
    expect(problems(page)).to_have_count(0)
    saved(page)
    hands.auditor.mean("ana", sample, meant)
    hands.auditor.check()


def test_a_server_that_fails_at_everything_makes_no_problem_of_decisions(hands: Hands, page: Page) -> None:
    asked: list[int] = []

    def fail(route: Route) -> None:
        asked.append(1)
        route.fulfill(status=500, body="Oh no", content_type="text/html")

    page.route(SAVES, fail)
    for _ in range(3):
        hands.label()
    is_not_saved(page, "busy")
    page.wait_for_timeout(4000)  # it is tried again, and asked whether it works otherwise
    assert len(asked) > 3
    expect(problems(page)).to_have_count(0)
    page.unroute(SAVES)
    saved(page)
    hands.auditor.check()
