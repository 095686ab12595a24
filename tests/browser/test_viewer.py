"""The image viewer by itself, on pictures whose every pixel is known."""

import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from django.template.loader import render_to_string
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.program import ROOT

pytestmark = pytest.mark.browser

SITE = "http://127.0.0.1:1"  # nothing listens there: every answer is made up below
WIDTH, HEIGHT = 640, 480
POLICY = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'"
PAGE = """<!DOCTYPE html><html lang="en" dir="{direction}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>viewer</title>
<link rel="stylesheet" href="/static/css/tokens.css"><link rel="stylesheet" href="/static/css/base.css">
<link rel="stylesheet" href="/static/css/label.css"><link rel="stylesheet" href="/static/css/viewer.css">
</head><body class="label-page"><main><div class="labelling"><section class="stage-side">
<div></div><div class="stage" id="stage" tabindex="-1"></div>{viewer}</section></div></main>
<p id="notice"></p><script type="module" src="/viewer-page.js"></script></body></html>"""
SCRIPT = """
import { Viewer } from "/static/js/viewer.js";
window.told = [];
window.own = {};  // decisions for single frames
const stage = document.getElementById("stage");
window.viewer = new Viewer(stage, {
  source: (sample, size) => `/samples/${sample}/${size}.jpg`,
  describe: ({ sample }) => `Image ${sample}`,
  texts: { ...document.querySelector("[data-texts]").dataset },
  notify: (text) => (document.getElementById("notice").textContent = text),
  frameState: ({ sample }) => window.own[sample] ?? null,
});
for (const element of document.querySelectorAll("[data-command]")) {
  element.addEventListener("click", () => viewer.commands[element.dataset.command]());
}
for (const name of ["swipe", "frame"]) stage.addEventListener(name, ({ detail }) => told.push(detail));
document.body.dataset.ready = "true";
"""

Picture = NDArray[np.uint8]


def gradient() -> Picture:
    """Every place has its own colour."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.dstack([across * 255 // WIDTH, down * 255 // HEIGHT, np.full_like(across, 128)]).astype(np.uint8)


def grey(level: int, spot: tuple[int, int, int] | None = None) -> Picture:
    picture = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    if spot is not None:
        picture[100:200, 300:400] = spot
    return picture


def png(picture: Picture) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def entry(sample: int, **more: Any) -> dict[str, Any]:
    return {"sample": sample, "width": WIDTH, "height": HEIGHT, "box": None, "burst": [], **more}


class Show:
    """A page with nothing but the viewer, and the pictures it is to show."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pictures: dict[int, bytes] = {}
        self.other = png(gradient())
        self.broken: set[int] = set()
        self.requested: list[int] = []
        page.route(f"{SITE}/static/**", lambda route: route.fulfill(path=ROOT / urlsplit(route.request.url).path[1:]))
        page.route(re.compile(r"/samples/\d+/\d+\.jpg"), self._image)
        page.route("**/viewer-page.js", lambda route: route.fulfill(content_type="text/javascript", body=SCRIPT))

    def _image(self, route: Route) -> None:
        sample = int(re.search(r"/samples/(\d+)/", route.request.url)[1])
        self.requested.append(sample)
        if sample in self.broken:
            route.abort()
        else:
            route.fulfill(content_type="image/png", body=self.pictures.get(sample, self.other))

    def open(self, direction: str = "ltr") -> "Show":
        html = PAGE.format(direction=direction, viewer=render_to_string("annotating/_viewer.html"))
        headers = {"Content-Type": "text/html", "Content-Security-Policy": POLICY}
        self.page.route("**/viewer-page", lambda route: route.fulfill(headers=headers, body=html))
        self.page.goto(f"{SITE}/viewer-page")
        self.page.locator("body[data-ready]").wait_for()
        return self

    def show(self, *entries: dict[str, Any], index: int = 0) -> None:
        self.page.evaluate(
            """([entries, index]) => {
                window.entries = entries;
                viewer.show(entries[index]);
                viewer.prepare(entries, index);
            }""",
            [list(entries), index],
        )
        self.seen(entries[index]["sample"])

    def seen(self, sample: int) -> None:
        self.page.locator(f"[data-testid=stage-image][data-sample='{sample}'][data-ready=true]").wait_for(timeout=5000)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def box(self, selector: str) -> dict[str, float]:
        return self.run(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")

    def middle(self) -> tuple[float, float]:
        stage = self.box(".stage-viewport")
        return stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

    def touch(self, *moves: list[tuple[float, float]]) -> None:
        """Fingers down at the first places, along the others, and up."""
        session = self.page.context.new_cdp_session(self.page)
        for at, places in enumerate(moves):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
            kind = "touchMove" if at else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()

    def swipe(self, across: float, down: float) -> None:
        x, y = self.middle()
        self.touch([(x, y)], [(x + across / 2, y + down / 2)], [(x + across, y + down)])


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def viewer(window: Page) -> Iterator[Show]:
    """The viewer; a script error or a breach of the content security policy fails the test."""
    wrong: list[str] = []

    def hear(said: Any) -> None:
        if "Content Security Policy" in said.text:
            wrong.append(said.text)

    def fail(error: Any) -> None:
        wrong.append(str(error))

    window.on("pageerror", fail)
    window.on("console", hear)
    yield Show(window)
    window.unroute_all()
    window.remove_listener("pageerror", fail)
    window.remove_listener("console", hear)
    assert wrong == []


def burst(*samples: int, **more: Any) -> list[dict[str, Any]]:
    frame = {"width": WIDTH, "height": HEIGHT, "box": None, **more}
    return [{**frame, "sample": sample, "taken_at": f"2024-06-01T05:00:{sample:02}+00:00"} for sample in samples]


# --- zoom and pan ---------------------------------------------------------------------------------


def test_zoom_stays_at_the_pointer_and_ends_with_the_sample(viewer: Show) -> None:
    viewer.open().show(entry(1))
    fitted = viewer.box(".stage-frame")
    viewport = viewer.box(".stage-viewport")
    assert fitted["width"] / fitted["height"] == pytest.approx(WIDTH / HEIGHT, abs=0.01)
    assert min(viewport["width"] - fitted["width"], viewport["height"] - fitted["height"]) == pytest.approx(0, abs=0.5)

    x, y = fitted["x"] + 0.3 * fitted["width"], fitted["y"] + 0.4 * fitted["height"]
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.wheel(0, -300)
    viewer.page.wait_for_function("viewer.isZoomed")
    near = viewer.box(".stage-frame")
    assert near["width"] > 1.5 * fitted["width"]
    assert (x - near["x"]) / near["width"] == pytest.approx(0.3, abs=0.002), "the same place is under the pointer"
    assert (y - near["y"]) / near["height"] == pytest.approx(0.4, abs=0.002)

    viewer.page.mouse.down()
    viewer.page.mouse.move(x + 40, y + 25)
    moved = viewer.box(".stage-frame")
    assert (moved["x"] - near["x"], moved["y"] - near["y"]) == pytest.approx((40, 25), abs=0.5)
    viewer.page.mouse.move(x + 4000, y + 4000)
    viewer.page.mouse.up()
    pane = viewer.box(".stage-pane")
    assert (pane["x"], pane["y"]) == pytest.approx((viewport["x"], viewport["y"]), abs=0.5), "never out of the stage"

    viewer.run("viewer.show(entries[0]), viewer.commands.zoom_in()")
    assert viewer.run("viewer.isZoomed"), "the same sample stays as it is looked at"
    viewer.show(entry(2))
    assert viewer.box(".stage-frame") == fitted


def test_zoom_by_keys_buttons_and_fingers(viewer: Show) -> None:
    viewer.open().show(entry(1))
    fitted = viewer.box(".stage-frame")
    viewer.page.get_by_test_id("zoom-in").click()
    assert viewer.box(".stage-frame")["width"] == pytest.approx(1.5 * fitted["width"], rel=1e-3)
    expect(viewer.page.get_by_test_id("zoom-value")).to_have_text("1.5×")
    viewer.run("for (let n = 0; n < 20; n += 1) viewer.commands.zoom_in()")
    assert viewer.box(".stage-frame")["width"] == pytest.approx(8 * fitted["width"], rel=1e-3)
    viewer.page.get_by_test_id("fit").click()
    assert viewer.box(".stage-frame") == fitted
    x, y = viewer.middle()
    viewer.touch([(x - 40, y), (x + 40, y)], [(x - 60, y), (x + 60, y)], [(x - 80, y), (x + 80, y)])
    assert viewer.box(".stage-frame")["width"] == pytest.approx(2 * fitted["width"], rel=0.02), "as far as the fingers"
    assert viewer.run("told") == [], "a pinch is no swipe"
    before = viewer.box(".stage-frame")["x"]
    viewer.run("viewer.commands.pan_right()")
    assert viewer.box(".stage-frame")["x"] < before
    viewer.page.mouse.dblclick(x, y)
    assert viewer.box(".stage-frame") == fitted


# --- brightness, contrast, invert -----------------------------------------------------------------

PIXELS = """() => {
    const image = document.querySelector("[data-testid=stage-image]");
    const context = Object.assign(document.createElement("canvas"), {width: 4, height: 4}).getContext("2d");
    context.drawImage(image, 0, 0);
    return [image.src, ...context.getImageData(0, 0, 4, 4).data];
}"""


def shown_at_the_middle(viewer: Show) -> list[int]:
    """The colour a person sees."""
    x, y = viewer.middle()
    shot = Image.open(io.BytesIO(viewer.page.screenshot(clip={"x": x, "y": y, "width": 2, "height": 2})))
    return list(shot.convert("RGB").getpixel((0, 0)))


def test_filters_change_what_is_seen_and_never_the_image(viewer: Show) -> None:
    viewer.pictures = {1: png(grey(100)), 2: png(grey(60))}
    viewer.open().show(entry(1))
    before = viewer.run(PIXELS)
    assert shown_at_the_middle(viewer) == [100] * 3
    viewer.page.get_by_test_id("invert").click()
    assert shown_at_the_middle(viewer) == pytest.approx([155] * 3, abs=1)
    expect(viewer.page.get_by_test_id("invert")).to_have_attribute("aria-pressed", "true")
    assert viewer.run(PIXELS) == before
    viewer.show(entry(2))
    assert shown_at_the_middle(viewer) == pytest.approx([195] * 3, abs=1), "stays on from image to image"
    viewer.page.get_by_test_id("reset").click()
    expect(viewer.page.get_by_test_id("invert")).to_have_attribute("aria-pressed", "false")
    assert shown_at_the_middle(viewer) == [60] * 3

    viewer.page.get_by_test_id("brighter").click()
    expect(viewer.page.get_by_test_id("brightness-value")).to_have_text("125%")
    assert shown_at_the_middle(viewer) == pytest.approx([75] * 3, abs=1)
    viewer.run("viewer.commands.brighter({ shift: true }), viewer.commands.contrast()")
    expect(viewer.page.get_by_test_id("brighter")).to_have_attribute("aria-pressed", "false")
    expect(viewer.page.get_by_test_id("contrast")).to_have_attribute("aria-pressed", "true")
    assert shown_at_the_middle(viewer) == pytest.approx([43] * 3, abs=2)


# --- boxes ----------------------------------------------------------------------------------------


def test_a_box_is_cropped_exactly(viewer: Show) -> None:
    box = [0.25, 0.5, 0.125, 0.25]  # 160, 240, 80 x 120 pixels
    viewer.open().show(entry(1, box=box))
    frame, image, viewport = viewer.box(".stage-frame"), viewer.box(".stage-frame img"), viewer.box(".stage-viewport")
    margin = 0.08 * 120
    assert frame["width"] / frame["height"] == pytest.approx((80 + 2 * margin) / (120 + 2 * margin), rel=1e-3)
    assert frame["height"] == pytest.approx(viewport["height"], abs=0.5), "as large as fits"
    scale = frame["height"] / (120 + 2 * margin)
    assert image["width"] == pytest.approx(WIDTH * scale, rel=1e-3)
    assert image["height"] == pytest.approx(HEIGHT * scale, rel=1e-3)
    assert frame["x"] - image["x"] == pytest.approx((160 - margin) * scale, abs=0.6)
    assert frame["y"] - image["y"] == pytest.approx((240 - margin) * scale, abs=0.6)
    # The colour in the middle tells the place: 200, 300 pixels of the gradient.
    assert shown_at_the_middle(viewer) == pytest.approx([200 * 255 / WIDTH, 300 * 255 / HEIGHT, 128], abs=2)
    assert viewer.run("document.querySelector('.stage-box').hidden")

    viewer.page.get_by_test_id("whole-frame").click()
    frame, outline = viewer.box(".stage-frame"), viewer.box(".stage-box")
    assert frame["width"] / frame["height"] == pytest.approx(WIDTH / HEIGHT, abs=0.01)
    assert (outline["x"] - frame["x"]) / frame["width"] == pytest.approx(0.25, abs=0.002)
    assert (outline["y"] - frame["y"]) / frame["height"] == pytest.approx(0.5, abs=0.002)
    assert outline["width"] / frame["width"] == pytest.approx(0.125, abs=0.002)
    assert outline["height"] / frame["height"] == pytest.approx(0.25, abs=0.002)

    viewer.show(entry(2))
    expect(viewer.page.get_by_test_id("whole-frame")).to_be_disabled()
    assert viewer.run("document.querySelector('.stage-box').hidden")


def test_a_box_at_the_edge_and_thumbnails(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { cropInto, derivativeFor, withMargin } = await import("/static/js/crop.js");
        const ground = document.createElement("div");
        ground.className = "crop-ground";
        Object.assign(ground.style, { position: "absolute", width: "200px", height: "100px" });
        const [frame, image] = [document.createElement("div"), document.createElement("img")];
        frame.append(image);
        ground.append(frame);
        document.body.append(ground);
        cropInto(image, frame, [0.5, 0, 0.5, 0.1], 1000, 500);
        const size = ({ width, height }) => [width, height];
        return {
            edge: withMargin([0, 0.9, 0.5, 0.1], 0.1, 1000, 500),
            frame: size(frame.getBoundingClientRect()),
            image: size(image.getBoundingClientRect()),
            derivatives: [[1, 1], [0.4, 0.4], [0.1, 0.02]].map(([across, down]) =>
                derivativeFor({ box: [0, 0, across, down], width: 1000, height: 500 }, 200)),
        };
    }""")
    assert found["edge"] == pytest.approx([0, 0.8, 0.55, 0.2])
    assert found["frame"] == pytest.approx([200, 20], abs=0.1)
    assert found["image"] == pytest.approx([400, 200], abs=0.1)
    assert found["derivatives"] == [256, 512, 1280]


# --- bursts ---------------------------------------------------------------------------------------


def test_stepping_through_a_burst_leaves_the_sample_to_decide(viewer: Show) -> None:
    sample = entry(12, burst=burst(11, 12, 13, 14), taken_at="2024-06-01T05:00:12+00:00", deployment="Ford")
    viewer.open().run("own[13] = {text: 'fox', colour: '#c00'}")
    viewer.show(sample)
    page = viewer.page
    expect(page.get_by_test_id("taken-at")).to_have_text("Jun 1, 2024, 05:00:12")
    expect(page.get_by_test_id("deployment")).to_have_text("Ford")
    frames = page.get_by_test_id("frame")
    expect(frames.nth(1)).to_have_attribute("aria-current", "true")
    expect(frames.nth(1)).to_have_accessible_name("Frame 2 of 4, the one to decide")
    expect(frames.nth(2)).to_have_accessible_name("Frame 3 of 4, fox")

    page.get_by_test_id("frame-next").click()
    viewer.seen(13)
    expect(page.get_by_test_id("frames-note")).to_have_text("Frame 3 of 4 · you decide frame 2")
    expect(page.get_by_test_id("taken-at")).to_have_text("Jun 1, 2024, 05:00:13")
    expect(page.get_by_test_id("stage-image")).to_have_attribute("alt", "Frame 3 of 4")
    viewer.run("for (let n = 0; n < 5; n += 1) viewer.commands.frame_next()")
    viewer.seen(14)
    frames.first.click()
    viewer.seen(11)
    assert [told["frame"]["sample"] for told in viewer.run("told")] == [13, 14, 11]
    assert viewer.run("[viewer.inView.sample, viewer.isVisible, viewer.dwell > 0]") == [11, True, True]
    viewer.run("own[11] = {text: 'deer', colour: '#00c'}; viewer.refresh()")
    expect(frames.first).to_have_accessible_name("Frame 1 of 4, deer")

    viewer.show(entry(20))
    expect(page.get_by_test_id("frame-next")).to_be_disabled()
    expect(frames).to_have_count(0)


def test_a_burst_plays_twice_and_stops(viewer: Show) -> None:
    viewer.open().show(entry(11, burst=burst(11, 12)))
    viewer.page.wait_for_function("viewer.held.length === 2")
    viewer.page.get_by_test_id("play").click()
    expect(viewer.page.get_by_test_id("play")).to_have_attribute("aria-pressed", "true")
    expect(viewer.page.get_by_test_id("play")).to_have_attribute("aria-pressed", "false", timeout=3000)
    assert [told["frame"]["sample"] for told in viewer.run("told")] == [12, 11, 12, 11]
    viewer.page.emulate_media(reduced_motion="reduce")
    viewer.page.get_by_test_id("play").click()
    viewer.seen(12)
    expect(viewer.page.get_by_test_id("play")).to_have_attribute("aria-pressed", "false")
    viewer.page.emulate_media(reduced_motion="no-preference")


DIFFERENCE = """() => {
    const canvas = document.querySelector("[data-testid=difference-canvas]");
    const context = canvas.getContext("2d");
    const at = (x, y) => [...context.getImageData(x, y, 1, 1).data];
    return { size: [canvas.width, canvas.height], still: at(10, 10), moved: at(350, 150) };
}"""


def test_the_difference_to_the_median_of_the_burst(viewer: Show) -> None:
    # The median is 50 everywhere; frame 13 differs by (10, 40, 20) in one place, frame 11 by 2 everywhere.
    viewer.pictures = {11: png(grey(52)), 12: png(grey(50)), 13: png(grey(50, spot=(60, 10, 70))), 14: png(grey(49))}
    viewer.open().show(entry(13, burst=burst(11, 12, 13)))
    page = viewer.page
    page.get_by_test_id("difference").click()
    canvas = page.locator("[data-testid=difference-canvas][data-ready=true]")
    canvas.wait_for()
    black, bright = [0, 0, 0, 255], [120, 120, 120, 255]
    assert viewer.run(DIFFERENCE) == {"size": [WIDTH, HEIGHT], "still": black, "moved": bright}
    assert viewer.box("[data-testid=difference-canvas]") == viewer.box("[data-testid=stage-image]")
    viewer.run("viewer.commands.frame_previous(), viewer.commands.frame_previous()")
    canvas.wait_for()
    assert viewer.run(DIFFERENCE)["moved"] == viewer.run(DIFFERENCE)["still"] == [6, 6, 6, 255]
    page.get_by_test_id("difference").click()
    expect(canvas).to_have_count(0)

    viewer.show(entry(13, burst=burst(13, 14)))
    page.get_by_test_id("difference").click()
    expect(page.locator("#notice")).to_have_text("A difference needs at least 3 frames of one size; here are 2.")
    expect(page.get_by_test_id("difference")).to_have_attribute("aria-pressed", "false")


def test_the_median_itself(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { medianOf, nearestInTime } = await import("/static/js/median.js");
        const pictures = (...levels) => levels.map((level) => Uint8ClampedArray.of(level, 255 - level, 7, 255));
        const frames = [...Array(15).keys()].map((n) =>
            ({ sample: n, width: n === 6 ? 1 : 2, height: 2, taken_at: new Date(n * n * 1000).toISOString() }));
        return {
            odd: [...medianOf(pictures(9, 1, 5))].slice(0, 3),
            even: [...medianOf(pictures(2, 200, 4, 8))].slice(0, 3),
            near: nearestInTime(frames, frames[7]).map(({ sample }) => sample),
        };
    }""")
    assert found["odd"] == [5, 250, 7]
    assert found["even"] == [6, 249, 7]
    # 0, 1, 4, 9 ... 196 seconds: nearest to 49; the sixth has another size.
    assert found["near"] == [7, 8, 5, 9, 4, 3, 2, 1, 0, 10]


# --- look-ahead -----------------------------------------------------------------------------------


def test_twelve_ahead_four_behind(viewer: Show) -> None:
    entries = [entry(n) for n in range(1, 40)]
    viewer.open().show(*entries, index=10)
    for index in (11, 12, 13, 14, 15, 16):
        viewer.show(*entries, index=index)
    viewer.page.wait_for_function("viewer.held.length === 17")
    assert sorted(viewer.run("viewer.held")) == [*range(13, 30)], "sample 17 is in view"
    viewer.requested.clear()
    viewer.show(*entries, index=17)
    viewer.page.wait_for_function("performance.getEntriesByName(`${origin}/samples/30/1280.jpg`).length === 1")
    assert set(viewer.requested) == {30}, "the next image was there already"


def test_the_budget_of_memory_drops_the_farthest_first(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { BUDGET, nearest, weight } = await import("/static/js/lookahead.js");
        const entries = [...Array(60).keys()].map((n) => ({ sample: n, width: 4000, height: 4000 }));
        const frames = [...Array(40).keys()].map((n) => ({ sample: 100 + n, width: 4000, height: 3000 }));
        frames[5] = entries[20];
        const near = nearest(entries, 20, frames, 5);
        return {
            budget: BUDGET,
            bytes: near.reduce((sum, entry) => sum + weight(entry), 0),
            samples: near.map(({ sample }) => sample),
            small: nearest(entries.map(({ sample }) => ({ sample, width: 300, height: 200 })), 20).length,
            one: weight(entries[0]),
        };
    }""")
    assert found["budget"] == 150_000_000
    assert found["one"] == 1280 * 1280 * 4
    assert found["bytes"] <= 150_000_000 < found["bytes"] + found["one"]
    assert found["samples"][:6] == [20, 21, 19, 106, 104, 22]
    assert found["small"] == 1 + 12 + 4


def test_a_broken_image_says_so_and_comes_back(viewer: Show) -> None:
    viewer.broken = {1}
    viewer.open().run("viewer.show({sample: 1, width: 640, height: 480, box: null})")
    viewer.page.locator("#stage[data-state=failed]").wait_for()
    assert viewer.run("[viewer.isBroken, viewer.isVisible, viewer.dwell]") == [True, False, 0]
    viewer.broken = set()
    viewer.run("viewer.retry()")
    viewer.seen(1)
    assert viewer.run("[viewer.isBroken, viewer.isVisible]") == [False, True]


# --- touch ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "left"), [("ltr", "next"), ("rtl", "previous")])
def test_swipes(viewer: Show, direction: str, left: str) -> None:
    viewer.open(direction).show(entry(1))
    viewer.swipe(-150, 10)
    viewer.swipe(150, -10)
    viewer.swipe(5, -150)
    viewer.swipe(-20, 5)  # too short
    viewer.swipe(100, 90)  # neither across nor up
    right = {"next": "previous", "previous": "next"}[left]
    assert viewer.run("told") == [
        {"direction": "left", "command": left},
        {"direction": "right", "command": right},
        {"direction": "up", "command": "accept"},
    ]
    viewer.run("told.length = 0; viewer.commands.zoom_in()")
    viewer.swipe(-150, 0)
    assert viewer.run("told") == [], "where zoomed in, a finger moves the image"


def test_full_screen_and_targets(viewer: Show) -> None:
    viewer.open().show(entry(12, box=[0.1, 0.1, 0.5, 0.5], burst=burst(11, 12, 13)))
    viewer.page.get_by_test_id("full-screen").click()
    expect(viewer.page.get_by_test_id("full-screen")).to_have_attribute("aria-pressed", "true")
    assert viewer.run("document.fullscreenElement.className") == "stage-side"
    viewer.page.get_by_test_id("full-screen").click()
    expect(viewer.page.get_by_test_id("full-screen")).to_have_attribute("aria-pressed", "false")
    sizes = viewer.run("""[...document.querySelectorAll("button")].map((button) => {
        const { width, height } = button.getBoundingClientRect();
        return Math.min(width, height);
    })""")
    assert len(sizes) == 15
    assert min(sizes) >= 24
