"""List the networks that can turn images into embeddings."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labeller.embedding import runs
from tl_core import featurisers
from tl_core.featurisers import Entry, cards, own


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="every classification network of torchvision too")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        runs.import_own()
        entries = featurisers.catalogue(all_networks=options["all"])
        entries += self._own()
        if options["json"]:
            self.stdout.write(json.dumps({"featurisers": [dataclasses.asdict(entry) for entry in entries]}))
            return
        width = max(len(entry.name) for entry in entries)
        self.stdout.write(f"{'name':{width}}  dimension       MB  available  source")
        for entry in entries:
            dimension, size = entry.dimension or "?", f"{entry.megabytes:.1f}" if entry.megabytes else "?"
            here = "yes" if entry.available else "no"
            self.stdout.write(f"{entry.name:{width}}  {dimension:>9}  {size:>7}  {here:9}  {entry.source}")
        self.stdout.write(
            "\nWhat is not here is downloaded on first use, where there is a network; --json says which file where."
            "\nAny timm model is timm/NAME; your own weights are NAME,weights=FILE: see docs/featurisers.md."
        )

    def _own(self) -> list[Entry]:
        """This site's own networks, after those that everybody has."""
        storage = runs.networks()
        return [
            Entry(
                name=f"{cards.PREFIX}{digest}",
                dimension=card.dimension,
                megabytes=cards.local(storage, digest).stat().st_size / 1e6,
                source=f"this site: {card.name}",
                available=True,
                remedy="",
            )
            for digest, card in own.listing(storage).items()
        ]
