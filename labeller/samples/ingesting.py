"""Ingest: from a folder to files, their samples, derivatives and refusals, in chunks that any worker can do."""

import datetime
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import stored
from labeller.projects.models import Project
from labeller.samples import (
    archives,
    bursts,
    documents,
    following,
    known,
    layouts,
    names,
    onlooking,
    refusing,
    scanning,
    storing,
    tables,
)
from labeller.samples.documents import Passage
from labeller.samples.known import Given
from labeller.samples.layouts import TextLayout
from labeller.samples.models import File, Refusal, Sample, Source
from labeller.samples.signals import shard_known
from labeller.samples.walking import Found
from tl_core.images import (
    Examined,
    ImageRefused,
    examine,
    write_derivatives,
)
from tl_core.notices import Notice, notice
from tl_core.store import files as files_on_disk
from tl_core.texts.reading.refusals import TextRefused

log = logging.getLogger(__name__)

SHARD_SIZE = 512  # samples a shard: one ingest job, one embedding job, one file of the embedding store
WRITE_ATTEMPTS = 5
DISK_FLOOR = 200_000_000  # bytes; below this no new files are written, so that labels still can be


class NoSpace(jobs.Postponed):
    """The disk is nearly full: work that writes files waits."""


def check_disk() -> None:
    """Raises NoSpace below the floor."""
    if (free := megabytes_free()) * 1_000_000 < DISK_FLOOR:
        raise NoSpace(notice(WorkerCode.LITTLE_SPACE, n=free, path=str(settings.DATA)))


def megabytes_free() -> int:
    """How much room there is for the site's own files."""
    return shutil.disk_usage(settings.DATA).free // 1_000_000


def add_source(
    project: Project,
    folder: Path | str,
    meaning: str = Source.Meaning.NOTHING,
    table: str = "",
    *,
    given: Given | None = None,
    layout: TextLayout | None = None,
) -> Source:
    """Take a folder, or the URL of one in an object store, into the project and start importing it.

    Into a project of texts, a table may be taken as well. The same folder again imports only what is new; labels and
    truth that are given then are applied as well.

    Raises FolderError where the folder or a table can't be used.
    """
    given = given or Given.of(meaning, table)
    has_texts = project.kind == Project.Kind.TEXT
    folder = scanning.tidy_folder(folder)
    taken = project.sources.filter(path=names.shown(folder)).first()
    if Source.everything.filter(project=project, path=names.shown(folder)).exclude(closing_at=None).exists():
        raise scanning.FolderError(_("This folder is being deleted from the project: wait until that is done."))
    follows = settings.FOLLOW_LINKS or (taken is not None and taken.follows_links)
    # A folder that was taken once stays usable wherever it lies.
    check = scanning.check_folder if taken is None else scanning.check_readable
    check(folder, follows_links=follows, may_be_file=has_texts)
    if has_texts:
        layouts.check(folder, layout or TextLayout())
    for each in given.tables():
        tables.read(each)
    with transaction.atomic():
        source, _is_new = Source.objects.get_or_create(project=project, path=names.shown(folder))
        given.store(source)
        if has_texts:
            (layout or TextLayout()).store(source, folder)
        if follows and not source.follows_links:
            Source.objects.filter(pk=source.pk).update(follows_links=True)
        ask_for_scan(source)
        # So that the network is loaded while the first files are looked at.
        jobs.enqueue("plan", key=f"project:{project.pk}", project=project)
    return source


def ask_for_scan(source: Source) -> None:
    """Have the folder looked through for what is new or has changed."""
    jobs.enqueue("scan", key=f"source:{source.pk}", project=source.project, payload={"source": source.pk})


Aside = Callable[[Source, list[Found]], list[Found]]


def scan(progress: jobs.Progress, aside: Aside = lambda source, files: files) -> None:
    """Find what is new or has changed, and cut it into ingest jobs of one shard each.

    `aside` is given new and changed files, and returns those that are to be cut so: it has seen to the others.
    """
    source = Source.objects.select_related("project").get(pk=progress.job.payload["source"])
    scanning.check_readable(
        source.folder,
        follows_links=source.follows_links,
        may_be_file=source.project.kind == Project.Kind.TEXT,
    )
    unfinished = Job.objects.filter(kind="ingest", key__startswith=f"source:{source.pk}:", state__in=Job.OPEN)
    underway = {path for job in unfinished for path, *_ in job.payload["files"]}
    problems = archives.unpack(source, progress, check_disk) if source.layout.get("is_archive") else []
    look = scanning.look(source, only=layouts.of_dataset(source), problems=problems)
    fresh, changed = ([found for found in files if found.path not in underway] for files in (look.fresh, look.changed))
    refusing.note_problems(source, look)
    # Where nothing moved, no content has to be known before the closer look.
    is_about = bool(look.gone or look.changed)
    with transaction.atomic():
        # Folders of one project may be looked through at the same moment: each needs shards of its own.
        Project.objects.select_for_update(no_key=True).get(pk=source.project_id)
        left = {found.path for found in aside(source, [*fresh, *changed])}
        fresh, changed = ([found for found in files if found.path in left] for files in (fresh, changed))
        shard = next_shard(source.project)
        shard = _cut(source, fresh, "shard", shard, moves=is_about)
        shard = _cut(source, changed, "changed", shard, moves=True)
        Project.objects.filter(pk=source.project_id).update(next_shard=shard)
        Source.objects.filter(pk=source.pk).update(
            left_out=dict(look.left_out), missing=len(look.gone), reader=scanning.READER
        )
    known.request(source)
    progress(0, 0, notice(WorkerCode.NEW_FILES, n=len(look.fresh)), now=True)


def _cut(source: Source, files: list[Found], stage: str, shard: int, *, moves: bool) -> int:
    """Queue the files, a shard at a time; returns the next free number of a shard."""
    for start in range(0, len(files), SHARD_SIZE):
        chunk = files[start : start + SHARD_SIZE]
        jobs.enqueue(
            "ingest",
            key=f"source:{source.pk}:{stage}:{shard}",
            project=source.project,
            total=len(chunk),
            payload={
                "source": source.pk,
                "shard": shard,
                "stage": stage,
                "moves": moves,
                "files": [[found.path, found.bytes, found.modified_ns] for found in chunk],
            },
        )
        shard += 1
    return shard


def next_shard(project: Project) -> int:
    """The first shard number that no import was given and no sample has; the project's row is locked."""
    used = Sample.objects.filter(project=project).aggregate(last=Max("shard"))["last"]
    given = Project.objects.values_list("next_shard", flat=True).get(pk=project.pk)
    return max(given, 0 if used is None else used + 1)


@dataclass(frozen=True)
class Outcome:
    """What became of one file: the fields of its row, or of a refusal. A document has passages, in its order."""

    found: Found
    fields: dict[str, Any] | None = None
    reason: str = ""
    detail: Notice | None = None
    passages: list[Passage] = field(default_factory=list)


def ingest(progress: jobs.Progress) -> None:
    """Decode, check, hash and derive one shard's files, then write all rows in one transaction."""
    payload = progress.job.payload
    stage = payload.get("stage", "shard")
    source = Source.objects.select_related("project").get(pk=payload["source"])
    following.wait_for_earlier(source, stage)
    files = [Found(*each) for each in payload["files"]]
    # A repeated attempt writes down each file before it touches it, so that the last one knows which killed the worker.
    careful = progress.job.attempts > 1
    is_shown = stage == "shard" and not careful and source.project.kind != Project.Kind.TEXT
    with onlooking.onlooker(source.project, payload["shard"]) if is_shown else nullcontext() as onlooker:
        outcomes, unexplained = _outcomes(progress, source, files, onlooker, careful=careful)
        if stage == "shard" and source.project.kind == Project.Kind.TEXT:
            documents.compare(source.project, [outcome.passages for outcome in outcomes])
        sync_pictures()
        if onlooker is not None:
            onlooker.keep()
        _write(source, payload["shard"], outcomes)
        if onlooker is not None and not Sample.objects.filter(project=source.project, shard=payload["shard"]).exists():
            onlooker.forget()
    _cut(source, unexplained, "edited", payload["shard"], moves=True)
    # After the commit: a job that ran in between would miss these. Killed before this line, the shard is done again.
    bursts.regroup(source.project, payload["shard"])
    known.request(source, amid_import=True)
    progress(len(files), len(files), now=True)


def _outcomes(
    progress: jobs.Progress,
    source: Source,
    files: list[Found],
    onlooker: onlooking.Onlooker | None,
    *,
    careful: bool,
) -> tuple[list[Outcome], list[Found]]:
    """What became of the files, and those that changed and no known content explains."""
    payload = progress.job.payload
    outcomes, unexplained = [], []
    suspect = progress.job.message
    for number, found in enumerate(files):
        in_hand = stored(notice(WorkerCode.DECODING, path=found.path), jobs.MESSAGE)
        progress(number, len(files), in_hand, now=careful)
        if progress.job.attempts == jobs.MAX_ATTEMPTS and in_hand == suspect:
            outcomes.append(Outcome(found, reason="crashed", detail=notice(WorkerCode.STOPPED_WORKER)))
            continue
        digest = following.known_content(source, found.path) if payload.get("moves") else None
        if digest:
            outcomes.append(Outcome(found, fields={"sha256": digest}))
        elif payload.get("stage") == "changed":
            unexplained.append(found)
        else:
            check_disk()
            outcomes.append(_looked_at(source, found, onlooker))
    return outcomes, unexplained


def _looked_at(source: Source, found: Found, onlooker: onlooking.Onlooker | None) -> Outcome:
    """What became of a file, whatever is odd about it: the others of its shard come in."""
    location = source.location(found.path)
    if isinstance(location, Path) and os.access(location, os.F_OK) and not os.access(location, os.R_OK):
        return Outcome(found, reason="no-permission", detail=notice(WorkerCode.NO_PERMISSION))
    try:
        return examine_file(source, found, onlooker)
    except (OSError, MemoryError, jobs.Postponed, SoftTimeLimitExceeded):
        raise  # the machine's trouble, not the file's
    except Exception as error:
        log.exception("%s could not be looked at", found.path)
        detail = notice(WorkerCode.NOT_LOOKED_AT, error=f"{type(error).__name__}: {error}")
        return Outcome(found, reason="failed", detail=detail)


def examine_file(source: Source, found: Found, onlooker: onlooking.Onlooker | None = None) -> Outcome:
    """Look at one file and write its derivatives; never raises for what is the file's own fault."""
    if source.project.kind == Project.Kind.TEXT:
        return _read_document(source, found)
    try:
        examined = examine(source.location(found.path), min_side=onlooker.min_side if onlooker else None)
    except ImageRefused as refused:
        return Outcome(found, reason=refused.reason, detail=refused.detail)
    if onlooker is not None:
        onlooker.see(examined)
    write_pictures(examined)
    taken_at = examined.taken_at.replace(tzinfo=datetime.UTC) if examined.taken_at else None
    return Outcome(
        found,
        fields={
            "sha256": examined.sha256,
            "width": examined.width,
            "height": examined.height,
            "taken_at": taken_at,
            "clock_time": taken_at,
            "notes": [asdict(note) for note in examined.notes],
        },
    )


def _read_document(source: Source, found: Found) -> Outcome:
    try:
        document = documents.read(source, found.path)
    except TextRefused as refused:
        return Outcome(found, reason=refused.reason, detail=refused.detail)
    notes = [asdict(note) for note in document.notes]
    fields = {"kind": File.Kind.TEXT, "sha256": document.sha256, "notes": notes}
    return Outcome(found, fields=fields, passages=document.passages)


def write_pictures(examined: Examined) -> None:
    """Write the small pictures that pages show, for good after `sync_pictures`. Raises NoSpace on a full disk."""
    with _having_space():
        write_derivatives(examined, settings.MEDIA)


def sync_pictures() -> None:
    """Have what `write_pictures` wrote survive a power cut. Raises NoSpace on a full disk."""
    with _having_space():
        files_on_disk.sync(settings.MEDIA)


@contextmanager
def _having_space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace(notice(WorkerCode.NO_SPACE, path=str(settings.DATA))) from error
        raise


def _write(source: Source, shard: int, outcomes: list[Outcome]) -> None:
    """Write a shard's files, a sample of each, and refusals; written again after a crash, it changes nothing.

    What the database won't take is halved until it is one file, which is refused by name.
    """
    hashes = [outcome.fields["sha256"] for outcome in outcomes if outcome.fields]
    gone = following.left(source.project, hashes)
    for attempt in range(WRITE_ATTEMPTS):
        try:
            with transaction.atomic():
                _write_rows(source, shard, outcomes, gone)
            return
        except (DatabaseError, ValueError) as error:  # ValueError: a text that can't be stored
            # Another worker may have imported the same content in between: seen as a duplicate next time.
            if _is_outage(error):
                raise
            refused = error
            if attempt + 1 == WRITE_ATTEMPTS or not isinstance(error, IntegrityError):
                break
    if len(outcomes) > 1:
        half = len(outcomes) // 2
        _write(source, shard, outcomes[:half])
        _write(source, shard, outcomes[half:])
        return
    (outcome,) = outcomes
    log.error("%s could not be stored: %s", outcome.found.path, refused)
    if outcome.fields is not None:
        detail = notice(WorkerCode.NOT_STORED, error=str(refused))
        _write(source, shard, [Outcome(outcome.found, reason="failed", detail=detail)])


def _is_outage(error: Exception) -> bool:
    """Whether the database is busy or away: that is no row's fault."""
    if isinstance(error, OperationalError):
        # PostgreSQL calls a row that is too large for an index operational as well (class 54: a limit of the program).
        return not str(getattr(error.__cause__, "sqlstate", "") or "").startswith("54")
    return not isinstance(error, IntegrityError | DataError | ValueError)


def _write_rows(source: Source, shard: int, outcomes: list[Outcome], gone: dict[int, following.Left]) -> None:
    hashes = [outcome.fields["sha256"] for outcome in outcomes if outcome.fields]
    rows = following.Rows(source, hashes, [outcome.found.path for outcome in outcomes], gone)
    files, refusals = [], []
    passages: dict[str, list[Passage]] = {}
    for outcome in outcomes:
        found, fields = outcome.found, outcome.fields
        if fields is None:
            refusals.append(refusing.refusal(source, found, outcome.reason, outcome.detail))
            continue
        twin, mine = rows.by_content.get(fields["sha256"]), rows.by_path.get(found.path)
        if twin is not None and twin == mine:
            rows.restamp(twin, found)
        elif twin is not None and rows.has_left(twin):
            rows.move(twin, found)
        elif twin is not None:
            refusals.append(
                refusing.refusal(source, found, "duplicate", notice(WorkerCode.SAME_CONTENT, path=twin.path), twin)
            )
        elif mine is not None:
            rows.edit(mine, found, fields)
            documents.write_again(mine, outcome.passages, shard)
        else:
            file = File(**{**fields, **refusing.common(source, found)})
            rows.by_content[fields["sha256"]] = file
            files.append(file)
            passages[found.path] = outcome.passages
    Refusal.objects.filter(source=source, path__in=[outcome.found.path for outcome in outcomes]).delete()
    File.objects.bulk_create(files)
    counts = _write_samples(source.project, shard, files, passages)
    Refusal.objects.bulk_create(refusals)
    rows.finish()
    for number, count in sorted(counts.items()):
        shard_known.send(Sample, project=source.project, shard=number, count=count)


def _write_samples(
    project: Project, shard: int, files: list[File], passages: dict[str, list[Passage]]
) -> Mapping[int, int]:
    """The samples of new files: of a picture the whole, of a document what it was cut into; how many by shard."""
    if project.kind != Project.Kind.TEXT:
        Sample.objects.bulk_create(Sample(project=project, file=file, shard=shard) for file in files)
        return {shard: len(files)} if files else {}
    cut = [(file, passage) for file in files for passage in passages[file.path]]
    shards = [shard, *_more_shards(project, -(-len(cut) // SHARD_SIZE) - 1)]
    # In turns: each shard has passages of all these documents.
    return storing.store(
        project, (passage.of(file, shards[at % len(shards)]) for at, (file, passage) in enumerate(cut))
    )


def _more_shards(project: Project, count: int) -> range:
    """So many shards that nobody else has; inside a transaction."""
    if count <= 0:
        return range(0)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    first = next_shard(project)
    Project.objects.filter(pk=project.pk).update(next_shard=first + count)
    return range(first, first + count)
