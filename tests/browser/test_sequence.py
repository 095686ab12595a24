"""Sequence mode by keyboard: one decision a burst, one frame by itself, and nobody's frame is anybody else's."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, WITHDRAWN, Auditor, Decision, Hands, answer, labels_in_database, saved
from tests.browser.program import PATIENCE, Asked, Program

pytestmark = pytest.mark.browser
QUESTION = {"known": 60}
BURST = """
    SELECT sample.id FROM samples_sample AS sample JOIN samples_file AS frame ON frame.id = sample.file_id
    WHERE frame.sequence_id = (
        SELECT sequence_id FROM samples_file AS shown JOIN samples_sample AS asked ON shown.id = asked.file_id
        WHERE asked.id = ?
    ) AND frame.id NOT IN (SELECT file_id FROM samples_peopleseen WHERE is_hidden)  -- other tests label people
    ORDER BY frame.taken_at, frame.path
"""
# Nobody's yet on the question: bo has answered some beforehand.
ALONE = """
    SELECT sample.id FROM samples_sample AS sample JOIN samples_file AS file ON file.id = file_id
    WHERE sequence_id IS NULL AND sample.id NOT IN (
        SELECT sample_id FROM annotating_assignment
        JOIN projects_question AS question ON question.id = question_id AND question.key = ?
    ) LIMIT 1
"""


class Sequences(Hands):
    """Someone who decides whole bursts."""

    def open(self, mode: str = "sequence") -> "Sequences":
        _wait_for_bursts(self.program)
        super().open(mode)
        self.shown()
        return self

    @property
    def frames(self) -> list[str]:
        """What each frame of the burst in view says of itself."""
        return [each.get_attribute("aria-label") for each in self.page.get_by_test_id("frame").all()]

    def burst(self, sample: int) -> list[int]:
        """The frames of a sample's burst that are this person's and not decided, in order of time."""
        found = [frame for (frame,) in self.program.rows(BURST, sample)]
        if len(found) < 2:
            return [sample]
        # The strip is drawn after the picture: until then it shows the burst before.
        self.page.locator(f"[data-testid=frame][data-sample='{sample}']").wait_for()
        said = zip(found, self.frames, strict=True)
        return [frame for at, (frame, text) in enumerate(said, start=1) if text == f"Frame {at} of {len(found)}"]

    def wait_for_burst(self, least: int = 3) -> list[int]:
        """Go on to a burst with so many frames; returns them."""
        for _ in range(40):
            frames = self.burst(sample := self.shown())
            if len(frames) >= least:
                return frames
            self.page.keyboard.press("ArrowRight")
            self.wait_for_another(sample)
        raise AssertionError("no burst is long enough")

    def decide(self, key: str, frames: list[int], decision: Decision) -> None:
        for frame in frames:
            self.auditor.mean(self.who, frame, decision)
        self.page.keyboard.press(key)

    def look_at(self, number: int) -> None:
        """Step to that frame of the burst, counted from 1, by keys."""
        current = self.page.locator("[data-testid=frame][aria-current]")
        while (at := int(current.locator(".frame-number").inner_text())) != number:
            self.page.keyboard.press("ArrowDown" if at < number else "ArrowUp")
        expect(self.page.get_by_test_id("frames-note")).to_contain_text(f"Frame {number} of")


def _wait_for_bursts(program: Program) -> None:
    deadline = time.monotonic() + PATIENCE
    waiting = "SELECT COUNT(*) FROM jobs_job WHERE kind = 'bursts' AND state IN ('queued', 'running')"
    while program.rows(waiting)[0][0] or not program.rows("SELECT COUNT(*) FROM samples_sequence")[0][0]:
        assert time.monotonic() < deadline, "no bursts were found"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    """Of all that was decided about the module's question."""
    return Auditor(asked)


@pytest.fixture
def hands(page: Page, asked: Asked, auditor: Auditor) -> Sequences:
    return Sequences(page, asked, auditor=auditor).open()


def test_one_key_decides_all_frames_and_one_undo_takes_them_back(hands: Sequences) -> None:
    frames = hands.wait_for_burst()
    first = hands.shown()
    expect(hands.page.get_by_test_id("frames-note")).to_contain_text(f"one answer for {len(frames)} frames")
    hands.decide(hands.key_of("fox"), frames, answer("fox"))
    hands.wait_for_another(first)
    expect(hands.page.get_by_test_id("last")).to_have_text(f"last: fox ({len(frames)} frames)")
    saved(hands.page)
    hands.decide("Control+z", frames, WITHDRAWN)
    assert hands.shown() == first
    assert not any("fox" in said for said in hands.frames)
    saved(hands.page)
    hands.decide("Control+Shift+z", frames, answer("fox"))
    hands.wait_for_another(first)
    saved(hands.page)
    assert hands.auditor.check() >= 3 * len(frames)
    mine = [each for each in labels_in_database(hands.asked) if each.annotator == "ana"]
    assert {each.mode for each in mine} == {"sequence"}


def test_shift_decides_one_frame_and_the_burst_leaves_it_alone(hands: Sequences) -> None:
    frames = hands.wait_for_burst()
    first = hands.shown()
    place = hands.frames.index(next(said for said in hands.frames if "not yours" not in said)) + 1
    hands.look_at(place)
    hands.decide(f"Shift+{hands.key_of('zebra').upper()}", frames[:1], answer("zebra"))
    expect(hands.page.get_by_test_id("last")).to_have_text("last: this frame only: zebra")
    expect(hands.page.get_by_test_id("frame").nth(place - 1)).to_contain_text("zebra")
    hands.decide(hands.key_of("fox"), frames[1:], answer("fox"))
    hands.wait_for_another(first)
    hands.page.keyboard.press("ArrowLeft")
    assert hands.shown() == first
    hands.page.locator(f"[data-testid=frame][data-sample='{first}']").wait_for()  # the strip follows the picture
    assert [said for said in hands.frames if "zebra" in said or "fox" in said] == [
        said for said in hands.frames if "not yours" not in said
    ]
    # Thought better of: the burst again, the single frame still keeps its own.
    hands.decide(hands.key_of("person"), frames[1:], answer("person"))
    saved(hands.page)
    for _ in range(2):
        hands.page.keyboard.press("Control+z")
    for frame in frames[1:]:
        hands.auditor.mean("ana", frame, answer("fox"))
        hands.auditor.mean("ana", frame, WITHDRAWN)
    hands.decide("Control+z", frames[:1], WITHDRAWN)
    assert hands.shown() == first
    saved(hands.page)
    hands.auditor.check()


def test_a_button_does_what_shift_does(hands: Sequences) -> None:
    frames = hands.wait_for_burst()
    first = hands.shown()
    only = hands.page.get_by_test_id("this-frame")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true")
    expect(hands.page.get_by_test_id("frames-note")).to_contain_text("this frame only")
    hands.decide(".", [first], Decision("skip"))
    expect(only).to_have_attribute("aria-pressed", "false")
    expect(hands.page.get_by_test_id("last")).to_have_text("last: this frame only: skipped")
    assert hands.shown() == first, "the others are still open"
    hands.decide(";", [each for each in frames if each != first], Decision("unsure"))
    hands.wait_for_another(first)
    saved(hands.page)
    hands.auditor.check()


def test_frames_decided_one_by_one_end_the_burst(hands: Sequences) -> None:
    frames = hands.wait_for_burst()
    first = hands.shown()
    for number, said in enumerate(hands.frames, start=1):
        if "not yours" not in said:
            hands.look_at(number)
            frame = frames.pop(0)
            hands.decide(f"Shift+{hands.key_of('empty').upper()}", [frame], answer("empty"))
    hands.wait_for_another(first)
    saved(hands.page)
    hands.auditor.check()


def test_a_sample_without_a_burst_is_decided_as_any_other(hands: Sequences) -> None:
    alone = hands.program.rows(ALONE, hands.asked.key)[0][0]
    hands.page.goto(f"{hands.asked.url('sequence')}?sample={alone}")
    assert hands.shown() == alone
    assert not hands.frames
    expect(hands.page.get_by_test_id("this-frame")).to_be_disabled()
    hands.label("fox")
    saved(hands.page)
    hands.auditor.check()


def test_what_somebody_else_holds_can_be_seen_and_not_decided(
    hands: Sequences, sign_in: Callable[..., Page], program: Program
) -> None:
    frames = hands.wait_for_burst()
    theirs, other = frames[0], frames[1]
    hands.page.goto("about:blank")  # gives all back
    mia = Sequences(sign_in("mia"), hands.asked, who="mia", auditor=hands.auditor)
    mia.page.goto(f"{hands.asked.url()}?sample={theirs}&only=audit")  # or she would hold further frames
    assert mia.shown() == theirs
    hands.page.goto(f"{hands.asked.url('sequence')}?sample={other}")
    assert hands.shown() == other
    everyone = [frame for (frame,) in program.rows(BURST, other)]
    place = everyone.index(theirs) + 1
    assert "not yours" in hands.frames[place - 1]
    hands.look_at(place)
    hands.page.keyboard.press(f"Shift+{hands.key_of('zebra').upper()}")
    expect(hands.page.get_by_test_id("notice")).to_have_text("Somebody else labels this frame.")
    mine = hands.burst(other)
    assert theirs not in mine
    hands.decide(hands.key_of("fox"), mine, answer("fox"))
    mia.press(theirs, "zebra")
    saved(hands.page)
    saved(mia.page)
    hands.auditor.check()


def test_two_people_and_two_tabs_share_no_frame(hands: Sequences, sign_in: Callable[..., Page]) -> None:
    asked, auditor = hands.asked, hands.auditor
    second = Sequences(hands.page.context.new_page(), asked, auditor=auditor)
    mia = Sequences(sign_in("mia"), asked, who="mia", auditor=auditor)
    everyone = [hands, second.open(), mia.open()]
    for turn in range(4):
        for each in everyone:
            each.page.bring_to_front()
            sample = each.shown()
            each.decide(
                each.key_of("fox" if turn % 2 else "zebra"), each.burst(sample), answer("fox" if turn % 2 else "zebra")
            )
            each.wait_for_another(sample)
    for each in everyone:
        saved(each.page)
        assert not each.page.get_by_test_id("problems").inner_text()
    assert auditor.check() >= 12


def test_a_follow_up_question_is_asked_once_a_burst(page: Page, program: Program) -> None:
    asked = program.ask("sequence-animal")
    then = program.ask("sequence-doing", classes=("eating", "resting"), follows="sequence-animal")
    hands = Sequences(page, asked).open()
    doing = Auditor(then)
    frames = hands.wait_for_burst()
    first = hands.shown()
    hands.decide(hands.key_of("fox"), frames, answer("fox"))
    expect(page.get_by_test_id("question")).to_have_text("What do you see? (sequence-doing)")
    assert hands.shown() == first
    for frame in frames:
        doing.mean("ana", frame, answer("eating"))
    page.keyboard.press(then.letters["eating"])
    hands.wait_for_another(first)
    # A frame by itself is asked about by itself.
    frames = hands.wait_for_burst()
    first = hands.shown()
    hands.look_at(1)
    hands.decide(f"Shift+{hands.key_of('zebra').upper()}", frames[:1], answer("zebra"))
    doing.mean("ana", frames[0], answer("resting"))
    page.keyboard.press(then.letters["resting"])
    expect(page.get_by_test_id("question")).to_have_text("What do you see? (sequence-animal)")
    hands.decide(hands.key_of("empty"), frames[1:], answer("empty"))
    hands.wait_for_another(first)
    saved(page)
    hands.auditor.check()
    doing.check()


def test_several_classes_are_gathered_for_the_burst_and_confirmed_at_once(page: Page, program: Program) -> None:
    hands = Sequences(page, program.ask("sequence-several", multi_label=True)).open()
    frames = hands.wait_for_burst()
    first = hands.shown()
    hands.look_at(1)
    page.keyboard.press(hands.key_of("fox"))
    hands.decide("Shift+Enter", frames[:1], answer("fox"))
    for name in ("fox", "zebra"):
        page.keyboard.press(hands.key_of(name))
    hands.decide("Enter", frames[1:], answer("fox", "zebra"))
    hands.wait_for_another(first)
    saved(page)
    hands.auditor.check()


def test_the_frames_play_until_a_key_stops_them(hands: Sequences) -> None:
    hands.wait_for_burst()
    current = hands.page.locator("[data-testid=frame][aria-current] .frame-number")
    before = current.inner_text()
    hands.page.keyboard.press("Alt+P")
    expect(hands.page.get_by_test_id("play")).to_have_attribute("aria-pressed", "true")
    expect(current).not_to_have_text(before, timeout=READY_MS)
    hands.page.keyboard.press("Alt+P")
    expect(hands.page.get_by_test_id("play")).to_have_attribute("aria-pressed", "false")
