"""People in what leaves: pictures of them stay, or go out blurred, or are asked for; what was observed goes out."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from labeller.exchange import making
from labeller.exchange.exporters import EXPORTERS
from labeller.learning import accepting, foreign
from labeller.learning.foreign import Predicted
from labeller.samples import hiding, parts
from labeller.samples.models import File, Sample
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db
WITH_PICTURES = ("hugging-face", "image-folder", "yolo")
SPOTTED = "burst2.jpg"  # labelled blank, and a detector says that somebody is in it


def file_named(name):
    return File.objects.get(path__endswith=f"/{name}")


@pytest.fixture
def spotted(full):
    """A detector says of a picture that people called blank that somebody is in it, right in the middle."""
    (box,) = parts.add_boxes(full.project, [(file_named(SPOTTED).pk, (0.4, 0.4, 0.2, 0.2))])
    foreign.store(foreign.model(full.question, "md"), [Predicted(box, "person", 0.9)])
    return full


def pictures(folder):
    """Pictures of an export by the ends of their names."""
    found = [path for path in folder.rglob("*.jpg")]
    return {path.name.rpartition("__")[2]: path for path in found}


def colours(path):
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


@pytest.mark.parametrize("name", WITH_PICTURES)
def test_pictures_of_people_are_left_out_unless_asked_for(spotted, written, name):
    person = "a..b.jpg"
    folder, manifest = written(name, pictures="copy")
    assert SPOTTED not in pictures(folder) and person not in pictures(folder)
    assert manifest["notes"][0] == "Left out, for they show people: 2 pictures."
    folder, manifest = written(name, people="yes", pictures="copy")
    shown = pictures(folder)
    assert (SPOTTED in shown) and (person in shown) == (name != "yolo")  # of which nobody drew a box
    original = Path(file_named(SPOTTED).source.path) / file_named(SPOTTED).path
    assert shown[SPOTTED].read_bytes() == original.read_bytes() and not [n for n in manifest["notes"] if "people" in n]


@pytest.mark.parametrize("name", ["hugging-face", "image-folder"])
def test_blurred_are_the_boxes_of_people_and_without_one_the_whole(spotted, written, name):
    folder, manifest = written(name, people="blur", pictures="copy")
    assert "Blurred, for they show people: 2 pictures." in manifest["notes"]
    for file_name, has_box in ((SPOTTED, True), ("a..b.jpg", False)):
        file = file_named(file_name)
        before = np.asarray(Image.open(Path(file.source.path) / file.path).convert("RGB"), np.int16)
        after = colours(pictures(folder)[file_name])
        changed = np.abs(before - after).max(axis=2) > 12
        height, width = changed.shape
        assert before.shape == after.shape
        if has_box:
            assert not changed[: height // 4].any() and not changed[:, : width // 4].any()
        detail = np.abs(np.diff(after[height // 2 - 4 : height // 2 + 4], axis=1)).max()
        assert detail <= np.abs(np.diff(before[height // 2 - 4 : height // 2 + 4], axis=1)).max()


def test_nothing_of_the_original_survives_beside_the_pixels(spotted, written):
    """The small picture that cameras put into EXIF would show who was there; nor is it a link."""
    file = file_named(SPOTTED)
    original = Path(file.source.path) / file.path
    small = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(small, "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "someone"
    Image.open(original).convert("RGB").save(original, exif=exif.tobytes(), comment=b"someone " + small.getvalue())
    folder, _ = written("hugging-face", people="blur", pictures="link")
    path = pictures(folder)[SPOTTED]
    assert not path.is_symlink()
    content = path.read_bytes()
    assert b"someone" not in content and b"Exif" not in content and content.count(b"\xff\xd8\xff") == 1
    others = [each for key, each in pictures(folder).items() if key not in (SPOTTED, "a..b.jpg")]
    assert others and all(each.is_symlink() for each in others)


def test_a_zip_holds_the_blurred_picture(spotted, tmp_path):
    folder = tmp_path / "zipped"
    wanted = season.wanted(spotted, "image-folder", people="blur")
    making.write(EXPORTERS["image-folder"], wanted, folder, lambda *args, **kwargs: None, is_zipped=True)
    assert not pictures(folder)[SPOTTED].is_symlink()


@pytest.mark.parametrize("name", ["coco-camera-traps", "megadetector", "coco"])
def test_formats_without_pictures_name_none_of_people(spotted, written, name):
    folder, manifest = written(name)
    text = "".join(path.read_text() for path in folder.rglob("*.json") if path.name != "manifest.json")
    assert SPOTTED not in text and "Left out, for they show people: 2 pictures." in manifest["notes"]
    folder, _ = written(name, people=True)
    assert SPOTTED in "".join(path.read_text() for path in folder.rglob("*.json"))


def test_in_camtrap_dp_observations_stay_and_what_is_hidden_is_not_public(spotted, written):
    hiding.tell(file_named("night0.jpg"), hiding.Word.HIDE)
    folder, _ = written("camtrap-dp")
    with (folder / "media.csv").open(newline="", encoding="utf-8") as file:
        public = {row["fileName"]: row["filePublic"] for row in csv.DictReader(file)}
    assert {name for name, value in public.items() if value == "false"} == {SPOTTED, "a..b.jpg", "night0.jpg"}
    with (folder / "observations.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    keys = {row["mediaID"] for row in rows}
    assert file_named(SPOTTED).sha256[:16] in keys and "human" in {row["observationType"] for row in rows}


def test_what_a_manager_uncovered_goes_out(spotted, written):
    hiding.tell(file_named(SPOTTED), hiding.Word.SHOW)
    folder, _ = written("image-folder", pictures="copy")
    assert SPOTTED in pictures(folder)


def test_nothing_is_accepted_of_what_is_hidden(foxes, sent, monkeypatch):
    """No audit speaks for pictures that nobody is asked about."""
    one, two = factories.samples(foxes.project, 2)
    head = SimpleNamespace(run=None, mix="")
    rule = SimpleNamespace(pk=1, question=foxes.question, created_at=None, head=head)
    monkeypatch.setattr(accepting.loading, "load_embeddings", lambda *_: None)
    monkeypatch.setattr(accepting, "_sure", lambda *_: {each.pk: ((1,), 0.9) for each in (one, two)})
    hiding.tell(one.file, hiding.Word.HIDE)
    assert set(accepting.accepted(rule)) == {two.pk}


def test_an_export_asked_for_before_there_was_blurring_is_made_as_it_was_meant(foxes):
    exporter = EXPORTERS["image-folder"]
    assert exporter.filled({"people": True})["people"] == "yes" and exporter.filled({"people": False})["people"] == "no"
    assert Sample.objects.count() == 0
