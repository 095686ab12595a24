"""Makes the screenshots of the documentation from the running program.

    python docs/screenshots.py [--images DIR --out DIR]

By default of the demo, whose pictures are free to publish. A simulated annotator labels first, so that there is
something to see; a DIR of your own holds one folder a class.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.site import Site, running  # noqa: E402

OUT = ROOT / "docs" / "images"


def log_in(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/login/")
    page.get_by_label("Username").fill("admin")
    page.locator("input[type=password]").fill(site.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.address}/")


def shoot(site: Site, theme: str, out: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)
        log_in(page, site)
        page.screenshot(path=out / f"projects-{theme}.png")
        page.goto(site.label_url)
        page.locator("[data-testid=stage-image][data-ready=true]").wait_for(timeout=60_000)
        page.screenshot(path=out / f"label-{theme}.png")
        page.goto(f"{site.address}/projects/{site.slug}/")
        page.wait_for_timeout(1500)
        page.screenshot(path=out / f"progress-{theme}.png")
        page.goto(f"{site.address}/projects/{site.slug}/export/")
        page.screenshot(path=out / f"export-{theme}.png")
        page.goto(f"{site.address}/projects/new/")
        page.screenshot(path=out / f"new-{theme}.png")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    with running(options.images, TRUTH="folders" if options.images else "") as site:
        site.wait_until_embedded()
        subprocess.run(
            [sys.executable, "manage.py", "simulate", "--project", site.slug, "--labels", "120"],
            cwd=ROOT,
            env=site.environment,
            check=True,
        )
        for theme in ("light", "dark"):
            shoot(site, theme, options.out)


if __name__ == "__main__":
    main()
