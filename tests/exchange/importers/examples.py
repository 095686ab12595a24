"""A small file of each format that is read, of pictures by their paths; the first row is of none that is there."""

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


EXAMPLES = {"megadetector": megadetector}
