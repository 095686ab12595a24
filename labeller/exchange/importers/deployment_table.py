"""A table of deployments: where and when cameras stood, as this program and others write it."""

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from labeller.exchange.importers import columns, sheets, times
from labeller.exchange.importers.base import Importer, NotTaken, Option, Options, Record, Stand, Unreadable
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import SheetRow
from labeller.samples.tables import PATHS

ROLES = {
    "deployment": ("deployment", "deploymentid", "deploymentname", "folder", "station", "site", "cameraid", "name"),
    "place": ("locationname", "placename", "place", "location", "locationid", "site"),
    "latitude": ("latitude", "lat", "decimallatitude", "y"),
    "longitude": ("longitude", "lon", "lng", "long", "decimallongitude", "x"),
    "camera": ("camera", "cameraid", "cameramodel", "cameraname"),
    "start": ("start", "startdate", "deploymentstart", "begin", "setup", "setupdate"),
    "end": ("end", "enddate", "deploymentend", "pickup", "retrieval", "retrievaldate"),
    "zone": ("timezone", "zone", "tz"),
}
TITLES = {
    "deployment": gettext_noop("Column of the deployment"),
    "place": gettext_noop("Column of the place"),
    "latitude": gettext_noop("Column of the latitude"),
    "longitude": gettext_noop("Column of the longitude"),
    "camera": gettext_noop("Column of the camera"),
    "start": gettext_noop("Column of the start"),
    "end": gettext_noop("Column of the end"),
    "zone": gettext_noop("Column of the time zone"),
}


class DeploymentTable(Importer):
    """CSV with a row a deployment."""

    def __init__(self) -> None:
        super().__init__("deployments", gettext_noop("Table of deployments (CSV)"))

    def refusal(self, given: Input) -> str:
        member = columns.table_of(given)
        if not member:
            return "no single table"
        try:
            keys = sheets.sheet(given, member).keys
        except Unreadable as error:
            return error.reason
        found = _guessed(keys)
        if not found["deployment"]:
            return "no column of deployments"
        if columns.first(keys, [each for each in PATHS if each != "folder"], [found["deployment"]]):
            return "a column of paths: a row a picture"
        facts = ("latitude", "start", "end", "place", "camera")
        return "" if any(found[each] for each in facts) else "nothing that is told of deployments"

    def options(self, given: Input) -> list[Option]:
        table = sheets.sheet(given, columns.table_of(given))
        guessed, choices = _guessed(table.keys), ("", *dict.fromkeys(filter(None, table.keys)))
        return [Option(role, TITLES[role], guessed[role], choices) for role in ROLES]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        table = sheets.sheet(given, columns.table_of(given))
        if options.get("deployment") not in table.keys:
            raise Unreadable("no-columns", "deployment")
        seen: set[str] = set()
        for row in sheets.rows(given, table):
            if isinstance(row, NotTaken):
                yield row
                continue
            cells = {role: row[options.get(role, "")] for role in ROLES}
            if not cells["deployment"]:
                yield NotTaken(row.line, "", "no-path")
            elif cells["deployment"] in seen:
                yield NotTaken(row.line, cells["deployment"], "same-id", cells["deployment"])
            else:
                seen.add(cells["deployment"])
                yield from stand(row, cells)


def _guessed(keys: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, names in ROLES.items():
        found[role] = columns.first(keys, names, list(found.values()))
    return found


def stand(row: SheetRow, cells: dict[str, str]) -> Iterator[Record]:
    """The deployment of a row whose cells are named by role, and what of it can't be."""
    name = cells["deployment"]
    try:
        zone = times.zone_of(cells.get("zone", ""))
    except Unreadable:
        yield NotTaken(row.line, name, "bad-zone", cells["zone"])
        zone, cells = None, {**cells, "zone": ""}
    numbers = {each: sheets.number(cells.get(each, "")) for each in ("latitude", "longitude")}
    whens = {each: times.local_time(cells.get(each, ""), zone) for each in ("start", "end")}
    for each, value in numbers.items():
        if cells.get(each) and value is None:
            yield NotTaken(row.line, name, "bad-number", cells[each])
    for each, when in whens.items():
        if cells.get(each) and when is None:
            yield NotTaken(row.line, name, "bad-date", cells[each])
    if None in numbers.values():
        numbers = dict.fromkeys(numbers)
    facts = cells.get("place", ""), numbers["latitude"], numbers["longitude"], cells.get("camera", "")
    yield Stand(row.line, name, *facts, whens["start"], whens["end"], cells.get("zone", "").strip())
