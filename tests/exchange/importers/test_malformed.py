"""What is wrong with a file is put right, or refused by name: nothing is guessed, nothing breaks."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest

from labeller.exchange import importers, importing, starting
from labeller.exchange.importers import jsons
from labeller.exchange.importers.base import NotTaken, Unreadable
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import SheetRow, rows, sheet
from labeller.learning.models import ForeignPrediction
from labeller.projects.models import LabelClass, Question
from labeller.samples.models import Deployment, Sample
from tests import factories
from tests.exchange.importers.examples import DEPLOYMENTS, MEDIA, OBSERVATIONS, as_coco, package, table
from tl_core.texts.reading.records import MAX_CELL

pytestmark = pytest.mark.django_db
BOX = [0.1, 0.2, 0.3, 0.4]
WHEN = "2026-05-02T12:00:00+02:00"
SEEN = ("human", "observer 1", "")


@pytest.fixture
def paths(foxes, sent):
    return [each.file.path for each in factories.samples(foxes.project, 4)]


def looked(foxes, file, **said):
    wanted = starting.of_path(foxes.question, file, **said)
    importing.look(wanted, lambda done, total: None)
    wanted.refresh_from_db()
    return wanted


def brought(foxes, file, **said):
    """What of it is not taken or was put right, as (reason, line), and the report."""
    wanted = looked(foxes, file, **said)
    assert not wanted.problem, wanted.problem
    importing.apply(wanted, lambda done, total: None)
    wanted.refresh_from_db()
    listed = csv.DictReader(wanted.list_path.open(encoding="utf-8", newline=""))
    return [(row["reason"], int(row["line"])) for row in listed], wanted.report


def written(tmp_path, told, name="md.json"):
    (tmp_path / name).write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return tmp_path / name


def detector(images, version="1.4", **more):
    info = {"info": {"format_version": version}} if version else {}
    return {**info, "detection_categories": {"1": "animal"}, "images": images, **more}


def one(path, bbox=BOX, conf=0.9, category="1"):
    return {"file": path, "detections": [{"category": category, "conf": conf, "bbox": bbox}]}


# --- the file as a whole --------------------------------------------------------------------------

GOOD = json.dumps(detector([one("a.jpg"), one("b.jpg"), one("c.jpg")]))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (json.dumps(detector([one("a.jpg")], version="2.0")), "wrong-version"),
        (json.dumps(detector([one("a.jpg")], version="")), "no-version"),
        (GOOD[:-90], "cut-off"),
        (GOOD + "}", "no-json"),
        (json.dumps(detector([one("a.jpg"), one("b.jpg", conf=float("nan"))])), "no-json"),
        ('{"images": [{"file": "a"}]}', "not-recognised"),
        ('["a.jpg", "b.jpg"]', "not-recognised"),
        ("", "not-recognised"),
        ("[" * 100_000, "not-recognised"),
    ],
)
def test_json_that_is_none_of_the_format_is_refused_by_name(foxes, paths, tmp_path, told, reason):
    wanted = looked(foxes, written(tmp_path, told))
    assert wanted.problem[0] == reason and wanted.look is None
    assert importing.apply(wanted, lambda done, total: None) and not ForeignPrediction.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_json_in_another_encoding_that_says_so_is_read(foxes, paths, tmp_path, encoding):
    file = tmp_path / "md.json"
    file.write_text(json.dumps(detector([one(paths[0])])), encoding=encoding)
    if encoding == "utf-16-le":
        file.write_bytes(b"\xff\xfe" + file.read_bytes())
    _wrong, report = brought(foxes, file)
    assert report["boxes"] == 1


def test_latin_1_in_json_is_refused(foxes, paths, tmp_path):
    file = tmp_path / "md.json"
    file.write_bytes(json.dumps(detector([one("caf\u00e9.jpg")]), ensure_ascii=False).encode("latin-1"))
    assert looked(foxes, file).problem[0] in {"no-json", "not-recognised"}


def test_a_zip_that_leads_out_is_read_without_what_does(foxes, paths, tmp_path):
    file = tmp_path / "set.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"fox/{paths[0].rpartition('/')[2]}", b"")
        archive.writestr("../badger/evil.jpg", b"")
        archive.writestr("/etc/evil.jpg", b"")
    wrong, report = brought(foxes, file)
    assert wrong == [("leads-out", 0), ("leads-out", 0)] and report["labels"] == 1
    assert not (tmp_path.parent / "badger").exists()


def test_a_damaged_zip_is_refused(foxes, tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("md.json", GOOD * 50)
    damaged = bytearray(content.getvalue())
    damaged[60:90] = bytes(30)
    (tmp_path / "md.zip").write_bytes(damaged)
    assert looked(foxes, tmp_path / "md.zip").problem[0] in {"broken-zip", "cannot-be-read"}
    (tmp_path / "cut.zip").write_bytes(content.getvalue()[:200])
    assert looked(foxes, tmp_path / "cut.zip").problem[0] == "not-recognised"


def test_a_table_that_is_a_spreadsheet_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    with pytest.raises(Unreadable, match="no-table"):
        importers.recognised(Input(tmp_path / "labels.csv"))


@pytest.mark.parametrize("others_limit", [131_072, 1 << 30])
def test_a_cell_without_an_end_costs_its_row(tmp_path, others_limit):
    (tmp_path / "labels.csv").write_text(f"file,label\na.jpg,fox\nb.jpg,{'x' * (MAX_CELL + 1)}\nc.jpg,hare\n")
    before = csv.field_size_limit(others_limit)
    try:
        given = Input(tmp_path / "labels.csv")
        read = list(rows(given, sheet(given, "labels.csv")))
    finally:
        csv.field_size_limit(before)
    assert [each["file"] for each in read if isinstance(each, SheetRow)] == ["a.jpg", "c.jpg"]
    assert [(each.line, each.reason) for each in read if isinstance(each, NotTaken)] == [(3, "not-csv")]


def test_a_package_without_its_tables_is_refused(foxes, paths, tmp_path):
    made = package(tmp_path, [], [], [])
    (made / "media.csv").unlink()
    assert "names no media" in looked(foxes, made).problem[1]


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (lambda path: one(path, [1.2, 0.1, 0.1, 0.1]), "box-outside"),
        (lambda path: one(path, [0.1, 0.1, 0.0, 0.1]), "box-empty"),
        (lambda path: one(path, [0.1, 0.1, -0.2, 0.1]), "box-empty"),
        (lambda path: one(path, [100, 100, 200, 200]), "box-outside"),
        (lambda path: one(path, [0.1, 0.1, 0.2]), "bad-box"),
        (lambda path: one(path, [0.1, 0.1, 0.2, "x"]), "bad-box"),
        (lambda path: one(path, None), "bad-box"),
        (lambda path: one(path, conf=1.7), "bad-number"),
        (lambda path: one(path, conf="sure"), "bad-number"),
        (lambda path: one(""), "no-path"),
        (lambda path: one(None), "no-path"),
        (lambda path: "a.jpg", "bad-row"),
        (lambda path: {"file": path, "detections": {"1": 2}}, "bad-row"),
        (lambda path: {"file": path, "detections": ["box"]}, "bad-row"),
        (lambda path: {"file": path, "detections": None}, "not-run"),
        (lambda path: {"file": path}, "not-run"),
        (lambda path: one("nowhere.jpg"), "no-file"),
        (lambda path: one(path + "\x00"), "no-file"),
    ],
)
def test_a_row_of_a_detector_is_refused_by_name_and_the_others_are_taken(foxes, paths, tmp_path, entry, reason):
    file = written(tmp_path, detector([one(paths[0]), entry(paths[1]), one(paths[2])]))
    wrong, report = brought(foxes, file)
    assert wrong == [(reason, 2)] and report["boxes"] == 2
    assert Sample.objects.filter(part="box").count() == 2


def test_a_box_that_sticks_out_is_cut_and_told(foxes, paths, tmp_path):
    wrong, _report = brought(foxes, written(tmp_path, detector([one(paths[0], [0.8, -0.1, 0.4, 0.5])])))
    assert wrong == [("box-cut", 1)]
    assert Sample.objects.get(part="box").box == (0.8, 0.0, 0.2, 0.4)


def test_the_same_picture_twice_is_taken_once(foxes, paths, tmp_path):
    wrong, report = brought(foxes, written(tmp_path, detector([one(paths[0]), one(paths[0], [0, 0, 1, 1])])))
    assert wrong == [("twice", 2)] and report["boxes"] == 1


def test_blank_failed_and_not_looked_at_are_three_things(foxes, paths, tmp_path):
    blank, failed = {"file": paths[0], "detections": []}, {"file": paths[1], "failure": "image access failure"}
    wrong, report = brought(foxes, written(tmp_path, detector([blank, failed, {"file": paths[2]}])))
    told = {each.sample.file.path: each for each in ForeignPrediction.objects.select_related("sample__file")}
    assert wrong == [("not-run", 3)] and (report["blanks"], report["failures"]) == (1, 1)
    assert told[paths[0]].category == "" and told[paths[0]].suggestions == [[foxes.class_id("empty"), 1.0]]
    assert told[paths[1]].failure == "image access failure" and told[paths[1]].suggestions == []
    assert paths[2] not in told


def test_the_list_with_boxes_in_pixels_is_put_in_proportion(foxes, paths, tmp_path):
    found = [{"category": "animal", "confidence": 0.9, "bbox": [64, 96, 320, 240]}]
    entries = [{"file": paths[0], "detections": found}, {"file": paths[1], "detections": []}]
    entries.append({"file": paths[2], "detections": [{**found[0], "bbox": [700, 0, 800, 10]}]})
    wrong, report = brought(foxes, written(tmp_path, entries))
    assert Sample.objects.get(part="box").box == (0.1, 0.2, 0.4, 0.3)
    assert wrong == [("box-outside", 3)] and report["blanks"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda told: told["images"][1].update(id=0), "same-id"),
        (lambda told: told["annotations"][-2].update(id=0), "same-id"),
        (lambda told: told["annotations"][-2].update(category_id=99), "no-such-id"),
        (lambda told: told["annotations"][-2].update(image_id=99), "no-such-id"),
        (lambda told: told["annotations"][-1].update(bbox=[9000, 0, 10, 10]), "box-outside"),
        (lambda told: told["annotations"][-1].update(bbox=[1, 2, 3]), "bad-box"),
        (lambda told: told["images"][1].update(file_name=""), "no-path"),
        (lambda told: told["annotations"].append("x"), "bad-row"),
    ],
)
def test_ids_of_coco_are_right_or_refused(foxes, paths, tmp_path, change, reason):
    told = as_coco(paths)
    told["images"][0]["file_name"] = paths[3]
    told["images"].pop()
    told["annotations"] = [each for each in told["annotations"] if each["image_id"] < 4]
    change(told)
    wrong, _report = brought(foxes, written(tmp_path, told, "coco.json"))
    assert reason in {each for each, _line in wrong}


def test_an_image_of_coco_whose_size_is_another_copys_has_its_boxes_in_place(foxes, paths, tmp_path):
    told = as_coco(paths)
    told["images"][3].update(width=1280, height=960)
    told["annotations"] = [{"id": 1, "image_id": 3, "category_id": 1, "bbox": [128, 96, 128, 96]}]
    brought(foxes, written(tmp_path, told, "coco.json"))
    assert Sample.objects.get(part="box").box == (0.1, 0.1, 0.1, 0.1)


# --- tables ---------------------------------------------------------------------------------------


def csv_file(tmp_path, rows, columns=("path", "species"), **options):
    return table(tmp_path / "labels.csv", columns, rows, **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_separators_and_encodings_of_tables_are_seen(foxes, paths, tmp_path, encoding, delimiter):
    brought(
        foxes,
        csv_file(tmp_path, [(paths[0], "Fuchs"), (paths[1], "Dohle\u00e9")], encoding=encoding, delimiter=delimiter),
    )
    assert LabelClass.objects.filter(name__in=["Fuchs", "Dohle\u00e9"]).count() == 2


def test_rows_of_a_table_are_refused_by_name(foxes, paths, tmp_path):
    rows = [(paths[0], "fox"), ("", "fox"), (paths[1], ""), (paths[2], "fox", "more"), (paths[3], "x" * 300)]
    wrong, report = brought(foxes, csv_file(tmp_path, rows))
    assert wrong == [("no-path", 3), ("no-class", 4), ("more-cells", 5), ("bad-class", 6)]
    assert report["labels"] == 1


def test_a_cell_in_another_encoding_far_below_is_refused(foxes, paths, tmp_path):
    file = csv_file(tmp_path, [(paths[0], "fox")] * 5_000)
    file.write_bytes(file.read_bytes() + f"{paths[1]},bl".encode() + b"\xe4rlauch\n")
    wrong, report = brought(foxes, file)
    assert [each for each in wrong if each[0] != "twice"] == [("wrong-encoding", 5_002)] and report["labels"] == 1


def test_one_picture_with_two_answers_has_none(foxes, paths, tmp_path):
    wrong, report = brought(foxes, csv_file(tmp_path, [(paths[0], "fox"), (paths[1], "fox"), (paths[0], "badger")]))
    assert wrong == [("several-classes", 2)] and report["labels"] == 1


@pytest.mark.parametrize(("score", "taken"), [("0.8", 0.8), ("0,8", 0.8), ("80 %", 0.8), ("80", 0.8), ("", None)])
def test_probabilities_are_read_as_people_write_them(foxes, paths, tmp_path, score, taken):
    file = csv_file(tmp_path, [(paths[0], "fox", score), (paths[1], "fox", "180")], ("path", "species", "score"))
    wrong, _report = brought(foxes, file)
    assert ForeignPrediction.objects.get().confidence == taken and wrong == [("bad-number", 3)]


def test_what_people_said_stands(foxes, paths, tmp_path):
    sample = Sample.objects.get(file__path=paths[0])
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("badger"))
    wrong, _report = brought(foxes, csv_file(tmp_path, [(paths[0], "fox"), (paths[1], "fox")]))
    assert wrong == [("people", 2)] and foxes.question.labels.filter(annotator=None).count() == 1


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("D:\\season\\{}", 1), ("/mnt/disk/{}", 1), ("./{}", 1), ("{}", 1), ("Fox/0000.JPG", 0),
    ],
)  # fmt: skip
def test_paths_from_elsewhere_find_their_pictures(foxes, paths, tmp_path, name, given):
    rows = [
        (name.format(path.replace("/", "\\") if "\\" in name else path), "fox") for path in paths[: 4 if given else 1]
    ]
    _wrong, report = brought(foxes, csv_file(tmp_path, rows))
    assert report["labels"] == len(rows)


def test_a_name_that_several_pictures_have_is_none(foxes, paths, tmp_path):
    wrong, _report = brought(foxes, csv_file(tmp_path, [(paths[0], "fox"), ("0001.jpg", "fox")]))
    assert wrong == []
    other = factories.samples(foxes.project, 1)[0].file
    other.path = "north/0001.jpg"
    other.save()
    wrong, _report = brought(foxes, csv_file(tmp_path, [(paths[0], "fox"), ("0001.jpg", "fox")]))
    assert wrong == [("several-files", 3)]


# --- events, times, places ------------------------------------------------------------------------


def media(paths, when=WHEN, deployment="north"):
    return [(f"m{number}", deployment, when, path, "true", "image/jpeg") for number, path in enumerate(paths)]


def observed(number, medium, name="Vulpes vulpes", box=("", "", "", ""), **said):
    told = {"level": "media", "type": "animal", "start": WHEN, "end": WHEN, "deployment": "north", **said}
    return (f"o{number}", told["deployment"], medium, told["start"], told["end"], told["level"], told["type"], name,
            *box, *SEEN)  # fmt: skip


def test_a_package_with_orphans_and_duplicates_is_put_right_or_refused(foxes, paths, tmp_path):
    rows = [*media(paths), ("m0", "north", WHEN, "again.jpg", "true", "image/jpeg")]
    said = [observed(0, "m0"), observed(0, "m1"), observed(2, "m9"), observed(3, "m2", box=(0.1, 0.1, 2, "x"))]
    wrong, report = brought(foxes, package(tmp_path, [], rows, said))
    assert {each for each, _line in wrong} == {"deployment-made", "same-id", "no-such-id", "bad-box"}
    assert Deployment.objects.get(name="north").files.count() == 4 and report["labels"] == 1


def test_what_is_said_of_an_event_is_said_of_its_pictures(foxes, paths, tmp_path):
    rows = [
        ("m0", "north", "2026-05-02T12:00:00+02:00", paths[0], "true", "image/jpeg"),
        ("m1", "north", "2026-05-02T12:00:05+02:00", paths[1], "true", "image/jpeg"),
        ("m2", "north", "2026-05-02T13:00:00+02:00", paths[2], "true", "image/jpeg"),
        ("m3", "south", "2026-05-02T12:00:00+02:00", paths[3], "true", "image/jpeg"),
    ]
    event = {"level": "event", "start": "2026-05-02T10:00:00Z", "end": "2026-05-02T10:00:10Z"}
    never = {**event, "start": "2026-06-02T10:00:00Z", "end": "2026-06-02T10:00:10Z"}
    made = package(tmp_path, [], rows, [observed(0, "", **event), observed(1, "", **never)])
    wrong, report = brought(foxes, made, zone="Europe/Amsterdam")
    assert report["labels"] == 2 and sorted(each for each, _ in wrong if "event" in each or "medium" in each) == [
        "event-spread", "event-spread", "no-medium",
    ]  # fmt: skip


def test_names_of_columns_before_1_0_are_read(foxes, paths, tmp_path):
    old = ("deploymentID", "locationName", "latitude", "longitude", "start", "end")
    made = package(
        tmp_path, [("north", "brook", 52.1, 5.2, "2026-05-01T00:00:00Z", "2026-05-31T00:00:00Z")], media(paths), [],
        names=(old, MEDIA, OBSERVATIONS), profile="https://x/camtrap-dp/0.6/camtrap-dp-profile.json",
    )  # fmt: skip
    wrong, _report = brought(foxes, made)
    assert {each for each, _line in wrong} == {"old-name"} and Deployment.objects.get(name="north").start.day == 1


@pytest.mark.parametrize(
    ("text", "zone", "hour", "told"),
    [
        ("2026-05-02T12:00:00+02:00", "", 12, set()),
        ("2026-05-02T10:00:00Z", "Europe/Amsterdam", 12, set()),
        ("2026-05-02T12:00:00", "Europe/Amsterdam", 12, {"no-zone"}),
        ("2026:05:02 12:00:00", "", 12, {"no-zone"}),
        ("02.05.2026 12:00", "", 12, {"no-zone"}),
        ("02/05/2026 12:00", "", None, {"bad-date", "no-zone"}),
        ("22/05/2026 12:00 PM", "", 12, {"no-zone"}),
        ("2026-02-30T12:00:00Z", "", None, {"bad-date"}),
        ("noon", "", None, {"bad-date", "no-zone"}),
        ("0001-01-01T00:00:00Z", "Europe/Amsterdam", None, {"bad-date"}),
    ],
)
def test_a_time_is_the_places_or_refused(foxes, paths, tmp_path, text, zone, hour, told):
    made = package(tmp_path, [("north", "", "", "", "", "")], media(paths[:1], text), [])
    wrong, _report = brought(foxes, made, zone=zone)
    file = Sample.objects.get(file__path=paths[0]).file
    assert (file.taken_at.hour if file.taken_at else None) == hour and {each for each, _ in wrong} == told


def test_a_zone_that_is_none_is_refused(foxes, paths, tmp_path):
    made = package(tmp_path, [], media(paths), [])
    assert looked(foxes, made, zone="Mars/Olympus").problem == ["no-such-zone", "Mars/Olympus"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ((95, 5.2, "", ""), "bad-place"),
        ((52.1, "", "", ""), None),
        (("north", 5.2, "", ""), "bad-number"),
        ((52.1, 5.2, "2026-06-01T00:00:00Z", "2026-05-01T00:00:00Z"), "ends-first"),
        ((52.1, 5.2, "2026-02-30T00:00:00Z", ""), "bad-date"),
    ],
)
def test_a_deployment_is_somewhere_and_ends_after_its_start(foxes, paths, tmp_path, place, reason):
    made = package(
        tmp_path, [("north", "brook", *place), ("south", "", "", "", "", "")], media(paths, WHEN, "south"), []
    )
    wrong, _report = brought(foxes, made)
    assert {each for each, _line in wrong} == ({reason} if reason else set())
    assert Deployment.objects.filter(name="south").exists()


def test_what_is_known_of_a_deployment_is_not_written_over(foxes, paths, tmp_path):
    Deployment.objects.create(project=foxes.project, name="north", location_name="mill", latitude=1, longitude=2)
    made = package(tmp_path, [("north", "brook", 52.1, 5.2, WHEN, "")], media(paths), [])
    wrong, _report = brought(foxes, made)
    north = Deployment.objects.get(name="north")
    assert [each for each, _line in wrong] == ["kept"] * 3
    assert (north.location_name, north.latitude, north.start.hour) == ("mill", 1.0, 12)


# --- taxa -----------------------------------------------------------------------------------------


def test_taxa_become_a_tree_and_those_below_themselves_are_refused(foxes, paths, tmp_path):
    taxa = ["u;mammalia;carnivora;canidae;vulpes;vulpes;red fox", "u;aves;;;;;bird", "u;mammalia;canidae;canidae;x;y;z",
            "u;;;;;;human"]  # fmt: skip
    told = [
        {"filepath": path, "prediction": name, "prediction_score": 0.9, "detections": []}
        for path, name in zip(paths, taxa, strict=True)
    ]
    brought(foxes, written(tmp_path, {"predictions": told}, "speciesnet.json"))
    fox = LabelClass.objects.get(name="red fox")
    above = []
    while (fox := fox.parent) is not None:
        above.append(fox.name)
    assert above == ["Vulpes", "Canidae", "Carnivora", "Mammalia"]
    assert LabelClass.objects.get(name="bird").parent is None
    assert LabelClass.objects.get(name="red fox").scientific_name == "Vulpes vulpes"
    assert ForeignPrediction.objects.count() == 4


@pytest.mark.parametrize(
    ("names", "line", "reason"),
    [
        ("names: [fox, badger]", "0 0.5 0.5 0.2 0.2", ""),
        ("names:\n- fox\n- badger\n", "1 0.5 0.5 0.2 0.2", ""),
        ("names:\n  1: badger\n  0: fox\n", "0 0.5 0.5 0.2 0.2", ""),
        ("names: [fox]", "7 0.5 0.5 0.2 0.2", "no-such-id"),
        ("names: [fox]", "0 1.5 0.5 0.2 0.2", "box-outside"),
        ("names: [fox]", "0 0.1 0.1 0.2 0.2 0.3 0.3", "bad-box"),
        ("names: [fox]", "fox 0.5 0.5 0.2 0.2", "bad-box"),
        ("names: [fox]", "0 0.95 0.5 0.2 0.2", "box-cut"),
    ],
)
def test_lines_of_yolo_are_boxes_or_refused(foxes, paths, tmp_path, names, line, reason):
    made = tmp_path / "set"
    (made / "labels" / "fox").mkdir(parents=True)
    (made / "data.yaml").write_text(names)
    (made / "labels" / "fox" / "0000.txt").write_text(line)
    wrong, report = brought(foxes, made)
    assert [each for each, _line in wrong] == ([reason] if reason else [])
    assert report["labels"] == (reason in {"", "box-cut"})


def test_levels_of_json_are_counted_whatever_strings_hold():
    random = np.random.default_rng(0)
    signs = list('[]{}"\\ab\n')
    for _ in range(100):
        told = [{"".join(random.choice(signs, 5)): "".join(random.choice(signs, 30))} for _ in range(10)]
        stream = jsons.Shallow(io.BytesIO(json.dumps(told).encode()))
        while stream.read(int(random.integers(1, 7))):
            pass
    for deep in (b"[" * 1_000, b'{"a":' * 1_000, (b"[" * 60 + b"]" * 10) * 5):
        stream = jsons.Shallow(io.BytesIO(deep))
        with pytest.raises(Unreadable, match="levels"):
            while stream.read(100):
                pass


def test_what_is_told_besides_answers_the_questions_that_follow(foxes, paths, tmp_path):
    sex = Question.objects.create(project=foxes.project, key="sex", text="Which sex?", follows=foxes.question)
    columns = (*OBSERVATIONS, "sex")
    said = [(*observed(0, "m0"), "female"), (*observed(1, "m1"), ""), (*observed(2, "m2", box=BOX), "male")]
    said.append((*observed(3, "m2", "Meles meles", box=BOX), "female"))
    wrong, _report = brought(foxes, package(tmp_path, [], media(paths), said, names=(DEPLOYMENTS, MEDIA, columns)))
    assert {each for each, _line in wrong} == {"deployment-made", "several-classes"}
    told = sex.labels.values_list("sample__file__path", "classes__name")
    assert list(told) == [(paths[0], "female")]
