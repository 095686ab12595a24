"""Where and when cameras stood, as somebody's file tells it: what is not known is filled in, nothing written over."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from labeller.exchange.counting import Account
from labeller.exchange.importers.base import NotTaken, Pictured, Stand
from labeller.exchange.placing import Placed
from labeller.projects.models import Project
from labeller.samples import bursts
from labeller.samples.models import Deployment, File, Text
from labeller.text import clean

LONGEST = 500  # characters of a name
FACTS = ("location_name", "latitude", "longitude", "camera", "start", "end", "time_zone")
LONG = {"location_name": 200, "camera": 200, "time_zone": 60}
SAME = 1e-6  # degrees
# Django's own bulk update takes many times as long.
CLOCK = "UPDATE samples_file SET clock_time = %s, taken_at = %s WHERE id = %s"


class Stands:
    """The deployments of a project by name, as far as a file names them."""

    def __init__(self, project: Project, account: Account, *, is_dry: bool) -> None:
        self.project, self.account, self.is_dry = project, account, is_dry
        self.is_changed = False  # whether bursts are to be formed anew
        self._known: dict[str, Deployment] = {}
        self._told: set[str] = set()

    def take(self, stands: Sequence[Stand]) -> None:
        """Make deployments that are missing, and fill in what is not known of the others."""
        self._look_up(each.name for each in stands)
        made: dict[str, Deployment] = {}
        filled: dict[str, Deployment] = {}
        for stand in stands:
            if problem := _problem(stand):
                self.account.note(problem)
                continue
            deployment = self._named(stand.name)
            is_new = deployment.pk is None and deployment.name not in self._told
            changed = [name for name in FACTS if self._fill(deployment, stand, name)]
            self.account.add("deployments", int(is_new or bool(changed)))
            if deployment.pk is None:
                made[deployment.name] = deployment
            elif changed:
                filled[deployment.name] = deployment
            self._told.add(deployment.name)
        if not self.is_dry:
            Deployment.objects.bulk_create(made.values())
            Deployment.objects.bulk_update(filled.values(), FACTS, batch_size=200)

    def _look_up(self, names: Iterable[str]) -> None:
        """Read what is known of the deployments of a batch, at once."""
        wanted = {clean(name)[:LONGEST] for name in names} - self._known.keys() - {""}
        for each in Deployment.objects.filter(project=self.project, name__in=wanted) if wanted else ():
            self._known[each.name] = each

    def _named(self, name: str) -> Deployment:
        name = clean(name)[:LONGEST]
        if name not in self._known:
            self._known[name] = Deployment(project=self.project, name=name)
        return self._known[name]

    def _fill(self, deployment: Deployment, stand: Stand, name: str) -> bool:
        """Take one fact over; whether that changes anything. What is known already stays, and that is told."""
        given: Any = getattr(stand, name)
        given = clean(given)[: LONG[name]] if isinstance(given, str) else given
        before = getattr(deployment, name)
        if given in ("", None) or given == before:
            return False
        if before not in ("", None):
            if not _is_close(before, given):
                self.account.note(NotTaken(stand.line, deployment.name, "kept", f"{name} {before}"))
            return False
        setattr(deployment, name, given)
        return True

    def place(self, found: Sequence[tuple[Pictured, Placed]]) -> None:
        """Let pictures belong to the deployments that the file names, and have its time where they have none."""
        self._look_up(pictured.deployment for pictured, _placed in found)
        moved: dict[int, list[int]] = {}
        clocks: list[tuple[Any, Any, int]] = []
        adapt = connection.ops.adapt_datetimefield_value
        for pictured, placed in found:
            if pictured.taken_at and not placed.has_clock:
                clocks.append((adapt(pictured.taken_at), adapt(pictured.taken_at), placed.file_id))
            if not pictured.deployment.strip():
                continue
            deployment = self._named(pictured.deployment)
            if deployment.pk is None:
                self._make(deployment, pictured)
            if deployment.pk is None or placed.deployment_id != deployment.pk:
                self.account.add("placed")
                moved.setdefault(deployment.pk or 0, []).append(placed.file_id)
        self.is_changed |= bool(moved or clocks)
        if self.is_dry:
            return
        if clocks:
            with connection.cursor() as cursor:
                cursor.executemany(CLOCK, clocks)
        for deployment_id, file_ids in moved.items():
            File.objects.filter(pk__in=file_ids).update(deployment=deployment_id, sequence=None)

    def _make(self, deployment: Deployment, pictured: Pictured) -> None:
        """Make a deployment that only pictures name."""
        if deployment.name in self._told:
            return
        self._told.add(deployment.name)
        self.account.note(NotTaken(pictured.line, deployment.name, "deployment-made"))
        self.account.add("deployments")
        if not self.is_dry:
            deployment.save()

    def finish(self) -> None:
        """All is placed: have bursts formed anew, and let go of folders' deployments that no picture is of any more."""
        if self.is_dry or not self.is_changed:
            return
        empty = Deployment.objects.filter(
            ~Exists(File.objects.filter(deployment=OuterRef("pk"))),
            ~Exists(Text.objects.filter(deployment=OuterRef("pk"))),
            project=self.project, location_name="", latitude=None, camera="", start=None, end=None, time_zone="",
            clock_shift=timedelta(),
        )  # fmt: skip
        empty.exclude(name__in=self._told).delete()
        Project.objects.filter(pk=self.project.pk).update(grouped_by="")
        bursts.regroup(self.project)


def _problem(stand: Stand) -> NotTaken | None:
    """Why a deployment can't be as it is said to be."""
    if not clean(stand.name):
        return NotTaken(stand.line, "", "no-path")
    lat, lon = stand.latitude, stand.longitude
    if (lat is None) != (lon is None) or (lat is not None and lon is not None and (abs(lat) > 90 or abs(lon) > 180)):
        return NotTaken(stand.line, stand.name, "bad-place", f"{lat} {lon}")
    if stand.start and stand.end and stand.end < stand.start:
        return NotTaken(stand.line, stand.name, "ends-first", f"{stand.start} {stand.end}")
    return None


def _is_close(before: Any, given: Any) -> bool:
    return isinstance(before, float) and isinstance(given, float) and abs(before - given) < SAME
