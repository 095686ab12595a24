"""Hunts by keyboard alone: a rare class from what is known of it, or from one picture, until none is left."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, WITHDRAWN, Auditor, answer, labels_in_database, saved
from tests.browser.program import Asked, Program

QUESTION = {"known": 150}
TILES = "[data-testid=tile]"
OPEN = f"{TILES}:not([data-decided])"
RARE = "vehicle"
HELD = """
    SELECT COUNT(*) FROM annotating_assignment JOIN projects_question ON projects_question.id = question_id AND key = ?
    WHERE NOT is_done AND sample_id = ?
"""


class Hunter:
    """Someone who knows the answers, at the keys of the hunt."""

    def __init__(self, page: Page, asked: Asked, auditor: Auditor | None = None, who: str = "ana") -> None:
        self.page, self.asked, self.who = page, asked, who
        self.truth = asked.program.truth
        self.auditor = auditor or Auditor(asked)

    def open(self, query: str = "") -> "Hunter":
        self.page.goto(self.asked.url("hunt") + query)
        self.page.wait_for_selector("[data-testid=start]:visible" if not query else TILES, timeout=READY_MS)
        return self

    def hunt(self, name: str) -> "Hunter":
        self.press(self.asked.letters[name])
        return self.wait()

    def wait(self) -> "Hunter":
        """Until all tiles of the page were seen."""
        self.page.wait_for_function(
            "() => /^seen (\\d+) of \\1$/.test(document.getElementById('seen').textContent)"
            " && document.querySelector('[data-testid=tile]:not([data-decided])')",
            timeout=READY_MS,
        )
        return self

    def text(self, test_id: str) -> str:
        return self.page.get_by_test_id(test_id).text_content()

    def number(self, test_id: str) -> int:
        return int(re.sub(r"\D", "", self.text(test_id)))

    @property
    def marks(self) -> str:
        return self.page.locator("#labelling").get_attribute("data-marks")

    def mean_marks(self, meaning: str) -> None:
        if self.marks != meaning:
            self.press("Alt+n")
        assert self.marks == meaning

    def shown(self, which: str = OPEN) -> list[int]:
        return self.page.eval_on_selector_all(which, "tiles => tiles.map(tile => Number(tile.dataset.sample))")

    def marked(self) -> list[int]:
        return self.shown(f"{TILES}[aria-selected=true]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def mark(self, *samples: int) -> None:
        """With the arrow keys, as the tiles lie."""
        places = self.shown(TILES)
        columns = int(self.page.get_by_test_id("tiles").get_attribute("aria-colcount"))
        for sample in samples:
            place = places.index(sample)
            self.press("Home", *["ArrowDown"] * (place // columns), *["ArrowRight"] * (place % columns), "Space")
        assert set(samples) <= set(self.marked())

    def confirm(self, name: str) -> list[int]:
        """Enter, and a note of what it means: these are of that class."""
        marked = self.marked()
        it = marked if self.marks == "are" else [sample for sample in self.shown() if sample not in marked]
        for sample in it:
            self.auditor.mean(self.who, sample, answer(name))
        self.press("Enter")
        return it

    def another_page(self, before: list[int]) -> "Hunter":
        self.page.wait_for_function(
            "before => { const tile = document.querySelector('[data-testid=tile]:not([data-decided])');"
            " return tile && !before.includes(tile.dataset.sample); }",
            arg=[str(sample) for sample in before],
            timeout=READY_MS,
        )
        return self.wait()

    def hunts(self) -> int:
        """How many hunts a worker has done for this person."""
        query = "SELECT payload FROM jobs_job WHERE kind = 'hunt' AND state = 'done'"
        return len(self.asked.program.rows(query))

    def wait_for_hunts(self, count: int) -> None:
        for _ in range(200):
            if self.hunts() >= count:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError("no fresh hunt came")

    def check(self) -> int:
        saved(self.page)
        return self.auditor.check()


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    return Auditor(asked)


@pytest.fixture
def hunter(page: Page, asked: Asked, auditor: Auditor) -> Hunter:
    return Hunter(page, asked, auditor)


def test_a_rare_class_is_hunted_by_keyboard_alone(hunter: Hunter, page: Page, asked: Asked) -> None:
    hunter.open().hunt(RARE)
    assert hunter.text("target") == RARE and "may be vehicle" in hunter.text("live")
    found, remain = hunter.number("found"), hunter.number("remain")
    hunter.mean_marks("are")
    before = hunter.shown()
    right = [sample for sample in before if hunter.truth[sample] == RARE]
    assert len(right) > 0.6 * len(before), "the likeliest come first"
    hunter.mark(*right[:3])
    said = hunter.confirm(RARE)
    assert said == right[:3]
    expect(page.get_by_test_id("live")).to_contain_text(f"3 × {RARE}, {len(before) - 3} passed over")
    expect(page.get_by_test_id("found")).to_have_text(f"{found + 3} found")
    assert hunter.number("remain") <= remain
    hunter.another_page(before)
    assert not set(before) & set(hunter.shown()), "what was passed over does not come again"
    hunter.check()
    mine = {label.sample: label for label in labels_in_database(asked) if label.annotator == "ana"}
    assert set(mine) == set(said) and {label.mode for label in mine.values()} == {"hunt"}


def test_where_most_are_it_the_others_are_marked(hunter: Hunter, page: Page, asked: Asked) -> None:
    hunter.open().hunt("zebra")
    assert hunter.marks == "not" and "Mark what is not zebra" in hunter.text("marks-say")
    before = hunter.shown()
    odd = [sample for sample in before if hunter.truth[sample] != "zebra"] or before[4:5]
    hunter.mark(*odd)
    it = hunter.confirm("zebra")
    assert set(it) == set(before) - set(odd) and hunter.shown() == odd, "the odd ones wait to be named"
    assert hunter.marked() == odd
    for sample in odd:
        hunter.auditor.mean("ana", sample, answer("fox"))
    hunter.press(asked.letters["fox"])
    hunter.another_page(before)
    hunter.check()
    strategies = asked.program.rows(
        "SELECT DISTINCT strategy, class.name FROM labels_label JOIN projects_labelclass AS class ON class.id ="
        " predicted_id WHERE mode = 'hunt' AND sample_id = ?",
        it[0],
    )
    assert strategies == [("hunt", "zebra")]


def test_a_page_is_taken_back_whole_and_done_again(hunter: Hunter, page: Page) -> None:
    hunter.open().hunt("tortoise")
    hunter.mean_marks("are")
    before, found = hunter.shown(), hunter.text("found")
    hunter.mark(*before[:2])
    hunter.confirm("tortoise")
    hunter.another_page(before)
    hunter.press("Backspace")
    for sample in before[:2]:
        hunter.auditor.mean("ana", sample, WITHDRAWN)
    assert hunter.shown() == before and hunter.marked() == before[:2]
    assert hunter.text("found") == found and hunter.text("live").startswith("2 taken back")
    hunter.press("Control+Shift+z")
    for sample in before[:2]:
        hunter.auditor.mean("ana", sample, answer("tortoise"))
    hunter.another_page(before)
    hunter.check()


def test_fresh_hunts_follow_the_labels_and_never_change_the_page_in_view(hunter: Hunter, page: Page) -> None:
    hunter.open().hunt("flamingo")
    hunter.mean_marks("not")
    before, done = hunter.shown(), hunter.hunts()
    hunter.confirm("flamingo")
    hunter.another_page(before)
    second = hunter.shown()
    hunter.press("ArrowRight", "Space")
    saved(page)
    hunter.wait_for_hunts(done + 1)
    page.wait_for_timeout(1500)
    assert hunter.shown() == second and hunter.marked() == second[1:2]
    hunter.check()


def test_a_hunt_begins_from_one_picture(hunter: Hunter, page: Page, program: Program, asked: Asked) -> None:
    known = {label.sample for label in labels_in_database(asked)}
    audits = {
        sample for (sample,) in program.rows("SELECT sample_id FROM learning_roundentry WHERE strategy = 'audit'")
    }
    example = next(
        sample for sample, looks in program.looks.items() if looks == "elephant" and sample not in known | audits
    )
    hunter.open(f"?like={example}").wait()
    assert hunter.text("target") == "More like this" and hunter.shown()[0] == example
    assert not page.get_by_test_id("found").is_visible() and "said what this is" in hunter.text("estimate")
    before = hunter.shown()
    assert sum(program.looks[sample] == "elephant" for sample in before) > 0.8 * len(before)
    hunter.press("Home", "Space", "Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("choose a class")
    hunter.press("Escape", asked.letters["elephant"])
    assert hunter.text("target") == "elephant" and hunter.shown() == before, "to name it changes nothing on the page"
    right = [sample for sample in before if program.truth[sample] == "elephant"]
    hunter.mark(*right)
    hunter.confirm("elephant")
    hunter.another_page(before)
    page.wait_for_url(re.compile(rf"\?class={asked.classes['elephant']}$"))
    assert len(right) > 10
    hunter.check()


def test_more_like_one_tile(hunter: Hunter, page: Page) -> None:
    hunter.open().hunt("leopard")
    example = hunter.shown()[2]
    hunter.press("Home", "ArrowRight", "ArrowRight", "Alt+l")
    page.wait_for_function(
        "sample => document.querySelector('[data-testid=tile]')?.dataset.sample === sample", arg=str(example)
    )
    assert hunter.text("target") == "leopard" and f"like={example}" in page.url
    assert [each.get_attribute("data-sample") for each in page.get_by_test_id("example").all()] == [str(example)]


def test_what_a_mark_means_is_said_and_turned_round_without_changing_the_decision(hunter: Hunter) -> None:
    hunter.open().hunt("zebra")
    hunter.mean_marks("not")
    shown = hunter.shown()
    hunter.mark(*shown[:2])
    text = hunter.text("confirm")
    hunter.press("Alt+n")
    assert hunter.marked() == shown[2:] and hunter.text("confirm") == text
    assert (
        hunter.text("live")
        == hunter.text("marks-say")
        == "Mark each zebra. Enter takes these and passes over all others."
    )


def test_all_others_can_be_given_a_class(hunter: Hunter, page: Page, asked: Asked) -> None:
    hunter.open().hunt("person")
    hunter.mean_marks("are")
    before = hunter.shown()
    it = [sample for sample in before if hunter.truth[sample] == "person"]
    hunter.mark(*it)
    page.get_by_test_id("rest").focus()
    page.keyboard.type("empty")
    page.keyboard.press("Tab")
    assert "all others become empty" in hunter.text("marks-say")
    page.locator(OPEN).first.focus()
    for sample in before:
        if sample not in it:
            hunter.auditor.mean("ana", sample, answer("empty"))
    hunter.confirm("person")
    hunter.another_page(before)
    hunter.check()


def test_a_reload_goes_on_and_what_was_held_is_given_back(hunter: Hunter, page: Page, asked: Asked) -> None:
    hunter.open().hunt("leopard")
    before = hunter.shown()
    page.reload()
    hunter.wait()
    assert hunter.text("target") == "leopard" and hunter.shown() == before
    page.goto(asked.program.project_url)
    for _ in range(50):
        if asked.program.rows(HELD, asked.key, before[0]) == [(0,)]:
            break
        page.wait_for_timeout(100)
    assert asked.program.rows(HELD, asked.key, before[0]) == [(0,)]


def test_pressing_enter_again_and_again_passes_over_nothing_unseen(hunter: Hunter, page: Page) -> None:
    hunter.open().hunt("fox")
    hunter.mean_marks("are")
    before = hunter.shown()
    for _ in range(5):
        page.keyboard.press("Enter")
    hunter.another_page(before)
    second = hunter.shown()
    page.keyboard.press("Backspace")
    assert hunter.shown() == before, "one page back is the first one"
    assert not set(second) & set(before)
    hunter.check()


def test_two_people_never_see_the_same_tile(hunter: Hunter, sign_in: Callable[..., Page], asked: Asked) -> None:
    hunter.open().hunt("zebra")
    bo = Hunter(sign_in("bo"), asked, who="bo").open().hunt("zebra")
    assert not set(hunter.shown()) & set(bo.shown())


def test_where_nothing_can_be_hunted_by_it_is_said(page: Page, program: Program) -> None:
    asked = program.ask("hunt-cold", classes=("fox", "empty"))
    hunter = Hunter(page, asked).open()
    hunter.press(asked.letters["fox"])
    expect(page.get_by_test_id("stage-message")).to_contain_text("Nothing to hunt by yet", timeout=READY_MS)
    page.get_by_test_id("restart").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("start")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_nothing(hunter: Hunter, page: Page, theme: str) -> None:
    hunter.open()
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    hunter.hunt("leopard")
    for meaning in ("are", "not"):
        hunter.mean_marks(meaning)
        hunter.press("Escape", "Home", "Space", "ArrowRight", "ArrowRight", "Space")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
