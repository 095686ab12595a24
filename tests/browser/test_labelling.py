"""A person labels the demo by keyboard only, and takes exactly their labels away."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Program

pytestmark = pytest.mark.browser
READY_MS = 120_000


class Hands:
    """Someone who knows the answers and touches nothing but keys."""

    def __init__(self, page: Page, program: Program) -> None:
        self.page = page
        truth = csv.DictReader((program.data / "demo" / "truth.csv").open())
        answer_of = {row["path"]: row["class"] for row in truth}
        with closing(sqlite3.connect(f"file:{program.data}/labeller.sqlite3?mode=ro", uri=True)) as database:
            self.path_of = dict(database.execute("SELECT id, path FROM samples_sample"))
        self.answer_of = {sample: answer_of[path] for sample, path in self.path_of.items()}
        boot = json.loads(page.locator("#boot").text_content())
        self.key_of = {each["name"]: each["key"] for each in boot["classes"]}

    def shown(self) -> int:
        """The sample on the stage, its picture ready."""
        picture = self.page.locator("[data-testid=stage-image][data-ready=true]:visible")
        picture.wait_for(timeout=30_000)
        return int(picture.get_attribute("data-sample"))

    def label(self) -> tuple[str, str]:
        """Answer the sample on the stage; returns its path and the class."""
        sample = self.shown()
        answer = self.answer_of[sample]
        self.page.keyboard.press(self.key_of[answer])
        self.page.wait_for_function(
            "id => document.querySelector('[data-testid=stage-image][data-ready=true]')?.dataset.sample != id",
            arg=str(sample),
        )
        return self.path_of[sample], answer


def saved(page: Page) -> None:
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=20_000)


def labels_in_file(page: Page, program: Program, folder: Path) -> dict[str, str]:
    page.goto(f"{program.address}/projects/{program.slug}/export/")
    with page.expect_download() as download:
        page.get_by_test_id("labels-csv").focus()
        page.keyboard.press("Enter")
    file = folder / "labels.csv"
    download.value.save_as(file)
    with file.open(newline="") as opened:
        return {row["path"]: row["classes"] for row in csv.DictReader(opened)}


def test_thirty_labels_by_keyboard(page: Page, program: Program, tmp_path: Path) -> None:
    page.goto(program.label_url)
    page.locator("[data-testid=stage-image][data-ready=true]").first.wait_for(timeout=READY_MS)
    hands = Hands(page, program)
    first_round = int(page.get_by_test_id("round-number").text_content())

    given = dict(hands.label() for _ in range(29))
    wrong = hands.shown()
    page.keyboard.press(hands.key_of["0" if hands.answer_of[wrong] != "0" else "1"])
    page.keyboard.press("Backspace")
    assert hands.shown() == wrong, "undo brings the sample back"
    path, answer = hands.label()
    given[path] = answer
    saved(page)

    expect(page.get_by_test_id("labelled-count")).to_have_text("30")
    expect(page.get_by_test_id("round-number")).not_to_have_text(str(first_round), timeout=30_000)
    page.goto(f"{program.address}/projects/{program.slug}/")
    # The newest round stands first in the curve's table; it comes to know all 30 labels without a reload.
    newest = page.get_by_test_id("curve-rows").locator("tr").first.locator("td")
    expect(newest.nth(1)).to_have_text("30", timeout=60_000)
    expect(page.get_by_test_id("curve").locator("canvas")).to_be_visible()
    assert labels_in_file(page, program, tmp_path) == given


def test_a_judgement_outlives_a_lost_connection_and_a_reload(page: Page, program: Program, tmp_path: Path) -> None:
    page.goto(program.label_url)
    page.locator("[data-testid=stage-image][data-ready=true]").first.wait_for(timeout=READY_MS)
    hands = Hands(page, program)
    saved(page)
    page.context.set_offline(True)
    path, answer = hands.label()
    expect(page.get_by_test_id("save-state")).not_to_have_attribute("data-state", "saved")
    page.context.set_offline(False)
    page.reload()
    hands.shown()
    saved(page)
    assert labels_in_file(page, program, tmp_path)[path] == answer
