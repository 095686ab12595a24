"""Boxes in the single view: drawn, moved and deleted by keyboard, mouse and finger, and nothing of it lost."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.hands import STAGE, Hands, labels_in_database, saved
from tests.browser.program import Asked, Program
from tests.browser.test_looks import TAGS
from tests.browser.test_touch import PHONE, Fingers

BOXES = """
    SELECT box.id, whole.id, box.box_left, box.box_top, box.box_width, box.box_height, box.taken_away_at IS NULL
    FROM samples_sample AS box JOIN samples_sample AS whole ON whole.file_id = box.file_id AND whole.part = 'whole'
    JOIN samples_boxedit AS edit ON edit.sample_id = box.id AND edit.is_current WHERE box.part = 'box' ORDER BY box.id
"""
EDITS = "SELECT sample_id, uuid FROM samples_boxedit WHERE is_current"
CHOSEN = "[data-testid=stage-marks] [data-kind=chosen]"


def boxes(program: Program, whole: int) -> dict[int, list[float]]:
    """Where the boxes of a photograph are that people drew there, by their samples."""
    rows = program.rows(BOXES)
    return {pk: [round(each, 3) for each in place] for pk, of, *place, is_there in rows if of == whole and is_there}


def put(asked: Asked, who: str, **event: Any) -> None:
    given = {"uuid": str(uuid.uuid4()), "kind": "box", **event}
    asked.program.post(who, f"{asked.url()}labels/", {"events": [given]})


@pytest.fixture(autouse=True)
def _others_see_none(asked: Asked) -> Iterator[None]:
    """Other tests know the truth of whole photographs only."""
    yield
    edits = {pk: str(uuid.UUID(key)) for pk, key in asked.program.rows(EDITS)}
    for pk, whole, *_place, is_there in asked.program.rows(BOXES):
        if is_there:
            put(asked, "mia", sample=whole, part=pk, box=None, supersedes=edits[pk])


@pytest.fixture
def hands(page: Page, asked: Asked) -> Hands:
    return Hands(page, asked).open()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def said(page: Page, text: str) -> None:
    expect(page.locator("#live")).to_contain_text(text)


def test_by_keyboard(hands: Hands, page: Page, asked: Asked) -> None:
    whole = hands.shown()
    press(page, "Alt+k")
    said(page, "Boxes: 0.")
    expect(page.get_by_test_id("box-tools")).to_be_visible()
    press(page, "Space", *["ArrowRight"] * 4, *["Shift+ArrowDown"] * 2, "Enter")
    said(page, "Box 1 of 1: 42 % from the left, 40 % from the top, 20 % wide, 21 % high.")
    saved(page)
    (box,) = boxes(asked.program, whole)
    assert boxes(asked.program, whole) == {box: [0.42, 0.4, 0.2, 0.21]}

    press(page, "Space", *["ArrowLeft"] * 10, "Enter")
    saved(page)
    other = max(boxes(asked.program, whole))
    assert boxes(asked.program, whole)[other] == [0.35, 0.4, 0.2, 0.2]
    press(page, "Tab")
    said(page, "Box 1 of 2")
    press(page, "Shift+Tab")
    said(page, "Box 2 of 2")
    press(page, "Delete")
    said(page, "box deleted")
    saved(page)
    assert list(boxes(asked.program, whole)) == [box]
    press(page, "Backspace")
    saved(page)
    assert sorted(boxes(asked.program, whole)) == [box, other], "undo brings it back"
    press(page, "Backspace")
    saved(page)
    assert list(boxes(asked.program, whole)) == [box], "and takes back that it was drawn"

    press(page, "ArrowUp", "Escape")
    expect(page.get_by_test_id("box-tools")).to_be_hidden()
    assert boxes(asked.program, whole)[box] == [0.42, 0.4, 0.2, 0.21], "what was not kept is forgotten"
    assert hands.shown() == whole
    hands.label()
    assert hands.shown() == box, "what was drawn comes next"
    looked_at_whole_and_alone(page)
    page.keyboard.press(hands.key_of("zebra"))
    hands.wait_for_another(box)
    saved(page)
    assert [each.decision.classes for each in labels_in_database(asked) if each.sample == box] == [{"zebra"}]


def looked_at_whole_and_alone(page: Page) -> None:
    """The box in its photograph, and by itself with its margin."""
    outline, frame = page.get_by_test_id("stage-box"), page.locator(".stage-frame")
    expect(outline).to_be_visible()
    whole = frame.bounding_box()
    assert outline.bounding_box()["width"] == pytest.approx(0.2 * whole["width"], abs=2)
    page.keyboard.press("Alt+w")
    expect(outline).to_be_hidden()
    alone = frame.bounding_box()
    assert alone["width"] / alone["height"] != pytest.approx(whole["width"] / whole["height"], abs=0.05)
    page.keyboard.press("Alt+w")
    expect(outline).to_be_visible()


def test_while_boxes_are_drawn_no_key_labels(hands: Hands, page: Page, asked: Asked) -> None:
    whole = hands.shown()
    press(page, "Alt+k", "Space", hands.key_of("fox"))
    expect(page.get_by_test_id("notice")).to_contain_text("Escape")
    assert hands.shown() == whole
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]})
    assert not found.response["violations"]
    press(page, "Escape")
    assert not [each for each in labels_in_database(asked) if each.sample == whole]


def at(page: Page, across: float, down: float) -> tuple[float, float]:
    box = page.locator("[data-testid=stage-marks]").bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def test_by_mouse(hands: Hands, page: Page, asked: Asked) -> None:
    whole = hands.shown()
    page.get_by_test_id("boxes").click()
    drag(page, (0.2, 0.2), (0.5, 0.6))
    saved(page)
    ((box, drawn),) = boxes(asked.program, whole).items()
    assert drawn == pytest.approx([0.2, 0.2, 0.3, 0.4], abs=0.01)
    drag(page, (0.3, 0.3), (0.9, 0.3))
    saved(page)
    assert boxes(asked.program, whole)[box] == pytest.approx([0.7, 0.2, 0.3, 0.4], abs=0.01), "up to the edge"
    drag(page, (0.7, 0.6), (0.6, 0.9))  # its lower left corner
    saved(page)
    assert boxes(asked.program, whole)[box] == pytest.approx([0.6, 0.2, 0.4, 0.7], abs=0.01)
    drag(page, (0.1, 0.1), (0.11, 0.105))
    expect(page.get_by_test_id("notice")).to_contain_text("at least 8 pixels")
    assert list(boxes(asked.program, whole)) == [box]
    page.mouse.click(*at(page, 0.7, 0.5))
    expect(page.locator(CHOSEN)).to_be_visible()
    page.get_by_test_id("box-delete").click()
    saved(page)
    assert not boxes(asked.program, whole)


def test_by_finger(sign_in: Callable[..., Page], asked: Asked) -> None:
    page = sign_in("ana", **PHONE)
    hands = Hands(page, asked).open()
    whole = hands.shown()
    page.get_by_test_id("boxes").tap()
    Fingers(page).drag([at(page, 0.2, 0.2)], [at(page, 0.3, 0.4)], [at(page, 0.6, 0.7)])
    saved(page)
    (drawn,) = boxes(asked.program, whole).values()
    assert drawn == pytest.approx([0.2, 0.2, 0.4, 0.5], abs=0.02)
    assert hands.shown() == whole, "it was no swipe"


def test_a_box_outlives_a_lost_connection_and_a_reload(hands: Hands, page: Page, asked: Asked) -> None:
    whole = hands.shown()
    saved(page)
    page.context.set_offline(True)
    press(page, "Alt+k", "Space", "Enter")
    expect(page.get_by_test_id("save-state")).not_to_have_attribute("data-state", "saved")
    page.context.set_offline(False)
    page.reload()
    page.locator(STAGE).first.wait_for()
    saved(page)
    assert list(boxes(asked.program, whole).values()) == [[0.4, 0.4, 0.2, 0.2]]


def test_two_people_at_one_box_are_told(hands: Hands, page: Page, asked: Asked) -> None:
    whole = hands.shown()
    press(page, "Alt+k", "Space", "Enter")
    saved(page)
    (box,) = boxes(asked.program, whole)
    ((_, key),) = [row for row in asked.program.rows(EDITS) if row[0] == box]
    put(asked, "bo", sample=whole, part=box, box=[0.1, 0.1, 0.3, 0.3], supersedes=str(uuid.UUID(key)))
    press(page, "ArrowRight", "Enter")
    problem = page.get_by_test_id("problem")
    expect(problem).to_contain_text("box placed")
    assert boxes(asked.program, whole) == {box: [0.1, 0.1, 0.3, 0.3]}
    page.get_by_test_id("use-mine").click()
    expect(problem).to_have_count(0)
    saved(page)
    assert boxes(asked.program, whole) == {box: [0.405, 0.4, 0.2, 0.2]}
