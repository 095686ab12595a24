"""The grid by keyboard alone: odd ones out, confirm the rest, batches taken back; nothing unseen is ever confirmed."""

import time
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, WITHDRAWN, Auditor, Decision, answer, labels_in_database, saved
from tests.browser.program import Asked, Program

QUESTION = {"known": 150}
TILES = "[data-testid=tile]"
OPEN = f"{TILES}:not([data-decided])"


class GridHands:
    """Someone who knows the answers, at the keys of the grid."""

    def __init__(self, page: Page, asked: Asked, auditor: Auditor | None = None, who: str = "ana") -> None:
        self.page, self.asked, self.who = page, asked, who
        self.truth = asked.program.truth
        self.auditor = auditor or Auditor(asked)

    def open(self) -> "GridHands":
        self.page.goto(self.asked.url("grid"))
        self.wait()
        return self

    def wait(self) -> None:
        """Until this page may be confirmed: all its tiles seen, all its pictures there."""
        self.page.wait_for_function(
            "() => !document.getElementById('confirm').disabled && document.querySelector('[data-testid=tile]')",
            timeout=READY_MS,
        )

    @property
    def target(self) -> str:
        return self.page.get_by_test_id("target").text_content()

    def shown(self, which: str = OPEN) -> list[int]:
        return self.page.eval_on_selector_all(which, "tiles => tiles.map(tile => Number(tile.dataset.sample))")

    def selected(self) -> list[int]:
        return self.shown("[data-testid=tile][aria-selected=true]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, sample: int) -> None:
        """With the arrow keys, as the tiles lie."""
        place, columns = self.page.evaluate(
            "sample => { const at = (id) => [...document.querySelectorAll('[data-testid=tile]')]"
            ".findIndex((tile) => tile.dataset.sample === id);"
            "return [at(String(sample)), Number(document.getElementById('tiles').getAttribute('aria-colcount'))]; }",
            sample,
        )
        self.press("Home", *["ArrowDown"] * (place // columns), *["ArrowRight"] * (place % columns))

    def select_odd_ones(self) -> list[int]:
        """Select what is not of the target's class; at least one, for the tests' sake."""
        target = self.target
        odd = [sample for sample in self.shown() if self.truth[sample] != target] or self.shown()[5:6]
        for sample in odd:
            self.go_to(sample)
            self.press("Space")
        assert sorted(self.selected()) == sorted(odd)
        return odd

    def confirm(self) -> list[int]:
        target, selected = self.target, set(self.selected())
        rest = [sample for sample in self.shown() if sample not in selected]
        for sample in rest:
            self.auditor.mean(self.who, sample, answer(target))
        self.press("Enter")
        return rest

    def give(self, name: str) -> None:
        """Say what the selected ones are."""
        for sample in self.selected():
            self.auditor.mean(self.who, sample, answer(name))
        self.press(self.asked.letters[name])

    def check(self) -> int:
        saved(self.page)
        return self.auditor.check()


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    return Auditor(asked)


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> GridHands:
    return GridHands(page, asked, auditor).open()


def live(page: Page) -> str:
    return page.get_by_test_id("live").text_content()


def test_pages_are_confirmed_and_their_odd_ones_named_by_keyboard_alone(hands: GridHands, page: Page) -> None:
    for _ in range(2):
        target, before = hands.target, set(hands.shown())
        assert len(before) >= 40
        odd = hands.select_odd_ones()
        rest = hands.confirm()
        expect(page.get_by_test_id("live")).to_have_text(f"{len(rest)} confirmed as {target}, {len(odd)} left")
        assert hands.shown() == odd and hands.target == target, "the odd ones stay until somebody says what they are"
        hands.give(hands.truth[odd[0]])
        page.wait_for_function("odd => !document.querySelector(`[data-testid=tile][data-sample='${odd}']`)", arg=odd[0])
        hands.wait()
        assert not before & set(hands.shown()), "the next page comes by itself"
    assert hands.check() > 80
    assert {label.mode for label in labels_in_database(hands.asked) if label.annotator == "ana"} == {"grid"}


def test_a_batch_is_taken_back_at_once_and_done_again(hands: GridHands, page: Page) -> None:
    before = hands.shown()
    odd = hands.select_odd_ones()
    rest = hands.confirm()
    hands.press("Backspace")
    for sample in rest:
        hands.auditor.mean(hands.who, sample, WITHDRAWN)
    assert hands.shown() == before and sorted(hands.selected()) == sorted(odd)
    assert live(page).startswith(f"{len(rest)} taken back")
    hands.press("Control+Shift+Z")
    for sample in rest:
        hands.auditor.mean(hands.who, sample, answer(hands.target))
    assert hands.shown() == odd
    hands.check()


def test_a_page_that_is_gone_comes_back_with_undo(hands: GridHands, page: Page) -> None:
    first, target = hands.shown(), hands.target
    hands.confirm()
    page.wait_for_function(
        "first => document.querySelector('[data-testid=tile]').dataset.sample !== first", arg=str(first[0])
    )
    hands.wait()
    second = hands.shown()
    hands.press("Backspace")
    for sample in first:
        hands.auditor.mean(hands.who, sample, WITHDRAWN)
    assert (hands.shown(), hands.target) == (first, target)
    hands.wait()
    hands.confirm()
    page.wait_for_function(
        "second => document.querySelector('[data-testid=tile]').dataset.sample === second", arg=str(second[0])
    )
    assert hands.shown() == second, "and the page that waited is there again"
    hands.check()


@pytest.mark.parametrize("how", ["Enter", "click"])
def test_pressing_twice_never_confirms_a_page_unseen(hands: GridHands, page: Page, how: str) -> None:
    hands.confirm()
    if how == "Enter":
        for _ in range(4):
            page.keyboard.press("Enter")
    else:
        page.get_by_test_id("confirm").dblclick(force=True)
    hands.wait()
    assert len(hands.shown()) >= 2
    hands.check()


def scroll_past_all(page: Page) -> None:
    """Down and up again, until every tile was in view for long enough; on a slow machine pictures come late."""
    key, back = "PageDown", "PageUp"
    deadline = time.monotonic() + READY_MS / 1000
    while not page.get_by_test_id("confirm").is_enabled():
        seen = page.get_by_test_id("seen").text_content()
        assert time.monotonic() < deadline, seen
        page.keyboard.press(key)
        page.wait_for_timeout(650)
        if page.get_by_test_id("seen").text_content() == seen:
            key, back = back, key


def test_nothing_is_confirmed_before_it_was_scrolled_into_view(hands: GridHands, page: Page) -> None:
    for _ in range(6):
        hands.press("=")
    expect(page.get_by_test_id("confirm")).to_be_enabled()
    page.reload()
    page.wait_for_selector(f"{TILES}[data-ready=true]")
    page.wait_for_timeout(1200)
    shown = hands.shown()
    expect(page.get_by_test_id("confirm")).to_be_disabled()
    hands.press("Enter")
    assert "seen" in page.get_by_test_id("notice").text_content()
    assert hands.shown() == shown
    scroll_past_all(page)
    hands.wait()
    for _ in range(6):
        hands.press("\\")
    hands.confirm()
    hands.check()


def test_selecting_by_keys(hands: GridHands, page: Page) -> None:
    shown = hands.shown()
    columns = int(page.get_by_test_id("tiles").get_attribute("aria-colcount"))
    hands.press("Home", "Shift+ArrowRight", "Shift+ArrowRight")
    assert hands.selected() == shown[:3]
    hands.press("Shift+ArrowDown")
    assert hands.selected() == shown[: columns + 3]
    hands.press("Escape")
    assert hands.selected() == []
    hands.press("Control+a")
    assert hands.selected() == shown
    hands.press("Escape", "End", "Space")
    assert hands.selected() == shown[-1:]
    assert live(page) == f"tile {len(shown)} of {len(shown)}, selected"
    page.locator(TILES).nth(2).click()
    page.locator(TILES).nth(6).click(modifiers=["Shift"])
    assert hands.selected() == [*shown[2:7], shown[-1]]
    assert page.evaluate("() => document.querySelectorAll('[data-testid=tile][tabindex=\"0\"]').length") == 1


def test_a_class_without_a_selection_turns_to_its_group(hands: GridHands) -> None:
    other = next(name for name in ("zebra", "elephant", "flamingo") if name != hands.target)
    hands.press(hands.asked.letters[other])
    hands.wait()
    assert hands.target == other
    odd = [sample for sample in hands.shown() if hands.truth[sample] != other]
    assert len(odd) < 0.2 * len(hands.shown())


def test_what_is_left_undecided_goes_without_a_label(hands: GridHands, page: Page) -> None:
    odd = hands.select_odd_ones()
    rest = hands.confirm()
    page.wait_for_timeout(500)
    hands.press("Enter")
    hands.wait()
    assert not set(odd) & set(hands.shown())
    hands.check()
    mine = {label.sample for label in labels_in_database(hands.asked) if label.annotator == "ana"}
    assert set(rest) <= mine and not mine & set(odd)


def test_odd_ones_can_be_skipped_and_flagged(hands: GridHands, page: Page, asked: Asked) -> None:
    first, second = hands.shown()[:2]
    hands.press("Home", "Space", ".")
    hands.auditor.mean(hands.who, first, Decision("skip"))
    page.wait_for_selector(f"{TILES}[data-sample='{first}'][data-decided]")
    hands.press("Home", "Space", ",")  # the first one is decided, and passed over
    page.get_by_test_id("flag-dialog").wait_for()
    page.keyboard.type("is that a tail?")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{TILES}[data-sample='{second}'][data-decided]")
    saved(page)
    verdicts = {label.sample: label.decision.verdict for label in labels_in_database(asked) if label.annotator == "ana"}
    assert verdicts[first] == "skip" and second not in verdicts
    assert asked.program.rows("SELECT note FROM labels_flag WHERE sample_id = ?", second) == [("is that a tail?",)]


def test_two_people_never_see_the_same_tile(hands: GridHands, sign_in: Callable[..., Page], asked: Asked) -> None:
    bo = GridHands(sign_in("bo"), asked, who="bo").open()
    assert not set(hands.shown()) & set(bo.shown())


def test_a_page_fits_without_scrolling_and_is_light(hands: GridHands, page: Page) -> None:
    fits, bytes_ = page.evaluate(
        "() => { const stage = document.getElementById('stage'); return ["
        "stage.scrollHeight <= stage.clientHeight,"
        "performance.getEntriesByType('resource').filter(({name}) => name.includes('/256.jpg'))"
        ".slice(0, 60).reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0)]; }"
    )
    sizes = page.eval_on_selector_all(TILES, "tiles => tiles.map(tile => tile.getBoundingClientRect().width)")
    assert fits and min(sizes) >= 84
    assert bytes_ < 1_500_000


def current_round(asked: Asked) -> int:
    query = (
        "SELECT round.id FROM learning_round AS round JOIN projects_question AS question ON question.id = question_id"
        " WHERE question.key = ? AND is_current"
    )
    return int(asked.program.rows(query, asked.key)[0][0])


def test_what_is_blind_is_not_in_the_grid_but_a_link_leads_there(page: Page, program: Program) -> None:
    asked = program.ask("grid-audits", known=150)
    rounds: set[int] = set()
    while len(rounds) != 1:  # a full refit follows: what the page shows must be of the round that is looked up
        rounds = {current_round(asked)}
        hands = GridHands(page, asked).open()
        link = page.get_by_test_id("audits").get_by_role("link")
        assert link.get_attribute("href").endswith("?only=audit")
        shown = set(hands.shown())
        rounds.add(current_round(asked))
    query = "SELECT sample_id FROM learning_roundentry WHERE round_id = ? AND strategy = 'audit'"
    drawn = {sample for (sample,) in program.rows(query, rounds.pop())}
    assert drawn and not drawn & shown


def test_while_nothing_is_predicted_similar_pictures_are_shown_and_named_first(page: Page, program: Program) -> None:
    asked = program.ask("grid-cold")
    hands = GridHands(page, asked)
    page.goto(asked.url("grid"))
    page.wait_for_selector(f"{TILES}[data-ready=true]", timeout=READY_MS)
    before = hands.shown()
    hands.press("Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("choose a class")
    assert hands.shown() == before
    hands.press(asked.letters["zebra"])
    assert hands.target == "zebra"
    hands.wait()
    hands.confirm()
    hands.check()


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_nothing(hands: GridHands, page: Page, theme: str) -> None:
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    hands.press("Home", "Space", "ArrowRight", "ArrowRight", "Space", hands.asked.letters["person"], "Home", "Space")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
