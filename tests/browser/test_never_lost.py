"""Whatever happens to server, network, browser or clock: no judgement is lost, doubled, or given to another."""

import datetime
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.hands import Auditor, Hands, answer, labels_in_database, saved
from tests.browser.program import PASSWORD, Asked, Program
from tests.browser.test_grid import TILES, GridHands

SAVES = "**/labels/"
SHIFTED_CLOCK = """
    (() => {
      const Real = Date;
      globalThis.Date = class extends Real {
        constructor(...given) { given.length ? super(...given) : super(Real.now() + SHIFT); }
        static now() { return Real.now() + SHIFT; }
      };
    })();
"""


@pytest.fixture
def auditor(asked: Asked) -> Auditor:
    """Begins with what is stored already."""
    auditor = Auditor(asked)
    for label in labels_in_database(asked):
        auditor.mean(label.annotator, label.sample, label.decision)
    return auditor


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> Hands:
    return opened(Hands(page, asked, auditor=auditor))


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


def sent_and_left(hands: Hands) -> int:
    """Answer the sample on the stage and close the tab at once; returns the sample."""
    sample = hands.shown()
    hands.press(sample, hands.answer_of(sample))
    hands.page.close()
    return sample


def test_a_killed_server_takes_no_label_with_it(hands: Hands, page: Page, program: Program) -> None:
    for _ in range(5):
        hands.label()  # the fifth sends them
    program.kill_web()
    hands.label()
    is_not_saved(page, "offline|busy")
    for _ in range(3):
        hands.label()
    hands.undo()
    hands.label()
    program.wait_for_web()
    saved(page)
    hands.auditor.check()


def test_a_server_killed_in_the_middle_of_a_grid_page(
    page: Page, asked: Asked, auditor: Auditor, program: Program
) -> None:
    grid = GridHands(page, asked, auditor)
    page.goto(asked.url("grid"))
    choose(grid, "zebra")
    with page.expect_response(SAVES):
        confirmed = grid.confirm()
    assert len(confirmed) > 25, "more than one request"
    program.kill_web()
    is_not_saved(page, "offline|busy")
    program.wait_for_web()
    saved(page)
    auditor.check()
    choose(grid, "zebra")
    grid.confirm()
    grid.check()


def choose(grid: GridHands, name: str) -> None:
    """Say what the page is of, where nothing is predicted yet."""
    grid.page.wait_for_selector(f"{TILES}[data-ready=true]")
    if grid.page.locator("#target[data-open]").count():
        grid.press(grid.asked.letters[name])
    grid.wait()


def test_labels_made_without_a_network_outlive_the_tab(hands: Hands, page: Page) -> None:
    saved(page)
    page.context.set_offline(True)
    for _ in range(3):
        hands.label()
    hands.undo()
    hands.label()
    is_not_saved(page, "offline")
    page.close()
    page.context.set_offline(False)
    saved(again(hands).page)
    hands.auditor.check()


def test_a_reload_after_the_network_was_away(hands: Hands, page: Page) -> None:
    page.context.set_offline(True)
    decided = {hands.label()[0] for _ in range(2)}
    page.context.set_offline(False)
    page.reload()
    assert hands.shown() not in decided
    saved(page)
    hands.auditor.check()


def test_the_network_comes_back_to_a_page_that_waited(hands: Hands, page: Page) -> None:
    page.context.set_offline(True)
    hands.label()
    is_not_saved(page, "offline")
    page.context.set_offline(False)
    saved(page)
    hands.auditor.check()


def test_a_tab_closed_right_after_a_key_press(hands: Hands) -> None:
    decided = {sent_and_left(hands)}
    for _ in range(2):
        tab = again(hands)
        assert tab.shown() not in decided
        decided.add(sent_and_left(tab))
    saved(again(hands).page)
    hands.auditor.check()


def test_tabs_closed_right_after_a_key_press_without_a_network(hands: Hands, page: Page) -> None:
    context = page.context
    tabs = [hands, again(hands)]
    context.set_offline(True)
    decided = {sent_and_left(tab) for tab in tabs}
    context.set_offline(False)
    tab = again(hands)
    assert tab.shown() not in decided
    saved(tab.page)
    hands.auditor.check()


def test_back_forward_and_reload_in_the_middle(hands: Hands, page: Page, program: Program) -> None:
    for _ in range(3):
        hands.label()
    page.goto(program.project_url)
    page.go_back()
    for leave in (page.reload, page.go_forward, page.reload):
        sample = hands.shown()
        assert sample not in hands.done
        hands.press(sample, hands.answer_of(sample))
        leave()  # before it is saved
        if leave == page.go_forward:
            page.go_back()
    assert hands.shown() not in hands.done
    saved(page)
    hands.auditor.check()


@pytest.mark.parametrize("how", ["double click", "double tap", "held key", "held Enter"])
def test_one_answer_is_for_one_sample(sign_in: Callable[..., Page], asked: Asked, auditor: Auditor, how: str) -> None:
    page = sign_in("ana", has_touch=how == "double tap")
    hands = opened(Hands(page, asked, auditor=auditor))
    sample = hands.shown()
    name = hands.answer_of(sample)
    auditor.mean("ana", sample, answer(name))
    button = page.locator(f"[data-testid=class-button][data-name='{name}']")
    if how == "double click":
        button.dblclick()
    elif how == "double tap":
        box = button.bounding_box()
        for _ in range(2):
            page.touchscreen.tap(box["x"] + 20, box["y"] + 10)
    else:
        key = hands.key_of(name) if how == "held key" else "Enter"
        if key == "Enter":
            button.focus()
        for _ in range(6):
            page.keyboard.down(key)
            page.wait_for_timeout(40)
        page.keyboard.up(key)
    hands.wait_for_another(sample)
    hands.label()
    saved(page)
    auditor.check()


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
    rows = history.get_by_test_id("said").filter(has_text=f"image {sample}").locator(".said")
    assert [" ".join(text.split()) for text in rows.all_text_contents()] == [
        "leopard",
        "zebra replaced",
        "fox replaced",
    ]
    hands.auditor.check()


@pytest.mark.parametrize("hours", [2, -2], ids=["fast", "slow"])
def test_a_clock_two_hours_off(
    sign_in: Callable[..., Page], asked: Asked, auditor: Auditor, program: Program, hours: int
) -> None:
    page = sign_in("ana")
    page.context.add_init_script(SHIFTED_CLOCK.replace("SHIFT", str(hours * 3_600_000)))
    start = datetime.datetime.now(datetime.UTC)
    hands = opened(Hands(page, asked, auditor=auditor))
    off = page.evaluate("() => Date.now()") / 1000 - start.timestamp()
    assert abs(off - hours * 3600) < 60
    bo = Hands(sign_in("bo"), asked, who="bo", auditor=auditor).open()
    for _ in range(3):
        hands.label()
        bo.label()
    hands.undo()
    hands.label()
    page.reload()
    assert hands.shown() not in {*hands.done, *bo.done}
    for tab in (page, bo.page):
        saved(tab)
    auditor.check()
    place = ", ".join(str(sample) for sample in hands.done)
    times = program.rows(
        f"SELECT label.created_at FROM labels_label AS label JOIN projects_question AS question"
        f" ON question.id = question_id WHERE question.key = ? AND sample_id IN ({place})",
        asked.key,
    )
    end = datetime.datetime.now(datetime.UTC)
    assert len(times) == 5
    assert all(start <= datetime.datetime.fromisoformat(time).replace(tzinfo=datetime.UTC) <= end for (time,) in times)


def log_in(tab: Page, program: Program, who: str) -> None:
    """As the page says, whoever was logged in before."""
    tab.context.clear_cookies()
    tab.goto(f"{program.address}/login/")
    tab.fill("[name=username]", who)
    tab.fill("[name=password]", PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator(".user-name")).to_have_text(who)


def test_labels_made_after_the_log_in_expired_wait_for_the_next_one(hands: Hands, page: Page, program: Program) -> None:
    page.context.clear_cookies()
    for _ in range(3):
        hands.label()
    is_not_saved(page, "signed-out")
    expect(save_state(page)).to_contain_text("log in again")
    log_in(page.context.new_page(), program, "ana")
    saved(page)
    hands.auditor.check()


def test_nobody_elses_log_in_sends_them(hands: Hands, page: Page, program: Program) -> None:
    saved(page)
    page.context.clear_cookies()
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


def test_an_answer_that_never_came(hands: Hands, page: Page) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        if len(lost) == 2:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.route(SAVES, lose)
    for _ in range(2):
        hands.label()
    is_not_saved(page, "offline|busy")
    hands.undo()
    saved(page)
    assert lost == [200, 200]
    hands.auditor.check()
