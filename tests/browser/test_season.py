"""A season by keyboard: what a detector found comes in, an event is labelled, a box put right, people stay hidden from
who must not see them, and a data package goes out that the standard finds nothing wrong with.
"""

import csv
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.hands import READY_MS, STAGE, Hands, answer, labels_in_database, saved
from tests.browser.program import PATIENCE, Asked, Program
from tests.browser.season import PLACE, brought, cameras, detector, press
from tests.browser.test_sequence import Sequences
from tests.exchange.test_camtrap_dp import problems

QUESTION = {"known": 0}
BOXES = """
    SELECT box.id, whole.id FROM samples_sample AS box
    JOIN samples_sample AS whole ON whole.file_id = box.file_id AND whole.part = 'whole'
    WHERE box.part = 'box' AND box.taken_away_at IS NULL
"""
LEFT = "SELECT box_left FROM samples_sample WHERE id = ?"
EDITS = "SELECT uuid FROM samples_boxedit WHERE sample_id = ? AND is_current"


@pytest.fixture(autouse=True)
def _others_see_none(asked: Asked) -> Iterator[None]:
    """Other tests know the truth of whole photographs only."""
    yield
    for box, whole in asked.program.rows(BOXES):
        before = [str(uuid.UUID(key)) for (key,) in asked.program.rows(EDITS, box)]
        event = {"uuid": str(uuid.uuid4()), "kind": "box", "sample": whole, "part": box, "box": None}
        event["supersedes"] = before[0] if before else None
        asked.program.post("mia", f"{asked.url()}labels/", {"events": [event]})


def seen(program: Program, who: str, sample: int) -> int:
    with program.client(who) as client:
        return client.get(f"/samples/{sample}/256.jpg").status_code


def test_from_card_to_data_package(sign_in: Callable[..., Page], asked: Asked, tmp_path: Path) -> None:
    program, mia = asked.program, sign_in("mia")
    wholes = {path: sample for sample, path in program.path_of.items()}
    *animals, person = sorted(wholes)[:4]
    brought(mia, asked, cameras(tmp_path, sorted({path.rpartition("/")[0] for path in wholes})))
    brought(mia, asked, detector(tmp_path, animals, person))

    program.wait_for_round(asked)  # what was hidden has all questions of the project ranked anew
    hidden = wholes[person]
    assert (seen(program, "ana", hidden), seen(program, "mia", hidden)) == (404, 200)
    ana = sign_in("ana")
    ana.goto(f"{asked.url()}?sample={hidden}")
    ana.locator(STAGE).first.wait_for(timeout=READY_MS)
    assert Hands(ana, asked).shown() != hidden, "nor is it handed out"

    event(ana, asked)
    corrected(ana, asked, wholes[animals[0]])
    package = taken_away(mia, asked, tmp_path)
    assert not problems(package)
    media = {row["filePath"]: row["filePublic"] for row in rows_of(package, "media")}
    assert media[person] == "false" and media[animals[0]] == "true"


def event(page: Page, asked: Asked) -> None:
    """One key answers all frames of an event."""
    hands = Sequences(page, asked).open()
    frames = hands.wait_for_burst()
    hands.decide(hands.key_of("fox"), frames, answer("fox"))
    hands.wait_for_another(frames[0])
    saved(page)
    assert {each.sample for each in labels_in_database(asked) if each.mode == "sequence"} == set(frames)


def corrected(page: Page, asked: Asked, whole: int) -> None:
    """The detector's box is moved, and what is in it said."""
    (box,) = [pk for pk, of in asked.program.rows(BOXES) if of == whole]
    page.goto(f"{asked.url()}?sample={box}")
    hands = Hands(page, asked)
    page.locator(STAGE).first.wait_for(timeout=READY_MS)
    assert hands.shown() == box
    for key in ("Alt+k", "ArrowRight", "ArrowRight", "Enter", "Escape"):
        page.keyboard.press(key)
    saved(page)
    ((left,),) = asked.program.rows(LEFT, box)
    assert left > PLACE[0]
    page.keyboard.press(hands.key_of("zebra"))
    saved(page)
    assert [each.decision for each in labels_in_database(asked) if each.sample == box] == [answer("zebra")]


def taken_away(page: Page, asked: Asked, folder: Path) -> Path:
    """The data package, made and fetched."""
    page.goto(f"{asked.program.project_url}export/?question={asked.key}")
    page.get_by_test_id("format-camtrap-dp").locator("summary").focus()
    page.keyboard.press("Enter")
    press(page, "make-camtrap-dp")
    link = page.get_by_test_id("download-export")
    link.wait_for(timeout=1000 * PATIENCE)
    with page.expect_download() as download:
        link.focus()
        page.keyboard.press("Enter")
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(folder / "package")
    return next(each.parent for each in (folder / "package").rglob("datapackage.json"))


def rows_of(package: Path, table: str) -> list[dict[str, Any]]:
    with (package / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
