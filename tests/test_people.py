"""Every address of the site, asked by somebody who must not see people: no picture of one comes, and none is named.

The addresses are those of tests/test_access.py, where one without a row fails: so a new one is asked here, too.
"""

import json
import re
import uuid
from dataclasses import replace

import pytest
from django.db import transaction
from django.test import Client

from labeller.annotating.handing import tiles
from labeller.labels import flags
from labeller.learning import foreign
from labeller.learning.foreign import Predicted
from labeller.learning.models import Assessment, TileGroup
from labeller.projects.models import Project
from labeller.samples import ingesting
from labeller.samples.models import Sample
from tests import factories, test_access
from tests.test_access import ROWS

pytestmark = pytest.mark.django_db
PICTURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"RIFF": "WEBP"}
# What names a sample while nobody is in it: else this file would ask in vain.
SERVING = {"samples/<int:sample_id>/<int:size>.jpg", "samples/<int:sample_id>/part-<int:size>.jpg"}
NAMED_TO_ANNOTATORS = SERVING | {
    "",
    "projects/<slug:slug>/",
    "projects/<slug:slug>/questions/<slug:key>/",
    "projects/<slug:slug>/history/",
    "projects/<slug:slug>/flagged/",
    "projects/<slug:slug>/label/<slug:key>/next/",
    "projects/<slug:slug>/label/<slug:key>/grid/tiles/",
    "projects/<slug:slug>/label/<slug:key>/hunt/start/",
    "projects/<slug:slug>/together/next/",
}


@pytest.fixture
def world(foxes, tmp_path, sent, monkeypatch):
    """Two photographs: one is open, ranked, and in a group; the other labelled, flagged, and doubted by a head."""
    monkeypatch.setattr(tiles, "CHECKED", 0.0)
    folder = tmp_path / "photographs"
    for name in ("one", "two"):
        factories.photograph(folder / f"{name}.jpg", len(name) + ord(name[0]))
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "bursts")
    one, two = Sample.objects.order_by("file__path")
    fox = foxes.class_id("fox")
    factories.label(foxes.question, two, foxes.ana, fox)
    flags.raise_flag(uuid.uuid4(), foxes.question, two.pk, foxes.ana, "odd")
    Assessment.objects.create(
        question=foxes.question, n_labels=1,
        report={
            "label_errors": [{"sample": two.pk, "given": fox, "suggested": foxes.class_id("badger"), "margin": -0.9}],
            "classes": {}, "recall": [], "savings": {"reason": ""},
        },
    )  # fmt: skip
    ranked = factories.ranking(foxes.question, [one], suggest=[fox])
    TileGroup.objects.create(
        question=foxes.question,
        kind="predicted",
        round=ranked,
        number=1,
        n=1,
        label_class_id=fox,
        tiles=[[one.pk, 0.9]],
    )
    test_access.besides(foxes.project)
    return foxes


def hide(foxes):
    says = foreign.model(foxes.question, "detector")
    foreign.store(says, [Predicted(each.pk, "person", 0.9) for each in Sample.objects.all()])


def walk(foxes, who, among=None):
    """The addresses, of all or among these, that name a sample or are a picture, as somebody is answered there.

    Each is asked as if it were the first: what it changes is taken back.
    """
    found = set()
    for row in ROWS if among is None else [row for row in ROWS if row.path in among]:
        for sample in Sample.objects.order_by("pk"):
            with transaction.atomic():
                client = test_access.client_of(foxes, who)
                answer = test_access.ask(client, _asking(foxes, row, sample), sample_id=sample.pk)
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
                is_picture = answer.headers.get("Content-Type", "").startswith("image/")
                if is_picture or _names(body, sample.pk) or any(body.startswith(each) for each in PICTURES):
                    found.add(row.path)
                transaction.set_rollback(True)
    return found


def _asking(foxes, row, sample):
    """What to send so that as much comes back as can."""
    if row.body != "{}":
        return row
    body = {
        "count": 10, "tab": uuid.uuid4().hex, "sample": sample.pk, "like": [sample.pk],
        "class": foxes.class_id("fox"), "keep": [],
    }  # fmt: skip
    if "grid" in row.path:
        del body["class"]
    return replace(row, body=json.dumps(body))


def _names(body, pk):
    text = body.decode(errors="replace")
    return f"/samples/{pk}/" in text or bool(re.search(rf'"(sample|examples)": ?\[?{pk}\b', text))


@pytest.mark.parametrize("who", ["viewer", "annotator"])
def test_no_address_shows_or_names_a_hidden_picture_to_who_must_not_see_it(world, who):
    known = NAMED_TO_ANNOTATORS if who == "annotator" else SERVING
    assert walk(world, who, known) == known
    hide(world)
    assert walk(world, who) == set()


def test_who_may_see_people_finds_them_and_no_browser_keeps_them(world):
    hide(world)
    assert walk(world, "manager", SERVING) == SERVING
    client = test_access.client_of(world, "manager")
    for sample in Sample.objects.all():
        for address in (f"/samples/{sample.pk}/256.jpg", f"/samples/{sample.pk}/part-256.jpg"):
            answer = client.get(address)
            assert answer.status_code == 200 and answer["Cache-Control"] == "private, no-store"


def test_what_a_browser_has_already_is_not_confirmed(world):
    sample = Sample.objects.first()
    client = Client()
    client.force_login(world.ana)
    address = f"/samples/{sample.pk}/256.jpg"
    mark = client.get(address)["ETag"]
    assert client.get(address, headers={"If-None-Match": mark}).status_code == 304
    hide(world)
    assert client.get(address, headers={"If-None-Match": mark}).status_code == 404


@pytest.mark.parametrize(("shown_to", "seeing"), [("manager", "mia olga ada"), ("annotator", "ana mia olga ada")])
def test_a_project_says_who_sees_people(world, shown_to, seeing):
    hide(world)
    Project.objects.update(people_shown_to=shown_to)
    for name in ("vic", "ana", "mia", "olga", "ada"):
        client = Client()
        client.force_login(getattr(world, name))
        answer = client.get(f"/samples/{Sample.objects.first().pk}/256.jpg")
        assert (answer.status_code == 200) == (name in seeing.split()), name


def test_the_own_history_keeps_its_place(world):
    """The label can be taken back, for it may have been a slip."""
    hide(world)
    client = Client()
    client.force_login(world.ana)
    page = client.get("/projects/foxes/history/").content.decode()
    assert 'data-testid="hidden-picture"' in page and 'data-testid="withdraw"' in page and "label-again" not in page
    client.force_login(world.mia)
    assert 'data-testid="has-people"' in client.get("/projects/foxes/history/?person=ana").content.decode()
