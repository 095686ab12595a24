"""Which deployment each file is from, and which frames of a deployment show one event.

Shards arrive in an order spread over each folder, so new frames join, extend and bridge what is grouped already. A job
looks at the deployments that new files belong to, at those whose clock is to be put right, and at all of them once the
project's gap has changed. A file without a deployment is one no job has looked at: it gets its deployment, its sequence
and its time in one transaction, so a job that died halfway is simply done again.
"""

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from django.db import connection, transaction
from django.db.models import F, QuerySet

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples.clocks import Clock, clock_of
from labeller.samples.models import Deployment, File, Sequence, Source

LONGEST = 30  # frames of one sequence: what a person can decide about at once, however long a camera goes on
DEBOUNCE = 2.0  # seconds in which shards that arrive together share one job
PATIENCE = 40  # shards that make the debounce a second longer: a job's work grows with the project
PAGE = 5_000  # rows read at once: an open read keeps others from saving (SQLite)
CHUNK = 500  # frames written at once, for the same reason
PAUSE = 0.01  # seconds between two writes in which others get their turn
LONGEST_NAME = 500
STANDING = 5  # frames of one instant that a camera may have taken; more of them, and its clock stands still
RULES = 2  # raised whenever what is a burst changes, so that everything is grouped anew
# Django's own bulk update takes twenty times as long for a million files, and others wait for it.
UPDATE = "UPDATE samples_file SET deployment_id = %s, sequence_id = %s, taken_at = %s WHERE id = %s"
NEVER = datetime.min.replace(tzinfo=UTC)


def regroup(project: Project, shard: int = 0) -> Job:
    """Ask for the grouping of what is new, or of everything where the gap was changed; `shard` is the newest one."""
    return jobs.enqueue("bursts", key=_key(project), project=project, delay=DEBOUNCE + shard / PATIENCE)


def newest_grouping(project_id: int) -> int:
    """What changes whenever files may have been grouped anew; 0 before the first time."""
    return Project.everything.values_list("grouping", flat=True).get(pk=project_id)


def _key(project: Project) -> str:
    return f"project:{project.pk}"


def group(progress: jobs.Progress) -> None:
    """Give every new file its deployment and bring the sequences of those deployments up to date."""
    project = progress.project
    rows, way = Project.objects.filter(pk=project.pk), f"gap {project.burst_gap}, rules {RULES}"
    is_regrouping = not rows.filter(grouped_by=way).exists()
    rows.update(grouped_by="")  # what breaks off is done anew altogether
    places = _Places(project)
    new: dict[int, list[int]] = {}
    for pk, source_id, path in pages(File.objects.filter(project=project, deployment=None), "source_id", "path"):
        new.setdefault(places.deployment(source_id, path), []).append(pk)
        progress(0)
    for deployment in Deployment.objects.filter(project=project):
        if is_regrouping or clock_of(deployment).way() != deployment.applied_clock:
            new.setdefault(deployment.pk, [])
    for number, (deployment_id, file_ids) in enumerate(new.items()):
        for _ in _group_deployment(Deployment.objects.get(pk=deployment_id), file_ids, project.burst_gap):
            progress(number, len(new))
    progress(len(new), len(new), now=True)
    rows.update(grouped_by=way, grouping=F("grouping") + 1)


def pages(rows: QuerySet[Any], *fields: str, size: int = PAGE) -> Iterator[Any]:
    """The keys and these fields of all rows, a page at a time, in the order of their keys."""
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", *fields)[:size]):
        yield from page
        if len(page) < size:
            return
        last = page[-1][0]


# --- deployments ----------------------------------------------------------------------------------


class _Places:
    """The deployment of every folder, made where it is missing."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.sources = {source.pk: source for source in project.sources.all()}
        self.known: dict[tuple[int, str], int] = {}

    def deployment(self, source_id: int, path: str) -> int:
        place = self._place(source_id, path)
        if place not in self.known:
            self.known[place] = self._find_or_make(place)
        return self.known[place]

    def _place(self, source_id: int, path: str) -> tuple[int, str]:
        """Where folders are the truth or labels, their names would give the answer away: the source is one place."""
        is_open = self.sources[source_id].is_open
        return source_id, _folder(path) if is_open else ""

    def _find_or_make(self, place: tuple[int, str]) -> int:
        """The first deployment by one of the place's names that isn't another place's: cameras name folders alike."""
        for name in _names(self.sources[place[0]], place[1]):
            deployment, is_new = Deployment.objects.get_or_create(project=self.project, name=name)
            if is_new:
                return deployment.pk
            file = deployment.files.values_list("source_id", "path").first()
            if self._place(*file) == place if file else deployment.pk not in self.known.values():
                return deployment.pk
        raise AssertionError("names never end")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _names(source: Source, folder: str) -> Iterator[str]:
    top = source.path.rpartition("/")[2] or source.path
    longer = f"{top}/{folder}" if folder else top
    yield (folder or top)[-LONGEST_NAME:]
    yield longer[-LONGEST_NAME:]
    for number in itertools.count(2):
        suffix = f" ({number})"
        yield longer[len(suffix) - LONGEST_NAME :] + suffix


# --- sequences ------------------------------------------------------------------------------------


class _Frame(NamedTuple):
    """A file as grouping sees it."""

    pk: int
    path: str
    clock: datetime | None
    taken_at: datetime | None  # the clock put right
    sequence: int | None
    is_new: bool  # here, or in its time


class _Burst(NamedTuple):
    """Frames of one event and the sequence they are to have: one there is, else (None) a new one; a single has none."""

    frames: list[_Frame]
    sequence: int | None


def _group_deployment(deployment: Deployment, new: list[int], gap: int) -> Iterator[None]:
    """Write what changes, a chunk at a time, and stop after each."""
    deployment_id, clock = deployment.pk, clock_of(deployment)
    started = dict(Sequence.objects.filter(deployment=deployment).values_list("pk", "started_at"))
    kept: set[int] = set()
    chunk: list[_Burst] = []
    size = 0
    for frames in runs(_frames(deployment, clock, new), gap):
        ids = {frame.sequence for frame in frames if frame.sequence} - kept if len(frames) > 1 else set()
        burst = _Burst(frames, min(ids, default=None))
        if burst.sequence:
            kept.add(burst.sequence)
        if _is_changed(burst, started):
            chunk.append(burst)
            size += len(frames)
        if size >= CHUNK:
            _write(deployment_id, chunk, started)
            chunk, size = [], 0
            yield
    _write(deployment_id, chunk, started)
    # Nothing is left in those that were joined to others, or whose frames are single now.
    left = sorted(started.keys() - kept)
    for start in range(0, len(left), CHUNK):
        Sequence.objects.filter(pk__in=left[start : start + CHUNK]).delete()
    Deployment.objects.filter(pk=deployment_id).update(applied_clock=clock.way())
    yield


def _frames(deployment: Deployment, clock: Clock, new: list[int]) -> list[_Frame]:
    """What may have to change: the deployment's frames with a time, and all that is new to it."""
    fields = ("path", "clock_time", "taken_at", "sequence_id")
    known = File.objects.filter(deployment=deployment, clock_time__isnull=False)
    found = [_frame(clock, *row) for row in pages(known, *fields)]
    for start in range(0, len(new), PAGE):
        rows = File.objects.filter(pk__in=new[start : start + PAGE]).values_list("pk", *fields)
        found += [_frame(clock, *row)._replace(is_new=True) for row in rows]
    return found


def _frame(
    clock: Clock, pk: int, path: str, said: datetime | None, taken_at: datetime | None, sequence: int | None
) -> _Frame:
    right = clock.right(said)
    return _Frame(pk, path, said, right, sequence, is_new=right != taken_at)


def runs(frames: list[_Frame], gap: int) -> Iterator[list[_Frame]]:
    """Frames of one folder, in the order of time, cut wherever more than `gap` seconds lie between two.

    What goes on for longer than a person can decide about at once is cut into equal parts. With a gap of 0, each frame
    is by itself, and so is one whose time says nothing: there is none, the clock stands still, or was never set.
    """
    run: list[_Frame] = []
    silent = _silent(frames)
    for frame in sorted(frames, key=lambda frame: (_folder(frame.path), in_time(frame.taken_at, frame.path))):
        if frame.pk in silent:
            yield [frame]
            continue
        if run and not _goes_on(run[-1], frame, timedelta(seconds=gap)):
            yield from _parts(run)
            run = []
        run.append(frame)
    yield from _parts(run)


def in_time(taken_at: datetime | None, path: str) -> tuple[datetime, list[str | int]]:
    """What frames of one event are sorted by: time, then names as people count them, 2 before 10."""
    pieces = re.split(r"([0-9]+)", path)
    return taken_at or NEVER, [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]


def _silent(frames: list[_Frame]) -> set[int]:
    """Frames whose time says nothing about what else was taken around then."""
    counted = Counter((_folder(frame.path), frame.taken_at) for frame in frames)
    return {
        frame.pk
        for frame in frames
        if frame.taken_at is None
        or (frame.clock is not None and _is_start_value(frame.clock))
        or counted[_folder(frame.path), frame.taken_at] > STANDING
    }


def _is_start_value(clock: datetime) -> bool:
    """Whether a clock shows this that nobody set: the first instant of a year, at midnight or noon."""
    is_first = (clock.month, clock.day, clock.hour % 12) == (1, 1, 0)
    return is_first and not (clock.minute or clock.second or clock.microsecond)


def _goes_on(last: _Frame, frame: _Frame, gap: timedelta) -> bool:
    if not gap or frame.taken_at is None or last.taken_at is None:
        return False
    return frame.taken_at - last.taken_at <= gap and _folder(frame.path) == _folder(last.path)


def _parts(run: list[_Frame]) -> Iterator[list[_Frame]]:
    count = -(-len(run) // LONGEST)
    for number in range(count):
        yield run[number * len(run) // count : (number + 1) * len(run) // count]


def _is_changed(burst: _Burst, started: dict[int, datetime]) -> bool:
    frames = burst.frames
    if any(frame.is_new or frame.sequence != burst.sequence for frame in frames):
        return True
    if burst.sequence is None:
        return len(frames) > 1
    return started[burst.sequence] != frames[0].taken_at


def _write(deployment_id: int, bursts: list[_Burst], started: dict[int, datetime]) -> None:
    """Store these bursts in one short transaction."""
    if not bursts:
        return
    fresh = [burst for burst in bursts if burst.sequence is None and len(burst.frames) > 1]
    with transaction.atomic():
        made = iter(
            Sequence.objects.bulk_create(
                Sequence(deployment_id=deployment_id, started_at=cast(datetime, burst.frames[0].taken_at))
                for burst in fresh
            )
        )
        adapt = connection.ops.adapt_datetimefield_value
        rows: list[tuple[int, int | None, Any, int]] = []
        for burst in bursts:
            sequence = next(made).pk if len(burst.frames) > 1 and burst.sequence is None else burst.sequence
            if burst.sequence and started[burst.sequence] != burst.frames[0].taken_at:
                Sequence.objects.filter(pk=burst.sequence).update(started_at=burst.frames[0].taken_at)
            rows += [
                (deployment_id, sequence, adapt(frame.taken_at), frame.pk)
                for frame in burst.frames
                if frame.is_new or frame.sequence != sequence
            ]
        with connection.cursor() as cursor:
            cursor.executemany(UPDATE, rows)
    time.sleep(PAUSE)
