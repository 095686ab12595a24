"""Several questions in one pass; and the ways to answer that are no class: unsure, skip, flag, same as last."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Auditor, Decision, Hands, answer, labels_in_database, saved
from tests.browser.program import Asked

BEHAVIOUR = "follow-up-behaviour"


@pytest.fixture(scope="module")
def behaviour(asked: Asked) -> Asked:
    """Asked in the same pass, unless the answer is the blank class."""
    return asked.program.ask(BEHAVIOUR, text="What does it do?", classes=("sleeping", "walking"), follows=asked.key)


def test_the_second_question_comes_only_where_there_is_something_to_see(
    page: Page, asked: Asked, behaviour: Asked
) -> None:
    hands = Hands(page, asked).open()
    auditor = Auditor(behaviour)
    first = hands.shown()
    hands.press(first, "fox")
    expect(page.get_by_test_id("question")).to_have_text("What does it do?")
    expect(page.get_by_test_id("live")).to_contain_text("What does it do?")
    assert hands.shown() == first, "the sample stays until both questions are answered"
    page.keyboard.press(behaviour.letters["walking"])
    auditor.mean("ana", first, answer("walking"))
    hands.wait_for_another(first)
    expect(page.get_by_test_id("question")).to_have_text(f"What do you see? ({asked.key})")

    empty, _ = hands.label("empty")  # nothing is asked of an empty picture
    assert hands.shown() != empty

    third = hands.shown()
    hands.press(third, "zebra")
    page.keyboard.press(behaviour.letters["sleeping"])
    auditor.mean("ana", third, answer("sleeping"))
    hands.wait_for_another(third)
    page.keyboard.press("Backspace")  # the second answer
    auditor.take_back("ana", third)
    assert hands.shown() == third
    expect(page.get_by_test_id("question")).to_have_text("What does it do?")
    hands.undo()  # the first
    expect(page.get_by_test_id("question")).not_to_have_text("What does it do?")
    saved(page)
    hands.auditor.check()
    auditor.check()


def test_unsure_skip_and_same_as_last(page: Page, asked: Asked, behaviour: Asked) -> None:
    hands = Hands(page, asked).open()
    first, _ = hands.label("empty")
    for key, decision in (
        ("'", answer("empty")),
        (";", Decision("unsure")),
        (".", Decision("skip")),
        ("-", answer("empty")),
    ):
        sample = hands.shown()
        hands.auditor.mean("ana", sample, decision)
        page.keyboard.press(key)
        hands.wait_for_another(sample)
    saved(page)
    hands.auditor.meant.pop(("ana", first))
    meant = hands.auditor.meant
    stored = {
        ("ana", label.sample): [label.decision] for label in labels_in_database(asked) if ("ana", label.sample) in meant
    }
    assert stored == dict(meant)


def test_a_flag_carries_its_note_and_decides_nothing(page: Page, asked: Asked) -> None:
    hands = Hands(page, asked).open()
    sample = hands.shown()
    page.keyboard.press(",")
    page.keyboard.type("two animals; which counts?")
    page.keyboard.press("Enter")
    expect(page.locator("[data-command=flag]")).to_have_attribute("aria-pressed", "true")
    saved(page)
    query = "SELECT note, closed_at FROM labels_flag WHERE sample_id = ?"
    assert asked.program.rows(query, sample) == [("two animals; which counts?", None)]
    assert hands.shown() == sample
    page.reload()
    assert hands.shown() == sample
    expect(page.locator("[data-command=flag]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(",")
    page.get_by_test_id("flag-remove").click()
    expect(page.locator("[data-command=flag]")).to_have_attribute("aria-pressed", "false")
    saved(page)
    query = "SELECT COUNT(*) FROM labels_flag WHERE closed_at IS NULL AND sample_id = ?"
    assert asked.program.rows(query, sample) == [(0,)]


def test_hidden_suggestions_stay_hidden_and_are_not_counted_as_shown(page: Page, asked: Asked) -> None:
    asked.program.answer(asked, 30)
    hands = Hands(page, asked).open()
    hands.pass_over_blind()
    page.get_by_test_id("suggestion").first.wait_for()
    page.keyboard.press("Alt+h")
    page.reload()
    sample = hands.pass_over_blind()
    expect(page.get_by_test_id("no-suggestion")).to_be_visible()
    assert not page.locator("[data-testid=suggestion]:not(.empty)").count()
    page.keyboard.press(asked.letters["empty"])
    hands.wait_for_another(sample)
    saved(page)
    shown = "SELECT suggestion_shown FROM labels_label WHERE sample_id = ? ORDER BY id DESC LIMIT 1"
    assert asked.program.rows(shown, sample) == [(0,)]
    page.keyboard.press("Alt+h")
