"""Every format the program writes, by name."""

from labeller.exchange.exporters import camtrap_dp
from labeller.exchange.exporters.base import Exporter

EXPORTERS: dict[str, Exporter] = {each.name: each for each in (camtrap_dp.EXPORTER,)}
