"""What a detector found and where cameras stood, and how somebody brings it in by keyboard."""

import csv
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.program import PATIENCE, Asked

PLACE = [0.3, 0.3, 0.2, 0.2]


def press(page: Page, name: str) -> None:
    """The button of that name, by keyboard."""
    page.get_by_test_id(name).focus()
    page.keyboard.press("Enter")


def brought(page: Page, asked: Asked, file: Path) -> None:
    """Look at a file, see what would be done, and apply it."""
    page.goto(f"{asked.program.project_url}import/")
    page.locator("input[type=file]").set_input_files(file)
    option = page.locator("select[name=question] option", has_text=f"({asked.key})")
    if option.count():  # with one question there is nothing to choose
        page.locator("select[name=question]").select_option(value=option.get_attribute("value"))
    press(page, "look")
    expect(page.get_by_test_id("report")).to_be_visible(timeout=1000 * PATIENCE)
    press(page, "apply")
    expect(page.get_by_test_id("applied")).to_be_visible(timeout=1000 * PATIENCE)


def detector(folder: Path, paths: list[str], person: str) -> Path:
    """An animal in some pictures, a person in one."""
    found = [{"file": path, "detections": [{"category": "1", "conf": 0.9, "bbox": PLACE}]} for path in paths]
    found.append({"file": person, "detections": [{"category": "2", "conf": 0.95, "bbox": PLACE}]})
    told = {"info": {"format_version": "1.4", "detector": "md"}, "detection_categories": {"1": "animal", "2": "person"}}
    (folder / "md.json").write_text(json.dumps({**told, "images": found}))
    return folder / "md.json"


def cameras(folder: Path, names: list[str]) -> Path:
    with (folder / "deployments.csv").open("w", newline="") as file:
        columns = ("deployment", "location_name", "latitude", "longitude", "time_zone")
        rows = [(name, "by the brook", 52.1, 5.2, "Europe/Amsterdam") for name in names]
        csv.writer(file).writerows([columns, *rows])
    return folder / "deployments.csv"
