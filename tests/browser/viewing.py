"""The image viewer by itself: a page with nothing else, and pictures whose every pixel is known."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from django.template.loader import render_to_string
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from tests.browser.program import ROOT

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
import { Viewer } from "/static/js/parts/viewer.js";
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
  element.addEventListener("click", (event) => viewer.commands[element.dataset.command]({ event }));
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


def burst(*samples: int, **more: Any) -> list[dict[str, Any]]:
    frame = {"width": WIDTH, "height": HEIGHT, "box": None, **more}
    return [{**frame, "sample": sample, "taken_at": f"2024-06-01T05:00:{sample:02}+00:00"} for sample in samples]


@contextmanager
def viewing(browser: Browser) -> Iterator[Show]:
    """The viewer, not yet opened; a script error or a breach of the content security policy fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield Show(page)
    context.close()
    assert wrong == []
