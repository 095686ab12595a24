"""Looking at the frames of a burst: stepping, playing, and what moved."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.viewing import HEIGHT, WIDTH, Show, burst, entry, grey, png, viewing

pytestmark = pytest.mark.browser


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Show]:
    with viewing(browser) as show:
        yield show


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


def test_what_is_odd_about_a_picture_is_said_beside_it(viewer: Show) -> None:
    viewer.open().show(
        entry(11, notes=["Stretched: 0 is shown as black, 4,095 as white.", "3 pages; the first is used."])
    )
    said = viewer.page.get_by_test_id("notes")
    expect(said).to_have_text("Stretched: 0 is shown as black, 4,095 as white. 3 pages; the first is used.")
    viewer.show(entry(12))
    expect(said).to_have_text("")


def test_a_burst_plays_twice_and_stops(viewer: Show) -> None:
    viewer.open().show(entry(11, burst=burst(11, 12)))
    viewer.page.wait_for_function("() => viewer.held.length === 2")
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

    viewer.show(entry(23, burst=burst(21, 22, 23)))
    viewer.broken = {22}
    page.get_by_test_id("difference").click()
    expect(page.locator("#notice")).to_have_text("The difference could not be computed: a frame isn’t there.")
    expect(page.get_by_test_id("stage-image")).to_be_visible()


def test_the_median_itself(viewer: Show) -> None:
    viewer.open()
    found = viewer.run("""async () => {
        const { medianOf, nearestInTime } = await import("/static/js/core/median.js");
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
