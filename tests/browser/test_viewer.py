"""Looking at an image: zoom, filters, boxes, what is decoded ahead, touch."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.viewing import HEIGHT, WIDTH, Show, burst, entry, grey, png, viewing

pytestmark = pytest.mark.browser


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Show]:
    with viewing(browser) as show:
        yield show


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
    viewer.page.wait_for_function("() => viewer.isZoomed")
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
    viewer.page.get_by_test_id("brighter").click(modifiers=["Shift"])
    viewer.page.get_by_test_id("contrast").click()
    expect(viewer.page.get_by_test_id("brighter")).to_have_attribute("aria-pressed", "false")
    expect(viewer.page.get_by_test_id("contrast")).to_have_attribute("aria-pressed", "true")
    assert shown_at_the_middle(viewer) == pytest.approx([43] * 3, abs=2)


# --- boxes ----------------------------------------------------------------------------------------


def test_a_box_is_shown_in_its_photograph_or_cropped_exactly(viewer: Show) -> None:
    box = [0.25, 0.5, 0.125, 0.25]  # 160, 240, 80 x 120 pixels
    viewer.open().show(entry(1, box=box))
    expect(viewer.page.get_by_test_id("whole-frame")).to_have_attribute("aria-pressed", "true")
    frame, outline = viewer.box(".stage-frame"), viewer.box(".stage-box")
    assert frame["width"] / frame["height"] == pytest.approx(WIDTH / HEIGHT, abs=0.01)
    assert (outline["x"] - frame["x"]) / frame["width"] == pytest.approx(0.25, abs=0.002)
    assert (outline["y"] - frame["y"]) / frame["height"] == pytest.approx(0.5, abs=0.002)
    assert outline["width"] / frame["width"] == pytest.approx(0.125, abs=0.002)
    assert outline["height"] / frame["height"] == pytest.approx(0.25, abs=0.002)

    viewer.page.get_by_test_id("whole-frame").click()
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

    viewer.show(entry(3, box=[0, 0, 0.5, 0.5]))
    assert viewer.run("document.querySelector('.stage-box').hidden"), "as the last one was looked at"
    viewer.show(entry(2))
    expect(viewer.page.get_by_test_id("whole-frame")).to_be_disabled()
    assert viewer.run("document.querySelector('.stage-box').hidden")


def test_other_boxes_of_the_photograph_are_outlined_over_all_of_it_only(viewer: Show) -> None:
    viewer.open().show(entry(1, box=[0.5, 0.5, 0.25, 0.25]))
    viewer.run("viewer.mark([{ box: [0.1, 0.2, 0.3, 0.4], kind: 'other' }])")
    frame, mark = viewer.box(".stage-frame"), viewer.box(".stage-mark")
    assert (mark["x"] - frame["x"]) / frame["width"] == pytest.approx(0.1, abs=0.002)
    assert mark["height"] / frame["height"] == pytest.approx(0.4, abs=0.002)
    viewer.page.get_by_test_id("whole-frame").click()
    expect(viewer.page.locator(".stage-mark")).to_be_hidden()
    viewer.run("viewer.mark([{ box: [0.1, 0.2, 0.3, 0.4], kind: 'chosen' }], true)")
    expect(viewer.page.locator(".stage-mark [data-handle]")).to_have_count(8)
    expect(viewer.page.locator(".stage-mark")).to_be_visible()


def test_a_box_at_the_edge_and_thumbnails(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { derivativeFor, withMargin } = await import("/static/js/core/boxes.js");
        const { cropInto } = await import("/static/js/parts/crop.js");
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


# --- look-ahead -----------------------------------------------------------------------------------


def test_twelve_ahead_four_behind(viewer: Show) -> None:
    entries = [entry(n) for n in range(1, 40)]
    viewer.open().show(*entries, index=10)
    for index in (11, 12, 13, 14, 15, 16):
        viewer.show(*entries, index=index)
    viewer.page.wait_for_function("() => viewer.held.length === 17")
    assert sorted(viewer.run("viewer.held")) == [*range(13, 30)], "sample 17 is in view"
    viewer.requested.clear()
    viewer.show(*entries, index=17)
    viewer.page.wait_for_function("() => performance.getEntriesByName(`${origin}/samples/30/1280.jpg`).length === 1")
    assert set(viewer.requested) == {30}, "the next image was there already"


def test_the_budget_of_memory_drops_the_farthest_first(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { BUDGET, nearest, weight } = await import("/static/js/core/nearest.js");
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
