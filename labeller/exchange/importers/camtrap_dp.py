"""Camtrap DP: deployments, media and observations, of 1.x and of what went before.

What is said of an event is said of each of its pictures that nothing is said of by itself. Observations of machines are
predictions of a model by its name; those of people are labels.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from labeller.exchange.importers import sheets, times
from labeller.exchange.importers.base import (
    Importer,
    NotTaken,
    Option,
    Options,
    Pictured,
    Record,
    Remark,
    Stand,
    Taxon,
    Unreadable,
)
from labeller.exchange.importers.boxes import sticks_out, wrong
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import Sheet, SheetRow
from labeller.exchange.importers.spill import Spill, spilling
from labeller.projects.states import State
from labeller.samples.models import Box

TABLES = ("deployments", "media", "observations")
# Names that columns had before 1.0, by today's.
OLD = {
    "start": "deploymentstart", "end": "deploymentend", "camerainterval": "cameradelay",
    "timestampissues": "timestampissues", "countnew": "count", "behaviour": "behavior",
    "classificationconfidence": "classificationprobability", "comments": "observationcomments",
    "_id": "observationid", "sequenceid": "eventid",
}  # fmt: skip
STATES = {
    "blank": State.BLANK, "unknown": State.UNKNOWN, "human": State.HUMAN, "vehicle": State.VEHICLE,
    "unclassified": State.UNCLASSIFIED,
}  # fmt: skip
FOLLOWED = ("lifestage", "sex", "behavior", "count", "individualid")  # columns that are questions of their own
NEEDED = {"deployments": {"deploymentid"}, "media": {"mediaid", "deploymentid", "filepath"}, "observations": set()}


class Observed(NamedTuple):
    """An observation, as it is kept on disk until its picture comes."""

    kind: str
    name: str
    common: str
    box: Box | None
    model: str
    score: float | None
    also: list[list[str]]
    by: str = ""
    at: str = ""


class CamtrapDP(Importer):
    """A data package: a folder, or a zip of one."""

    def __init__(self) -> None:
        super().__init__("camtrap-dp", gettext_noop("Camtrap DP"))

    def refusal(self, given: Input) -> str:
        found = self._package(given)
        if isinstance(found, str):
            return found
        missing = [each for each in ("media", "observations") if each not in found]
        return f"its datapackage.json names no {' and no '.join(missing)}" if missing else ""

    def _package(self, given: Input) -> dict[str, str] | str:
        """The members that hold its tables; in words why it is no such package."""
        member = given.find("datapackage.json")
        if not member:
            return "no datapackage.json"
        try:
            described = given.json(member)
            profile = str(described.get("profile", ""))
            resources = {str(each["name"]): str(each.get("path", "")) for each in described["resources"]}
        except (Unreadable, AttributeError, KeyError, TypeError):
            return "its datapackage.json lists no resources"
        if "camtrap" not in profile and not resources.keys() >= {"media", "observations"}:
            return f"a data package of another profile: {profile[:80]}"
        folder = member.rpartition("/")[0]
        places = {name: f"{folder}/{path}" if folder else path for name, path in resources.items() if name in TABLES}
        return {name: place for name, place in places.items() if place in given.names}

    def options(self, given: Input) -> list[Option]:
        return [Option("zone", gettext_noop("Time zone of the cameras, such as Europe/Amsterdam"), "")]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        found = self._package(given)
        if isinstance(found, str) or not found.keys() >= {"media", "observations"}:
            raise Unreadable("no-member", "media, observations")
        _check_version(given.json(given.find("datapackage.json")))
        zone = times.zone_of(options.get("zone", ""))
        with spilling() as spill:
            reading = _Reading(given, found, zone, options.get("zone", "").strip(), spill)
            yield from reading.records()


def _check_version(described: Any) -> None:
    profile = str(described.get("profile", ""))
    version = profile.partition("camtrap-dp/")[2].partition("/")[0]
    if version and version[0].isdigit() and not version.startswith(("0.", "1.")):
        raise Unreadable("wrong-version", version)


class _Reading:
    """One reading of a package: observations go to disk, then each medium comes with what is said of it."""

    def __init__(self, given: Input, members: dict[str, str], zone: ZoneInfo | None, name: str, spill: Spill) -> None:
        self.given, self.members, self.zone, self.zone_name, self.spill = given, members, zone, name, spill
        self.has_told_zone = False
        self.longest: dict[str, timedelta] = {}  # how long events of a deployment last, at most

    def records(self) -> Iterator[Record]:
        if "deployments" in self.members:
            yield from self._deployments()
        yield from self._observations()
        yield from self._media()
        for key, line in self.spill.execute(
            "SELECT key, line FROM row WHERE kind = 'medium' AND NOT EXISTS"
            " (SELECT 1 FROM known WHERE known.kind = 'mediaid' AND known.key = row.key) ORDER BY line"
        ):
            yield NotTaken(line, "", "no-such-id", f"mediaID {key}")
        for deployment, line in self.spill.execute("SELECT deployment, line FROM event WHERE used = 0 ORDER BY line"):
            yield NotTaken(line, "", "no-medium", f"deploymentID {deployment}")

    def _rows(self, name: str) -> Iterator[SheetRow | NotTaken]:
        table = sheets.sheet(self.given, self.members[name])
        columns = _columns(table)
        if missing := NEEDED[name] - set(columns):
            raise Unreadable("no-columns", f"{name}: {', '.join(sorted(missing))}")
        for old in set(table.keys) & OLD.keys() - set(columns):
            yield NotTaken(1, self.members[name], "old-name", old)
        yield from sheets.rows(self.given, table, columns)

    # --- deployments ------------------------------------------------------------------------------

    def _deployments(self) -> Iterator[Record]:
        for row in self._rows("deployments"):
            if isinstance(row, NotTaken):
                yield row
                continue
            name = row["deploymentid"]
            if not name:
                yield NotTaken(row.line, "", "bad-row", "deploymentID")
            elif not self.spill.is_new("deployment", name):
                yield NotTaken(row.line, name, "same-id", name)
            else:
                yield from self._deployment(row, name)

    def _deployment(self, row: SheetRow, name: str) -> Iterator[Record]:
        place = [sheets.number(row[each]) for each in ("latitude", "longitude")]
        start, end = (self._time(row[each]) for each in ("deploymentstart", "deploymentend"))
        for each, value in zip(("latitude", "longitude"), place, strict=True):
            if row[each] and value is None:
                yield NotTaken(row.line, name, "bad-number", row[each])
        for each, when in (("deploymentstart", start), ("deploymentend", end)):
            if row[each] and when is None:
                yield NotTaken(row.line, name, "bad-date", row[each])
        if None in place:
            place = [None, None]
        yield from self._zone_told(row, "deploymentstart", name)
        where = row["locationname"] or row["locationid"]
        camera = " ".join(filter(None, (row["cameraid"], row["cameramodel"])))
        yield Stand(row.line, name, where, place[0], place[1], camera, start, end, self.zone_name)

    def _zone_told(self, row: SheetRow, column: str, name: str) -> Iterator[Record]:
        if row[column] and not times.has_zone(row[column]) and not self.has_told_zone:
            self.has_told_zone = True
            yield NotTaken(row.line, name, "no-zone", row[column])

    def _time(self, text: str) -> datetime | None:
        return times.local_time(text, self.zone)

    # --- observations -----------------------------------------------------------------------------

    def _observations(self) -> Iterator[Record]:
        self.spill.execute("CREATE TABLE event (deployment, first, last, line, used, content)")
        for row in self._rows("observations"):
            if isinstance(row, NotTaken):
                yield row
                continue
            if row["observationid"] and not self.spill.is_new("observation", row["observationid"]):
                yield NotTaken(row.line, "", "same-id", row["observationid"])
                continue
            said, problem = _said(row)
            if problem:
                yield NotTaken(row.line, row["mediaid"] or row["deploymentid"], problem, row["observationtype"])
            elif row["mediaid"]:
                self.spill.add("medium", row["mediaid"], row.line, said)
            else:
                yield from self._event(row, said)
        self.spill.ordered()
        self.spill.execute("CREATE INDEX event_by_time ON event (deployment, first)")

    def _event(self, row: SheetRow, said: Observed | None) -> Iterator[Record]:
        """An observation of an event: found again by its time, in its deployment."""
        start, end = self._time(row["eventstart"] or row["timestamp"]), self._time(row["eventend"] or row["eventstart"])
        if start is None:
            yield NotTaken(row.line, row["deploymentid"], "bad-date", row["eventstart"] or row["timestamp"])
            return
        deployment, end = row["deploymentid"], end if end and end >= start else start
        self.longest[deployment] = max(self.longest.get(deployment, end - start), end - start)
        told = (deployment, start.isoformat(), end.isoformat(), row.line, 0, json.dumps(said))
        self.spill.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", told)

    # --- media ------------------------------------------------------------------------------------

    def _media(self) -> Iterator[Record]:
        for row in self._rows("media"):
            if isinstance(row, NotTaken):
                yield row
                continue
            path = row["filepath"]
            if not row["mediaid"] or not self.spill.is_new("mediaid", row["mediaid"]):
                yield NotTaken(row.line, path, "same-id" if row["mediaid"] else "bad-row", row["mediaid"] or "mediaID")
                continue
            taken_at = self._time(row["timestamp"])
            if row["timestamp"] and taken_at is None:
                yield NotTaken(row.line, path, "bad-date", row["timestamp"])
            yield from self._zone_told(row, "timestamp", path)
            yield from self._medium(row, path, taken_at)

    def _medium(self, row: SheetRow, path: str, taken_at: datetime | None) -> Iterator[Record]:
        told = self.spill.get("medium", row["mediaid"])
        remarks: list[Remark] = []
        for line, content in told:
            said = Observed(*content)
            if said.box and sticks_out(tuple(said.box)):  # type: ignore[arg-type]
                yield NotTaken(line, path, "box-cut")
            remarks.append(_remark(line, said))
        events = self._events(row["deploymentid"], taken_at) if taken_at else []
        if not remarks:
            for line, content in events:
                yield NotTaken(line, path, "event-spread")
                remarks.append(_remark(line, Observed(*content))._replace(box=None))
        otherwise = row["filename"] if row["filename"] != path else ""
        yield Pictured(row.line, path, tuple(remarks), otherwise, row["deploymentid"], taken_at)

    def _events(self, deployment: str, taken_at: datetime) -> list[tuple[int, Any]]:
        """What is said of events that were going on when a picture was taken."""
        if deployment not in self.longest:
            return []
        when, since = taken_at.isoformat(), (taken_at - self.longest[deployment]).isoformat()
        rows = self.spill.execute(
            "SELECT rowid, line, content FROM event"
            " WHERE deployment = ? AND first BETWEEN ? AND ? AND last >= ? ORDER BY line",
            (deployment, since, when, when),
        )
        found = list(rows)
        self.spill.insert("UPDATE event SET used = 1 WHERE rowid = ?", [(rowid,) for rowid, *_ in found])
        return [(line, json.loads(content)) for _rowid, line, content in found]


def _columns(table: Sheet) -> list[str]:
    """The columns by today's names: those of earlier versions where today's are missing."""
    keys = table.keys
    return [OLD[each] if each in OLD and OLD[each] not in keys else each for each in keys]


def _said(row: SheetRow) -> tuple[Observed | None, str]:
    kind = row["observationtype"].lower()
    if row["camerasetup"].lower() == "true" or row["camerasetuptype"] in {"setup", "calibration"}:
        kind = State.SETUP
    if kind not in {*STATES, "animal", State.SETUP}:
        return None, "bad-row"
    box, problem = _box(row)
    if problem:
        return None, problem
    score = sheets.number(row["classificationprobability"])
    if row["classificationprobability"] and (score is None or not 0 <= score <= 1):
        return None, "bad-number"
    is_machine = row["classificationmethod"].lower() == "machine"
    model = (row["classifiedby"] or "machine") if is_machine else ""
    also = [[column, row[column]] for column in FOLLOWED if row[column]]
    common = row["vernacularname"] or row["vernacularnamesen"]
    told = ("" if is_machine else row["classifiedby"], row["classificationtimestamp"])
    return Observed(kind, row["scientificname"], common, box, model, score, also, *told), ""


def _box(row: SheetRow) -> tuple[Box | None, str]:
    cells = [row[each] for each in ("bboxx", "bboxy", "bboxwidth", "bboxheight")]
    if not any(cells):
        return None, ""
    left, top, width, height = map(sheets.number, cells)
    if left is None or top is None or width is None or height is None:
        return None, "bad-box"
    box = (left, top, width, height)
    return box, wrong(box)


def _remark(line: int, said: Observed) -> Remark:
    state = "" if said.kind == "animal" else str(STATES.get(said.kind, said.kind))
    taxon = Taxon(said.common or said.name, said.name, state=state)
    if not state and not said.name:
        taxon = Taxon("animal")
    box = tuple(said.box) if said.box else None
    scores = (1.0 if said.score is None else said.score,) if said.model else ()
    also = tuple((question, value) for question, value in said.also)
    told = {"also": also, "by": said.by, "at": times.instant(said.at)}
    return Remark(line, (taxon,), scores, box, said.model, said.kind, said.score, **told)  # type: ignore[arg-type]
