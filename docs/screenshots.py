"""Makes the screenshots of the documentation from the running program.

    python docs/screenshots.py --images DIR

DIR holds one folder a class; a simulated annotator labels first, so that there is something to see.
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


def shoot(site: Site, theme: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)
        log_in(page, site)
        page.screenshot(path=OUT / f"projects-{theme}.png")
        page.goto(site.label_url)
        page.locator("[data-testid=stage-image][data-ready=true]").wait_for(timeout=60_000)
        page.screenshot(path=OUT / f"label-{theme}.png")
        page.goto(f"{site.address}/projects/{site.slug}/")
        page.wait_for_timeout(1500)
        page.screenshot(path=OUT / f"progress-{theme}.png")
        page.goto(f"{site.address}/projects/{site.slug}/export/")
        page.screenshot(path=OUT / f"export-{theme}.png")
        page.goto(f"{site.address}/projects/new/")
        page.screenshot(path=OUT / f"new-{theme}.png")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    with running(options.images, TRUTH="folders") as site:
        site.wait_until_embedded()
        subprocess.run(
            [sys.executable, "manage.py", "simulate", "--project", site.slug, "--labels", "120"],
            cwd=ROOT,
            env=site.environment,
            check=True,
        )
        for theme in ("light", "dark"):
            shoot(site, theme)


if __name__ == "__main__":
    main()
