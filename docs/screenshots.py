"""Makes the screenshots of the documentation from the running program.

    python docs/screenshots.py [--out DIR]

Of drawn photographs, which are free to publish. Somebody labels a few hundred first, so that there is something to see.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import CHROMIUM  # noqa: E402
from tests.browser.hands import STAGE  # noqa: E402
from tests.browser.program import MAIN, Asked, Program, running  # noqa: E402
from tests.browser.season import brought, cameras, detector  # noqa: E402
from tests.browser.test_texts import Passages, written  # noqa: E402

OUT = ROOT / "docs" / "images"
QUALITY = 88  # of WebP: small, and the classes keep their colours


def open_page(browser: Browser, program: Program, theme: str, who: str = "mia") -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme)
    for name, value in program.cookies(who).items():
        context.add_cookies([{"name": name, "value": value, "url": program.address}])
    return context.new_page()


def shoot(page: Page, out: Path, name: str) -> None:
    page.wait_for_timeout(600)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(out / f"{name}.webp", quality=QUALITY, method=6)


def shoot_modes(page: Page, asked: Asked, out: Path, theme: str) -> None:
    """The screens that are shown by day and by night."""
    page.goto(asked.url())
    page.locator(STAGE).first.wait_for(timeout=60_000)
    shoot(page, out, f"label-{theme}")
    page.goto(asked.url("grid"))
    page.get_by_test_id("tile").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    shoot(page, out, f"grid-{theme}")


def shoot_others(page: Page, program: Program, asked: Asked, named: Asked, out: Path) -> None:
    page.goto(asked.url("sequence"))
    page.locator(STAGE).first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    shoot(page, out, "sequence-light")
    page.goto(named.url())
    page.locator(STAGE).first.wait_for(timeout=60_000)
    page.keyboard.press("/")
    page.keyboard.type("grey fox")
    shoot(page, out, "typeahead-light")
    page.goto(f"{asked.url('hunt')}?like={one_of(program, 'leopard')}")
    page.get_by_test_id("tile").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    shoot(page, out, "hunt-light")
    page.goto(asked.url("review"))
    page.locator(STAGE).first.wait_for(timeout=60_000)
    shoot(page, out, "review-light")
    page.goto(f"{program.project_url}")
    page.wait_for_timeout(1500)
    shoot(page, out, "progress-light")
    page.goto(f"{program.address}/keys/")
    shoot(page, out, "keys-light")


def shoot_advice(page: Page, program: Program, out: Path) -> None:
    """What was tried of networks on these photographs, and of what has learnt nothing."""
    page.goto(f"{program.project_url}featuriser/")
    page.get_by_test_id("advise").click()
    page.get_by_test_id("verdict").wait_for(timeout=600_000)
    page.evaluate("document.querySelector('#advice').scrollIntoView()")
    shoot(page, out, "featuriser-light")
    page.evaluate("document.querySelector('[data-testid=neighbours]').scrollIntoView()")
    page.wait_for_timeout(2000)
    shoot(page, out, "neighbours-light")


def shoot_texts(page: Page, passages: Passages, out: Path) -> None:
    """A text with the words that speak for what is suggested, and twenty predicted as one class."""
    passages.open(page)
    usual = {str(sample) for sample in passages.kinds} - {str(sample) for sample in passages.odd.values()}
    reader = page.get_by_test_id("reader")
    while reader.get_attribute("data-sample") not in usual or page.locator("#reason[data-blind=true]").count():
        page.keyboard.press("ArrowRight")
    page.locator("mark").first.wait_for(timeout=60_000)
    shoot(page, out, "text-light")
    page.goto(passages.asked.url("grid"))
    page.get_by_test_id("tile").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1000)
    shoot(page, out, "list-light")


def shoot_season(page: Page, asked: Asked, out: Path, folder: Path) -> None:
    """The steps of docs/camera-traps.md that are worth a look: the last of all, for boxes and hidden pictures stay."""
    program = asked.program
    wholes = {path: sample for sample, path in program.path_of.items()}
    folders = sorted({path.rpartition("/")[0] for path in wholes})
    animals = [path for path in sorted(wholes) if program.truth[wholes[path]] in {"fox", "leopard", "zebra"}][:40]
    page.goto(f"{program.project_url}import/")
    brought(page, asked, cameras(folder, folders))
    brought(page, asked, detector(folder, animals[:-1], animals[-1]))
    page.evaluate("scrollTo(0, 0)")
    shoot(page, out, "season-import-light")
    page.goto(f"{program.project_url}deployments/")
    page.get_by_test_id("deployments").locator("a").first.click()
    page.locator("[name=clock_shift]").fill("1:00")
    page.get_by_test_id("look").click()
    page.get_by_test_id("times").scroll_into_view_if_needed(timeout=60_000)
    shoot(page, out, "season-clock-light")
    box = program.rows("SELECT min(id) FROM samples_sample WHERE part = 'box'")[0][0]
    page.goto(f"{asked.url()}?sample={box}")
    page.locator(STAGE).first.wait_for(timeout=60_000)
    page.keyboard.press("Alt+k")
    shoot(page, out, "season-boxes-light")
    page.goto(f"{program.project_url}hidden/")
    shoot(page, out, "season-hidden-light")
    program.backstage(site_days=asked.key)
    page.goto(f"{program.project_url}questions/{asked.key}/site-days/")
    page.get_by_test_id("site-days").wait_for(timeout=60_000)
    shoot(page, out, "season-site-days-light")
    page.goto(f"{program.project_url}export/?question={asked.key}")
    page.get_by_test_id("format-camtrap-dp").locator("summary").click()
    shoot(page, out, "season-export-light")


def one_of(program: Program, name: str) -> int:
    return next(sample for sample, truth in program.truth.items() if truth == name)


def disagree(program: Program, asked: Asked) -> None:
    """Let two people answer one sample differently, and one be unsure of another."""
    sample, other = [sample for sample, truth in program.truth.items() if truth == "fox"][-2:]
    event: dict[str, Any] = {"uuid": "", "sample": sample, "entry": None, "verdict": "answer", "supersedes": None}
    for who, name in (("ana", "fox"), ("bo", "leopard")):
        own = {"uuid": f"00000000-0000-4000-8000-0000000000{len(name):02}", "classes": [asked.classes[name]]}
        program.post(who, f"{asked.url()}labels/", {"events": [{**event, **own}]})
    unsure = {"uuid": "00000000-0000-4000-8000-000000000099", "sample": other, "verdict": "unsure", "classes": []}
    program.post("ana", f"{asked.url()}labels/", {"events": [{**event, **unsure}]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as program, sync_playwright() as playwright:
        asked = program.ask(MAIN)
        for labels in range(25, 226, 25):  # one round after the other: the progress page shows a curve
            program.answer_some(asked, 25)
            program.wait_for_round(asked, labels)
        named = program.ask("names", names=str(program.folder / "names.csv"), text="Which species is this?")
        disagree(program, asked)
        browser = playwright.chromium.launch(**CHROMIUM)
        for theme in ("light", "dark"):
            shoot_modes(open_page(browser, program, theme), asked, out, theme)
        shoot_others(open_page(browser, program, "light"), program, asked, named, out)
        shoot_advice(open_page(browser, program, "light"), program, out)
        shoot_texts(open_page(browser, program, "light"), written(program), out)
        shoot_season(open_page(browser, program, "light"), asked, out, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
