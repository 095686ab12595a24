"""Two questions in one queue, by keys alone: each picture is asked what is doubtful, and the rest is let stand."""

import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.hands import Auditor, Hands, answer, saved
from tests.browser.program import PATIENCE, Asked

QUESTION = {"known": 60}
BLANK = "all-questions-blank"
TEXT = "Is there anything at all?"


def is_something(asked: Asked, sample: int) -> str:
    return "nothing" if asked.program.truth[sample] == "empty" else "something"


@pytest.fixture(scope="module")
def blank(asked: Asked) -> Asked:
    """Whether there is anything: easy, so that its head is soon sure. bo has answered it for 60 pictures."""
    program = asked.program
    found = program.ask(BLANK, text=TEXT, classes=("nothing", "something"))
    tab, told, deadline = str(uuid.uuid4()), 0, time.monotonic() + PATIENCE
    while told < 60:
        given = program.post("bo", f"{found.url()}next/", {"count": 20, "keep": [], "tab": tab})["samples"]
        assert time.monotonic() < deadline, "nothing is asked"
        events = [
            {
                "uuid": str(uuid.uuid4()), "sample": each["sample"], "entry": each["entry"], "verdict": "answer",
                "classes": [found.classes[is_something(asked, each["sample"])]], "mode": "single",
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
    # Each has heard of the other's head once it has ranked anew.
    program.answer(asked, 10)
    return found


@pytest.fixture(scope="module")
def auditors(asked: Asked, blank: Asked) -> tuple[Auditor, Auditor]:
    return Auditor(asked), Auditor(blank)


class InView(NamedTuple):
    """What a person sees at one moment."""

    sample: int
    question: str
    let: list[str]


class Two(Hands):
    """Hands that read which question is asked, and answer that."""

    def __init__(self, page: Page, asked: Asked, blank: Asked, auditors: tuple[Auditor, Auditor]) -> None:
        super().__init__(page, asked, auditor=auditors[0])
        self.blank, self.of_blank = blank, auditors[1]
        self.page.goto(f"{asked.program.project_url}together/?questions={asked.key},{blank.key}")

    def in_view(self) -> InView:
        """Read in one go: between two looks a fresh round may have been taken in."""
        self.shown()
        return InView(
            *self.page.evaluate(
                """() => {
                    const all = (id) => [...document.querySelectorAll(`[data-testid=${id}]`)];
                    const [image] = all("stage-image");
                    const [question] = all("question");
                    const let_ = all("default").map((each) => each.textContent);
                    return [Number(image.dataset.sample), question.textContent, let_];
                }"""
            )
        )

    def answer_one(self) -> InView:
        """The question in view, rightly; returns what was in view."""
        seen = self.in_view()
        if seen.question == TEXT:
            name = is_something(self.asked, seen.sample)
            self.of_blank.mean("ana", seen.sample, answer(name))
            self.page.keyboard.press(self.blank.letters[name])
        else:
            self.press(seen.sample, self.answer_of(seen.sample))
        return seen

    def check(self) -> None:
        saved(self.page)
        self.auditor.check()
        self.of_blank.check()


def nothing_refused(page: Page) -> None:
    saved(page)
    assert page.get_by_test_id("problem").all_inner_texts() == []


def defaults(asked: Asked) -> list[tuple[int, str, int]]:
    """What ana let stand: the sample, the verdict, and whether it is what she said last."""
    query = (
        "SELECT sample_id, verdict, is_current FROM labels_default JOIN projects_question AS question"
        " ON question.id = question_id WHERE key = ? ORDER BY labels_default.id"
    )
    return asked.program.rows(query, asked.key)


def to_one_let_stand(hands: Two, is_meant: Callable[[InView], bool] = lambda _: True) -> InView:
    """On, answering, to a picture of which something is let stand."""
    deadline = time.monotonic() + PATIENCE
    while not ((seen := hands.in_view()).let and is_meant(seen)):
        assert time.monotonic() < deadline, "nothing is ever let stand"
        seen = hands.answer_one()
        hands.page.wait_for_function(
            "([id, text]) => document.querySelector('[data-testid=stage-image][data-ready=true]')?.dataset.sample != id"
            " || document.querySelector('[data-testid=question]').textContent != text",
            arg=[str(seen.sample), seen.question],
        )
    return seen


class SlowAnswer:
    """Holds back the answer that brings a fresh ranking; by then what the page did not keep is given back."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.kept: set[int] = set()
        self.waiting: tuple[Route, APIResponse] | None = None
        page.route("**/together/next/**", self._take)

    def _take(self, route: Route) -> None:
        keep = route.request.post_data_json["keep"]
        if self.waiting or len(keep) > 15:  # more are kept where only the supply is filled up
            route.continue_()
            return
        self.kept = set(keep)
        self.waiting = route, route.fetch()

    def arrive(self) -> None:
        assert self.waiting
        route, response = self.waiting
        with self.page.expect_response("**/together/next/**"):
            route.fulfill(response=response)


def test_each_picture_is_asked_what_is_doubtful_and_undo_takes_back_all_of_it(
    page: Page, asked: Asked, blank: Asked, auditors: tuple[Auditor, Auditor]
) -> None:
    hands = Two(page, asked, blank, auditors)
    to_one_let_stand(hands)
    expect(page.get_by_test_id("live")).to_contain_text("Let stand unless you change it")
    sample, question, let = hands.answer_one()
    assert let
    of_which = asked if question == TEXT else blank
    hands.wait_for_another(sample)
    nothing_refused(page)
    assert defaults(of_which)[-1] == (sample, "answer", 1)
    page.keyboard.press("Backspace")
    assert hands.shown() == sample
    (hands.of_blank if of_which is asked else hands.auditor).take_back("ana", sample)
    saved(page)
    assert defaults(of_which)[-1] == (sample, "withdraw", 1)
    hands.check()


def test_a_decision_counts_though_its_sample_was_given_back_meanwhile(
    page: Page, asked: Asked, blank: Asked, auditors: tuple[Auditor, Auditor]
) -> None:
    hands = Two(page, asked, blank, auditors)
    hands.shown()
    slow = SlowAnswer(page)
    to_one_let_stand(hands, lambda seen: slow.waiting is not None and seen.sample not in slow.kept)
    sample, question, _ = hands.answer_one()
    of_which = asked if question == TEXT else blank
    hands.wait_for_another(sample)
    slow.arrive()
    nothing_refused(page)
    assert (sample, "answer", 1) in defaults(of_which)
    hands.check()


def test_what_is_let_stand_is_asked_where_the_person_wants_it(
    page: Page, asked: Asked, blank: Asked, auditors: tuple[Auditor, Auditor]
) -> None:
    hands = Two(page, asked, blank, auditors)
    sample, question, _ = to_one_let_stand(hands)
    was_blank = question == TEXT
    page.keyboard.press("Alt+q")
    expect(page.get_by_test_id("default")).to_have_count(0)
    hands.answer_one()
    expect(page.get_by_test_id("question")).to_have_text(f"What do you see? ({asked.key})" if was_blank else TEXT)
    assert hands.shown() == sample
    hands.answer_one()
    hands.wait_for_another(sample)
    hands.check()
    assert (sample, "answer", 1) not in defaults(blank if not was_blank else asked)


def test_an_audit_sample_lets_nothing_stand(
    page: Page, asked: Asked, blank: Asked, auditors: tuple[Auditor, Auditor]
) -> None:
    hands = Two(page, asked, blank, auditors)
    hands.shown()
    deadline = time.monotonic() + PATIENCE
    while page.get_by_test_id("reason").get_attribute("data-blind") != "true":
        assert time.monotonic() < deadline, "no audit sample comes"
        sample = hands.shown()
        page.keyboard.press("ArrowRight")
        hands.wait_for_another(sample)
    expect(page.get_by_test_id("default")).to_have_count(0)
    expect(page.locator("[data-testid=suggestion]:not(.empty)")).to_have_count(0)
