"""Networks of the site's own: an administrator uploads one, and with one that reads texts people hunt in words."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.hands import READY_MS, Auditor
from tests.browser.program import PRODUCT, ROOT, Asked, Program
from tests.browser.test_hunt import TILES, Hunter
from tests.tl_core import clips
from tl_core.featurisers import guard
from tl_core.store.embeddings import EmbeddingStore

WORDS = "a leopard at night"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.checkpoint(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def admin(sign_in: Callable[..., Page], program: Program) -> Page:
    page = sign_in("admin")
    page.goto(f"{program.address}/networks/")
    return page


def upload(page: Page, file: Path, name: str, architecture: str, details: dict[str, object] | None = None) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Network that the weights are of").fill(architecture)
    page.get_by_label("Details").fill(json.dumps(details) if details else "")
    page.get_by_test_id("add-network").click()
    expect(page.get_by_text(f"{name} is being tried.")).to_be_visible()


def test_an_administrator_uploads_a_network(admin: Page, weights: Path) -> None:
    upload(admin, weights, "Tiny of mine", "resnet18")
    refused = admin.get_by_test_id("upload").filter(has_text="Tiny of mine")
    expect(refused).to_contain_text("clip.safetensors does not fit resnet18 (missing: ", timeout=60_000)
    refused.get_by_test_id("dismiss").click()
    expect(refused).to_have_count(0)

    upload(admin, weights, "Tiny of mine", "clip", clips.DESCRIPTION)
    card = admin.get_by_test_id("network").filter(has_text="Tiny of mine")
    for shown in ("uploaded", "clip.safetensors", "reads texts", "Used by no project"):
        expect(card).to_contain_text(shown, timeout=60_000)  # it comes by itself
    expect(admin.get_by_test_id("upload")).to_have_count(0)

    card.get_by_role("link", name="Delete the network Tiny of mine").click()
    admin.get_by_test_id("delete").click()
    expect(admin.get_by_text("Tiny of mine was deleted.")).to_be_visible()
    expect(card).to_have_count(0)


def test_where_the_network_fails_the_upload_goes_on_where_it_stopped(admin: Page, weights: Path) -> None:
    admin.route("**/networks/pieces/**", lambda route: route.abort())
    admin.clock.install()
    admin.get_by_label("Name", exact=True).fill("Late")
    admin.get_by_label("File").set_input_files(weights)
    admin.get_by_test_id("add-network").click()
    for _ in range(3):
        admin.wait_for_timeout(300)
        admin.clock.run_for(3000)
    expect(admin.locator("#upload-problem")).to_contain_text("The upload broke off.")
    admin.unroute("**/networks/pieces/**")
    admin.get_by_test_id("add-network").click()
    expect(admin.get_by_text("Late is being tried.")).to_be_visible()
    admin.get_by_test_id("dismiss").first.click()


# --- in words -------------------------------------------------------------------------------------


def manage(program: Program, *words: str) -> None:
    environment = {**os.environ, **PRODUCT, "DATA": str(program.data)}
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def reading(program: Program) -> Iterator[str]:
    """The project learns from a tiny CLIP while these tests run."""
    spec = f"own/{program.backstage(network='Tiny')['digest']}"
    manage(program, "embed", "--project", program.slug, "--featuriser", spec, "--use")
    yield spec
    manage(program, "embed", "--project", program.slug, "--featuriser", "efficientnet-lite0", "--use")


def cosines(program: Program, spec: str) -> dict[int, float]:
    """How well each picture fits the words, from the stored embeddings and open_clip alone."""
    query = "SELECT project_id, fingerprint, dimension FROM embedding_embeddingrun WHERE featuriser = ?"
    project, fingerprint, dimension = program.rows(query, spec)[0]
    stored = EmbeddingStore(program.data / "embeddings" / f"project-{project}", fingerprint, dimension).open()
    vectors = np.asarray(stored.vectors[:])
    tokens = guard.open_clip().SimpleTokenizer(context_length=16)([WORDS])
    with torch.inference_mode():
        text = clips.network().encode_text(tokens, normalize=True).numpy()[0]
    fits = vectors @ text / np.linalg.norm(vectors, axis=1)
    return dict(zip(stored.ids.tolist(), fits.tolist(), strict=True))


def test_people_hunt_in_words(page: Page, asked: Asked, program: Program, reading: str) -> None:
    hunter = Hunter(page, asked, Auditor(asked))
    hunter.open()
    page.get_by_test_id("words").fill(WORDS)
    page.keyboard.press("Enter")
    hunter.wait()
    assert hunter.text("target") == f"“{WORDS}”"
    fits = cosines(program, reading)
    shown = hunter.shown()
    found = [fits[sample] for sample in shown]
    assert found == pytest.approx(sorted(found, reverse=True), abs=3e-4)
    assert min(found) >= sorted(fits.values())[-3 * len(shown)], "the best of all pictures"
    page.reload()  # the address says what was hunted
    hunter.wait()
    assert hunter.text("target") == f"“{WORDS}”"

    name = hunter.truth[hunter.shown()[0]]
    hunter.press(asked.letters[name])  # what these are
    hunter.mean_marks("are")
    hunter.mark(hunter.shown()[0])
    (sample,) = hunter.confirm(name)
    assert hunter.check() == 1
    label = "SELECT mode, strategy FROM labels_label WHERE sample_id = ? AND question_id = ("
    assert program.rows(f"{label} SELECT id FROM projects_question WHERE key = ?)", sample, asked.key) == [
        ("hunt", "hunt")
    ]


def test_names_suggest_before_anything_is_learnt(page: Page, program: Program, reading: str) -> None:
    fresh = program.ask("networks-fresh")
    program.wait_for_round(fresh)
    page.goto(fresh.url())
    page.locator("[data-testid=suggestion]:not(.empty)").first.wait_for(timeout=READY_MS)
    expect(page.get_by_text("by the names of the classes alone: nothing was learnt yet")).to_be_visible()


def test_words_are_offered_only_where_texts_are_read(page: Page, asked: Asked, program: Program) -> None:
    program.backstage(project={"featuriser": "efficientnet-lite0"})
    page.goto(asked.url("hunt"))
    page.wait_for_selector("[data-testid=start]:visible", timeout=READY_MS)
    expect(page.get_by_test_id("by-words")).to_have_count(0)
    assert page.locator(TILES).count() == 0
