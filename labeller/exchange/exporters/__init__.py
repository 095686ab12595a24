"""Every format the program writes, by name."""

from labeller.exchange.exporters import camtrap_dp, coco, coco_camera_traps, megadetector, yolo
from labeller.exchange.exporters.base import Exporter

EXPORTERS: dict[str, Exporter] = {
    module.EXPORTER.name: module.EXPORTER for module in (camtrap_dp, coco_camera_traps, coco, yolo, megadetector)
}
