"""The latency budget, and a scripted expert against the clock: reported, never asserted, for machines differ."""

import json
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.hands import STAGE, Auditor, Hands, answer, labels_in_database, saved
from tests.browser.program import Asked, Program
from tests.browser.test_grid import GridHands

QUESTION = {"known": 150}
SCRIPT = Path(__file__).with_name("latency.js").read_text()
# A frame every 16.7 ms would drown what is measured: frames come as fast as they can be drawn.
FAST = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
TILE, OUTLIER, DECISION = 0.25, 1.2, 1.0  # seconds that the expert thinks
GRID_BYTES = 1_500_000


# Milliseconds from the last key until a page of that class is painted, all its pictures there.
GRID_PAINTED = """
name => new Promise((resolve) => {
  const pressed = latencies.findLast((each) => each.type === "keydown").began;
  const look = () => {
    const tiles = [...document.querySelectorAll("[data-testid=tile]")];
    const isThere = document.getElementById("target").textContent.trim() === name
      && tiles.length && tiles.every((tile) => tile.dataset.ready === "true");
    requestAnimationFrame(isThere ? () => setTimeout(() => resolve(performance.now() - pressed)) : look);
  };
  look();
})
"""


class Budget:
    """Lines of the budget as they are measured, and how fast the expert was."""

    def __init__(self, report: list[str]) -> None:
        self.report = report
        self.rows: list[dict[str, Any]] = []
        self.rates: dict[str, float] = {}

    def line(self, step: str, budget_ms: float, taken: Iterable[float], own: Iterable[float] = ()) -> None:
        taken, own = list(taken), list(own)
        assert taken, f"{step}: nothing was measured"
        row = {"step": step, "p95_ms": p95(taken), "budget_ms": budget_ms, "n": len(taken)}
        self.rows.append({**row, "page_ms": p95(own)} if own else row)
        self.tell()

    def rate(self, mode: str, labels: int, seconds: float) -> None:
        assert labels
        self.rates[f"{mode}_per_min"] = round(labels / seconds * 60, 1)
        self.tell()

    def tell(self) -> None:
        """A table, and as the last line JSON."""
        head = f"{'step':<44} {'n':>4} {'p95 ms':>8} {'budget':>7} {'page’s own ms':>14}"
        table = [
            f"{row['step']:<44} {row['n']:>4} {row['p95_ms']:>8} {row['budget_ms']:>7} {row.get('page_ms', ''):>14}"
            for row in self.rows
        ]
        rates = [f"{name}: {value}" for name, value in self.rates.items()]
        self.report[:] = [head, *table, *rates, json.dumps({"latency": self.rows, **self.rates})]


def p95(values: list[float]) -> float:
    return round(float(np.percentile(values, 95)), 1)


@pytest.fixture(scope="module")
def budget(report: list[str]) -> Budget:
    return Budget(report)


@pytest.fixture(scope="module")
def auditor(asked: Asked) -> Auditor:
    return Auditor(asked)


@pytest.fixture
def page(sign_in: Callable[..., Page], chromium: Callable[..., Browser]) -> Page:
    page = sign_in("ana", using=chromium(*FAST))
    page.add_init_script(SCRIPT)
    return page


def taken(page: Page, kind: str = "keydown") -> list[dict[str, Any]]:
    """What was measured since the last call."""
    page.wait_for_function("() => latencies.every((each) => each.painted !== undefined)")
    return [each for each in page.evaluate("latencies.splice(0)") if each["type"] == kind]


def server_times(page: Page, part: str) -> list[float]:
    """Milliseconds that requests to addresses ending so took until the answer began."""
    return page.evaluate(
        "part => performance.getEntriesByType('resource').filter(({ name }) => new URL(name).pathname.endsWith(part))"
        ".map(({ requestStart, responseStart }) => responseStart - requestStart)",
        part,
    )


def test_single_image_keys(page: Page, asked: Asked, auditor: Auditor, budget: Budget) -> None:
    hands = Hands(page, asked, auditor=auditor).open()
    hands.label()
    taken(page)
    for _ in range(40):
        hands.label()
        time.sleep(0.2)
    pressed = taken(page)
    own, painted = ([each[name] for each in pressed] for name in ("own", "painted"))
    budget.line("key down to acknowledgement", 16, painted, own)
    budget.line("next image painted (decoded ahead)", 50, [each["next"] for each in pressed if "next" in each])
    for _ in range(20):
        hands.undo()
        time.sleep(0.05)
    undone = taken(page)
    budget.line("undo", 16, [each["painted"] for each in undone], [each["own"] for each in undone])
    saved(page)
    budget.line("saving a batch, in the server", 150, server_times(page, "/labels/"))
    hands.auditor.check()


def test_refill(asked: Asked, budget: Budget) -> None:
    times = []
    with asked.program.client("ana") as client:
        for _ in range(20):
            body = {"count": 50, "keep": [], "tab": str(uuid.uuid4())}
            began = time.perf_counter()
            given = client.post(f"{asked.url()}next/", json=body).json()["samples"]
            times.append((time.perf_counter() - began) * 1000)
            assert len(given) == 50
            client.post(f"{asked.url()}release/", json={"tab": body["tab"]})
    budget.line("refill of 50, over HTTP", 300, times)


def test_a_grid_page(page: Page, asked: Asked, budget: Budget) -> None:
    hands = GridHands(page, asked).open()
    shown = "({ name }) => /\\/samples\\/\\d+\\/256.jpg$/.test(name)"
    sizes = page.evaluate(f"performance.getEntriesByType('resource').filter({shown}).map((e) => e.encodedBodySize)")
    assert len(sizes) >= 40
    per_page = sum(sizes) / len(sizes) * len(hands.shown())
    assert per_page <= GRID_BYTES
    turns = []
    for turn in range(18):
        name = ("zebra", "fox", "empty")[turn % 3]
        page.keyboard.press(asked.letters[name])
        shown = page.evaluate(GRID_PAINTED, name)
        if turn >= 3:  # by then the browser has every picture
            turns.append(shown)
        hands.wait()
    budget.line(f"grid page of another class, {len(hands.shown())} tiles", 400, turns)


def test_type_ahead(page: Page, program: Program, budget: Budget) -> None:
    named = program.ask("latency-names", names=str(program.folder / "names.csv"))
    Hands(page, named).open()
    page.wait_for_timeout(500)
    page.keyboard.press("/")
    taken(page)
    for word in ("northern", "corba fox", "G0010", "oba", "spoted"):
        page.keyboard.type(word, delay=40)
        page.get_by_test_id("typeahead-input").fill("")
    typed = [each for each in taken(page, "input") if each["key"]]
    budget.line("type-ahead over 5,000 names", 30, [each["painted"] for each in typed], [each["own"] for each in typed])


def test_from_labels_to_ranking(asked: Asked, program: Program, budget: Budget) -> None:
    times = []
    for _ in range(8):
        known = newest_round(program, asked)
        program.answer_some(asked, 5)
        began = time.perf_counter()
        while newest_round(program, asked) == known:
            time.sleep(0.01)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.5)
    budget.line("labels saved to new ranking", 1000, times)


def newest_round(program: Program, asked: Asked) -> int:
    query = (
        "SELECT MAX(number) FROM learning_round JOIN projects_question ON question_id = projects_question.id"
        " WHERE key = ? AND is_current"
    )
    return int(program.rows(query, asked.key)[0][0])


# --- the expert -----------------------------------------------------------------------------------


def mine(asked: Asked, mode: str) -> int:
    stored = labels_in_database(asked)
    return sum(1 for each in stored if each.annotator == "ana" and each.mode == mode and each.is_current)


def think(began: float, seconds: float) -> None:
    """Until so many seconds have passed; moving the hands belongs to it."""
    time.sleep(max(0.0, seconds - (time.perf_counter() - began)))


def test_an_expert_in_the_grid(page: Page, program: Program, budget: Budget) -> None:
    asked = program.ask("latency-grid", known=200)
    hands = GridHands(page, asked, Auditor(asked)).open()
    before = mine(asked, "grid")
    began = time.perf_counter()
    shown, target = hands.shown(), hands.target
    odd = [sample for sample in shown if hands.truth[sample] != target]
    think(began, TILE * len(shown))
    for sample in reversed(odd):  # so that no arrow key passes over one that is decided
        turned = time.perf_counter()
        hands.go_to(sample)
        hands.press("Space", asked.letters[hands.truth[sample]])
        hands.auditor.mean("ana", sample, answer(hands.truth[sample]))
        think(turned, OUTLIER)
    hands.confirm()
    page.wait_for_function(
        "first => document.querySelector('[data-testid=tile]')?.dataset.sample !== first", arg=str(shown[0])
    )
    hands.wait()
    seconds = time.perf_counter() - began
    hands.check()
    budget.rate("grid", mine(asked, "grid") - before, seconds)


def test_an_expert_with_single_images(
    sign_in: Callable[..., Page], asked: Asked, auditor: Auditor, budget: Budget
) -> None:
    page = sign_in("ana")  # at the usual rate of frames: drawing without a limit takes the time of the test itself
    hands = Hands(page, asked, auditor=auditor).open()
    before = mine(asked, "single")
    began = time.perf_counter()
    for _ in range(15):
        turned = time.perf_counter()
        sample = int(page.locator(STAGE).get_attribute("data-sample"))
        think(turned, DECISION)
        hands.press(sample, hands.answer_of(sample))
        hands.wait_for_another(sample)
    seconds = time.perf_counter() - began
    saved(page)
    hands.auditor.check()
    budget.rate("single", mine(asked, "single") - before, seconds)
