"""The benchmark of pages on a small project: what it fills in is consistent, and every page it times answers."""

import pytest

from benchmarks import filling, pages
from labeller.labels import answering, tallies
from labeller.labels.models import Answer, Label
from labeller.projects.models import Project
from labeller.samples.models import Sample

SAMPLES, LABELS, PEOPLE = 1500, 500, 2


@pytest.fixture
def filled(db, sent, monkeypatch):
    monkeypatch.setattr(filling, "DONE_SAMPLES", 50)
    monkeypatch.setattr(filling, "TILES", 20)
    Project.objects.all().delete()
    filling._Filler(SAMPLES, LABELS, PEOPLE).everything()
    for project in Project.objects.all():
        answering.recount(project)
    return Project.objects.get(slug=filling.SLUG)


def test_every_page_is_timed(filled, monkeypatch):
    monkeypatch.setattr(pages, "PATIENCE", 0.0)
    found = pages.measure(PEOPLE, 1, [])
    assert set(found) >= {
        "next", "save_25", "progress", "projects", "grid", "hunt_start", "history", "review", "classes", "settings",
        "export", "anything_open",
    }  # fmt: skip
    assert all(each["queries"] > 0 and each["p95_ms"] > 0 for each in found.values())
    assert tallies.kept_now(filled) == tallies.counted(filled), "saving 25 labels keeps the counts"
    assert not answering.check(filled)


def test_what_is_filled_in_has_all_kinds_of_labels(filled):
    counts = tallies.of(filled.first_question)
    assert counts.samples == SAMPLES and 0.9 * LABELS < counts.labelled < counts.settled <= LABELS
    assert set(Answer.objects.values_list("state", flat=True)) == set(Answer.State.values)
    modes = set(Label.objects.filter(project=filled).values_list("mode", flat=True))
    assert modes == {"import", "single", "grid", "review"}
    done = Project.objects.get(slug=filling.DONE).first_question
    assert tallies.of(done).settled == tallies.of(done).samples == Sample.objects.filter(project__slug="done").count()
