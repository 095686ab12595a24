"""Two tabs, two people, two log-ins: no sample is shown twice, and a judgement stays with whose it is."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Auditor, Hands, answer, labels_in_database, saved
from tests.browser.program import PASSWORD, Asked, Program
from tests.browser.tabs import again, audited, is_not_saved, opened, save_state

SAVES = "**/labels/"


@pytest.fixture
def auditor(asked: Asked) -> Auditor:
    return audited(asked)


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> Hands:
    return opened(Hands(page, asked, auditor=auditor))


@pytest.mark.parametrize("people", [("ana", "ana"), ("ana", "bo")], ids=["two tabs", "two people"])
def test_no_sample_is_shown_twice(
    sign_in: Callable[..., Page], asked: Asked, auditor: Auditor, people: tuple[str, str]
) -> None:
    one = Hands(sign_in(people[0]), asked, who=people[0], auditor=auditor).open()
    if people[0] == people[1]:
        two = again(one)
    else:
        two = Hands(sign_in(people[1]), asked, who=people[1], auditor=auditor).open()
    assert not set(waiting(one.page)) & set(waiting(two.page))
    for _ in range(4):
        one.label()
        two.label()
    one.page.reload()
    seen = [*one.done, one.shown(), *two.done, two.shown()]
    assert len(set(seen)) == len(seen)
    for each in (one, two):
        saved(each.page)
    auditor.check()


def waiting(page: Page) -> list[int]:
    """Samples in the strip."""
    names = page.get_by_test_id("thumb").evaluate_all("thumbs => thumbs.map(thumb => thumb.ariaLabel)")
    assert names
    return [int(re.search(r"\d+", name)[0]) for name in names]


def test_a_label_changed_in_two_tabs(hands: Hands, page: Page, asked: Asked, program: Program) -> None:
    sample, _ = hands.label("fox")
    saved(page)
    two = page.context.new_page()
    two.goto(f"{asked.url()}?sample={sample}")
    late = Hands(two, asked, auditor=hands.auditor)
    assert late.shown() == sample
    history = page.context.new_page()
    history.goto(f"{program.project_url}history/")

    page.keyboard.press("ArrowLeft")
    assert hands.label("zebra")[0] == sample
    saved(page)
    two.keyboard.press(asked.letters["leopard"])
    for tab in (page, two):
        problem = tab.get_by_test_id("problem")
        expect(problem).to_contain_text("leopard")
        expect(problem).to_contain_text("zebra")
    assert labels_in_database(asked)[-1].decision == answer("zebra"), "who came first has it until it is said otherwise"
    hands.auditor.mean("ana", sample, answer("leopard"))
    two.get_by_test_id("use-mine").click()
    for tab in (page, two):
        saved(tab)
        expect(tab.get_by_test_id("problem")).to_have_count(0)

    history.get_by_test_id("said").first.get_by_test_id("withdraw").click()
    expect(history.locator(".messages")).to_contain_text("nothing was taken back")
    rows = history.get_by_test_id("said").filter(has_text=re.compile(rf"image {sample}\b"))
    said = rows.filter(has_text=f"({asked.key})").locator(".said").all_text_contents()
    assert [" ".join(text.split()) for text in said] == ["leopard", "zebra replaced", "fox replaced"]
    hands.auditor.check()


def expire(page: Page) -> None:
    page.context.clear_cookies(name=re.compile("^sessionid"))


def log_in(tab: Page, program: Program, who: str) -> None:
    """As the page says, whoever was logged in before."""
    expire(tab)
    tab.goto(f"{program.address}/login/")
    tab.fill("[name=username]", who)
    tab.fill("[name=password]", PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator(".user-name")).to_have_text(who)


def test_labels_made_after_the_log_in_expired_wait_for_the_next_one(hands: Hands, page: Page, program: Program) -> None:
    expire(page)
    for _ in range(3):
        hands.label()
    is_not_saved(page, "signed-out")
    expect(save_state(page)).to_contain_text("log in again")
    log_in(page.context.new_page(), program, "ana")
    saved(page)
    hands.auditor.check()


def test_nobody_elses_log_in_sends_them(hands: Hands, page: Page, program: Program) -> None:
    saved(page)
    expire(page)
    mine = hands.shown()
    hands.label()
    is_not_saved(page, "signed-out")
    log_in(page.context.new_page(), program, "bo")
    with page.expect_response(SAVES, timeout=60_000):
        pass
    bo = again(hands, who="bo")
    bo.label()
    saved(bo.page)
    page.close()  # with its last words, and bo's cookies
    bo.page.reload()
    bo.label()
    saved(bo.page)
    assert not [label for label in labels_in_database(hands.asked) if label.sample == mine]
    bo.page.close()
    log_in(bo.page.context.new_page(), program, "ana")
    saved(again(hands).page)
    hands.auditor.check()


def test_going_back_to_what_somebody_else_had_open(hands: Hands, page: Page, program: Program) -> None:
    hands.label()
    log_in(page, program, "bo")
    for _ in range(3):
        page.go_back()
        if page.url == hands.asked.url():
            break
    bo = Hands(page, hands.asked, who="bo", auditor=hands.auditor)
    assert bo.shown() not in hands.done
    expect(page.locator(".user-name")).to_have_text("bo")
    bo.label()
    saved(page)
    page.close()
    log_in(hands.page.context.new_page(), program, "ana")
    saved(again(hands).page)
    hands.auditor.check()
