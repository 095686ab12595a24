"""Tables of programs that ecologists work with: Timelapse, DeepFaune, and what Wildlife Insights lets one download."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from labeller.exchange.importers import columns, sheets, taxonomy, times
from labeller.exchange.importers.base import (
    Importer,
    NotTaken,
    Option,
    Options,
    Pictured,
    Record,
    Remark,
    Taxon,
    Unreadable,
)
from labeller.exchange.importers.deployment_table import stand
from labeller.exchange.importers.gathering import gathered
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import Sheet, SheetRow
from labeller.samples.tables import CLASSES

ZONE = Option("zone", gettext_noop("Time zone of the cameras, such as Europe/Amsterdam"))
MACHINES = re.compile(r"computer vision|speciesnet|megadetector|\bcv\b|\bai\b", re.IGNORECASE)


class _OneTable(Importer):
    """A single table that is known by its columns."""

    needed: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()

    def refusal(self, given: Input) -> str:
        member = columns.table_of(given)
        if not member:
            return "no single table"
        try:
            keys = set(sheets.sheet(given, member).keys)
        except Unreadable as error:
            return error.reason
        if missing := self.needed - keys:
            return f"no column {', '.join(sorted(missing))}"
        return "" if not self.one_of or self.one_of & keys else f"no column {' or '.join(sorted(self.one_of))}"

    def table(self, given: Input) -> Sheet:
        return sheets.sheet(given, columns.table_of(given))

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        yield from gathered(self.rows(given, options))

    def rows(self, given: Input, options: Options) -> Iterator[Record]:
        """A record a row."""
        raise NotImplementedError


def timed(row: SheetRow, path: str, text: str, zone: ZoneInfo | None, remarks: tuple[Remark, ...]) -> Iterator[Record]:
    """A picture with its time, and that the time can't be read where that is so."""
    taken_at = times.local_time(text, zone)
    if text and taken_at is None:
        yield NotTaken(row.line, path, "bad-date", text)
    yield Pictured(row.line, path, remarks, taken_at=taken_at)


class Timelapse(_OneTable):
    """The data that Timelapse exports: a row an image, with whatever fields its template has."""

    needed = frozenset({"file", "relativepath"})
    one_of = frozenset({"datetime", "date", "deleteflag", "folder", "rootfolder"})

    def __init__(self) -> None:
        super().__init__("timelapse", gettext_noop("Timelapse (CSV)"))

    def options(self, given: Input) -> list[Option]:
        keys = self.table(given).keys
        guess = columns.first(keys, [each for each in CLASSES if each != "file"])
        count = columns.first(keys, ("count", "number", "numberofanimals", "individuals"))
        choices = ("", *dict.fromkeys(filter(None, keys)))
        return [
            Option("class", gettext_noop("Column of the class"), guess, choices),
            Option("count", gettext_noop("Column of the count"), count, choices),
            ZONE,
        ]

    def rows(self, given: Input, options: Options) -> Iterator[Record]:
        table, zone = self.table(given), times.zone_of(options.get("zone", ""))
        if options.get("class") not in table.keys:
            raise Unreadable("no-columns", "class")
        for row in sheets.rows(given, table):
            if isinstance(row, NotTaken):
                yield row
                continue
            path = "/".join(filter(None, (row["relativepath"].replace("\\", "/").strip("/"), row["file"])))
            name = row[options["class"]]
            if not row["file"] or not name:
                yield NotTaken(row.line, path, "no-class" if row["file"] else "no-path")
                continue
            count = row[options.get("count", "")]
            also = (("count", count),) if count and count != "0" else ()
            remark = Remark(row.line, (Taxon(name),), also=also)
            when = row["datetime"] or " ".join(filter(None, (row["date"], row["time"])))
            yield from timed(row, path, when, zone, (remark,))


class DeepFaune(_OneTable):
    """What DeepFaune predicts: a row an image, with the score of its prediction."""

    needed = frozenset({"filename", "prediction", "score"})
    one_of = frozenset({"seqnum", "predictionbase", "scorebase", "top1", "humanpresence", "humancount"})

    def __init__(self) -> None:
        super().__init__("deepfaune", gettext_noop("DeepFaune (CSV)"))

    def options(self, given: Input) -> list[Option]:
        return [Option("model", gettext_noop("Name of the model"), "DeepFaune"), ZONE]

    def rows(self, given: Input, options: Options) -> Iterator[Record]:
        model, zone = options.get("model") or "DeepFaune", times.zone_of(options.get("zone", ""))
        for row in sheets.rows(given, self.table(given)):
            if isinstance(row, NotTaken):
                yield row
                continue
            score, path = sheets.number(row["score"]), row["filename"]
            if not path or not row["prediction"]:
                yield NotTaken(row.line, path, "no-class" if path else "no-path")
            elif score is None or not 0 <= score <= 1:
                yield NotTaken(row.line, path, "bad-number", row["score"])
            else:
                remark = Remark(row.line, (Taxon(row["prediction"]),), (score,), model=model, confidence=score)
                yield from timed(row, path, row["date"], zone, (remark,))


class WildlifeInsights(Importer):
    """A download: images.csv with deployments.csv beside, in a folder or a zip; or images.csv by itself."""

    def __init__(self) -> None:
        super().__init__("wildlife-insights", gettext_noop("Wildlife Insights (download)"))

    def refusal(self, given: Input) -> str:
        member = self._images(given)
        if not member:
            return "no images.csv"
        try:
            keys = set(sheets.sheet(given, member).keys)
        except Unreadable as error:
            return error.reason
        missing = {"deploymentid", "imageid", "identifiedby"} - keys
        return f"its images.csv has no column {', '.join(sorted(missing))}" if missing else ""

    def _images(self, given: Input) -> str:
        named = [each for each in given.names if re.fullmatch(r"images(_\d+)?\.csv", each.rpartition("/")[2].lower())]
        return named[0] if len(named) == 1 else ""

    def options(self, given: Input) -> list[Option]:
        return [ZONE]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        if member := given.find("deployments.csv"):
            for row in sheets.rows(given, sheets.sheet(given, member)):
                yield from [row] if isinstance(row, NotTaken) else _deployment(row, options.get("zone", ""))
        yield from gathered(self._rows(given, options))

    def _rows(self, given: Input, options: Options) -> Iterator[Record]:
        zone = times.zone_of(options.get("zone", ""))
        for row in sheets.rows(given, sheets.sheet(given, self._images(given))):
            if isinstance(row, NotTaken):
                yield row
                continue
            path = row["filename"] or row["location"]
            if not path:
                yield NotTaken(row.line, "", "no-path", row["imageid"])
                continue
            taken_at = times.local_time(row["timestamp"], zone)
            if row["timestamp"] and taken_at is None:
                yield NotTaken(row.line, path, "bad-date", row["timestamp"])
            otherwise = row["location"] if row["location"] != path else ""
            remarks = (_identified(row),)
            yield Pictured(row.line, path, remarks, otherwise, row["deploymentid"], taken_at)


def _deployment(row: SheetRow, zone: str) -> Iterator[Record]:
    named = {"deployment": "deploymentid", "place": "placename", "start": "startdate", "end": "enddate"}
    cells = {role: row[column] for role, column in named.items()}
    cells |= {"latitude": row["latitude"], "longitude": row["longitude"], "camera": row["cameraid"], "zone": zone}
    yield from stand(row, cells)


def _identified(row: SheetRow) -> Remark:
    """What somebody, or their computer vision, says a picture shows."""
    ranks = (row["class"], row["order"], row["family"], row["genus"], row["species"])
    is_blank = row["isblank"].lower() in {"1", "true", "yes"}
    taxon = Taxon("Blank") if is_blank else taxonomy.of_ranks(ranks, row["commonname"])
    also = tuple(
        (trait, row[column])
        for trait, column in (("lifestage", "age"), ("sex", "sex"), ("behavior", "behavior"))
        if row[column] and row[column].lower() != "unknown"
    )
    if (count := row["numberofobjects"]) and count != "0" and not is_blank:
        also += (("count", count),)
    score = sheets.number(row["cvconfidence"])
    if MACHINES.search(row["identifiedby"]):
        p = 1.0 if score is None or not 0 <= score <= 1 else score
        return Remark(row.line, (taxon,), (p,), model=row["identifiedby"], confidence=score)
    return Remark(row.line, (taxon,), also=also, by=row["identifiedby"])
