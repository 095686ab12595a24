"""A small file of each format that is read, of pictures by their paths; the first row is of none that is there."""

import csv
import json
import zipfile

NOWHERE = "nowhere/0000.jpg"


def megadetector(folder, paths):
    """A third animals with a box, a third blank, a third not looked at."""
    box = [0.1, 0.2, 0.3, 0.4]
    images = [
        {"file": path, "detections": [{"category": "1", "conf": 0.9, "bbox": box}] if number % 3 == 0 else []}
        if number % 3 < 2
        else {"file": path, "failure": "image access failure"}
        for number, path in enumerate([NOWHERE, *paths])
    ]
    info = {"format_version": "1.4", "detector": "md_v5a"}
    file = folder / "md.json"
    categories = {"1": "animal", "2": "person", "3": "vehicle"}
    file.write_text(json.dumps({"images": images, "detection_categories": categories, "info": info}))
    return file


def table(file, columns, rows, **options):
    """A CSV file of these columns."""
    with file.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as target:
        writer = csv.writer(target, **options)
        writer.writerow(columns)
        writer.writerows(rows)
    return file


CAMTRAP = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/camtrap-dp-profile.json"
DEPLOYMENTS = ("deploymentID", "locationName", "latitude", "longitude", "deploymentStart", "deploymentEnd")
MEDIA = ("mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileMediatype")
OBSERVATIONS = (
    "observationID", "deploymentID", "mediaID", "eventStart", "eventEnd", "observationLevel", "observationType",
    "scientificName", "bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationMethod", "classifiedBy",
    "classificationProbability",
)  # fmt: skip
DAY = ("2026-05-01T00:00:00+02:00", "2026-05-31T00:00:00+02:00")


def package(folder, deployments, media, observations, names=(DEPLOYMENTS, MEDIA, OBSERVATIONS), profile=CAMTRAP):
    """A Camtrap DP of these rows."""
    made = folder / "package"
    made.mkdir()
    tables = dict(zip(("deployments", "media", "observations"), (deployments, media, observations), strict=True))
    resources = [{"name": each, "path": f"{each}.csv"} for each in tables]
    (made / "datapackage.json").write_text(json.dumps({"profile": profile, "resources": resources}))
    for (name, rows), columns in zip(tables.items(), names, strict=True):
        table(made / f"{name}.csv", columns, rows)
    return made


def camtrap_dp(folder, paths):
    """Foxes with a box, blanks, badgers that a machine saw."""
    media, observations = [], []
    for number, path in enumerate([NOWHERE, *paths]):
        when = f"2026-05-02T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}+02:00"
        media.append((f"m{number}", "north", when, path, "true", "image/jpeg"))
        said = (f"o{number}", "north", f"m{number}", when, when, "media")
        observations.append((
            (*said, "animal", "Vulpes vulpes", 0.1, 0.2, 0.3, 0.4, "human", "observer 1", ""),
            (*said, "blank", "", "", "", "", "", "human", "observer 1", ""),
            (*said, "animal", "Meles meles", "", "", "", "", "machine", "net", 0.8),
        )[number % 3])  # fmt: skip
    return package(folder, [("north", "by the brook", 52.1, 5.2, *DAY)], media, observations)


def labels(folder, paths):
    """As spreadsheets on Windows write them; what is of one picture stands apart."""
    names = ("fox", "empty", "badger")
    rows = [(path.replace("/", "\\"), names[number % 3]) for number, path in enumerate([NOWHERE, *paths])]
    return table(folder / "labels.csv", ("Image path", "Espèce"), rows, delimiter=";", encoding="cp1252")


def deployments(folder, paths):
    """Of cameras, as many as there are pictures; the first stood nowhere on earth."""
    columns = ("deployment", "location_name", "latitude", "longitude", "start", "end", "time_zone")
    when = ("2026-05-01 00:00:00", "2026-05-31 00:00:00", "Europe/Amsterdam")
    rows = [(f"camera {number}", "by the brook", "52.1", "5.2", *when) for number in range(len(paths))]
    return table(folder / "deployments.csv", columns, [("nowhere", "", "95", "5.2", *when), *rows])


def numbered(paths):
    """The pictures with what each shows: a fox, nothing, a badger in turn; the first is of none that is there."""
    return [(number, path, ("fox", "empty", "badger")[number % 3]) for number, path in enumerate([NOWHERE, *paths])]


TAXA = {
    "fox": "a1;mammalia;carnivora;canidae;vulpes;vulpes;red fox",
    "empty": "a2;;;;;;blank",
    "badger": "a3;mammalia;carnivora;mustelidae;meles;meles;european badger",
}


def speciesnet(folder, paths):
    """The ensemble's word with its rivals, and a box where there is an animal."""
    found = [{"category": "1", "label": "animal", "conf": 0.8, "bbox": [0.1, 0.2, 0.3, 0.4]}]
    predictions = [
        {
            "filepath": path,
            "classifications": {"classes": [TAXA[name], TAXA["fox"]], "scores": [0.7, 0.2]},
            "detections": found if name != "empty" else [],
            "prediction": TAXA[name],
            "prediction_score": 0.75,
            "model_version": "4.0.1a",
        }
        for _number, path, name in numbered(paths)
    ]
    file = folder / "speciesnet.json"
    file.write_text(json.dumps({"predictions": predictions}))
    return file


def coco(folder, paths):
    """Boxes in pixels of the pictures' own size."""
    file = folder / "coco.json"
    file.write_text(json.dumps(as_coco(paths)))
    return file


def as_coco(paths, **image):
    categories = [{"id": 0, "name": "empty"}, {"id": 1, "name": "fox"}, {"id": 2, "name": "badger"}]
    at = {each["name"]: each["id"] for each in categories}
    rows = numbered(paths)
    images = [{"id": number, "file_name": path, "width": 640, "height": 480, **image} for number, path, _ in rows]
    notes = [
        {"id": number, "image_id": number, "category_id": at[name], **({"bbox": [64, 48, 64, 48]} if at[name] else {})}
        for number, _path, name in rows
    ]
    return {"images": images, "annotations": notes[::-1], "categories": categories}


def coco_camera_traps(folder, paths):
    """The same of cameras."""
    file = folder / "cct.json"
    file.write_text(json.dumps(as_coco(paths, location="north", datetime="2026-05-02 12:00:00", seq_id="s1")))
    return file


def timelapse(folder, paths):
    """Folder and file in columns of their own."""
    columns = ("File", "RelativePath", "DateTime", "DeleteFlag", "Species", "Count")
    rows = [
        (path.rpartition("/")[2], path.rpartition("/")[0].replace("/", "\\"), "2026-05-02 12:00:00", "false", name, 1)
        for _number, path, name in numbered(paths)
    ]
    return table(folder / "TimelapseData.csv", columns, rows)


def deepfaune(folder, paths):
    """Predictions with scores."""
    columns = ("filename", "date", "seqnum", "predictionbase", "scorebase", "prediction", "score", "top1", "count")
    rows = [
        (path, "2026:05:02 12:00:00", number, name, 0.9, name, 0.8, name, 1) for number, path, name in numbered(paths)
    ]
    return table(folder / "deepfaune.csv", columns, rows)


def wildlife_insights(folder, paths):
    """A zip, as it is downloaded."""
    images = ("project_id", "deployment_id", "image_id", "filename", "location", "is_blank", "identified_by", "class",
              "order", "family", "genus", "species", "common_name", "timestamp", "number_of_objects", "age", "sex",
              "cv_confidence")  # fmt: skip
    taxa = {"fox": ("Mammalia", "Carnivora", "Canidae", "Vulpes", "vulpes", "Red Fox"), "empty": ("",) * 5 + ("Blank",),
            "badger": ("Mammalia", "Carnivora", "Mustelidae", "Meles", "meles", "European Badger")}  # fmt: skip
    rows = [
        (7, "north", f"i{number}", path, f"gs://bucket/{number}.JPG", int(name == "empty"),
         "Computer vision" if name == "badger" else "A. Person", *taxa[name], "2026-05-02 12:00:00", 1, "", "",
         0.9 if name == "badger" else "")
        for number, path, name in numbered(paths)
    ]  # fmt: skip
    named = ("project_id", "deployment_id", "placename", "latitude", "longitude", "start_date", "end_date")
    places = [(7, "north", "by the brook", 52.1, 5.2, "2026-05-01 00:00:00", "2026-05-31 00:00:00")]
    file = folder / "download.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(table(folder / "images.csv", images, rows), "wi/images.csv")
        archive.write(table(folder / "deployments.csv", named, places), "wi/deployments.csv")
    return file


def yolo(folder, paths):
    """A text file a picture, empty where there is nothing."""
    made = folder / "yolo"
    made.mkdir()
    (made / "data.yaml").write_text("path: .\nnames:\n  0: fox\n  1: badger\n")
    for _number, path, name in numbered(paths):
        text = {"fox": "0 0.5 0.5 0.2 0.2\n", "badger": "1 0.4 0.4 0.2 0.2\n", "empty": ""}[name]
        file = made / "labels" / f"{path.rpartition('.')[0]}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return made


def image_folder(folder, paths):
    """The table of file names beside the pictures."""
    (folder / "set").mkdir()
    lines = [json.dumps({"file_name": path, "label": name}) for _number, path, name in numbered(paths)]
    (folder / "set" / "metadata.jsonl").write_text("\n".join(lines))
    return folder / "set"


def hugging_face(folder, paths):
    """Labels by number, names in the file's own description."""
    import pyarrow
    from pyarrow import parquet

    names = ["badger", "empty", "fox"]
    rows = numbered(paths)
    images = pyarrow.array([{"bytes": b"", "path": path} for _number, path, _name in rows])
    labels = pyarrow.array([names.index(name) for *_rest, name in rows])
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    made = pyarrow.table({"image": images, "label": labels}).replace_schema_metadata(told)
    parquet.write_table(made, folder / "train.parquet")
    return folder / "train.parquet"


EXAMPLES = {
    "megadetector": megadetector, "camtrap-dp": camtrap_dp, "csv": labels, "deployments": deployments,
    "speciesnet": speciesnet, "coco": coco, "coco-camera-traps": coco_camera_traps, "timelapse": timelapse,
    "deepfaune": deepfaune, "wildlife-insights": wildlife_insights, "yolo": yolo, "image-folder": image_folder,
    "hugging-face": hugging_face,
}  # fmt: skip
# Of which row each tells that it is not taken, and why; whether it is of pictures.
REFUSED = dict.fromkeys(EXAMPLES, (NOWHERE, "no-file")) | {
    "deployments": ("nowhere", "bad-place"), "csv": (NOWHERE.replace("/", "\\"), "no-file"),
    "yolo": ("images/nowhere/0000", "no-file"),
}  # fmt: skip
