"""Formats of others that can be read, by name: one module each."""

from labeller.exchange.importers.base import Importer, Unreadable
from labeller.exchange.importers.camtrap_dp import CamtrapDP
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.megadetector import MegaDetector

# The most particular first: a table of labels is nearly anything.
IMPORTERS: dict[str, Importer] = {each.name: each for each in (CamtrapDP(), MegaDetector())}


def recognised(given: Input) -> Importer:
    """The first format that the file is of. Raises Unreadable, with why it is none of the others."""
    why = []
    for importer in IMPORTERS.values():
        refusal = importer.refusal(given)
        if not refusal:
            return importer
        why.append(f"{importer.name}: {refusal}")
    raise Unreadable("not-recognised", "; ".join(why))
