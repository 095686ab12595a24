"""Frozen parts for training, validation and testing: never one camera, or one event, in two of them.

Which part a camera or an event is in follows from its name and the seed alone. So the same seed gives the same parts,
and pictures that come in later move none of those that were there.
"""

import hashlib
from collections import Counter

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters.base import ExportOption, ExportWanted
from labeller.exchange.exporters.contents import Shot
from labeller.exchange.exporters.folder import Folder

NAMES = ("train", "val", "test")
OPTIONS = (
    ExportOption(
        "split",
        _("Parts for training, validation and testing, in percent"),
        "",
        (("", _("no parts")), *((each, each) for each in ("70-15-15", "80-10-10", "80-20-0"))),
    ),
    ExportOption(
        "split_by", _("Never in two parts"), "camera", (("camera", _("one camera")), ("event", _("one event")))
    ),
    ExportOption("seed", _("Seed"), 0, help=_("The same seed gives the same parts, whatever is added later.")),
)


class Splits:
    """The part of each picture, as the options say; `used` counts what is in each."""

    def __init__(self, wanted: ExportWanted) -> None:
        self.shares = [int(share) for share in wanted.options["split"].split("-")] if wanted.options["split"] else []
        self.names = tuple(name for name, share in zip(NAMES, self.shares, strict=False) if share)
        self._by, self._seed = wanted.options["split_by"], wanted.options["seed"]
        self._cameras = {pk: each.name for pk, each in wanted.contents.deployments.items()}
        self.used: Counter[str] = Counter()

    def of(self, picture: Shot, group: str = "") -> str:
        """The name of the part; nothing where no parts are asked for. A text goes by what it belongs together with."""
        if not self.shares:
            return ""
        camera = self._cameras.get(picture.deployment or 0) if self._by == "camera" else None
        name = part_of(group or (camera if camera is not None else picture.event), self._seed, self.shares)
        self.used[name] += 1
        return name

    def remark(self, folder: Folder) -> None:
        """Have the manifest say how large the parts have become: a camera is in one of them as a whole."""
        if self.shares:
            sizes = ", ".join(f"{name} {self.used[name]}" for name in self.names)
            folder.remark(f"Parts by {self._by}, seed {self._seed}: {sizes}.")


def part_of(group: str, seed: int, shares: list[int]) -> str:
    """The part of a camera or an event of that name."""
    at = int.from_bytes(hashlib.sha256(f"{seed}:{group}".encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
    for name, share in zip(NAMES, shares, strict=True):
        at -= share / 100
        if at < 0:
            return name
    return NAMES[0]
