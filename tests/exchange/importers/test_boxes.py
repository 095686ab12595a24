"""A detector's boxes become samples like all others: embedded, ranked with what the detector said, and cropped."""

import json

import pytest

from labeller.embedding import loading, runs
from labeller.exchange import importing, starting
from labeller.labels import tallies
from labeller.learning import rounds
from labeller.learning.models import ForeignPrediction, RoundEntry
from labeller.projects.making import ensure_class
from labeller.samples import ingesting
from labeller.samples.models import Refusal, Sample
from tests import factories

pytestmark = pytest.mark.django_db


def detections(folder, paths, *confidences):
    found = [{"category": "1", "conf": p, "bbox": [0.1 * at, 0.1, 0.3, 0.4]} for at, p in enumerate(confidences)]
    told = {"info": {"format_version": "1.4", "detector": "md"}, "detection_categories": {"1": "animal"}}
    file = folder / "md.json"
    file.write_text(json.dumps({**told, "images": [{"file": path, "detections": found} for path in paths]}))
    return file


def brought(foxes, file, **said):
    wanted = starting.of_path(foxes.question, file, **said)
    importing.ask(wanted)
    factories.work("import")
    importing.ask(wanted, importing.APPLY)
    factories.work("import")
    wanted.refresh_from_db()
    assert wanted.applied_at and not wanted.problem
    return wanted.report


@pytest.fixture
def names(foxes, folder):
    for number in range(3):
        factories.photograph(folder / f"{number}.png", number)
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed")
    return sorted(each.name for each in folder.iterdir())


def test_boxes_are_embedded_and_ranked_as_all_samples_are(foxes, names, tmp_path):
    ensure_class(foxes.question, "animal")
    report = brought(foxes, detections(tmp_path, ["0.png", "1.png"], 0.9, 0.55, 0.05))
    assert report["boxes"] == 4 and Sample.objects.filter(part="box").count() == 4  # below .1 it is none
    assert not tallies.off(foxes.project)
    factories.work("embed")
    embedded = loading.load_embeddings(runs.current_run(foxes.project))
    assert sorted(embedded.ids.tolist()) == sorted(Sample.objects.values_list("pk", flat=True))
    rounds.switch(rounds.rank(foxes.question))
    first = RoundEntry.objects.filter(round__is_current=True).order_by("rank").first()
    assert first.sample.part == "box" and first.suggested_by == "md"
    assert first.suggestions == [[foxes.class_id("animal"), 0.55]]


def test_the_threshold_is_chosen_and_a_lower_one_adds_the_rest(foxes, names, tmp_path):
    file = detections(tmp_path, ["0.png"], 0.9, 0.5, 0.2)
    assert brought(foxes, file, least="0.6")["boxes"] == 1
    first = set(Sample.objects.filter(part="box").values_list("pk", flat=True))
    assert brought(foxes, file)["boxes"] == 3
    assert first < set(Sample.objects.filter(part="box").values_list("pk", flat=True))
    kept = ForeignPrediction.objects.filter(sample__part="box").order_by("-confidence")
    assert list(kept.values_list("category", "confidence")) == [("animal", 0.9), ("animal", 0.5), ("animal", 0.2)]


def test_a_copy_of_a_picture_is_that_picture(foxes, names, tmp_path):
    (twin,) = Refusal.objects.filter(reason="duplicate").values_list("path", flat=True)
    report = brought(foxes, detections(tmp_path, [twin], 0.9))
    assert report["boxes"] == 1 and Sample.objects.get(part="box").file.path in {"0.png", "copy.png"} - {twin}
