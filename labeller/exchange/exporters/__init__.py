"""Every format the program writes, by name."""

from labeller.exchange.exporters import (
    camtrap_dp,
    classifier,
    coco,
    coco_camera_traps,
    csv_tables,
    darwin_core,
    hugging_face,
    image_folder,
    megadetector,
    parquet,
    wildlife_insights,
    yolo,
)
from labeller.exchange.exporters.base import Exporter

_MODULES = (
    camtrap_dp, coco_camera_traps, wildlife_insights, darwin_core, megadetector, coco, yolo, csv_tables, parquet,
    hugging_face, image_folder, classifier,
)  # fmt: skip
EXPORTERS: dict[str, Exporter] = {module.EXPORTER.name: module.EXPORTER for module in _MODULES}
