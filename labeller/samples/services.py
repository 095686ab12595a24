"""Ingest: from a folder to samples, derivatives and refusals, in chunks that any worker can do."""

import datetime
import errno
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from labeller.jobs import services as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples import bursts, known, scanning, tables
from labeller.samples.known import Given
from labeller.samples.models import Refusal, Sample, Source
from labeller.samples.scanning import Found
from labeller.samples.signals import shard_known
from tl_core.images import ImageRefused, derivative_path, derivative_sizes, examine, write_derivatives

SHARD_SIZE = 512  # samples a shard: one ingest job, one embedding job, one file of the embedding store
WRITE_ATTEMPTS = 5
SUSPECT = "decoding "  # what a job's message says before the path of the file in hand
DISK_FLOOR = 200_000_000  # bytes; below this no new files are written, so that labels still can be


class NoSpace(jobs.Postponed):
    """The disk is nearly full: work that writes files waits."""


def check_disk() -> None:
    """Raises NoSpace below the floor."""
    free = shutil.disk_usage(settings.DATA).free
    if free < DISK_FLOOR:
        raise NoSpace(f"Only {free // 1_000_000} MB are free at {settings.DATA}: make room, work goes on by itself.")


def add_source(
    project: Project,
    folder: Path | str,
    meaning: str = Source.Meaning.NOTHING,
    table: str = "",
    *,
    given: Given | None = None,
) -> Source:
    """Take a folder, or the URL of one in an object store, into the project and start importing it.

    The same folder again imports only what is new; labels and truth that are given then are applied as well.

    Raises FolderError where the folder or a table can't be used.
    """
    given = given or Given.of(meaning, table)
    folder = scanning.tidy_folder(folder)
    scanning.check_folder(folder)
    for each in given.tables():
        tables.read(each)
    with transaction.atomic():
        source, _ = Source.objects.get_or_create(project=project, path=str(folder))
        given.store(source)
        jobs.enqueue("scan", key=f"source:{source.pk}", project=project, payload={"source": source.pk})
        # So that the network is loaded while the first files are looked at.
        jobs.enqueue("plan", key=f"project:{project.pk}", project=project)
    return source


def scan(progress: jobs.Progress) -> None:
    """Find new files and cut them into ingest jobs of one shard each."""
    source = Source.objects.select_related("project").get(pk=progress.job.payload["source"])
    scanning.check_folder(source.path)
    unfinished = Job.objects.filter(
        kind="ingest", key__startswith=f"source:{source.pk}:", state__in=["queued", "running"]
    )
    underway = {path for job in unfinished for path, *_ in job.payload["files"]}
    files = [found for found in scanning.new_files(source) if found.path not in underway]
    with transaction.atomic():
        shard = _next_shard(source.project)
        for start in range(0, len(files), SHARD_SIZE):
            chunk = files[start : start + SHARD_SIZE]
            jobs.enqueue(
                "ingest",
                key=f"source:{source.pk}:shard:{shard}",
                project=source.project,
                total=len(chunk),
                payload={
                    "source": source.pk,
                    "shard": shard,
                    "files": [[found.path, found.bytes, found.modified_ns] for found in chunk],
                },
            )
            shard += 1
    known.request(source)
    progress(0, 0, f"{len(files)} new files", now=True)


def _next_shard(project: Project) -> int:
    """The first shard number no sample and no ingest job of the project has used."""
    used = Sample.objects.filter(project=project).aggregate(last=Max("shard"))["last"]
    keys = Job.objects.filter(project=project, kind="ingest").values_list("key", flat=True)
    given = [int(key.rsplit(":", 1)[1]) for key in keys]
    return max([-1 if used is None else used, *given]) + 1


@dataclass(frozen=True)
class Outcome:
    """What became of one file: the fields of a sample, or of a refusal."""

    found: Found
    sample: dict[str, Any] | None = None
    reason: str = ""
    detail: str = ""


def ingest(progress: jobs.Progress) -> None:
    """Decode, check, hash and derive one shard's files, then write all rows in one transaction."""
    payload = progress.job.payload
    source = Source.objects.select_related("project").get(pk=payload["source"])
    files = [Found(*each) for each in payload["files"]]
    outcomes = []
    # A repeated attempt writes down each file before it touches it, so that the last one knows which killed the worker.
    careful = progress.job.attempts > 1
    suspect = progress.job.message.removeprefix(SUSPECT)
    for number, found in enumerate(files):
        progress(number, len(files), f"{SUSPECT}{found.path}", now=careful)
        if progress.job.attempts == jobs.MAX_ATTEMPTS and found.path == suspect:
            outcomes.append(Outcome(found, reason="crashed", detail="Decoding this file stopped the worker."))
            continue
        check_disk()
        outcomes.append(examine_file(source, found))
    _write(source, payload["shard"], outcomes)
    # After the commit: a job that ran in between would miss these. Killed before this line, the shard is done again.
    bursts.regroup(source.project, payload["shard"])
    known.request(source, amid_import=True)
    progress(len(files), len(files), now=True)


def examine_file(source: Source, found: Found) -> Outcome:
    """Look at one file and write its derivatives; never raises for what is the file's own fault."""
    try:
        examined = examine(source.location(found.path))
    except ImageRefused as refused:
        return Outcome(found, reason=refused.reason, detail=refused.detail)
    try:
        write_derivatives(examined, settings.MEDIA)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace(f"No space left at {settings.DATA} while writing derivatives.") from error
        raise
    taken_at = examined.taken_at.replace(tzinfo=datetime.UTC) if examined.taken_at else None
    return Outcome(
        found,
        sample={
            "sha256": examined.sha256,
            "width": examined.width,
            "height": examined.height,
            "taken_at": taken_at,
            "notes": examined.notes,
        },
    )


def _write(source: Source, shard: int, outcomes: list[Outcome]) -> None:
    """Write a shard's samples and refusals; written again after a crash, it changes nothing."""
    for attempt in range(WRITE_ATTEMPTS):
        try:
            with transaction.atomic():
                _write_rows(source, shard, outcomes)
            return
        except IntegrityError:  # another worker imported the same content in between: seen as a duplicate next time
            if attempt + 1 == WRITE_ATTEMPTS:
                raise


def _write_rows(source: Source, shard: int, outcomes: list[Outcome]) -> None:
    hashes = [outcome.sample["sha256"] for outcome in outcomes if outcome.sample]
    kept = {each.sha256: each for each in Sample.objects.filter(project=source.project, sha256__in=hashes)}
    samples, refusals = [], []
    for outcome in outcomes:
        common = {
            "project": source.project,
            "source": source,
            "path": outcome.found.path,
            "bytes": outcome.found.bytes,
            "modified_ns": outcome.found.modified_ns,
        }
        twin = kept.get(outcome.sample["sha256"]) if outcome.sample else None
        if twin is not None and (twin.source_id, twin.path) == (source.pk, outcome.found.path):
            continue  # written by an earlier attempt
        if outcome.sample is None:
            refusals.append(Refusal(reason=outcome.reason, detail=outcome.detail[:500], **common))
        elif twin is not None:
            refusals.append(Refusal(reason="duplicate", detail=f"Same content as {twin}"[:500], twin=twin, **common))
        else:
            samples.append(Sample(shard=shard, **outcome.sample, **common))
            kept[outcome.sample["sha256"]] = samples[-1]
    paths = [outcome.found.path for outcome in outcomes]
    Refusal.objects.filter(source=source, path__in=paths).delete()
    Sample.objects.bulk_create(samples)
    Refusal.objects.bulk_create(refusals)
    if samples:
        shard_known.send(Sample, project=source.project, shard=shard, count=len(samples))


def derivative(sample: Sample, size: int) -> Path | None:
    """The file to serve when somebody asks for that long side."""
    if not sample.width or not sample.height:
        return None
    return derivative_path(settings.MEDIA, sample.sha256, size, derivative_sizes(sample.width, sample.height))
