"""A whole session by somebody who sees nothing: only keys, accessible names, and what is announced."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import Auditor, Decision, answer, saved
from tests.browser.program import PASSWORD, Asked

QUESTION = {"known": 60}
MANY = 60_000
FLAGGED = """
    SELECT sample_id FROM labels_flag JOIN projects_question ON projects_question.id = question_id
    WHERE note = ? AND key = ?
"""
# What live regions come to say, whoever fills them, in its order: as a screen reader queues it.
HEARING = """
(() => {
  const LIVE = "[aria-live=polite], [aria-live=assertive], [role=status], [role=alert]";
  window.heard = [];
  new MutationObserver((changes) => {
    const nodes = changes.map(({ target }) => (target instanceof Element ? target : target.parentElement));
    for (const region of new Set(nodes.map((node) => node?.closest(LIVE)))) {
      const text = region?.checkVisibility() ? region.textContent.replace(/\\s+/g, " ").trim() : "";
      if (text) window.heard.push(text);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
})();
"""


@dataclass
class Told:
    """An image as it is announced."""

    sample: int
    is_blind: bool
    suggested: dict[str, str]  # digit to class name


class Ears:
    """Somebody who works by what they hear; knows the right answers by the numbers of the images."""

    def __init__(self, page: Page, asked: Asked, auditor: Auditor | None = None) -> None:
        self.page, self.asked = page, asked
        self.auditor = auditor or Auditor(asked)
        self.image: Told | None = None
        self.heard: list[str] = []  # all that was waited for, and what was said before it
        page.add_init_script(HEARING)

    # --- moving ---------------------------------------------------------------------------------------

    def focused(self) -> str:
        """What has the focus, as it is read out: role and name."""
        return self.page.locator(":focus").aria_snapshot().partition("\n")[0].removesuffix(":")

    def tab_to(self, spoken: str) -> None:
        passed = []
        for _ in range(60):
            self.page.keyboard.press("Tab")
            passed.append(self.focused())
            if spoken in passed[-1]:
                return
        raise AssertionError(f"Tab does not lead to {spoken}, but to {passed}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    # --- hearing --------------------------------------------------------------------------------------

    def hear(self, expected: str) -> re.Match[str]:
        """Wait for an announcement; whatever was said before it is forgotten."""
        self.page.wait_for_function(
            "pattern => window.heard.some((text) => new RegExp(pattern).test(text))", arg=expected, timeout=MANY
        )
        said: list[str] = self.page.evaluate("heard")
        at = next(at for at, text in enumerate(said) if re.search(expected, text))
        self.page.evaluate("at => heard.splice(0, at + 1)", at)
        self.heard += said[: at + 1]
        return re.search(expected, said[at])

    def hear_image(self, before: str = "^") -> Told:
        """An image, announced after what was done."""
        sample, more = self.hear(rf"{before} ?Image (\d+)\. (.+)").groups()
        listed = re.search(r"Suggestions: (.+)\.", more)
        suggested = dict(re.findall(r"(\d) (\S+) \d+ %", listed[1])) if listed else {}
        assert bool(suggested) != ("no suggestion" in more), more
        self.image = Told(int(sample), "audit sample" in more, suggested)
        # People take a moment to think; by then it is there.
        self.page.get_by_role("img", name=f"Image {sample}:").evaluate("image => image.decode()")
        return self.image

    # --- labelling ------------------------------------------------------------------------------------

    def key_for(self, name: str) -> str:
        """The digit of a suggestion that was read out, else the letter of the class."""
        digits = {suggested: digit for digit, suggested in self.image.suggested.items()}
        return digits.get(name) or self.asked.letters[name]

    def label(self) -> Told:
        """Answer what was announced, and hear that, and the next image."""
        told, name = self.image, self.asked.program.truth[self.image.sample]
        self.decide(self.key_for(name), answer(name), name)
        return told

    def decide(self, key: str, decision: Decision, said: str) -> None:
        self.auditor.mean("ana", self.image.sample, decision)
        self.press(key)
        self.hear_image(rf"^{said}; [\d,]+ left")


def logged_in(page: Page, asked: Asked) -> Ears:
    ears = Ears(page, asked)
    page.goto(f"{asked.program.address}/login/")
    if not ears.focused().startswith("- textbox"):
        ears.tab_to("textbox")
    page.keyboard.type("ana")
    ears.tab_to('textbox "Password"')
    page.keyboard.type(PASSWORD)
    ears.press("Enter")
    page.get_by_role("heading", name="Projects", level=1).wait_for()
    return ears


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    return Auditor(asked)


@pytest.fixture
def ears(page: Page, asked: Asked, auditor: Auditor) -> Ears:
    """At the question of this module, its first image announced."""
    ears = Ears(page, asked, auditor)
    page.goto(asked.url())
    ears.hear_image()
    return ears


def test_from_the_log_in_to_the_first_image(sign_in: Callable[..., Page], asked: Asked) -> None:
    page = sign_in("")
    ears = logged_in(page, asked)
    ears.tab_to(f'link "Label {asked.program.slug}"')
    ears.press("Enter")
    ears.hear_image()
    ears.tab_to('application "Image"')
    assert page.title().startswith(f"Label {asked.program.slug}")
    for name in ("Image", "Answer"):
        assert page.get_by_role("region", name=name, exact=True).count() == 1
    asking = page.get_by_role("region", name="Answer").get_by_role("heading", level=1)
    assert asking.text_content() == "What is in the picture?"


def test_images_are_answered_as_they_are_announced(ears: Ears) -> None:
    told = [ears.label() for _ in range(5)]
    assert all(each.suggested for each in told if not each.is_blind)
    wrong = ears.image.sample
    ears.decide(".", Decision("skip"), "skipped")
    ears.press("Backspace")
    ears.auditor.take_back("ana", wrong)
    assert ears.hear_image("^taken back; [\\d,]+ left").sample == wrong
    ears.label()
    ears.decide(";", Decision("unsure"), "unsure")
    ears.decide(".", Decision("skip"), "skipped")
    ears.hear(r"^round \d+: fresh ranking$")
    saved(ears.page)
    assert ears.auditor.check() == 10


def test_being_offline_is_announced_once_and_that_all_is_saved_again(ears: Ears) -> None:
    ears.page.wait_for_load_state("networkidle")  # the pictures ahead are there
    ears.page.context.set_offline(True)
    for _ in range(3):
        ears.label()
    ears.page.context.set_offline(False)
    ears.hear("^saved$")
    assert [text for text in ears.heard if "queued" in text] == ["offline, 1 queued"]
    ears.auditor.check()


def test_an_image_is_flagged_with_a_note(ears: Ears, asked: Asked) -> None:
    flagged = ears.image.sample
    ears.press(",")
    dialog = ears.page.get_by_role("dialog", name="Flag this image")
    expect(dialog.get_by_role("textbox", name="Note for whoever looks again")).to_be_focused()
    ears.page.keyboard.type("two animals")
    ears.press("Enter")
    ears.hear(r"^flagged; [\d,]+ left$")
    ears.label()
    saved(ears.page)
    ears.auditor.check()
    assert asked.program.rows(FLAGGED, "two animals", asked.key) == [(flagged,)]


def test_help_is_read_and_left(ears: Ears) -> None:
    ears.press("?")
    help_ = ears.page.get_by_role("dialog", name="Keys")
    assert ears.focused() == '- region "Keys"'
    assert help_.get_by_role("row", name=re.compile("Backspace|⌫")).count() == 1
    ears.press("Escape")
    expect(help_).to_be_hidden()
    ears.label()
    saved(ears.page)
    ears.auditor.check()


def test_a_class_is_picked_by_its_name(ears: Ears, asked: Asked) -> None:
    page, name = ears.page, asked.program.truth[ears.image.sample]
    ears.press("/")
    box = page.get_by_role("combobox", name="Class name", expanded=True)
    expect(box).to_be_focused()
    ears.hear(f"^{len(asked.classes)} match$")
    page.keyboard.type(name[1])
    found = int(ears.hear(r"^(\d+) match$")[1])
    options = page.get_by_role("listbox", name="Matching classes").get_by_role("option")
    assert options.count() - options.filter(has_text="Create").count() == found > 1
    passed = [active_option(box)]
    while not passed[-1].startswith(name):
        ears.press("ArrowDown")
        passed.append(active_option(box))
        assert passed[-1] not in passed[:-1], f"{name} is not among {passed}"
    ears.decide("Enter", answer(name), name)
    saved(page)
    ears.auditor.check()


def active_option(box: Locator) -> str:
    """The name of the option that the combobox says is the active one, and which says so itself."""
    named = box.page.locator(f"#{box.get_attribute('aria-activedescendant')}").aria_snapshot()
    return re.fullmatch(r'- option "(.+)" \[selected\](?::.*)?', named.partition("\n")[0])[1]


def test_audit_samples_are_announced_without_a_hint(page: Page, asked: Asked, auditor: Auditor) -> None:
    ears = Ears(page, asked, auditor)
    page.goto(f"{asked.url()}?only=audit")
    assert ears.hear_image().is_blind and not ears.image.suggested
    ears.label()
    saved(page)
    ears.auditor.check()
