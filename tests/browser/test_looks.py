"""Every page for other eyes, hands and windows: axe-core, small windows, right to left, targets large enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from labeller.config.urls import urlpatterns
from tests.browser.hands import STAGE
from tests.browser.program import Asked, Program

QUESTION = {"known": 60}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# WCAG 2.5.3: who says what they see is understood. A frame shows number and answer, and says both in a sentence.
SPOKEN = {"type": "rule", "values": ["label-content-name-mismatch"]}
ELSEWHERE = {"exclude": [[".frame"]]}
THEMES = {  # the page is light to begin with
    "dark": {"color_scheme": "dark", "contrast": "no-preference"},
    "contrast": {"color_scheme": "light", "contrast": "more"},
}
WINDOWS = ((1280, 800), (820, 1180), (844, 390), (390, 844), (320, 640))
FOLLOW_UP = "#question:has-text('looks-follow')"
TILE = "[data-testid=tile][data-ready=true]"


@dataclass(frozen=True)
class Place:
    """A page: who sees it, what has to be there before it is looked at, and a key that opens what lies over it."""

    address: str
    who: str = "mia"
    ready: str = "main"
    key: str = ""
    opened: str = ""


PLACES = {
    "log-in": Place("/login/", who=""),
    "projects": Place("/"),
    "new project": Place("/projects/new/", who="admin"),
    "progress": Place("/projects/{slug}/"),
    "progress of a follow-up question": Place("/projects/{slug}/questions/looks-follow/"),
    "settings": Place("/projects/{slug}/settings/"),
    "learning settings": Place("/projects/{slug}/questions/{key}/settings/"),
    "featuriser": Place("/projects/{slug}/featuriser/"),
    "words nobody has seen": Place("/projects/{texts}/featuriser/vocabulary/", ready="[data-testid=frequent]"),
    "deployments": Place("/projects/{slug}/deployments/"),
    "one deployment": Place("/projects/{slug}/deployments/{deployment}/"),
    "tables of texts": Place("/projects/{texts}/tables/"),
    "near-copies": Place("/projects/{texts}/copies/"),
    "near-copies of a text": Place("/projects/{texts}/copies/{text}/"),
    "repeated boxes": Place("/projects/{slug}/repeated-boxes/"),
    "people": Place("/projects/{slug}/people/"),
    "people in pictures": Place("/projects/{slug}/hidden/"),
    "deleting a project": Place("/projects/{slug}/delete/", who="admin"),
    "deleting a folder": Place("/projects/{slug}/sources/{source}/delete/", who="admin"),
    "deleting a question": Place("/projects/{slug}/questions/{several}/delete/", who="admin"),
    "deleting a class": Place("/projects/{slug}/classes/{class}/delete/", who="admin"),
    "deleting an account": Place("/people/{account}/delete/", who="admin"),
    "networks": Place("/networks/", who="admin", ready=".network"),
    "deleting a network": Place("/networks/{network}/delete/", who="admin"),
    "classes": Place("/projects/{slug}/classes/?question={key}"),
    "one class": Place("/projects/{slug}/classes/{class}/"),
    "follow-up question": Place("/projects/{slug}/questions/{key}/follow-up/"),
    "keys": Place("/keys/", ready="main form"),
    "account": Place("/account/"),
    "password": Place("/account/password/"),
    "all accounts": Place("/people/", who="admin"),
    "site-days": Place("/projects/{slug}/questions/{key}/site-days/", ready="[data-testid=site-days]"),
    "refused files": Place("/projects/{slug}/refused/"),
    "import": Place("/projects/{slug}/import/"),
    "one import": Place("/projects/{slug}/import/{import}/", ready="[data-testid=report]"),
    "export": Place("/projects/{slug}/export/"),
    "history": Place("/projects/{slug}/history/", who="bo"),
    "flagged": Place("/projects/{slug}/flagged/"),
    "not there": Place("/projects/nothing/"),
    "not allowed": Place("/projects/{slug}/settings/", who="vic"),
    "single": Place("/projects/{slug}/label/{key}/", ready=STAGE),
    "several classes": Place("/projects/{slug}/label/{several}/", ready=STAGE),
    "audit samples": Place("/projects/{slug}/label/{key}/?only=audit", ready=STAGE),
    "a follow-up question": Place("/projects/{slug}/label/{followed}/", ready=STAGE, key="{fox}", opened=FOLLOW_UP),
    "all questions": Place("/projects/{slug}/together/?questions={key},{several}", ready=STAGE),
    "sequence": Place("/projects/{slug}/label/{key}/sequence/", ready=STAGE),
    "grid": Place("/projects/{slug}/label/{key}/grid/", ready=TILE),
    "hunt": Place("/projects/{slug}/label/{key}/hunt/"),
    "look-alikes": Place("/projects/{slug}/label/{key}/hunt/?like={sample}", ready=TILE),
    "review": Place("/projects/{slug}/label/{key}/review/"),
    "single, key help": Place("/projects/{slug}/label/{key}/", ready=STAGE, key="?", opened="#help"),
    "single, flag": Place("/projects/{slug}/label/{key}/", ready=STAGE, key=",", opened="#flag"),
    "5,000 classes, type-ahead": Place("/projects/{slug}/label/{names}/", ready=STAGE, key="/", opened="#typeahead"),
}
# Addresses that answer with no page of their own: data, pictures, files, and what is only posted to.
NO_PAGES = {
    "set_language", "healthz", "readyz", "logout", "image", "part", "embedding", "train", "grid_tiles",
    "hunt_start", "hunt_tiles", "review_next", "together_next", "together_save", "together_release", "next",
    "save", "release", "withdraw", "close_flag", "curve", "labels_csv", "predictions_csv", "deployments_csv",
    "refused_csv", "site_days_csv", "site_days_history", "not_taken", "manifest", "acceptance",
    "log_out_everywhere", "new_password", "set_active",
    "network_piece", "use_network", "log_out", "cancel_removal", "advise", "stop_advising", "use", "keep",
    "compare_questions", "levels", "adapt", "stop_adapting", "use_adapted", "leave_adapted",
    "tune", "stop_tuning", "use_tuned", "train_vectors", "stop_vectors", "tune_encoder",
    "look_up", "stop_looking", "reading", "speaking", "make_export", "export", "remove_export", "import_list",
}  # fmt: skip


@pytest.fixture(scope="module")
def words(program: Program, asked: Asked) -> dict[str, str]:
    """What the addresses are filled in with."""
    named = program.ask("looks-names", names=str(program.folder / "names.csv"))
    several = program.ask("looks-several", multi_label=True)
    followed = program.ask("looks-followed")
    program.ask("looks-follow", follows=followed.key, classes=("young", "old"))
    texts = "looks-texts"
    program.backstage(site_days=asked.key)
    passages = program.backstage(texts={"slug": texts, "key": "about"})
    return {
        "slug": program.slug,
        "key": asked.key,
        "names": named.key,
        "several": several.key,
        "followed": followed.key,
        "fox": followed.letters["fox"],
        "class": str(asked.classes["fox"]),
        "deployment": str(program.rows("SELECT id FROM samples_deployment LIMIT 1")[0][0]),
        "source": str(program.rows("SELECT id FROM samples_source LIMIT 1")[0][0]),
        "account": str(program.rows("SELECT id FROM accounts_user WHERE username = 'vic'")[0][0]),
        "network": program.backstage(network="looks")["digest"],
        "import": str(program.backstage(detections=True)["import"]),
        "texts": texts,
        "text": str(next(iter(passages["kinds"]))),
        "sample": str(next(sample for sample, truth in program.truth.items() if truth == "leopard")),
    }


def violations(page: Page, rules: dict[str, Any], where: dict[str, Any] | None = None) -> list[str]:
    found = Axe().run(page, where, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


SIDEWAYS = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
# Buttons, links and fields that another element lies over, or that can't be scrolled to; of hundreds the outer ones.
COVERED = """
() => {
  const dialog = document.querySelector("dialog[open]");
  const all = [...(dialog ?? document).querySelectorAll("button, a[href], input, select, textarea, summary")];
  const wrong = [];
  for (const each of all.length > 300 ? [...all.slice(0, 150), ...all.slice(-150)] : all) {
    if (each.disabled || !each.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (each.closest(".visually-hidden, .skip-link, [inert]") || each.getClientRects().length === 0) continue;
    each.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const { left, right, top, bottom } = each.getClientRects()[0];
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const isIt = hit && (each.contains(hit) || hit.contains(each) || hit.closest("label")?.control === each);
    if (!isIt) wrong.push(`${each.outerHTML.slice(0, 120)} under ${hit?.outerHTML.slice(0, 80)}`);
  }
  return wrong;
}
"""
# What is pressed, is smaller than 24 by 24 pixels, and no word in a sentence.
SMALL = """
() => [...(document.querySelector("dialog[open]") ?? document)
  .querySelectorAll("button, a[href], input, select, summary")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".visually-hidden, .skip-link"))
  .filter((each) => getComputedStyle(each).display !== "inline" && each.type !== "hidden")
  .map((each) => [each.getBoundingClientRect(), each])
  .filter(([{ width, height }]) => width > 0 && (width < 23.9 || height < 23.9))
  .map(([{ width, height }, each]) => `${width} x ${height} ${each.outerHTML.slice(0, 120)}`)
"""


PANEL_SIDE = """
() => {
  const middle = ({ left, right }) => (left + right) / 2;
  const [panel, stage] = [".panel", "#stage"].map((part) => document.querySelector(part).getBoundingClientRect());
  return middle(panel) - middle(stage);
}
"""


def through_windows(page: Page) -> dict[str, list[str]]:
    found = {}
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        found[str(width)] = [*page.evaluate(COVERED), *page.evaluate(SMALL), *sideways(page)]
    return found


def sideways(page: Page) -> list[str]:
    return [f"it scrolls sideways by {by}" for by in [page.evaluate(SIDEWAYS)] if by > 0]


def mirrored(page: Page) -> list[str]:
    """What goes wrong from right to left; ends with the page mirrored."""
    has_panel = page.locator("#stage").count() > 0
    before = page.evaluate(PANEL_SIDE) if has_panel else 0
    page.evaluate("document.documentElement.dir = 'rtl'")
    stays = ["the panel stays on its side"] if has_panel and before * page.evaluate(PANEL_SIDE) >= 0 else []
    return [*page.evaluate(COVERED), *sideways(page), *stays]


@pytest.mark.parametrize("name", PLACES)
def test_a_page_is_for_everybody(
    name: str, sign_in: Callable[..., Page], program: Program, words: dict[str, str]
) -> None:
    place = PLACES[name]
    page = sign_in(place.who)
    page.goto(program.address + place.address.format(**words))
    page.locator(place.ready).first.wait_for(timeout=60_000)
    if place.key:
        page.keyboard.press(place.key.format(**words))
        page.locator(place.opened).wait_for()
    found = {}
    found["axe"] = violations(page, {"type": "tag", "values": TAGS})
    found["names"] = violations(page, SPOKEN, ELSEWHERE)
    for theme, media in THEMES.items():
        page.emulate_media(**media)
        found[theme] = violations(page, {"type": "rule", "values": ["color-contrast"]})
    found |= through_windows(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    found["right to left"] = mirrored(page)
    wrong = {look: problems for look, problems in found.items() if problems}
    assert not wrong, wrong


def test_nothing_moves_for_who_asked_for_stillness(page: Page, asked: Asked) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(asked.url())
    page.locator(STAGE).first.wait_for(timeout=60_000)
    page.keyboard.press(asked.letters["fox"])
    moving = "() => document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 1).length"
    assert page.evaluate(moving) == 0


def names(patterns: list[Any]) -> Iterator[str]:
    for each in patterns:
        if hasattr(each, "url_patterns"):
            yield from names(each.url_patterns)
        else:
            yield str(each.name)


def test_no_page_is_forgotten() -> None:
    assert set(names(urlpatterns)) - NO_PAGES == {
        "login", "list", "new", "progress", "question", "settings", "question_settings", "deployments", "deployment",
        "featuriser", "vocabulary", "networks", "remove_network", "together",
        "people", "classes", "class", "follow_up", "keys", "exports", "history", "flagged", "label", "sequence", "grid",
        "hunt", "review", "account", "password", "refused", "remove", "remove_source", "remove_question",
        "remove_class", "remove_account", "tables", "copies", "copies_of", "repeated", "hidden", "site_days",
        "imports", "import",
    }  # fmt: skip
