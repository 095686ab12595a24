"""Reading tables of texts: a row is a sample.

A table is gone through twice, a row at a time: to count its rows, then to write them, in short transactions that also
move the mark from which a job goes on that was broken off. Each shard is given one of so many rows that follow each
other as there are shards, at a place that chance decides: so any first few shards are a fair picture of a table that
is sorted, and none of them is whole before the last row is read. Then all are announced.
"""

import hashlib
import itertools
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import Count

from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.projects.models import Project
from labeller.samples import bursts, copies, ingesting, known, layouts, refusing, storing
from labeller.samples.models import File, Refusal, Sample, Source, TableReading
from labeller.samples.signals import shard_known
from labeller.samples.storing import Piece
from labeller.samples.walking import Found
from tl_core.notices import notice
from tl_core.texts.reading import TextRefused, TextRow

log = logging.getLogger(__name__)

STAGE = "tables"
TIDY = "tidy"
BATCH = 1_000  # rows written in one transaction
BATCH_CHARACTERS = 2_000_000  # of long texts fewer rows
PAUSE = 0.01  # seconds between two writes in which others get their turn
TURN = 300.0  # seconds that a worker reads before it does other work in between: well below a task's time limit
ATTEMPTS = 5  # at a batch of which another import writes the same texts
COUNTED = 10_000  # rows between two reports
LISTED = 10_000  # rows of a table that are refused by number; a table with more of them is laid out otherwise


class OthersFirst(jobs.Postponed):
    """Much is left to read, and other work waits."""

    seconds = 1.0


def begin(source: Source, files: list[Found]) -> list[Found]:
    """See to the tables among these files; returns the others. Runs inside the scan's transaction."""
    tables, documents = layouts.tables(source, files)
    if tables:
        listed = [[found.path, found.bytes, found.modified_ns] for found in tables]
        reading = TableReading.objects.create(source=source, files=listed)
        jobs.enqueue(
            "ingest",
            key=f"source:{source.pk}:{STAGE}:{reading.pk}",
            project=source.project,
            payload={"source": source.pk, "stage": STAGE, "reading": reading.pk, "files": listed},
        )
    return documents


def read(progress: jobs.Progress) -> None:
    """Read the tables of a reading from where it was broken off; done twice it changes nothing."""
    reading = TableReading.objects.select_related("source__project").filter(pk=progress.job.payload["reading"]).first()
    if reading is None:
        return
    source, until = reading.source, time.monotonic() + TURN
    if reading.total is None:
        _count(reading, progress)
    _write(reading, progress, until)
    if not reading.announced:
        copies.fold(reading, progress)
    _announce(reading, progress)
    bursts.regroup(source.project, reading.first_shard)
    with transaction.atomic():  # what is known is applied to no row that is still being read
        reading.delete()
        known.request(source)
        if source.layout.get("is_corrected"):  # what was read wrong is to go
            jobs.enqueue(TIDY, key=f"source:{source.pk}", project=source.project, payload={"source": source.pk})


# --- counting -------------------------------------------------------------------------------------


def _count(reading: TableReading, progress: jobs.Progress) -> None:
    """Count the rows, refuse what can't be read as a table, and take so many shards as they fill."""
    source, total, kept = reading.source, 0, []
    for found in _files(reading):
        ingesting.check_disk()
        try:
            rows = _counted(source, found, progress, total)
            _take(source, found)
        except TextRefused as refused:
            _refuse(source, refusing.refusal(source, found, refused.reason, refused.detail))
        except _Twin as twin:
            detail = notice(WorkerCode.SAME_CONTENT, path=twin.file.path)
            _refuse(source, refusing.refusal(source, found, "duplicate", detail, twin.file))
        else:
            total += rows
            kept.append([found.path, found.bytes, found.modified_ns])
    shards = -(-total // ingesting.SHARD_SIZE)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=source.project_id)
        first = ingesting.next_shard(source.project)
        Project.objects.filter(pk=source.project_id).update(next_shard=first + shards)
        if not TableReading.objects.filter(pk=reading.pk, total=None).update(
            files=kept, total=total, first_shard=first, shards=shards
        ):
            raise jobs.JobLost(str(progress.job))
    reading.refresh_from_db()


class _Twin(Exception):
    """The table is another one of the project, word for word."""

    def __init__(self, file: File) -> None:
        super().__init__(file.path)
        self.file = file


def _files(reading: TableReading) -> list[Found]:
    return [Found(*each) for each in reading.files]


def _counted(source: Source, found: Found, progress: jobs.Progress, before: int) -> int:
    """How many rows of a table are texts; those that are not are refused by number, up to so many."""
    taken, refused = 0, 0
    Refusal.objects.filter(source=source, row__isnull=False, path__startswith=f"{found.path}:").delete()
    listed: list[Refusal] = []
    last = 0
    for row in layouts.rows(source, found.path):
        last = row.number
        if isinstance(row, TextRow):
            taken += 1
        else:
            refused += 1
            if refused <= LISTED:
                listed.append(refusing.refused_row(source, found, row.number, row.reason, row.detail))
        if (taken + refused) % COUNTED == 0:
            progress(0, before + taken, notice(WorkerCode.COUNTING_ROWS, path=found.path))
    for start in range(0, len(listed), refusing.PAGE):
        Refusal.objects.bulk_create(listed[start : start + refusing.PAGE])
    storing.park_beyond(source, found.path, last)
    if not taken and listed:
        raise TextRefused("wrong-layout", notice(WorkerCode.NO_ROW_TAKEN, n=refused))
    return taken


def _take(source: Source, found: Found) -> None:
    """Write the table's row, or what changed of it. Raises _Twin where it is another file of the project."""
    with Path(source.location(found.path)).open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    with transaction.atomic():
        twin = File.objects.filter(project=source.project, sha256=sha256).first()
        mine = File.objects.filter(source=source, path=found.path).first()
        if twin is not None and twin != mine:
            raise _Twin(twin)
        Refusal.objects.filter(source=source, path=found.path).delete()
        fields = {**refusing.common(source, found), "kind": File.Kind.TEXT, "sha256": sha256}
        if mine is None:
            File.objects.create(**fields)
        else:
            File.objects.filter(pk=mine.pk).update(**fields)


def _refuse(source: Source, refusal: Refusal) -> None:
    with transaction.atomic():
        Refusal.objects.filter(source=source, path=refusal.path).delete()
        refusal.save()


# --- writing --------------------------------------------------------------------------------------


def _write(reading: TableReading, progress: jobs.Progress, until: float) -> None:
    """Write all rows that are not written yet. Raises OthersFirst now and then."""
    rows = itertools.islice(_pieces(reading), reading.done, None)
    for batch in _batches(rows):
        ingesting.check_disk()
        _write_batch(reading, batch, progress)
        progress(reading.done, reading.total, notice(WorkerCode.READING_ROWS))
        time.sleep(PAUSE)
        if time.monotonic() > until:
            raise OthersFirst(notice(WorkerCode.READING_GOES_ON))


def _pieces(reading: TableReading) -> Iterator[tuple[Piece, bool]]:
    """The rows of all tables one after the other, and whether the table was read before."""
    source, at = reading.source, 0
    for found in _files(reading):
        file = File.objects.get(source=source, path=found.path)
        is_again = file.samples.filter(shard__lt=reading.first_shard).exists()
        for row in layouts.taken(source, found.path):
            shard = reading.first_shard + _turn(at, reading.shards)
            piece = Piece(file, Sample.Part.ROW, float(row.number), None, row.text, shard, row.group, row.digest)
            yield piece, is_again
            at += 1


def _turn(at: int, shards: int) -> int:
    """Which shard a row goes to: of each `shards` rows one to each, turned by another number each time."""
    if shards <= 1:
        return 0
    block, place = divmod(at, shards)
    by = int.from_bytes(hashlib.blake2b(block.to_bytes(8, "big"), digest_size=8).digest(), "big")
    return (place + by) % shards


def _batches(rows: Iterator[tuple[Piece, bool]]) -> Iterator[list[tuple[Piece, bool]]]:
    """Rows that are written together: those of one table, for a reading once more goes by their order."""
    batch: list[tuple[Piece, bool]] = []
    size = 0
    for piece, is_again in rows:
        if batch and (len(batch) >= BATCH or size > BATCH_CHARACTERS or batch[0][0].file.pk != piece.file.pk):
            yield batch
            batch, size = [], 0
        batch.append((piece, is_again))
        size += len(piece.content)
    if batch:
        yield batch


def _write_batch(reading: TableReading, batch: list[tuple[Piece, bool]], progress: jobs.Progress) -> None:
    pieces = [piece for piece, _is_again in batch]
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                # Whoever was taken for dead leaves the rest to the worker that has the job now.
                mine = TableReading.objects.filter(pk=reading.pk, done=reading.done)
                if not mine.update(done=reading.done + len(batch)):
                    raise jobs.JobLost(str(progress.job))
                stays = reading.source.layout.get("keeps_rows", False)
                storing.store(reading.source.project, pieces, is_again=batch[0][1], keeps_rows=stays)
            break
        except IntegrityError:  # another import has written one of these texts in between: it is known now
            if attempt + 1 == ATTEMPTS:
                raise
    reading.done += len(batch)


# --- announcing -----------------------------------------------------------------------------------


def _announce(reading: TableReading, progress: jobs.Progress) -> None:
    """Tell of each shard that it is whole; of one once."""
    project, end = reading.source.project, reading.first_shard + reading.shards
    counts = Sample.objects.filter(project=project, shard__gte=reading.first_shard, shard__lt=end)
    counted = dict(counts.values_list("shard").annotate(n=Count("pk")))
    while reading.announced < reading.shards:
        shard = reading.first_shard + reading.announced
        with transaction.atomic():
            mine = TableReading.objects.filter(pk=reading.pk, announced=reading.announced)
            if not mine.update(announced=reading.announced + 1):
                raise jobs.JobLost(str(progress.job))
            if n := counted.get(shard, 0):
                shard_known.send(Sample, project=project, shard=shard, count=n)
        reading.announced += 1
        progress(reading.done, reading.total)
