"""Somebody at the keyboard who knows the answers, and an auditor who writes down what they meant."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from playwright.sync_api import Page, expect

from tests.browser.program import Asked, Program

READY_MS = 60_000
STAGE = "[data-testid=stage-image][data-ready=true]:visible"
LABELS = """
    SELECT label.id, label.sample_id, accounts_user.username, label.verdict, label.mode, label.is_current,
           GROUP_CONCAT(class.name, '|')
    FROM labels_label AS label
    JOIN projects_question AS question ON question.id = label.question_id AND question.key = ?
    LEFT JOIN accounts_user ON accounts_user.id = label.annotator_id
    LEFT JOIN labels_labelledclass AS named ON named.label_id = label.id
    LEFT JOIN projects_labelclass AS class ON class.id = named.label_class_id
    GROUP BY label.id ORDER BY label.id
"""


class Decision(NamedTuple):
    """A judgement: its verdict, and the names of its classes."""

    verdict: str
    classes: frozenset[str] = frozenset()


class Stored(NamedTuple):
    """A label in the database."""

    sample: int
    annotator: str | None
    decision: Decision
    mode: str
    is_current: bool


WITHDRAWN = Decision("withdraw")


def answer(*names: str) -> Decision:
    return Decision("answer", frozenset(names))


def labels_in_database(asked: Asked) -> list[Stored]:
    """Every label on a question, the superseded ones too, oldest first."""
    return [
        Stored(sample, annotator, Decision(verdict, frozenset(names.split("|") if names else ())), mode, bool(current))
        for _, sample, annotator, verdict, mode, current, names in asked.program.rows(LABELS, asked.key)
    ]


def saved(page: Page) -> None:
    """Wait until the page says that everything is saved."""
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=30_000)


@dataclass
class Auditor:
    """Compares what people meant, press by press, with what the database says: nothing lost, nothing doubled.

    `mean(who, sample, decision)` at every key press (undo means the decision before it, or WITHDRAWN), then `check()`
    once the page has said "saved". Labels of people who meant nothing here (bo's, given beforehand) are left alone.
    """

    asked: Asked
    meant: dict[tuple[str, int], list[Decision]] = field(default_factory=lambda: defaultdict(list))

    def mean(self, who: str, sample: int, decision: Decision) -> None:
        self.meant[who, sample].append(decision)

    def take_back(self, who: str, sample: int) -> None:
        """An undo: what stood before the last decision stands again."""
        earlier = self.meant[who, sample][:-1]
        self.mean(who, sample, earlier[-1] if earlier else WITHDRAWN)

    def check(self) -> int:
        """Fails where anything was lost or doubled; returns how many decisions were compared."""
        people = {who for who, _ in self.meant}
        stored: dict[tuple[str, int], list[Decision]] = defaultdict(list)
        answers: Counter[int] = Counter()
        for label in labels_in_database(self.asked):
            if label.annotator in people:
                stored[label.annotator, label.sample].append(label.decision)
            answers[label.sample] += label.is_current and label.decision.verdict == "answer"
        wrong = {
            place: {"meant": self.meant.get(place, []), "stored": stored.get(place, [])}
            for place in {*self.meant, *stored}
            if self.meant.get(place, []) != stored.get(place, [])
        }
        assert not wrong, f"lost or doubled: {wrong}"
        assert not [sample for sample, n in answers.items() if n > 1], "two people answered one sample"
        return sum(len(decisions) for decisions in self.meant.values())


class Hands:
    """Someone who knows the answers and touches nothing but keys, on the single-image screen.

    hands = Hands(page, asked)        # asked: the module's question; opens its page
    hands.label()                     # the right letter for what is shown; waits for the next image
    hands.undo()
    saved(page); hands.auditor.check()
    """

    def __init__(self, page: Page, asked: Asked, *, who: str = "ana", auditor: Auditor | None = None) -> None:
        self.page, self.asked, self.who = page, asked, who
        self.program: Program = asked.program
        self.auditor = auditor or Auditor(asked)
        self.done: list[int] = []  # samples decided, for undo

    def open(self, mode: str = "") -> "Hands":
        self.page.goto(self.asked.url(mode))
        if not mode:
            self.page.locator(STAGE).first.wait_for(timeout=READY_MS)
        return self

    def shown(self) -> int:
        """The sample on the stage, its picture ready."""
        picture = self.page.locator(STAGE)
        picture.wait_for(timeout=READY_MS)
        return int(picture.get_attribute("data-sample"))

    def pass_over_blind(self) -> int:
        """On to the first sample that suggestions may be shown for."""
        sample = self.shown()
        while self.page.get_by_test_id("reason").get_attribute("data-blind") == "true":
            self.page.keyboard.press("ArrowRight")
            self.wait_for_another(sample)
            sample = self.shown()
        return sample

    def answer_of(self, sample: int) -> str:
        return self.program.truth[sample]

    def key_of(self, name: str) -> str:
        return self.asked.letters[name]

    def press(self, sample: int, name: str) -> None:
        """Only the key press, and a note of what it means."""
        self.auditor.mean(self.who, sample, answer(name))
        self.done.append(sample)
        self.page.keyboard.press(self.key_of(name))

    def label(self, name: str = "") -> tuple[int, str]:
        """Answer the sample on the stage, rightly unless a class is given; returns the sample and the class."""
        sample = self.shown()
        given = name or self.answer_of(sample)
        self.press(sample, given)
        self.wait_for_another(sample)
        return sample, given

    def undo(self) -> int:
        """Take the last decision back; returns the sample, which is on the stage again."""
        sample = self.done.pop()
        self.auditor.take_back(self.who, sample)
        self.page.keyboard.press("Backspace")
        assert self.shown() == sample, "undo brings the sample back"
        return sample

    def wait_for_another(self, sample: int) -> None:
        self.page.wait_for_function(
            "id => document.querySelector('[data-testid=stage-image][data-ready=true]')?.dataset.sample != id",
            arg=str(sample),
            timeout=READY_MS,
        )
