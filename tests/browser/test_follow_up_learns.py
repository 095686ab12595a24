"""A question that follows another learns: it suggests, has a curve and a page, and asks only where it applies."""

import time
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Hands, saved
from tests.browser.program import PATIENCE, Asked

QUESTION = {"known": 60}
BEHAVIOUR = "learns-behaviour"
TEXT = "What is it busy with?"  # as no other question of the project
STANDING = """
    SELECT DISTINCT label.sample_id, class.is_blank
    FROM labels_label AS label
    JOIN projects_question AS question ON question.id = label.question_id AND question.key = ?
    JOIN labels_labelledclass AS named ON named.label_id = label.id
    JOIN projects_labelclass AS class ON class.id = named.label_class_id
    WHERE label.is_current AND label.verdict = 'answer'
"""


def applies_to(asked: Asked) -> set[int]:
    """The samples that were answered, and not with the blank class."""
    return {sample for sample, is_blank in asked.program.rows(STANDING, asked.key) if not is_blank}


def what_it_does(asked: Asked, sample: int) -> str:
    """Something that can be learnt from the pictures: every other kind of animal sleeps."""
    return ("sleeping", "walking")[sorted(asked.classes).index(asked.program.truth[sample]) % 2]


@pytest.fixture(scope="module")
def behaviour(asked: Asked) -> Asked:
    """Asked unless the picture is blank; bo has answered it for 20 of the pictures it is asked of."""
    program = asked.program
    found = program.ask(BEHAVIOUR, text=TEXT, classes=("sleeping", "walking"), follows=asked.key)
    tab, told, deadline = str(uuid.uuid4()), 0, time.monotonic() + PATIENCE
    while told < 20:
        wanted = {"count": 10, "keep": [], "tab": tab}
        given = program.post("bo", f"{found.url()}next/", wanted)["samples"]
        assert time.monotonic() < deadline, "nothing is asked"
        assert {each["sample"] for each in given} <= applies_to(asked)
        events = [
            {
                "uuid": str(uuid.uuid4()), "sample": each["sample"], "entry": each["entry"], "verdict": "answer",
                "classes": [found.classes[what_it_does(asked, each["sample"])]], "mode": "single",
            }
            for each in given
        ]  # fmt: skip
        if not events:
            time.sleep(0.3)
            continue
        program.post("bo", f"{found.url()}labels/", {"tab": tab, "events": events})
        told += len(events)
    program.post("bo", f"{found.url()}next/", {"count": 0, "keep": [], "tab": tab})
    program.wait_for_round(found, told)
    return found


def test_its_own_screen_shows_what_it_is_asked_of_with_suggestions(page: Page, asked: Asked, behaviour: Asked) -> None:
    hands = Hands(page, behaviour).open()
    sample = hands.pass_over_blind()
    assert sample in applies_to(asked)
    expect(page.locator("[data-testid=suggestion]:not(.empty)")).to_have_count(2)


def test_in_the_pass_it_suggests_and_a_digit_takes_it(page: Page, asked: Asked, behaviour: Asked) -> None:
    asked.program.answer_some(asked, 10)  # another ranking, by which its head has been heard
    hands = Hands(page, asked).open()
    suggested = page.locator("[data-testid=suggestion]:not(.empty)")
    deadline = time.monotonic() + PATIENCE
    while True:
        sample = hands.pass_over_blind()
        hands.press(sample, "fox")
        expect(page.get_by_test_id("question")).to_have_text(TEXT)
        if suggested.count():
            break
        assert time.monotonic() < deadline, "its head is never heard"
        page.keyboard.press(behaviour.letters["walking"])
        hands.wait_for_another(sample)
    expect(suggested).to_have_count(2)
    names = suggested.locator(".name").all_inner_texts()
    assert sorted(names) == ["sleeping", "walking"]
    page.keyboard.press("1")
    hands.wait_for_another(sample)
    saved(page)
    (stored,) = asked.program.rows(
        "SELECT class.name, label.suggestion_shown, label.head_version > 0 FROM labels_label AS label"
        " JOIN projects_question AS question ON question.id = label.question_id AND question.key = ?"
        " JOIN labels_labelledclass AS named ON named.label_id = label.id"
        " JOIN projects_labelclass AS class ON class.id = named.label_class_id WHERE label.sample_id = ?",
        BEHAVIOUR,
        sample,
    )
    assert stored == (names[0], 1, 1)


def test_its_page_has_its_curve_and_counts_what_it_is_asked_of(
    sign_in: Callable[..., Page], asked: Asked, behaviour: Asked
) -> None:
    page = sign_in("mia")
    page.goto(asked.program.project_url)
    page.get_by_test_id("to-question").filter(has_text=TEXT).first.click()
    expect(page.get_by_test_id("follows")).to_contain_text("every answer but a blank one")
    expect(page.get_by_test_id("n-samples")).to_have_text(str(len(applies_to(asked))))
    page.get_by_text("The curve as a table").click()
    rows = page.get_by_test_id("curve-rows").locator("tr")
    expect(rows.first).to_be_visible()
    assert int(rows.first.locator("td").nth(1).inner_text()) >= 20
    expect(page.locator("[data-testid=curve] canvas")).to_be_visible()
    page.get_by_role("link", name="Label", exact=True).last.click()
    expect(page.get_by_test_id("question")).to_have_text(TEXT)
