"""Formats of others that can be read, by name: a module each, or one for several that are alike."""

from labeller.exchange.importers.base import Importer, Unreadable
from labeller.exchange.importers.camtrap_dp import CamtrapDP
from labeller.exchange.importers.coco import Coco, CocoCameraTraps
from labeller.exchange.importers.deployment_table import DeploymentTable
from labeller.exchange.importers.ecologists import DeepFaune, Timelapse, WildlifeInsights
from labeller.exchange.importers.folders import ImageFolder
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.megadetector import MegaDetector
from labeller.exchange.importers.parquet import HuggingFace
from labeller.exchange.importers.speciesnet import SpeciesNet
from labeller.exchange.importers.table import LabelTable
from labeller.exchange.importers.yolo import Yolo

# The most particular first: a table of labels is nearly anything.
IMPORTERS: dict[str, Importer] = {
    each.name: each
    for each in (
        CamtrapDP(),
        WildlifeInsights(),
        MegaDetector(),
        SpeciesNet(),
        CocoCameraTraps(),
        Coco(),
        HuggingFace(),
        Yolo(),
        ImageFolder(),
        Timelapse(),
        DeepFaune(),
        DeploymentTable(),
        LabelTable(),
    )
}


def recognised(given: Input) -> Importer:
    """The first format that the file is of. Raises Unreadable, with why it is none of the others."""
    why = []
    for importer in IMPORTERS.values():
        refusal = importer.refusal(given)
        if not refusal:
            return importer
        why.append(f"{importer.name}: {refusal}")
    raise Unreadable("not-recognised", "; ".join(why))
