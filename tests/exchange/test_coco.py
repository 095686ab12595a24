"""What formats of detectors hold: COCO, COCO Camera Traps, YOLO and MegaDetector's; read by those whose they are."""

import csv
import json
import uuid

import pytest
from pycocotools import coco

from labeller.exchange.exporters.splits import NAMES, part_of
from labeller.projects.models import LabelClass
from labeller.samples import boxing
from labeller.samples.boxing import Wish
from labeller.samples.models import File, Sample
from tests import factories
from tests.exchange import season

pytestmark = pytest.mark.django_db


def by_name(document, key="file_name"):
    return {each[key].rpartition("/")[2]: each for each in document["images"]}


# --- COCO Camera Traps ----------------------------------------------------------------------------


def test_camera_traps_have_sequences_blanks_and_who_decided(written):
    folder, manifest = written("coco-camera-traps")
    found = json.loads((folder / "coco_camera_traps.json").read_text())
    images, categories = by_name(found), {each["id"]: each["name"] for each in found["categories"]}
    assert categories[0] == "empty" and "blank" not in categories.values()
    burst = [images[f"burst{number}.jpg"] for number in range(4)]
    assert len({each["seq_id"] for each in burst}) == 1
    assert [(each["frame_num"], each["seq_num_frames"]) for each in burst] == [(number, 4) for number in range(4)]
    assert burst[0]["datetime"] == "2024-06-01 14:00:00" and burst[0]["location"] == "north/cam 0"
    said = {}
    for each in found["annotations"]:
        said.setdefault(each["image_id"], []).append(each)
    (blank,) = said[images["night0.jpg"]["id"]]
    assert (blank["category_id"], blank["count"], blank["decided_by"]) == (0, 0, "ana")
    boxes = said[burst[1]["id"]]
    assert [each["bbox"] for each in boxes] == [[6.4, 9.6, 16.0, 24.0], [25.6, 9.6, 16.0, 24.0]]
    assert (boxes[0]["count"], boxes[0]["sex"], boxes[0]["decided_how"]) == (2, "female", "imported")
    (machine,) = said[images["IMG_0006.jpg"]["id"]]
    assert (machine["decided_how"], machine["probability"]) == ("machine", 0.97)
    assert images["burst3.jpg"]["id"] not in said, "nobody looked at it"
    assert "a..b.jpg" not in images and manifest["notes"] == ["Left out, for they show people: 1 pictures."]


def test_people_go_out_where_they_are_asked_for(written):
    folder, _ = written("coco-camera-traps", people=True)
    assert "a..b.jpg" in by_name(json.loads((folder / "coco_camera_traps.json").read_text()))


# --- COCO -----------------------------------------------------------------------------------------


def test_coco_is_read_by_its_own_tools(written):
    folder, _ = written("coco")
    found = coco.COCO(str(folder / "annotations" / "instances.json"))
    (fox,) = found.getCatIds(catNms=["red fox"])
    (image,) = found.getImgIds(catIds=[fox])
    assert found.loadImgs([image])[0]["file_name"] == "north/cam 0/burst1.jpg"
    boxes = found.loadAnns(found.getAnnIds(imgIds=[image]))
    assert [(each["bbox"], each["area"]) for each in boxes] == [
        ([6.4, 9.6, 16.0, 24.0], 384.0),
        ([25.6, 9.6, 16.0, 24.0], 384.0),
    ]
    negatives = {each["file_name"].rpartition("/")[2] for each in found.loadImgs(found.getImgIds())} - {"burst1.jpg"}
    assert negatives == {season.ODD[2], "burst2.jpg", "night0.jpg", "night1.jpg"}, "blank, and nothing else"


def test_boxes_go_out_as_people_left_them(written, full):
    """Of two boxes in a photograph one is moved and one taken away, and a third is drawn and labelled."""
    first, second = Sample.objects.filter(part="box", file__path__endswith="burst1.jpg").order_by("pk")

    def put(box, of=None):
        fields = {"project": full.project, "author": full.ana, "beside": first.pk, "of": of and of.pk}
        return boxing.fulfil(Wish(uuid=uuid.uuid4(), box=box, **fields)).edit

    put((0.5, 0.5, 0.25, 0.5), first)
    put(None, second)
    drawn = put((0.0, 0.0, 0.25, 0.25)).sample
    factories.label(full.question, drawn, full.ana, full.class_id("deer"))
    folder, _ = written("coco")
    found = coco.COCO(str(folder / "annotations" / "instances.json"))
    (image,) = [each["id"] for each in found.loadImgs(found.getImgIds()) if each["file_name"].endswith("burst1.jpg")]
    said = found.loadAnns(found.getAnnIds(imgIds=[image]))
    names = {each["id"]: each["name"] for each in found.loadCats(found.getCatIds())}
    assert [(names[each["category_id"]], each["bbox"]) for each in said] == [
        ("red fox", [32.0, 24.0, 16.0, 24.0]),
        ("deer", [0.0, 0.0, 16.0, 12.0]),
    ]


# --- parts ----------------------------------------------------------------------------------------


def test_parts_are_frozen_and_never_share_a_camera_or_an_event(written, full, tmp_path):
    of = {}
    for by in ("camera", "event"):
        folder = tmp_path / by
        season.write(full, "coco", folder, split="70-15-15", split_by=by, seed=3)
        for part in NAMES:
            found = json.loads((folder / "annotations" / f"instances_{part}.json").read_text())
            for image in found["images"]:
                of.setdefault((by, image["file_name"]), part)
    assert len({part for (by, path), part in of.items() if by == "event" and "night" in path}) == 1
    assert len({part for (by, path), part in of.items() if by == "camera" and "cam 0" in path}) == 1


def test_parts_have_the_sizes_that_were_asked_for_and_follow_from_seed_and_name():
    shares = [70, 15, 15]
    drawn = [part_of(f"camera {number}", 1, shares) for number in range(4000)]
    for name, share in zip(NAMES, shares, strict=True):
        assert abs(drawn.count(name) / 40 - share) < 3
    assert drawn == [part_of(f"camera {number}", 1, shares) for number in range(4000)]
    assert drawn != [part_of(f"camera {number}", 2, shares) for number in range(4000)]
    assert "test" not in {part_of(f"camera {number}", 1, [80, 20, 0]) for number in range(500)}


# --- YOLO -----------------------------------------------------------------------------------------


def test_yolo_has_a_label_file_for_each_picture_where_it_is_looked_for(written, full):
    folder, _ = written("yolo", pictures="copy")
    names = [line.split(": ")[1] for line in (folder / "data.yaml").read_text().partition("names:")[2].splitlines()[1:]]
    fox = names.index('"red fox"')
    assert (folder / "labels" / "all" / "north" / "cam 0" / "burst1.txt").read_text().splitlines() == [
        f"{fox} 0.225000 0.450000 0.250000 0.500000",
        f"{fox} 0.525000 0.450000 0.250000 0.500000",
    ]
    assert (folder / "labels" / "all" / "north" / "cam 1" / "night0.txt").read_text() == ""
    pictures = {path.relative_to(folder / "images").with_suffix("") for path in (folder / "images").rglob("*.jpg")}
    labels = {path.relative_to(folder / "labels").with_suffix("") for path in (folder / "labels").rglob("*.txt")}
    assert pictures == labels and len(labels) == 5
    with (folder / "boxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["class"], row["decided_how"], row["decided_by"]) for row in rows] == [
        ("red fox", "imported", ""),
        ("red fox", "human", "ana"),
    ]


def test_pictures_whose_names_differ_in_their_suffix_alone_keep_their_own_boxes(full, tmp_path):
    one, two = File.objects.filter(path__contains="night").order_by("pk")
    for file, name in ((one, "same.jpg"), (two, "same.png")):
        old = tmp_path / "card" / file.path
        old.rename(old.with_name(name))
        File.objects.filter(pk=file.pk).update(path=f"north/cam 1/{name}")
    season.write(full, "yolo", tmp_path / "out", pictures="link")
    for kind, suffixes in (("images", (".jpg", ".png")), ("labels", (".txt", ".txt"))):
        folder = tmp_path / "out" / kind / "all" / "north" / "cam 1"
        assert sorted(path.name for path in folder.iterdir()) == [f"same{suffixes[0]}", f"same_2{suffixes[1]}"]


# --- MegaDetector ---------------------------------------------------------------------------------


def test_megadetectors_keeps_to_what_timelapse_reads(written, full):
    LabelClass.objects.filter(name="deer").update(name="Animal", folded="animal")
    folder, manifest = written("megadetector")
    found = json.loads((folder / "megadetector.json").read_text())
    assert found["info"]["format_version"] == "1.6"
    named = found["classification_categories"]
    assert found["classification_category_descriptions"].keys() == named.keys()
    assert len(set(named.values())) == len(named) and "Animal" not in named.values()
    fox = next(key for key, name in named.items() if name == "red fox")
    assert found["classification_category_descriptions"][fox] == ";;;;vulpes;vulpes;red fox"
    images = by_name(found, "file")
    assert images["night0.jpg"]["detections"] == []
    assert "burst3.jpg" not in images and "IMG_0000.jpg" not in images
    boxes = images["burst1.jpg"]["detections"]
    assert [each["bbox"] for each in boxes] == [[0.1, 0.2, 0.25, 0.5], [0.4, 0.2, 0.25, 0.5]]
    assert boxes[0]["classifications"] == [[fox, 1.0]]
    (whole,) = images["IMG_0006.jpg"]["detections"]
    assert (whole["conf"], whole["bbox"], whole["category"]) == (0.97, [0, 0, 1, 1], "1")
    (plain,) = images["IMG_0002.jpg"]["detections"]
    assert "classifications" not in plain, "Timelapse warns where a class is called as a detection is"
    assert any("no word for unknown and set-up: 3 pictures" in note for note in manifest["notes"])


def test_a_picture_without_an_answer_is_in_none_of_the_detectors_files(foxes, tmp_path):
    factories.samples(foxes.project, 3)
    for name, key in (("coco", "annotations/instances.json"), ("megadetector", "megadetector.json")):
        season.write(foxes, name, tmp_path / name)
        assert json.loads((tmp_path / name / key).read_text())["images"] == []
