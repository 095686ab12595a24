"""Texts: read and labelled by keyboard, in lists, in hunts; long ones, odd ones, and ones in other scripts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browser.hands import Auditor, answer, labels_in_database, saved
from tests.browser.passages import KNOWN, LINES
from tests.browser.program import Asked, Program
from tests.browser.test_grid import GridHands

READY_MS = 60_000
READER = "[data-testid=reader][data-sample]"
BLOCK = ".reader-block"
MEASURE = 75
LONGEST_LINE = """
    () => {
      let longest = 0;
      for (const block of document.querySelectorAll(".reader-block:not(.fixed)")) {
        const node = block.firstChild;
        const range = document.createRange();
        let [line, top] = [0, null];
        for (let at = 0; node && at < Math.min(node.length, 1500); at += 1) {
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          const { top: here, width } = range.getBoundingClientRect();
          if (!width) continue;
          line = top !== null && Math.abs(here - top) < 4 ? line + 1 : 1;
          top = here;
          longest = Math.max(longest, line);
        }
      }
      return longest;
    }
"""


@dataclass
class Passages:
    """The question about the texts, what each sample is of, and the odd ones by name.

    The odd ones are opened for a question that one person alone answers: another's page may hold them else.
    """

    asked: Asked
    about_odd: Asked
    kinds: dict[int, str]
    odd: dict[str, int]

    def open(self, page: Page, odd: str = "") -> None:
        """The screen of single texts, with an odd one in view where it is named."""
        page.goto(f"{self.about_odd.url()}?sample={self.odd[odd]}" if odd else self.asked.url())
        found = f"[data-sample='{self.odd[odd]}']" if odd else ""
        page.locator(READER + found).wait_for(timeout=READY_MS)

    def letter(self, sample: int) -> str:
        return self.about_odd.letters[self.kinds[sample]]


def shown(page: Page) -> int:
    return int(page.get_by_test_id("reader").get_attribute("data-sample"))


def press(page: Page, key: str) -> None:
    """Decide with a key; the next text is in view afterwards."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('[data-testid=reader]').dataset.sample !== before", arg=str(before)
    )


def wrong_with(page: Page) -> list[Any]:
    """What axe finds, and what is wider than the window."""
    found = [(each["id"], each["nodes"][0]["html"][:200]) for each in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(("wider than the window", page.url))
    return found


@pytest.fixture(scope="module")
def passages(program: Program) -> Passages:
    return written(program)


def written(program: Program) -> Passages:
    """A project of texts beside the program's own, ready to be labelled."""
    made = program.backstage(texts={"slug": "passages", "key": "about"})
    beside = replace(program, slug="passages")
    kinds = {int(sample): kind for sample, kind in made["kinds"].items()}
    beside.truth = kinds
    asked = Asked(beside, "about", made["classes"], made["letters"])
    beside.wait_for_round(asked, KNOWN)
    about_odd = Asked(beside, "odd", **made["odd_question"])
    beside.wait_for_round(about_odd)
    return Passages(asked, about_odd, kinds, made["odd"])


@pytest.fixture
def reader(sign_in: Callable[..., Page], passages: Passages) -> Page:
    page = sign_in("ana")
    passages.open(page)
    return page


# --- one by one -----------------------------------------------------------------------------------


def test_thirty_texts_by_keyboard_alone(reader: Page, passages: Passages) -> None:
    auditor = Auditor(passages.asked)
    for _ in range(30):
        sample = shown(reader)
        auditor.mean("ana", sample, answer(passages.kinds[sample]))
        press(reader, passages.letter(sample))
    reader.keyboard.press("Backspace")
    expect(reader.get_by_test_id("reader")).to_have_attribute("data-sample", str(sample))
    auditor.take_back("ana", sample)
    auditor.mean("ana", sample, answer(passages.kinds[sample]))
    press(reader, passages.letter(sample))
    saved(reader)
    assert auditor.check() == 32


def test_how_a_person_reads_is_theirs_and_is_kept(reader: Page, passages: Passages) -> None:
    def style(name: str) -> str:
        return str(reader.eval_on_selector(READER, "(reader, name) => getComputedStyle(reader)[name]", name))

    usual = style("fontSize"), style("lineHeight"), style("fontFamily")
    reader.keyboard.press("=")
    reader.keyboard.press("Alt+s")
    reader.keyboard.press("Alt+t")
    assert float(style("fontSize")[:-2]) > float(usual[0][:-2])
    assert style("fontFamily").startswith("OpenDyslexic") and usual[2].startswith('"Atkinson')
    assert reader.evaluate("document.fonts.load('16px OpenDyslexic').then((fonts) => fonts.length)") == 1
    reader.reload()
    reader.locator(READER).wait_for()
    expect(reader.get_by_test_id("typeface-value")).to_have_text("OpenDyslexic")
    for key in ("\\", "Alt+s", "Alt+s", "Alt+t", "Alt+t", "Alt+t"):
        reader.keyboard.press(key)
    assert (style("fontSize"), style("lineHeight"), style("fontFamily")) == usual


def test_words_that_speak_are_marked_by_their_lines(sign_in: Callable[..., Page], passages: Passages) -> None:
    page, asked = sign_in("mia"), []

    def speak(route: Route) -> None:
        asked.append(route.request.post_data_json["sample"])
        route.fulfill(json={"spans": [[0, 2, 1.0], [3, 5, -0.5]]})

    page.route("**/speaking/", speak)
    passages.open(page)
    blind = page.locator("#reason[data-blind=true]")
    for _ in range(30):
        if not blind.count() and page.get_by_test_id("suggestion").first.is_visible():
            break
        press(page, "ArrowRight")
    marks = page.locator(f"{READER} mark")
    expect(marks).to_have_count(2)
    lines = marks.evaluate_all("marks => marks.map((mark) => getComputedStyle(mark).textDecorationStyle)")
    assert lines == ["solid", "dotted"]
    expect(page.get_by_test_id("speaking-words")).to_contain_text("for ")
    expect(page.get_by_test_id("speaking-words")).to_contain_text("against ")
    assert wrong_with(page) == []
    page.keyboard.press("Alt+w")
    expect(marks).to_have_count(0)
    page.keyboard.press("Alt+w")
    expect(marks).to_have_count(2)
    page.keyboard.press("Alt+h")  # without suggestions there is nothing to speak for
    expect(marks).to_have_count(0)
    page.keyboard.press("Alt+h")


def test_a_blind_text_has_no_marks_and_none_are_asked_for(sign_in: Callable[..., Page], passages: Passages) -> None:
    page, asked = sign_in("mia"), []
    page.on("request", lambda request: asked.append(request.url) if "/speaking/" in request.url else None)
    page.goto(passages.asked.url() + "?only=audit")
    page.locator(READER).wait_for(timeout=READY_MS)
    expect(page.locator("#reason")).to_have_attribute("data-blind", "true")
    page.wait_for_timeout(500)
    assert asked == []


# --- texts that are hard to show ------------------------------------------------------------------


def test_a_text_of_two_megabytes_comes_as_it_is_read(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("ana")
    passages.open(page, "two megabytes")
    length = "document.querySelector('[data-testid=reader]').textContent.length"
    first = page.evaluate(length)
    assert 4_000 <= first < 500_000
    assert page.evaluate(LONGEST_LINE) <= MEASURE
    top = "document.getElementById('stage').scrollTop"
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"{top} > 0")
    page.keyboard.press("PageDown")
    page.wait_for_function(f"{top} > innerHeight / 3")
    for _ in range(3):
        page.evaluate("document.getElementById('stage').scrollTop = 1e9")
        page.wait_for_function(f"before => {length} > before", arg=page.evaluate(length))
    sample = passages.odd["two megabytes"]
    press(page, passages.letter(sample))
    saved(page)
    assert [(each.sample, each.decision) for each in labels_in_database(passages.about_odd)] == [
        (sample, answer("law"))
    ]


def test_ten_thousand_lines_can_be_read_to_the_last(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("ana")
    passages.open(page, "many lines")
    last = page.get_by_text(f"line {LINES}", exact=False)
    for _ in range(30):
        if last.count():
            break
        page.evaluate("document.getElementById('stage').scrollTop = 1e9")
        page.wait_for_timeout(200)
    expect(last.last).to_be_visible()
    text = page.locator(READER).evaluate("reader => reader.textContent")
    assert text.split("\n") == [f"line {number}" for number in range(1, LINES + 1)]


def test_one_word_a_sign_for_nothing_and_code(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("ana")
    passages.open(page, "one word")
    expect(page.get_by_test_id("reader")).to_have_text("Contract")
    passages.open(page, "escape")
    expect(page.get_by_test_id("reader")).to_contain_text("ends here␛and goes on")
    for odd in ("code", "table"):
        passages.open(page, odd)
        families = page.locator(f"{BLOCK}.fixed").evaluate_all(
            "blocks => blocks.map((block) => getComputedStyle(block).fontFamily)"
        )
        assert families and all("mono" in family for family in families)
        prose = page.locator(f"{BLOCK}:not(.fixed)").first.evaluate("block => getComputedStyle(block).fontFamily")
        assert "mono" not in prose.lower()


def test_each_paragraph_runs_the_way_it_is_read(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("ana")
    passages.open(page, "right to left")
    sides = page.evaluate(
        """() => {
          const node = document.querySelector(".reader-block").firstChild;
          const around = document.querySelector(".reader-block").getBoundingClientRect();
          const text = node.data;
          const side = (word) => {
            const range = document.createRange();
            range.setStart(node, text.indexOf(word));
            range.setEnd(node, text.indexOf(word) + word.length);
            const { left, right } = range.getBoundingClientRect();
            return left - around.left < around.right - right ? "left" : "right";
          };
          return ["قررت", "The court", "וכך"].map(side);
        }"""
    )
    assert sides == ["right", "left", "right"]
    passages.open(page, "vertical")
    block = page.locator(BLOCK).first
    assert block.evaluate("block => getComputedStyle(block).writingMode") == "vertical-lr"
    assert page.get_by_test_id("reader").get_attribute("lang") == "mn-Mong"
    passages.open(page, "japanese")
    assert page.get_by_test_id("reader").get_attribute("lang") == "ja"


# --- side by side ---------------------------------------------------------------------------------


def test_a_list_page_confirms_what_was_seen_and_nothing_else(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("bo")
    hands = GridHands(page, passages.asked, who="bo")
    auditor = hands.auditor
    page.goto(passages.asked.url("grid"))
    page.get_by_test_id("tile").first.wait_for(timeout=READY_MS)
    before = len(labels_in_database(passages.asked))
    page.keyboard.press("Enter")  # not all of them have been on the screen
    expect(page.get_by_test_id("notice")).to_contain_text("Look at all texts first")
    assert len(labels_in_database(passages.asked)) == before
    assert len(hands.shown()) == 20
    for _ in range(20):
        if page.get_by_test_id("confirm").is_enabled():
            break
        page.wait_for_timeout(600)
        page.keyboard.press("PageDown")
    hands.wait()
    target = hands.target
    page.keyboard.press("Home")
    page.keyboard.press("Alt+o")
    expect(page.get_by_test_id("whole-text")).to_be_visible()
    page.keyboard.press("Escape")
    (odd,) = hands.shown()[5:6]
    hands.go_to(odd)
    page.keyboard.press("Space")
    assert hands.selected() == [odd]
    rest = [sample for sample in hands.shown() if sample != odd]
    for sample in rest:
        auditor.mean("bo", sample, answer(target))
    page.keyboard.press("Enter")
    other = next(name for name in passages.asked.classes if name != target)
    auditor.mean("bo", odd, answer(other))
    page.wait_for_timeout(500)  # what follows an Enter at once is not meant
    page.keyboard.press(passages.asked.letters[other])
    saved(page)
    stored = {label.sample: label.decision for label in labels_in_database(passages.asked) if label.mode == "grid"}
    assert stored == {**dict.fromkeys(rest, answer(target)), odd: answer(other)}


def test_a_hunt_by_words(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("ana")
    page.goto(passages.asked.url("hunt"))
    page.get_by_test_id("words").fill("garlic")
    page.keyboard.press("Enter")
    page.get_by_test_id("tile").first.wait_for(timeout=READY_MS)
    tiles = page.get_by_test_id("tile")
    texts = tiles.evaluate_all("tiles => tiles.map((tile) => tile.querySelector('.tile-text').textContent)")
    assert texts and all("garlic" in text.casefold() for text in texts)
    page.keyboard.press(passages.asked.letters["kitchen"])
    found = int(tiles.first.get_attribute("data-sample"))
    page.keyboard.press("Space")
    for _ in range(20):
        if page.get_by_test_id("confirm").is_enabled():
            break
        page.wait_for_timeout(600)
        page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    saved(page)
    hunted = {label.sample: label.decision for label in labels_in_database(passages.asked) if label.mode == "hunt"}
    assert hunted == {found: answer("kitchen")}
    expect(page.get_by_test_id("example").first).to_contain_text(" ", timeout=READY_MS)


# --- for everybody --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["", "grid", "hunt", "review"])
@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}}],
    ids=["light", "dark and narrow"],
)
def test_axe_finds_nothing_and_nothing_is_too_wide(
    sign_in: Callable[..., Page], passages: Passages, mode: str, options: dict[str, Any]
) -> None:
    page = sign_in("mia", **options)
    page.goto(passages.asked.url(mode))
    ready = {
        "": READER,
        "grid": "[data-testid=tile]",
        "hunt": "[data-testid=start]",
        "review": "#labelling:not([inert])",
    }
    page.locator(ready.get(mode, "#labelling:not([inert])")).first.wait_for(timeout=READY_MS)
    page.wait_for_timeout(300)
    assert wrong_with(page) == []


def test_history_shows_how_texts_begin(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("bo")
    page.goto(f"{passages.asked.program.project_url}history/")
    assert len(page.locator(".said-text").first.text_content()) > 20
    assert page.locator(".said-picture img").count() == 0
    assert wrong_with(page) == []
