"""Names that are markup: shown as they are on every screen, and never run."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, STAGE, saved
from tests.browser.program import PASSWORD, Asked, Program


def hostile(place: str) -> str:
    """Breaks out of a text, an attribute, a script of JSON and a template, where anything lets it."""
    return f"{place}'\"></script><script>alert(1)</script><img src=x onerror=alert(2)>{{{{ 7 }}}}"


PERSON, PROJECT, TEXT, CLASS, NOTE, PLACE = map(hostile, ("person", "project", "text", "class", "note", "place"))
FILE = "'\"><img src=x onerror=alert(2)>.jpg"
QUESTION = {"text": TEXT, "classes": (CLASS, "empty")}
KNOWN = 12


@pytest.fixture(scope="module")
def sample(program: Program, asked: Asked) -> Iterator[int]:
    """One whose file, camera and project have such names, as have its owner and the first question; in dispute."""
    others = list(program.truth)  # known by the paths of before
    query = "SELECT sample.id, file.id, path, deployment_id FROM samples_sample AS sample JOIN samples_file AS file"
    sample, number, path, deployment = program.rows(f"{query} ON file.id = file_id ORDER BY sample.id LIMIT 1")[0]
    file = program.folder / "photographs" / path
    places = {
        f"samples.File/{number}": ("path", str(Path(path).with_name(FILE))),
        f"samples.Deployment/{deployment}": ("name", PLACE),
        "projects.Project/1": ("name", PROJECT),
        "projects.Question/1": ("text", TEXT),
        "projects.LabelClass/1": ("name", CLASS),
    }
    before = {place: {field: _stored(program, place, field)} for place, (field, _) in places.items()}
    file.rename(file.with_name(FILE))
    shown = {place: {field: text} for place, (field, text) in places.items()}
    program.backstage(change=shown, people={PERSON: "owner"}, password=PASSWORD)
    given = {
        PERSON: [(sample, CLASS)],
        "ana": [(sample, "empty")],
        "bo": [(each, CLASS if each % 2 else "empty") for each in others[-KNOWN:]],
    }
    for who, answers in given.items():
        events = [
            {"uuid": str(uuid.uuid4()), "sample": each, "verdict": "answer", "classes": [asked.classes[name]]}
            for each, name in answers
        ]
        program.post(who, f"{asked.url()}labels/", {"events": events})
    flag = {"uuid": str(uuid.uuid4()), "kind": "flag", "sample": sample, "note": NOTE}
    program.post(PERSON, f"{asked.url()}labels/", {"events": [flag]})
    program.wait_for_round(asked, KNOWN)
    yield sample
    file.with_name(FILE).rename(file)
    program.backstage(change=before)


def _stored(program: Program, place: str, field: str) -> str:
    table, _, pk = place.lower().replace(".", "_").partition("/")
    return str(program.rows(f"SELECT {field} FROM {table} WHERE id = ?", pk)[0][0])


@pytest.fixture
def page(sign_in: Callable[..., Page], sample: int) -> Page:
    return sign_in(PERSON)


def shows(page: Page, *texts: str) -> None:
    """These texts are there as they are, and nothing that was in them became a part of the page."""
    for text in (PERSON, PROJECT, *texts):
        expect(page.locator("body")).to_contain_text(text)
    assert page.locator("img[src=x], [onerror], script:not([src]):not([type])").count() == 0


def test_single_image_with_its_type_ahead(page: Page, asked: Asked, sample: int) -> None:
    page.goto(f"{asked.url()}?sample={sample}")
    page.locator(STAGE).wait_for(timeout=READY_MS)
    shows(page, TEXT, CLASS, FILE, PLACE)
    page.keyboard.press("/")
    page.keyboard.type("class")
    expect(page.get_by_test_id("typeahead-option").first).to_contain_text(CLASS)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("last")).to_contain_text(CLASS)
    saved(page)
    shows(page)


@pytest.mark.parametrize("mode", ["sequence", "grid", "hunt", "review"])
def test_other_ways_to_label(page: Page, asked: Asked, sample: int, mode: str) -> None:
    tail = f"?sample={sample}" if mode in ("sequence", "review") else f"?class={asked.classes[CLASS]}"
    page.goto(asked.url(mode) + tail)
    page.locator(f"{STAGE}, [data-testid=tile][data-ready=true]").first.wait_for(timeout=READY_MS)
    shows(page, CLASS, *([FILE] if mode in ("sequence", "review") else []))


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("history/", [CLASS, TEXT]),
        ("history/?person=ana", [TEXT]),
        ("flagged/", [NOTE, CLASS, TEXT]),
        ("", [CLASS]),
        ("export/", []),
        ("classes/?question=script-strings", [CLASS, TEXT]),
        ("people/", []),
        ("settings/", []),
    ],
    ids=["history", "history of another", "flagged", "progress", "export", "classes", "people", "settings"],
)
def test_other_screens(page: Page, program: Program, path: str, texts: list[str]) -> None:
    page.goto(program.project_url + path)
    shows(page, *texts)


def test_a_class_and_the_list_of_projects(page: Page, program: Program, asked: Asked) -> None:
    page.goto(f"{program.project_url}classes/{asked.classes[CLASS]}/")
    shows(page)
    expect(page.locator(f"input[value={CLASS!r}], h1").first).to_be_visible()
    page.goto(program.address)
    shows(page)
