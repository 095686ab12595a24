"""Review mode, the history and the flagged images, by somebody with a keyboard."""

import re
import time
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.hands import STAGE, Decision, answer, labels_in_database, saved

QUESTION = {"known": 24}
READY_MS = 60_000


def post_events(asked, who, *events):
    events = [{"uuid": str(uuid.uuid4()), "mode": "single", "dwell_ms": 900, **event} for event in events]
    return asked.program.post(who, f"{asked.url()}labels/", {"tab": "", "events": events})["results"]


def by_bo(asked):
    """Samples that bo answered and nobody else did, with the class."""
    stored = [label for label in labels_in_database(asked) if label.is_current]
    others = {label.sample for label in stored if label.annotator != "bo"}
    return {each.sample: min(each.decision.classes) for each in stored if each.sample not in others}


def another(asked, name):
    return next(each for each in asked.classes if each != name)


@pytest.fixture
def disputed(asked):
    """Have ana contradict bo on some samples; returns {sample: (bo's class, ana's class)}."""

    def make(count):
        found = dict(list(by_bo(asked).items())[:count])
        given = {sample: (name, another(asked, name)) for sample, name in found.items()}
        post_events(
            asked,
            "ana",
            *(
                {"sample": each, "verdict": "answer", "classes": [asked.classes[ana]]}
                for each, (_, ana) in given.items()
            ),
        )
        return given

    return make


class Reviewer:
    """A manager who touches nothing but keys."""

    def __init__(self, page, asked, query=""):
        self.page, self.asked = page, asked
        page.goto(asked.url("review") + query)
        page.locator(STAGE).first.wait_for(timeout=READY_MS)

    def shown(self):
        picture = self.page.locator(STAGE)
        picture.wait_for(timeout=READY_MS)
        return int(picture.get_attribute("data-sample"))

    def answers(self):
        """Names in the order of their numbers."""
        return self.page.get_by_test_id("answer").locator("visible=true").locator(".name").all_inner_texts()

    def press(self, key):
        sample = self.shown()
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "id => document.querySelector('[data-testid=stage-image]')?.dataset.sample != id", arg=str(sample)
        )
        return sample

    def stored(self, sample, who="mia"):
        """What the reviewer said of a sample, first to last."""
        saved(self.page)
        mine = [each for each in labels_in_database(self.asked) if (each.sample, each.annotator) == (sample, who)]
        assert all(each.mode == "review" for each in mine)
        return [each.decision for each in mine]


@pytest.fixture
def mia(sign_in, asked, disputed):
    disputed(6)
    return Reviewer(sign_in("mia"), asked)


def test_a_review_by_keyboard_alone(mia, disputed, asked):
    page = mia.page
    expect(page.get_by_test_id("reason")).to_have_text("annotators disagree")
    left = int(page.get_by_test_id("left").inner_text())
    first = mia.shown()
    names = mia.answers()
    assert len(names) >= 2

    page.keyboard.press("Enter")  # there are two answers: which?
    expect(page.get_by_test_id("notice")).to_contain_text("number")
    assert mia.shown() == first

    mia.press("2")
    expect(page.get_by_test_id("left")).to_have_text(str(left - 1))
    expect(page.get_by_test_id("live")).to_contain_text(f"{names[1]}; {left - 1} to review")
    expect(page.get_by_test_id("live")).to_contain_text("annotators disagree")

    relabelled = mia.press(asked.letters["empty"])
    out = mia.press("Alt+x")
    back = mia.press("1")
    page.keyboard.press("Backspace")
    assert mia.shown() == back
    unsure = mia.press(";")
    assert unsure == back

    later = mia.press(".")
    page.keyboard.press("ArrowLeft")
    assert mia.shown() == unsure
    saved(page)
    assert mia.stored(first) == [answer(names[1])]
    assert mia.stored(relabelled) == [answer("empty")]
    assert mia.stored(out) == [Decision("ignore")]
    assert [each.verdict for each in mia.stored(back)] == ["answer", "withdraw", "unsure"]
    assert mia.stored(later) == []

    # Nothing that was reviewed comes again; what was put off does.
    page.reload()
    assert mia.shown() not in {first, relabelled, out, unsure}


def test_enter_keeps_what_is_not_disputed(sign_in, asked):
    sample, name = next(iter(by_bo(asked).items()))
    post_events(asked, "ana", {"kind": "flag", "sample": sample, "note": "two <b>tails</b>?"})
    page = sign_in("mia")
    reviewer = Reviewer(page, asked, f"?sample={sample}")
    assert reviewer.shown() == sample
    expect(page.get_by_test_id("remarks")).to_contain_text("two <b>tails</b>?")
    expect(page.get_by_test_id("keep")).to_contain_text(name)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("last")).to_contain_text(name)
    assert reviewer.stored(sample) == [answer(name)]


def test_undo_gives_a_label_of_ones_own_back_as_it_was(sign_in, asked):
    sample, name = next(iter(by_bo(asked).items()))
    own = another(asked, name)
    post_events(asked, "mia", {"sample": sample, "verdict": "answer", "classes": [asked.classes[own]]})
    page = sign_in("mia")
    page.goto(f"{asked.url('review')}?sample={sample}")
    expect(page.locator(STAGE)).to_have_attribute("data-sample", str(sample), timeout=READY_MS)
    page.keyboard.press(asked.letters[name])
    page.keyboard.press("Backspace")
    saved(page)
    mine = [each for each in labels_in_database(asked) if (each.sample, each.annotator) == (sample, "mia")]
    assert [(min(each.decision.classes), each.mode) for each in mine] == [
        (own, "single"),
        (name, "review"),
        (own, "single"),
    ]


HELD = """
    SELECT hold.sample_id, accounts_user.username FROM annotating_assignment AS hold
    JOIN accounts_user ON accounts_user.id = hold.annotator_id WHERE hold.kind = 'review'
"""


def test_two_reviewers_at_once_see_different_images(mia, sign_in, asked, disputed):
    program = asked.program
    first = {sample for sample, who in program.rows(HELD) if who == "mia"}
    assert mia.shown() in first
    (waits,) = disputed(1)
    olga = Reviewer(sign_in("olga"), asked)
    assert olga.shown() == waits
    olga.page.close()  # what it held is given back
    deadline = time.monotonic() + 10
    while any(who == "olga" for _, who in program.rows(HELD)):
        assert time.monotonic() < deadline, "what the closed tab held was not given back"
        time.sleep(0.1)


def test_a_history_takes_a_label_back_and_leads_to_its_image(sign_in, asked):
    sample, name = next(iter(by_bo(asked).items()))
    post_events(asked, "ana", {"sample": sample, "verdict": "answer", "classes": [asked.classes[name]]})
    page = sign_in("ana", timezone_id="Asia/Tokyo")
    page.goto(f"{asked.program.project_url}history/")
    page.wait_for_function("() => document.cookie.includes('labeller-zone=-540')")  # told once, then days are Tokyo's
    page.goto(f"{asked.program.project_url}history/")
    top = page.get_by_test_id("said").first
    expect(top).to_contain_text(name)
    today = int(page.get_by_test_id("today").inner_text())
    top.get_by_test_id("withdraw").click()
    expect(page.get_by_test_id("said").first).to_contain_text("taken back")
    expect(page.get_by_test_id("today")).to_have_text(str(today - 1))
    mine = [each for each in labels_in_database(asked) if (each.sample, each.annotator) == (sample, "ana")]
    assert mine[-1].decision == Decision("withdraw")
    again = page.get_by_test_id("label-again").first
    address = again.get_attribute("href")
    again.click()
    wanted = re.search(r"sample=(\d+)", address)[1]
    expect(page.locator(STAGE)).to_have_attribute("data-sample", wanted, timeout=READY_MS)


def test_a_flag_is_seen_by_its_author_and_closed(sign_in, asked):
    sample = next(iter(by_bo(asked)))
    post_events(asked, "ana", {"kind": "flag", "sample": sample, "note": "blurred"})
    page = sign_in("ana")
    page.goto(f"{asked.program.project_url}flagged/")
    card = page.get_by_test_id("flag").filter(has_text="blurred")
    expect(card).to_have_count(1)
    card.get_by_test_id("close-flag").click()
    expect(page.get_by_test_id("flag").filter(has_text="blurred")).to_have_count(0)
    expect(page.get_by_test_id("closed-flag").filter(has_text="blurred")).to_have_count(1)
