"""A small file of each format that is read, of pictures by their paths; the first row is of none that is there."""

import csv
import json

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


EXAMPLES = {"megadetector": megadetector, "camtrap-dp": camtrap_dp}
