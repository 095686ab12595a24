"""Whatever happens to server, network, browser or clock: no judgement is lost, and none doubled."""

import datetime
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from tests.browser.hands import Auditor, Hands, answer, saved
from tests.browser.program import Asked, Program
from tests.browser.tabs import again, audited, is_not_saved, opened
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
    return audited(asked)


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> Hands:
    return opened(Hands(page, asked, auditor=auditor))


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
    requests: list[Route] = []

    def kill_at_the_second(route: Route) -> None:
        requests.append(route)
        if len(requests) == 2:
            program.kill_web()
        route.continue_()

    page.route(SAVES, kill_at_the_second)
    grid.confirm()
    is_not_saved(page, "offline|busy")
    assert len(requests) > 1
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
        button.tap(trial=True)  # in view, and at rest
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
