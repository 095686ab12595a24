"""Texts: read and labelled by keyboard, in lists, in hunts; long ones, odd ones, and ones in other scripts."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Auditor, answer, saved
from tests.browser.passages import LINES
from tests.browser.program import Asked, Program

READY_MS = 60_000
READER = "[data-testid=reader][data-sample]"


@dataclass
class Passages:
    """The question about the texts, what each sample is of, and the odd ones by name."""

    asked: Asked
    kinds: dict[int, str]
    odd: dict[str, int]

    def open(self, page: Page, odd: str = "", mode: str = "") -> None:
        """The page of a mode, or the one that shows an odd text."""
        page.goto(self.asked.url(mode) + (f"?sample={self.odd[odd]}" if odd else ""))
        if not mode:
            page.locator(READER).wait_for(timeout=READY_MS)


@pytest.fixture(scope="module")
def passages(program: Program) -> Passages:
    made = program.backstage(texts={"slug": "passages", "key": "about"})
    beside = replace(program, slug="passages")
    kinds = {int(sample): kind for sample, kind in made["kinds"].items()}
    beside.truth = kinds
    asked = Asked(beside, "about", made["classes"], made["letters"])
    beside.answer(asked, 40)
    return Passages(asked, kinds, made["odd"])


def test_looks(sign_in: Callable[..., Page], passages: Passages) -> None:
    page = sign_in("mia")
    passages.open(page)
    page.wait_for_timeout(1500)
    page.screenshot(path="/tmp/shots/single.png")
    for name in passages.odd:
        passages.open(page, name)
        page.wait_for_timeout(500)
        page.screenshot(path=f"/tmp/shots/odd-{name.replace(' ', '-')}.png")
    passages.open(page, mode="grid")
    page.wait_for_timeout(3000)
    page.screenshot(path="/tmp/shots/list.png")
    page.goto(passages.asked.url("hunt"))
    page.wait_for_timeout(1500)
    page.screenshot(path="/tmp/shots/hunt-start.png")
    page.goto(passages.asked.url("hunt") + "?text=garlic")
    page.wait_for_timeout(4000)
    page.screenshot(path="/tmp/shots/hunt.png")
