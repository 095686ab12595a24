"""A person labels by keyboard only, and takes exactly their labels away."""

import csv
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.hands import STAGE, Hands, saved
from tests.browser.program import MAIN, Asked, Program

QUESTION = {"key": MAIN}  # the one whose curve and exports the pages show


def labels_in_file(page: Page, program: Program, folder: Path) -> dict[str, str]:
    page.goto(f"{program.project_url}export/")
    with page.expect_download() as download:
        page.get_by_test_id("labels-csv").focus()
        page.keyboard.press("Enter")
    file = folder / "labels.csv"
    download.value.save_as(file)
    with file.open(newline="") as opened:
        return {row["path"]: row["classes"] for row in csv.DictReader(opened)}


def test_thirty_labels_by_keyboard(sign_in, asked: Asked, tmp_path: Path) -> None:
    page = sign_in("mia")
    hands = Hands(page, asked, who="mia").open()
    first_round = int(page.get_by_test_id("round-number").text_content())

    given = dict(hands.label() for _ in range(29))
    wrong = hands.shown()
    hands.label("fox" if hands.answer_of(wrong) != "fox" else "zebra")
    assert hands.undo() == wrong
    given.update([hands.label()])
    saved(page)
    assert hands.auditor.check() == 32

    expect(page.get_by_test_id("labelled-count")).to_have_text("30")
    expect(page.get_by_test_id("round-number")).not_to_have_text(str(first_round), timeout=90_000)
    page.goto(asked.program.project_url)
    # The newest round stands first in the curve's table; it comes to know all 30 labels without a reload.
    newest = page.get_by_test_id("curve-rows").locator("tr").first.locator("td")
    expect(newest.nth(1)).to_have_text("30", timeout=60_000)
    expect(page.get_by_test_id("curve").locator("canvas")).to_be_visible()
    paths = asked.program.path_of
    assert labels_in_file(page, asked.program, tmp_path) == {paths[sample]: name for sample, name in given.items()}


def test_a_judgement_outlives_a_lost_connection_and_a_reload(sign_in, asked: Asked, tmp_path: Path) -> None:
    page = sign_in("mia")
    hands = Hands(page, asked, who="mia").open()
    saved(page)
    page.context.set_offline(True)
    sample, answer = hands.label()
    expect(page.get_by_test_id("save-state")).not_to_have_attribute("data-state", "saved")
    page.context.set_offline(False)
    page.reload()
    page.locator(STAGE).first.wait_for()
    saved(page)
    assert labels_in_file(page, asked.program, tmp_path)[asked.program.path_of[sample]] == answer
