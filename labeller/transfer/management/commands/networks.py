"""List, add and remove this site's own networks."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.transfer import networks, uploading
from labeller.transfer.models import OwnNetwork
from tl_core.featurisers import FeaturiserUnavailable


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|add|remove")
        listing = verbs.add_parser("list", help="say which there are")
        adding = verbs.add_parser("add", help="try the network in a file, and keep it")
        adding.add_argument("file", type=Path, metavar="FILE", help=".safetensors, .pth, .pt or .onnx")
        adding.add_argument("--as", required=True, dest="name", metavar="NAME", help="what people choose it by")
        adding.add_argument(
            "--architecture", default="", metavar="SPEC", help="of which network the weights are; none for ONNX"
        )
        adding.add_argument(
            "--details", type=Path, metavar="FILE", help="JSON: a graph's preprocessing, or open_clip_config.json"
        )
        removing = verbs.add_parser("remove", help="delete one that nothing uses")
        removing.add_argument("spec", metavar="own/DIGEST")
        removing.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
        for verb in (listing, adding, removing):
            verb.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        done = {"list": self._list, "add": self._add, "remove": self._remove}[options["verb"]](options)
        if options["json"]:
            self.stdout.write(json.dumps(done))

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        networks.find()
        rows = networks.listed(list(networks.newest_first()))
        if not options["json"]:
            for row in rows:
                users = ", ".join(each.slug for each in row.used_by) or "nobody"
                self.stdout.write(f"{_line(row.network)}, used by {users}")
            if not rows:
                self.stdout.write("There are none yet: manage.py networks add FILE --as NAME")
        used = {row.network.pk: [each.slug for each in row.used_by] for row in rows}
        return {"networks": [{**_json(row.network), "used_by": used[row.network.pk]} for row in rows]}

    def _add(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            details = json.loads(options["details"].read_text()) if options["details"] else {}
            network = uploading.add(options["file"], options["name"], options["architecture"], details)
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['details'] or options['file']} cannot be used: {error}") from error
        except FeaturiserUnavailable as error:
            raise CommandError(str(error)) from error
        if not options["json"]:
            self.stdout.write(f"{_line(network)}\nTry it: manage.py embed --project SLUG --featuriser {network.spec}")
        return _json(network)

    def _remove(self, options: dict[str, Any]) -> dict[str, Any]:
        network = OwnNetwork.objects.filter(digest=options["spec"].removeprefix("own/")).first()
        if network is None:
            raise CommandError(f"There is no network {options['spec']}: manage.py networks list says which there are.")
        users = networks.used_by(network)
        if users:
            raise CommandError(
                f"{network.name} is used by {', '.join(each.slug for each in users)}. Have them use another "
                "featuriser, then manage.py tidy."
            )
        gone = _json(network)
        if not options["dry_run"]:
            networks.remove(network)
        if not options["json"]:
            self.stdout.write(
                f"{gone['name']} ({gone['featuriser']}) " + ("would be deleted" if options["dry_run"] else "deleted")
            )
        return {**gone, "dry_run": options["dry_run"]}


def _line(network: OwnNetwork) -> str:
    return f"{network.spec}  {network.name}: {network.megabytes:.1f} MB, {network.dimension} numbers a picture"


def _json(network: OwnNetwork) -> dict[str, Any]:
    return {
        "featuriser": network.spec,
        "name": network.name,
        "dimension": network.dimension,
        "megabytes": network.megabytes,
        "card": network.card,
    }
